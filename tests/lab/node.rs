//! What a line's nodes and users see: a node's own state, a question to the name server, a chat through TLS.

use std::collections::BTreeMap;

use serde_json::Value;

use super::story::{Story, name_server};
use super::support::variable;

/// Whatever a push could touch: each file's time of change, each service's and the container's time of start.
const STATE: &str = "find /var/lib/dsline -name spool -prune -o -printf '%p %T@\\n' | sort; \
                     find /etc/nginx /etc/redis /etc/rsyslog.d /etc/systemd/system -printf '%p %T@\\n' | sort; \
                     systemctl show --property Id,ActiveEnterTimestampMonotonic,ExecMainStartTimestampMonotonic \
                     nginx redis-server rsyslog docker ssh; docker ps --no-trunc --format '{{.ID}}'";

impl Story {
    /// Runs a script as root on some nodes and returns what it printed, by node.
    pub(crate) fn on_nodes(&self, which: &str, script: &str) -> BTreeMap<String, String> {
        let words = [
            "exec", "--json", "--on", which, "--", "sudo", "sh", "-c", script,
        ];
        let ran = self.run_words(&words).exits(0);
        let all = ran.json();
        let text = |of: &Value, field: &str| of[field].as_str().unwrap_or_default().to_owned();
        all.as_array()
            .expect("one answer a node")
            .iter()
            .map(|of| (text(of, "node"), text(of, "stdout")))
            .collect()
    }

    /// Everything on the nodes that a run without a step must leave as it is.
    pub(crate) fn state_of_nodes(&self, which: &str) -> BTreeMap<String, String> {
        self.on_nodes(which, STATE)
    }

    /// The line's nodes with their addresses, as the account has them.
    pub(crate) fn addresses(&self) -> BTreeMap<String, String> {
        let text = |of: &Value, field: &str| of[field].as_str().unwrap_or_default().to_owned();
        let running = self
            .cloud
            .instances(self.line)
            .into_iter()
            .filter(|one| one["state"] == "running");
        running
            .map(|one| {
                (
                    format!("{}/{}", text(&one, "region"), text(&one, "slot")),
                    text(&one, "address"),
                )
            })
            .collect()
    }

    /// What the lab's name server answers to somebody in a place, asked without `dsline`.
    pub(crate) fn ask(&self, place: &str) -> Vec<String> {
        let state =
            variable("DSLINE_LAB_STATE").unwrap_or_else(|| "/var/lib/dsline-lab".to_owned());
        let host = format!("llm.{}.test", self.line);
        let words = [host.as_str(), "--from", place, "--server", &name_server()];
        let output = std::process::Command::new(format!("{state}/bin/ask"))
            .args(words)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .map(str::to_owned)
            .collect()
    }

    /// Asks a question through TLS at an address, trusting the line's own authority only; returns node and answer.
    pub(crate) fn chat(&self, address: &str) -> (String, String) {
        let connection = self.run("connect --show-key --json").exits(0).json();
        let field = |name: &str| connection[name].as_str().expect("a text").to_owned();
        std::fs::write(
            self.home().join("ca.pem"),
            self.run("cert ca").exits(0).stdout,
        )
        .unwrap();
        std::fs::write(
            self.home().join("key"),
            format!("Authorization: Bearer {}", field("api_key")),
        )
        .unwrap();
        let url = format!("{}/chat/completions", field("base_url"));
        let question = r#"{"model": "deepseek-chat", "messages": [{"role": "user", "content": "Who answers?"}]}"#;
        let resolved = format!("llm.{}.test:443:{address}", self.line);
        let printed = self.call(
            "curl",
            &[
                "-sS",
                "--fail-with-body",
                "--noproxy",
                "*",
                "--max-time",
                "30",
                "--cacert",
                "ca.pem",
                "--resolve",
                &resolved,
                "-H",
                "@key",
                "-H",
                "Content-Type: application/json",
                "--data",
                question,
                "-D",
                "head",
                &url,
            ],
        );
        let answer: Value = serde_json::from_str(&printed).expect("the upstream answers in JSON");
        let head = std::fs::read_to_string(self.home().join("head"))
            .unwrap()
            .to_lowercase();
        let node = head
            .lines()
            .find_map(|line| line.strip_prefix("x-dsline-node:"))
            .unwrap_or_default()
            .trim()
            .to_owned();
        (
            node,
            answer["choices"][0]["message"]["content"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        )
    }

    /// How many calls each region's EC2 and Route 53 had since they were forgotten; what waits is not counted.
    pub(crate) fn call_counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        let mut has_looked = std::collections::BTreeSet::new();
        for call in self.cloud.calls() {
            let text = |field: &str| call[field].as_str().unwrap_or_default().to_owned();
            let (service, region, operation) = (text("service"), text("region"), text("operation"));
            // The first DescribeInstances looks for the line, later ones wait for an instance by its id.
            let is_poll = operation == "GetChange"
                || (operation == "DescribeInstances" && !has_looked.insert(region.clone()));
            // What the account refused for haste is asked again: that is its pace, not ours.
            let is_retry = call["attempt"].as_u64() > Some(1);
            if !is_poll && !is_retry {
                *counts
                    .entry(if service == "ec2" {
                        format!("ec2 {region}")
                    } else {
                        service
                    })
                    .or_default() += 1;
            }
        }
        counts
    }
}
