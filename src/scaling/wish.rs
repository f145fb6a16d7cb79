//! What a policy would do if nothing stood in its way.

/// A policy's wish; bounds may hold it back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Nodes more, or fewer when it is below zero.
    pub change: i32,
    /// The rule that decided, in one or two words.
    pub rule: &'static str,
    /// Why, with the figures.
    pub why: String,
    /// Why not more nodes than that.
    pub why_not_more: String,
    /// Why not fewer.
    pub why_not_less: String,
    /// Whether nothing may be done at all, bounds included: what is known is too old to act on.
    pub is_blind: bool,
}

impl Wish {
    /// No change.
    pub(super) fn hold(rule: &'static str, why: String) -> Self {
        Self {
            change: 0,
            rule,
            why,
            why_not_more: String::new(),
            why_not_less: String::new(),
            is_blind: false,
        }
    }

    /// No change, since there is nothing young enough to act on.
    pub(super) fn blind(why: String) -> Self {
        Self {
            why_not_more: "without a fresh sample nothing is launched".to_owned(),
            why_not_less: "without a fresh sample nothing is removed".to_owned(),
            is_blind: true,
            ..Self::hold("no fresh load", why)
        }
    }
}

/// A share as a percentage.
pub(super) fn percent(share: f64) -> String {
    if share.is_finite() {
        format!("{:.0} %", share * 100.0)
    } else {
        "more than any".to_owned()
    }
}

/// The least whole number of nodes that is not below a demand.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from f64 saturates, and no fleet has four thousand million nodes"
)]
pub(super) fn ceiling(demand: f64) -> u32 {
    demand.ceil() as u32
}

/// `to - from`, for fleets.
pub(super) fn difference(to: u32, from: u32) -> i32 {
    i32::try_from(i64::from(to) - i64::from(from)).unwrap_or(if to > from {
        i32::MAX
    } else {
        i32::MIN
    })
}
