//! Instances: found by tags, awaited, terminated, and their volumes.

use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_ec2::types::{Filter, Instance as Described};

use crate::line::{Instance, InstanceState, LineName, Region, TAG_LINE};

use super::failure::{Failure, FailureKind};
use super::instance::{instance_of, reason_of};
use super::sdk_error::{code, failure};
use super::session::Cloud;
use super::wait::Patience;

/// States of instances that still exist.
const PRESENT: [&str; 5] = ["pending", "running", "shutting-down", "stopping", "stopped"];

/// EC2 may not know a new instance for a while (EC2 developer guide, "Eventual consistency").
const STARTING: Patience = Patience {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
    limit: Duration::from_mins(5),
};
const STOPPING: Patience = Patience {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
    limit: Duration::from_mins(10),
};

impl Cloud {
    /// The line's instances in a region, terminated ones left out.
    pub async fn instances(
        &self,
        region: &Region,
        line: &LineName,
    ) -> Result<Vec<Instance>, Failure> {
        let present = Filter::builder()
            .name("instance-state-name")
            .set_values(Some(PRESENT.map(str::to_owned).to_vec()))
            .build();
        self.describe(region, vec![of_line(line), present]).await
    }

    /// The instances that fit all filters.
    pub(super) async fn describe(
        &self,
        region: &Region,
        filters: Vec<Filter>,
    ) -> Result<Vec<Instance>, Failure> {
        let mut pages = self
            .ec2(region)
            .describe_instances()
            .set_filters(Some(filters))
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failure("ec2:DescribeInstances", region.as_str()))?;
            let instances = page
                .reservations()
                .iter()
                .flat_map(|reservation| reservation.instances());
            found.extend(instances.filter_map(|instance| instance_of(region, instance)));
        }
        Ok(found)
    }

    /// Waits until an instance runs and has a public address.
    pub async fn await_running(&self, region: &Region, id: &str) -> Result<Instance, Failure> {
        let client = self.ec2(region);
        let what = format!("{id} is not running");
        let mut wait = STARTING.begin("ec2:DescribeInstances", region.as_str(), what);
        loop {
            let described = match look_up(&client, region, id).await {
                Ok(described) => described,
                Err(failure) => {
                    wait.outlast(failure).await?;
                    continue;
                }
            };
            let seen = described
                .as_ref()
                .and_then(|one| instance_of(region, one).map(|instance| (one, instance)));
            match seen {
                Some((_, instance)) if is_ready(&instance) => return Ok(instance),
                Some((one, instance)) if !instance.state.is_alive() => {
                    let state = instance.state.word();
                    let what = format!("{id} is {state} instead of running{}", reason_of(one));
                    let kind = FailureKind::Other(what);
                    return Err(Failure::new("ec2:RunInstances", region.as_str(), kind));
                }
                _ => wait.pause().await?,
            }
        }
    }

    /// Terminates instances that were listed before; ones that are gone already are fine.
    ///
    /// An id straight from a launch does not belong here: EC2 may not know it yet, which looks like gone.
    pub async fn terminate(&self, region: &Region, ids: &[String]) -> Result<(), Failure> {
        let client = self.ec2(region);
        // One by one: an unknown id fails a whole call (EC2 API reference, TerminateInstances).
        for id in ids {
            match client.terminate_instances().instance_ids(id).send().await {
                Err(error) if !is_unknown(&error) => {
                    return Err(failure("ec2:TerminateInstances", region.as_str())(error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Waits until instances are terminated.
    pub async fn await_terminated(&self, region: &Region, ids: &[String]) -> Result<(), Failure> {
        let client = self.ec2(region);
        for id in ids {
            let mut wait = STOPPING.begin(
                "ec2:DescribeInstances",
                region.as_str(),
                format!("{id} is not terminated"),
            );
            loop {
                match look_up(&client, region, id).await {
                    Ok(described) if is_terminated(region, described.as_ref()) => break,
                    Ok(_) => wait.pause().await?,
                    Err(failure) => wait.outlast(failure).await?,
                }
            }
        }
        Ok(())
    }

    /// Ids of the line's volumes in a region.
    pub async fn volumes(&self, region: &Region, line: &LineName) -> Result<Vec<String>, Failure> {
        let mut pages = self
            .ec2(region)
            .describe_volumes()
            .filters(of_line(line))
            .into_paginator()
            .send();
        let mut found = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failure("ec2:DescribeVolumes", region.as_str()))?;
            found.extend(
                page.volumes()
                    .iter()
                    .filter_map(|volume| volume.volume_id().map(str::to_owned)),
            );
        }
        Ok(found)
    }
}

/// Lets through what is tagged with the line's name.
pub(super) fn of_line(line: &LineName) -> Filter {
    Filter::builder()
        .name(format!("tag:{TAG_LINE}"))
        .values(line.as_str())
        .build()
}

/// Whether EC2 calls an instance terminated, or has forgotten it.
fn is_terminated(region: &Region, described: Option<&Described>) -> bool {
    described
        .and_then(|one| instance_of(region, one))
        .is_none_or(|instance| instance.state == InstanceState::Terminated)
}

fn is_ready(instance: &Instance) -> bool {
    instance.state == InstanceState::Running && instance.address.is_some()
}

/// Whether EC2 does not know an instance: not yet, or not any more.
fn is_unknown<E: ProvideErrorMetadata>(
    error: &SdkError<E, aws_sdk_ec2::config::http::HttpResponse>,
) -> bool {
    code(error) == Some("InvalidInstanceID.NotFound")
}

/// EC2's description of one instance; `None` while EC2 does not know it, or does not any more.
pub(super) async fn look_up(
    client: &Client,
    region: &Region,
    id: &str,
) -> Result<Option<Described>, Failure> {
    match client.describe_instances().instance_ids(id).send().await {
        Ok(answer) => Ok(answer
            .reservations
            .unwrap_or_default()
            .into_iter()
            .find_map(|one| one.instances.unwrap_or_default().into_iter().next())),
        Err(error) if is_unknown(&error) => Ok(None),
        Err(error) => Err(failure("ec2:DescribeInstances", region.as_str())(error)),
    }
}
