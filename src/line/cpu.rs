//! What CloudWatch says of an instance's CPU.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// An instance's CPU over the last interval that CloudWatch has: five minutes, with basic monitoring.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CpuSight {
    /// When the interval began.
    pub at: Timestamp,
    /// Mean share of all its cores, in percent.
    pub percent: f64,
    /// CPU credits that are left; `None` for an instance that has none.
    pub credits: Option<f64>,
}
