//! Security groups: one for a line in each region.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ec2::types::{Filter, ResourceType, SecurityGroup, TagSpecification};

use crate::line::{
    Group, KeyId, LineName, Region, Rule, TAG_KEY, TAG_LINE, TAG_REGION, group_name,
};

use super::failure::{Failure, FailureKind};
use super::instance::{tag, value_of};
use super::instances::of_line;
use super::rule::{group_of, permissions};
use super::sdk_error::{code, failure};
use super::session::Cloud;
use super::wait::Patience;

/// A group cannot go before the network interfaces of terminated instances have.
const RELEASE: Patience = Patience {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
    limit: Duration::from_mins(3),
};

/// A new group may not be known at once (EC2 developer guide, "Eventual consistency").
const LISTING: Patience = Patience {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(2),
    limit: Duration::from_secs(30),
};

const AUTHORIZE: &str = "ec2:AuthorizeSecurityGroupIngress";

/// What opening ports in one call came to.
enum Opened {
    All,
    /// At least one was open already, so EC2 has opened none.
    SomeWereOpen,
}

impl Cloud {
    /// The line's security groups in a region.
    pub async fn groups(&self, region: &Region, line: &LineName) -> Result<Vec<Group>, Failure> {
        let found = self.described_groups(region, of_line(line)).await?;
        Ok(found
            .iter()
            .filter_map(|group| group_of(region, group))
            .collect())
    }

    async fn described_groups(
        &self,
        region: &Region,
        filter: Filter,
    ) -> Result<Vec<SecurityGroup>, Failure> {
        let mut pages = self
            .ec2(region)
            .describe_security_groups()
            .filters(filter)
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            found.extend(
                page.map_err(failure("ec2:DescribeSecurityGroups", region.as_str()))?
                    .security_groups
                    .unwrap_or_default(),
            );
        }
        Ok(found)
    }

    /// Makes the line's group in the region's default VPC, or adopts the one that an earlier run made.
    pub async fn create_group(
        &self,
        region: &Region,
        line: &LineName,
        key_id: &KeyId,
    ) -> Result<Group, Failure> {
        let name = group_name(line);
        let tags = TagSpecification::builder()
            .resource_type(ResourceType::SecurityGroup)
            .tags(tag("Name", &name))
            .tags(tag(TAG_LINE, line.as_str()))
            .tags(tag(TAG_REGION, region.as_str()))
            .tags(tag(TAG_KEY, key_id.as_str()))
            .build();
        let asked = self
            .ec2(region)
            .create_security_group()
            .group_name(&name)
            .description(format!("dsline line {line}"))
            .tag_specifications(tags);
        match asked.send().await {
            Ok(answer) => {
                let id = answer.group_id().unwrap_or_default().to_owned();
                Ok(Group {
                    id,
                    region: region.clone(),
                    key_id: Some(key_id.clone()),
                    rules: BTreeSet::new(),
                })
            }
            Err(error) if code(&error) == Some("InvalidGroup.Duplicate") => {
                self.adopt_group(region, line).await
            }
            Err(error) => Err(failure("ec2:CreateSecurityGroup", region.as_str())(error)),
        }
    }

    async fn adopt_group(&self, region: &Region, line: &LineName) -> Result<Group, Failure> {
        let name = group_name(line);
        let named = Filter::builder().name("group-name").values(&name).build();
        let found = self.described_groups(region, named).await?;
        let ours = found
            .iter()
            .find(|group| value_of(group.tags(), TAG_LINE) == Some(line.as_str()));
        ours.and_then(|group| group_of(region, group))
            .ok_or_else(|| {
                let what =
                    format!("a security group named `{name}` exists that is not this line's");
                Failure::new(
                    "ec2:CreateSecurityGroup",
                    region.as_str(),
                    FailureKind::Foreign(what),
                )
            })
    }

    /// Opens ports of a group; ones that are open already are fine.
    pub async fn allow(&self, region: &Region, group: &str, rules: &[Rule]) -> Result<(), Failure> {
        match self.authorize(region, group, rules).await {
            // One that exists refuses the whole call, so the missing ones are found one by one.
            Ok(Opened::SomeWereOpen) if rules.len() > 1 => {
                for rule in rules {
                    self.authorize(region, group, std::slice::from_ref(rule))
                        .await?;
                }
                Ok(())
            }
            outcome => outcome.map(|_| ()),
        }
    }

    async fn authorize(
        &self,
        region: &Region,
        group: &str,
        rules: &[Rule],
    ) -> Result<Opened, Failure> {
        let permissions = permissions(rules);
        if permissions.is_empty() {
            return Ok(Opened::All);
        }
        let what = format!("{group} is not known");
        let mut wait = LISTING.begin(AUTHORIZE, region.as_str(), what);
        loop {
            let asked = self
                .ec2(region)
                .authorize_security_group_ingress()
                .group_id(group)
                .set_ip_permissions(Some(permissions.clone()));
            let Err(error) = asked.send().await else {
                return Ok(Opened::All);
            };
            match code(&error) {
                Some("InvalidPermission.Duplicate") => return Ok(Opened::SomeWereOpen),
                Some("InvalidGroup.NotFound") => wait.pause().await?,
                _ => return Err(failure(AUTHORIZE, region.as_str())(error)),
            }
        }
    }

    /// Closes ports of a group; ones that are closed already are fine.
    pub async fn revoke(
        &self,
        region: &Region,
        group: &str,
        rules: &[Rule],
    ) -> Result<(), Failure> {
        let client = self.ec2(region);
        for permission in permissions(rules) {
            let asked = client
                .revoke_security_group_ingress()
                .group_id(group)
                .ip_permissions(permission);
            match asked.send().await {
                Err(error) if code(&error) != Some("InvalidPermission.NotFound") => {
                    return Err(failure("ec2:RevokeSecurityGroupIngress", region.as_str())(
                        error,
                    ));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Removes a group, as soon as nothing depends on it any more.
    pub async fn delete_group(&self, region: &Region, group: &str) -> Result<(), Failure> {
        let client = self.ec2(region);
        let mut wait = RELEASE.begin(
            "ec2:DeleteSecurityGroup",
            region.as_str(),
            format!("{group} is still in use"),
        );
        while let Err(error) = client.delete_security_group().group_id(group).send().await {
            match code(&error) {
                Some("InvalidGroup.NotFound") => break,
                Some("DependencyViolation" | "InvalidGroup.InUse") => wait.pause().await?,
                _ => {
                    let failed = failure("ec2:DeleteSecurityGroup", region.as_str())(error);
                    wait.outlast(failed).await?;
                }
            }
        }
        Ok(())
    }
}
