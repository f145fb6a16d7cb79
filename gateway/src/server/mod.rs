//! The outer room: listens, routes, drains, and turns every fault into an answer.

mod admin;
mod gateway;
mod listen;
mod live;
mod rescue;
mod routes;
mod socket;

pub use listen::serve;
pub use live::Live;
