//! Slow: whether the cache forgets, the questions differ, the upstream takes its time, or the CPU's credits are gone.

use super::finding::Finding;
use super::sick::Patient;
use crate::line::{MemoryNeeds, Profile, shown_lines};

const ABOUT: &str = "slow";
/// Fewer requests say nothing of a hit ratio.
const ENOUGH: u64 = 50;
/// Below so many hits in a hundred, the cache hardly helps.
const FEW_HITS: u64 = 20;
/// Fewer answers say nothing of an upstream.
const ENOUGH_ANSWERS: u64 = 5;
/// So many milliseconds to the first byte are slow.
const SLOW_MS: u64 = 2_000;
/// With fewer credits a burstable instance is about to be held at its base line.
const LAST_CREDITS: f64 = 5.0;
/// What a cache is given where memory allows, in MiB.
const AMPLE_MIB: u32 = 512;
const MIB: u64 = 1 << 20;

/// Finds every cause of slow answers; one good finding when there is none.
pub(super) fn slowness(patient: Patient<'_>) -> Vec<Finding> {
    let causes = [
        evictions(patient),
        few_hits(patient),
        upstream(patient),
        credits(patient),
    ];
    let found: Vec<Finding> = causes.into_iter().flatten().collect();
    if !found.is_empty() {
        return found;
    }
    let requests = &patient.symptoms.requests;
    let what = match ratio(patient) {
        None => "nobody has asked lately".to_owned(),
        Some(ratio) => format!(
            "{ratio} % of {} requests were answered from the cache, the upstream took {} ms to the first byte",
            requests.hits + requests.misses,
            requests.upstream_ms
        ),
    };
    vec![Finding::good(ABOUT, what)]
}

/// Hits in a hundred; `None` while nothing was asked.
fn ratio(patient: Patient<'_>) -> Option<u64> {
    let requests = &patient.symptoms.requests;
    (requests.hits * 100).checked_div(requests.hits + requests.misses)
}

fn evictions(patient: Patient<'_>) -> Option<Finding> {
    let redis = |name| patient.symptoms.redis.get(name).copied();
    let evicted = redis("evicted_keys").filter(|count| *count > 0)?;
    let limit = redis("maxmemory").unwrap_or(0) / MIB;
    let hits = ratio(patient).map_or_else(String::new, |ratio| {
        format!("; {ratio} % of the last requests were hits")
    });
    let what =
        format!("the cache has dropped {evicted} answers to stay within its {limit} MiB{hits}");
    let memory = redis("memory_of_the_node").unwrap_or(0) / MIB;
    let lines = [
        "evicted_keys",
        "used_memory",
        "maxmemory",
        "keyspace_hits",
        "keyspace_misses",
    ];
    let lines = lines
        .iter()
        .filter_map(|name| Some(format!("redis: {name} {}", redis(name)?)));
    let hint = more_memory(patient.profile, memory);
    Some(Finding::wrong(ABOUT, what, hint).shown_by(lines.collect()))
}

/// What to set `maxmemory` to on a node with so many MiB.
fn more_memory(profile: &Profile, memory: u64) -> String {
    let present = profile.redis.max_memory_mib;
    let wanted = AMPLE_MIB.max(present.saturating_mul(2));
    let fits = |wanted: u32| {
        let mut larger = profile.clone();
        larger.redis.max_memory_mib = wanted;
        // The kernel counts some of a machine's memory as its own.
        u64::from(MemoryNeeds::of(&larger).total()) <= memory + memory / 12
    };
    if fits(wanted) {
        return format!(
            "set `redis.max_memory_mib = {wanted}` in the profile (now {present}), then `dsline up`"
        );
    }
    format!(
        "{wanted} MiB would fit a t3.small, not this node: name one as `nodes.instance_types` and set `redis.max_memory_mib = {wanted}`"
    )
}

fn few_hits(patient: Patient<'_>) -> Option<Finding> {
    let requests = &patient.symptoms.requests;
    let asked = requests.hits + requests.misses;
    let ratio = ratio(patient).filter(|ratio| asked >= ENOUGH && *ratio < FEW_HITS)?;
    let what = format!(
        "only {ratio} % of the last {asked} requests were answered from the cache ({} hits, {} misses)",
        requests.hits, requests.misses
    );
    let hint = if patient.profile.cache.enabled {
        "questions that differ cannot be answered from a cache: look at `cache.ttl_seconds` and `cache.except`, and send the same question in the same words"
    } else {
        "the cache is off: set `cache.enabled = true` in the profile, then `dsline up`"
    };
    Some(Finding::wrong(ABOUT, what, hint))
}

