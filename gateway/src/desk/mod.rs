//! Where every request is received and gets its answer: who asks, what is known already, whom to ask, what to say.

mod conversation;
mod door;
mod intake;
mod late;
mod lead;
mod live;
mod passage;
mod question;
mod reply;
mod rescue;
mod supply;
mod terms;
mod visit;

pub use door::answer;
pub use live::Live;
pub use reply::{Decline, Reply, text};
pub use rescue::{not_found, wrong_method};
pub use supply::rehearse;
