//! `init`: a profile and a line secret, made once.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use insta::assert_snapshot;

use super::offline;
use super::support::Lab;

fn beginner() -> Lab {
    offline()
        .without_file("dsline.toml")
        .without_file(".config/dsline/home.secret")
}

fn mode(path: &Path) -> u32 {
    path.metadata().unwrap().permissions().mode() & 0o777
}

#[test]
fn it_writes_a_profile_and_a_secret_that_only_its_owner_reads() {
    let lab = beginner();
    let ran =
        lab.run("init --yes --name home --regions eu-west-1,us-east-1 --host llm.example.com");
    assert_snapshot!(ran.shown(), @"
    wrote [HOME]/dsline.toml
    made the line secret [HOME]/.config/dsline/home.secret
    Back it up: every key of the line comes from it, and nobody can bring it back. A second
    operator, or a machine that runs dsline for you, needs a copy of that file.
    one t3.micro in each region costs $24.56 a month at on-demand price; `dsline plan` tells it item by item
    next: set DEEPSEEK_API_KEY and run `dsline plan`, then `dsline up`
    exit code 0
    ");
    assert_snapshot!(fs::read_to_string(lab.home().join("dsline.toml")).unwrap(), @r#"
    # A dsline profile; profiles/default.toml in the source describes every key.
    name = "home"
    regions = ["eu-west-1", "us-east-1"]

    [dns]
    host = "llm.example.com"

    [upstream]
    base_url = "https://api.deepseek.com"
    key = { env = "DEEPSEEK_API_KEY" }
    "#);
    let secret = lab.home().join(".config/dsline/home.secret");
    assert_eq!(mode(&secret), 0o600);
    let text = fs::read_to_string(&secret).unwrap();
    assert!(text.trim().len() == 64 && !ran.has(text.trim()), "{ran}");
    // What it wrote is taken by the other commands.
    lab.run("connect")
        .exits(0)
        .says("https://llm.example.com/v1/chat/completions");
}

#[test]
fn it_never_overwrites_a_profile() {
    let lab = offline();
    let before = fs::read_to_string(lab.home().join("dsline.toml")).unwrap();
    assert_snapshot!(lab.run("init --yes --name home").shown(), @"
    error: [HOME]/dsline.toml exists already, and a profile is never overwritten

    hint: name another file with --out, or edit that one
    exit code 1
    ");
    assert_eq!(
        fs::read_to_string(lab.home().join("dsline.toml")).unwrap(),
        before
    );
}

#[test]
fn it_never_replaces_a_secret() {
    let lab = offline();
    let secret = lab.home().join(".config/dsline/home.secret");
    let before = fs::read_to_string(&secret).unwrap();
    assert_snapshot!(lab.run("init --yes --name home --out second.toml").shown(), @"
    wrote [HOME]/second.toml
    kept the line secret [HOME]/.config/dsline/home.secret
    one t3.micro in each region costs $38.61 a month at on-demand price; `dsline plan` tells it item by item
    next: set DEEPSEEK_API_KEY and run `dsline plan`, then `dsline up`
    exit code 0
    ");
    assert_eq!(fs::read_to_string(&secret).unwrap(), before);
}

#[test]
fn without_a_terminal_it_asks_for_yes() {
    assert_snapshot!(beginner().run("init").shown(), @"
    error: there is no terminal to ask questions on

    hint: pass --yes, with --regions and --host as you like
    exit code 1
    ");
}

#[test]
fn a_host_that_is_none_is_refused_before_anything_is_written() {
    let lab = beginner();
    assert_snapshot!(lab.run("init --yes --host http://llm.example.com/").shown(), @"
    error: these choices make no valid profile
      caused by: line 6: `dns.host`: `http://llm.example.com/` is no host name: lower-case letters, digits, hyphens and inner dots only
    exit code 64
    ");
    assert!(!lab.home().join("dsline.toml").exists());
}
