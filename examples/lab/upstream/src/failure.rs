//! Errors in the upstream's own shape and words (api-docs.deepseek.com, "Error Codes").

use bytes::Bytes;
use serde_json::json;

/// A status with the body that the API sends along.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// The HTTP status.
    pub status: u16,
    /// The JSON body.
    pub body: Bytes,
}

impl Failure {
    /// The API's usual words for a status.
    pub fn of(status: u16) -> Self {
        Self::saying(
            status,
            match status {
                400 => "Invalid request body format",
                401 => "Authentication Fails, Your api key is invalid",
                402 => "Insufficient Balance",
                404 => "Not Found",
                422 => "Invalid parameters",
                429 => "Rate limit reached: too many concurrent requests",
                500 => "Internal server error, please retry later",
                _ => "Service is too busy, please retry later",
            },
        )
    }

    /// Special words for a status.
    pub fn saying(status: u16, message: &str) -> Self {
        let (family, code) = match status {
            401 => ("authentication_error", "invalid_request_error"),
            402 => ("unknown_error", "invalid_request_error"),
            429 => ("rate_limit_error", "rate_limit_reached"),
            500 => ("server_error", "internal_error"),
            503 => ("service_unavailable_error", "service_unavailable"),
            _ => ("invalid_request_error", "invalid_request_error"),
        };
        let body =
            json!({"error": {"message": message, "type": family, "param": null, "code": code}});
        Self {
            status,
            body: body.to_string().into(),
        }
    }
}
