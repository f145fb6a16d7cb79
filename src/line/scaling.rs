//! The sections of a profile that the loop follows: how many nodes load may ask for, and who is told.

use serde::{Deserialize, Serialize};

use super::profile::Profile;
use super::profile_error::ProfileError;
use super::region::Region;

/// `[scaling]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Scaling {
    /// The rule by which the number of nodes follows load.
    pub policy: ScalingPolicy,
    /// The most nodes of a region; 0 is `nodes.per_region`, which are the fewest.
    pub max_per_region: u16,
    /// The most nodes of the whole line.
    pub total: u16,
    /// The most instances that the account may have of those that cost nothing; 0 when that is no matter.
    pub free_instances: u32,
    /// Seconds from a launch to the node's first request.
    pub boot_seconds: u32,
    /// Below this utilisation the fleet is too large (`band`).
    pub lower: f64,
    /// Above it the fleet is too small.
    pub upper: f64,
    /// Load is averaged over this time before nodes are added.
    pub out_window_seconds: u32,
    /// Load is averaged over this time before nodes are removed.
    pub in_window_seconds: u32,
    /// Pause after nodes were added before more are.
    pub out_pause_seconds: u32,
    /// Pause after any change before nodes are removed.
    pub in_pause_seconds: u32,
}

/// The rule by which the number of nodes follows load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScalingPolicy {
    /// Utilisation is held inside a band.
    Band,
    /// Two thresholds and fixed steps.
    Threshold,
    /// The Kubernetes rule.
    Hpa,
    /// Always `nodes.per_region`.
    Fixed,
}

impl Default for Scaling {
    fn default() -> Self {
        Self {
            policy: ScalingPolicy::Band,
            max_per_region: 0,
            total: 20,
            free_instances: 0,
            boot_seconds: 180,
            lower: 0.65,
            upper: 0.80,
            out_window_seconds: 180,
            in_window_seconds: 300,
            out_pause_seconds: 120,
            in_pause_seconds: 300,
        }
    }
}

/// `[hooks]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Hooks {
    /// A URL that gets every repair, every change of the number of nodes and every failed tick as JSON; empty for none.
    pub webhook: String,
    /// A program with its arguments that gets the same on its standard input; empty for none.
    pub command: Vec<String>,
    /// Seconds that either may take.
    pub timeout_seconds: u32,
}

impl Default for Hooks {
    fn default() -> Self {
        Self {
            webhook: String::new(),
            command: Vec::new(),
            timeout_seconds: 10,
        }
    }
}

impl Profile {
    /// The most nodes that a region may have. Without a host name nobody would find one more, so there is none.
    pub fn most_per_region(&self) -> u16 {
        if self.has_domain() && self.scaling.policy != ScalingPolicy::Fixed {
            self.scaling.max_per_region.max(self.nodes.per_region)
        } else {
            self.nodes.per_region
        }
    }

    /// The most nodes that the line may have: what is shared out is shared by so many, so that no change of their number
    /// changes a share.
    pub fn most_nodes(&self) -> usize {
        let fewest = self.regions.len() * usize::from(self.nodes.per_region);
        let most = self.regions.len() * usize::from(self.most_per_region());
        most.min(usize::from(self.scaling.total)).max(fewest) + self.node.len()
    }

    /// The numbers of the slots that nodes may be launched into in a region.
    pub fn numbers_in(&self, region: &Region) -> std::ops::RangeInclusive<u16> {
        let most = if self.regions.contains(region) {
            self.most_per_region()
        } else {
            0
        };
        1..=most
    }
}

/// Refuses numbers that contradict each other.
pub(super) fn check(profile: &Profile) -> Result<(), ProfileError> {
    let (scaling, hooks) = (&profile.scaling, &profile.hooks);
    let refuse = |key: &str, message: String| Err(ProfileError::of_key(key, message));
    let (most, fewest) = (scaling.max_per_region, profile.nodes.per_region);
    if most != 0 && !(fewest..=20).contains(&most) {
        return refuse(
            "scaling.max_per_region",
            format!("{most} is outside {fewest} (`nodes.per_region`) to 20"),
        );
    }
    let shares = scaling.lower > 0.0 && scaling.upper <= 1.0;
    if !shares || scaling.upper - scaling.lower < 0.05 {
        return refuse(
            "scaling.upper",
            format!(
                "{} to {} is no band: two shares from 0 to 1, at least 0.05 apart",
                scaling.lower, scaling.upper
            ),
        );
    }
    let times = [
        ("scaling.boot_seconds", scaling.boot_seconds),
        ("scaling.out_window_seconds", scaling.out_window_seconds),
        ("scaling.in_window_seconds", scaling.in_window_seconds),
        ("scaling.out_pause_seconds", scaling.out_pause_seconds),
        ("scaling.in_pause_seconds", scaling.in_pause_seconds),
    ];
    // Samples are kept for a quarter of an hour.
    if let Some((key, seconds)) = times.iter().find(|(_, time)| !(1..=840).contains(time)) {
        return refuse(key, format!("{seconds} is outside 1 to 840"));
    }
    if !(1..=300).contains(&hooks.timeout_seconds) {
        return refuse(
            "hooks.timeout_seconds",
            format!("{} is outside 1 to 300", hooks.timeout_seconds),
        );
    }
    let is_url = |url: &str| url.starts_with("https://") || url.starts_with("http://");
    if !hooks.webhook.is_empty() && !is_url(&hooks.webhook) {
        return refuse(
            "hooks.webhook",
            "it must start with https:// or http://".to_owned(),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_a_host_name_or_with_a_fixed_size_does_not_grow() {
        let mut profile = Profile::parse("[scaling]\nmax_per_region = 4\n").unwrap();
        assert_eq!((profile.most_per_region(), profile.most_nodes()), (1, 3));
        profile.dns.host = "llm.example.com".to_owned();
        assert_eq!((profile.most_per_region(), profile.most_nodes()), (4, 12));
        profile.scaling.total = 7;
        assert_eq!(profile.most_nodes(), 7);
        profile.scaling.policy = ScalingPolicy::Fixed;
        assert_eq!((profile.most_per_region(), profile.most_nodes()), (1, 3));
    }

    #[test]
    fn what_contradicts_itself_is_refused_with_its_key() {
        let message = |text: &str| Profile::parse(text).unwrap_err().to_string();
        assert_eq!(
            message("[nodes]\nper_region = 3\n[scaling]\nmax_per_region = 2\n"),
            "line 4: `scaling.max_per_region`: 2 is outside 3 (`nodes.per_region`) to 20"
        );
        assert_eq!(
            message("[scaling]\nlower = 0.8\nupper = 0.7\n"),
            "line 3: `scaling.upper`: 0.8 to 0.7 is no band: two shares from 0 to 1, at least 0.05 apart"
        );
        assert_eq!(
            message("[scaling]\nin_window_seconds = 3600\n"),
            "line 2: `scaling.in_window_seconds`: 3600 is outside 1 to 840"
        );
        assert!(message("[hooks]\nwebhook = \"example.com\"\n").contains("https://"));
    }
}
