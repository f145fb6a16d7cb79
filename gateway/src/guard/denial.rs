//! Why somebody was not let in.

use std::fmt;

use http::StatusCode;

/// A reason to turn a caller away. Expiry and revocation are told only to whoever showed the genuine thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// No key and no token.
    Missing,
    /// More than one, or one that cannot be any.
    Malformed,
    /// No such key, or no signature of ours.
    Unknown,
    /// Signed by a key that is not known here, or not yet.
    UnknownSigner,
    /// Genuine, but for another issuer, audience or without what a token must have.
    Unfit,
    /// Genuine, but not valid yet.
    Early,
    /// Genuine, but its time is over.
    Expired,
    /// Genuine, but taken back.
    Revoked,
    /// From an address that is not on the list.
    Address,
}

impl Denial {
    /// Every one, for metrics.
    pub const ALL: [Self; 9] = [
        Self::Missing,
        Self::Malformed,
        Self::Unknown,
        Self::UnknownSigner,
        Self::Unfit,
        Self::Early,
        Self::Expired,
        Self::Revoked,
        Self::Address,
    ];

    /// A word for metrics and logs.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Malformed => "malformed",
            Self::Unknown => "unknown",
            Self::UnknownSigner => "unknown_signer",
            Self::Unfit => "unfit",
            Self::Early => "early",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Address => "address",
        }
    }

    /// The answer's status.
    pub const fn status(self) -> StatusCode {
        match self {
            Self::Address => StatusCode::FORBIDDEN,
            _ => StatusCode::UNAUTHORIZED,
        }
    }

    /// The API's `code`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Address => "address_not_allowed",
            _ => "invalid_api_key",
        }
    }
}

/// The message for the client.
impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Missing | Self::Unknown | Self::UnknownSigner => {
                "No accepted API key came with this request. Send `Authorization: Bearer KEY` with a key of this line."
            }
            Self::Malformed => {
                "The credentials of this request cannot be read. Send one `Authorization: Bearer KEY` of at most 8 KiB."
            }
            Self::Unfit => "This token is not meant for this line, or lacks a claim that it needs.",
            Self::Early => "This token is not valid yet.",
            Self::Expired => "This key or token has expired. Ask the operator of this line for a new one.",
            Self::Revoked => "This key or token was revoked by the operator of this line.",
            Self::Address => "Requests from this address are not allowed on this line.",
        })
    }
}
