//! A machine that the account has never heard of joins a line, serves, is drained, pushed, taken back, lost, found, and left.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::story::{Story, name_server, profile, say, wait_until};
use super::support::variable;

const REGIONS: &str = "us-east-1,eu-west-1";
const NODE: &str = "eu-west-1/101";
const LINE: &str = "t-foreign";
/// In the lab's network, where its cloud gives no addresses.
const ADDRESS: &str = "198.18.250.7";
const PORT: u16 = 2222;
/// Checkers need some rounds, which the lab makes ten times as fast as Route 53.
const CHECKERS: Duration = Duration::from_mins(2);
/// A full node boots systemd and cloud-init.
const BOOT: Duration = Duration::from_mins(3);

/// The machine: a container of a fleet of its own, so that the lab's cloud does not know it. It goes when this is dropped.
struct Machine {
    host_key: String,
}

impl Machine {
    /// Boots it as somebody's own Debian: another SSH port and user, nothing that serves, no trace of a line.
    fn boot(home: &std::path::Path) -> Self {
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-C", "root@home", "-f"])
            .arg(home.join("host_key"))
            .status();
        assert!(
            made.is_ok_and(|status| status.success()),
            "ssh-keygen cannot be run"
        );
        let read = |name: &str| std::fs::read_to_string(home.join(name)).unwrap();
        let host_key = read("host_key.pub").trim().to_owned();
        let private = read("host_key").replace('\n', "\n    ");
        let operator = read(".ssh/id_ed25519.pub");
        let user_data = format!(
            "#cloud-config\nssh_deletekeys: true\nssh_keys:\n  ed25519_private: |\n    {}\n  ed25519_public: \"{host_key}\"\n\
             users:\n  - name: debian\n    shell: /bin/bash\n    sudo: \"ALL=(ALL) NOPASSWD:ALL\"\n    ssh_authorized_keys:\n      - \"{}\"\n\
             write_files:\n  - path: /etc/ssh/sshd_config.d/50-port.conf\n    content: |\n      Port {PORT}\n\
             runcmd:\n  - [systemctl, disable, --now, nginx, redis-server]\n  - [touch, /var/lib/own-machine]\n",
            private.trim_end(),
            operator.trim()
        );
        let machine = Self { host_key };
        Self::fleet("fleet.terminate('own')", "");
        Self::fleet(
            &format!("fleet.boot('own', '{ADDRESS}', 1024, 2, sys.stdin.read(), hostname='own')"),
            &user_data,
        );
        machine
    }

    /// Does something with the fleet that the machine alone is of.
    fn fleet(what: &str, input: &str) {
        let lab = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/lab");
        let state =
            variable("DSLINE_LAB_STATE").unwrap_or_else(|| "/var/lib/dsline-lab".to_owned());
        let script =
            format!("import sys\nfrom nodes import Fleet\nfleet = Fleet('{state}/own')\n{what}\n");
        let mut running = Command::new("python3")
            .args(["-B", "-c", &script])
            .env("PYTHONPATH", lab)
            .stdin(Stdio::piped())
            .spawn()
            .expect("python3 is installed");
        let mut pipe = running.stdin.take().unwrap();
        pipe.write_all(input.as_bytes()).unwrap();
        drop(pipe);
        assert!(running.wait().unwrap().success(), "{what}");
    }

    /// Its block of the profile.
    fn block(&self) -> String {
        format!(
            "[[node]]\nname = \"home\"\naddress = \"{ADDRESS}\"\nregion = \"eu-west-1\"\nuser = \"debian\"\nport = {PORT}\n\
             host_key = \"{}\"\n",
            self.host_key
        )
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        Self::fleet("fleet.terminate('own')", "");
    }
}

fn wants(story: &Story, machine: &Machine, requests_per_second: u32) {
    let rest = format!(
        "[dns]\nhost = \"llm.{LINE}.test\"\nresolver = \"{}\"\nttl = 6\n\n[nginx]\nrequests_per_second = {requests_per_second}\n\n{}",
        name_server(),
        machine.block()
    );
    let text = profile(LINE, REGIONS, &rest);
    std::fs::write(story.home().join("dsline.toml"), text).unwrap();
}

/// Each node's live release.
fn releases(story: &Story) -> Vec<(String, u64)> {
    let all = story.run("releases --json").exits(0).json();
    let of = |node: &serde_json::Value| {
        let name = node["node"].as_str().unwrap_or_default().to_owned();
        (name, node["live"].as_u64().unwrap_or_default())
    };
    all.as_array().unwrap().iter().map(of).collect()
}

/// What the name server answers to Europe in some tries.
fn answers(story: &Story) -> BTreeSet<String> {
    (0..24).flat_map(|_| story.ask("europe")).collect()
}

