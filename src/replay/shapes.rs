//! Loads that nobody recorded: what a policy must stand as well as the trace that it was tried on.

use std::f64::consts::TAU;
use std::fmt::Write as _;

use crate::scaling::{Limits, Policy};

use super::course::{Setting, run};
use super::log::{read_log, verdicts, write_log};
use super::machine::Machine;
use super::score::Score;
use super::trace::Trace;

const TRACE: &str = include_str!("../../tests/fixtures/replay/azure_llm_inference_2023_conv.csv");

fn setting(policy: &str, first: u32) -> Setting {
    Setting {
        policy: policy.parse().unwrap(),
        machine: Machine::default(),
        limits: Limits {
            min: 2,
            max: 40,
            total: 40,
            free_instances: None,
            budget_cents: None,
            node_cents: 1287,
        },
        region: "us-east-1".parse().unwrap(),
        first,
        interval: 60,
    }
}

fn score(policy: &str, trace: &Trace, first: u32) -> Score {
    let setting = setting(policy, first);
    Score::of(&run(trace, &setting), trace, &setting.machine)
}

/// A load in nodes' worth as a function of hours.
fn shape(hours: u32, demand: impl Fn(f64) -> f64) -> Trace {
    let machine = Machine::default();
    let mut text = String::from("second,requests\n");
    let mut owed = 0.0;
    for second in 0..hours * 3600 {
        let nodes = demand(f64::from(second) / 3600.0);
        owed += nodes * f64::from(machine.permits) / machine.request_seconds;
        let count = owed.floor();
        owed -= count;
        writeln!(text, "{second},{count}").unwrap();
    }
    Trace::parse(&text, &machine).unwrap()
}

/// Uniform in -1..1, the same in every run.
fn noise(hour: f64) -> f64 {
    let seed = (hour * 3600.0 / 20.0).floor();
    2.0 * ((seed * 12.9898).sin() * 43_758.545).fract().abs() - 1.0
}

fn shapes() -> Vec<(&'static str, Trace)> {
    vec![
        (
            "day and night",
            shape(24, |hour| 7.0 - 5.0 * (hour / 24.0 * TAU).cos()),
        ),
        (
            "step",
            shape(4, |hour| {
                if (1.0..=2.5).contains(&hour) {
                    10.0
                } else {
                    4.0
                }
            }),
        ),
        (
            "spike",
            shape(4, |hour| {
                if (2.0..2.1).contains(&hour) {
                    14.0
                } else {
                    5.0
                }
            }),
        ),
        (
            "sawtooth",
            shape(6, |hour| 3.0 + 9.0 * (hour / 1.5).fract()),
        ),
        ("noise", shape(4, |hour| 8.0 * (1.0 + 0.25 * noise(hour)))),
    ]
}

#[test]
fn the_band_beats_the_other_rules_on_the_recorded_conversations() {
    let trace = Trace::parse(TRACE, &Machine::default()).unwrap();
    let band = score("band", &trace, 5);
    for other in ["threshold", "hpa"] {
        let other = score(other, &trace, 5);
        assert!(band.in_band > other.in_band, "{band:?} {other:?}");
        assert!(
            band.overload_minutes < other.overload_minutes,
            "{band:?} {other:?}"
        );
        assert!(band.node_hours <= other.node_hours, "{band:?} {other:?}");
    }
}

#[test]
fn the_band_stands_loads_that_it_was_not_tried_on() {
    for (name, trace) in shapes() {
        let band = score("band", &trace, 5);
        let hpa = score("hpa", &trace, 5);
        let threshold = score("threshold", &trace, 5);
        let figures = format!("{name}: {band:?} {hpa:?} {threshold:?}");
        assert!(band.overload_minutes <= hpa.overload_minutes, "{figures}");
        assert!(band.flaps <= hpa.flaps, "{figures}");
        assert!(band.node_hours <= 1.06 * hpa.node_hours, "{figures}");
        assert!(band.in_band > threshold.in_band, "{figures}");
        assert!(band.node_hours < threshold.node_hours, "{figures}");
    }
}

#[test]
fn every_decision_of_a_replay_comes_out_again_from_its_log() {
    let trace = Trace::parse(TRACE, &Machine::default()).unwrap();
    for policy in Policy::NAMES {
        let course = run(&trace, &setting(policy, 5));
        let log = read_log(&write_log(&course.decisions)).unwrap();
        assert_eq!(log.len(), 58);
        for verdict in verdicts(log) {
            assert_eq!(verdict.difference, None, "line {}", verdict.line);
        }
    }
}

#[test]
fn no_request_is_lost_on_the_way() {
    let trace = Trace::parse(TRACE, &Machine::default()).unwrap();
    let course = run(&trace, &setting("band", 5));
    let refused: u32 = course.seconds.iter().map(|second| second.refused).sum();
    let last = course.seconds.last().unwrap();
    let score = Score::of(&course, &trace, &Machine::default());
    assert_eq!(trace.requests(), 19_366);
    assert!((score.refused * 19_366.0 - f64::from(refused)).abs() < 1e-6);
    let capacity = last.ready * Machine::default().permits;
    assert!(
        course
            .seconds
            .iter()
            .all(|second| second.in_flight <= 40 * 7)
    );
    assert!(last.in_flight <= capacity);
}
