//! Whether the credentials may call Route 53's and CloudWatch's actions: calls that must fail for another reason.

use std::slice;

use aws_sdk_route53::types::{
    Change, ChangeAction, ChangeBatch, HealthCheckConfig, HealthCheckType, ResourceRecord,
    ResourceRecordSet, RrType, Tag, TagResourceType,
};
use jiff::Timestamp;

use crate::line::{Priced, Region};

use super::failure::Failure;
use super::permissions::Asked;
use super::sdk_error::failure;
use super::session::Cloud;
use super::zone::PLACE;

/// Ids that Route 53 gives to nothing.
const NO_ZONE: &str = "Z00000000000000000000";
const NO_CHANGE: &str = "C00000000000000000000";
const NO_CHECK: &str = "00000000-0000-0000-0000-000000000000";

impl Cloud {
    /// Whether Route 53 would let these credentials see and change zones and health checks; nothing is changed, since
    /// Route 53 knows no dry run: each call is about something that does not exist.
    pub async fn may_use_route53(&self) -> Vec<Asked> {
        let mut told = self.may_see_zones().await;
        told.extend(self.may_change_zones().await);
        told.extend(self.may_use_checks().await);
        told
    }

    /// Whether CloudWatch would tell an instance's CPU.
    pub async fn may_see_metrics(&self, region: &Region, now: Timestamp) -> Asked {
        let answer = self.cpu(region, "i-00000000000000000", "t3.micro", now);
        Asked::of("cloudwatch:GetMetricStatistics", answer.await)
    }

    /// Whether AWS would tell the account's credits; a line works without.
    pub async fn may_see_plan(&self) -> Asked {
        Asked::of("freetier:GetAccountPlanState", self.account_plan().await)
    }

    /// Whether AWS would tell its prices; a line works without.
    pub async fn may_see_prices(&self, region: &Region) -> Asked {
        let answer = self.quotes(slice::from_ref(region), &[Priced::Address]);
        Asked::of("pricing:GetProducts", answer.await)
    }

    async fn may_see_zones(&self) -> Vec<Asked> {
        let client = &self.route53;
        self.limiter.turn().await;
        let by_name = client
            .list_hosted_zones_by_name()
            .dns_name("dsline.invalid")
            .send()
            .await
            .map_err(failure("route53:ListHostedZonesByName", PLACE));
        self.limiter.turn().await;
        let one = client.get_hosted_zone().id(NO_ZONE).send().await;
        let one = one.map_err(failure("route53:GetHostedZone", PLACE));
        self.limiter.turn().await;
        let answer = client
            .test_dns_answer()
            .hosted_zone_id(NO_ZONE)
            .record_name("dsline.invalid")
            .record_type(RrType::A)
            .send()
            .await
            .map_err(failure("route53:TestDNSAnswer", PLACE));
        vec![
            Asked::of("route53:ListHostedZones", self.zones_of_both_kinds().await),
            Asked::of("route53:ListHostedZonesByName", by_name),
            Asked::of("route53:GetHostedZone", one),
            Asked::of("route53:TestDNSAnswer", answer),
        ]
    }

    async fn may_change_zones(&self) -> Vec<Asked> {
        let client = &self.route53;
        self.limiter.turn().await;
        let records = client.list_resource_record_sets().hosted_zone_id(NO_ZONE);
        let records = records.send().await;
        self.limiter.turn().await;
        let change = client
            .change_resource_record_sets()
            .hosted_zone_id(NO_ZONE)
            .change_batch(no_change())
            .send()
            .await
            .map_err(failure("route53:ChangeResourceRecordSets", PLACE));
        self.limiter.turn().await;
        let known = client.get_change().id(NO_CHANGE).send().await;
        vec![
            Asked::of(
                "route53:ListResourceRecordSets",
                records.map_err(failure("route53:ListResourceRecordSets", PLACE)),
            ),
            Asked::of("route53:ChangeResourceRecordSets", change),
            Asked::of(
                "route53:GetChange",
                known.map_err(failure("route53:GetChange", PLACE)),
            ),
        ]
    }

    async fn may_use_checks(&self) -> Vec<Asked> {
        let client = &self.route53;
        self.limiter.turn().await;
        let list = client.list_health_checks().max_items(1).send().await;
        self.limiter.turn().await;
        let status = client.get_health_check_status().health_check_id(NO_CHECK);
        let status = status.send().await;
        self.limiter.turn().await;
        let update = client.update_health_check().health_check_id(NO_CHECK);
        let update = update.send().await;
        self.limiter.turn().await;
        let delete = client.delete_health_check().health_check_id(NO_CHECK);
        let delete = delete.send().await;
        vec![
            Asked::of(
                "route53:ListHealthChecks",
                list.map_err(failure("route53:ListHealthChecks", PLACE)),
            ),
            Asked::of("route53:CreateHealthCheck", self.make_impossible().await),
            Asked::of("route53:ChangeTagsForResource", self.tag_nothing().await),
            Asked::of(
                "route53:GetHealthCheckStatus",
                status.map_err(failure("route53:GetHealthCheckStatus", PLACE)),
            ),
            Asked::of(
                "route53:UpdateHealthCheck",
                update.map_err(failure("route53:UpdateHealthCheck", PLACE)),
            ),
            Asked::of(
                "route53:DeleteHealthCheck",
                delete.map_err(failure("route53:DeleteHealthCheck", PLACE)),
            ),
        ]
    }

    /// Asks for a check that cannot be: of no address, after no failure (API reference, `HealthCheckConfig`: 1 to 10).
    async fn make_impossible(&self) -> Result<(), Failure> {
        const CALL: &str = "route53:CreateHealthCheck";
        let config = HealthCheckConfig::builder()
            .r#type(HealthCheckType::Http)
            .failure_threshold(0)
            .build()
            .expect("a type is all that the SDK asks for");
        self.limiter.turn().await;
        let asked = self.route53.create_health_check();
        let asked = asked
            .caller_reference("dsline-doctor")
            .health_check_config(config);
        asked.send().await.map(|_| ()).map_err(failure(CALL, PLACE))
    }

    async fn tag_nothing(&self) -> Result<(), Failure> {
        const CALL: &str = "route53:ChangeTagsForResource";
        self.limiter.turn().await;
        let asked = self.route53.change_tags_for_resource();
        let asked = asked
            .resource_type(TagResourceType::Healthcheck)
            .resource_id(NO_CHECK)
            .add_tags(Tag::builder().key("Name").value("dsline doctor").build());
        asked.send().await.map(|_| ()).map_err(failure(CALL, PLACE))
    }
}

/// Removes what is not there (RFC 2606's name, RFC 5737's address) from a zone that is not there.
fn no_change() -> ChangeBatch {
    const COMPLETE: &str = "every field that the SDK asks for is given";
    let value = ResourceRecord::builder().value("192.0.2.1").build();
    let record = ResourceRecordSet::builder()
        .name("dsline.invalid")
        .r#type(RrType::A)
        .ttl(60)
        .resource_records(value.expect(COMPLETE))
        .build()
        .expect(COMPLETE);
    let change = Change::builder()
        .action(ChangeAction::Delete)
        .resource_record_set(record)
        .build()
        .expect(COMPLETE);
    ChangeBatch::builder()
        .changes(change)
        .build()
        .expect(COMPLETE)
}
