//! A node's own account of its defences, judged.

use super::finding::Finding;
use crate::line::{Container, Inside, Profile, WafMode};

const PUSH: &str = "`dsline up` pushes the node's files again";
const NEW_NODE: &str =
    "it is set at first boot; `/etc/ssh/sshd_config.d` on the node shows what changed it";
const UPGRADES: &str =
    "on the node: `sudo systemctl enable --now apt-daily.timer apt-daily-upgrade.timer`";
const CLOCK: &str = "on the node: `sudo timedatectl set-ntp true`";
/// What sshd must say of itself.
const SSHD: [(&str, &[&str]); 4] = [
    ("sshd.passwordauthentication", &["no"]),
    ("sshd.kbdinteractiveauthentication", &["no"]),
    ("sshd.permitrootlogin", &["no"]),
    ("sshd.permitemptypasswords", &["no"]),
];
/// What the system itself needs beside the daemons of a line, in MiB.
const SYSTEM_MIB: u32 = 200;
/// nginx with its rules, while old workers serve on after a reload.
const NGINX_MIB: u32 = 192;

/// Judges what a node says of itself.
pub fn judge_inside(inside: &Inside, profile: &Profile) -> Vec<Finding> {
    let mut findings = vec![
        sshd(inside),
        firewall(inside),
        listening(inside),
        redis(inside),
        rules(inside, profile.waf.mode),
        upgrades(inside),
        clock(inside),
        journal(inside),
        memory(inside, profile),
        files(inside),
    ];
    if inside.containers.is_empty() {
        findings.push(Finding::unknown("containers", "no container runs"));
    }
    findings.extend(inside.containers.iter().map(container));
    findings
}

fn sshd(inside: &Inside) -> Finding {
    for (name, wanted) in SSHD {
        let setting = &name["sshd.".len()..];
        match inside.facts.get(name) {
            None => return Finding::unknown("sshd", format!("does not say its `{setting}`")),
            Some(value) if !wanted.contains(&value.as_str()) => {
                return Finding::wrong("sshd", format!("`{setting}` is `{value}`"), NEW_NODE);
            }
            Some(_) => {}
        }
    }
    Finding::good("sshd", "takes keys only, and not for root")
}

fn firewall(inside: &Inside) -> Finding {
    match fact(inside, "firewall.drops") {
        Some("2") => Finding::good(
            "firewall",
            "drops what nobody asked for, Docker's ports too",
        ),
        Some(_) => Finding::wrong("firewall", "the node's own rules are not in force", PUSH),
        None => Finding::unknown("firewall", "nft does not answer"),
    }
}

fn listening(inside: &Inside) -> Finding {
    let stray: Vec<String> = inside
        .listening
        .iter()
        .filter(|port| ![22, 80, 443].contains(*port))
        .map(ToString::to_string)
        .collect();
    if inside.listening.is_empty() {
        return Finding::unknown("listening", "ss does not answer");
    }
    if stray.is_empty() {
        return Finding::good("listening", "nothing but 22, 80 and 443");
    }
    let hint = "on the node: `sudo ss -tlnp` names the program";
    let what = format!("something listens on {}", stray.join(", "));
    Finding::wrong("listening", what, hint)
}

fn redis(inside: &Inside) -> Finding {
    match fact(inside, "redis.port") {
        Some("0") => Finding::good("redis", "has no port"),
        Some(port) => Finding::wrong("redis", format!("has the port {port}"), PUSH),
        None => Finding::unknown("redis", "there is no live release"),
    }
}

fn rules(inside: &Inside, mode: WafMode) -> Finding {
    let wanted = match mode {
        WafMode::On => Some("On"),
        WafMode::Detect => Some("DetectionOnly"),
        WafMode::Off => None,
    };
    if fact(inside, "waf") == wanted {
        return Finding::good(
            "waf file",
            format!("says `{}` as the profile", mode.as_str()),
        );
    }
    Finding::wrong("waf file", "is not what the profile wants", PUSH)
}

fn upgrades(inside: &Inside) -> Finding {
    if fact(inside, "upgrades") != Some("1") {
        return Finding::wrong("upgrades", "are not installed by themselves", UPGRADES);
    }
    match fact(inside, "upgrades.timer") {
        Some("enabled") if inside.facts.contains_key("reboot") => Finding::wrong(
            "upgrades",
            "wait for a reboot",
            "`dsline exec --on NODE 'sudo reboot'`, one node after the other",
        ),
        Some("enabled") => Finding::good("upgrades", "are installed by themselves"),
        Some(state) => Finding::wrong("upgrades", format!("their timer is {state}"), UPGRADES),
        None => Finding::unknown("upgrades", "systemd knows no timer for them"),
    }
}

fn clock(inside: &Inside) -> Finding {
    match fact(inside, "clock") {
        Some("yes") => Finding::good("clock", "is kept by others"),
        Some(_) => Finding::wrong("clock", "is not synchronised", CLOCK),
        None => Finding::unknown("clock", "timedatectl does not answer"),
    }
}

fn journal(inside: &Inside) -> Finding {
    match fact(inside, "journal") {
        Some(limit) => Finding::good("journal", format!("grows to {limit} at most")),
        None => Finding::wrong("journal", "has no limit of ours", PUSH),
    }
}

