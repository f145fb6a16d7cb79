//! Instances: found by tags, launched under a token that makes a repeated launch harmless, terminated.

use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, CreditSpecificationRequest, EbsBlockDevice, Filter, HttpTokensState,
    InstanceCreditSpecificationRequest, InstanceMetadataOptionsRequest, InstanceType, ResourceType,
    ShutdownBehavior, TagSpecification, VolumeType,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::line::{
    Generation, Instance, InstanceState, KeyId, LineName, Region, Slot, TAG_GENERATION, TAG_KEY,
    TAG_LINE, TAG_REGION, TAG_SLOT, client_token,
};

use super::failure::{Failure, FailureKind, code, failure};
use super::instance::{instance_of, tag};
use super::session::Cloud;
use super::wait::Patience;

/// How often a new token is tried when the instance of the last one is gone.
const ATTEMPTS: u32 = 20;

/// States of instances that still exist.
const PRESENT: [&str; 5] = ["pending", "running", "shutting-down", "stopping", "stopped"];

/// EC2 may not know a new instance for a while (EC2 developer guide, "Eventual consistency").
const STARTING: Patience = Patience {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
    limit: Duration::from_secs(300),
};
const STOPPING: Patience = Patience {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
    limit: Duration::from_secs(600),
};

/// An instance to launch.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The line it belongs to.
    pub line: LineName,
    /// Its slot.
    pub slot: Slot,
    /// Its generation.
    pub generation: Generation,
    /// Fingerprint of the line secret.
    pub key_id: KeyId,
    /// Its type.
    pub instance_type: String,
    /// Its image.
    pub image_id: String,
    /// The image's root device, such as `/dev/xvda`.
    pub root_device: String,
    /// Its security group.
    pub group_id: String,
    /// Its user data, plain.
    pub user_data: String,
    /// Its root volume in GiB.
    pub volume_gib: u16,
}

/// Whether a type earns CPU credits.
pub fn is_burstable(instance_type: &str) -> bool {
    ["t2.", "t3.", "t3a.", "t4g."]
        .iter()
        .any(|family| instance_type.starts_with(family))
}

/// What a launch under one token came to.
enum Attempt {
    Made(Box<Instance>),
    /// The token's instance is gone: only another token makes a new one.
    Spent,
}

impl Cloud {
    /// The line's instances in a region, terminated ones left out.
    pub async fn instances(
        &self,
        region: &Region,
        line: &LineName,
    ) -> Result<Vec<Instance>, Failure> {
        let ours = Filter::builder()
            .name(format!("tag:{TAG_LINE}"))
            .values(line.as_str())
            .build();
        let present = Filter::builder()
            .name("instance-state-name")
            .set_values(Some(PRESENT.map(str::to_owned).to_vec()))
            .build();
        self.describe(region, vec![ours, present]).await
    }

