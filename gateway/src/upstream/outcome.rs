//! Two errors that travel through other people's error types and are found again.

use std::error::Error;
use std::fmt;

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
