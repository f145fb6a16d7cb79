//! Requests a minute by the generic cell rate algorithm: one number of state, no matter which limit it is held against.
//!
//! Written here rather than taken from `governor`, whose limiter has one quota for all its keys, cannot check several
//! limits before it takes from any, and grows with the keys that strangers make up.

/// Nanoseconds of a minute.
const MINUTE: u64 = 60_000_000_000;

/// A limit: a minute's worth at once, then evenly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    /// Nanoseconds that pay for one request, rounded up so that the limit is never exceeded.
    cell: u64,
    burst: u64,
}

impl Rate {
    /// So many a minute; `None` if there is no limit.
    pub(super) fn per_minute(limit: u32) -> Option<Self> {
        (limit > 0).then(|| Self {
            cell: MINUTE.div_ceil(u64::from(limit)),
            burst: u64::from(limit),
        })
    }

    /// When (as nanoseconds, like `now`) the account will be paid up after one more request; `Err` is the wait until
    /// one more is possible. `paid_up` is what the last call returned, 0 at first.
    pub(super) fn take(self, paid_up: u64, now: u64) -> Result<u64, u64> {
        let after = paid_up.max(now) + self.cell;
        let most = now + self.burst * self.cell;
        if after <= most {
            Ok(after)
        } else {
            Err(after - most)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn never_more_than_burst_and_rate(
            limit in 1_u32..5000,
            gaps in prop::collection::vec(0_u64..400_000_000, 1..600),
        ) {
            let rate = Rate::per_minute(limit).unwrap();
            let (mut paid_up, mut now) = (0, 1_000_000);
            let mut times = Vec::new();
            for gap in gaps {
                now += gap;
                if let Ok(after) = rate.take(paid_up, now) {
                    paid_up = after;
                    times.push(now);
                }
            }
            for (first, begin) in times.iter().enumerate() {
                for (last, end) in times.iter().enumerate().skip(first) {
                    let passed = u128::try_from(last - first + 1).unwrap();
                    let span = u128::from(end - begin);
                    let most = u128::from(limit) + span * u128::from(limit) / u128::from(MINUTE);
                    prop_assert!(passed <= most, "{passed} within {span} ns at {limit} a minute");
                }
            }
        }

        #[test]
        fn the_wait_is_true_and_not_longer_than_needed(limit in 1_u32..100_000, used in 0_u32..100_000) {
            let rate = Rate::per_minute(limit).unwrap();
            let mut paid_up = 0;
            for _ in 0..used.min(limit) {
                paid_up = rate.take(paid_up, 5).unwrap();
            }
            if let Err(wait) = rate.take(paid_up, 5) {
                prop_assert!(rate.take(paid_up, 5 + wait).is_ok());
                prop_assert!(rate.take(paid_up, 5 + wait - 1).is_err());
            }
        }
    }

    #[test]
    fn a_minutes_worth_passes_at_once_for_any_limit() {
        for limit in [1, 2, 7, 59, 60, 1000, 999_999, 2_000_000_000] {
            let rate = Rate::per_minute(limit).unwrap();
            let tried = limit.min(10_000);
            let paid_up = (0..tried)
                .try_fold(0, |paid_up, _| rate.take(paid_up, 0))
                .unwrap();
            assert_eq!(rate.take(paid_up, 0).is_err(), tried == limit, "{limit}");
        }
        assert_eq!(Rate::per_minute(0), None);
    }
}
