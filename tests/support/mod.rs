//! What the test programs share: an operator who runs `dsline`, and what came of it.

mod lab;
mod masks;
mod ran;

pub(crate) use lab::{KEY, Lab, SECRET, variable};
pub(crate) use ran::Ran;
