//! The line's DNS records as one declared object: what they should be, and the one batch that makes them so; pure.

mod challenge;
mod change;
mod conflict;
mod desired;
mod evaluate;
mod lease;
mod listing;
#[cfg(test)]
mod model;
mod name;
mod node;
mod order;
#[cfg(test)]
mod pitfalls;
#[cfg(test)]
mod properties;

pub use challenge::{challenge_batch, challenge_name, challenge_record, is_challenge_of};
pub use change::{ChangeAction, ChangeBatch, RecordChange, change, is_of_line};
pub use conflict::Conflict;
pub use desired::desired;
pub use evaluate::{
    Answer, CheckState, Checks, Question, RecordTree, Step, Turn, Unanswerable, answer,
};
pub use lease::{find_lease, lease_name, lease_of, lease_record, swap};
pub use listing::{BadListing, read_listing};
#[cfg(test)]
pub(crate) use model::apply as apply_batch;
pub use node::{NodeRecord, known_nodes};
