//! A service out there, by its URL.

use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, Result, anyhow};
use hyper::Uri;

use super::exchange::{Destination, tls_trusting, web_roots};

/// The parts of a service's URL.
pub(super) struct Service {
    is_tls: bool,
    /// Its host, which alone is named in messages: the rest of a URL may be a secret.
    pub(super) host: String,
    port: u16,
    pub(super) authority: String,
    pub(super) path: String,
}

impl Service {
    /// Reads an `http` or `https` URL.
    pub(super) fn parse(url: &str) -> Result<Self> {
        let uri: Uri = url.parse().context("it is no URL")?;
        let is_tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(anyhow!("the URL must start with https:// or http://")),
        };
        let authority = uri.authority().context("the URL names no host")?;
        // An IPv6 address stands in brackets in a URL and nowhere else.
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned();
        let port = authority
            .port_u16()
            .unwrap_or(if is_tls { 443 } else { 80 });
        let path = uri
            .path_and_query()
            .map_or("/", |path| path.as_str())
            .to_owned();
        Ok(Self {
            is_tls,
            host,
            port,
            authority: authority.to_string(),
            path,
        })
    }

    /// Where to send requests; over IPv4 when it can be.
    pub(super) async fn destination(&self) -> Result<Destination> {
        Ok(self.destination_at(self.locate().await?.ip()))
    }

    /// Where to send requests when the address is known.
    pub(super) fn destination_at(&self, address: IpAddr) -> Destination {
        Destination {
            address: (address, self.port).into(),
            tls: self
                .is_tls
                .then(|| (tls_trusting(web_roots()), self.host.clone())),
        }
    }

    async fn locate(&self) -> Result<SocketAddr> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let found = found.with_context(|| format!("cannot find `{}`", self.host))?;
        found
            .min_by_key(SocketAddr::is_ipv6)
            .with_context(|| format!("`{}` has no address", self.host))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_brackets_is_a_host() {
        let service = Service::parse("http://[::1]:8080/x").unwrap();
        assert_eq!(
            (
                service.host.as_str(),
                service.port,
                service.authority.as_str()
            ),
            ("::1", 8080, "[::1]:8080")
        );
    }
}
