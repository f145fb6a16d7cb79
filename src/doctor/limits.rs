//! 429: whose limit it was, nginx's, the gateway's or the upstream's, whom it hit, and what it could be.

use super::finding::Finding;
use super::sick::Patient;
use crate::line::{Limited, Profile};

const ABOUT: &str = "429";
/// What a limit of requests a minute is raised to at least.
const RAISED: u32 = 1_500;
/// What the upstream's own refusal is called in the gateway's metrics.
const BY_UPSTREAM: &str = "rate_limited";

/// Finds everybody whose limit was reached lately; one good finding when there is nobody.
pub(super) fn limits(patient: Patient<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = by_nginx(patient).into_iter().collect();
    if !patient.symptoms.limited.is_empty() {
        found.extend(by_gateway(patient));
        found.extend(by_upstream(patient));
        if found.is_empty() {
            found.push(by_nobody(&patient.symptoms.limited));
        }
    }
    if found.is_empty() {
        found.push(Finding::good(ABOUT, "nobody was refused lately"));
    }
    found
}

/// Half as much again, and for requests a minute what the busiest lines have.
fn raised(limit: u32, least: u32) -> u32 {
    limit.saturating_add(limit / 2).max(least)
}

fn by_nginx(patient: Patient<'_>) -> Option<Finding> {
    let refused = &patient.symptoms.refused;
    let (count, address) = refused.first()?;
    let nginx = &patient.profile.nginx;
    let what = format!(
        "nginx refused {address} {count} times: more than `nginx.requests_per_second` = {} (and {} at once), or `nginx.connections` = {} at the same time",
        nginx.requests_per_second, nginx.burst, nginx.connections
    );
    let hint = format!(
        "if that is one of yours, set `nginx.requests_per_second = {}` and `nginx.burst = {RAISED}` in the profile, then `dsline up`",
        raised(nginx.requests_per_second, 0)
    );
    let lines = refused
        .iter()
        .map(|(count, address)| format!("nginx: refused {address} {count} times"));
    Some(Finding::wrong(ABOUT, what, hint).shown_by(lines.collect()))
}

/// The key of the profile that a limit is, its value, and the least that it is raised to.
fn setting(profile: &Profile, kind: &str) -> Option<(&'static str, u32, u32)> {
    let quota = &profile.quota;
    Some(match kind {
        "key_requests" => ("requests_per_minute", quota.requests_per_minute, RAISED),
        "address_requests" => (
            "address_requests_per_minute",
            quota.address_requests_per_minute,
            RAISED,
        ),
        "key_tokens" => ("tokens_per_minute", quota.tokens_per_minute, 0),
        "key_streams" => ("streams", quota.streams, RAISED),
        "upstream_permits" => ("account_permits", quota.account_permits, 0),
        "upstream_queue" => ("queue_length", quota.queue_length, 0),
        _ => return None,
    })
}

fn by_gateway(patient: Patient<'_>) -> Vec<Finding> {
    let symptoms = patient.symptoms;
    let counted = symptoms.counted("dsline_refused_total", "kind");
    let finding = |(kind, count): (&String, &u64)| {
        let (key, limit, least) = setting(patient.profile, kind)?;
        let whom = whom(kind, symptoms.limited.first()?);
        let what = format!(
            "the gateway refused {count} requests, most of them of {whom}: the limit is `quota.{key}` = {limit}"
        );
        let hint = format!(
            "if that is meant to be, set `quota.{key} = {}` in the profile, then `dsline up`",
            raised(limit, least)
        );
        Some(Finding::wrong(ABOUT, what, hint).shown_by(lines(&symptoms.limited)))
    };
    counted.iter().filter_map(finding).collect()
}

/// Who it was, by what the limit is counted by.
fn whom(kind: &str, limited: &Limited) -> String {
    if kind == "address_requests" {
        return format!("the address {}", limited.address);
    }
    let name = match (limited.subject.as_str(), limited.key.as_str()) {
        ("", "") => "somebody without a name".to_owned(),
        ("", key) => format!("the key {key}"),
        (subject, "") => format!("`{subject}`"),
        (subject, key) => format!("`{subject}` (key {key})"),
    };
    format!("{name} at {}", limited.address)
}

fn lines(limited: &[Limited]) -> Vec<String> {
    let line = |one: &Limited| {
        let whom = whom("", one);
        let upstream = if one.upstream.is_empty() {
            String::new()
        } else {
            format!(", asked of {}", one.upstream)
        };
        format!("{} 429 {whom}, {} times{upstream}", one.last, one.count)
    };
    limited.iter().map(line).collect()
}

