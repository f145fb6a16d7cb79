//! The figures that the recipe claims for 1000 users, before and after.

/// What is claimed, or found, of one side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Claim {
    /// The 99th percentile, in milliseconds.
    pub p99_ms: f64,
    /// Share of requests without a whole answer, 0 to 1.
    pub errors: f64,
    /// Whole answers in a minute.
    pub a_minute: f64,
}

/// The official API, asked directly.
pub const RECIPE_BEFORE: Claim = Claim {
    p99_ms: 2300.0,
    errors: 0.127,
    a_minute: 320.0,
};

/// The same through the recipe's nodes.
pub const RECIPE_AFTER: Claim = Claim {
    p99_ms: 480.0,
    errors: 0.003,
    a_minute: 1850.0,
};

impl Claim {
    /// Whether each of the three figures is better than another's: time, errors, answers.
    pub fn beats(&self, other: &Self) -> [bool; 3] {
        [
            self.p99_ms < other.p99_ms,
            self.errors < other.errors,
            self.a_minute > other.a_minute,
        ]
    }
}
