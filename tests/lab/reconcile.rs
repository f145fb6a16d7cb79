//! The loop under load, beside dead nodes and without a network: it adds, repairs and takes away, or says why it does not.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::http::exchange;
use super::story::{Story, profile, say, sleep, upstream, wait_until};
use super::traffic::{Traffic, failures};

const REGION: &str = "us-east-1";
/// Fifty questions a second, each of which takes so long, are thirteen at a time: too many for one node's twelve permits.
const SLOW: &str = r#"{"latency_ms": 260}"#;
const USUAL: &str = r#"{"latency_ms": 0}"#;
/// A tenth of the usual 60 seconds, as the lab's clock wants it.
const TTL: Duration = Duration::from_secs(6);
/// A file of a node that its release is made of.
const FILE: &str = "/var/lib/dsline/current/nginx/nginx.conf";
const LIMIT: Duration = Duration::from_mins(5);

/// The upstream, slow until this is dropped.
struct Slow;

impl Slow {
    fn begin() -> Self {
        exchange(&upstream(), "POST /_lab/knobs", &[], SLOW);
        Self
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        exchange(&upstream(), "POST /_lab/knobs", &[], USUAL);
    }
}

/// A line that is up, with quick windows and what else its profile has.
fn line(name: &'static str, regions: &str, rest: &str) -> Story {
    let dns = format!(
        "[dns]\nhost = \"llm.{name}.test\"\nresolver = \"{}\"\nttl = {}\n\n\
         [quota]\nrequests_per_minute = 0\naddress_requests_per_minute = 0\naccount_permits = 24\n\n\
         [nginx]\nrequests_per_second = 1000\nburst = 1000\n\n\
         [scaling]\nout_window_seconds = 20\nin_window_seconds = 20\nout_pause_seconds = 10\nin_pause_seconds = 10\n{rest}",
        super::story::name_server(),
        TTL.as_secs()
    );
    let story = Story::of(name, regions).with_domain(regions);
    let story = story.with(|lab| lab.with_profile(&profile(name, regions, &dns)));
    say(&story.run("up --yes").exits(0).to_string());
    wait_until("status finds everything healthy", LIMIT, || {
        story.run("status").code == 0
    });
    story
}

/// A webhook that keeps what it is told, and answers that it failed.
struct Receiver {
    address: SocketAddr,
    serving: JoinHandle<Vec<Value>>,
}

impl Receiver {
    fn begin() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = thread::spawn(move || {
            let mut told = Vec::new();
            loop {
                let (mut stream, _) = listener.accept().unwrap();
                let Some(body) = request_body(&stream) else {
                    return told;
                };
                told.push(serde_json::from_str(&body).unwrap());
                let refusal = "HTTP/1.1 500 no\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                stream.write_all(refusal.as_bytes()).unwrap();
            }
        });
        Self { address, serving }
    }

    /// What it was told; a connection that asks nothing ends it.
    fn end(self) -> Vec<Value> {
        drop(TcpStream::connect(self.address).unwrap());
        self.serving.join().unwrap()
    }
}

fn request_body(stream: &TcpStream) -> Option<String> {
    let mut reader = BufReader::new(stream);
    let mut length = None;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 {
            return None;
        }
        let line = line.trim().to_lowercase();
        if let Some(told) = line.strip_prefix("content-length:") {
            length = Some(told.trim().parse().unwrap());
        }
        if line.is_empty() {
            break;
        }
    }
    let mut body = vec![0; length?];
    reader.read_exact(&mut body).unwrap();
    Some(String::from_utf8(body).unwrap())
}

/// The ticks that the loop has written down, oldest first.
pub(crate) fn ticks(story: &Story) -> Vec<Value> {
    let name = format!(".local/state/dsline/{}.decisions.jsonl", story.line);
    let text = fs::read_to_string(story.home().join(name)).unwrap_or_default();
    text.lines()
        .map(|line| serde_json::from_str(line).expect("a tick is JSON"))
        .collect()
}

fn change(tick: &Value) -> i64 {
    tick["decisions"][0]["change"].as_i64().unwrap_or_default()
}

