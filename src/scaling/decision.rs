//! One region's decision of one tick, with everything that it was made from.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bounds::{Elsewhere, Limits};
use super::policy::Policy;
use super::pool::Pool;

/// Everything that a decision is made from; the same inputs always give the same decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// When.
    pub at: Timestamp,
    /// The rule.
    pub policy: Policy,
    /// The region's nodes and load.
    pub pool: Pool,
    /// What must not be passed.
    pub limits: Limits,
    /// The rest of the line.
    pub elsewhere: Elsewhere,
}

/// A decision and its reasons: one line of the decision log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// What it was made from.
    pub inputs: Inputs,
    /// What the policy wished: nodes more, or fewer when it is below zero.
    pub wished: i32,
    /// What is to be done.
    pub change: i32,
    /// The rule that decided.
    pub rule: String,
    /// Why.
    pub why: String,
    /// Why not more.
    pub why_not_more: String,
    /// Why not fewer.
    pub why_not_less: String,
    /// The limit that changed the wish.
    pub bound: Option<String>,
}

/// Decides for one region.
pub fn decide(inputs: Inputs) -> Decision {
    let Inputs {
        at,
        policy,
        pool,
        limits,
        elsewhere,
    } = &inputs;
    let free = limits.free_left(pool, elsewhere);
    let wish = policy.wish(pool, free, *at);
    let (change, bound) = limits.hold(pool, elsewhere, &wish);
    let held = |own: &str, is_held: bool| match &bound {
        Some(bound) if is_held => bound.clone(),
        _ => own.to_owned(),
    };
    Decision {
        wished: wish.change,
        change,
        rule: wish.rule.to_owned(),
        why: wish.why.clone(),
        why_not_more: held(&wish.why_not_more, change < wish.change),
        why_not_less: held(&wish.why_not_less, change > wish.change),
        bound,
        inputs,
    }
}

impl Decision {
    /// What is different when it is made again from its own inputs; `None` when it comes out as it was.
    pub fn difference(&self) -> Option<String> {
        let again = decide(self.inputs.clone());
        if again == *self {
            return None;
        }
        Some(if again.change == self.change {
            format!(
                "the same change ({:+}) for another reason: `{}: {}` was recorded, `{}: {}` comes out",
                self.change, self.rule, self.why, again.rule, again.why
            )
        } else {
            format!(
                "{:+} was recorded, {:+} comes out: {}",
                self.change, again.change, again.why
            )
        })
    }
}
