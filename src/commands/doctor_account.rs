//! Gathers what `doctor` judges of the account and of the operator's machine: all regions at once.

use std::path::Path;

use anyhow::{Error, Result};
use futures::future::join_all;
use jiff::Timestamp;

use crate::client::{delegation, locate_server};
use crate::cloud::{Asked, Cloud, Failure};
use crate::doctor::{
    AccountSight, CheckSight, Failed, Permission, RegionSight, VcpuSight, ZoneSight,
};
use crate::engine::hint_of;
use crate::line::{Profile, Region};
use crate::operator::{
    Environment, authorized_keys, check_login_key, find_gateway, find_line_secret,
};

use super::setup::upstream_keys;

/// Where Route 53's calls are made.
const ROUTE_53: &str = "Route 53";
/// A line does without these: they only tell more.
const OPTIONAL: [&str; 6] = [
    "cloudwatch:GetMetricStatistics",
    "freetier:GetAccountPlanState",
    "pricing:GetProducts",
    "route53:GetAccountLimit",
    "route53:TestDNSAnswer",
    "servicequotas:GetServiceQuota",
];
/// What even a line without a domain needs of Route 53: `teardown` looks at every zone.
const ALWAYS: [&str; 3] = [
    "route53:ListHealthChecks",
    "route53:ListHostedZones",
    "route53:ListResourceRecordSets",
];

/// Who wants to know.
#[derive(Clone, Copy)]
pub(super) struct Desk<'a> {
    /// The operator.
    pub(super) environment: &'a Environment,
    /// The line, which need not exist.
    pub(super) profile: &'a Profile,
    /// The gateway's program, if it was named.
    pub(super) gateway: Option<&'a Path>,
    /// Now.
    pub(super) now: Timestamp,
}

/// Looks at everything that a first `up` needs.
pub(super) async fn look(cloud: &Cloud, desk: &Desk<'_>) -> AccountSight {
    let profile = desk.profile;
    let mut sight = AccountSight {
        identity: identity(cloud).await,
        permissions: Vec::new(),
        regions: Vec::new(),
        zone: None,
        checks: None,
        machine: machine(desk),
        wanted_types: profile.nodes.instance_types.clone(),
        allows_paid: profile.nodes.allow_paid,
        most_per_region: profile.most_per_region(),
        most_nodes: profile.most_nodes(),
    };
    if sight.identity.is_err() {
        return sight;
    }
    let regions = profile.regions.iter();
    let (regions, account, zone, (checks, may_see_limit)) = tokio::join!(
        join_all(regions.map(|region| region_sight(cloud, profile, region))),
        account_permissions(cloud, desk),
        zone_sight(cloud, profile),
        check_sight(cloud, profile)
    );
    sight.permissions = account;
    sight.permissions.push(may_see_limit);
    sight.checks = checks;
    for (region, permissions) in regions {
        sight.regions.push(region);
        sight.permissions.extend(permissions);
    }
    sight.zone = zone;
    sight
}

fn failed(failure: &Failure) -> Failed {
    Failed {
        what: failure.to_string(),
        hint: failure.hint(),
    }
}

fn failed_for(error: &Error) -> Failed {
    Failed {
        what: format!("{error:#}"),
        hint: hint_of(error),
    }
}

/// Whose credentials these are; EC2's word counts where STS cannot be reached.
async fn identity(cloud: &Cloud) -> Result<String, Failed> {
    let (who, regions) = tokio::join!(cloud.identity(), cloud.enabled_regions());
    if let Err(failure) = &regions
        && (failure.is_about_every_call() || failure.is_passing())
    {
        return Err(failed(failure));
    }
    match who {
        Ok(who) => Ok(format!("account {} as {}", who.account, who.arn)),
        Err(failure) if regions.is_err() || failure.is_about_every_call() => Err(failed(&failure)),
        Err(failure) => Ok(format!("EC2 takes them; {failure}")),
    }
}

fn machine(desk: &Desk<'_>) -> Vec<(&'static str, Result<String, Failed>)> {
    let Desk {
        environment,
        profile,
        ..
    } = *desk;
    let told = |found: Result<String>| found.map_err(|error| failed_for(&error));
    let secret = match find_line_secret(environment, profile) {
        Ok(Some(_)) => Ok(format!("line `{}` has its secret", profile.name)),
        Ok(None) => Err(Failed {
            what: format!("line `{}` has no secret", profile.name),
            hint: Some(
                "`dsline init` makes it; of a line that exists, bring it back from its backup"
                    .to_owned(),
            ),
        }),
        Err(error) => Err(failed_for(&error)),
    };
    let key = || {
        let public = authorized_keys(environment, profile)?;
        check_login_key(environment, profile, &public)
    };
    let gateway = find_gateway(environment, desk.gateway).map(|_| "found".to_owned());
    let upstream = upstream_keys(environment, profile);
    let upstream = upstream.map(|keys| format!("{} found", keys.len()));
    vec![
        ("secret", secret),
        ("ssh key", told(key())),
        ("gateway", told(gateway)),
        ("api key", told(upstream)),
    ]
}

fn permission(asked: Asked, place: &str) -> Permission {
    Permission {
        action: asked.action.to_owned(),
        place: place.to_owned(),
        answer: match asked.untold {
            Some(why) => Err(why),
            None => Ok(asked.is_allowed),
        },
        is_optional: OPTIONAL.contains(&asked.action),
    }
}

