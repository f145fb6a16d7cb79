//! Tokens within the last minute, second by second: unlike a rate, it can take back what was reserved and not used.

/// One more than a minute has, so that a second leaves only when all of it is a minute old.
const SECONDS: u64 = 61;

/// The same, as a length.
const SLOTS: usize = 61;

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

/// What one account used and reserved.
#[derive(Debug, Clone)]
pub(super) struct Window {
    slots: [u32; SLOTS],
    newest: u64,
    sum: u64,
}

/// What was reserved, and in which second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reserved {
    second: u64,
    tokens: u32,
}

impl Window {
    /// Nothing used yet.
    pub(super) const fn new() -> Self {
        Self {
            slots: [0; SLOTS],
            newest: 0,
            sum: 0,
        }
    }

    /// Whether so many more fit; `Err` is the wait in nanoseconds. More than the limit itself is asked as the limit:
    /// a guess must not refuse a request for ever, and what it really uses is charged in the end.
    pub(super) fn check(&mut self, now: u64, tokens: u32, limit: u32) -> Result<(), u64> {
        self.advance(now / SECOND);
        let room = u64::from(limit - tokens.min(limit));
        let mut excess = self.sum.saturating_sub(room);
        if excess == 0 {
            return Ok(());
        }
        let oldest = (self.newest + 1).saturating_sub(SECONDS);
        for second in oldest..=self.newest {
            excess = excess.saturating_sub(u64::from(self.slots[slot(second)]));
            if excess == 0 {
                return Err((second + SECONDS) * SECOND - now);
            }
        }
        Err(SECONDS * SECOND)
    }

    /// Reserves, after a check.
    pub(super) fn reserve(&mut self, now: u64, tokens: u32, limit: u32) -> Reserved {
        let tokens = tokens.min(limit);
        self.advance(now / SECOND);
        self.add(tokens);
        Reserved {
            second: self.newest,
            tokens,
        }
    }

    /// Replaces what was reserved by what was used.
    pub(super) fn settle(&mut self, now: u64, reserved: Reserved, used: u32) {
        self.advance(now / SECOND);
        if used >= reserved.tokens {
            return self.add(used - reserved.tokens);
        }
        let unused = reserved.tokens - used;
        if reserved.second + SECONDS > self.newest {
            let slot = &mut self.slots[slot(reserved.second)];
            self.sum -= u64::from((*slot).min(unused));
            *slot = slot.saturating_sub(unused);
        }
    }

    /// The first nanosecond from which this is as good as new.
    pub(super) const fn idle_at(&self) -> u64 {
        if self.sum == 0 {
            0
        } else {
            (self.newest + SECONDS) * SECOND
        }
    }

    fn add(&mut self, tokens: u32) {
        let slot = &mut self.slots[slot(self.newest)];
        let more = slot.saturating_add(tokens);
        self.sum += u64::from(more - *slot);
        *slot = more;
    }

    fn advance(&mut self, second: u64) {
        // A clock read before another thread's may come here after it.
        let second = second.max(self.newest);
        for gone in (self.newest + 1).max((second + 1).saturating_sub(SECONDS))..=second {
            let slot = &mut self.slots[slot(gone)];
            self.sum -= u64::from(*slot);
            *slot = 0;
        }
        self.newest = second;
    }
}

fn slot(second: u64) -> usize {
    usize::try_from(second % SECONDS).expect("a remainder of 61 fits")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_minute_holds_more_than_the_limit(
            limit in 1_u32..10_000,
            asks in prop::collection::vec((0_u64..9 * SECOND, 1_u32..4000), 1..200),
        ) {
            let mut window = Window::new();
            let (mut now, mut taken) = (0_u64, Vec::new());
            for (gap, tokens) in asks {
                now += gap;
                let tokens = tokens.min(limit);
                match window.check(now, tokens, limit) {
                    Ok(()) => {
                        window.reserve(now, tokens, limit);
                        taken.push((now, u64::from(tokens)));
                    }
                    Err(wait) => {
                        let mut later = window.clone();
                        prop_assert_eq!(later.check(now + wait, tokens, limit), Ok(()));
                    }
                }
                let minute = taken.iter().filter(|(at, _)| at + 60 * SECOND > now);
                prop_assert!(minute.map(|(_, tokens)| tokens).sum::<u64>() <= u64::from(limit));
                let held: u64 = window.slots.iter().map(|&tokens| u64::from(tokens)).sum();
                prop_assert_eq!(held, window.sum);
            }
        }

        #[test]
        fn settling_leaves_exactly_what_was_used(
            uses in prop::collection::vec((1_u32..5000, 0_u32..9000), 1..50),
        ) {
            let mut window = Window::new();
            let reserved: Vec<_> = uses.iter().map(|(guess, _)| window.reserve(0, *guess, u32::MAX)).collect();
            for (reserved, (_, used)) in reserved.into_iter().zip(&uses) {
                window.settle(30 * SECOND, reserved, *used);
            }
            prop_assert_eq!(window.sum, uses.iter().map(|(_, used)| u64::from(*used)).sum::<u64>());
        }
    }

    #[test]
    fn what_was_used_beyond_the_guess_delays_the_next() {
        let mut window = Window::new();
        let reserved = window.reserve(0, 100, 1000);
        window.settle(10 * SECOND, reserved, 5000);
        assert_eq!(
            window.check(20 * SECOND, 1, 1000),
            Err((10 + 61 - 20) * SECOND)
        );
        assert_eq!(window.check(71 * SECOND, 1, 1000), Ok(()));
    }

    #[test]
    fn a_guess_above_the_limit_passes_when_nothing_else_was_used() {
        let mut window = Window::new();
        assert_eq!(window.check(0, 1_000_000, 1000), Ok(()));
        let reserved = window.reserve(0, 1_000_000, 1000);
        assert_eq!(window.check(0, 1, 1000), Err(61 * SECOND));
        window.settle(SECOND, reserved, 10);
        assert_eq!(window.check(SECOND, 990, 1000), Ok(()));
    }

    #[test]
    fn a_very_late_settlement_takes_nothing_back_twice() {
        let mut window = Window::new();
        let reserved = window.reserve(0, 500, 1000);
        window.reserve(100 * SECOND, 700, 1000);
        window.settle(100 * SECOND, reserved, 0);
        assert_eq!(window.sum, 700);
    }
}
