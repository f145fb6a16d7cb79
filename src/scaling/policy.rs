//! The choice of a policy.

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::band::Band;
use super::fixed::Fixed;
use super::hpa::Hpa;
use super::pool::Pool;
use super::threshold::Threshold;
use super::wish::Wish;

/// How the number of nodes follows load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Holds utilisation inside a band; the default.
    Band(Band),
    /// Two thresholds and fixed steps.
    Threshold(Threshold),
    /// The Kubernetes rule.
    Hpa(Hpa),
    /// A number that load does not change.
    Fixed(Fixed),
}

impl Policy {
    /// Names of all policies, the default first.
    pub const NAMES: [&str; 4] = ["band", "threshold", "hpa", "fixed"];

    /// The policy's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Band(_) => "band",
            Self::Threshold(_) => "threshold",
            Self::Hpa(_) => "hpa",
            Self::Fixed(_) => "fixed",
        }
    }

    /// What it would do if nothing stood in its way.
    pub(super) fn wish(&self, pool: &Pool, free_instances: u32, now: Timestamp) -> Wish {
        match self {
            Self::Band(band) => band.wish(pool, now),
            Self::Threshold(threshold) => threshold.wish(pool, free_instances, now),
            Self::Hpa(hpa) => hpa.wish(pool, now),
            Self::Fixed(fixed) => fixed.wish(pool),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::Band(Band::default())
    }
}

/// A policy by its name, with its defaults; `fixed` is one node until it is told another number.
impl FromStr for Policy {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "band" => Ok(Self::Band(Band::default())),
            "threshold" => Ok(Self::Threshold(Threshold::default())),
            "hpa" => Ok(Self::Hpa(Hpa::default())),
            "fixed" => Ok(Self::Fixed(Fixed { nodes: 1 })),
            _ => Err(format!(
                "`{name}` is no policy; there are {}",
                Self::NAMES.join(", ")
            )),
        }
    }
}
