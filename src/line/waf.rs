//! `[waf]` of a profile: the rules against attacks in front of the gateway.

use serde::{Deserialize, Serialize};

/// `[waf]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Waf {
    /// Whether requests that look like attacks are refused, or only written down.
    pub mode: WafMode,
    /// The Core Rule Set's paranoia level, 1 to 4: the higher, the more is found and the more is mistaken.
    pub paranoia: u32,
}

/// What happens to a request that looks like an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WafMode {
    /// It is refused and written to the audit trail.
    On,
    /// It is let through and written to the audit trail.
    Detect,
    /// Nobody looks, and the module is not loaded.
    Off,
}

impl WafMode {
    /// The word that the profile uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::On => "on",
            Self::Detect => "detect",
            Self::Off => "off",
        }
    }
}

impl Default for Waf {
    fn default() -> Self {
        Self {
            mode: WafMode::On,
            paranoia: 1,
        }
    }
}
