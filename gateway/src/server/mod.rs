//! The outer room: the life of the process, its listeners, its health, and the operator's side.

mod admin;
mod gateway;
mod listen;
mod scene;
mod socket;

pub use listen::serve;
