//! What `RunInstances` is sent.

use aws_sdk_ec2::Client;
use aws_sdk_ec2::operation::run_instances::builders::RunInstancesFluentBuilder;
use aws_sdk_ec2::types::{
    BlockDeviceMapping, CreditSpecificationRequest, EbsBlockDevice, HttpTokensState,
    InstanceMetadataOptionsRequest, InstanceType, ResourceType, ShutdownBehavior, Tag,
    TagSpecification, VolumeType,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::line::{TAG_GENERATION, TAG_KEY, TAG_LINE, TAG_REGION, TAG_SLOT};

use super::choice::Choice;
use super::instance::tag;
use super::launch::Launch;

/// Whether a type earns CPU credits.
pub fn is_burstable(instance_type: &str) -> bool {
    ["t2.", "t3.", "t3a.", "t4g."]
        .iter()
        .any(|family| instance_type.starts_with(family))
}

/// The call that launches an order's instance in one of the ways that it may be launched.
pub(super) fn request(
    client: &Client,
    order: &Launch,
    choice: &Choice,
    token: &str,
) -> RunInstancesFluentBuilder {
    let metadata = InstanceMetadataOptionsRequest::builder()
        .http_tokens(HttpTokensState::Required)
        .http_put_response_hop_limit(2)
        .build();
    // Without credits in store a first boot crawls: it may borrow, and is set to `standard` once it is through.
    let credits = is_burstable(&choice.instance_type).then(|| {
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
        .instance_type(InstanceType::from(choice.instance_type.as_str()))
        .set_subnet_id(choice.subnet.as_ref().map(|subnet| subnet.id.clone()))
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

/// What an instance of an order is tagged with.
pub(super) fn tags_of(order: &Launch) -> Vec<Tag> {
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
