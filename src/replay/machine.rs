//! What a node can do in a replay, and how long a request keeps it busy.

use serde::{Deserialize, Serialize};

/// A node as a replay sees it. The requests of all nodes wait in one queue, as if DNS shared them out evenly.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Requests that a node works on at the same time: its upstream permits.
    pub permits: u32,
    /// Seconds from a launch to the first request.
    pub boot_seconds: u32,
    /// Seconds that a node which leaves is still paid for.
    pub drain_seconds: u32,
    /// Seconds that a request waits for a permit before it is refused.
    pub queue_seconds: u32,
    /// Seconds that a request takes whose tokens are not known.
    pub request_seconds: f64,
    /// Seconds before the first token.
    pub first_token_seconds: f64,
    /// Tokens of a prompt that are read in a second.
    pub read_tokens: f64,
    /// Tokens of an answer that are written in a second.
    pub write_tokens: f64,
}

impl Default for Machine {
    /// A node of a line in front of a hosted model; the speeds are those of a mid-size model, not of any one provider.
    fn default() -> Self {
        Self {
            permits: 7,
            boot_seconds: 150,
            drain_seconds: 60,
            queue_seconds: 10,
            request_seconds: 5.0,
            first_token_seconds: 0.5,
            read_tokens: 4000.0,
            write_tokens: 25.0,
        }
    }
}

impl Machine {
    /// Whole seconds that a request with so many tokens holds a permit.
    pub(super) fn hold(&self, context_tokens: f64, generated_tokens: f64) -> u32 {
        let reading = context_tokens / self.read_tokens;
        let writing = generated_tokens / self.write_tokens;
        whole(self.first_token_seconds + reading + writing)
    }

    /// Whole seconds that a request of unknown size holds a permit.
    pub(super) fn usual_hold(&self) -> u32 {
        whole(self.request_seconds)
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "seconds of one request; a cast from f64 saturates"
)]
fn whole(seconds: f64) -> u32 {
    seconds.round().clamp(1.0, 86_400.0) as u32
}
