//! The line's own certificate authority: every certificate is a function of the line secret, the names and the month.

use jiff::{Timestamp, ToSpan as _, Zoned, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyIdMethod, KeyUsagePurpose, SanType, SerialNumber,
};
use sha2::{Digest, Sha256};

use super::derived_key::DerivedKey;
use super::name::LineName;
use super::secret::{LineSecret, Secret};

/// The line's certificate authority.
pub struct Authority {
    line: LineName,
    secret: LineSecret,
    key: DerivedKey,
}

/// A server certificate with its key.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// The certificate followed by its issuer's, PEM.
    pub chain_pem: String,
    /// Its private key, PKCS #8 PEM.
    pub key_pem: Secret,
}

impl Authority {
    /// The authority that a line secret implies.
    pub fn new(line: &LineName, secret: &LineSecret) -> Self {
        let key = DerivedKey::new(secret.derive("ca", 1, ""));
        Self {
            line: line.clone(),
            secret: secret.clone(),
            key,
        }
    }

    /// The authority's own certificate, PEM: what clients of a line without a public certificate must trust.
    pub fn certificate_pem(&self) -> String {
        let signed = self
            .parameters()
            .self_signed(&self.key)
            .expect("fixed parameters always sign");
        signed.pem()
    }

    /// A server certificate for host names and addresses, the same text for everyone who asks within a month (UTC).
    ///
    /// It starts a week before the month of `now` and ends three months after its start, so a line that is
    /// pushed once in two months never shows an expired one.
    pub fn issue(&self, names: &[String], now: Timestamp) -> Certificate {
        self.sign("tls", names, ExtendedKeyUsagePurpose::ServerAuth, now)
    }

    /// A client certificate by which a node shows a receiver of its trail who it is, as lasting as a server's.
    pub fn issue_for_client(&self, name: &str, now: Timestamp) -> Certificate {
        let names = [name.to_owned()];
        let purpose = ExtendedKeyUsagePurpose::ClientAuth;
        self.sign("tls-client", &names, purpose, now)
    }

    fn sign(
        &self,
        label_of_key: &str,
        names: &[String],
        purpose: ExtendedKeyUsagePurpose,
        now: Timestamp,
    ) -> Certificate {
        let label = names.join(",");
        let month = month_of(now);
        let key = DerivedKey::new(self.secret.derive(label_of_key, 1, &label));
        let mut params = CertificateParams::default();
        params.subject_alt_names = names.iter().map(|name| alternative_name(name)).collect();
        params.distinguished_name = named(names.first().map_or("dsline", String::as_str));
        params.not_before = instant(&(month.clone() - 7.days()));
        params.not_after = instant(&(month.clone() + 3.months() - 7.days()));
        params.serial_number = Some(serial(&format!("{label}/{}", month.strftime("%Y-%m"))));
        params.extended_key_usages = vec![purpose];
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.key_identifier_method = KeyIdMethod::PreSpecified(key.identifier());
        params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::new(self.parameters(), &self.key);
        let signed = params
            .signed_by(&key, &issuer)
            .expect("names were checked when they were parsed");
        Certificate {
            chain_pem: signed.pem() + &self.certificate_pem(),
            key_pem: key.private_pem(),
        }
    }

    fn parameters(&self) -> CertificateParams {
        let mut params = CertificateParams::default();
        params.distinguished_name = named(&format!("dsline {} authority", self.line));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.not_before = rcgen::date_time_ymd(2025, 1, 1);
        params.not_after = rcgen::date_time_ymd(2055, 1, 1);
        params.serial_number = Some(serial("authority"));
        params.key_identifier_method = KeyIdMethod::PreSpecified(self.key.identifier());
        params
    }
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    // A common name holds 64 characters at most (RFC 5280, upper bounds).
    name.push(
        DnType::CommonName,
        common_name.chars().take(64).collect::<String>(),
    );
    name
}

fn alternative_name(name: &str) -> SanType {
    match name.parse() {
        Ok(address) => SanType::IpAddress(address),
        Err(_) => SanType::DnsName(name.to_owned().try_into().expect("host names are ASCII")),
    }
}

/// A serial number of 16 bytes, positive (RFC 5280, 4.1.2.2).
fn serial(label: &str) -> SerialNumber {
    let mut bytes = Sha256::digest(label.as_bytes())[..16].to_vec();
    bytes[0] &= 0x7f;
    SerialNumber::from(bytes)
}

fn month_of(now: Timestamp) -> Zoned {
    let today = now.to_zoned(TimeZone::UTC);
    today
        .first_of_month()
        .and_then(|first| first.start_of_day())
        .expect("every month has a first day")
}

fn instant(at: &Zoned) -> time::OffsetDateTime {
    time::OffsetDateTime::from_unix_timestamp(at.timestamp().as_second())
        .expect("within a certificate's years")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn authority() -> Authority {
        Authority::new(&"home".parse().unwrap(), &LineSecret::from_bytes([3; 32]))
    }

    #[test]
    fn a_certificate_is_the_same_text_all_month_and_another_the_next() {
        let names = ["llm.example.com".to_owned(), "198.18.1.2".to_owned()];
        let issue = |text: &str| authority().issue(&names, text.parse().unwrap());
        let early = issue("2026-11-01T00:00:00Z");
        assert_eq!(early.chain_pem, issue("2026-11-30T23:59:59Z").chain_pem);
        assert_eq!(early.key_pem, issue("2026-12-05T00:00:00Z").key_pem);
        assert_ne!(early.chain_pem, issue("2026-12-05T00:00:00Z").chain_pem);
        assert_eq!(early.chain_pem.matches("BEGIN CERTIFICATE").count(), 2);
        assert_eq!(authority().certificate_pem(), authority().certificate_pem());
    }
}
