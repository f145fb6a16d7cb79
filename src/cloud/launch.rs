//! Launches an instance under a token that makes a repeated launch harmless, elsewhere if EC2 has no room for it.

use std::time::Duration;

use aws_sdk_ec2::Client;
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_sdk_ec2::types::Filter;

use crate::line::{
    Generation, Instance, InstanceState, KeyId, LineName, Region, Slot, TAG_GENERATION, TAG_SLOT,
    client_token,
};

use super::choice::{CapacityIsFinal, Choice, Subnet};
use super::failure::{Failure, FailureKind};
use super::instance::instance_of;
use super::instances::{look_up, of_line};
use super::request::{request, tags_of};
use super::sdk_error::{code, failure};
use super::session::Cloud;
use super::wait::{Patience, Wait};

const CALL: &str = "ec2:RunInstances";

/// How often a new token is tried when the instance of the last one is gone.
const ATTEMPTS: u32 = 100;

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
    /// The types that it may have, best first.
    pub instance_types: Vec<String>,
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

impl Cloud {
    /// Launches an instance, or finds the one that an earlier call with the same order made; `says` tells what is tried.
    ///
    /// For want of capacity each type is tried where EC2 likes, then in every zone with a default subnet.
    pub async fn launch(
        &self,
        order: &Launch,
        says: &(impl Fn(String) + Sync),
    ) -> Result<Instance, Failure> {
        // Whatever zone or type an earlier run came to: its first choices may have room again by now, and would be a
        // second instance.
        if let Some(made) = self.launched_before(order).await? {
            return Ok(made);
        }
        // One for all ways: what an earlier run made is listed by then, or was never made.
        let what = format!("no instance of {} is listed", order.slot);
        let mut listing = LISTING.begin("ec2:DescribeInstances", order.slot.region.as_str(), what);
        let mut subnets: Option<Vec<Subnet>> = None;
        let mut tried: Vec<String> = Vec::new();
        let mut refusal = None;
        for instance_type in &order.instance_types {
            let mut choices = vec![Choice::anywhere(instance_type)];
            while !choices.is_empty() {
                let choice = choices.remove(0);
                if let Some(last) = tried.last() {
                    says(format!(
                        "EC2 has no capacity for a {last}; trying a {choice}"
                    ));
                }
                match self.launch_as(order, &choice, &mut listing).await {
                    Err(failed) if matches!(failed.kind, FailureKind::NoCapacity(_)) => {
                        refusal = Some(failed);
                    }
                    other => return other,
                }
                tried.push(choice.to_string());
                if choice.subnet.is_none() {
                    if subnets.is_none() {
                        subnets = Some(self.default_subnets(&order.slot.region).await?);
                    }
                    choices.extend(subnets.iter().flatten().map(|subnet| choice.inside(subnet)));
                }
            }
        }
        Err(exhausted(order, &tried, refusal))
    }

    /// The instance that fills the order's slot in its generation already.
    async fn launched_before(&self, order: &Launch) -> Result<Option<Instance>, Failure> {
        let tagged = |key: &str, value: &str| {
            Filter::builder()
                .name(format!("tag:{key}"))
                .values(value)
                .build()
        };
        let filters = vec![
            of_line(&order.line),
            tagged(TAG_SLOT, &order.slot.number.to_string()),
            tagged(TAG_GENERATION, &order.generation.to_string()),
        ];
        let found = self.describe(&order.slot.region, filters).await?;
        let mut alive: Vec<Instance> = found.into_iter().filter(|one| !is_gone(one)).collect();
        // Of two everybody takes the same.
        alive.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(alive.into_iter().next())
    }

    /// Launches in one way, under the first token whose instance is not gone.
    async fn launch_as(
        &self,
        order: &Launch,
        choice: &Choice,
        listing: &mut Wait<'_>,
    ) -> Result<Instance, Failure> {
        for attempt in 1..=ATTEMPTS {
            let token = client_token(
                &order.line,
                &order.slot,
                order.generation,
                &choice.to_string(),
                attempt,
            );
            let found = self.launch_under(order, choice, &token, listing).await?;
            if let Some(instance) = found.filter(|instance| !is_gone(instance)) {
                return mend_tags(&self.ec2(&order.slot.region), order, instance).await;
            }
        }
        let what = format!(
            "{}: {ATTEMPTS} client tokens belong to instances that are gone",
            order.slot
        );
        let place = order.slot.region.as_str();
        Err(Failure::new(CALL, place, FailureKind::Other(what)))
    }

    /// What a token makes or has made; `None` when that is gone.
    async fn launch_under(
        &self,
        order: &Launch,
        choice: &Choice,
        token: &str,
        listing: &mut Wait<'_>,
    ) -> Result<Option<Instance>, Failure> {
        let region = &order.slot.region;
        let client = &self.ec2(region);
        let patient = TimeoutConfig::builder()
            .operation_attempt_timeout(ANSWER)
            .operation_timeout(ANSWER * 3)
            .build();
        let patient = aws_sdk_ec2::config::Builder::new()
            .timeout_config(patient)
            .retry_classifier(CapacityIsFinal);
        let asked = request(client, order, choice, token)
            .customize()
            .config_override(patient);
        match asked.send().await {
            Ok(answer) => {
                let made = answer.instances().first();
                let made = made.and_then(|instance| instance_of(region, instance));
                let made = made.ok_or_else(|| {
                    let kind = FailureKind::Other("the answer names no instance".to_owned());
                    Failure::new(CALL, region.as_str(), kind)
                })?;
                Ok(Some(as_it_is(client, made).await?))
            }
            // What was launched under the token differs (a newer image, say): it is adopted all the same.
            Err(error) if code(&error) == Some("IdempotentParameterMismatch") => {
                self.made_under(region, token, listing).await
            }
            Err(error) if code(&error) == Some("IdempotentInstanceTerminated") => Ok(None),
            Err(error) => Err(failure(CALL, region.as_str())(error)),
        }
    }

    /// The instance that a token made; looked for a while, since another token would make a second one.
    async fn made_under(
        &self,
        region: &Region,
        token: &str,
        listing: &mut Wait<'_>,
    ) -> Result<Option<Instance>, Failure> {
        loop {
            let made = Filter::builder().name("client-token").values(token).build();
            let found = self.describe(region, vec![made]).await?;
            if !found.is_empty() || listing.pause().await.is_err() {
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

/// A stopped instance is not gone: another token would put a second one beside it.
fn is_gone(instance: &Instance) -> bool {
    matches!(
        instance.state,
        InstanceState::ShuttingDown | InstanceState::Terminated
    )
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

/// The refusal when nothing is left to try, with all that was.
fn exhausted(order: &Launch, tried: &[String], refusal: Option<Failure>) -> Failure {
    let why = match refusal.map(|failed| failed.kind) {
        Some(FailureKind::NoCapacity(why)) => why,
        _ => "no type may be launched".to_owned(),
    };
    let kind = FailureKind::NoCapacity(format!("{why} (tried: {})", tried.join(", ")));
    Failure::new(CALL, order.slot.region.as_str(), kind)
}
