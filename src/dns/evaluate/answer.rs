//! A question and its answer: every value that can come back, and the way that leads to it.

use super::check::Checks;
use super::fault::Unanswerable;
use super::step::Step;
use super::tree::RecordTree;
use super::walk::Walk;
use crate::line::{Place, RecordType};

/// A question to a zone.
#[derive(Clone, Debug)]
pub struct Question<'q> {
    /// The name, lower-case and without the trailing dot.
    pub name: &'q str,
    /// The type.
    pub kind: &'q RecordType,
    /// Where it comes from, as far as Route 53 knows.
    pub place: Place,
}

/// What can be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<'a> {
    /// Every value that an answer may hold, sorted; the name of an alias or CNAME target outside the zone stands for what
    /// is there.
    pub possible: Vec<&'a str>,
    /// The way through the records, depth first.
    pub path: Vec<Step<'a>>,
}

impl<'a> RecordTree<'a> {
    /// What Route 53 would answer, with a way to tell whether a health check (by its id) counts as healthy.
    pub fn answer<'q: 'a>(
        &self,
        question: &Question<'q>,
        is_healthy: &dyn Fn(&str) -> bool,
    ) -> Result<Answer<'a>, Unanswerable> {
        Walk::new(self, question.place, is_healthy).answer(question)
    }
}

/// What Route 53 would answer out of these records.
pub fn answer<'a>(
    tree: &RecordTree<'a>,
    checks: &Checks,
    question: &Question<'a>,
) -> Result<Answer<'a>, Unanswerable> {
    tree.answer(question, &|id| checks.is_healthy(id))
}
