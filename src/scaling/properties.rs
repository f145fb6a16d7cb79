//! What holds for every policy, fleet and load.

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::bounds::{Elsewhere, Limits};
use super::decision::{Decision, Inputs, decide};
use super::load::{History, Sample};
use super::policy::Policy;
use super::pool::{Change, Pool};
use super::threshold::schedule_resources;

const TICK: SignedDuration = SignedDuration::from_secs(60);

fn start() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

fn pool(ready: u32) -> Pool {
    Pool {
        region: "eu-west-1".parse().unwrap(),
        ready,
        starting: 0,
        leaving: 0,
        boot_seconds: 150,
        history: History::default(),
        changes: Vec::new(),
    }
}

fn limits(max: u32) -> Limits {
    Limits {
        min: 1,
        max,
        total: max,
        free_instances: None,
        budget_cents: None,
        node_cents: 1287,
    }
}

fn inputs(policy: &str, pool: Pool, at: Timestamp) -> Inputs {
    Inputs {
        at,
        policy: policy.parse().unwrap(),
        pool,
        limits: limits(100),
        elsewhere: Elsewhere::default(),
    }
}

/// The changes that a policy makes under a load, one tick after the other; a new node takes three ticks.
fn changes(policy: &str, first: u32, demand: impl Fn(i64) -> f64) -> Vec<i32> {
    let mut pool = pool(first);
    let mut joining: Vec<(i64, u32)> = Vec::new();
    let mut made = Vec::new();
    for tick in 1..=120_i64 {
        let at = start() + TICK * i32::try_from(tick).unwrap();
        let (arrived, still): (Vec<_>, Vec<_>) =
            joining.into_iter().partition(|(when, _)| *when <= tick);
        pool.ready += arrived.iter().map(|(_, count)| count).sum::<u32>();
        joining = still;
        pool.starting = joining.iter().map(|(_, count)| count).sum();
        let ready = pool.ready;
        let demand = demand(tick);
        pool.history.push(Sample { at, demand, ready });
        let change = decide(inputs(policy, pool.clone(), at)).change;
        match u32::try_from(change) {
            Ok(0) => continue,
            Ok(more) => joining.push((tick + 3, more)),
            Err(_) => pool.ready -= change.unsigned_abs().min(pool.ready),
        }
        pool.starting = joining.iter().map(|(_, count)| count).sum();
        pool.changes.push(Change { at, by: change });
        made.push(change);
    }
    made
}

fn any_policy() -> impl Strategy<Value = Policy> {
    prop::sample::select(Policy::NAMES.to_vec()).prop_map(|name| name.parse().unwrap())
}

prop_compose! {
    fn any_history()(ages in prop::collection::vec((0_i64..1200, 0.0..60.0_f64, 0_u32..20), 0..30)) -> History {
        let mut ages = ages;
        ages.sort_by_key(|(age, ..)| std::cmp::Reverse(*age));
        let mut history = History::default();
        for (age, demand, ready) in ages {
            let at = start() - SignedDuration::from_secs(age);
            history.push(Sample { at, demand, ready });
        }
        history
    }
}

prop_compose! {
    fn any_inputs()(
        policy in any_policy(),
        history in any_history(),
        (ready, starting, leaving) in (0_u32..20, 0_u32..6, 0_u32..4),
        changes in prop::collection::vec((0_i64..5000, -5_i32..6), 0..8),
        (min, max, total) in (1_u32..5, 1_u32..25, 1_u32..40),
        (free, budget) in (prop::option::of(0_u32..30), prop::option::of(0_u64..60_000)),
        (nodes, healthy, cents) in (0_u32..20, 0_u32..20, 0_u64..40_000),
    ) -> Inputs {
        let changes = changes.into_iter()
            .map(|(age, by)| Change { at: start() - SignedDuration::from_secs(age), by });
        let pool = Pool { ready, starting, leaving, history, changes: changes.collect(), ..pool(0) };
        let limits = Limits { min, max: max.max(min), total, free_instances: free, budget_cents: budget, node_cents: 1287 };
        let elsewhere = Elsewhere { nodes, healthy: healthy.min(nodes), cents };
        Inputs { at: start(), policy, pool, limits, elsewhere }
    }
}

