//! Tokens of the line's own making (JWT, HS256) and the revocations of them: made from the line secret, remembered nowhere.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac as _};
use serde::{Deserialize, Serialize, Serializer};
use sha2::Sha256;

use super::name::LineName;
use super::secret::{LineSecret, Secret};

/// The name of a token, by which it can be revoked: the `jti`, 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TokenId(String);

impl TokenId {
    /// The name that 16 random bytes give.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// As it stands in the token.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a token says (RFC 7519).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed it.
    pub iss: String,
    /// The line.
    pub aud: String,
    /// Who it was made for.
    pub sub: String,
    /// Whom its answers may be shared with; without it nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Its name.
    pub jti: TokenId,
    /// Unix seconds of its making.
    pub iat: i64,
    /// Unix seconds of its end.
    pub exp: i64,
}

/// Who signs the tokens of every line.
pub const ISSUER: &str = "dsline";

/// Signs; the gateways of the line know the key of `epoch`.
pub fn issue(secret: &LineSecret, epoch: u32, claims: &Claims) -> Secret {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let head = part(serde_json::json!({ "alg": "HS256", "typ": "JWT", "kid": epoch.to_string() }));
    let body = part(serde_json::to_value(claims).expect("claims are plain values"));
    let signed = format!("{head}.{body}");
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.derive("jwt", epoch, ""))
        .expect("a key of any length is taken");
    mac.update(signed.as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    Secret::new(format!("{signed}.{signature}"))
}

/// The line of the gateways' key file: `kid`, then the key in hexadecimal digits.
pub fn verification_key(secret: &LineSecret, epoch: u32) -> Secret {
    let digits: String = secret
        .derive("jwt", epoch, "")
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Secret::new(format!("{epoch} {digits}"))
}

/// The audience of a line's tokens.
pub fn audience(line: &LineName) -> String {
    format!("dsline:{line}")
}

/// A key or token that was taken back, as the gateways read it: `jti:<id>` or `key:<digits>`, then perhaps `until=<unix>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revocation {
    what: String,
    until: Option<i64>,
}

impl Revocation {
    /// Of a token with its end, when that is known: after it the revocation means nothing.
    pub fn of_token(id: &str, until: Option<i64>) -> Result<Self, String> {
        let written = until.map_or_else(String::new, |until| format!(" until={until}"));
        format!("jti:{id}{written}").parse()
    }

    /// Of a token that is at hand: its name and end are read, its signature is not looked at.
    pub fn of_whole_token(token: &str) -> Result<Self, String> {
        let claims = token
            .trim()
            .split('.')
            .nth(1)
            .and_then(|body| URL_SAFE_NO_PAD.decode(body).ok())
            .and_then(|body| serde_json::from_slice::<serde_json::Value>(&body).ok())
            .ok_or("that is no token")?;
        let id = claims["jti"]
            .as_str()
            .ok_or("the token has no id (`jti`)")?;
        Self::of_token(id, claims["exp"].as_i64())
    }

    /// `jti:<id>` or `key:<digits>`.
    pub fn what(&self) -> &str {
        &self.what
    }

    /// Unix seconds after which it means nothing.
    pub fn until(&self) -> Option<i64> {
        self.until
    }
}

impl FromStr for Revocation {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (what, until) = text
            .split_once(' ')
            .map_or((text, None), |(what, until)| (what, Some(until)));
        let is_id = |id: &str| {
            (1..=256).contains(&id.len()) && id.chars().all(|c| c.is_ascii_graphic() && c != '#')
        };
        let is_mark = |digits: &str| {
            (16..=64).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_hexdigit())
        };
        let is_known = what.strip_prefix("jti:").is_some_and(is_id)
            || what.strip_prefix("key:").is_some_and(is_mark);
        if !is_known {
            return Err(
                "a revocation is `jti:<id>` or `key:<16 to 64 hexadecimal digits>`".to_owned(),
            );
        }
        let until = until
            .map(|word| {
                word.strip_prefix("until=")
                    .and_then(|digits| digits.parse().ok())
            })
            .map(|until| until.ok_or("its end is `until=<unix seconds>`"))
            .transpose()?;
        Ok(Self {
            what: what.to_owned(),
            until,
        })
    }
}

impl fmt::Display for Revocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        self.until
            .map_or(Ok(()), |until| write!(f, " until={until}"))
    }
}

impl Serialize for Revocation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims() -> Claims {
        Claims {
            iss: ISSUER.to_owned(),
            aud: "dsline:home".to_owned(),
            sub: "alice".to_owned(),
            tenant: None,
            jti: TokenId::from_bytes([0xab; 16]),
            iat: 1,
            exp: 100,
        }
    }

    #[test]
    fn a_token_is_signed_with_the_key_of_its_epoch() {
        let secret = LineSecret::from_bytes([7; 32]);
        let token = issue(&secret, 1, &claims());
        let (signed, signature) = token.expose().rsplit_once('.').unwrap();
        let key = verification_key(&secret, 1);
        let (kid, digits) = key.expose().split_once(' ').unwrap();
        assert_eq!((kid, digits.len()), ("1", 64));
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret.derive("jwt", 1, "")).unwrap();
        mac.update(signed.as_bytes());
        mac.verify_slice(&URL_SAFE_NO_PAD.decode(signature).unwrap())
            .unwrap();
        assert_ne!(issue(&secret, 2, &claims()).expose(), token.expose());
    }

    #[test]
    fn a_token_at_hand_becomes_its_revocation() {
        let token = issue(&LineSecret::from_bytes([7; 32]), 1, &claims());
        let revocation = Revocation::of_whole_token(token.expose()).unwrap();
        assert_eq!(
            revocation.to_string(),
            format!("jti:{} until=100", "ab".repeat(16))
        );
        assert!(Revocation::of_whole_token("a.b.c").is_err());
    }

    #[test]
    fn revocations_go_there_and_back_and_odd_ones_are_refused() {
        for good in [
            "jti:a-1",
            "jti:a until=9",
            "key:00112233445566778899 until=1",
        ] {
            assert_eq!(good.parse::<Revocation>().unwrap().to_string(), good);
        }
        for odd in [
            "",
            "jti:",
            "key:00",
            "key:zz112233445566778899",
            "all",
            "jti:a until=soon",
            "jti:a until=1 x",
            "jti:a\nkey:b",
        ] {
            assert!(odd.parse::<Revocation>().is_err(), "{odd:?}");
        }
    }
}