    async fn describe(
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

    /// Launches an instance, or finds the one that an earlier call with the same order made.
    pub async fn launch(&self, order: &Launch) -> Result<Instance, Failure> {
        let client = self.ec2(&order.slot.region);
        for attempt in 1..=ATTEMPTS {
            let token = client_token(
                &order.line,
                &order.slot,
                order.generation,
                &order.instance_type,
                attempt,
            );
            if let Attempt::Made(instance) = self.launch_under(&client, order, &token).await? {
                return Ok(*instance);
            }
        }
        let what = format!(
            "{}: {ATTEMPTS} client tokens belong to instances that are gone",
            order.slot
        );
        Err(Failure::new(
            "ec2:RunInstances",
            order.slot.region.as_str(),
            FailureKind::Other(what),
        ))
    }

    async fn launch_under(
        &self,
        client: &Client,
        order: &Launch,
        token: &str,
    ) -> Result<Attempt, Failure> {
        let region = &order.slot.region;
        let answer = match request(client, order, token).send().await {
            Ok(answer) => answer
                .instances()
                .first()
                .and_then(|instance| instance_of(region, instance)),
            // What was launched under the token differs (a newer image, say): it is adopted all the same.
            Err(error) if code(&error) == Some("IdempotentParameterMismatch") => {
                let made = Filter::builder().name("client-token").values(token).build();
                self.describe(region, vec![made]).await?.into_iter().next()
            }
            Err(error) if code(&error) == Some("IdempotentInstanceTerminated") => None,
            Err(error) => return Err(failure("ec2:RunInstances", region.as_str())(error)),
        };
        Ok(match answer {
            Some(instance) if instance.state.is_alive() => Attempt::Made(Box::new(instance)),
            _ => Attempt::Spent,
        })
    }

    /// Waits until an instance runs and has a public address.
    pub async fn await_running(&self, region: &Region, id: &str) -> Result<Instance, Failure> {
        let client = self.ec2(region);
        let what = format!("{id} is not running");
        let mut wait = STARTING.begin("ec2:DescribeInstances", region.as_str(), what);
        loop {
            match look_up(&client, region, id).await? {
                Some(instance)
                    if instance.state == InstanceState::Running && instance.address.is_some() =>
                {
                    return Ok(instance);
                }
                Some(instance) if !instance.state.is_alive() => {
                    let what = format!("{id} is {} instead of running", instance.state.word());
                    return Err(Failure::new(
                        "ec2:RunInstances",
                        region.as_str(),
                        FailureKind::Other(what),
                    ));
                }
                _ => wait.pause().await?,
            }
        }
    }

    /// Terminates instances; ones that are gone already are fine.
    pub async fn terminate(&self, region: &Region, ids: &[String]) -> Result<(), Failure> {
        let client = self.ec2(region);
        // One by one: an unknown id fails a whole call (EC2 API reference, TerminateInstances).
        for id in ids {
            match client.terminate_instances().instance_ids(id).send().await {
                Err(error) if code(&error) != Some("InvalidInstanceID.NotFound") => {
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
            while look_up(&client, region, id)
                .await?
                .is_some_and(|instance| instance.state != InstanceState::Terminated)
            {
                wait.pause().await?;
            }
        }
        Ok(())
    }

    /// Lets an instance spend only the CPU credits that it has earned.
    pub async fn use_standard_credits(&self, region: &Region, id: &str) -> Result<(), Failure> {
        let standard = InstanceCreditSpecificationRequest::builder()
            .instance_id(id)
            .cpu_credits("standard")
            .build();
        let answer = self
            .ec2(region)
            .modify_instance_credit_specification()
            .instance_credit_specifications(standard)
            .send()
            .await;
        let answer = answer.map_err(failure(
            "ec2:ModifyInstanceCreditSpecification",
            region.as_str(),
        ))?;
        match answer
            .unsuccessful_instance_credit_specifications()
            .first()
            .and_then(|refused| refused.error())
        {
            Some(error) => {
                let what = error.message().unwrap_or("no reason given").to_owned();
                Err(Failure::new(
                    "ec2:ModifyInstanceCreditSpecification",
                    region.as_str(),
                    FailureKind::Other(what),
                ))
            }
            None => Ok(()),
        }
    }

    /// Ids of the line's volumes in a region.
    pub async fn volumes(&self, region: &Region, line: &LineName) -> Result<Vec<String>, Failure> {
        let ours = Filter::builder()
            .name(format!("tag:{TAG_LINE}"))
            .values(line.as_str())
            .build();
        let mut pages = self
            .ec2(region)
            .describe_volumes()
            .filters(ours)
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

/// One instance; `None` while EC2 does not know it, or does not any more.
async fn look_up(client: &Client, region: &Region, id: &str) -> Result<Option<Instance>, Failure> {
    match client.describe_instances().instance_ids(id).send().await {
        Ok(answer) => Ok(answer
            .reservations()
            .iter()
            .flat_map(|one| one.instances())
            .find_map(|instance| instance_of(region, instance))),
        Err(error) if code(&error) == Some("InvalidInstanceID.NotFound") => Ok(None),
        Err(error) => Err(failure("ec2:DescribeInstances", region.as_str())(error)),
    }
}

fn request(
    client: &Client,
    order: &Launch,
    token: &str,
) -> aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder {
    let disk = EbsBlockDevice::builder()
        .volume_type(VolumeType::Gp3)
        .volume_size(i32::from(order.volume_gib))
        .encrypted(true)
        .delete_on_termination(true)
        .build();
    let metadata = InstanceMetadataOptionsRequest::builder()
        .http_tokens(HttpTokensState::Required)
        .http_put_response_hop_limit(2)
        .build();
    // Without credits in store a first boot crawls: it may borrow, and is set to `standard` once it is through.
    let credits = is_burstable(&order.instance_type).then(|| {
        CreditSpecificationRequest::builder()
            .cpu_credits("unlimited")
            .build()
    });
    client
        .run_instances()
        .client_token(token)
        .min_count(1)
        .max_count(1)
        .image_id(&order.image_id)
        .instance_type(InstanceType::from(order.instance_type.as_str()))
        .security_group_ids(&order.group_id)
        .user_data(STANDARD.encode(&order.user_data))
        .metadata_options(metadata)
        .set_credit_specification(credits)
        .instance_initiated_shutdown_behavior(ShutdownBehavior::Stop)
        .block_device_mappings(
            BlockDeviceMapping::builder()
                .device_name(&order.root_device)
                .ebs(disk)
                .build(),
        )
        .set_tag_specifications(Some(
            [ResourceType::Instance, ResourceType::Volume]
                .map(|kind| tags(order, kind))
                .to_vec(),
        ))
}

fn tags(order: &Launch, kind: ResourceType) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(kind)
        .tags(tag(
            "Name",
            &format!("dsline {} {}", order.line, order.slot),
        ))
        .tags(tag(TAG_LINE, order.line.as_str()))
        .tags(tag(TAG_REGION, order.slot.region.as_str()))
        .tags(tag(TAG_SLOT, &order.slot.number.to_string()))
        .tags(tag(TAG_GENERATION, &order.generation.to_string()))
        .tags(tag(TAG_KEY, order.key_id.as_str()))
        .build()
}
