//! No output shows a secret unless it was asked for by name.

use std::thread;

use insta::assert_snapshot;

use super::offline;
use super::support::{KEY, Ran, SECRET};

#[test]
fn no_output_shows_the_upstream_key_or_the_line_secret() {
    let lab = offline();
    let calls = [
        "plan",
        "plan --json",
        "up --yes --json",
        "status",
        "status --json",
        "render --out a",
        "render --out b --json",
        "render --out c --with-secrets",
        "connect",
        "connect --json",
        "connect --client react",
        "connect --client desktop --json",
        "cert ca",
    ];
    // Those that look for the account wait long for it, all at once.
    thread::scope(|scope| {
        for call in calls {
            scope.spawn(|| shows_no_secret(&lab.run(call)));
        }
    });
}

fn shows_no_secret(ran: &Ran) {
    for hidden in [KEY, SECRET, "PRIVATE KEY"] {
        assert!(!ran.has(hidden), "`{hidden}` is in the output of\n{ran}");
    }
}

#[test]
fn connect_shows_the_api_key_only_when_asked() {
    let lab = offline();
    let plain = lab.run("connect").exits(0);
    assert!(!plain.has("dsl-"), "{plain}");
    assert!(lab.run("connect --json").exits(0).json()["api_key"].is_null());
    let key = lab.run("connect --show-key --json").exits(0).json()["api_key"].clone();
    assert!(
        key.as_str()
            .is_some_and(|key| key.starts_with("dsl-") && key.len() == 44)
    );
    assert_snapshot!(plain.stdout, @r#"
    # the key: export DSLINE_API_KEY=$(dsline connect --show-key --json | jq -r .api_key)
    dsline cert ca > dsline-ca.pem
    curl --cacert dsline-ca.pem https://ADDRESS-OF-A-NODE/v1/chat/completions \
      -H "Authorization: Bearer $DSLINE_API_KEY" -H 'Content-Type: application/json' \
      -d '{"model": "deepseek-chat", "messages": [{"role": "user", "content": "Hello"}]}'
    "#);
}

#[test]
fn cert_ca_prints_one_certificate_and_always_the_same() {
    let lab = offline();
    let ran = lab.run("cert ca").exits(0);
    assert_eq!(ran.stdout.matches("BEGIN CERTIFICATE").count(), 1);
    assert_eq!(ran.stdout, lab.run("cert ca").stdout);
}
