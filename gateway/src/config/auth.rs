//! `[auth]`: how a caller shows who it is, and from where it may ask.

use std::net::IpAddr;
use std::path::PathBuf;

use http::Uri;
use ipnet::{IpNet, Ipv4Net};
use serde::Deserialize;

use super::field::{Label, Seconds};

/// `[auth]`: what is demanded beside a key of the key file. All of it may be left out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Auth {
    /// The tenant of callers that name none; without it each such caller is a tenant of its own.
    pub default_tenant: Option<Label>,
    /// Whether upstreams learn the tenant, as a digest in `user_id`: they keep what they cache apart by it.
    pub send_user_id: bool,
    /// Revoked keys and tokens, one a line; read again within seconds when it changes.
    pub revoked_file: Option<PathBuf>,
    /// Only these addresses may ask, and they need a key or token all the same.
    pub allow: Option<AllowList>,
    /// Whose word about the client's address is believed.
    pub trusted_proxies: Vec<Cidr>,
    /// The header in which those proxies tell it.
    pub address_header: AddressHeader,
    /// Signed tokens; none are accepted without this section.
    pub jwt: Option<Jwt>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            default_tenant: None,
            send_user_id: false,
            revoked_file: None,
            allow: None,
            trusted_proxies: ["127.0.0.0/8", "::1"]
                .map(|text| Cidr::try_from(text.to_owned()).expect("loopback is a network"))
                .into(),
            address_header: AddressHeader::RealIp,
            jwt: None,
        }
    }
}

/// Where a trusted proxy tells the client's address. It must overwrite (or, for the second, append to) what came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum AddressHeader {
    /// One address.
    #[serde(rename = "x-real-ip")]
    RealIp,
    /// A list: the last hop that is no trusted proxy is the client.
    #[serde(rename = "x-forwarded-for")]
    ForwardedFor,
}

/// `[auth.jwt]`: which signed tokens are accepted.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwt {
    /// The token's `iss` must be one of these.
    pub issuers: Names,
    /// The token's `aud` must contain one of these.
    pub audiences: Names,
    /// The only signatures that are looked at.
    pub algorithms: Vec<Algorithm>,
    /// Clocks may differ by so much.
    #[serde(default = "half_a_minute")]
    pub leeway_seconds: Seconds,
    /// The claim that holds the tenant.
    #[serde(default = "tenant")]
    pub tenant_claim: Label,
    /// HS256 keys: one `[kid] <hex>` a line, 64 digits at least.
    pub secret_file: Option<PathBuf>,
    /// PEM public keys.
    pub public_key_file: Option<PathBuf>,
    /// A JSON Web Key Set; beside `jwks_url` it serves until the first answer.
    pub jwks_file: Option<PathBuf>,
    /// Where a JSON Web Key Set is fetched; the last good one serves while the place is silent.
    pub jwks_url: Option<JwksUrl>,
    /// PEM certificates to trust for `jwks_url` instead of the public ones.
    pub jwks_ca_file: Option<PathBuf>,
    /// How often it is fetched again.
    #[serde(default = "ten_minutes")]
    pub jwks_refresh_seconds: Seconds,
}

/// A signature algorithm of RFC 7518 and RFC 8037 that is accepted when named; `none` is not among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum Algorithm {
    /// HMAC with SHA-256.
    HS256,
    /// RSA PKCS#1 v1.5 with SHA-256.
    RS256,
    /// ECDSA on P-256 with SHA-256.
    ES256,
    /// Ed25519.
    EdDSA,
}

const fn half_a_minute() -> Seconds {
    Seconds::new(30)
}

const fn ten_minutes() -> Seconds {
    Seconds::new(600)
}

fn tenant() -> Label {
    Label::try_from("tenant".to_owned()).expect("a plain word is a label")
}

/// At least one non-empty text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct Names(Vec<String>);

impl Names {
    /// The texts.
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }
}

impl TryFrom<Vec<String>> for Names {
    type Error = String;

    fn try_from(names: Vec<String>) -> Result<Self, String> {
        if names.is_empty() || names.iter().any(String::is_empty) {
            return Err("must name at least one, and none may be empty".into());
        }
        Ok(Self(names))
    }
}

/// A network, or a single address; IPv4 addresses in IPv6 clothes are undressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Cidr(IpNet);

impl Cidr {
    /// The network itself.
    pub const fn net(self) -> IpNet {
        self.0
    }
}

impl TryFrom<String> for Cidr {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let net = match text.parse::<IpAddr>() {
            Ok(address) => IpNet::from(address),
            Err(_) => text
                .parse::<IpNet>()
                .map_err(|_| "must look like 203.0.113.0/24 or 2001:db8::/32")?,
        };
        if net.trunc() != net {
            return Err(format!("has bits beyond its prefix; write {}", net.trunc()));
        }
        let IpNet::V6(six) = net else {
            return Ok(Self(net));
        };
        let mapped = six.network().to_ipv4_mapped();
        Ok(Self(match (mapped, six.prefix_len().checked_sub(96)) {
            (Some(four), Some(prefix)) => Ipv4Net::new(four, prefix).map_or(net, IpNet::V4),
            _ => net,
        }))
    }
}

