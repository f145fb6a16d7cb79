//! What the line would cost with fewer regions.

use serde::Serialize;

use crate::line::{Profile, Region};

use super::bill::bill;
use super::price::Prices;
use super::usd::Usd;

/// A line of one or two of the profile's regions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SmallerLine {
    /// The cheapest ones, in the profile's order.
    pub regions: Vec<Region>,
    /// Its month, with the preferred instance type.
    pub total: Usd,
}

/// The cheapest lines of one and of two of the profile's regions, where it has more than that.
pub fn smaller_lines(profile: &Profile, prices: &Prices) -> Vec<SmallerLine> {
    let kind = &profile.nodes.instance_types[0];
    let month = |regions: &[Region]| {
        let per_region = usize::from(profile.nodes.per_region);
        let nodes: Vec<(Region, String)> = regions
            .iter()
            .flat_map(|region| std::iter::repeat_n((region.clone(), kind.clone()), per_region))
            .collect();
        bill(profile, &nodes, prices).total
    };
    let mut cheapest = profile.regions.clone();
    cheapest.sort_by_key(|region| month(std::slice::from_ref(region)));
    let sizes = 1..profile.regions.len().min(3);
    sizes
        .map(|size| {
            let kept = &cheapest[..size];
            let all = profile.regions.iter();
            let regions: Vec<Region> = all
                .filter(|region| kept.contains(region))
                .cloned()
                .collect();
            let total = month(&regions);
            SmallerLine { regions, total }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(profile: &Profile) -> Vec<String> {
        let lines = smaller_lines(profile, &Prices::shipped());
        let told = |line: SmallerLine| {
            let names: Vec<&str> = line.regions.iter().map(Region::as_str).collect();
            format!("{} {}", names.join(","), line.total)
        };
        lines.into_iter().map(told).collect()
    }

    #[test]
    fn the_cheapest_regions_are_offered_in_the_order_of_the_profile() {
        let mut profile = Profile::default();
        assert_eq!(
            told(&profile),
            ["us-east-1 $11.88", "us-east-1,eu-west-1 $24.56"]
        );
        profile.regions.reverse();
        assert_eq!(
            told(&profile),
            ["us-east-1 $11.88", "eu-west-1,us-east-1 $24.56"]
        );
        profile.nodes.per_region = 2;
        assert_eq!(told(&profile)[0], "us-east-1 $23.76");
    }

    #[test]
    fn nothing_is_smaller_than_one_region() {
        let mut profile = Profile::default();
        profile.regions.truncate(2);
        assert_eq!(told(&profile).len(), 1);
        profile.regions.truncate(1);
        assert!(told(&profile).is_empty());
    }
}
