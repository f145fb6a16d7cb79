//! Launches an instance under a token that makes a repeated launch harmless.

use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, CreditSpecificationRequest, EbsBlockDevice, Filter, HttpTokensState,
    InstanceMetadataOptionsRequest, InstanceType, ResourceType, ShutdownBehavior, Tag,
    TagSpecification, VolumeType,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::line::{
    Generation, Instance, InstanceState, KeyId, LineName, Region, Slot, TAG_GENERATION, TAG_KEY,
    TAG_LINE, TAG_REGION, TAG_SLOT, client_token,
};

use super::failure::{Failure, FailureKind};
use super::instance::{instance_of, tag};
use super::instances::look_up;
use super::sdk_error::{code, failure};
use super::session::Cloud;
use super::wait::Patience;

/// How often a new token is tried when the instance of the last one is gone.
const ATTEMPTS: u32 = 20;

/// `RunInstances` takes longer than any other call; giving up early would only ask the same again.
const ANSWER: Duration = Duration::from_mins(1);

/// A token's instance may be listed a moment after its launch (EC2 developer guide, "Eventual consistency").
const LISTING: Patience = Patience {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(2),
    limit: Duration::from_secs(10),
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

impl Cloud {
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
            let found = self.launch_under(&client, order, &token).await?;
            if let Some(instance) = found.filter(|instance| !is_gone(instance)) {
                return mend_tags(&client, order, instance).await;
            }
        }
        let what = format!(
            "{}: {ATTEMPTS} client tokens belong to instances that are gone",
            order.slot
        );
        let place = order.slot.region.as_str();
        Err(Failure::new(
            "ec2:RunInstances",
            place,
            FailureKind::Other(what),
        ))
    }

    /// What a token makes or has made; `None` when that is gone.
    async fn launch_under(
        &self,
        client: &Client,
        order: &Launch,
        token: &str,
    ) -> Result<Option<Instance>, Failure> {
        let region = &order.slot.region;
        let patient = TimeoutConfig::builder()
            .operation_attempt_timeout(ANSWER)
            .operation_timeout(ANSWER * 3)
            .build();
        let patient = aws_sdk_ec2::config::Builder::new().timeout_config(patient);
        let asked = request(client, order, token)
            .customize()
            .config_override(patient);
        match asked.send().await {
            Ok(answer) => {
                let made = answer.instances().first();
                let made = made.and_then(|instance| instance_of(region, instance));
                let made = made.ok_or_else(|| {
                    let kind = FailureKind::Other("the answer names no instance".to_owned());
                    Failure::new("ec2:RunInstances", region.as_str(), kind)
                })?;
                Ok(Some(as_it_is(client, made).await?))
            }
            // What was launched under the token differs (a newer image, say): it is adopted all the same.
            Err(error) if code(&error) == Some("IdempotentParameterMismatch") => {
                self.made_under(region, token).await
            }
            Err(error) if code(&error) == Some("IdempotentInstanceTerminated") => Ok(None),
            Err(error) => Err(failure("ec2:RunInstances", region.as_str())(error)),
        }
    }

    /// The instance that a token made; looked for a while, since another token would make a second one.
    async fn made_under(&self, region: &Region, token: &str) -> Result<Option<Instance>, Failure> {
        let what = format!("no instance has the client token {token}");
        let mut wait = LISTING.begin("ec2:DescribeInstances", region.as_str(), what);
        loop {
            let made = Filter::builder().name("client-token").values(token).build();
            let found = self.describe(region, vec![made]).await?;
            if !found.is_empty() || wait.pause().await.is_err() {
                return Ok(found.into_iter().next());
            }
        }
    }
}

/// The instance as EC2 lists it: the answer to a repeated launch may still call `pending` what is ending.
async fn as_it_is(client: &Client, made: Instance) -> Result<Instance, Failure> {
    let described = look_up(client, &made.region, &made.id).await?;
    let listed = described.and_then(|described| instance_of(&made.region, &described));
    Ok(listed.unwrap_or(made))
}

/// Gives an adopted instance back its slot, if somebody has changed its tags: else the next run would end it.
async fn mend_tags(
    client: &Client,
    order: &Launch,
    instance: Instance,
) -> Result<Instance, Failure> {
    if instance.slot.as_ref() == Some(&order.slot) && instance.generation == order.generation {
        return Ok(instance);
    }
    let asked = client
        .create_tags()
        .resources(&instance.id)
        .set_tags(Some(tags_of(order)));
    asked
        .send()
        .await
        .map_err(failure("ec2:CreateTags", order.slot.region.as_str()))?;
    Ok(Instance {
        slot: Some(order.slot.clone()),
        generation: order.generation,
        ..instance
    })
}

/// A stopped instance is not gone: another token would put a second one beside it.
fn is_gone(instance: &Instance) -> bool {
    matches!(
        instance.state,
        InstanceState::ShuttingDown | InstanceState::Terminated
    )
}

fn request(client: &Client, order: &Launch, token: &str) -> RunInstancesFluentBuilder {
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
        .block_device_mappings(root_volume(order))
        .set_tag_specifications(Some(
            [ResourceType::Instance, ResourceType::Volume]
                .map(|kind| tags(order, kind))
                .to_vec(),
        ))
}

fn root_volume(order: &Launch) -> BlockDeviceMapping {
    let disk = EbsBlockDevice::builder()
        .volume_type(VolumeType::Gp3)
        .volume_size(i32::from(order.volume_gib))
        .encrypted(true)
        .delete_on_termination(true)
        .build();
    BlockDeviceMapping::builder()
        .device_name(&order.root_device)
        .ebs(disk)
        .build()
}

fn tags(order: &Launch, kind: ResourceType) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(kind)
        .set_tags(Some(tags_of(order)))
        .build()
}

fn tags_of(order: &Launch) -> Vec<Tag> {
    vec![
        tag("Name", &format!("dsline {} {}", order.line, order.slot)),
        tag(TAG_LINE, order.line.as_str()),
        tag(TAG_REGION, order.slot.region.as_str()),
        tag(TAG_SLOT, &order.slot.number.to_string()),
        tag(TAG_GENERATION, &order.generation.to_string()),
        tag(TAG_KEY, order.key_id.as_str()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_burstable_families_are_told_about_credits() {
        for burstable in ["t2.micro", "t3.micro", "t3a.small", "t4g.micro"] {
            assert!(is_burstable(burstable), "{burstable}");
        }
        for steady in ["t8i.micro", "m7i-flex.large", "trn1.2xlarge"] {
            assert!(!is_burstable(steady), "{steady}");
        }
    }
}
