//! The APIs behind: which is asked, how it is reached, what can go wrong on the way, and what is done then.

mod answer;
mod attempt;
mod breaker;
mod budget;
mod connect;
mod event;
mod key;
mod load;
mod member;
mod name;
mod order;
mod outcome;
mod policy;
#[cfg(test)]
mod properties;
mod refusal;
mod tls;
mod token;
mod trouble;
mod upstreams;
mod used;

pub use answer::{Answer, Committed, Cut};
pub use connect::Connector;
pub use event::{Event, Told};
pub use key::is_key_there;
pub use member::UpstreamState;
pub use order::Order;
pub use outcome::TooLarge;
pub use tls::trust;
pub use trouble::{Setback, Trouble};
pub use upstreams::{Defeat, Upstreams};