async fn region_sight(
    cloud: &Cloud,
    profile: &Profile,
    region: &Region,
) -> (RegionSight, Vec<Permission>) {
    let nodes = &profile.nodes;
    let (network, image, free, quota, others) = tokio::join!(
        cloud.has_default_network(region),
        cloud.newest_image(region, &nodes.image),
        cloud.free_types(region),
        cloud.vcpu_quota(region),
        cloud.instances_of_others(region, &profile.name),
    );
    let mut types = nodes.instance_types.clone();
    types.extend(others.iter().flat_map(|one| one.keys().cloned()));
    let (instances, groups, volumes, vcpus) = tokio::join!(
        cloud.instances(region, &profile.name),
        cloud.groups(region, &profile.name),
        cloud.volumes(region, &profile.name),
        cloud.vcpus(region, &types),
    );
    let mut asked = vec![
        Asked::of("ec2:DescribeSubnets", network.clone()),
        Asked::of("ec2:DescribeImages", image.clone()),
        Asked::of("ec2:DescribeInstanceTypes", free.clone()),
        Asked::of("ec2:DescribeInstances", instances),
        Asked::of("ec2:DescribeSecurityGroups", groups),
        Asked::of("ec2:DescribeVolumes", volumes),
        Asked::of("servicequotas:GetServiceQuota", quota.clone()),
    ];
    let id = image.as_ref().ok().map(|image| image.id.clone());
    let first = nodes
        .instance_types
        .first()
        .map_or("t3.micro", String::as_str);
    asked.extend(Box::pin(cloud.may_change(region, id.as_deref(), first)).await);
    let sight = RegionSight {
        region: region.clone(),
        has_network: network.map_err(|failure| failed(&failure)),
        types: match (&vcpus, free) {
            (Ok(offered), Ok(free)) => Ok((offered.keys().cloned().collect(), free)),
            (Err(failure), _) => Err(failed(failure)),
            (_, Err(failure)) => Err(failed(&failure)),
        },
        vcpus: match (quota, others, vcpus) {
            (Ok(quota), Ok(others), Ok(vcpus)) => Ok(VcpuSight {
                quota,
                others,
                vcpus,
            }),
            (Err(failure), _, _) | (_, Err(failure), _) | (_, _, Err(failure)) => {
                Err(failed(&failure))
            }
        },
        image: image
            .map(|image| image.name)
            .map_err(|failure| failed(&failure)),
    };
    let permissions = asked
        .into_iter()
        .map(|one| permission(one, region.as_str()));
    (sight, permissions.collect())
}

/// What is asked for once.
async fn account_permissions(cloud: &Cloud, desk: &Desk<'_>) -> Vec<Permission> {
    let profile = desk.profile;
    let Some(first) = profile.regions.first() else {
        return Vec::new();
    };
    let (regions, route53, metrics, plan, prices) = tokio::join!(
        cloud.enabled_regions(),
        cloud.may_use_route53(),
        cloud.may_see_metrics(first, desk.now),
        cloud.may_see_plan(),
        cloud.may_see_prices(first)
    );
    let mut permissions: Vec<Permission> = route53
        .into_iter()
        .map(|asked| permission(asked, ROUTE_53))
        .collect();
    for one in &mut permissions {
        one.is_optional |= !profile.has_domain() && !ALWAYS.contains(&one.action.as_str());
    }
    let regions = Asked::of("ec2:DescribeRegions", regions);
    permissions.push(permission(regions, "us-east-1"));
    permissions.push(permission(metrics, first.as_str()));
    permissions.push(permission(plan, "us-east-1"));
    permissions.push(permission(prices, "us-east-1"));
    permissions
}

/// What a line with a domain finds of health checks, and whether their limit may be asked for.
async fn check_sight(
    cloud: &Cloud,
    profile: &Profile,
) -> (Option<Result<CheckSight, Failed>>, Permission) {
    let (limit, own) = tokio::join!(cloud.check_limit(), cloud.checks(&profile.name));
    let may = permission(
        Asked::of("route53:GetAccountLimit", limit.clone()),
        ROUTE_53,
    );
    let sight = match (limit, own) {
        (Ok(limit), Ok(own)) => Ok(CheckSight {
            quota: limit.most,
            others: limit.used.saturating_sub(own.len() as u64),
        }),
        (Err(failure), _) | (_, Err(failure)) => Err(failed(&failure)),
    };
    (profile.has_domain().then_some(sight), may)
}

async fn zone_sight(cloud: &Cloud, profile: &Profile) -> Option<Result<ZoneSight, Failed>> {
    if !profile.has_domain() {
        return None;
    }
    let dns = &profile.dns;
    let zone = match cloud.find_zone(&dns.host, &dns.zone).await {
        Ok(zone) => zone,
        Err(failure) => return Some(Err(failed(&failure))),
    };
    let mut wanted = match cloud.name_servers(&zone).await {
        Ok(wanted) => wanted,
        Err(failure) => return Some(Err(failed(&failure))),
    };
    for name in &mut wanted {
        *name = name.trim_end_matches('.').to_lowercase();
    }
    wanted.sort();
    let resolver = if dns.resolver.is_empty() {
        "1.1.1.1"
    } else {
        &dns.resolver
    };
    let seen = async { delegation(locate_server(resolver).await?, &zone.name).await };
    Some(Ok(ZoneSight {
        zone: zone.name.clone(),
        wanted,
        seen: seen.await.map_err(|error| format!("{error:#}")),
    }))
}
