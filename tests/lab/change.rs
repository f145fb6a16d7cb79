//! A gateway is replaced while users ask and streams run: nobody is refused, nothing is cut; and a token that was revoked.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::http::exchange;
use super::story::{Story, name_server, profile, say, sleep, wait_until};
use super::traffic::{Traffic, failures};

const REGION: &str = "eu-central-1";
const NODE: &str = "eu-central-1/1";
const STREAMS: usize = 200;
/// Where the upstream's emulator listens.
const UPSTREAM: &str = "198.18.0.1:9090";
/// Streams of half a minute: longer than a push takes.
const SLOW: &str = r#"{"tokens": 60, "per_token_ms": 500}"#;
const USUAL: &str = r#"{"tokens": 16, "per_token_ms": 0}"#;
/// A node's one core opens two hundred TLS connections beside everything else.
const SOON: Duration = Duration::from_secs(40);

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_new_gateway_takes_over_and_cuts_nobody() {
    let story = Story::of("t-change", REGION).with_domain(REGION);
    let story = with_cache(story, 3600);
    story.run("up --yes").exits(0);
    let address = story.addresses()[NODE].clone();
    wait_until("the line answers", SOON, || {
        story.ask("europe") == [address.as_str()]
    });
    // Their question is answered before the upstream becomes slow.
    let traffic = Traffic::begin(&story, Duration::from_secs(6));
    sleep(Duration::from_secs(2));
    let slow = Slow::begin();
    let begun = Instant::now();
    let streams = Streams::begin(&story, &address);
    wait_until("all streams run", SOON, || in_flight(&story) >= 200);
    sleep(Duration::from_secs(1));
    // A stream keeps its pace; a question that the cache answers too late need not wait half a minute for the upstream.
    drop(slow);

    let story = with_cache(story, 1800);
    let ran = story.run("up --yes").exits(0).says("pushing release");
    say(&ran.to_string());
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "the streams may have ended before the push did"
    );
    let whole = streams.whole();
    say(&format!(
        "   {whole} of {STREAMS} streams came to their end"
    ));
    // Until the old gateway has let go of the last connection that nginx keeps.
    sleep(Duration::from_secs(25));
    let requests = traffic.end();
    let failed = failures(&requests, begun);
    if !failed.is_empty() {
        let words = "sudo tail -n 5 /var/log/nginx/error.log";
        say(&story.on_nodes(REGION, words)[NODE]);
    }
    assert_eq!((whole, failed), (STREAMS, Vec::new()));
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_revoked_token_opens_no_node() {
    let regions = "eu-central-1,eu-north-1";
    let story = Story::of("t-token", regions).with_domain(regions);
    story.run("up --yes").exits(0);
    let issue = |name: &str| {
        let words = format!("token issue --for {name} --valid 1h --json");
        let issued = story.run(&words).exits(0).json();
        let text = |field: &str| issued[field].as_str().expect("a text").to_owned();
        (text("token"), text("id"))
    };
    let ((kept, _), (given_back, id)) = (issue("alice"), issue("mallory"));
    let nodes = story.addresses();
    let status = |token: &str, address: &str| asked_with(&story, token, address);
    for address in nodes.values() {
        for token in [&kept, &given_back] {
            wait_until("the token opens", SOON, || status(token, address) == "200");
        }
    }
    let begun = Instant::now();
    story.run(&format!("token revoke {id}")).exits(0);
    for address in nodes.values() {
        wait_until("the token opens no more", SOON, || {
            status(&given_back, address) == "401"
        });
        assert_eq!(status(&kept, address), "200");
    }
    say(&format!(
        "   revoked on {} nodes within {:.1} s",
        nodes.len(),
        begun.elapsed().as_secs_f32()
    ));
}

/// The line with another time to live of cached answers, which is in the gateway's file.
fn with_cache(story: Story, ttl_seconds: u32) -> Story {
    let line = story.line;
    let rest = format!(
        "[dns]\nhost = \"llm.{line}.test\"\nresolver = \"{}\"\nttl = 6\n\n[cache]\nttl_seconds = {ttl_seconds}\n\n\
         [quota]\nrequests_per_minute = 0\naddress_requests_per_minute = 0\n\n\
         [nginx]\nrequests_per_second = 1000\nburst = 1000\n",
        name_server()
    );
    story.with(|lab| lab.with_profile(&profile(line, REGION, &rest)))
}

