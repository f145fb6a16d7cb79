//! Whether the credentials may call EC2's actions, asked by calls that change nothing: dry runs about things that do not exist.

use aws_sdk_ec2::types::{
    InstanceCreditSpecificationRequest, InstanceType, IpPermission, IpRange, ResourceType, Tag,
    TagSpecification,
};
use tokio::join;

use crate::line::Region;

use super::failure::{Failure, FailureKind};
use super::sdk_error::failure;
use super::session::Cloud;

/// Ids that EC2 gives to nothing.
const NO_INSTANCE: &str = "i-00000000000000000";
const NO_GROUP: &str = "sg-00000000000000000";
const NO_IMAGE: &str = "ami-00000000000000000";

/// What a call that was only to find out whether it is allowed came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The action, such as `ec2:RunInstances`.
    pub action: &'static str,
    /// `false` when AWS said that it is not allowed.
    pub is_allowed: bool,
    /// Why nobody could tell, if nobody could.
    pub untold: Option<String>,
}

impl Asked {
    /// What an answer says: any refusal but that of the credentials is about things that do not exist, as it should be.
    pub fn of<T>(action: &'static str, answer: Result<T, Failure>) -> Self {
        let refused = answer.err();
        let is_untold = |failure: &Failure| failure.is_passing() || failure.is_about_every_call();
        Self {
            action,
            is_allowed: !refused
                .as_ref()
                .is_some_and(|failure| matches!(failure.kind, FailureKind::Denied(_))),
            untold: refused.filter(is_untold).map(|failure| failure.to_string()),
        }
    }
}

impl Cloud {
    /// Whether EC2 would let these credentials do in a region what a line needs done there; nothing is changed.
    ///
    /// With `DryRun`, EC2 answers `DryRunOperation` instead of doing what it would do (EC2 developer guide, "Dry run").
    pub async fn may_change(
        &self,
        region: &Region,
        image: Option<&str>,
        instance_type: &str,
    ) -> Vec<Asked> {
        let (instances, groups) = join!(
            self.may_change_instances(region, image, instance_type),
            self.may_change_groups(region)
        );
        instances.into_iter().chain(groups).collect()
    }

    async fn may_change_instances(
        &self,
        region: &Region,
        image: Option<&str>,
        instance_type: &str,
    ) -> Vec<Asked> {
        let client = &self.ec2(region);
        let run = client
            .run_instances()
            .dry_run(true)
            .min_count(1)
            .max_count(1)
            .image_id(image.unwrap_or(NO_IMAGE))
            .instance_type(InstanceType::from(instance_type))
            .tag_specifications(doctors_tag(ResourceType::Instance));
        let terminate = client
            .terminate_instances()
            .dry_run(true)
            .instance_ids(NO_INSTANCE);
        let start = client
            .start_instances()
            .dry_run(true)
            .instance_ids(NO_INSTANCE);
        let stop = client
            .stop_instances()
            .dry_run(true)
            .instance_ids(NO_INSTANCE);
        let standard = InstanceCreditSpecificationRequest::builder()
            .instance_id(NO_INSTANCE)
            .cpu_credits("standard")
            .build();
        let credits = client
            .modify_instance_credit_specification()
            .dry_run(true)
            .instance_credit_specifications(standard);
        let tags = client
            .create_tags()
            .dry_run(true)
            .resources(NO_INSTANCE)
            .tags(doctors_name());
        let (run, terminate, start, stop, credits, tags) = join!(
            run.send(),
            terminate.send(),
            start.send(),
            stop.send(),
            credits.send(),
            tags.send()
        );
        let at = region.as_str();
        let told = [
            Asked::of(
                "ec2:RunInstances",
                run.map_err(failure("ec2:RunInstances", at)),
            ),
            Asked::of(
                "ec2:TerminateInstances",
                terminate.map_err(failure("ec2:TerminateInstances", at)),
            ),
            Asked::of(
                "ec2:StartInstances",
                start.map_err(failure("ec2:StartInstances", at)),
            ),
            Asked::of(
                "ec2:StopInstances",
                stop.map_err(failure("ec2:StopInstances", at)),
            ),
            Asked::of(
                "ec2:ModifyInstanceCreditSpecification",
                credits.map_err(failure("ec2:ModifyInstanceCreditSpecification", at)),
            ),
            Asked::of(
                "ec2:CreateTags",
                tags.map_err(failure("ec2:CreateTags", at)),
            ),
        ];
        told.into()
    }

    async fn may_change_groups(&self, region: &Region) -> Vec<Asked> {
        let client = &self.ec2(region);
        let create = client
            .create_security_group()
            .dry_run(true)
            .group_name("dsline-doctor")
            .description("only to ask whether it may be made");
        let delete = client
            .delete_security_group()
            .dry_run(true)
            .group_id(NO_GROUP);
        let open = client
            .authorize_security_group_ingress()
            .dry_run(true)
            .group_id(NO_GROUP)
            .ip_permissions(some_permission());
        let close = client
            .revoke_security_group_ingress()
            .dry_run(true)
            .group_id(NO_GROUP)
            .ip_permissions(some_permission());
        let (create, delete, open, close) =
            join!(create.send(), delete.send(), open.send(), close.send());
        let at = region.as_str();
        let told = [
            Asked::of(
                "ec2:CreateSecurityGroup",
                create.map_err(failure("ec2:CreateSecurityGroup", at)),
            ),
            Asked::of(
                "ec2:DeleteSecurityGroup",
                delete.map_err(failure("ec2:DeleteSecurityGroup", at)),
            ),
            Asked::of(
                "ec2:AuthorizeSecurityGroupIngress",
                open.map_err(failure("ec2:AuthorizeSecurityGroupIngress", at)),
            ),
            Asked::of(
                "ec2:RevokeSecurityGroupIngress",
                close.map_err(failure("ec2:RevokeSecurityGroupIngress", at)),
            ),
        ];
        told.into()
    }
}

fn doctors_name() -> Tag {
    Tag::builder().key("Name").value("dsline doctor").build()
}

/// A launch is allowed only to who may tag what it makes.
fn doctors_tag(kind: ResourceType) -> TagSpecification {
    TagSpecification::builder()
        .resource_type(kind)
        .tags(doctors_name())
        .build()
}

/// RFC 5737's addresses for documents.
fn some_permission() -> IpPermission {
    IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(443)
        .to_port(443)
        .ip_ranges(IpRange::builder().cidr_ip("192.0.2.1/32").build())
        .build()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(kind: FailureKind) -> Asked {
        let failure = Failure::new("ec2:RunInstances", "eu-west-1", kind);
        Asked::of::<()>("ec2:RunInstances", Err(failure))
    }

    #[test]
    fn only_a_denial_is_no_permission_and_silence_is_no_answer() {
        let text = || "because".to_owned();
        assert!(Asked::of("ec2:RunInstances", Ok(())).is_allowed);
        let dry = asked(FailureKind::Other("DryRunOperation: it would".to_owned()));
        assert!(dry.is_allowed && dry.untold.is_none());
        assert!(asked(FailureKind::NotFound(text())).is_allowed);
        assert!(!asked(FailureKind::Denied(text())).is_allowed);
        assert!(asked(FailureKind::Throttled).untold.is_some());
        assert!(asked(FailureKind::Expired(text())).untold.is_some());
    }
}
