//! What users complain about, made in the lab: the doctor names the cause of each, and mends what is safe to mend.

use std::time::Duration;

use serde_json::{Value, json};

use super::cloud::refusal;
use super::http::exchange;
use super::story::{Story, profile, say, upstream, wait_until};

const REGION: &str = "us-east-1";
const NODE: &str = "us-east-1/1";
const SOON: Duration = Duration::from_mins(1);
/// The gateway's container.
const CONTAINER: &str =
    "$(docker ps --all --latest --quiet --filter label=com.docker.compose.service=gateway)";

/// One finding that is not good.
struct Complaint(Value);

impl Complaint {
    fn text(&self, field: &str) -> &str {
        self.0[field].as_str().unwrap_or_default()
    }

    #[track_caller]
    fn says(&self, text: &str) -> &Self {
        assert!(
            self.0.to_string().contains(text),
            "`{text}` is missing in {:#}",
            self.0
        );
        self
    }
}

fn complaints(findings: &Value) -> Vec<Complaint> {
    let all = findings.as_array().cloned().unwrap_or_default();
    let bad = all.into_iter().filter(|one| one["verdict"] != "good");
    bad.map(Complaint).collect()
}

impl Story {
    /// What the doctor does not find good on the line's first node.
    fn node_complaints(&self, words: &str) -> Vec<Complaint> {
        let ran = self.run(&format!("doctor --json {words}"));
        say(&ran.stderr);
        let found = ran.json();
        let node = &found["nodes"][0];
        assert!(node["not_looked_at"].is_null(), "{ran}");
        complaints(&node["findings"])
    }

    /// The one complaint about something; there is no other.
    #[track_caller]
    fn only_complaint(&self, about: &str) -> Complaint {
        let mut all = self.node_complaints("");
        let told: Vec<String> = all.iter().map(|one| one.0.to_string()).collect();
        assert!(
            all.len() == 1 && all[0].text("about") == about,
            "{about} alone was expected: {told:#?}"
        );
        all.remove(0)
    }

    /// A quota that has no room for a node and its replacement, and one that nobody may look at.
    fn the_doctor_looks_at_quotas(&self) {
        let before = self.cloud.set(&json!({ "vcpu_quota": 3 }));
        let ran = self.run("doctor");
        let found = self.run("doctor --json");
        self.cloud.set(&before);
        say(&ran.to_string());
        ran.exits(2)
            .says("us-east-1: quota 3 vCPUs, ")
            .says("--desired-value ");
        let bad = complaints(&found.exits(2).json()["account"]);
        assert_eq!(bad.len(), 2);
        for (one, region) in bad.iter().zip([REGION, "eu-west-1"]) {
            assert_eq!(one.text("verdict"), "wrong");
            one.says("--quota-code L-1216C47A")
                .says(&format!("--region {region}"));
        }

        let rest = json!({ "operation": "GetServiceQuota", "region": "eu-west-1" });
        let denied = refusal("AccessDeniedException", "You are not authorized.", &rest);
        self.cloud.fault(&denied);
        let found = self.run("doctor --json").exits(2).json();
        self.cloud.mend();
        let bad = complaints(&found["account"]);
        assert_eq!(bad.len(), 1);
        assert_eq!(bad[0].text("verdict"), "unknown");
        bad[0].says("let an administrator allow `servicequotas:GetServiceQuota`");
        assert!(found["policy"].is_null());
    }

