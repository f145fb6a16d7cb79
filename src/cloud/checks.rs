//! Route 53's health checks, known by their caller references.

use std::net::Ipv4Addr;

use aws_sdk_route53::types::{
    HealthCheck as WireCheck, HealthCheckConfig, HealthCheckType, Tag, TagResourceType,
};

use crate::line::{CheckReference, CheckSpeed, HealthCheck, LineName, TAG_LINE};

use super::failure::{Failure, FailureKind};
use super::sdk_error::{code, failure};
use super::session::Cloud;
use super::zone::PLACE;

/// How often a new reference is tried: Route 53 keeps those of deleted checks taken for days.
const ATTEMPTS: u32 = 20;

/// What Route 53's checkers say of a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckHealth {
    /// Whether Route 53 takes it for healthy: more than 18 % of its checkers say so.
    pub healthy: bool,
    /// How many checkers have spoken.
    pub observations: usize,
    /// How many of them say that it fails.
    pub failing: usize,
    /// What one of the failing ones says, or else one of the others.
    pub last: String,
}

impl Cloud {
    /// The line's health checks.
    pub async fn checks(&self, line: &LineName) -> Result<Vec<HealthCheck>, Failure> {
        let mut checks = Vec::new();
        let mut marker = None;
        loop {
            self.limiter.turn().await;
            let page = self
                .route53
                .list_health_checks()
                .set_marker(marker)
                .send()
                .await
                .map_err(failure("route53:ListHealthChecks", PLACE))?;
            let ours = page
                .health_checks()
                .iter()
                .filter_map(check_of)
                .filter(|check| check.reference.line == *line);
            checks.extend(ours);
            marker = page.next_marker().map(str::to_owned);
            if !page.is_truncated() || marker.is_none() {
                return Ok(checks);
            }
        }
    }

    /// Makes a node's check, or finds the one that an earlier call made, and names it in the console.
    pub async fn create_check(
        &self,
        reference: &CheckReference,
        address: Ipv4Addr,
        speed: CheckSpeed,
    ) -> Result<HealthCheck, Failure> {
        let mut reference = reference.clone();
        for _ in 0..ATTEMPTS {
            self.limiter.turn().await;
            let asked = self
                .route53
                .create_health_check()
                .caller_reference(reference.to_string())
                .health_check_config(config(address, speed));
            match asked.send().await {
                Ok(answer) => {
                    let check = answer.health_check().and_then(check_of);
                    let check = check.ok_or_else(|| {
                        Failure::new(
                            "route53:CreateHealthCheck",
                            PLACE,
                            FailureKind::Other("the answer names no check".to_owned()),
                        )
                    })?;
                    self.name_check(&check).await?;
                    return Ok(check);
                }
                Err(error) if code(&error) == Some("HealthCheckAlreadyExists") => {
                    reference = reference.next_attempt();
                }
                Err(error) => return Err(failure("route53:CreateHealthCheck", PLACE)(error)),
            }
        }
        let what = format!(
            "{}: {ATTEMPTS} caller references are taken by deleted checks",
            reference.slot
        );
        Err(Failure::new(
            "route53:CreateHealthCheck",
            PLACE,
            FailureKind::Other(what),
        ))
    }

    async fn name_check(&self, check: &HealthCheck) -> Result<(), Failure> {
        let tag = |key: &str, value: String| Tag::builder().key(key).value(value).build();
        let CheckReference { line, slot, .. } = &check.reference;
        self.limiter.turn().await;
        let asked = self
            .route53
            .change_tags_for_resource()
            .resource_type(TagResourceType::Healthcheck)
            .resource_id(&check.id);
        let asked = asked
            .add_tags(tag("Name", format!("dsline {line} {slot}")))
            .add_tags(tag(TAG_LINE, line.to_string()));
        asked
            .send()
            .await
            .map(|_| ())
            .map_err(failure("route53:ChangeTagsForResource", PLACE))
    }

    /// Removes a check; one that is gone already is fine.
    pub async fn delete_check(&self, id: &str) -> Result<(), Failure> {
        self.limiter.turn().await;
        match self
            .route53
            .delete_health_check()
            .health_check_id(id)
            .send()
            .await
        {
            Err(error) if code(&error) != Some("NoSuchHealthCheck") => {
                Err(failure("route53:DeleteHealthCheck", PLACE)(error))
            }
            _ => Ok(()),
        }
    }

