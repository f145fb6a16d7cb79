//! What a breaker promises, whatever happens in whatever order.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::breaker::{Breaker, Change, Leave, Limits, Outcome, State};

const LIMITS: Limits = Limits {
    trip_after: 5,
    longest_open: Duration::from_secs(30),
    bench: Duration::from_mins(10),
};

/// A step of a story: time passes, somebody asks, somebody comes back.
#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Ask(bool),
    Return(usize, Outcome),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let outcome = prop_oneof![
        4 => Just(Outcome::Success), 6 => Just(Outcome::Failure), 1 => Just(Outcome::Refused), 1 => Just(Outcome::Unknown)
    ];
    let step = prop_oneof![
        (0_u64..5000).prop_map(Step::Wait),
        any::<bool>().prop_map(Step::Ask),
        (0_usize..8, outcome).prop_map(|(which, outcome)| Step::Return(which, outcome)),
    ];
    proptest::collection::vec(step, 0..300)
}

proptest! {
    #[test]
    fn a_probe_is_alone_time_is_kept_and_strays_change_nothing(steps in steps()) {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(LIMITS, now);
        let mut out: Vec<Leave> = Vec::new();
        for step in steps {
            let before = breaker.state();
            match step {
                Step::Wait(ms) => now += Duration::from_millis(ms),
                Step::Ask(last_resort) => match (breaker.admit(now, last_resort), before) {
                    (Some(leave @ Leave::Pass(_)), state) => {
                        prop_assert_eq!(state, State::Closed);
                        out.push(leave);
                    }
                    (Some(leave @ Leave::Probe(_)), state) => {
                        let is_due = match state {
                            State::Open(until) => until <= now,
                            State::Benched(until) => until <= now || last_resort,
                            State::Closed | State::HalfOpen => false,
                        };
                        prop_assert!(is_due, "{:?}", state);
                        prop_assert_eq!(breaker.state(), State::HalfOpen);
                        prop_assert_eq!(breaker.admit(now, true), None);
                        out.push(leave);
                    }
                    (None, state) => prop_assert_ne!(state, State::Closed),
                },
                Step::Return(which, outcome) if which < out.len() => {
                    let leave = out.swap_remove(which);
                    let change = breaker.settle(leave, outcome, now);
                    // Who was admitted in another period says nothing about this one.
                    prop_assert_eq!(breaker.settle(Leave::Probe(u64::MAX), Outcome::Success, now), None);
                    match change {
                        Some(Change::Tripped(time)) => {
                            prop_assert!(time >= Duration::from_secs(1) && time <= LIMITS.longest_open);
                            prop_assert_eq!(breaker.state(), State::Open(now + time));
                        }
                        Some(Change::Benched(time)) => prop_assert_eq!(breaker.state(), State::Benched(now + time)),
                        Some(Change::Recovered) => {
                            prop_assert_eq!(before, State::HalfOpen);
                            prop_assert_eq!(breaker.state(), State::Closed);
                        }
                        None if outcome == Outcome::Unknown && before == State::HalfOpen => {}
                        None => prop_assert_eq!(breaker.state(), before),
                    }
                }
                Step::Return(..) => {}
            }
        }
    }

    #[test]
    fn it_always_comes_back(failures in 1_usize..40) {
        let mut now = Instant::now();
        let mut breaker = Breaker::new(LIMITS, now);
        for _ in 0..failures {
            now += LIMITS.longest_open;
            let leave = breaker.admit(now, false).expect("the longest wait is over");
            breaker.settle(leave, Outcome::Failure, now);
        }
        now += LIMITS.longest_open;
        let leave = breaker.admit(now, false).expect("the longest wait is over");
        breaker.settle(leave, Outcome::Success, now);
        prop_assert_eq!(breaker.state(), State::Closed);
    }
}

fn fail(breaker: &mut Breaker, now: Instant) -> Option<Change> {
    let leave = breaker.admit(now, false).expect("it is closed or due");
    breaker.settle(leave, Outcome::Failure, now)
}

#[test]
fn waits_double_up_to_the_longest() {
    let mut now = Instant::now();
    let mut breaker = Breaker::new(LIMITS, now);
    for _ in 0..4 {
        assert_eq!(fail(&mut breaker, now), None);
    }
    for seconds in [1, 2, 4, 8, 16, 30, 30] {
        let time = Duration::from_secs(seconds);
        assert_eq!(fail(&mut breaker, now), Some(Change::Tripped(time)));
        assert_eq!(breaker.admit(now, true), None);
        now += time;
    }
}

#[test]
fn half_of_twenty_trips_though_never_five_in_a_row() {
    let now = Instant::now();
    let mut breaker = Breaker::new(LIMITS, now);
    let mut changes = Vec::new();
    for turn in 0..20 {
        let leave = breaker.admit(now, false).expect("it is closed");
        let outcome = if turn % 2 == 0 {
            Outcome::Success
        } else {
            Outcome::Failure
        };
        changes.extend(breaker.settle(leave, outcome, now));
    }
    assert_eq!(changes, [Change::Tripped(Duration::from_secs(1))]);
}

#[test]
fn a_benched_key_is_the_last_resort_now_and_then() {
    let mut now = Instant::now();
    let mut breaker = Breaker::new(LIMITS, now);
    let leave = breaker.admit(now, false).unwrap();
    assert_eq!(
        breaker.settle(leave, Outcome::Refused, now),
        Some(Change::Benched(LIMITS.bench))
    );
    assert_eq!(breaker.admit(now, false), None);
    let leave = breaker
        .admit(now, true)
        .expect("never tried as a last resort");
    breaker.settle(leave, Outcome::Refused, now);
    assert_eq!(breaker.admit(now, true), None);
    now += Duration::from_secs(15);
    let leave = breaker.admit(now, true).expect("fifteen seconds are over");
    assert_eq!(
        breaker.settle(leave, Outcome::Success, now),
        Some(Change::Recovered)
    );
}
