//! Chaos: one random thing after the other happens to a line that the loop keeps, and every one is mended.

use std::collections::BTreeSet;
use std::fmt;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use serde_json::json;

use super::cloud::{Cloud, refusal};
use super::reconcile::ticks;
use super::story::{Story, name_server, profile, say, sleep, wait_until};
use super::support::{Running, variable};
use super::traffic::Traffic;

const REGIONS: [&str; 3] = ["us-east-1", "ap-southeast-1", "eu-west-1"];
/// A tenth of the usual 60 seconds, as the lab's clock wants it.
const TTL: Duration = Duration::from_secs(6);
const LOOP: &str = "reconcile --interval 5s";
const LIMIT: Duration = Duration::from_mins(5);
/// How long AWS stays as it was made: some ticks.
const WEATHER: Duration = Duration::from_secs(15);
/// Four nodes cost so much and five do not.
const BUDGET: &str = "[budget]\nmonth_usd = 58\n";
/// One more than the line has: a node is replaced before it goes.
const MOST_NODES: usize = 4;
const SEED: u64 = 20_261_123;
const FILE: &str = "/var/lib/dsline/current/nginx/nginx.conf";

/// What can happen.
#[derive(Clone, Copy, Debug)]
enum Event {
    NodeOff,
    NodePaused,
    FileEdited,
    GatewayKilled,
    ServiceStopped,
    RecordDeleted,
    GroupOpened,
    ApiThrottled,
    ApiRefused,
    MetricsMissing,
    LoopKilled,
}

const EVENTS: [Event; 11] = [
    Event::NodeOff,
    Event::NodePaused,
    Event::FileEdited,
    Event::GatewayKilled,
    Event::ServiceStopped,
    Event::RecordDeleted,
    Event::GroupOpened,
    Event::ApiThrottled,
    Event::ApiRefused,
    Event::MetricsMissing,
    Event::LoopKilled,
];

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::NodeOff => "node switched off",
            Self::NodePaused => "node frozen",
            Self::FileEdited => "file edited",
            Self::GatewayKilled => "gateway killed",
            Self::ServiceStopped => "Redis stopped",
            Self::RecordDeleted => "record deleted",
            Self::GroupOpened => "security group opened",
            Self::ApiThrottled => "AWS throttles",
            Self::ApiRefused => "AWS refuses",
            Self::MetricsMissing => "CloudWatch refuses",
            Self::LoopKilled => "loop killed",
        })
    }
}

/// Thirty events are what half an hour of a minute each has; the next comes when the last is mended.
#[test]
#[ignore = "ten minutes"]
fn whatever_happens_the_loop_mends_it() {
    let many = variable("DSLINE_CHAOS").map_or(30, |text| text.parse().expect("a number"));
    let regions = REGIONS.join(",");
    let story = line(&regions);
    let mut chance = Chance(SEED);
    let watch = Watch::begin(story.line);
    let users = Traffic::begin(&story, TTL);
    let mut keeper = story.begin(LOOP);
    let mut table = Vec::new();
    let mut order: Vec<Event> = Vec::new();
    for number in 1..=many {
        if order.is_empty() {
            order = EVENTS.to_vec();
            chance.shuffle(&mut order);
        }
        let event = order.pop().expect("it was filled");
        let region = REGIONS[chance.below(REGIONS.len())];
        let before = ticks(&story).len();
        let begun = Instant::now();
        say(&format!("-- {number}: {event} ({region})"));
        keeper = happen(&story, event, region, keeper);
        wait_until("it is mended", LIMIT, || is_well(&story));
        let took = begun.elapsed().as_secs_f32();
        table.push(format!(
            "{number:>3}  {event:<22} {region:<15} {took:>6.1} s  {} ticks",
            ticks(&story).len() - before
        ));
    }
    keeper.signal("TERM");
    say(&keeper.ends(LIMIT).exits(0).to_string());
    let requests = users.end();
    let failed = requests.iter().filter(|one| one.outcome.is_err()).count();
    let seen = watch.end();
    say(&format!(
        "{}\n{failed} of {} requests failed, of users who know each answer for {} s; fewest healthy nodes {}, most nodes {}",
        table.join("\n"),
        requests.len(),
        TTL.as_secs(),
        seen.fewest_healthy,
        seen.most_nodes
    ));
    assert!(
        seen.fewest_healthy >= 1,
        "there was a moment without a node"
    );
    assert!(seen.most_nodes <= MOST_NODES, "there were too many nodes");
    story.run("plan").exits(0);
}

/// A line in three regions that is up.
fn line(regions: &str) -> Story {
    let story = Story::of("t-chaos", regions).with_domain(regions);
    let rest = format!(
        "[dns]\nhost = \"llm.t-chaos.test\"\nresolver = \"{}\"\nttl = {}\n\n[lock]\nttl_seconds = 15\n\n{BUDGET}\n\
         [quota]\nrequests_per_minute = 0\naddress_requests_per_minute = 0\n\n[nginx]\nrequests_per_second = 1000\nburst = 1000\n",
        name_server(),
        TTL.as_secs()
    );
    let text = profile("t-chaos", regions, &rest);
    let story = story.with(|lab| lab.with_profile(&text));
    say(&story.run("up --yes").exits(0).to_string());
    wait_until("status finds everything healthy", LIMIT, || is_well(&story));
    story
}

