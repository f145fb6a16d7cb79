//! Security groups: one for a line in each region.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, Ipv6Range, ResourceType, SecurityGroup, TagSpecification,
};
use ipnet::IpNet;

use crate::line::{
    Group, KeyId, LineName, Region, Rule, RuleSource, TAG_KEY, TAG_LINE, TAG_REGION, group_name,
};

use super::failure::{Failure, FailureKind, code, failure};
use super::instance::{tag, value_of};
use super::session::Cloud;
use super::wait::Patience;

/// A group cannot go before the network interfaces of terminated instances have.
const RELEASE: Patience = Patience {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
    limit: Duration::from_secs(180),
};

impl Cloud {
    /// The line's security groups in a region.
    pub async fn groups(&self, region: &Region, line: &LineName) -> Result<Vec<Group>, Failure> {
        let ours = Filter::builder()
            .name(format!("tag:{TAG_LINE}"))
            .values(line.as_str())
            .build();
        let found = self.described_groups(region, ours).await?;
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
        ours.and_then(|group| group_of(region, group)).ok_or_else(|| {
            let what = format!("a security group named `{name}` exists that is not this line's: rename or remove it, or choose another `name`");
            Failure::new("ec2:CreateSecurityGroup", region.as_str(), FailureKind::Foreign(what))
        })
    }

    /// Opens ports of a group; ones that are open already are fine.
    pub async fn allow(&self, region: &Region, group: &str, rules: &[Rule]) -> Result<(), Failure> {
        let client = self.ec2(region);
        let all = client
            .authorize_security_group_ingress()
            .group_id(group)
            .set_ip_permissions(Some(permissions(rules)));
        match all.send().await {
            Ok(_) => Ok(()),
            // One that exists refuses the whole call, so the missing ones are found one by one.
            Err(error)
                if code(&error) == Some("InvalidPermission.Duplicate") && rules.len() > 1 =>
            {
                for rule in rules {
                    Box::pin(self.allow(region, group, std::slice::from_ref(rule))).await?;
                }
                Ok(())
            }
            Err(error) if code(&error) == Some("InvalidPermission.Duplicate") => Ok(()),
            Err(error) => Err(failure(
                "ec2:AuthorizeSecurityGroupIngress",
                region.as_str(),
            )(error)),
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
        for rule in rules {
            let asked = client
                .revoke_security_group_ingress()
                .group_id(group)
                .set_ip_permissions(Some(permissions(std::slice::from_ref(rule))));
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
                _ => return Err(failure("ec2:DeleteSecurityGroup", region.as_str())(error)),
            }
        }
        Ok(())
    }
}

fn permissions(rules: &[Rule]) -> Vec<IpPermission> {
    rules.iter().filter_map(permission).collect()
}

/// A rule in EC2's words; foreign rules cannot be said, and are only ever reported.
fn permission(rule: &Rule) -> Option<IpPermission> {
    let ports = IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(rule.from_port.into())
        .to_port(rule.to_port.into());
    match &rule.source {
        RuleSource::Network(IpNet::V4(network)) => Some(
            ports
                .ip_ranges(IpRange::builder().cidr_ip(network.to_string()).build())
                .build(),
        ),
        RuleSource::Network(IpNet::V6(network)) => Some(
            ports
                .ipv6_ranges(Ipv6Range::builder().cidr_ipv6(network.to_string()).build())
                .build(),
        ),
        RuleSource::Foreign(_) => None,
    }
}

fn group_of(region: &Region, group: &SecurityGroup) -> Option<Group> {
    let rules = group.ip_permissions().iter().flat_map(rules_of).collect();
    let key_id = value_of(group.tags(), TAG_KEY).map(KeyId::new);
    Some(Group {
        id: group.group_id()?.to_owned(),
        region: region.clone(),
        key_id,
        rules,
    })
}

fn rules_of(permission: &IpPermission) -> Vec<Rule> {
    let port = |number: Option<i32>, otherwise: u16| {
        number
            .and_then(|number| u16::try_from(number).ok())
            .unwrap_or(otherwise)
    };
    let (from_port, to_port) = (
        port(permission.from_port(), 0),
        port(permission.to_port(), u16::MAX),
    );
    let rule = |source| Rule {
        from_port,
        to_port,
        source,
    };
    let protocol = permission.ip_protocol().unwrap_or("-1");
    let texts = permission
        .ip_ranges()
        .iter()
        .filter_map(IpRange::cidr_ip)
        .chain(
            permission
                .ipv6_ranges()
                .iter()
                .filter_map(Ipv6Range::cidr_ipv6),
        );
    let networks = texts.map(|text| match text.parse() {
        Ok(network) if protocol == "tcp" => rule(RuleSource::Network(network)),
        _ => rule(RuleSource::Foreign(format!("{protocol} from {text}"))),
    });
    let groups = permission
        .user_id_group_pairs()
        .iter()
        .filter_map(|pair| pair.group_id());
    let lists = permission
        .prefix_list_ids()
        .iter()
        .filter_map(|list| list.prefix_list_id());
    let others = groups
        .chain(lists)
        .map(|id| rule(RuleSource::Foreign(format!("{protocol} from {id}"))));
    networks.chain(others).collect()
}
