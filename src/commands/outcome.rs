//! How a command ended when it did not fail.

/// How a command ended when it did not fail; `lib.rs` turns it into the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Everything asked for is done.
    Done,
    /// There is something to do that was not done, as asked.
    Pending,
    /// Some of it is done; what is missing was told.
    Partial,
    /// A program run for the user ended with this code.
    Child(u8),
}
