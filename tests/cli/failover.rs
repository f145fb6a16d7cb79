//! `dsline failover`: words that do not go together, and regions that are not the line's.

use insta::assert_snapshot;

use super::offline;

#[test]
fn a_region_of_another_line_is_refused_with_those_there_are() {
    assert_snapshot!(offline().run("failover eu-west-1").shown(), @"
    error: line `home` is not in eu-west-1

    hint: its regions are us-east-1
    exit code 1
    ");
}

#[test]
fn words_that_do_not_go_together_are_wrong_usage() {
    for words in [
        "",
        "mars-1",
        "us-east-1 --restore --drill",
        "us-east-1 --restore --to eu-west-1",
        "us-east-1 --restore --force",
        "us-east-1 --crash",
        "us-east-1 --drill --yes",
    ] {
        offline().run(&format!("failover {words}")).exits(64);
    }
}
