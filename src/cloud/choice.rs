//! The ways in which an instance may be launched: as which type, and in which zone if EC2 is not to choose.

use std::fmt;

use aws_sdk_ec2::operation::run_instances::RunInstancesError;
use aws_sdk_ec2::types::Filter;
use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::OrchestratorError;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

use crate::line::Region;

use super::failure::Failure;
use super::sdk_error::{WITHOUT_CAPACITY, failure};
use super::session::Cloud;

/// One way to launch an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The instance type.
    pub(super) instance_type: String,
    /// Where; otherwise EC2 chooses.
    pub(super) subnet: Option<Subnet>,
}

/// The default subnet of a zone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Subnet {
    /// The zone's name.
    pub(super) zone: String,
    /// EC2's id.
    pub(super) id: String,
}

impl Choice {
    /// A type in a zone of EC2's choosing.
    pub(super) fn anywhere(instance_type: &str) -> Self {
        Self {
            instance_type: instance_type.to_owned(),
            subnet: None,
        }
    }

    /// The same type in a given zone.
    pub(super) fn inside(&self, subnet: &Subnet) -> Self {
        Self {
            subnet: Some(subnet.clone()),
            ..self.clone()
        }
    }
}

impl fmt::Display for Choice {
    /// A part of the client token too, so each choice has a token of its own.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.instance_type)?;
        match &self.subnet {
            Some(subnet) => write!(f, " in {}", subnet.zone),
            None => Ok(()),
        }
    }
}

impl Cloud {
    /// Whether the region has a default VPC with a subnet to launch into.
    pub async fn has_default_network(&self, region: &Region) -> Result<bool, Failure> {
        Ok(!self.default_subnets(region).await?.is_empty())
    }

    /// The region's default subnets, in the order of their zones.
    pub(super) async fn default_subnets(&self, region: &Region) -> Result<Vec<Subnet>, Failure> {
        let default = Filter::builder()
            .name("default-for-az")
            .values("true")
            .build();
        let mut pages = self
            .ec2(region)
            .describe_subnets()
            .filters(default)
            .into_paginator()
            .send();
        let mut subnets = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(failure("ec2:DescribeSubnets", region.as_str()))?;
            subnets.extend(page.subnets().iter().filter_map(|subnet| {
                Some(Subnet {
                    zone: subnet.availability_zone()?.to_owned(),
                    id: subnet.subnet_id()?.to_owned(),
                })
            }));
        }
        subnets.sort();
        Ok(subnets)
    }
}

/// Keeps the SDK from asking again where there is no room: it takes EC2's status 500 for a passing fault.
#[derive(Debug)]
pub(super) struct CapacityIsFinal;

impl ClassifyRetry for CapacityIsFinal {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let refused = context
            .output_or_error()
            .and_then(|outcome| outcome.err())
            .and_then(OrchestratorError::as_operation_error)
            .and_then(|error| error.downcast_ref::<RunInstancesError>());
        match refused.and_then(|error| error.meta().code()) {
            Some(code) if WITHOUT_CAPACITY.contains(&code) => RetryAction::RetryForbidden,
            _ => RetryAction::NoActionIndicated,
        }
    }

    fn name(&self) -> &'static str {
        "capacity is final"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_choice_has_a_name_of_its_own() {
        let anywhere = Choice::anywhere("t3.micro");
        let subnet = Subnet {
            zone: "eu-west-1b".to_owned(),
            id: "subnet-1".to_owned(),
        };
        assert_eq!(anywhere.to_string(), "t3.micro");
        assert_eq!(
            anywhere.inside(&subnet).to_string(),
            "t3.micro in eu-west-1b"
        );
    }
}
