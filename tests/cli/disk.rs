//! The operator's disk is full: nothing half-written stays, and the message says where.
//!
//! A limit on the size of files stands for the disk: it needs no root, and a write meets it in the same way.

use std::fs;

use insta::assert_snapshot;

use super::offline;
use super::support::{Lab, Ran};

/// Runs `dsline` in a shell that prepares something first.
fn run_after(lab: &Lab, preparation: &str, words: &str) -> Ran {
    lab.run_in_shell(&format!("{preparation}; exec \"$0\" {words}"))
}

/// No file may be longer than so many blocks of half a KiB; the signal that says so is not wanted.
fn limited(blocks: u32) -> String {
    format!("trap '' XFSZ; ulimit -f {blocks}")
}

fn files(lab: &Lab) -> Vec<String> {
    let entries = fs::read_dir(lab.home()).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn init_leaves_nothing_half_written() {
    let lab = offline()
        .without_file("dsline.toml")
        .without_file(".config/dsline/home.secret");
    let before = files(&lab);
    let ran = run_after(&lab, &limited(0), "init --yes --name home");
    assert_snapshot!(ran.shown(), @"
    error: cannot write [HOME]/.config/dsline/home.secret; nothing of it is left
      caused by: File too large (os error 27)

    hint: see whether the disk has room (`df -h [HOME]/.config/dsline`) and the folder is yours, then repeat the command
    exit code 1
    ");
    assert_eq!(files(&lab), before);
    let kept = fs::read_dir(lab.home().join(".config/dsline")).unwrap();
    assert_eq!(kept.count(), 0);
    // With room again the same command ends what it began.
    lab.run("init --yes --name home").exits(0);
}

#[test]
fn render_leaves_the_folder_as_it_was() {
    let lab = offline();
    let ran = run_after(&lab, &limited(2), "render --out tree");
    assert_snapshot!(ran.shown(), @"
    error: cannot write [HOME]/tree/gateway/compose.yaml; the folder is as it was before
      caused by: File too large (os error 27)

    hint: see whether the disk has room (`df -h [HOME]`) and the folder is yours, then repeat the command
    exit code 1
    ");
    assert!(!lab.home().join("tree").exists());
    fs::create_dir(lab.home().join("tree")).unwrap();
    run_after(&lab, &limited(2), "render --out tree").exits(1);
    assert_eq!(fs::read_dir(lab.home().join("tree")).unwrap().count(), 0);
    lab.run("render --out tree").exits(0);
}

#[test]
fn what_does_not_reach_stdout_is_an_error() {
    let lab = offline();
    let ran = lab.run_in_shell("\"$0\" cert ca >/dev/full");
    assert_snapshot!(ran.shown(), @"
    error: what was asked for could not be written to stdout
      caused by: No space left on device (os error 28)
    exit code 1
    ");
    // A reader that has had enough is none.
    lab.run_in_shell("\"$0\" help | head -n 1").exits(0);
}
