//! What can go wrong between a request and the first byte of its answer.

use std::error::Error;
use std::fmt;

/// Why there is no answer. Details are for logs, never for clients.
#[derive(Debug)]
pub enum Fault {
    /// There is no key to show to the upstream.
    NoKey,
    /// The upstream refused our key.
    KeyRefused,
    /// No connection: name, TCP or TLS failed.
    Unreachable(String),
    /// No connection in time.
    ConnectTimeout,
    /// A connection, but no answer in time.
    Silent,
    /// The connection broke before the answer began.
    BrokeOff(String),
    /// The client sent more than it may.
    BodyTooLarge,
}

/// The connection was not there in time.
#[derive(Debug)]
pub(super) struct ConnectTimeout;

impl fmt::Display for ConnectTimeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no connection in time")
    }
}

impl Error for ConnectTimeout {}

/// A request body went over its limit; raised by the body, found again in the client's error.
#[derive(Debug)]
pub struct TooLarge;

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request body is over its limit")
    }
}

impl Error for TooLarge {}

impl From<hyper_util::client::legacy::Error> for Fault {
    fn from(error: hyper_util::client::legacy::Error) -> Self {
        if has_cause::<TooLarge>(&error) {
            Self::BodyTooLarge
        } else if has_cause::<ConnectTimeout>(&error) {
            Self::ConnectTimeout
        } else if error.is_connect() {
            Self::Unreachable(chain(&error))
        } else {
            Self::BrokeOff(chain(&error))
        }
    }
}

fn has_cause<E: Error + 'static>(error: &(dyn Error + 'static)) -> bool {
    causes(error).any(<dyn Error>::is::<E>)
}

fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error)
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ")
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}
