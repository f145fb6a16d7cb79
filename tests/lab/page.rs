//! The web example in a browser, against a line: a token for a visitor, and what the browser sees of it.

use std::net::TcpListener;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::story::{Story, name_server, profile, say, sleep, upstream};

const LINE: &str = "t-page";
const REGION: &str = "us-east-1";
/// The shortest that a token can be valid, and by how much clocks may differ.
const SHORT: Duration = Duration::from_secs(60 + 30);

#[test]
#[ignore = "needs Chromium: tests/run.sh --full"]
fn a_visitor_of_the_web_example_is_served() {
    let door = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = door.local_addr().unwrap().port();
    drop(door);
    let rest = format!(
        "[dns]\nhost = \"llm.{LINE}.test\"\nresolver = \"{}\"\n\n[cors]\norigins = [\"http://127.0.0.1:{port}\"]\n",
        name_server()
    );
    let story = Story::of(LINE, REGION).with_domain(REGION);
    let story = story.with(|lab| lab.with_profile(&profile(LINE, REGION, &rest)));
    story.run("up --yes").exits(0);
    let token = |valid: &str| {
        let words = format!("token issue --for visitor --json --valid {valid}");
        let issued = story.run(&words).exits(0).json();
        issued["token"].as_str().expect("a token").to_owned()
    };
    let expired = token("1m");
    let begun = Instant::now();
    let address = story.ask("america").remove(0);
    sleep(SHORT.saturating_sub(begun.elapsed()) + Duration::from_secs(5));
    let flags = json!([
        format!("--host-resolver-rules=MAP llm.{LINE}.test {address}"),
        format!(
            "--ignore-certificate-errors-spki-list={}",
            public_key(&story)
        ),
    ]);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/web/run.sh");
    let seen = Command::new("bash")
        .arg(script)
        .arg("--line")
        .env("STAGE_BASE", format!("https://llm.{LINE}.test/v1"))
        .env("STAGE_PAGE_PORT", port.to_string())
        .env("STAGE_BROWSER", Value::to_string(&flags))
        .env("STAGE_UPSTREAM", format!("http://{}", upstream()))
        .env("STAGE_TOKEN", token("1h"))
        .env("STAGE_EXPIRED", expired)
        .output()
        .expect("bash is there");
    let told = String::from_utf8_lossy(&seen.stdout);
    say(&told);
    let fault = String::from_utf8_lossy(&seen.stderr);
    assert!(seen.status.success(), "{told}{fault}");
}

/// The digest of the authority's public key, by which the browser knows whom to trust.
fn public_key(story: &Story) -> String {
    std::fs::write(
        story.home().join("ca.pem"),
        story.run("cert ca").exits(0).stdout,
    )
    .unwrap();
    let script = "openssl x509 -in ca.pem -pubkey -noout | openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64";
    story.call("sh", &["-c", script]).trim().to_owned()
}
