//! The line's DNS records as one declared object: what they should be, and the one batch that makes them so; pure.

mod change;
mod conflict;
mod desired;
mod lease;
#[cfg(test)]
mod model;
mod name;
mod node;
mod order;
#[cfg(test)]
mod properties;

pub use change::{ChangeAction, ChangeBatch, RecordChange, change, is_of_line};
pub use conflict::Conflict;
pub use desired::desired;
pub use lease::{find_lease, lease_name, lease_of, lease_record, swap};
#[cfg(test)]
pub(crate) use model::apply as apply_batch;
pub use node::{NodeRecord, known_nodes};