    /// Asks so many questions at once, as the line's user; the statuses of the answers.
    pub(super) fn many_questions(&self, count: u32, differ: bool) -> String {
        let connection = self.run("connect --show-key --json").exits(0).json();
        let key = connection["api_key"].as_str().unwrap();
        let ca = self.run("cert ca").exits(0).stdout;
        std::fs::write(self.home().join("ca.pem"), ca).unwrap();
        std::fs::write(
            self.home().join("key"),
            format!("Authorization: Bearer {key}"),
        )
        .unwrap();
        let address = self.addresses()[NODE].clone();
        let script = format!(
            "seq {count} | xargs -P 40 -I N curl -s --noproxy '*' --cacert ca.pem -H @key -H 'Content-Type: application/json' \
             --max-time 30 -o /dev/null -w '%{{http_code}}\\n' --data \
             '{{\"model\": \"deepseek-chat\", \"messages\": [{{\"role\": \"user\", \"content\": \"Question {}\"}}]}}' \
             https://{address}/v1/chat/completions | sort | uniq -c",
            if differ { "N" } else { "one" }
        );
        let statuses = self.call("sh", &["-c", &script]);
        say(&format!("   answers: {}", statuses.replace('\n', ", ")));
        statuses
    }
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn before_a_line_exists_account_and_machine_are_looked_at() {
    let story = Story::of("t-preflight", "us-east-1,eu-west-1");
    let ran = story.run("doctor").exits(0);
    say(&ran.to_string());
    ran.says("us-east-1 offers t3.micro free")
        .says("eu-west-1 has one")
        .says("the line needs 4 at most")
        .says("actions are allowed");
    assert!(story.cloud.instances(story.line).is_empty());

    // What an administrator has to allow is listed as a policy, of which there is no more than that.
    for operation in ["TerminateInstances", "CreateSecurityGroup"] {
        let rest = json!({ "operation": operation, "region": "eu-west-1" });
        let denied = refusal("UnauthorizedOperation", "You are not authorized.", &rest);
        story.cloud.fault(&denied);
    }
    let rest = json!({ "operation": "ListHealthChecks" });
    story
        .cloud
        .fault(&refusal("AccessDenied", "You are not authorized.", &rest));
    let found = story.run("doctor --json").exits(2).json();
    let wanted = json!([
        "ec2:CreateSecurityGroup",
        "ec2:TerminateInstances",
        "route53:ListHealthChecks"
    ]);
    assert_eq!(found["policy"]["Statement"][0]["Action"], wanted);
    let bad = complaints(&found["account"]);
    assert_eq!(bad.len(), 1);
    bad[0].says("eu-west-1: ec2:TerminateInstances is denied");
    story.cloud.mend();

    story.the_doctor_looks_at_quotas();

    // Nobody has looked at a region without a default VPC until it is too late.
    let subnets = refusal(
        "UnauthorizedOperation",
        "You are not authorized.",
        &json!({ "operation": "DescribeSubnets" }),
    );
    story.cloud.fault(&subnets);
    let ran = story.run("doctor").exits(2);
    ran.says("ec2:DescribeSubnets");
    story.cloud.mend();

    story.cloud.fault(&json!({ "action": "expire" }));
    let ran = story.run("doctor").exits(2);
    ran.says("the AWS credentials have expired")
        .says("log in again");
    story.cloud.mend();
    let behind = json!({ "clock_ahead_seconds": -3 * 3600 });
    let before = story.cloud.set(&behind);
    let ran = story.run("doctor");
    story.cloud.set(&before);
    ran.exits(2).says("this machine's clock is 3 h 0 min ahead");

    // A line with a domain needs health checks, too.
    let named = profile(
        story.line,
        REGION,
        "[dns]\nhost = \"llm.t-preflight.test\"\n",
    );
    let story = story.with(|lab| lab.with_profile(&named));
    let before = story.cloud.set(&json!({ "check_quota": 0 }));
    let found = story.run("doctor --json");
    story.cloud.set(&before);
    let bad = complaints(&found.exits(2).json()["account"]);
    let checks = bad.iter().find(|one| one.text("about") == "checks");
    checks
        .expect("no check may be made")
        .says("Route 53: quota 0 health checks, ")
        .says("--service-code route53 --quota-code L-ACB674F3");

    // A region that no other story uses loses what somebody has deleted, for good.
    story.cloud.delete_default_subnets("ap-southeast-2");
    let bare = profile(story.line, "ap-southeast-2", "");
    let story = story.with(|lab| lab.with_profile(&bare));
    let ran = story.run("doctor").exits(2);
    ran.says("ap-southeast-2 has no default VPC")
        .says("create-default-vpc");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_gateway_that_is_down_is_started_again() {
    let story = Story::of("t-down-gateway", REGION);
    story.run("up --yes").exits(0);
    assert!(story.node_complaints("").is_empty());
    story.on_nodes(
        NODE,
        &format!("docker stop --time 5 {CONTAINER} >/dev/null"),
    );
    assert!(story.many_questions(3, false).contains("502"));
    let down = story.only_complaint("502");
    say(&format!("{:#}", down.0));
    down.says("exited").says("gateway.sock").says("restart");
    story.run("doctor").exits(2).says("WRONG    502");
    let ran = story.run("doctor --fix").exits(2);
    ran.says("nothing was changed: pass --yes");
    let mended = story.run("doctor --fix --yes").exits(0);
    say(&mended.to_string());
    mended.says("push files").says("the gateway answers again");
    assert!(story.many_questions(3, false).contains("3 200"));
    story.run("doctor").exits(0);
    story.run("plan").exits(0);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_gateway_that_ends_again_and_again_goes_back() {
    let story = Story::of("t-crash-loop", REGION);
    story.run("up --yes").exits(0);
    let changed = profile(story.line, REGION, "[quota]\nrequests_per_minute = 900\n");
    let story = story.with(|lab| lab.with_profile(&changed));
    story.run("up --yes").exits(0);
    // No push lets such settings through, so they are damaged on the node.
    let damage = format!(
        "echo damaged >>/var/lib/dsline/current/gateway/gateway.toml; docker restart --time 5 {CONTAINER} >/dev/null"
    );
    story.on_nodes(NODE, &damage);
    wait_until("it is started again and again", SOON, || {
        let all = story.node_complaints("");
        all.iter().any(|one| {
            let what = one.text("what");
            what.starts_with("the gateway ends as soon as it is started")
        })
    });
    let ran = story.run("doctor").exits(2);
    say(&ran.to_string());
    ran.says("goes back to release 1").says("damaged");
    assert!(story.many_questions(3, false).contains("502"));
    let mended = story.run("doctor --fix --yes").exits(0);
    say(&mended.to_string());
    assert!(story.many_questions(3, false).contains("3 200"));
    story.run("doctor").exits(0);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn whose_limit_a_429_is_of_is_told() {
    let rest = "[quota]\nrequests_per_minute = 20\n";
    let story = Story::of("t-limits", REGION);
    let limited = profile(story.line, REGION, rest);
    let story = story.with(|lab| lab.with_profile(&limited));
    story.run("up --yes").exits(0);
    assert!(story.many_questions(60, false).contains("429"));
    let gateway = story.only_complaint("429");
    say(&format!("{:#}", gateway.0));
    gateway
        .says("`quota.requests_per_minute` = 20")
        .says("`quota.requests_per_minute = 1500`")
        .says("198.18.0.1");

    let rest = "[quota]\nrequests_per_minute = 0\n\n[nginx]\nrequests_per_second = 2\nburst = 2\n";
    let limited = profile(story.line, REGION, rest);
    let story = story.with(|lab| lab.with_profile(&limited));
    story.run("up --yes").exits(0);
    assert!(story.many_questions(60, false).contains("429"));
    wait_until("nginx has told the journal", SOON, || {
        let all = story.node_complaints("");
        all.iter()
            .any(|one| one.text("what").starts_with("nginx refused 198.18.0.1"))
    });
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn an_upstream_that_limits_the_account_is_named() {
    let story = Story::of("t-upstream-limit", REGION);
    story.run("up --yes").exits(0);
    let set = |knobs: &Value| {
        let (status, told) = exchange(&upstream(), "POST /_lab/knobs", &[], &knobs.to_string());
        assert!(status < 300, "{status} {told}");
    };
    set(&json!({ "error_rate": 1, "error_status": 429 }));
    let answers = story.many_questions(10, true);
    set(&json!({ "error_rate": 0, "error_status": 503 }));
    assert!(answers.contains("429"), "{answers}");
    let found = story.only_complaint("429");
    say(&format!("{:#}", found.0));
    found
        .says("refused")
        .says("its limit for this line's account is reached")
        .says("quota.account_permits");
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_cache_that_forgets_is_told_with_its_memory() {
    let story = Story::of("t-evictions", REGION);
    story.run("up --yes").exits(0);
    let many = story.many_questions(60, true);
    assert!(many.contains("60 200"), "{many}");
    let found = story.only_complaint("slow");
    found.says("0 % of the last 60 requests were answered from the cache");
    let forget = "export REDISCLI_AUTH=$(sed -n 's/^requirepass //p' /var/lib/dsline/current/redis/redis.conf); \
                  cli() { redis-cli -s /run/redis/redis.sock \"$@\" >/dev/null; }; \
                  cli config set maxmemory 2mb; \
                  seq 2000 | while read -r n; do printf 'SET filler:%s %01000d\\r\\n' \"$n\" 0; done | redis-cli -s /run/redis/redis.sock --pipe >/dev/null; \
                  cli config set maxmemory 256mb";
    story.on_nodes(NODE, forget);
    let all = story.node_complaints("");
    let evicted = all
        .iter()
        .find(|one| one.text("what").contains("has dropped"));
    let evicted = evicted.expect("it has dropped some");
    say(&format!("{:#}", evicted.0));
    evicted
        .says("evicted_keys")
        .says("redis.max_memory_mib = 512");
}
