//! A line belongs to whoever holds its secret.

use insta::assert_snapshot;

use super::story::Story;

/// A line that was made with another secret: its group says so.
fn anothers(line: &'static str) -> Story {
    let story = Story::of(line, "us-east-1");
    story
        .cloud
        .create_group("us-east-1", line, "0123456789abcdef");
    story
}

#[test]
fn a_line_made_with_another_secret_is_refused() {
    let story = anothers("t-wrong");
    assert_snapshot!(story.run("plan").shown(), @"
    error: the line secret is not the one this line was made with ([GROUP] carries another fingerprint)

    hint: restore this line's own secret from its backup, or choose another `name` for a new line
    exit code 5
    ");
    story.run("up --yes").exits(5);
}

#[test]
fn a_lost_secret_does_not_make_a_second_line() {
    let story = anothers("t-lost").with(|lab| lab.without_file(".config/dsline/t-lost.secret"));
    assert_snapshot!(story.run("up --yes").shown(), @"
    error: line `t-lost` has no secret: [HOME]/.config/dsline/t-lost.secret does not exist

    hint: a new line: run `dsline init`; a line that exists: bring its secret back from the backup, nothing else opens it
    exit code 1
    ");
}

#[test]
fn a_teardown_of_anothers_line_needs_force() {
    let story = anothers("t-anothers");
    story
        .run("teardown --yes")
        .exits(5)
        .says("carries another fingerprint");
    story.run("teardown --yes --force").exits(0);
}
