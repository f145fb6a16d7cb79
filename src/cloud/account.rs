//! Questions about the account as a whole.

use aws_sdk_ec2::types::Filter;
use aws_sdk_freetier::types::CurrencyCode;
use jiff::Timestamp;

use crate::line::{AccountPlan, Region};

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
    /// The account's credits and the end of its free plan; `None` when it has no credits that AWS tells of, as accounts
    /// from before July 2025 have (API reference, `GetAccountPlanState`).
    pub async fn account_plan(&self) -> Result<Option<AccountPlan>, Failure> {
        let answer = self
            .free_tier()
            .get_account_plan_state()
            .send()
            .await
            .map_err(failure("freetier:GetAccountPlanState", "us-east-1"))?;
        let credits = answer.account_plan_remaining_credits();
        let dollars = credits.filter(|credits| *credits.unit() == CurrencyCode::Usd);
        let ends = answer.account_plan_expiration_date();
        Ok(dollars.map(|credits| AccountPlan {
            credit_cents: cents(credits.amount()),
            ends: ends.and_then(|at| Timestamp::from_second(at.secs()).ok()),
        }))
    }

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

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and nobody owes AWS credits"
)]
fn cents(dollars: f64) -> u64 {
    (dollars * 100.0).round() as u64
}
