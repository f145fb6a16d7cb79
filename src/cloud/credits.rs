//! CPU credits: what a burstable instance may spend.

use std::time::Duration;

use aws_sdk_ec2::types::{
    InstanceCreditSpecificationRequest, UnsuccessfulInstanceCreditSpecificationErrorCode as Code,
};

use crate::line::Region;

use super::failure::{Failure, FailureKind};
use super::sdk_error::failure;
use super::session::Cloud;
use super::wait::Patience;

const CALL: &str = "ec2:ModifyInstanceCreditSpecification";

/// A new instance may not be known here yet (EC2 developer guide, "Eventual consistency").
const LISTING: Patience = Patience {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
    limit: Duration::from_mins(1),
};

impl Cloud {
    /// Lets an instance spend only the CPU credits that it has earned.
    pub async fn use_standard_credits(&self, region: &Region, id: &str) -> Result<(), Failure> {
        let what = format!("{id} is not known");
        let mut wait = LISTING.begin(CALL, region.as_str(), what);
        loop {
            let standard = InstanceCreditSpecificationRequest::builder()
                .instance_id(id)
                .cpu_credits("standard")
                .build();
            let asked = self
                .ec2(region)
                .modify_instance_credit_specification()
                .instance_credit_specifications(standard);
            let answer = match asked.send().await {
                Ok(answer) => answer,
                Err(error) => match failure(CALL, region.as_str())(error) {
                    // EC2 says it in either way: for the call, or for the one instance in it.
                    refused if matches!(refused.kind, FailureKind::NotFound(_)) => {
                        wait.pause().await?;
                        continue;
                    }
                    refused => return Err(refused),
                },
            };
            let refused = answer
                .unsuccessful_instance_credit_specifications()
                .first()
                .and_then(|refused| refused.error());
            match refused {
                None => return Ok(()),
                Some(error) if error.code() == Some(&Code::InstanceNotFound) => {
                    wait.pause().await?;
                }
                Some(error) => {
                    let what = error.message().unwrap_or("no reason given").to_owned();
                    let kind = FailureKind::Other(what);
                    return Err(Failure::new(CALL, region.as_str(), kind));
                }
            }
        }
    }
}
