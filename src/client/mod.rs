//! A line seen from outside, as its users do: what DNS answers where, and what a node says to a question.

mod address;
mod ask;
mod edge;
mod exchange;
mod load;
mod resolve;
mod service;
mod user;
mod webhook;

pub use address::operator_address;
pub use ask::{Answer, Caller, Health, Question, chat, healthz, healthz_by_tls};
pub use edge::edge;
pub use load::{Load, Target, load};
pub use resolve::{delegation, locate_server, resolve, vantage};
pub use webhook::post_webhook;
