//! What Route 53 would answer: a pure function of records, health and place, by its documented rules.

mod answer;
mod check;
mod choice;
mod fault;
mod step;
mod tree;
mod walk;

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod proof;
#[cfg(test)]
mod rules;
#[cfg(test)]
mod trees;

pub use answer::{Answer, Question, answer};
pub use check::{CheckState, Checks};
pub use fault::Unanswerable;
pub use step::{Step, Turn};
pub use tree::RecordTree;