fn upstream(patient: Patient<'_>) -> Option<Finding> {
    let requests = &patient.symptoms.requests;
    if requests.misses < ENOUGH_ANSWERS || requests.upstream_ms < SLOW_MS {
        return None;
    }
    let what = format!(
        "the upstream took {:.1} s to the first byte on average, {:.1} s at most ({} answers)",
        seconds(requests.upstream_ms),
        seconds(requests.slowest_ms),
        requests.misses
    );
    let hint = "it is not the line: look at the provider's status page, or add another as `[[upstream.others]]`";
    Some(Finding::wrong(ABOUT, what, hint).shown_by(shown_lines(&requests.slow_log)))
}

fn seconds(milliseconds: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "it is shown with one digit")]
    let seconds = milliseconds as f64 / 1e3;
    seconds
}

fn credits(patient: Patient<'_>) -> Option<Finding> {
    let cpu = patient.cpu?;
    let left = cpu.credits.filter(|left| *left < LAST_CREDITS)?;
    let what = format!(
        "{left:.0} CPU credits are left, so the node is held at its base line ({:.0} % of its CPU was used)",
        cpu.percent
    );
    let hint = "raise `nodes.per_region`, or name a larger type as `nodes.instance_types`; credits come back while the node is idle";
    let line = format!("CloudWatch at {}: CPUCreditBalance {left:.1}", cpu.at);
    Some(Finding::wrong(ABOUT, what, hint).shown_by(vec![line]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;
    use crate::line::{CpuSight, NodeReport, RecentRequests, Symptoms};

    fn redis(evicted: u64, node_mib: u64) -> Symptoms {
        let facts = [
            ("evicted_keys", evicted),
            ("maxmemory", 256 * MIB),
            ("memory_of_the_node", node_mib * MIB),
        ];
        Symptoms {
            redis: facts.map(|(name, value)| (name.to_owned(), value)).into(),
            ..Symptoms::default()
        }
    }

    fn asked(hits: u64, misses: u64, upstream_ms: u64) -> Symptoms {
        let requests = RecentRequests {
            hits,
            misses,
            upstream_ms,
            slowest_ms: upstream_ms * 2,
            slow_log: vec!["2026-11-23T06:00:00Z /v1/chat/completions".to_owned()],
        };
        Symptoms {
            requests,
            ..Symptoms::default()
        }
    }

    fn found(symptoms: &Symptoms, credits: Option<f64>) -> Vec<Finding> {
        let report = NodeReport::default();
        slowness(Patient {
            symptoms,
            report: &report,
            cpu: Some(CpuSight {
                at: "2026-11-23T06:00:00Z".parse().unwrap(),
                percent: 10.0,
                credits,
            }),
            profile: &Profile::default(),
        })
    }

    #[test]
    fn each_cause_is_found_alone() {
        let cases = [
            (
                redis(9, 2048),
                None,
                "has dropped 9 answers to stay within its 256 MiB",
            ),
            (asked(5, 95, 100), None, "only 5 % of the last 100 requests"),
            (
                asked(50, 50, 2500),
                None,
                "the upstream took 2.5 s to the first byte on average, 5.0 s at most",
            ),
            (Symptoms::default(), Some(1.0), "1 CPU credits are left"),
        ];
        for (symptoms, credits, text) in cases {
            let found = found(&symptoms, credits);
            assert_eq!(found.len(), 1, "{text}");
            assert_eq!(found[0].verdict, Verdict::Wrong);
            assert!(found[0].what.contains(text), "{}", found[0].what);
        }
    }

    #[test]
    fn what_is_as_it_should_be_is_good() {
        for (symptoms, credits, text) in [
            (Symptoms::default(), None, "nobody has asked"),
            (asked(5, 5, 900), Some(50.0), "50 % of 10 requests"),
            (asked(1, 45, 900), None, "2 % of 46 requests"),
            (asked(0, 4, 9000), None, "0 % of 4 requests"),
        ] {
            let found = found(&symptoms, credits);
            assert_eq!(found[0].verdict, Verdict::Good, "{text}");
            assert!(found[0].what.contains(text), "{}", found[0].what);
        }
    }

    #[test]
    fn more_memory_is_advised_where_there_is_some() {
        let hint = |node_mib| found(&redis(9, node_mib), None)[0].hint.clone().unwrap();
        assert!(hint(1900).contains("set `redis.max_memory_mib = 512` in the profile (now 256)"));
        assert!(hint(949).contains("would fit a t3.small, not this node"));
    }
}
