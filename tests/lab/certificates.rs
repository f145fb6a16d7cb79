//! A public certificate: got by `up`, renewed under traffic, replaced when it has ended, and no trace of its proof left.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::authority::Pebble;
use super::story::{Story, name_server, profile, say, sleep, wait_until};

const REGION: &str = "ap-northeast-2";
const NODE: &str = "ap-northeast-2/1";
const LINE: &str = "t-cert";
const YEAR: u64 = 365 * 86_400;
/// How long a certificate lasts that is to end in a story; a push of it comes to its end meanwhile.
const SHORT: u64 = 60;
const SOON: Duration = Duration::from_mins(3);
/// Between two questions of a user: far from any limit.
const PAUSE: Duration = Duration::from_millis(50);
/// Questions before and after what users must not notice.
const SOME: u32 = 20;
const QUESTION: &str =
    r#"{"model": "deepseek-chat", "messages": [{"role": "user", "content": "Are you there?"}]}"#;

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_public_certificate_is_got_renewed_and_replaced() {
    let story = Story::of(LINE, REGION).with_domain(REGION);
    let pebble = Pebble::start(&story, YEAR);
    let story = signed_by(story, &pebble);
    story
        .run("up --yes")
        .exits(0)
        .says("get a certificate for llm.t-cert.test")
        .says("signed by Pebble Intermediate CA");
    let address = story.addresses()[NODE].clone();
    is_trusted(&story, &pebble, &address);
    assert!(!is_challenged(&story), "the proof is still there");
    let first = certificate(&story);
    assert_eq!(first["is_due"], false);
    story.run("up --yes").exits(0).says("nothing to do");
    assert_eq!(certificate(&story), first, "a look at it changed it");

    let root = pebble.root();
    let renewed = undisturbed(&story, &root, &address, || {
        story.run("cert renew --yes").exits(0)
    });
    say(&renewed.to_string());
    assert_ne!(certificate(&story)["until"], first["until"]);

    // Out of reach, the authority costs the line nothing that it has.
    drop(pebble);
    story
        .run("cert renew --yes")
        .exits(3)
        .says("the certificate authority at https://127.0.0.1:");
    story.run("up --yes").exits(0);

    let brief = Pebble::start(&story, SHORT);
    let story = signed_by(story, &brief);
    story.run("cert renew --yes").exits(0);
    has_ended(&story, &brief, &address);
    story.run("cert status").exits(3);
    drop(brief);
    let pebble = Pebble::start(&story, YEAR);
    let story = signed_by(story, &pebble);
    let replaced = story
        .run("up --yes")
        .exits(0)
        .says("no node has one that holds");
    say(&replaced.to_string());
    is_trusted(&story, &pebble, &address);
    story.run("cert status").exits(0);
    assert!(!is_challenged(&story));
    drop(pebble);
    the_doctor_renews_one_that_has_ended(story);
}

fn the_doctor_renews_one_that_has_ended(story: Story) {
    let brief = Pebble::start(&story, SHORT);
    let story = signed_by(story, &brief);
    story.run("cert renew --yes").exits(0);
    let address = story.addresses()[NODE].clone();
    has_ended(&story, &brief, &address);
    drop(brief);
    let pebble = Pebble::start(&story, YEAR);
    let story = signed_by(story, &pebble);
    let ran = story.run("doctor").exits(2);
    ran.says("WRONG    certificate")
        .says("so clients refuse to connect")
        .says("`dsline doctor --fix` gets a new one and pushes it");
    say(&story.run("doctor --fix --yes").exits(0).to_string());
    is_trusted(&story, &pebble, &address);
    story.run("doctor").exits(0);
}

fn signed_by(story: Story, pebble: &Pebble) -> Story {
    let rest = format!(
        "[dns]\nhost = \"llm.{LINE}.test\"\nresolver = \"{}\"\n\n{}\n\
         [quota]\nrequests_per_minute = 0\naddress_requests_per_minute = 0\n\n\
         [nginx]\nrequests_per_second = 1000\nburst = 1000\n",
        name_server(),
        pebble.section()
    );
    story.with(|lab| lab.with_profile(&profile(LINE, REGION, &rest)))
}

fn is_trusted(story: &Story, pebble: &Pebble, address: &str) {
    let root = pebble.root();
    wait_until("clients trust the certificate", SOON, || {
        ask(story, &root, address, &[], "healthz") == "200"
    });
}

fn has_ended(story: &Story, pebble: &Pebble, address: &str) {
    let root = pebble.root();
    wait_until(
        "clients refuse the certificate that has ended",
        SOON,
        || ask(story, &root, address, &[], "healthz").contains("has expired"),
    );
}

/// What came of a question over a connection of its own, by somebody who trusts that root and nobody else: the status of the
/// answer, or 000 and what was wrong with the connection or the certificate.
fn ask(story: &Story, root: &Path, address: &str, with: &[&str], path: &str) -> String {
    let resolved = format!("llm.{LINE}.test:443:{address}");
    let asked = Command::new("curl")
        .args(["-s", "--noproxy", "*", "--max-time", "30", "--cacert"])
        .arg(root)
        .args(["--resolve", &resolved, "-o", "/dev/null"])
        .args(["-w", "%{http_code} %{errormsg}"])
        .args(with)
        .arg(format!("https://llm.{LINE}.test/{path}"))
        .current_dir(story.home())
        .output();
    let said = String::from_utf8_lossy(&asked.unwrap().stdout).into_owned();
    said.trim().to_owned()
}

/// Does something while users ask, and insists that each of them trusted the node and was answered by its gateway.
fn undisturbed<T>(story: &Story, root: &Path, address: &str, act: impl FnOnce() -> T) -> T {
    let connection = story.run("connect --show-key --json").exits(0).json();
    let key = connection["api_key"].as_str().expect("a key");
    let header = format!("Authorization: Bearer {key}");
    std::fs::write(story.home().join("key"), header).unwrap();
    let (is_over, count) = (AtomicBool::new(false), AtomicU32::new(0));
    std::thread::scope(|scope| {
        let users = scope.spawn(|| {
            let mut answers: BTreeMap<String, u32> = BTreeMap::new();
            let json = "Content-Type: application/json";
            let with = ["-H", "@key", "-H", json, "--data", QUESTION];
            while !is_over.load(Ordering::Relaxed) {
                let answer = ask(story, root, address, &with, "v1/chat/completions");
                *answers.entry(answer).or_default() += 1;
                count.fetch_add(1, Ordering::Relaxed);
                sleep(PAUSE);
            }
            answers
        });
        let _end = End(&is_over);
        let some_more = || {
            let before = count.load(Ordering::Relaxed);
            wait_until("users have asked some more", SOON, || {
                count.load(Ordering::Relaxed) >= before + SOME
            });
        };
        some_more();
        let done = act();
        some_more();
        is_over.store(true, Ordering::Relaxed);
        let answers = users.join().unwrap();
        say(&format!("   answers: {answers:?}"));
        assert!(
            answers.keys().eq(["200"]),
            "users were disturbed: {answers:?}"
        );
        done
    })
}

/// Users end with it, however that comes: the scope would wait for them.
struct End<'a>(&'a AtomicBool);

impl Drop for End<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn certificate(story: &Story) -> Value {
    let all = story.run("cert status --json").exits(0).json();
    all[0].clone()
}

/// Whether something stands where authorities look.
fn is_challenged(story: &Story) -> bool {
    let records = story.cloud.records(story.zone());
    records.contains("_acme-challenge")
}
