//! The way into AWS: one configuration, one client per region, one limiter for Route 53.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::Provider;
use aws_smithy_http_client::tls::rustls_provider::CryptoMode;

use crate::line::Region;

use super::limiter::Limiter;

/// Route 53's own place: one endpoint for the whole world, signed for this region.
const HOME: &str = "us-east-1";

/// AWS as one account and credentials see it; a copy shares clients and limiter.
#[derive(Clone)]
pub struct Cloud {
    config: Arc<SdkConfig>,
    regional: Arc<Mutex<HashMap<Region, aws_sdk_ec2::Client>>>,
    metrics: Arc<Mutex<HashMap<Region, aws_sdk_cloudwatch::Client>>>,
    pub(super) route53: aws_sdk_route53::Client,
    pub(super) limiter: Arc<Limiter>,
}

impl Cloud {
    /// Reads configuration and credentials as every AWS tool does; nothing is asked yet.
    pub async fn open() -> Self {
        let http = Builder::new()
            .tls_provider(Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(5))
            .operation_attempt_timeout(Duration::from_secs(15))
            // Retries of what is slow but alive fit in; a region that hangs holds the others up no longer than this.
            .operation_timeout(Duration::from_secs(40))
            .build();
        // Only for logging in: every client names its own region. The default chain would also ask the metadata
        // service of a cloud machine, for seconds, where there is none.
        let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
            .or_else(ProfileFileRegionProvider::new())
            .or_else(HOME);
        let config = aws_config::defaults(BehaviorVersion::latest())
            .region(region)
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(4))
            .timeout_config(timeouts)
            .load()
            .await;
        let home = aws_config::Region::from_static(HOME);
        let route53 = aws_sdk_route53::Client::from_conf(
            aws_sdk_route53::config::Builder::from(&config)
                .region(home)
                // Everybody in the account shares five calls a second: a crowd passes, it only takes longer. All pauses
                // (at most 1 + 2 + 4 + 6 + 6 + 6 s) fit into an operation's time, whose end would hide what AWS says.
                .retry_config(
                    RetryConfig::standard()
                        .with_max_attempts(7)
                        .with_max_backoff(Duration::from_secs(6)),
                )
                .build(),
        );
        Self {
            config: Arc::new(config),
            regional: Arc::default(),
            metrics: Arc::default(),
            route53,
            limiter: Arc::default(),
        }
    }

    /// EC2 in a region.
    pub(super) fn ec2(&self, region: &Region) -> aws_sdk_ec2::Client {
        let mut clients = self
            .regional
            .lock()
            .expect("no client is made while another panics");
        let make = || {
            let place = aws_config::Region::new(region.as_str().to_owned());
            aws_sdk_ec2::Client::from_conf(
                aws_sdk_ec2::config::Builder::from(&*self.config)
                    .region(place)
                    .build(),
            )
        };
        clients.entry(region.clone()).or_insert_with(make).clone()
    }

    /// CloudWatch in a region.
    pub(super) fn cloudwatch(&self, region: &Region) -> aws_sdk_cloudwatch::Client {
        let mut clients = self
            .metrics
            .lock()
            .expect("no client is made while another panics");
        let make = || {
            let place = aws_config::Region::new(region.as_str().to_owned());
            aws_sdk_cloudwatch::Client::from_conf(
                aws_sdk_cloudwatch::config::Builder::from(&*self.config)
                    .region(place)
                    .build(),
            )
        };
        clients.entry(region.clone()).or_insert_with(make).clone()
    }

    /// The one endpoint for the account's plan.
    pub(super) fn free_tier(&self) -> aws_sdk_freetier::Client {
        let home = aws_config::Region::from_static(HOME);
        aws_sdk_freetier::Client::from_conf(
            aws_sdk_freetier::config::Builder::from(&*self.config)
                .region(home)
                .build(),
        )
    }

    /// Service Quotas in a region, asked once in a command.
    pub(super) fn service_quotas(&self, region: &Region) -> aws_sdk_servicequotas::Client {
        let place = aws_config::Region::new(region.as_str().to_owned());
        aws_sdk_servicequotas::Client::from_conf(
            aws_sdk_servicequotas::config::Builder::from(&*self.config)
                .region(place)
                .build(),
        )
    }

    /// The place that tells whose credentials these are.
    pub(super) fn identities(&self) -> aws_sdk_sts::Client {
        let home = aws_config::Region::from_static(HOME);
        aws_sdk_sts::Client::from_conf(
            aws_sdk_sts::config::Builder::from(&*self.config)
                .region(home)
                .build(),
        )
    }

    /// The price list, which has an endpoint in few regions.
    pub(super) fn price_list(&self) -> aws_sdk_pricing::Client {
        let home = aws_config::Region::from_static(HOME);
        aws_sdk_pricing::Client::from_conf(
            aws_sdk_pricing::config::Builder::from(&*self.config)
                .region(home)
                .build(),
        )
    }

    /// EC2 where questions about the account are asked.
    pub(super) fn home_ec2(&self) -> aws_sdk_ec2::Client {
        self.ec2(&HOME.parse().expect("a region of the table"))
    }
}
