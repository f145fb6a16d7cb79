//! The audit trail and the secrets of a line that serves: nothing lost, nothing removed unseen, nothing that shows.

use serde_json::Value;

use super::story::{Story, say, wait_until};
use super::support::{SECRET, variable};

const NODE: &str = "us-east-1/1";
const REGION: &str = "us-east-1";
/// A question of those whose keys change: nginx would answer another path from what it keeps.
const QUESTION: &str =
    r#"{"model": "deepseek-chat", "messages": [{"role": "user", "content": "Still there?"}]}"#;

/// Requests in the trail, as `dsline logs` shows them.
fn requests(story: &Story, words: &str) -> Vec<Value> {
    let ran = story.run(&format!("logs --json {words}")).exits(0);
    let records = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    records
        .filter(|record: &Value| record["kind"] == "API_REQUEST")
        .filter(|record| record["path"] == "/v1/chat/completions")
        .collect()
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn the_trail_is_read_over_rotations_and_a_removed_record_is_found() {
    let story = Story::of("t-trail", REGION).with_domain(REGION);
    story.run("up --yes").exits(0);
    let address = story.addresses()[NODE].clone();
    for _ in 0..5 {
        story.chat(&address);
    }
    super::story::pause();
    let first = requests(&story, "--since 1h");
    assert_eq!(first.len(), 5, "{first:?}");
    assert_eq!(
        (&first[0]["node"], &first[0]["status"]),
        (&Value::from(NODE), &Value::from("200"))
    );
    let rotate =
        "chmod 644 /etc/logrotate.d/dsline 2>/dev/null; logrotate --force /etc/logrotate.d/dsline";
    story.on_nodes(NODE, rotate);
    for _ in 0..3 {
        story.chat(&address);
    }
    super::story::pause();
    assert_eq!(requests(&story, "--since 1h").len(), 8);
    story.on_nodes(NODE, "gzip /var/log/deepseek/api_audit.log-*[0-9]");
    assert_eq!(requests(&story, "--since 1h").len(), 8);
    assert_eq!(requests(&story, "--region us-east-1").len(), 8);
    let id = first[2]["request_id"].as_str().unwrap();
    assert_eq!(requests(&story, &format!("--grep {id}")).len(), 1);
    let whole = story.run("logs verify").exits(0);
    say(&whole.to_string());
    whole.says("whole");
    let remove = "cd /var/log/deepseek && gunzip api_audit.log-*.gz && sed -i '/API_REQUEST .dsline@32473 seq=\"2\"/d' api_audit.log-* && gzip api_audit.log-*";
    story.on_nodes(NODE, remove);
    let torn = story.run("logs verify").exits(1);
    say(&torn.to_string());
    assert!(
        torn.has("1 record is missing between") && torn.has("TORN"),
        "{torn}"
    );
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn secrets_rotate_without_a_lost_request_and_show_nowhere() {
    let story = Story::of("t-canary", REGION).with_domain(REGION);
    let upstream_key = variable("DEEPSEEK_API_KEY").expect("the lab's environment has it");
    let mut shown = vec![story.run("up --yes").exits(0).to_string()];
    let address = story.addresses()[NODE].clone();
    story.chat(&address);
    let key = || {
        let connection = story.run("connect --show-key --json").exits(0).json();
        connection["api_key"].as_str().unwrap().to_owned()
    };
    let old = key();
    let asks = story.begin_script(&asking(&story, &address));
    shown.push(
        story
            .run("secrets rotate client-key --yes")
            .exits(0)
            .to_string(),
    );
    let new = key();
    assert_ne!(old, new);
    assert_eq!(story.chat(&address).0, NODE);
    assert_eq!(
        status(&story, &address, &old),
        "200",
        "the old one is let in until the rotation is finished"
    );
    shown.push(story.run("secrets rotate redis --yes").exits(0).to_string());
    std::fs::write(story.home().join("enough"), "").unwrap();
    let asked = asks.ends(std::time::Duration::from_mins(1));
    say(&asked.to_string());
    assert!(asked.has("0 failed"), "{asked}");
    shown.push(
        story
            .run("secrets rotate client-key --finish --yes")
            .exits(0)
            .to_string(),
    );
    // nginx may hold connections to the gateway before for as long as 15 s, and send a last request through each.
    let patience = std::time::Duration::from_secs(20);
    wait_until("the old key is refused", patience, || {
        status(&story, &address, &old) == "401"
    });
    assert_eq!(status(&story, &address, &new), "200");
    for words in [
        "plan",
        "plan --json",
        "status",
        "status --json",
        "logs",
        "logs verify --json",
    ] {
        shown.push(story.run(words).to_string());
    }
    shown.push(story.cloud.account().to_string());
    let password = story.on_nodes(
        NODE,
        "cat /var/lib/dsline/current/gateway/secrets/redis_password",
    );
    let canaries = [&upstream_key, SECRET, &old, &new, password[NODE].trim()];
    for canary in canaries {
        assert!(canary.len() > 12);
        assert!(
            !shown.iter().any(|text| text.contains(canary)),
            "a secret is shown"
        );
    }
    let found = story.on_nodes(NODE, &search(&canaries));
    assert_eq!(found[NODE].trim(), "searched", "{found:?}");
}

/// Asks again and again with the key in the file `old-key`, and says how often that failed.
fn asking(story: &Story, address: &str) -> String {
    let key = std::fs::read(story.home().join("key")).unwrap();
    std::fs::write(story.home().join("old-key"), key).unwrap();
    format!(
        "asked=0 failed=0; while [ ! -e enough ]; do asked=$((asked + 1)); \
         curl -sSf -o /dev/null --noproxy '*' --max-time 10 --cacert ca.pem --resolve llm.t-canary.test:443:{address} -H @old-key \
         -H 'Content-Type: application/json' --data '{QUESTION}' https://llm.t-canary.test/v1/chat/completions \
         || failed=$((failed + 1)); sleep 0.1; done; echo \"$asked asked, $failed failed\""
    )
}

fn status(story: &Story, address: &str, key: &str) -> String {
    std::fs::write(
        story.home().join("a-key"),
        format!("Authorization: Bearer {key}"),
    )
    .unwrap();
    let resolved = format!("llm.t-canary.test:443:{address}");
    let words = [
        "-s",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        "--noproxy",
        "*",
        "--cacert",
        "ca.pem",
        "--resolve",
        &resolved,
        "-H",
        "@a-key",
        "-H",
        "Content-Type: application/json",
        "--data",
        QUESTION,
        "https://llm.t-canary.test/v1/chat/completions",
    ];
    story.call("curl", &words)
}

/// Looks for the canaries where others can look: they come backwards, so that the search does not find itself.
fn search(canaries: &[&str]) -> String {
    let backwards: Vec<String> = canaries
        .iter()
        .map(|one| one.chars().rev().collect())
        .collect();
    format!(
        "umask 077; printf '%s\\n' {} | rev >/run/canaries; \
         cat /proc/[0-9]*/cmdline 2>/dev/null | grep -aqFf /run/canaries && echo a process shows it; \
         journalctl --no-pager 2>/dev/null | grep -aqFf /run/canaries && echo the journal shows it; \
         grep -rlaFf /run/canaries /var/log /var/lib/cloud /etc /tmp /var/lib/dsline/spool 2>/dev/null; \
         find /var/lib/dsline /run /root /home -xdev -type f -perm /004 -exec grep -laFf /run/canaries {{}} + 2>/dev/null; \
         rm /run/canaries; echo searched",
        backwards.join(" ")
    )
}
