//! What AWS gives an account on its free plan.

use jiff::Timestamp;
use serde::Serialize;

/// Credits of an account, as AWS tells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct AccountPlan {
    /// What is left, in US cents.
    pub credit_cents: u64,
    /// When the free plan ends, even with credits left; `None` for a paid plan.
    pub ends: Option<Timestamp>,
}
