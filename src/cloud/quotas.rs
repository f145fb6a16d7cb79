//! How much an account may have of what a line is made of, and how much of it others use.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::{Filter, Instance as Described, Tenancy};
use aws_sdk_route53::types::AccountLimitType;

use crate::line::{AwsQuota, LineName, Region, TAG_LINE};

use super::failure::{Failure, FailureKind};
use super::instance::value_of;
use super::sdk_error::failure;
use super::session::Cloud;
use super::zone::PLACE;

/// How many of something an account may have, and how many it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccountLimit {
    /// The most that it may have.
    pub most: u64,
    /// What it has.
    pub used: u64,
}

impl Cloud {
    /// How many vCPUs of On-Demand Standard instances may run in a region.
    pub async fn vcpu_quota(&self, region: &Region) -> Result<u32, Failure> {
        const CALL: &str = "servicequotas:GetServiceQuota";
        let AwsQuota {
            service_code, code, ..
        } = AwsQuota::INSTANCES;
        let answer = self
            .service_quotas(region)
            .get_service_quota()
            .service_code(service_code)
            .quota_code(code)
            .send()
            .await
            .map_err(failure(CALL, region.as_str()))?;
        let value = answer.quota().and_then(|quota| quota.value());
        value.map(whole).ok_or_else(|| {
            let kind = FailureKind::Other("the answer names no quota".to_owned());
            Failure::new(CALL, region.as_str(), kind)
        })
    }

    /// On-Demand instances in a region that count towards its quota and are not the line's: how many of which type.
    pub async fn instances_of_others(
        &self,
        region: &Region,
        line: &LineName,
    ) -> Result<BTreeMap<String, u32>, Failure> {
        // Stopped ones do not count (EC2 user guide, "On-Demand Instance quotas"); pending ones soon will.
        let counted = Filter::builder()
            .name("instance-state-name")
            .values("pending")
            .values("running")
            .build();
        let asked = self.ec2(region).describe_instances().filters(counted);
        let mut pages = asked.into_paginator().send();
        let mut found = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failure("ec2:DescribeInstances", region.as_str()))?;
            let instances = page.reservations().iter().flat_map(|one| one.instances());
            for kind in instances.filter_map(|one| type_of_other(one, line)) {
                *found.entry(kind).or_default() += 1;
            }
        }
        Ok(found)
    }

    /// How many health checks the account may have, and how many it has.
    pub async fn check_limit(&self) -> Result<AccountLimit, Failure> {
        const CALL: &str = "route53:GetAccountLimit";
        self.limiter.turn().await;
        let answer = self
            .route53
            .get_account_limit()
            .r#type(AccountLimitType::MaxHealthChecksByOwner)
            .send()
            .await
            .map_err(failure(CALL, PLACE))?;
        let limit = answer.limit().and_then(|limit| {
            Some(AccountLimit {
                most: limit.value().try_into().ok()?,
                used: answer.count().try_into().ok()?,
            })
        });
        limit.ok_or_else(|| {
            let kind = FailureKind::Other("the answer names no limit".to_owned());
            Failure::new(CALL, PLACE, kind)
        })
    }
}

/// The type of an instance that is on demand, on shared or dedicated hardware of EC2's choosing, and not the line's.
///
/// Spot Instances and Dedicated Hosts have quotas of their own.
fn type_of_other(instance: &Described, line: &LineName) -> Option<String> {
    let is_hosted = instance
        .placement()
        .is_some_and(|placement| placement.tenancy() == Some(&Tenancy::Host));
    let is_ours = value_of(instance.tags(), TAG_LINE) == Some(line.as_str());
    let kind = instance.instance_type()?.as_str().to_owned();
    (instance.instance_lifecycle().is_none() && !is_hosted && !is_ours).then_some(kind)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates, and a quota is a whole number"
)]
fn whole(value: f64) -> u32 {
    value as u32
}

#[cfg(test)]
mod tests {
    use super::super::instance::tag;
    use super::*;
    use aws_sdk_ec2::types::{InstanceLifecycleType, InstanceType, Placement};

    #[test]
    fn only_what_others_have_on_demand_counts() {
        let line: LineName = "home".parse().unwrap();
        let one = || Described::builder().instance_type(InstanceType::T3Micro);
        let counted = |instance: Described| type_of_other(&instance, &line);
        let micro = Some("t3.micro".to_owned());
        assert_eq!(counted(one().build()), micro);
        assert_eq!(counted(one().tags(tag(TAG_LINE, "away")).build()), micro);
        assert_eq!(counted(one().tags(tag(TAG_LINE, "home")).build()), None);
        let spot = one().instance_lifecycle(InstanceLifecycleType::Spot);
        assert_eq!(counted(spot.build()), None);
        let on = |tenancy: Tenancy| Placement::builder().tenancy(tenancy).build();
        assert_eq!(counted(one().placement(on(Tenancy::Host)).build()), None);
        let shared = one().placement(on(Tenancy::Default));
        assert_eq!(counted(shared.build()), micro);
    }
}
