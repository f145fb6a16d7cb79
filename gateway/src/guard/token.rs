//! One signed token: which key it asks for, whether its signature holds, and what its claims say.

use std::sync::Arc;

use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm as Signature, Header, Validation, decode, decode_header};
use serde_json::{Map, Value};

use super::caller::{Caller, Fingerprint, account_of, digest_of};
use super::credential::Credential;
use super::denial::Denial;
use super::keyset::Key;
use super::signature::use_ring;
use super::verified::Verified;
use crate::config::{Algorithm, Jwt};
use crate::limit::Allowance;

/// Keys of the same name, or without one, that are tried.
const TRIES: usize = 8;

/// The longest `kid`, `sub`, tenant and `jti`.
const LONGEST_CLAIM: usize = 256;

/// What every token must fulfil.
pub(super) struct Demands {
    /// One per pinned algorithm, so that a key is never tried with another's.
    validations: Vec<(Algorithm, Validation)>,
    leeway: u64,
    tenant_claim: String,
    default_tenant: Option<String>,
}

/// Whether a text has the shape of a signed token at all.
pub(super) fn is_token(text: &str) -> bool {
    text.starts_with("ey") && text.bytes().filter(|byte| *byte == b'.').count() == 2
}

impl Demands {
    /// As the settings say.
    pub(super) fn new(jwt: &Jwt, default_tenant: Option<&str>) -> Self {
        use_ring();
        let leeway = jwt.leeway_seconds.duration().as_secs();
        let validation = |algorithm: Algorithm| {
            let mut validation = Validation::new(signature(algorithm));
            validation.leeway = leeway;
            validation.validate_nbf = true;
            validation.set_issuer(jwt.issuers.as_slice());
            validation.set_audience(jwt.audiences.as_slice());
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            (algorithm, validation)
        };
        Self {
            validations: jwt.algorithms.iter().copied().map(validation).collect(),
            leeway,
            tenant_claim: jwt.tenant_claim.as_str().to_owned(),
            default_tenant: default_tenant.map(str::to_owned),
        }
    }

    /// Verifies a token with one of these keys; `set` is their number.
    pub(super) fn verify(
        &self,
        credential: &Credential<'_>,
        keys: &[Key],
        set: u64,
    ) -> Result<Verified, Denial> {
        let header = decode_header(credential.text).map_err(|_| Denial::Malformed)?;
        // RFC 7515 §4.1.11: who does not understand what is critical must refuse. We understand nothing extra.
        let is_odd = header.crit.is_some()
            || header.extras.inner().contains_key("b64")
            || header
                .kid
                .as_ref()
                .is_some_and(|id| id.len() > LONGEST_CLAIM);
        if is_odd {
            return Err(Denial::Malformed);
        }
        let (algorithm, validation) = self
            .validations
            .iter()
            .find(|(algorithm, _)| signature(*algorithm) == header.alg)
            .ok_or(Denial::Unknown)?;
        let mut denial = Denial::UnknownSigner;
        for key in candidates(keys, *algorithm, &header).take(TRIES) {
            match decode::<Map<String, Value>>(credential.text, &key.public, validation) {
                Ok(token) => return self.read(&token.claims, credential, set),
                Err(error) => match reason(error.kind()) {
                    // A nameless key that does not fit says nothing about the key that the token names.
                    Denial::Unknown if header.kid.is_some() && key.id.is_none() => {}
                    Denial::Unknown => denial = Denial::Unknown,
                    genuine => return Err(genuine),
                },
            }
        }
        Err(denial)
    }

    fn read(
        &self,
        claims: &Map<String, Value>,
        credential: &Credential<'_>,
        set: u64,
    ) -> Result<Verified, Denial> {
        // The library takes a list here; RFC 7519 §4.1.1 says one text.
        let issuer = claims
            .get("iss")
            .and_then(Value::as_str)
            .ok_or(Denial::Unfit)?;
        let subject = text(claims, "sub")?.ok_or(Denial::Unfit)?;
        let id = text(claims, "jti")?.map(Arc::from);
        let own = text(claims, &self.tenant_claim)?;
        let tenant = own
            .or(self.default_tenant.as_deref())
            .map_or_else(|| format!("{issuer}/{subject}").into(), Arc::<str>::from);
        let allowance = match claims.get("limits") {
            None => Allowance::default(),
            Some(limits) => serde_json::from_value(limits.clone()).map_err(|_| Denial::Unfit)?,
        };
        let expires = claims.get("exp").and_then(seconds).ok_or(Denial::Unfit)?;
        let account = account_of(&digest_of(&["token", issuer, &tenant, subject]));
        Ok(Verified {
            caller: Arc::new(Caller {
                subject: subject.into(),
                tenant,
                fingerprint: Fingerprint::of(&credential.digest),
                account,
                allowance,
            }),
            id,
            ends: expires.saturating_add(self.leeway),
            keys: set,
        })
    }
}

/// The keys that a token may have been signed with: those that bear its name, and those that bear none; all of its
/// algorithm if it names none.
fn candidates<'a>(
    keys: &'a [Key],
    algorithm: Algorithm,
    header: &'a Header,
) -> impl Iterator<Item = &'a Key> {
    keys.iter().filter(move |key| {
        let is_named = match (&header.kid, &key.id) {
            (Some(wanted), Some(id)) => wanted == id,
            _ => true,
        };
        key.algorithm == algorithm && is_named
    })
}

const fn signature(algorithm: Algorithm) -> Signature {
    match algorithm {
        Algorithm::HS256 => Signature::HS256,
        Algorithm::RS256 => Signature::RS256,
        Algorithm::ES256 => Signature::ES256,
        Algorithm::EdDSA => Signature::EdDSA,
    }
}

fn reason(kind: &ErrorKind) -> Denial {
    match kind {
        ErrorKind::ExpiredSignature => Denial::Expired,
        ErrorKind::ImmatureSignature => Denial::Early,
        ErrorKind::InvalidIssuer
        | ErrorKind::InvalidAudience
        | ErrorKind::InvalidClaimFormat(_)
        | ErrorKind::MissingRequiredClaim(_) => Denial::Unfit,
        _ => Denial::Unknown,
    }
}

/// A claim that goes into logs and keys: short, and nothing that steers a terminal or a log reader.
fn text<'a>(claims: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Denial> {
    match claims.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text))
            if (1..=LONGEST_CLAIM).contains(&text.len()) && !text.chars().any(char::is_control) =>
        {
            Ok(Some(text))
        }
        Some(_) => Err(Denial::Unfit),
    }
}

/// RFC 7519's `NumericDate`, which may have a fraction.
fn seconds(value: &Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a cast from f64 saturates, which is what a far or absurd time should do"
    )]
    value
        .as_u64()
        .or_else(|| value.as_f64().map(|time| time as u64))
}
