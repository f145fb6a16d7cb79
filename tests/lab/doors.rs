//! Which doors of a node are open to its neighbours, and whether `doctor --security` sees what is.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use super::story::Story;

/// Tries the ports of an address up to 16384, a thousand at a time, and prints those that answer.
const SCAN: &str = "
import asyncio, sys
async def look(gate, port):
    async with gate:
        try:
            _, writer = await asyncio.wait_for(asyncio.open_connection(sys.argv[1], port), 2)
            writer.close()
            return port
        except (OSError, TimeoutError):
            return None
async def main():
    gate = asyncio.Semaphore(1000)
    found = await asyncio.gather(*(look(gate, port) for port in range(1, 16385)))
    print(*(port for port in found if port))
asyncio.run(main())
";

/// Two mistakes: a program that listens everywhere, and a container that publishes a port.
const MISTAKES: &str = "cd /tmp && setsid redis-server --port 8888 --protected-mode no --save '' >/dev/null 2>&1 </dev/null & \
    tar -chf - $(ldd /usr/bin/redis-server | grep -o '/[^ ]*') /usr/bin/redis-server 2>/dev/null | docker import - stray >/dev/null; \
    docker run --detach --name stray --publish 7777:6379 stray /usr/bin/redis-server --protected-mode no --save '' >/dev/null; \
    sleep 2";
const MENDED: &str =
    "docker rm --force stray >/dev/null; redis-cli -p 8888 shutdown nosave 2>/dev/null; true";

impl Story {
    /// The ports of the line's only node that answer a container beside it.
    fn open_doors(&self) -> BTreeSet<u16> {
        let address = self.addresses().into_values().next().expect("one node");
        let image = Command::new("examples/lab/nodes/image.sh")
            .arg("tags")
            .output()
            .unwrap();
        let tags = String::from_utf8_lossy(&image.stdout).into_owned();
        let node = tags.lines().find_map(|line| line.strip_prefix("node="));
        let output = Command::new("docker")
            .args(["run", "--rm", "--network", "dsline-lab"])
            .args([
                "--entrypoint",
                "python3",
                node.unwrap(),
                "-c",
                SCAN,
                &address,
            ])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout)
            .split_whitespace()
            .map(|port| port.parse().unwrap())
            .collect()
    }

    /// What the doctor does not find good on the line's only node.
    fn complaints(&self) -> BTreeSet<String> {
        let found = self.run("doctor --security --json").exits(3).json();
        let node = &found[0];
        let side = |side: &str| {
            let findings = node[side].as_array().cloned().unwrap_or_default();
            let is_bad = |finding: &Value| finding["verdict"] != "good";
            findings
                .into_iter()
                .filter(is_bad)
                .map(|finding| format!("{side} {}", finding["about"].as_str().unwrap()))
                .collect::<Vec<_>>()
        };
        side("outside").into_iter().chain(side("inside")).collect()
    }
}

fn set<const N: usize>(texts: [&str; N]) -> BTreeSet<String> {
    texts.map(str::to_owned).into()
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn only_three_doors_are_open_and_the_doctor_sees_every_other() {
    let story = Story::of("doors", "us-east-1");
    story.run("up --yes").exits(0);
    // The lab's nodes cannot set their clock nor be upgraded, and their host has no swap for them.
    let of_the_lab = story.complaints();
    assert!(
        of_the_lab.is_subset(&set(["inside clock", "inside upgrades", "inside memory"])),
        "{of_the_lab:?}"
    );
    story.on_nodes("us-east-1/1", MISTAKES);
    assert_eq!(story.open_doors(), [22, 80, 443].into());
    let mistakes = set(["inside listening", "inside container"]);
    assert_eq!(story.complaints(), &of_the_lab | &mistakes);

    // Without the firewall both would answer, so the scan sees what there is.
    story.on_nodes("us-east-1/1", "systemctl stop nftables");
    assert_eq!(story.open_doors(), [22, 80, 443, 7777, 8888].into());
    let open = set(["inside firewall", "outside ports"]);
    assert_eq!(story.complaints(), &(&of_the_lab | &mistakes) | &open);

    story.on_nodes("us-east-1/1", "systemctl start nftables");
    story.on_nodes("us-east-1/1", MENDED);
    assert_eq!(story.open_doors(), [22, 80, 443].into());
    assert_eq!(story.complaints(), of_the_lab);
    // Docker's own rules are still there: the gateway reaches its upstream through them.
    story.on_nodes("us-east-1/1", "iptables -t nat -S | grep -q MASQUERADE");
    story.run("teardown --yes").exits(0);
}