fn in_flight(story: &Story) -> u64 {
    let words = "curl -s http://127.0.0.1:8082/status";
    let said = &story.on_nodes(REGION, words)[NODE];
    let status: serde_json::Value = serde_json::from_str(said).unwrap_or_default();
    status["in_flight"].as_u64().unwrap_or_default()
}

/// The status of a question with a token, to the node at an address; nginx keeps the list of models, but no answer.
fn asked_with(story: &Story, token: &str, address: &str) -> String {
    let host = format!("llm.{}.test", story.line);
    std::fs::write(story.home().join("ca.pem"), story.run("cert ca").stdout).unwrap();
    let header = format!("Authorization: Bearer {token}");
    std::fs::write(story.home().join("token"), header).unwrap();
    let resolved = format!("{host}:443:{address}");
    let url = format!("https://{host}/v1/chat/completions");
    story.call(
        "curl",
        &[
            "-s",
            "--noproxy",
            "*",
            "--max-time",
            "10",
            "--cacert",
            "ca.pem",
            "--resolve",
            &resolved,
            "-H",
            "@token",
            "-H",
            "Content-Type: application/json",
            "--data",
            r#"{"model": "deepseek-chat", "messages": [{"role": "user", "content": "May I?"}]}"#,
            "-o",
            "answer",
            "-w",
            "%{http_code}",
            &url,
        ],
    )
}

/// The upstream, slow until this is dropped.
struct Slow;

impl Slow {
    fn begin() -> Self {
        exchange(UPSTREAM, "POST /_lab/knobs", &[], SLOW);
        Self
    }
}

impl Drop for Slow {
    fn drop(&mut self) {
        exchange(UPSTREAM, "POST /_lab/knobs", &[], USUAL);
    }
}

/// Streams of curl's, each with a question and a file of its own.
struct Streams {
    curl: Child,
    folder: PathBuf,
}

impl Streams {
    fn begin(story: &Story, address: &str) -> Self {
        let connection = story.run("connect --show-key --json").exits(0).json();
        let text = |name: &str| connection[name].as_str().expect("a text").to_owned();
        let host = format!("llm.{}.test", story.line);
        let folder = story.home().join("streams");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("ca.pem"), text("ca")).unwrap();
        let mut config = String::new();
        for number in 0..STREAMS {
            let question = format!(
                r#"{{\"model\": \"deepseek-chat\", \"stream\": true, \"messages\": [{{\"role\": \"user\", \"content\": \"stream {number}\"}}]}}"#
            );
            write!(
                config,
                "url = \"https://{host}/v1/chat/completions\"\nresolve = \"{host}:443:{address}\"\ncacert = \"ca.pem\"\n\
                 header = \"Authorization: Bearer {}\"\nheader = \"Content-Type: application/json\"\n\
                 data = \"{question}\"\nhttp1.1\nno-buffer\nnoproxy = \"*\"\nmax-time = 120\noutput = \"{number}\"\nnext\n",
                text("api_key")
            )
            .unwrap();
        }
        let config = config.trim_end_matches("next\n");
        std::fs::write(folder.join("config"), config).unwrap();
        let curl = Command::new("curl")
            .args(["--parallel", "--parallel-immediate", "--parallel-max"])
            .args(["250", "--silent", "--config", "config"])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Self { curl, folder }
    }

    /// Waits for all of them, and counts those that were not cut.
    fn whole(mut self) -> usize {
        self.curl.wait().unwrap();
        let is_whole = |number: &usize| {
            let said =
                std::fs::read_to_string(self.folder.join(number.to_string())).unwrap_or_default();
            said.contains("\"finish_reason\":\"stop\"")
                && said.contains("data: [DONE]")
                && !said.contains("\"error\"")
        };
        (0..STREAMS).filter(is_whole).count()
    }
}