proptest! {
    #[test]
    fn a_constant_load_never_makes_the_band_turn_round(demand in 0.0..60.0_f64, first in 1_u32..60) {
        let made = changes("band", first, |_| demand);
        let ways: Vec<i32> = made.iter().map(|change| change.signum()).collect();
        prop_assert!(ways.windows(2).all(|pair| pair[0] == pair[1]), "{made:?}");
        // It comes to rest: the last half hour is still.
        let again = changes("band", first, |tick| if tick > 90 { f64::NAN } else { demand });
        prop_assert_eq!(made, again);
    }

    #[test]
    fn a_constant_load_ends_inside_the_band_wherever_a_fleet_can(demand in 4.1..60.0_f64, first in 1_u32..60) {
        let made: i32 = changes("band", first, |_| demand).iter().sum();
        let share = demand / f64::from(i32::try_from(first).unwrap() + made);
        prop_assert!((0.65..=0.80).contains(&share), "{share}");
    }

    #[test]
    fn noise_inside_the_band_moves_nothing(noise in prop::collection::vec(-0.07..0.07_f64, 121), fleet in 6_u32..40) {
        let made = changes("band", fleet, |tick| {
            let noise = noise[usize::try_from(tick).unwrap()];
            (0.725 + noise) * f64::from(fleet)
        });
        prop_assert!(made.is_empty(), "{made:?}");
    }

    #[test]
    fn the_rule_is_the_table_for_every_load(load in 0.0..3.0_f64, free in 0_u32..50) {
        let wanted = match (load, free) {
            (load, free) if load > 0.8 => i64::from(free.min(5)),
            (load, free) if load < 0.3 && free > 2 => -1,
            _ => 0,
        };
        prop_assert_eq!(i64::from(schedule_resources(load, free)), wanted);
    }

    #[test]
    fn bounds_hold_for_every_input(inputs in any_inputs()) {
        let Decision { change, .. } = decide(inputs.clone());
        let Inputs { pool, limits, elsewhere, .. } = &inputs;
        let after = i64::from(pool.provisioned()) + i64::from(change);
        prop_assert!(after >= 0);
        if change > 0 {
            let all = u64::try_from(after).unwrap() + u64::from(pool.leaving);
            prop_assert!(after <= i64::from(limits.max));
            prop_assert!(all + u64::from(elsewhere.nodes) <= u64::from(limits.total));
            if let Some(free) = limits.free_instances {
                prop_assert!(all + u64::from(elsewhere.nodes) <= u64::from(free));
            }
            if let Some(budget) = limits.budget_cents {
                prop_assert!(all * limits.node_cents + elsewhere.cents <= budget);
            }
        }
        if change < 0 {
            prop_assert!(after >= i64::from(limits.min));
            let gone = change.unsigned_abs();
            let serves = pool.ready.saturating_sub(gone) + elsewhere.healthy;
            prop_assert!(serves >= 1 || pool.ready == 0);
        }
    }

    #[test]
    fn old_or_missing_metrics_hold(inputs in any_inputs(), late in 181_i64..10_000, is_missing: bool) {
        let mut inputs = inputs;
        if matches!(inputs.policy, Policy::Fixed(_)) {
            inputs.policy = Policy::default();
        }
        inputs.at = start() + SignedDuration::from_secs(late);
        if is_missing {
            inputs.pool.history = History::default();
        }
        let decision = decide(inputs);
        prop_assert_eq!((decision.change, decision.wished), (0, 0));
        prop_assert_eq!(decision.rule, "no fresh load");
    }

    #[test]
    fn a_recorded_decision_comes_out_again(inputs in any_inputs()) {
        let decision = decide(inputs);
        let text = serde_json::to_string(&decision).unwrap();
        let read: Decision = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(&read, &decision);
        prop_assert_eq!(read.difference(), None);
        let forged = Decision { change: decision.change + 1, ..decision };
        prop_assert!(forged.difference().is_some());
    }

    #[test]
    fn every_decision_explains_itself(inputs in any_inputs()) {
        let decision = decide(inputs);
        prop_assert!(!decision.why.is_empty() && !decision.why_not_more.is_empty());
        prop_assert!(!decision.why_not_less.is_empty());
        prop_assert_eq!(decision.bound.is_some(), decision.change != decision.wished);
    }
}

#[test]
fn an_emergency_does_not_wait_for_a_pause() {
    let mut pool = pool(4);
    pool.changes.push(Change {
        at: start() - SignedDuration::from_secs(10),
        by: -1,
    });
    pool.history.push(Sample {
        at: start(),
        demand: 6.0,
        ready: 4,
    });
    let decision = decide(inputs("band", pool, start()));
    assert_eq!((decision.change, decision.rule.as_str()), (5, "emergency"));
}

#[test]
fn nodes_that_still_start_are_not_launched_twice() {
    let mut pool = pool(4);
    pool.starting = 4;
    pool.history.push(Sample {
        at: start(),
        demand: 6.0,
        ready: 4,
    });
    let decision = decide(inputs("band", pool, start()));
    assert_eq!(decision.change, 0);
}

#[test]
fn a_small_fleet_is_told_that_it_cannot_hold_the_band() {
    for (fleet, is_told) in [(1, true), (3, true), (5, true), (6, false), (12, false)] {
        let mut pool = pool(fleet);
        pool.history.push(Sample {
            at: start(),
            demand: 0.7 * f64::from(fleet),
            ready: fleet,
        });
        let why = decide(inputs("band", pool, start())).why;
        assert_eq!(why.contains("cannot be held"), is_told, "{why}");
    }
}