/// How a command ended on the machine, and what it said; without an answer it has not ended well.
fn on_machine(story: &Story, script: &str) -> (i64, String) {
    let words = [
        "exec", "--json", "--on", NODE, "--", "sudo", "sh", "-c", script,
    ];
    let ran = story.run_words(&words).json();
    let own = &ran[0];
    let said = own["stdout"].as_str().unwrap_or_default();
    (own["status"].as_i64().unwrap_or(-1), said.to_owned())
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn a_machine_of_ones_own_lives_in_a_line_and_is_left_clean() {
    // The story's end still needs the machine, so it goes after it.
    let mut place = None;
    let story = Story::of(LINE, REGIONS).with_domain(REGIONS);
    let machine = place.insert(Machine::boot(story.home()));
    wants(&story, machine, 1000);
    wait_until("the machine has booted", BOOT, || {
        on_machine(
            &story,
            "cloud-init status --wait >/dev/null; test -e /var/lib/own-machine",
        )
        .0 == 0
    });
    joins(&story);
    serves(&story);
    is_pushed_and_taken_back(&story, machine);
    is_drained_with_its_region(&story);
    is_lost_and_not_replaced(&story);
    another_key_is_not_spoken_to(&story, machine);
    is_left_clean(&story);
}

fn joins(story: &Story) {
    let plan = story.run("plan").exits(2);
    plan.says("prepare the machine: packages, folders, Docker, nginx, Redis")
        .says("health check outside AWS");
    let ran = story.run("up --yes").exits(0);
    say(&ran.to_string());
    story.run("up --yes").exits(0).says("nothing to do");
    assert_eq!(
        story.cloud.instances(LINE).len(),
        2,
        "an instance was launched for it"
    );
}

fn serves(story: &Story) {
    wait_until("status finds everything healthy", CHECKERS, || {
        story.run("status").code == 0
    });
    let status = story.run("status --json").exits(0).json();
    let nodes = status["nodes"].as_array().unwrap();
    let own = nodes.iter().find(|node| node["slot"] == NODE);
    assert_eq!(nodes.len(), 3, "{status}");
    assert!(own.is_some_and(|node| node["checkers"] == true), "{status}");
    let both = [story.addresses()["eu-west-1/1"].clone(), ADDRESS.to_owned()];
    wait_until(
        "DNS answers Europe with both of its nodes",
        CHECKERS,
        || answers(story) == BTreeSet::from(both.clone()),
    );
    let (node, answer) = story.chat(ADDRESS);
    assert!(node == NODE && !answer.is_empty(), "{node}: {answer}");
    let (code, shown) = on_machine(
        story,
        "nft list table inet dsline 2>&1; sshd -T | grep -i '^allowusers'",
    );
    assert!(
        code != 0 && !shown.contains("policy drop"),
        "its owner's firewall and sshd are touched: {shown}"
    );
    story
        .run("logs --region eu-west-1 --since 1h")
        .exits(0)
        .says(NODE);
}

fn is_pushed_and_taken_back(story: &Story, machine: &Machine) {
    let all = |number: u64| {
        let told = releases(story);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told.iter().all(|(_, live)| *live == number), "{told:?}");
    };
    all(1);
    wants(story, machine, 900);
    say(&story.run("push --yes").exits(0).to_string());
    all(2);
    say(&story.run("rollback --yes").exits(0).to_string());
    all(1);
    wants(story, machine, 1000);
    story.run("up --yes").exits(0);
}

fn is_drained_with_its_region(story: &Story) {
    let far = story.addresses()["us-east-1/1"].clone();
    say(&story.run("failover eu-west-1").exits(0).to_string());
    assert_eq!(answers(story), BTreeSet::from([far]));
    let (_, health) = on_machine(
        story,
        "curl -s -o /dev/null -w '%{http_code}' http://127.0.0.1/healthz",
    );
    assert!(health.contains("503"), "it is not drained: {health}");
    story.run("failover eu-west-1 --restore").exits(0);
    wait_until(
        "DNS answers Europe with the machine again",
        CHECKERS,
        || answers(story).contains(ADDRESS),
    );
}

fn is_lost_and_not_replaced(story: &Story) {
    Machine::fleet("fleet.power_off('own')", "");
    wait_until("DNS has left the dead machine", CHECKERS, || {
        !answers(story).contains(ADDRESS)
    });
    let launched = story.cloud.instances(LINE).len();
    wait_until("it is told that the machine is dead", CHECKERS, || {
        story
            .run("plan")
            .has("nothing replaces a machine of your own")
    });
    say(&story.run("reconcile --once").to_string());
    assert_eq!(story.cloud.instances(LINE).len(), launched);
    Machine::fleet("fleet.power_on('own')", "");
    wait_until("status finds everything healthy again", BOOT, || {
        story.run("status").code == 0
    });
}

fn another_key_is_not_spoken_to(story: &Story, machine: &Machine) {
    let path = story.home().join("dsline.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let other = std::fs::read_to_string(story.home().join(".ssh/id_ed25519.pub")).unwrap();
    std::fs::write(&path, text.replace(&machine.host_key, other.trim())).unwrap();
    let plan = story.run("plan");
    assert!(
        plan.has("but the profile pins") && plan.has("nothing was sent to it"),
        "{plan}"
    );
    std::fs::write(&path, text).unwrap();
}

fn is_left_clean(story: &Story) {
    let ran = story.run("teardown --yes").exits(0);
    say(&ran.to_string());
    ran.says("leave the machine")
        .says("nothing of the line is left");
    let (code, found) = on_machine(
        story,
        "ls -d /var/lib/dsline /etc/rsyslog.d/30-dsline.conf /usr/local/sbin/dsline-first-boot 2>/dev/null; \
         find /etc -lname '/var/lib/dsline/*'; docker ps --all --quiet; \
         for unit in nginx redis-server; do systemctl is-active $unit; done | grep -x active",
    );
    assert!(
        code != 0 && found.trim().is_empty(),
        "left on the machine: {found}"
    );
    // It is whole, and could join again.
    assert_eq!(
        on_machine(
            story,
            "sshd -t && test -e /var/lib/own-machine && dpkg -s nginx"
        )
        .0,
        0
    );
    story
        .run("teardown --yes")
        .exits(0)
        .says("nothing of the line is left");
}
