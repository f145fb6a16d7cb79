//! A load test's bad input, and a short one against a server that is not there.

use insta::assert_snapshot;

use super::offline;

#[test]
fn numbers_out_of_bounds_are_refused_with_their_bounds() {
    let lab = offline();
    for (words, said) in [
        (
            "bench --ramp 60 --duration 60",
            "--ramp 60: it must be shorter than --duration 60",
        ),
        (
            "bench --rate 0",
            "--rate 0: it must be 0.01 to 100000 requests a second",
        ),
        (
            "bench --think 0",
            "--think 0: it must be 0.001 to 3600 seconds",
        ),
        ("bench --zipf NaN", "--zipf NaN: it must be 0 to 5"),
        (
            "bench --url http://127.0.0.1:9/v1 --token-file missing",
            "/missing",
        ),
    ] {
        lab.run(words).exits(1).says(said);
    }
    lab.run("bench --users 20001")
        .exits(64)
        .says("20001 is not in 1..=20000");
    lab.run("bench --duration 0").exits(64);
    lab.run("bench --rate 5 --think 1").exits(64);
    lab.run("bench --scenario recip").exits(64).says("recipe");
}

#[test]
fn a_url_needs_keys() {
    let lab = offline();
    assert_snapshot!(lab.run("bench --url http://127.0.0.1:9/v1").shown(), @"
    error: --url needs --token-file

    hint: put the keys into a file, one a line
    exit code 1
    ");
}

#[test]
fn a_server_that_is_not_there_is_all_errors_and_no_success() {
    let lab = offline();
    lab.run("bench --url http://127.0.0.1:9/v1 --token-file dsline.toml --users 2 --duration 1 --ramp 0 --plot p.svg")
        .exits(3)
        .says("no connection");
}