fn is_well(story: &Story) -> bool {
    story.run("status").code == 0 && story.run("plan").code == 0
}

/// Lets an event happen, and returns the loop that goes on after it.
fn happen(story: &Story, event: Event, region: &str, keeper: Running) -> Running {
    let node = format!("{}/{region}/1", story.line);
    let slot = format!("{region}/1");
    let on_node = |script: &str| {
        story.on_nodes(&slot, script);
    };
    match event {
        Event::NodeOff => story.cloud.act(&node, "off"),
        Event::NodePaused => story.cloud.act(&node, "pause"),
        Event::FileEdited => on_node(&format!("echo '# by hand' >>{FILE}")),
        Event::GatewayKilled => {
            on_node("docker kill $(docker ps -q)");
        }
        Event::ServiceStopped => on_node("systemctl stop redis-server"),
        Event::RecordDeleted => delete_a_record(story),
        Event::GroupOpened => open_the_group(&story.cloud, story.line, region),
        Event::ApiThrottled => {
            weather(
                story,
                "Throttling",
                "Rate exceeded",
                &json!({"probability": 0.5}),
            );
        }
        Event::ApiRefused => weather(
            story,
            "UnauthorizedOperation",
            "You are not authorized to perform this operation.",
            &json!({}),
        ),
        Event::MetricsMissing => weather(
            story,
            "InternalServiceFault",
            "no",
            &json!({"service": "cloudwatch"}),
        ),
        Event::LoopKilled => {
            keeper.kill();
            return story.begin(LOOP);
        }
    }
    keeper
}

fn weather(story: &Story, code: &str, message: &str, rest: &serde_json::Value) {
    story.cloud.fault(&refusal(code, message, rest));
    sleep(WEATHER);
    story.cloud.mend();
}

/// Deletes a record by which a continent is led to its region.
fn delete_a_record(story: &Story) {
    let records = story.cloud.records(story.zone());
    let sets = records.split("<ResourceRecordSet>").skip(1);
    let set = sets
        .map(|set| set.split("</ResourceRecordSet>").next().expect("it ends"))
        .find(|set| set.contains("<GeoLocation>") && set.contains("<ContinentCode>"))
        .expect("a continent has a record");
    story.cloud.delete_record(story.zone(), set);
}

fn open_the_group(cloud: &Cloud, line: &str, region: &str) {
    let found = cloud.ec2(
        region,
        &format!(
            "Action=DescribeSecurityGroups&Filter.1.Name=tag:dsline:line&Filter.1.Value.1={line}"
        ),
    );
    let id = found
        .split_once("<groupId>")
        .and_then(|(_, rest)| rest.split_once("</groupId>"))
        .expect("the line has a group")
        .0;
    cloud.ec2(
        region,
        &format!(
            "Action=AuthorizeSecurityGroupIngress&GroupId={id}&IpPermissions.1.IpProtocol=tcp&IpPermissions.1.FromPort=6379\
             &IpPermissions.1.ToPort=6379&IpPermissions.1.IpRanges.1.CidrIp=0.0.0.0/0"
        ),
    );
}

/// What somebody sees who looks at the line four times a second.
#[derive(Clone, Copy, Debug)]
struct Seen {
    fewest_healthy: usize,
    most_nodes: usize,
}

struct Watch {
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Seen>>,
    thread: JoinHandle<()>,
}

impl Watch {
    fn begin(line: &'static str) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::new(Mutex::new(Seen {
            fewest_healthy: usize::MAX,
            most_nodes: 0,
        }));
        let (is_over, shared) = (Arc::clone(&stop), Arc::clone(&seen));
        let look = move || {
            let cloud = Cloud::connect();
            while !is_over.load(Ordering::Relaxed) {
                let there = cloud.instances(line);
                let paid = there
                    .iter()
                    .filter(|one| one["state"] == "running" || one["state"] == "pending");
                let healthy: BTreeSet<&str> = there
                    .iter()
                    .filter_map(|one| one["address"].as_str())
                    .filter(|address| is_healthy(address))
                    .collect();
                let mut seen = shared.lock().unwrap();
                seen.most_nodes = seen.most_nodes.max(paid.count());
                seen.fewest_healthy = seen.fewest_healthy.min(healthy.len());
                drop(seen);
                sleep(Duration::from_millis(250));
            }
        };
        Self {
            stop,
            seen,
            thread: std::thread::spawn(look),
        }
    }

    fn end(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("looking does not panic");
        *self.seen.lock().unwrap()
    }
}

/// Whether a node says on port 80 that it is well.
fn is_healthy(address: &str) -> bool {
    let ask = || -> std::io::Result<String> {
        let door = format!("{address}:80").parse().expect("an address");
        let mut stream = TcpStream::connect_timeout(&door, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n")?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(String::from_utf8_lossy(&status).into_owned())
    };
    ask().is_ok_and(|status| status == "HTTP/1.1 200")
}

/// Seeded, so that a run can be repeated: Knuth's generator.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits fit") % limit
    }

    fn shuffle<T>(&mut self, all: &mut [T]) {
        for last in (1..all.len()).rev() {
            let other = self.below(last + 1);
            all.swap(last, other);
        }
    }
}
