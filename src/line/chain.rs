//! A certificate chain, read: whom it names, until when, and whose key it has.

use std::fmt;

use jiff::Timestamp;
use serde::Serialize;
use x509_cert::der::Encode as _;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{BasicConstraints, SubjectAltName};
use x509_cert::name::Name;
use x509_cert::time::Time;

/// A certificate chain as nodes show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The certificate and those of its issuers, PEM.
    #[serde(skip)]
    pub pem: String,
    /// The host names that it is for.
    pub names: Vec<String>,
    /// Who signed it.
    pub issuer: String,
    /// From when it is valid.
    pub since: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Whether it may sign others: then clients do not take it for a server's.
    pub is_authority: bool,
    /// Its key: `SubjectPublicKeyInfo`, DER.
    #[serde(skip)]
    pub key: Vec<u8>,
}

/// Why a text is no certificate chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadChain(String);

impl fmt::Display for BadChain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no certificate can be read: {}", self.0)
    }
}

impl std::error::Error for BadChain {}

impl Chain {
    /// Reads a PEM text; what it says is said of its first certificate.
    pub fn read(pem: &str) -> Result<Self, BadChain> {
        let bad = |why: x509_cert::der::Error| BadChain(why.to_string());
        let all = x509_cert::Certificate::load_pem_chain(pem.as_bytes()).map_err(bad)?;
        let first = all
            .into_iter()
            .next()
            .ok_or_else(|| BadChain("there is none".to_owned()))?;
        let inner = first.tbs_certificate;
        let alternative = inner.get::<SubjectAltName>().map_err(bad)?;
        let constraints = inner.get::<BasicConstraints>().map_err(bad)?;
        let names = alternative.iter().flat_map(|(_, names)| &names.0);
        let name = |name: &GeneralName| match name {
            GeneralName::DnsName(name) => Some(name.as_str().to_lowercase()),
            _ => None,
        };
        Ok(Self {
            pem: pem.to_owned(),
            names: names.filter_map(name).collect(),
            issuer: issuer_of(&inner.issuer),
            is_authority: constraints.is_some_and(|(_, constraints)| constraints.ca),
            since: instant(inner.validity.not_before),
            until: instant(inner.validity.not_after),
            key: inner.subject_public_key_info.to_der().map_err(bad)?,
        })
    }

    /// Whether a client that calls a host name takes it; `*` stands for one label (RFC 6125, 6.4.3).
    pub fn is_for(&self, host: &str) -> bool {
        let parent = host.split_once('.').map(|(_, parent)| parent);
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            Some(rest) => parent == Some(rest),
            None => name == host,
        })
    }

    /// Whether it holds at a moment.
    pub fn is_valid_at(&self, now: Timestamp) -> bool {
        (self.since..=self.until).contains(&now)
    }

    /// Whether only a third of its lifetime is left.
    pub fn is_due_at(&self, now: Timestamp) -> bool {
        self.until.duration_since(now) * 3 < self.until.duration_since(self.since)
    }

    /// Whole days until it ends; negative when it has ended.
    pub fn days_left(&self, now: Timestamp) -> i64 {
        self.until.duration_since(now).as_secs().div_euclid(86_400)
    }
}

fn instant(time: Time) -> Timestamp {
    let seconds = time.to_unix_duration().as_secs();
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    Timestamp::from_second(seconds).unwrap_or(Timestamp::MAX)
}

/// What people call an issuer: its common name, else all that it is called.
fn issuer_of(name: &Name) -> String {
    let whole = name.to_string();
    let common = whole
        .split(',')
        .find_map(|part| part.trim().strip_prefix("CN="));
    common.unwrap_or(&whole).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{Authority, CertificateKey, LineSecret};

    const NOW: &str = "2026-11-23T12:00:00Z";

    fn secret() -> LineSecret {
        LineSecret::from_bytes([3; 32])
    }

    fn chain(names: &[&str]) -> Chain {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let authority = Authority::new(&"home".parse().unwrap(), &secret());
        Chain::read(&authority.issue(&names, NOW.parse().unwrap()).chain_pem).unwrap()
    }

    #[test]
    fn a_chain_tells_whom_it_is_for_and_until_when() {
        let chain = chain(&["llm.example.com", "*.example.org", "192.0.2.1"]);
        assert_eq!(chain.names, ["llm.example.com", "*.example.org"]);
        assert_eq!(chain.issuer, "dsline home authority");
        assert!(chain.is_for("llm.example.com") && chain.is_for("a.example.org"));
        assert!(!chain.is_for("example.org") && !chain.is_for("a.b.example.org"));
        assert!(!chain.is_for("x.llm.example.com") && !chain.is_for("192.0.2.1"));
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(
            (chain.since, chain.until),
            (at("2026-10-25T00:00:00Z"), at("2027-01-25T00:00:00Z"))
        );
        assert!(!chain.is_valid_at(at("2026-10-24T23:59:59Z")));
        assert!(chain.is_valid_at(at("2027-01-25T00:00:00Z")));
        assert!(!chain.is_valid_at(at("2027-01-25T00:00:01Z")));
        // 92 days, so the last third begins 30 days and 16 hours before the end.
        assert!(!chain.is_due_at(at("2026-12-25T08:00:00Z")));
        assert!(chain.is_due_at(at("2026-12-25T08:00:01Z")));
        assert_eq!(chain.days_left(at("2027-01-23T12:00:00Z")), 1);
        assert_eq!(chain.days_left(at("2027-01-25T00:00:01Z")), -1);
    }

    #[test]
    fn a_request_is_for_the_key_that_its_certificate_will_have() {
        let key = CertificateKey::new(&secret(), "llm.example.com", 1);
        let other = CertificateKey::new(&secret(), "llm.example.com", 2);
        assert_ne!(key.public_der(), other.public_der());
        let request = key.request();
        let holds = |part: &[u8]| request.windows(part.len()).any(|window| window == part);
        assert!(holds(&key.public_der()) && !holds(&other.public_der()));
        assert!(holds(b"llm.example.com"));
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        assert!(Chain::read("").is_err());
        assert!(
            Chain::read("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").is_err()
        );
    }
}