fn nodes(story: &Story) -> usize {
    story.cloud.instances(story.line).len()
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn load_adds_a_node_within_two_ticks_and_its_end_takes_it_away_unnoticed() {
    let story = line("t-loop", REGION, "max_per_region = 2\n");
    let hook = story.home().join("told");
    let hooks = format!(
        "\n[hooks]\ncommand = [\"sh\", \"-c\", \"cat >>{0}; echo >>{0}\"]\n",
        hook.display()
    );
    let text = fs::read_to_string(story.home().join("dsline.toml")).unwrap() + &hooks;
    fs::write(story.home().join("dsline.toml"), text).unwrap();
    story.run("reconcile --once").exits(0).says("nothing to do");

    let slow = Slow::begin();
    let traffic = Traffic::of_many_questions(&story, TTL);
    sleep(Duration::from_secs(3));
    let before = ticks(&story).len();
    let running = story.begin("reconcile --interval 5s");
    wait_until("the loop has added a node", LIMIT, || {
        ticks(&story).iter().any(|tick| change(tick) == 1)
    });
    let added = ticks(&story).iter().position(|tick| change(tick) == 1);
    let added = added.expect("it was waited for") - before;
    say(&format!("   added in tick {}", added + 1));
    assert!(added < 2, "{:?}", ticks(&story));
    wait_until("DNS answers with both", LIMIT, || {
        let mut seen: Vec<String> = (0..12).flat_map(|_| story.ask("america")).collect();
        seen.sort();
        seen.dedup();
        seen.len() == 2
    });
    wait_until("everything is healthy", LIMIT, || {
        story.run("status").code == 0
    });
    sleep(Duration::from_secs(10));
    drop(slow);
    wait_until("the loop has taken it away", LIMIT, || {
        nodes(&story) == 1 && ticks(&story).iter().any(|tick| change(tick) == -1)
    });
    sleep(TTL);
    let requests = traffic.end();
    running.signal("TERM");
    say(&running.ends(LIMIT).exits(0).to_string());
    let failed = failures(&requests, Instant::now());
    assert_eq!(failed, [], "nobody noticed");
    let by_second =
        |one: &super::traffic::Request| one.outcome.as_ref().is_ok_and(|node| node.ends_with("/2"));
    let served = requests.iter().filter(|one| by_second(one)).count();
    assert!(served > 0, "the second node served nobody");
    let told: Vec<Value> = fs::read_to_string(hook)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let scalings = told.iter().filter(|one| one["kind"] == "scaling").count();
    assert_eq!(scalings, 2, "{told:?}");
    let log = format!(".local/state/dsline/{}.decisions.jsonl", story.line);
    story
        .run(&format!("replay --decisions {log}"))
        .exits(0)
        .says("decisions come out again");
    story.run("plan").exits(0);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_dead_node_is_replaced_and_drift_is_mended() {
    let story = line("t-mend", "us-east-1,eu-west-1", "");
    story
        .cloud
        .act(&format!("{}/eu-west-1/1", story.line), "off");
    say(&story.run("reconcile --once").exits(0).to_string());
    wait_until("status finds everything healthy", LIMIT, || {
        story.run("status").code == 0
    });
    one_tick_mends_drift(&story);
}

/// A file of a node that was changed by hand is put right by one tick of the loop.
pub(crate) fn one_tick_mends_drift(story: &Story) {
    story.on_nodes(REGION, &format!("echo '# by hand' >>{FILE}"));
    let ran = story.run("reconcile --once --json").exits(0);
    let tick = ran.json();
    say(&format!("   {}: {}", tick["ending"], tick["steps"]));
    assert_eq!(tick["ending"], "done");
    story.run("plan").exits(0);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn what_cloudwatch_says_of_the_cpu_counts_and_is_shown() {
    let story = line("t-cpu", REGION, "max_per_region = 2\n");
    let instances = story.cloud.instances(story.line);
    let id = instances[0]["instance"].as_str().unwrap();
    for (metric, value) in [("CPUUtilization", 9.5), ("CPUCreditBalance", 0.5)] {
        story.cloud.tell_metric(REGION, id, metric, value);
    }
    // CloudWatch is asked for what came before the second that has begun.
    sleep(Duration::from_secs(1));
    let ran = story.run("reconcile --once --dry-run").exits(2);
    say(&ran.to_string());
    ran.says("us-east-1/1: 0 % of its permits, 95 % of its CPU, and the larger counts; its CPU credits are gone");
    let ran = story.run("status --json").exits(0);
    let cpu = &ran.json()["nodes"][0]["cpu"];
    assert_eq!(
        (&cpu["percent"], &cpu["credits"]),
        (&json!(9.5), &json!(0.5))
    );
    // Without it the gateways' own figures are enough.
    story.cloud.fault(&super::cloud::refusal(
        "AccessDenied",
        "not allowed",
        &json!({ "service": "cloudwatch" }),
    ));
    let ran = story.run("reconcile --once").exits(0);
    ran.says("the CPU of")
        .says("is not known")
        .says("nothing to do");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn an_observer_that_is_cut_off_from_every_node_does_nothing() {
    an_observer_is_cut_off("t-cut", 3);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn an_observer_that_is_cut_off_from_every_node_does_nothing_ten_times() {
    an_observer_is_cut_off("t-cut-long", 10);
}

/// First from every node, for so many ticks, each of which waits for SSH until it gives up; then from AWS too.
fn an_observer_is_cut_off(name: &'static str, count: usize) {
    let regions = "us-east-1,eu-west-1";
    let story = line(name, regions, "");
    for region in regions.split(',') {
        story
            .cloud
            .act(&format!("{}/{region}/1", story.line), "cut");
    }
    let before = ids(&story);
    story.cloud.forget_calls();
    let running = story.begin("reconcile --interval 1s");
    wait_until("it has ticked so often", LIMIT, || {
        ticks(&story).len() >= count
    });
    running.signal("TERM");
    say(&running.ends(LIMIT).exits(0).to_string());
    // The signal may have come in the middle of one more.
    let held = ticks(&story);
    for tick in &held {
        assert_eq!(tick["ending"], "held", "{tick}");
        assert_eq!(tick["steps"], json!([]), "{tick}");
        let why = tick["why"].as_str().unwrap();
        assert!(
            why.contains("none of 2 running nodes can be reached"),
            "{why}"
        );
    }
    is_untouched(&story, &before);
    // Now AWS cannot be reached either, and who is told of it does not listen.
    let deaf = Receiver::begin();
    let hooks = format!(
        "\n[hooks]\nwebhook = \"http://{}/told\"\ncommand = [\"false\"]\n",
        deaf.address
    );
    let text = fs::read_to_string(story.home().join("dsline.toml")).unwrap() + &hooks;
    fs::write(story.home().join("dsline.toml"), text).unwrap();
    story.cloud.fault(
        &json!({ "action": "error", "code": "ServiceUnavailable", "status": 503, "message": "no" }),
    );
    let running = story.begin("reconcile --interval 1s");
    wait_until("it has failed so often", LIMIT, || {
        ticks(&story).len() >= held.len() + count
    });
    running.signal("TERM");
    say(&running.ends(LIMIT).exits(0).to_string());
    for tick in &ticks(&story)[held.len()..] {
        assert_eq!(tick["ending"], "failed", "{tick}");
        assert_eq!(tick["steps"], json!([]), "{tick}");
    }
    let told = deaf.end();
    assert!(told.len() >= count, "every failed tick is told: {told:?}");
    assert!(told.iter().all(|one| one["kind"] == "failed"), "{told:?}");
    story.cloud.mend();
    for region in regions.split(',') {
        story
            .cloud
            .act(&format!("{}/{region}/1", story.line), "mend");
    }
    is_untouched(&story, &before);
    wait_until("status finds everything healthy", LIMIT, || {
        story.run("status").code == 0
    });
    story.run("reconcile --once").exits(0).says("nothing to do");
}

fn ids(story: &Story) -> Vec<String> {
    let instances = story.cloud.instances(story.line);
    let ids = instances.iter().map(|one| one["id"].to_string());
    ids.collect()
}

fn is_untouched(story: &Story, before: &[String]) {
    assert_eq!(ids(story), before);
    let changing = [
        "RunInstances",
        "TerminateInstances",
        "ChangeResourceRecordSets",
    ];
    let made: Vec<Value> = story
        .cloud
        .calls()
        .into_iter()
        .filter(|call| changing.iter().any(|one| call["operation"] == *one))
        .collect();
    assert!(made.is_empty(), "{made:?}");
}
