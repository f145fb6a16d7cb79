//! Questions about the account as a whole.

use aws_sdk_ec2::types::Filter;

use crate::line::Region;

use super::failure::Failure;
use super::sdk_error::failure;
use super::session::Cloud;

/// The regions that the account can use.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnabledRegions {
    /// Those that this program knows.
    pub known: Vec<Region>,
    /// Names of those that are newer than this program.
    pub unknown: Vec<String>,
}

impl Cloud {
    /// Every region that the account has enabled, or that needs no enabling.
    pub async fn enabled_regions(&self) -> Result<EnabledRegions, Failure> {
        let enabled = Filter::builder()
            .name("opt-in-status")
            .values("opt-in-not-required")
            .values("opted-in")
            .build();
        let answer = self
            .home_ec2()
            .describe_regions()
            .filters(enabled)
            .send()
            .await
            .map_err(failure("ec2:DescribeRegions", "us-east-1"))?;
        let mut regions = EnabledRegions::default();
        for name in answer
            .regions()
            .iter()
            .filter_map(|region| region.region_name())
        {
            match name.parse() {
                Ok(region) => regions.known.push(region),
                Err(_) => regions.unknown.push(name.to_owned()),
            }
        }
        Ok(regions)
    }
}
