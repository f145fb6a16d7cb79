//! `token`: made without asking anybody, taken back without ever standing in an argument.

use insta::assert_snapshot;

use super::offline;
use super::support::SECRET;

#[test]
fn a_token_is_made_offline_and_shown_once() {
    let ran = offline()
        .run("token issue --for alice --valid 12h")
        .exits(0);
    assert_eq!(ran.stdout.trim().split('.').count(), 3, "{ran}");
    assert!(ran.stderr.contains("for `alice`, valid until"), "{ran}");
    assert!(!ran.has(SECRET));
    let other = offline().run("token issue --for alice --json").exits(0);
    let document = other.json();
    assert_eq!(document["id"].as_str().map(str::len), Some(32));
    assert_ne!(document["token"].as_str(), Some(ran.stdout.trim()));
}

#[test]
fn odd_lifetimes_and_names_are_refused() {
    let lab = offline();
    lab.run("token issue --for alice --valid 3y").exits(64);
    lab.run_words(&["token", "issue", "--for", ""]).exits(1);
}

#[test]
fn a_token_does_not_belong_into_the_arguments() {
    let ran = offline()
        .run("token revoke eyJhbGciOiJub25lIn0.e30.c2ln")
        .exits(1);
    assert_snapshot!(ran.stderr, @r"
    error: a token does not belong into the arguments

    hint: name it by its id, or pipe it in: `dsline token revoke - < FILE`
    ");
}
