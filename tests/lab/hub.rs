//! A receiver of all nodes' trails: a real rsyslog with TLS on this machine, which comes and goes.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::Duration;

use dsline::line::{Authority, LineSecret};
use jiff::Timestamp;
use serde_json::Value;

use super::story::{Story, name_server, profile, say, wait_until};
use super::support::SECRET;

const REGIONS: &str = "us-east-1,eu-west-1";
const LINE: &str = "t-hub";
/// This machine as nodes see it.
const ADDRESS: &str = "198.18.0.1";
const PORT: u16 = 2514;
/// The path of a chat, as the trail has it.
const PATH: &str = "/v1/chat/completions";
const LIMIT: Duration = Duration::from_mins(2);

/// rsyslog, which ends when this is dropped.
struct Hub {
    folder: PathBuf,
    process: Child,
}

impl Hub {
    /// Starts it: it takes lines only from who shows a certificate of the line's authority.
    fn start(story: &Story) -> Self {
        let folder = story.home().join("hub");
        fs::create_dir_all(&folder).unwrap();
        let line = LINE.parse().unwrap();
        let authority = Authority::new(&line, &LineSecret::parse(SECRET).unwrap());
        let own = authority.issue(&[ADDRESS.to_owned()], Timestamp::now());
        fs::write(folder.join("ca.pem"), authority.certificate_pem()).unwrap();
        fs::write(folder.join("chain.pem"), own.chain_pem).unwrap();
        fs::write(folder.join("key.pem"), own.key_pem.expose()).unwrap();
        let at = folder.display();
        let rules = format!(
            "global(workDirectory=\"{at}\" maxMessageSize=\"64k\")\n\
             module(load=\"imrelp\" tls.tlslib=\"openssl\")\n\
             template(name=\"raw\" type=\"string\" string=\"%rawmsg%\\n\")\n\
             input(type=\"imrelp\" address=\"{ADDRESS}\" port=\"{PORT}\" ruleset=\"hub\" maxDataSize=\"64k\" tls=\"on\" tls.authMode=\"certvalid\"\n\
             tls.caCert=\"{at}/ca.pem\" tls.myCert=\"{at}/chain.pem\" tls.myPrivKey=\"{at}/key.pem\")\n\
             ruleset(name=\"hub\") {{ action(type=\"omfile\" file=\"{at}/trail\" template=\"raw\") }}\n"
        );
        fs::write(folder.join("rsyslog.conf"), rules).unwrap();
        // It ends with this program, however that ends.
        let process = Command::new("setpriv")
            .args(["--pdeathsig", "TERM", "/usr/sbin/rsyslogd", "-n"])
            .arg("-f")
            .arg(folder.join("rsyslog.conf"))
            .arg("-i")
            .arg(folder.join("pid"))
            .stdout(fs::File::create(folder.join("log")).unwrap())
            .stderr(fs::File::create(folder.join("errors")).unwrap())
            .spawn()
            .expect("rsyslog is installed");
        Self { folder, process }
    }

    /// The ids of requests that it has written down.
    fn requests(&self) -> BTreeSet<String> {
        let trail = fs::read_to_string(self.folder.join("trail")).unwrap_or_default();
        let of = |line: &str| {
            let rest = line.split_once(" request_id=\"")?.1;
            Some(rest.split_once('"')?.0.to_owned())
        };
        let asked = trail
            .lines()
            .filter(|line| line.contains(" API_REQUEST ") && line.contains(PATH));
        asked.filter_map(of).collect()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn every_nodes_trail_reaches_the_hub_whatever_happens_to_it() {
    let story = Story::of(LINE, REGIONS).with_domain(REGIONS);
    let hub = Hub::start(&story);
    let rest = format!(
        "[dns]\nhost = \"llm.{LINE}.test\"\nresolver = \"{}\"\n\n[logs]\nforward = \"{ADDRESS}:{PORT}\"\nforward_ca = \"hub/ca.pem\"\n",
        name_server()
    );
    let text = profile(LINE, REGIONS, &rest);
    let story = story.with(|lab| lab.with_profile(&text));
    story.run("up --yes").exits(0);
    let ask = |count: usize| {
        for address in story.addresses().values() {
            for _ in 0..count {
                story.chat(address);
            }
        }
    };
    ask(5);
    wait_until("the hub has what was asked", LIMIT, || {
        hub.requests().len() == 10
    });
    // While it is away nodes serve on and write their own trail.
    drop(hub);
    ask(10);
    assert_eq!(
        known(&story).len(),
        30,
        "the nodes' own trail waits for nobody"
    );
    let hub = Hub::start(&story);
    wait_until("the hub has what it missed", LIMIT, || {
        hub.requests().len() == 30
    });
    assert_eq!(hub.requests(), known(&story));
    say(&story.run("logs verify").exits(0).to_string());
}

/// The ids of requests in the nodes' own trail.
fn known(story: &Story) -> BTreeSet<String> {
    super::story::pause();
    let ran = story.run("logs --json --since 1h").exits(0);
    let records = ran.stdout.lines();
    records
        .map(|line| serde_json::from_str::<Value>(line).unwrap())
        .filter(|record| record["kind"] == "API_REQUEST" && record["path"] == PATH)
        .map(|record| record["request_id"].as_str().unwrap().to_owned())
        .collect()
}
