//! Instances switched off and on, for a drill that loses a region.

use std::time::Duration;

use crate::line::Region;

use super::failure::Failure;
use super::sdk_error::{code, failure};
use super::session::Cloud;
use super::wait::Patience;

/// A forced stop takes EC2 a minute or two.
const STOPPING: Patience = Patience {
    first: Duration::from_millis(500),
    longest: Duration::from_secs(5),
    limit: Duration::from_mins(10),
};

impl Cloud {
    /// Switches instances off the hard way, as a power cut would; they are off when EC2 has got round to it.
    pub async fn power_off(&self, region: &Region, ids: &[String]) -> Result<(), Failure> {
        let asked = self
            .ec2(region)
            .stop_instances()
            .set_instance_ids(Some(ids.to_vec()))
            .force(true);
        asked
            .send()
            .await
            .map(|_| ())
            .map_err(failure("ec2:StopInstances", region.as_str()))
    }

    /// Switches instances on again; whoever has no address of its own gets another one.
    pub async fn power_on(&self, region: &Region, ids: &[String]) -> Result<(), Failure> {
        let client = self.ec2(region);
        let mut wait = STOPPING.begin(
            "ec2:StartInstances",
            region.as_str(),
            "they are still stopping",
        );
        loop {
            let asked = client
                .start_instances()
                .set_instance_ids(Some(ids.to_vec()))
                .send();
            match asked.await {
                Ok(_) => return Ok(()),
                // An instance that is still stopping cannot be started yet.
                Err(error) if code(&error) == Some("IncorrectInstanceState") => {
                    wait.pause().await?;
                }
                Err(error) => return Err(failure("ec2:StartInstances", region.as_str())(error)),
            }
        }
    }
}
