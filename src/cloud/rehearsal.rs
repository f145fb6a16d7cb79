//! What Route 53 itself says that it would answer.

use std::net::Ipv4Addr;

use aws_sdk_route53::types::RrType;

use crate::line::RecordType;

use super::failure::Failure;
use super::sdk_error::failure;
use super::session::Cloud;
use super::zone::{PLACE, Zone};

impl Cloud {
    /// The values that Route 53 says a resolver at an address would be given now (API reference, `TestDNSAnswer`).
    ///
    /// It has an answer for public zones only, and draws one where records are weighted.
    pub async fn rehearse(
        &self,
        zone: &Zone,
        name: &str,
        kind: &RecordType,
        resolver: Ipv4Addr,
    ) -> Result<Vec<String>, Failure> {
        self.limiter.turn().await;
        let answer = self
            .route53
            .test_dns_answer()
            .hosted_zone_id(&zone.id)
            .record_name(name)
            .record_type(RrType::from(kind.name()))
            .resolver_ip(resolver.to_string())
            .send()
            .await
            .map_err(failure("route53:TestDNSAnswer", PLACE))?;
        Ok(answer.record_data().to_vec())
    }
}
