//! Secrets that are missing, malformed, or open to others.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use insta::assert_snapshot;

use super::offline;
use super::support::SECRET;

const SECRET_FILE: &str = ".config/dsline/home.secret";

#[test]
fn a_missing_line_secret_says_how_to_get_one() {
    assert_snapshot!(offline().without_file(SECRET_FILE).run("plan").shown(), @"
    error: line `home` has no secret: [HOME]/.config/dsline/home.secret does not exist

    hint: a new line: run `dsline init`; a line that exists: bring its secret back from the backup, nothing else opens it
    exit code 1
    ");
}

#[test]
fn a_malformed_line_secret_is_refused_without_being_shown() {
    let ran = offline().with_secret("home", &SECRET[..60]).run("plan");
    assert!(!ran.has(&SECRET[..8]), "{ran}");
    assert_snapshot!(ran.shown(), @"
    error: the line secret of `home` cannot be used
      caused by: a line secret is 64 hexadecimal digits; this one has 60 characters

    hint: bring it back from its backup; for a new line, remove it and run `dsline init`
    exit code 1
    ");
}

#[test]
fn a_line_secret_that_others_can_read_is_refused() {
    let lab = offline();
    fs::set_permissions(
        lab.home().join(SECRET_FILE),
        fs::Permissions::from_mode(0o644),
    )
    .unwrap();
    assert_snapshot!(lab.run("plan").shown(), @"
    error: the line secret: [HOME]/.config/dsline/home.secret can be read by other users (mode 644)

    hint: run `chmod 600 [HOME]/.config/dsline/home.secret`
    exit code 1
    ");
}

#[test]
fn a_missing_upstream_key_names_its_variable() {
    assert_snapshot!(offline().without("DEEPSEEK_API_KEY").run("plan").shown(), @r#"
    error: the upstream's API key (upstream.key): the environment variable DEEPSEEK_API_KEY is not set

    hint: set it, or name another source for the upstream's API key (upstream.key) in the profile: { file = "..." } or { command = "..." }
    exit code 1
    "#);
}

#[test]
fn a_secret_command_that_fails_is_named_with_its_last_words() {
    let profile = "name = \"home\"\nsecret = { command = \"echo locked >&2; exit 3\" }\n";
    assert_snapshot!(offline().with_profile(profile).run("plan").shown(), @"
    error: the line secret: `echo locked >&2; exit 3` failed: locked
    exit code 1
    ");
}
