//! A node's edge as strangers see it, judged.

use std::collections::BTreeSet;

use super::finding::Finding;
use crate::line::{Outside, Profile, TlsMinimum, WafMode};

/// What a node may answer on.
const MEANT: [u16; 3] = [22, 80, 443];
const PUSH: &str = "`dsline up` pushes the node's files again";

/// Judges what was seen of a node from outside.
pub fn judge_outside(outside: &Outside, profile: &Profile) -> Vec<Finding> {
    vec![
        ports(outside),
        tls(outside, profile.nginx.tls_min),
        rules(outside, profile.waf.mode),
        strict_transport(outside),
        server(outside),
        plain(outside),
    ]
}

fn ports(outside: &Outside) -> Finding {
    let named = |ports: &[u16]| {
        let texts: Vec<String> = ports.iter().map(u16::to_string).collect();
        texts.join(", ")
    };
    let stray: Vec<u16> = outside
        .open
        .iter()
        .filter(|port| !MEANT.contains(port))
        .copied()
        .collect();
    if !stray.is_empty() {
        let hint = "look for the program with `dsline exec 'sudo ss -tlnp'`; `dsline up` mends security group and firewall";
        return Finding::wrong("ports", format!("{} answer from here", named(&stray)), hint);
    }
    let open: Vec<u16> = outside.open.iter().copied().collect();
    if open.is_empty() {
        return Finding::unknown("ports", "no port answers from here");
    }
    let tried = outside.tried.len();
    Finding::good("ports", format!("{} of {tried} tried answer", named(&open)))
}

fn tls(outside: &Outside, minimum: TlsMinimum) -> Finding {
    let Some(old) = &outside.old_tls else {
        return Finding::unknown("tls", "port 443 does not answer");
    };
    let is_meant = |version: &str| minimum == TlsMinimum::Tls12 && version == "1.2";
    let stray: BTreeSet<&str> = old
        .iter()
        .map(String::as_str)
        .filter(|version| !is_meant(version))
        .collect();
    if stray.is_empty() {
        return Finding::good("tls", "nothing older than `nginx.tls_min` is spoken");
    }
    let versions: Vec<&str> = stray.into_iter().collect();
    Finding::wrong(
        "tls",
        format!("TLS {} is spoken", versions.join(", ")),
        PUSH,
    )
}

fn rules(outside: &Outside, mode: WafMode) -> Finding {
    match (mode, outside.attack) {
        (_, None) => Finding::unknown("waf", "no answer over TLS"),
        (WafMode::On, Some(403)) => Finding::good("waf", "an attack in a query is refused"),
        (WafMode::On, Some(status)) => Finding::wrong(
            "waf",
            format!("an attack in a query is answered with {status}"),
            PUSH,
        ),
        (WafMode::Detect, Some(_)) => Finding::wrong(
            "waf",
            "attacks are written down and let through",
            "set `waf.mode = \"on\"` in the profile, then `dsline up`",
        ),
        (WafMode::Off, Some(_)) => Finding::wrong(
            "waf",
            "nobody looks for attacks",
            "set `waf.mode = \"on\"` in the profile, then `dsline up`",
        ),
    }
}

fn strict_transport(outside: &Outside) -> Finding {
    match (&outside.hsts, outside.attack) {
        (Some(value), _) if value.contains("max-age=") => {
            Finding::good("hsts", "browsers are told to come by TLS only")
        }
        (_, None) => Finding::unknown("hsts", "no answer over TLS"),
        _ => Finding::wrong("hsts", "`Strict-Transport-Security` is missing", PUSH),
    }
}

fn server(outside: &Outside) -> Finding {
    match &outside.server {
        Some(name) if name.contains('/') => {
            Finding::wrong("server", format!("answers say `{name}`"), PUSH)
        }
        _ if outside.attack.is_none() => Finding::unknown("server", "no answer over TLS"),
        _ => Finding::good("server", "answers name no version"),
    }
}

fn plain(outside: &Outside) -> Finding {
    match outside.plain {
        Some(308) => Finding::good("plain http", "is sent on to TLS"),
        Some(status) => Finding::wrong(
            "plain http",
            format!("is answered with {status} instead of a redirect"),
            PUSH,
        ),
        None => Finding::unknown("plain http", "port 80 does not answer"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn sound() -> Outside {
        Outside {
            open: MEANT.into(),
            tried: [22, 80, 443, 6379].into(),
            old_tls: Some(BTreeSet::new()),
            attack: Some(403),
            hsts: Some("max-age=31536000".to_owned()),
            server: Some("nginx".to_owned()),
            plain: Some(308),
        }
    }

    /// What is not good, once something was changed.
    fn wrong(change: impl FnOnce(&mut Outside)) -> Vec<(&'static str, Verdict)> {
        let mut outside = sound();
        change(&mut outside);
        let findings = judge_outside(&outside, &Profile::default());
        findings
            .into_iter()
            .filter(|finding| finding.verdict != Verdict::Good)
            .map(|finding| (finding.about, finding.verdict))
            .collect()
    }

    #[test]
    fn a_sound_edge_is_good_and_each_fault_is_found() {
        assert_eq!(wrong(|_| {}), []);
        let one = |about| vec![(about, Verdict::Wrong)];
        assert_eq!(wrong(|o| o.open = [22, 443, 6379].into()), one("ports"));
        assert_eq!(
            wrong(|o| o.old_tls = Some(["1.2".to_owned()].into())),
            one("tls")
        );
        assert_eq!(wrong(|o| o.attack = Some(200)), one("waf"));
        assert_eq!(wrong(|o| o.hsts = None), one("hsts"));
        assert_eq!(
            wrong(|o| o.server = Some("nginx/1.26.3".to_owned())),
            one("server")
        );
        assert_eq!(wrong(|o| o.plain = Some(200)), one("plain http"));
    }

    #[test]
    fn a_silent_node_is_never_good() {
        let findings = judge_outside(&Outside::default(), &Profile::default());
        assert!(
            findings
                .iter()
                .all(|finding| finding.verdict == Verdict::Unknown)
        );
    }

    #[test]
    fn tls_1_2_is_good_where_it_was_asked_for() {
        let mut profile = Profile::default();
        profile.nginx.tls_min = TlsMinimum::Tls12;
        let outside = Outside {
            old_tls: Some(["1.2".to_owned()].into()),
            ..sound()
        };
        assert_eq!(judge_outside(&outside, &profile)[1].verdict, Verdict::Good);
    }
}