/// Networks of which there is at least one: an empty list would let nobody in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<Cidr>")]
pub struct AllowList(Vec<Cidr>);

impl AllowList {
    /// The networks.
    pub fn as_slice(&self) -> &[Cidr] {
        &self.0
    }
}

impl TryFrom<Vec<Cidr>> for AllowList {
    type Error = &'static str;

    fn try_from(networks: Vec<Cidr>) -> Result<Self, &'static str> {
        if networks.is_empty() {
            return Err("lets nobody in; leave `allow` out to allow every address");
        }
        Ok(Self(networks))
    }
}

/// Where keys come from: `https`, or `http` from this very machine.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct JwksUrl(Uri);

impl JwksUrl {
    /// The address itself.
    pub const fn uri(&self) -> &Uri {
        &self.0
    }
}

impl TryFrom<String> for JwksUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let shape = "must look like https://id.example.com/.well-known/jwks.json";
        let uri: Uri = text.parse().map_err(|error| format!("{shape} ({error})"))?;
        let (Some(scheme), Some(host)) = (uri.scheme_str(), uri.host()) else {
            return Err(shape.into());
        };
        if uri
            .authority()
            .is_some_and(|authority| authority.as_str().contains('@'))
        {
            return Err("must not carry a user or password".into());
        }
        let is_loopback = host == "localhost"
            || (host.trim_matches(['[', ']']).parse::<IpAddr>())
                .is_ok_and(|address| address.is_loopback());
        match scheme {
            "https" => Ok(Self(uri)),
            "http" if is_loopback => Ok(Self(uri)),
            _ => Err(format!(
                "{shape}: whoever can change these keys can sign tokens"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Auth, String> {
        toml::from_str(text).map_err(|error: toml::de::Error| error.message().to_owned())
    }

    #[test]
    fn nothing_is_needed_and_all_of_it_can_be_said() {
        let auth = parsed("").unwrap();
        assert!(auth.jwt.is_none() && auth.allow.is_none());
        assert_eq!(auth.trusted_proxies.len(), 2);
        let auth = parsed(
            "default_tenant = 'home'\nrevoked_file = '/r'\nallow = ['203.0.113.0/24', '2001:db8::1']\n\
             trusted_proxies = ['172.18.0.1']\naddress_header = 'x-forwarded-for'\n[jwt]\nissuers = ['dsline']\n\
             audiences = ['chat']\nalgorithms = ['HS256', 'EdDSA']\nsecret_file = '/s'\n\
             jwks_url = 'https://id.example.com/keys'",
        )
        .unwrap();
        let jwt = auth.jwt.unwrap();
        assert_eq!(jwt.algorithms, [Algorithm::HS256, Algorithm::EdDSA]);
        assert_eq!(jwt.leeway_seconds, Seconds::new(30));
        assert_eq!(jwt.tenant_claim.as_str(), "tenant");
    }

    #[test]
    fn what_would_open_or_close_everything_is_refused() {
        let jwt = "[jwt]\nissuers = ['a']\naudiences = ['b']\nalgorithms = ['HS256']\n";
        for (text, why) in [
            ("allow = []", "lets nobody in"),
            ("allow = ['10.0.0.1/8']", "write 10.0.0.0/8"),
            ("allow = ['fe80::1%eth0']", "must look like"),
            ("allow = ['010.0.0.1']", "must look like"),
            ("alow = []", "unknown field"),
            ("address_header = 'x-client'", "unknown variant"),
            (&jwt.replace("HS256", "none"), "unknown variant `none`"),
            (&jwt.replace("'a'", ""), "at least one"),
            (
                &jwt.replace("audiences = ['b']\n", ""),
                "missing field `audiences`",
            ),
            (
                &format!("{jwt}jwks_url = 'http://id.example.com/'"),
                "can sign tokens",
            ),
            (
                &format!("{jwt}jwks_url = 'https://u:p@id.example.com/'"),
                "user or password",
            ),
        ] {
            let message = parsed(text).unwrap_err();
            assert!(message.contains(why), "{text}: `{message}`");
        }
        assert!(parsed(&format!("{jwt}jwks_url = 'http://[::1]:8080/'")).is_ok());
    }

    #[test]
    fn mapped_networks_are_undressed() {
        let net = |text: &str| Cidr::try_from(text.to_owned()).unwrap().net().to_string();
        assert_eq!(net("::ffff:10.0.0.0/104"), "10.0.0.0/8");
        assert_eq!(net("::ffff:10.1.2.3"), "10.1.2.3/32");
        assert_eq!(net("::ffff:0:0/96"), "0.0.0.0/0");
        assert_eq!(net("2001:db8::/32"), "2001:db8::/32");
    }
}