fn by_upstream(patient: Patient<'_>) -> Vec<Finding> {
    let symptoms = patient.symptoms;
    let refusing: Vec<(&String, f64)> = symptoms
        .counters
        .iter()
        .filter(|(name, count)| {
            name.starts_with("dsline_upstream_attempts_total")
                && name.contains(&format!("outcome=\"{BY_UPSTREAM}\""))
                && **count > 0.0
        })
        .map(|(name, count)| (name, *count))
        .collect();
    let finding = |(name, count): &(&String, f64)| {
        let upstream = name.split_once("upstream=\"")?.1.split_once('"')?.0;
        let permits = patient.profile.quota.account_permits;
        let what = format!(
            "the upstream `{upstream}` refused {count:.0} calls: its limit for this line's account is reached, nobody's of the line"
        );
        let hint = format!(
            "ask the provider for more, set `quota.account_permits` below {permits} so that requests wait here instead, or add another `[[upstream.others]]`"
        );
        Some(Finding::wrong(ABOUT, what, hint).shown_by(lines(&symptoms.limited)))
    };
    refusing.iter().filter_map(finding).collect()
}

/// The counters are those of a gateway that has been started since.
fn by_nobody(limited: &[Limited]) -> Finding {
    let count: u64 = limited.iter().map(|one| one.count).sum();
    let what = format!(
        "{count} requests were answered with 429, before the gateway was started again: whose limit it was is not known"
    );
    let hint = "run it again when it happens again; `dsline logs` shows each request";
    Finding::wrong(ABOUT, what, hint).shown_by(lines(limited))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;
    use crate::line::{NodeReport, Symptoms};

    fn found(change: impl FnOnce(&mut Symptoms)) -> Vec<Finding> {
        let mut symptoms = Symptoms::default();
        change(&mut symptoms);
        limits(Patient {
            symptoms: &symptoms,
            report: &NodeReport::default(),
            cpu: None,
            profile: &Profile::default(),
        })
    }

    fn ann() -> Limited {
        Limited {
            count: 7,
            subject: "ann".to_owned(),
            key: "ab12cd".to_owned(),
            address: "198.51.100.7".to_owned(),
            upstream: String::new(),
            last: "2026-11-23T06:00:00Z".to_owned(),
        }
    }

    #[test]
    fn whose_limit_it_was_is_told_with_whom_it_hit_and_a_new_value() {
        let cases = [
            (
                "dsline_refused_total{kind=\"key_requests\"}",
                "`ann` (key ab12cd) at 198.51.100.7: the limit is `quota.requests_per_minute` = 1000",
                "`quota.requests_per_minute = 1500`",
            ),
            (
                "dsline_refused_total{kind=\"address_requests\"}",
                "the address 198.51.100.7: the limit is `quota.address_requests_per_minute` = 6000",
                "= 9000`",
            ),
            (
                "dsline_refused_total{kind=\"key_streams\"}",
                "`quota.streams` = 1000",
                "`quota.streams = 1500`",
            ),
            (
                "dsline_refused_total{kind=\"upstream_permits\"}",
                "`quota.account_permits` = 500",
                "`quota.account_permits = 750`",
            ),
            (
                "dsline_upstream_attempts_total{upstream=\"deepseek\",outcome=\"rate_limited\"}",
                "the upstream `deepseek` refused 3 calls",
                "below 500",
            ),
        ];
        for (counter, what, hint) in cases {
            let found = found(|symptoms| {
                symptoms.limited = vec![ann()];
                symptoms.counters.insert(counter.to_owned(), 3.0);
            });
            assert_eq!(found.len(), 1, "{counter}");
            assert_eq!(found[0].verdict, Verdict::Wrong);
            assert!(found[0].what.contains(what), "{}", found[0].what);
            assert!(
                found[0].hint.as_ref().unwrap().contains(hint),
                "{:?}",
                found[0].hint
            );
            assert_eq!(
                found[0].lines,
                ["2026-11-23T06:00:00Z 429 `ann` (key ab12cd) at 198.51.100.7, 7 times"]
            );
        }
    }

    #[test]
    fn nginx_names_the_address() {
        let found = found(|symptoms| symptoms.refused = vec![(40, "198.51.100.8".to_owned())]);
        assert!(
            found[0]
                .what
                .starts_with("nginx refused 198.51.100.8 40 times")
        );
        let hint = found[0].hint.as_ref().unwrap();
        assert!(hint.contains("`nginx.requests_per_second = 150` and `nginx.burst = 1500`"));
    }

    #[test]
    fn what_was_refused_long_ago_is_no_finding() {
        let old = "dsline_refused_total{kind=\"key_requests\"}";
        let found = found(|symptoms| {
            symptoms.counters.insert(old.to_owned(), 3.0);
        });
        assert_eq!(found[0].verdict, Verdict::Good);
    }

    #[test]
    fn a_gateway_that_was_started_since_does_not_know_whose_limit_it_was() {
        let found = found(|symptoms| symptoms.limited = vec![ann()]);
        assert!(
            found[0]
                .what
                .starts_with("7 requests were answered with 429")
        );
    }
}
