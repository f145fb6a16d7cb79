//! What the test programs share: an operator who runs `dsline`, and what came of it.

mod lab;
mod masks;
mod ran;
mod running;
mod schema;

pub(crate) use lab::{KEY, Lab, SECRET, variable};
pub(crate) use ran::Ran;
pub(crate) use running::Running;
pub(crate) use schema::{Schema, schema_of, schemas};
