//! A public certificate: got by `up`, renewed under traffic, replaced when it has ended, and no trace of its proof left.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde_json::Value;

use super::authority::Pebble;
use super::story::{Story, name_server, profile, say, sleep, wait_until};

const REGION: &str = "ap-northeast-2";
const NODE: &str = "ap-northeast-2/1";
const LINE: &str = "t-cert";
const YEAR: u64 = 365 * 86_400;
/// How long a certificate lasts that is to end in a story.
const SHORT: u64 = 25;
const SOON: Duration = Duration::from_secs(40);

#[test]
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
    wait_until("clients trust it", SOON, || {
        opens(&story, &pebble.root(), &address)
    });
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
    sleep(Duration::from_secs(SHORT));
    story.run("cert status").exits(3);
    assert!(
        !opens(&story, &brief.root(), &address),
        "it should have ended"
    );
    drop(brief);
    let pebble = Pebble::start(&story, YEAR);
    let story = signed_by(story, &pebble);
    let replaced = story
        .run("up --yes")
        .exits(0)
        .says("no node has one that holds");
    say(&replaced.to_string());
    assert!(opens(&story, &pebble.root(), &address));
    story.run("cert status").exits(0);
    assert!(!is_challenged(&story));
    drop(pebble);
    the_doctor_renews_one_that_has_ended(story);
}

fn the_doctor_renews_one_that_has_ended(story: Story) {
    let brief = Pebble::start(&story, SHORT);
    let story = signed_by(story, &brief);
    story.run("cert renew --yes").exits(0);
    sleep(Duration::from_secs(SHORT));
    drop(brief);
    let pebble = Pebble::start(&story, YEAR);
    let story = signed_by(story, &pebble);
    let ran = story.run("doctor").exits(2);
    ran.says("WRONG    certificate")
        .says("so clients refuse to connect")
        .says("`dsline doctor --fix` gets a new one and pushes it");
    say(&story.run("doctor --fix --yes").exits(0).to_string());
    let address = story.addresses()[NODE].clone();
    assert!(opens(&story, &pebble.root(), &address));
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

/// Whether somebody who trusts that root, and nobody else, is let in.
fn opens(story: &Story, root: &Path, address: &str) -> bool {
    let resolved = format!("llm.{LINE}.test:443:{address}");
    let url = format!("https://llm.{LINE}.test/healthz");
    let words = ["-s", "--noproxy", "*", "--max-time", "5", "--resolve"];
    let asked = std::process::Command::new("curl")
        .args(words)
        .args([&resolved, "--cacert"])
        .arg(root)
        .args(["-o", "/dev/null", "-w", "%{http_code}", &url])
        .current_dir(story.home())
        .output();
    asked.unwrap().stdout == b"200"
}

/// Does something while users ask, and insists that each of them was let in.
fn undisturbed<T>(story: &Story, root: &Path, address: &str, act: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let users = scope.spawn(|| {
            let (mut asked, mut refused) = (0, 0);
            while !is_over.load(Ordering::Relaxed) {
                asked += 1;
                refused += u32::from(!opens(story, root, address));
            }
            (asked, refused)
        });
        sleep(Duration::from_secs(1));
        let done = act();
        sleep(Duration::from_secs(1));
        is_over.store(true, Ordering::Relaxed);
        let (asked, refused) = users.join().unwrap();
        say(&format!("   {asked} asked, {refused} refused"));
        assert_eq!(refused, 0);
        done
    })
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
