//! The policy that a profile asks for.

use crate::line::{Scaling, ScalingPolicy};

use super::band::Band;
use super::fixed::Fixed;
use super::hpa::Hpa;
use super::policy::Policy;
use super::threshold::Threshold;

impl Policy {
    /// The policy of a profile's section; `fewest` is the number of nodes that `fixed` holds.
    pub fn of(scaling: &Scaling, fewest: u16) -> Self {
        match scaling.policy {
            ScalingPolicy::Band => Self::Band(Band {
                lower: scaling.lower,
                upper: scaling.upper,
                target: tidy(f64::midpoint(scaling.lower, scaling.upper)),
                emergency: tidy(scaling.upper + 0.15).max(0.95),
                out_window_seconds: scaling.out_window_seconds,
                in_window_seconds: scaling.in_window_seconds,
                out_pause_seconds: scaling.out_pause_seconds,
                in_pause_seconds: scaling.in_pause_seconds,
                ..Band::default()
            }),
            ScalingPolicy::Threshold => Self::Threshold(Threshold::default()),
            ScalingPolicy::Hpa => Self::Hpa(Hpa::default()),
            ScalingPolicy::Fixed => Self::Fixed(Fixed {
                nodes: fewest.into(),
            }),
        }
    }
}

/// Without the last digits that only binary fractions have: 0.8 + 0.15 is 0.95.
fn tidy(share: f64) -> f64 {
    (share * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_section_is_the_default_policy() {
        assert_eq!(Policy::of(&Scaling::default(), 1), Policy::default());
    }
}
