//! How much work a node has: its gateway's permits and its CPU, by one rule.

use jiff::{SignedDuration, Timestamp};

use crate::line::{CpuSight, GatewayStatus};
use crate::scaling::Sample;

/// A CPU figure older than this says nothing of now: CloudWatch's step is five minutes, and it comes some minutes late.
const CPU_AGE: SignedDuration = SignedDuration::from_mins(12);
/// With fewer CPU credits a burstable instance is about to be held to its baseline.
const FEW_CREDITS: f64 = 2.0;
/// Shares that differ by more are told of.
const DISAGREEMENT: f64 = 0.3;

/// A node's load, as a share of what it can do.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reading {
    /// The share; above 1, requests wait.
    pub(super) share: f64,
    /// What is worth telling: figures that disagree, credits that are gone.
    pub(super) note: Option<String>,
}

/// A node as its load is read.
pub(super) struct Loaded<'a> {
    /// The node, as people name it.
    pub(super) place: &'a str,
    /// Its instance type.
    pub(super) instance_type: &'a str,
    /// What its gateway says.
    pub(super) gateway: &'a GatewayStatus,
    /// What CloudWatch says.
    pub(super) cpu: Option<CpuSight>,
    /// When the number of nodes last changed; a CPU figure from before is of another fleet.
    pub(super) changed: Option<Timestamp>,
}

/// The rule: a node is as busy as the busier of two things, its upstream permits (used, and waited for) and its CPU.
///
/// Without the gateway's figures there is no reading: CPU alone lags by minutes. The CPU's share is of what the instance
/// may use: all of it, or its baseline once its credits are gone.
pub(super) fn reading(node: &Loaded<'_>, now: Timestamp) -> Option<Reading> {
    let permits = node.gateway.permits.filter(|permits| permits.all > 0)?;
    #[expect(clippy::cast_precision_loss, reason = "there are thousands of permits")]
    let share = (permits.used + permits.waiting) as f64 / permits.all as f64;
    let is_of_now = |cpu: &CpuSight| {
        let age = now.duration_since(cpu.at);
        !age.is_negative() && age <= CPU_AGE && node.changed.is_none_or(|at| cpu.at >= at)
    };
    let Some(cpu) = node.cpu.filter(is_of_now) else {
        return Some(Reading { share, note: None });
    };
    let is_spent = cpu.credits.is_some_and(|credits| credits < FEW_CREDITS);
    let allowed = if is_spent {
        baseline(node.instance_type)
    } else {
        100.0
    };
    let by_cpu = cpu.percent / allowed;
    Some(Reading {
        share: share.max(by_cpu),
        note: note(node.place, share, by_cpu, is_spent),
    })
}

fn note(place: &str, by_permits: f64, by_cpu: f64, is_spent: bool) -> Option<String> {
    let differs = (by_permits - by_cpu).abs() > DISAGREEMENT;
    let spent = if is_spent {
        "; its CPU credits are gone, so its baseline is all it has"
    } else {
        ""
    };
    (differs || is_spent).then(|| {
        format!(
            "{place}: {:.0} % of its permits, {:.0} % of its CPU, and the larger counts{spent}",
            by_permits * 100.0,
            by_cpu * 100.0
        )
    })
}

/// What a burstable instance may use for ever, in percent of all its cores (EC2 user guide, "Key concepts for burstable
/// performance instances"); a type that is not in the table is held to nothing.
fn baseline(instance_type: &str) -> f64 {
    match instance_type {
        "t2.nano" | "t3.nano" | "t3a.nano" | "t4g.nano" => 5.0,
        "t2.micro" | "t3.micro" | "t3a.micro" | "t4g.micro" => 10.0,
        "t2.small" | "t3.small" | "t3a.small" | "t4g.small" | "t2.medium" | "t3.medium"
        | "t3a.medium" | "t4g.medium" => 20.0,
        "t2.large" | "t3.large" | "t3a.large" | "t4g.large" => 30.0,
        _ => 100.0,
    }
}

/// A region's sample from the readings of the nodes that serve; `None` as soon as one of them is missing.
pub(super) fn readings(nodes: &[Option<Reading>], now: Timestamp) -> Option<Sample> {
    let shares: Option<Vec<f64>> = nodes
        .iter()
        .map(|reading| reading.as_ref().map(|reading| reading.share))
        .collect();
    let shares = shares.filter(|shares| !shares.is_empty())?;
    Some(Sample {
        at: now,
        demand: shares.iter().sum(),
        ready: u32::try_from(shares.len()).expect("a region has few nodes"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::PermitStatus;

    fn now() -> Timestamp {
        "2026-11-23T12:00:00Z".parse().unwrap()
    }

    fn cpu(percent: f64, credits: f64, minutes_ago: i64) -> CpuSight {
        CpuSight {
            at: now() - SignedDuration::from_mins(minutes_ago),
            percent,
            credits: Some(credits),
        }
    }

    fn read(used: u64, waiting: u64, cpu: Option<CpuSight>) -> Reading {
        let gateway = GatewayStatus {
            permits: Some(PermitStatus {
                used,
                all: 100,
                waiting,
            }),
            ..GatewayStatus::default()
        };
        let node = Loaded {
            place: "us-east-1/1",
            instance_type: "t3.micro",
            gateway: &gateway,
            cpu,
            changed: Some(now() - SignedDuration::from_mins(9)),
        };
        reading(&node, now()).unwrap()
    }

    #[test]
    fn the_busier_of_permits_and_cpu_counts_and_a_disagreement_is_told() {
        for (used, waiting, percent, share, is_told) in [
            (50, 0, 40.0, 0.5, false),
            (50, 0, 60.0, 0.6, false),
            (50, 40, 65.0, 0.9, false),
            (100, 100, 60.0, 2.0, true),
            (10, 0, 90.0, 0.9, true),
        ] {
            let reading = read(used, waiting, Some(cpu(percent, 100.0, 6)));
            assert!((reading.share - share).abs() < 1e-9, "{reading:?}");
            assert_eq!(reading.note.is_some(), is_told, "{reading:?}");
        }
    }

    #[test]
    fn a_cpu_figure_that_is_old_or_of_another_fleet_does_not_count() {
        for minutes in [13, 10, -1] {
            let reading = read(20, 0, Some(cpu(90.0, 100.0, minutes)));
            assert!((reading.share - 0.2).abs() < 1e-9, "{minutes}");
        }
        assert!((read(20, 0, None).share - 0.2).abs() < 1e-9);
    }

    #[test]
    fn without_credits_the_baseline_is_all_there_is() {
        let reading = read(20, 0, Some(cpu(9.0, 0.5, 6)));
        assert!((reading.share - 0.9).abs() < 1e-9);
        assert_eq!(
            reading.note.unwrap(),
            "us-east-1/1: 20 % of its permits, 90 % of its CPU, and the larger counts; its CPU credits are gone, so its baseline is all it has"
        );
    }

    #[test]
    fn one_missing_reading_leaves_no_sample() {
        let known = Some(Reading {
            share: 0.5,
            note: None,
        });
        let sample = readings(&[known.clone(), known.clone()], now()).unwrap();
        assert_eq!((sample.demand, sample.ready), (1.0, 2));
        assert!(readings(&[known, None], now()).is_none());
        assert!(readings(&[], now()).is_none());
        let silent = GatewayStatus::default();
        let node = Loaded {
            place: "us-east-1/1",
            instance_type: "t3.micro",
            gateway: &silent,
            cpu: Some(cpu(90.0, 100.0, 6)),
            changed: None,
        };
        assert_eq!(reading(&node, now()), None);
    }
}
