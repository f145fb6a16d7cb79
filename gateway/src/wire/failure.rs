//! An error in the shape that clients of the API know: a JSON body, or an event in the middle of a stream.

use bytes::Bytes;
use http::StatusCode;
use serde_json::json;

/// An answer of the gateway's own that says why there is no other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The HTTP status.
    pub status: StatusCode,
    /// The API's `type`: the family of the error.
    pub family: &'static str,
    /// The API's `code`: for programs to branch on.
    pub code: &'static str,
    /// For people: what happened, what next. Never holds a secret or the upstream's own words.
    pub message: String,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u32>,
}

impl Failure {
    /// The body of an error answer.
    pub fn body(&self, request_id: &str) -> Bytes {
        let error = json!({"error": {
            "message": self.message, "type": self.family, "param": null, "code": self.code, "request_id": request_id,
        }});
        error.to_string().into()
    }

    /// The same as an event, the only sign of a cut stream that every SDK raises on.
    pub fn event(&self, request_id: &str, inside_an_event: bool) -> Bytes {
        let error = self.body(request_id);
        // Only a half-sent event gets a blank line to end it: after an event with an `id:` openai-python takes a spare
        // blank line for an empty event and fails to parse that, hiding this error.
        let end = if inside_an_event { "\n\n" } else { "" };
        [end.as_bytes(), b"data: ", &error, b"\n\n"].concat().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_carry_the_same_error() {
        let failure = Failure {
            status: StatusCode::BAD_GATEWAY,
            family: "upstream_error",
            code: "upstream_cut",
            message: "cut".into(),
            retry_after: Some(5),
        };
        let body = r#"{"error":{"code":"upstream_cut","message":"cut","param":null,"request_id":"r1","type":"upstream_error"}}"#;
        assert_eq!(failure.body("r1"), body);
        assert_eq!(failure.event("r1", false), format!("data: {body}\n\n"));
        assert_eq!(failure.event("r1", true), format!("\n\ndata: {body}\n\n"));
    }
}
