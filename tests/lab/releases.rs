//! Releases: broken ones leave the old one serving, unconfirmed ones go back by themselves, a rollback takes seconds.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::story::{Story, profile, say, sleep, wait_until};

const REGION: &str = "eu-west-1";
const NODE: &str = "eu-west-1/1";
const REGIONS: &str = "ap-southeast-1,eu-west-1,us-east-1";
/// How long a node of these stories waits for a confirmation.
const WINDOW: u32 = 12;
/// How long a dead command keeps the lock of these lines, in seconds: the next one waits for it.
const LOCK: u32 = 15;
/// Commands end within this time.
const LINE: Duration = Duration::from_mins(5);

impl Story {
    /// Wants other numbers in nginx's files, so that there is something to push; users of one address ask often.
    fn wants(&self, regions: &str, requests_per_second: u32) {
        let rest = format!(
            "[nginx]\nrequests_per_second = {requests_per_second}\n[quota]\nrequests_per_minute = 100000\n\
             address_requests_per_minute = 100000\n[push]\nconfirm_seconds = {WINDOW}\n\
             [lock]\nttl_seconds = {LOCK}\n"
        );
        let text = profile(self.line, regions, &rest);
        std::fs::write(self.home().join("dsline.toml"), text).unwrap();
    }

    /// Each node's live release and the state of its newest.
    fn releases(&self) -> BTreeMap<String, (u64, String)> {
        let all = self.run("releases --json").exits(0).json();
        let of = |node: &Value| {
            let name = node["node"].as_str().unwrap().to_owned();
            let state = &node["releases"][0]["state"];
            let live = node["live"].as_u64().unwrap_or_default();
            let is_pending = !node["pending"].is_null();
            let state = if is_pending {
                "pending".to_owned()
            } else {
                state.to_string()
            };
            (name, (live, state))
        };
        all.as_array().unwrap().iter().map(of).collect()
    }

    fn undergoes(&self, what: &str) {
        self.cloud.act(&format!("{}/{NODE}", self.line), what);
    }

    fn all_addresses(&self) -> Vec<String> {
        self.addresses().into_values().collect()
    }

    /// Waits until the node has gone back to a release because of this.
    fn has_gone_back(&self, to: u64, why: &str) {
        let told = format!("node is back at release {to} ({why})");
        let limit = Duration::from_secs(u64::from(WINDOW) + 60 + 40);
        wait_until(&told, limit, || {
            let (live, state) = &self.releases()[NODE];
            *live == to && state.contains(why)
        });
    }
}

/// A line of one node that has its first release; what that is.
fn with_one_release(line: &'static str) -> (Story, BTreeMap<String, (u64, String)>) {
    let story = Story::of(line, REGION);
    story.wants(REGION, 1000);
    story.run("up --yes --why begin").exits(0);
    let releases = story.releases();
    assert_eq!(releases[NODE], (1, "\"healthy\"".to_owned()));
    (story, releases)
}

/// A push that nginx itself does not let through, after which the profile is again as it was.
fn nginx_refuses_a_release(story: &Story) {
    story.wants(REGION, 0);
    let ran = story.run("push --yes").exits(3);
    say(&ran.to_string());
    ran.says("the nginx part of the release was refused; nothing was switched")
        .says("invalid rate");
    story.wants(REGION, 1000);
}

