//! What can be done about a finding without asking what is wanted.

use serde::Serialize;

/// What `doctor --fix` does about a finding; each is a plan that other commands make too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// The live release is pushed again, which starts what is down: `dsline push`.
    Restart,
    /// The node goes back to its last healthy release: `dsline rollback`.
    GoBack,
    /// A new certificate is got, and pushed: `dsline cert renew`.
    Renew,
}
