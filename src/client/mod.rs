//! A line seen from outside, as its users do: what DNS answers where, and what a node says to a question.

mod address;
mod ask;
mod exchange;
mod resolve;

pub use address::operator_address;
pub use ask::{Answer, Caller, Health, Question, chat, healthz};
pub use resolve::{delegation, locate_server, resolve, vantage};