#[test]
fn a_refused_push_leaves_the_old_release_serving() {
    let (story, before) = with_one_release("t-refused-push");
    let users = story.users_ask(&story.all_addresses());
    nginx_refuses_a_release(&story);
    assert_eq!(story.releases(), before);
    users.was_not_disturbed();
    story.run("plan").exits(0);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn broken_releases_leave_the_old_one_serving() {
    let (story, before) = with_one_release("t-broken");
    let users = story.users_ask(&story.all_addresses());
    nginx_refuses_a_release(&story);

    for (behaviour, told) in [
        (
            "crashes",
            "it was started for nobody, and did not come to answer",
        ),
        (
            "hangs",
            "it was started for nobody, and did not come to answer",
        ),
        (
            "is deaf",
            "it was started for nobody, and did not come to answer",
        ),
    ] {
        let gateway = broken_gateway(&story, behaviour);
        let begun = Instant::now();
        let ran = story
            .run_words(&["push", "--yes", "--gateway", &gateway])
            .exits(3);
        say(&format!(
            "   a gateway that {behaviour}: {:.1} s",
            begun.elapsed().as_secs_f32()
        ));
        ran.says("the gateway part of the release was refused; nothing was switched")
            .says(told);
    }

    let wrong = story
        .clone()
        .with("DEEPSEEK_API_KEY", "sk-of-somebody-else");
    wrong
        .run("push --yes")
        .exits(3)
        .says("refuses its key: it answers 401");

    assert_eq!(story.releases(), before);
    users.was_not_disturbed();
    story.run("plan").exits(0);
}

/// A program that passes the gateway's check of its files, and is no good.
fn broken_gateway(story: &Story, behaviour: &str) -> String {
    let act = match behaviour {
        "crashes" => "std::process::exit(1)",
        "hangs" => "wait()",
        _ => {
            "let _open = [\"gateway\", \"admin\"].map(|name| \
             std::os::unix::net::UnixListener::bind(format!(\"/run/dsline/{name}.sock\")).unwrap()); wait()"
        }
    };
    let text = format!(
        "fn wait() {{ loop {{ std::thread::sleep(std::time::Duration::from_secs(9)) }} }}\n\
         fn main() {{ if std::env::args().any(|word| word == \"--check\") {{ return; }}\n {act} }}\n"
    );
    let name = format!("{}-gateway", behaviour.replace(' ', "-"));
    std::fs::write(story.home().join("broken.rs"), text).unwrap();
    let words = [
        "--edition",
        "2024",
        "-C",
        "target-feature=+crt-static",
        "-C",
        "strip=symbols",
    ];
    let made = Command::new("rustc")
        .args(words)
        .args(["-A", "warnings", "-o", &name, "broken.rs"])
        .current_dir(story.home())
        .status();
    assert!(
        made.is_ok_and(|status| status.success()),
        "rustc cannot be run"
    );
    name
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_release_that_nobody_confirms_goes_back() {
    let story = Story::of("t-alone", REGION);
    story.wants(REGION, 1000);
    story.run("up --yes").exits(0);
    let users = story.users_ask(&story.all_addresses());
    the_operator_is_killed_at_every_step(&story);
    the_operator_is_cut_off(&story);
    users.was_not_disturbed();
    the_node_is_started_anew_before_anybody_confirms(&story);
    story.run("up --yes").exits(0);
    assert_eq!(story.releases()[NODE].1, "\"healthy\"");
}

fn the_operator_is_killed_at_every_step(story: &Story) {
    let steps = [
        ("push files", 0),
        ("pushing release", 0),
        ("pushing release", 400),
        ("pushing release", 1000),
        ("is live; asking it", 0),
    ];
    for (turn, (step, delay)) in steps.into_iter().enumerate() {
        let live = story.releases()[NODE].0;
        story.wants(REGION, 900 - u32::try_from(turn).unwrap());
        let mut run = story.begin("push --yes --why killed");
        assert!(run.says(step, LINE), "`{step}` was never said");
        sleep(Duration::from_millis(delay));
        run.signal("KILL");
        // What it had begun goes on on the node: then it is not confirmed, or it never came so far.
        sleep(Duration::from_secs(8));
        let told = format!("killed {delay} ms after `{step}`, the node has a confirmed release");
        wait_until(&told, Duration::from_secs(u64::from(WINDOW) + 100), || {
            let (now, state) = &story.releases()[NODE];
            state != "pending" && state != "\"unconfirmed\"" && *now >= live
        });
        let (now, state) = story.releases()[NODE].clone();
        say(&format!(
            "   release {live} -> {now}, the newest is {state}"
        ));
        // A push that was faster than the signal is confirmed.
        assert!(now == live || state == "\"healthy\"", "{now} {state}");
    }
}

fn the_operator_is_cut_off(story: &Story) {
    let live = story.releases()[NODE].0;
    story.wants(REGION, 800);
    let mut run = story.begin("push --yes --why drop");
    assert!(run.says("pushing release", LINE));
    sleep(Duration::from_millis(900));
    story.undergoes("drop");
    // A new connection is let in: the push goes on and is confirmed over it.
    run.ends(LINE).exits(0);
    let (now, state) = story.releases()[NODE].clone();
    assert!(now > live && state == "\"healthy\"", "{now} {state}");

    // A release that shuts the door: the node serves, and lets nobody in any more.
    story.wants(REGION, 801);
    // As soon as the node has set its timer, which is before it switches.
    let shut = "iptables -I INPUT -p tcp --dport 22 -j DROP";
    let wait = "until [ -e /var/lib/dsline/pending ]; do sleep 0.05; done";
    story.in_node(&format!("setsid sh -c '{wait}; {shut}' >/dev/null 2>&1 &"));
    let ran = story.run("push --yes --why cut-off");
    story.in_node(&shut.replace("-I", "-D"));
    say(&format!("   the door was shut: exit code {}", ran.code));
    assert_eq!(ran.code, 3);
    story.has_gone_back(now, "nobody confirmed it in time");
}

impl Story {
    /// Does something in the node's machine without its SSH.
    fn in_node(&self, script: &str) {
        let one = self.cloud.instances(self.line);
        let id = one[0]["instance"].as_str().or(one[0]["id"].as_str());
        let id = id.expect("an instance has an id").to_owned();
        let names = self.call(
            "docker",
            &[
                "ps",
                "--format",
                "{{.Names}}",
                "--filter",
                &format!("name={id}"),
            ],
        );
        let name = names.lines().next().expect("its machine runs");
        self.call("docker", &["exec", name, "sh", "-c", script]);
    }
}

fn the_node_is_started_anew_before_anybody_confirms(story: &Story) {
    let live = story.releases()[NODE].0;
    story.wants(REGION, 700);
    // Long enough, so that it is not the timer that takes it back.
    let text = std::fs::read_to_string(story.home().join("dsline.toml")).unwrap();
    let longer = text.replace(
        &format!("confirm_seconds = {WINDOW}"),
        "confirm_seconds = 900",
    );
    std::fs::write(story.home().join("dsline.toml"), longer).unwrap();
    let mut run = story.begin("push --yes --why reboot");
    assert!(run.says("is live; asking it", LINE));
    run.signal("KILL");
    story.undergoes("reboot");
    wait_until("the node lets somebody in again", LINE, || {
        story.run("releases").code == 0
    });
    story.has_gone_back(
        live,
        "the node was started anew before anybody confirmed it",
    );
    let answers = "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/healthz";
    assert_eq!(story.on_nodes(NODE, answers)[NODE], "200");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_line_rolls_and_goes_back() {
    let story = Story::of("t-back", REGIONS);
    story.wants(REGIONS, 1000);
    story.run("up --yes --why begin").exits(0);
    let at =
        |story: &Story| -> Vec<u64> { story.releases().into_values().map(|one| one.0).collect() };
    let users = story.users_ask(&story.all_addresses());

    story.wants(REGIONS, 990);
    let ran = story
        .run("push --yes --why more --canary us-east-1")
        .exits(0);
    let place = |what: &str| ran.stderr.find(what).expect(what);
    assert!(place("done us-east-1/1") < place(".. ap-southeast-1/1: push files"));
    assert_eq!(at(&story), [2, 2, 2]);

    // The last of the roll refuses; what was changed before it goes back.
    story.wants(REGIONS, 980);
    story.on_nodes("us-east-1/1", "mv /usr/sbin/nginx /usr/sbin/nginx.away");
    let ran = story.run("push --yes --why broken").exits(3);
    say(&ran.stderr);
    ran.says("the roll failed, so the nodes that it had changed go back");
    assert_eq!(at(&story), [2, 2, 2]);
    story.on_nodes("us-east-1/1", "mv /usr/sbin/nginx.away /usr/sbin/nginx");

    story.wants(REGIONS, 970);
    story.run("push --yes --why good").exits(0);
    let newest = at(&story);
    let begun = Instant::now();
    story.run("rollback --yes").exits(0);
    say(&format!(
        "   three regions went back in {:.1} s",
        begun.elapsed().as_secs_f32()
    ));
    assert_eq!(at(&story), [2, 2, 2]);
    let begun = Instant::now();
    story
        .run_words(&["rollback", "--yes", &newest[0].to_string()])
        .exits(0);
    say(&format!(
        "   and forth in {:.1} s",
        begun.elapsed().as_secs_f32()
    ));
    assert_eq!(at(&story), newest);
    users.was_not_disturbed();
    story.run("plan").exits(0);
}
