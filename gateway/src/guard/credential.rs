//! What a request shows: one key or token, out of either of two headers.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use ring::digest::{SHA256, digest};

use super::caller::Digest;
use super::denial::Denial;

/// The longest key or token that is looked at.
const LONGEST: usize = 8 * 1024;

/// A key or token, and its digest. It has no `Debug` on purpose.
#[derive(Clone, Copy)]
pub(super) struct Credential<'a> {
    pub(super) text: &'a str,
    pub(super) digest: Digest,
}

impl<'a> Credential<'a> {
    /// From `Authorization: Bearer`, else from `x-api-key`.
    pub(super) fn find(headers: &'a HeaderMap) -> Result<Self, Denial> {
        let single = |name: &str| -> Result<Option<&'a HeaderValue>, Denial> {
            let mut values = headers.get_all(name).iter();
            let first = values.next();
            // Which of two would count is a question that attackers like.
            if values.next().is_some() {
                Err(Denial::Malformed)
            } else {
                Ok(first)
            }
        };
        let bearer = single(AUTHORIZATION.as_str())?.and_then(|value| bearer(value.as_bytes()));
        let shown = match bearer {
            Some(shown) => shown,
            None => single("x-api-key")?
                .map(|value| value.as_bytes().trim_ascii())
                .filter(|key| !key.is_empty())
                .ok_or(Denial::Missing)?,
        };
        Self::of(shown)
    }

    /// Of the bytes that were shown.
    pub(super) fn of(shown: &'a [u8]) -> Result<Self, Denial> {
        if shown.len() > LONGEST || !shown.iter().all(u8::is_ascii_graphic) {
            return Err(Denial::Malformed);
        }
        let text = std::str::from_utf8(shown).map_err(|_| Denial::Malformed)?;
        Ok(Self {
            text,
            digest: hash(shown),
        })
    }
}

/// SHA-256, as the key file has it.
pub(super) fn hash(bytes: &[u8]) -> Digest {
    digest(&SHA256, bytes)
        .as_ref()
        .try_into()
        .expect("SHA-256 has 32 bytes")
}

fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, key) = value.split_at_checked(7)?;
    let key = key.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"bearer ") && !key.is_empty()).then_some(key)
}

#[cfg(test)]
mod tests {
    use http::HeaderName;

    use super::*;

    fn found(lines: &[(&'static str, &[u8])]) -> Result<String, Denial> {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_bytes(value).unwrap(),
            );
        }
        Credential::find(&headers).map(|credential| credential.text.to_owned())
    }

    #[test]
    fn both_headers_carry_a_key() {
        for lines in [
            &[("authorization", &b"Bearer k-1"[..])][..],
            &[("authorization", b"bEARER   k-1 ")],
            &[("x-api-key", b" k-1 ")],
            &[("authorization", b"Basic eDp5"), ("x-api-key", b"k-1")],
            &[("authorization", b"Bearer k-1"), ("x-api-key", b"k-2")],
        ] {
            assert_eq!(found(lines), Ok("k-1".to_owned()));
        }
    }

    #[test]
    fn what_is_no_single_key_is_refused() {
        let long = vec![b'x'; LONGEST + 1];
        for (lines, denial) in [
            (&[][..], Denial::Missing),
            (&[("authorization", &b"Bearer "[..])], Denial::Missing),
            (&[("authorization", b"k-1")], Denial::Missing),
            (
                &[
                    ("authorization", b"Bearer a"),
                    ("authorization", b"Bearer b"),
                ],
                Denial::Malformed,
            ),
            (
                &[("x-api-key", b"a"), ("x-api-key", b"a")],
                Denial::Malformed,
            ),
            (&[("authorization", b"Bearer a b")], Denial::Malformed),
            (&[("authorization", b"Bearer \xc3\xbc")], Denial::Malformed),
            (&[("authorization", b"Bearer \xff")], Denial::Malformed),
            (&[("x-api-key", &long)], Denial::Malformed),
        ] {
            assert_eq!(found(lines), Err(denial));
        }
    }
}
