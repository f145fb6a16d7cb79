//! What one caller may ask, where it differs from everybody's quota.

use serde::Deserialize;

/// Limits of one caller; what is missing is as the quota says, 0 is no limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowance {
    /// Requests a minute.
    pub rpm: Option<u32>,
    /// Tokens a minute.
    pub tpm: Option<u32>,
    /// Streams at the same time.
    pub streams: Option<u32>,
}