    /// Takes what a check is about out of the answers, or lets the checkers decide again.
    ///
    /// A switched-off check counts as healthy, so it is turned round too.
    pub async fn hold_check(&self, id: &str, out: bool) -> Result<(), Failure> {
        self.limiter.turn().await;
        let asked = self
            .route53
            .update_health_check()
            .health_check_id(id)
            .inverted(out)
            .disabled(out);
        asked
            .send()
            .await
            .map(|_| ())
            .map_err(failure("route53:UpdateHealthCheck", PLACE))
    }

    /// What Route 53's checkers say of a check.
    pub async fn check_health(&self, id: &str) -> Result<CheckHealth, Failure> {
        self.limiter.turn().await;
        let answer = self
            .route53
            .get_health_check_status()
            .health_check_id(id)
            .send()
            .await;
        let answer = answer.map_err(failure("route53:GetHealthCheckStatus", PLACE))?;
        let said: Vec<&str> = answer
            .health_check_observations()
            .iter()
            .filter_map(|one| one.status_report()?.status())
            .collect();
        Ok(health_of(&said))
    }
}

/// Route 53's rule: healthy while more than 18 % of the checkers succeed; a check without data counts as healthy.
fn health_of(said: &[&str]) -> CheckHealth {
    let succeeding = said
        .iter()
        .filter(|text| text.starts_with("Success"))
        .count();
    let failing = said.len() - succeeding;
    let last = said
        .iter()
        .find(|text| !text.starts_with("Success"))
        .or(said.first());
    CheckHealth {
        healthy: said.is_empty() || succeeding * 100 > said.len() * 18,
        observations: said.len(),
        failing,
        last: last.map_or_else(|| "no data yet".to_owned(), |text| (*text).to_owned()),
    }
}

/// Plain HTTP, which is free: HTTPS costs extra and Route 53 does not look at the certificate anyway.
fn config(address: Ipv4Addr, speed: CheckSpeed) -> HealthCheckConfig {
    HealthCheckConfig::builder()
        .r#type(HealthCheckType::Http)
        .ip_address(address.to_string())
        .port(80)
        .resource_path("/healthz")
        .request_interval(speed.interval_seconds())
        .failure_threshold(3)
        .build()
        .expect("the type is set")
}

fn check_of(wire: &WireCheck) -> Option<HealthCheck> {
    let config = wire.health_check_config()?;
    Some(HealthCheck {
        id: wire.id().to_owned(),
        reference: CheckReference::parse(wire.caller_reference())?,
        address: config.ip_address().and_then(|text| text.parse().ok()),
        inverted: config.inverted().unwrap_or_default(),
        disabled: config.disabled().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_the_checkers_is_enough_and_silence_is_healthy() {
        assert!(health_of(&[]).healthy);
        assert!(
            health_of(&[
                "Success: HTTP 200",
                "Failure: timeout",
                "Failure: timeout",
                "Failure: timeout"
            ])
            .healthy
        );
        let dead = health_of(&["Failure: timeout"; 16]);
        assert!(!dead.healthy);
        assert_eq!((dead.failing, dead.last.as_str()), (16, "Failure: timeout"));
    }

    #[test]
    fn pitfall_08_a_check_asks_an_address_and_no_name() {
        let config = config(Ipv4Addr::new(198, 51, 100, 7), CheckSpeed::Standard);
        assert_eq!(config.ip_address(), Some("198.51.100.7"));
        assert_eq!(config.fully_qualified_domain_name(), None);
    }

    #[test]
    fn only_checks_with_a_reference_of_ours_are_read() {
        let wire = |reference: &str| {
            WireCheck::builder()
                .id("check-1")
                .caller_reference(reference)
                .health_check_config(config(Ipv4Addr::new(198, 51, 100, 7), CheckSpeed::Fast))
                .health_check_version(1)
                .build()
                .unwrap()
        };
        let ours = check_of(&wire("dsline/home/us-east-1/1/0123abcd/2")).unwrap();
        assert_eq!(ours.address, Some(Ipv4Addr::new(198, 51, 100, 7)));
        assert_eq!(ours.reference.attempt, 2);
        assert!(!ours.inverted && !ours.disabled);
        assert_eq!(check_of(&wire("terraform-20261122")), None);
    }
}