/// What everything on a node may use at once against what the node has.
fn memory(inside: &Inside, profile: &Profile) -> Finding {
    let number = |name| fact(inside, name).and_then(|text| text.parse::<u32>().ok());
    let (Some(memory), Some(swap)) = (number("memory"), number("swap")) else {
        return Finding::unknown("memory", "the kernel does not say how much there is");
    };
    let waf = if profile.waf.mode == WafMode::Off {
        0
    } else {
        32
    };
    let need = SYSTEM_MIB
        + NGINX_MIB
        + waf
        + profile.gateway.memory_mib
        + profile.redis.max_memory_mib / 4 * 5;
    let what = format!("{need} MiB may be used of {memory} MiB and {swap} MiB of swap");
    if need <= memory + swap {
        return Finding::good("memory", what);
    }
    let hint = "lower `redis.max_memory_mib` or `gateway.memory_mib`, or take a larger type";
    Finding::wrong("memory", what, hint)
}

fn files(inside: &Inside) -> Finding {
    if inside.loose_files.is_empty() {
        return Finding::good("secrets", "are readable by their owners only");
    }
    let what = format!("everybody may read {}", inside.loose_files.join(", "));
    Finding::wrong("secrets", what, PUSH)
}

fn container(container: &Container) -> Finding {
    let faults = [
        (container.privileged, "is privileged"),
        (!container.read_only, "can write its file system"),
        (!container.no_new_privileges, "may gain privileges"),
        (is_root(&container.user), "runs as root"),
        (container.memory == 0, "may use all memory"),
        (container.published > 0, "publishes a port"),
    ];
    let found: Vec<&str> = faults
        .iter()
        .filter_map(|(is_so, what)| is_so.then_some(*what))
        .collect();
    if found.is_empty() {
        let what = format!("{} is read-only, unprivileged and bounded", container.name);
        return Finding::good("container", what);
    }
    let hint = "if it is not the line's gateway, remove it; else `dsline up` starts it anew";
    let what = format!("{} {}", container.name, found.join(", "));
    Finding::wrong("container", what, hint)
}

fn is_root(user: &str) -> bool {
    let name = user.split(':').next().unwrap_or_default();
    matches!(name, "" | "0" | "root")
}

fn fact<'a>(inside: &'a Inside, name: &str) -> Option<&'a str> {
    inside.facts.get(name).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn sound() -> Inside {
        let facts = [
            ("sshd.passwordauthentication", "no"),
            ("sshd.kbdinteractiveauthentication", "no"),
            ("sshd.permitrootlogin", "no"),
            ("sshd.permitemptypasswords", "no"),
            ("firewall.drops", "2"),
            ("redis.port", "0"),
            ("waf", "On"),
            ("upgrades", "1"),
            ("upgrades.timer", "enabled"),
            ("clock", "yes"),
            ("journal", "64M"),
            ("memory", "949"),
            ("swap", "1024"),
        ];
        Inside {
            facts: facts.map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            listening: [22, 80, 443].into(),
            containers: vec![Container {
                name: "gateway".to_owned(),
                read_only: true,
                user: "65532:65532".to_owned(),
                no_new_privileges: true,
                memory: 192 << 20,
                published: 0,
                privileged: false,
            }],
            loose_files: Vec::new(),
        }
    }

    fn faults(inside: &Inside) -> Vec<(&'static str, Verdict)> {
        judge_inside(inside, &Profile::default())
            .into_iter()
            .filter(|finding| finding.verdict != Verdict::Good)
            .map(|finding| (finding.about, finding.verdict))
            .collect()
    }

    #[test]
    fn a_sound_node_is_good() {
        assert_eq!(faults(&sound()), []);
    }

    #[test]
    fn each_wrong_fact_is_found_alone() {
        for (name, value, about) in [
            ("sshd.permitrootlogin", "yes", "sshd"),
            ("sshd.passwordauthentication", "yes", "sshd"),
            ("firewall.drops", "0", "firewall"),
            ("redis.port", "6379", "redis"),
            ("waf", "DetectionOnly", "waf file"),
            ("upgrades", "0", "upgrades"),
            ("upgrades.timer", "masked", "upgrades"),
            ("reboot", "required", "upgrades"),
            ("clock", "no", "clock"),
        ] {
            let mut inside = sound();
            inside.facts.insert(name.to_owned(), value.to_owned());
            assert_eq!(faults(&inside), [(about, Verdict::Wrong)], "{name}");
        }
        let mut inside = sound();
        inside.facts.insert("swap".to_owned(), "0".to_owned());
        assert_eq!(faults(&inside), [], "1 GB is enough for the defaults");
        inside.facts.insert("memory".to_owned(), "472".to_owned());
        assert_eq!(faults(&inside), [("memory", Verdict::Wrong)]);
        inside = sound();
        inside.listening.insert(6379);
        assert_eq!(faults(&inside), [("listening", Verdict::Wrong)]);
        inside = sound();
        inside.loose_files.push("/x".to_owned());
        assert_eq!(faults(&inside), [("secrets", Verdict::Wrong)]);
    }

    #[test]
    fn a_container_that_is_not_held_is_told_with_everything_that_is_wrong() {
        let mut inside = sound();
        inside.containers[0] = Container {
            name: "web".to_owned(),
            user: "root".to_owned(),
            published: 1,
            ..Container::default()
        };
        let findings = judge_inside(&inside, &Profile::default());
        assert_eq!(
            findings.last().unwrap().what,
            "web can write its file system, may gain privileges, runs as root, may use all memory, publishes a port"
        );
    }

    #[test]
    fn what_is_not_known_is_not_good() {
        let all = judge_inside(&Inside::default(), &Profile::default());
        assert!(
            all.iter()
                .filter(|finding| finding.about != "secrets")
                .all(|finding| finding.verdict != Verdict::Good)
        );
    }
}
