//! What to do after a failed attempt: a pure decision.

use std::time::Duration;

use super::trouble::Trouble;

/// The first wait before the same upstream is asked again; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest wait that nobody asked us for.
const LONGEST_OWN_WAIT: Duration = Duration::from_secs(2);

/// All that the decision depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation {
    /// What went wrong.
    pub(super) trouble: Trouble,
    /// Attempts so far, this one included, and the most allowed.
    pub(super) attempts: (u32, u32),
    /// Attempts at this same upstream so far.
    pub(super) here: u32,
    /// Whether another upstream could be asked now.
    pub(super) has_other: bool,
    /// Whether the body can be sent again.
    pub(super) is_there: bool,
    /// Whether asking twice harms nobody.
    pub(super) is_repeatable: bool,
    /// What is left until the deadline.
    pub(super) left: Duration,
    /// The longest wait for a `Retry-After`.
    pub(super) longest_wait: Duration,
    /// A roll in 0..1, so that clients who failed together do not come back together.
    pub(super) roll: f64,
}

/// What next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Another upstream, at once.
    Elsewhere,
    /// The same one, after a wait.
    Here(Duration),
    /// The client has to know.
    GiveUp,
}

/// Decides.
pub(super) fn next(now: &Situation) -> Next {
    let may_go_on = now.attempts.0 < now.attempts.1
        && now.is_there
        && !now.trouble.is_clients()
        && (now.is_repeatable || !now.trouble.may_have_acted());
    if !may_go_on || now.left.is_zero() {
        return Next::GiveUp;
    }
    // A stumble rather than an outage: the same upstream holds the prompt's cache and deserves a second chance.
    let is_stumble = matches!(now.trouble, Trouble::Unwell(500, None) | Trouble::BrokeOff);
    if is_stumble && now.here == 1 {
        return wait(now, backoff(0, now.roll));
    }
    if now.has_other {
        return Next::Elsewhere;
    }
    match now.trouble {
        Trouble::RateLimited(_) | Trouble::Unwell(..) => {
            let own = backoff(now.here, now.roll);
            wait(now, now.trouble.retry_after().unwrap_or(own))
        }
        Trouble::Unreachable | Trouble::BrokeOff | Trouble::ErrorInside | Trouble::Malformed => {
            wait(now, backoff(now.here, now.roll))
        }
        _ => Next::GiveUp,
    }
}

fn wait(now: &Situation, time: Duration) -> Next {
    if time <= now.longest_wait && time < now.left {
        Next::Here(time)
    } else if now.has_other {
        Next::Elsewhere
    } else {
        Next::GiveUp
    }
}

fn backoff(step: u32, roll: f64) -> Duration {
    let full = FIRST_WAIT
        .saturating_mul(1 << step.min(10))
        .min(LONGEST_OWN_WAIT);
    full.mul_f64(0.5 + roll / 2.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(trouble: Trouble, has_other: bool) -> Situation {
        Situation {
            trouble,
            attempts: (1, 3),
            here: 1,
            has_other,
            is_there: true,
            is_repeatable: true,
            left: Duration::from_mins(1),
            longest_wait: Duration::from_secs(10),
            roll: 1.0,
        }
    }

    #[test]
    fn every_trouble_has_its_next_step() {
        let two = Duration::from_secs(2);
        let here = |ms| Next::Here(Duration::from_millis(ms));
        for (trouble, alone, beside_another) in [
            (
                Trouble::RateLimited(Some(two)),
                Next::Here(two),
                Next::Elsewhere,
            ),
            (Trouble::RateLimited(None), here(200), Next::Elsewhere),
            (
                Trouble::RateLimited(Some(two * 30)),
                Next::GiveUp,
                Next::Elsewhere,
            ),
            (Trouble::Unwell(500, None), here(100), here(100)),
            (Trouble::Unwell(503, None), here(200), Next::Elsewhere),
            (
                Trouble::Unwell(503, Some(two)),
                Next::Here(two),
                Next::Elsewhere,
            ),
            (Trouble::BrokeOff, here(100), here(100)),
            (Trouble::Unreachable, here(200), Next::Elsewhere),
            (Trouble::ConnectTimeout, Next::GiveUp, Next::Elsewhere),
            (Trouble::Silent, Next::GiveUp, Next::Elsewhere),
            (Trouble::NoToken, Next::GiveUp, Next::Elsewhere),
            (Trouble::KeyRefused(401), Next::GiveUp, Next::Elsewhere),
            (Trouble::KeyRefused(402), Next::GiveUp, Next::Elsewhere),
            (Trouble::NoKey, Next::GiveUp, Next::Elsewhere),
            (Trouble::ErrorInside, here(200), Next::Elsewhere),
            (Trouble::Malformed, here(200), Next::Elsewhere),
            (Trouble::WrongType, Next::GiveUp, Next::Elsewhere),
            (Trouble::Oversized, Next::GiveUp, Next::Elsewhere),
            (Trouble::BodyTooLarge, Next::GiveUp, Next::GiveUp),
            (Trouble::ClientBroke, Next::GiveUp, Next::GiveUp),
        ] {
            assert_eq!(next(&after(trouble, false)), alone, "{trouble:?} alone");
            assert_eq!(
                next(&after(trouble, true)),
                beside_another,
                "{trouble:?} beside another"
            );
        }
    }

    #[test]
    fn nothing_is_done_twice_that_may_have_been_done() {
        let gone = Situation {
            is_there: false,
            ..after(Trouble::BrokeOff, true)
        };
        assert_eq!(next(&gone), Next::GiveUp);
        let once = |trouble| Situation {
            is_repeatable: false,
            ..after(trouble, true)
        };
        assert_eq!(next(&once(Trouble::BrokeOff)), Next::GiveUp);
        assert_eq!(next(&once(Trouble::Silent)), Next::GiveUp);
        assert_eq!(next(&once(Trouble::Unreachable)), Next::Elsewhere);
        assert_eq!(next(&once(Trouble::RateLimited(None))), Next::Elsewhere);
    }

    #[test]
    fn attempts_and_time_come_to_an_end() {
        let worn = Situation {
            attempts: (3, 3),
            ..after(Trouble::Unreachable, true)
        };
        assert_eq!(next(&worn), Next::GiveUp);
        let late = Situation {
            left: Duration::from_millis(50),
            ..after(Trouble::Unreachable, false)
        };
        assert_eq!(next(&late), Next::GiveUp);
        let second = Situation {
            here: 2,
            ..after(Trouble::Unwell(500, None), true)
        };
        assert_eq!(next(&second), Next::Elsewhere);
    }
}
