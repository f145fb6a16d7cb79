//! The lock of a line without a hosted zone: a lease file on its nodes, compared and swapped under the node's own lock.

use super::blocked::Blocked;
use super::command::Command;
use super::session::Session;
use crate::line::Lease;

/// The lease on a node.
pub async fn read_lease(session: &Session) -> Result<Option<Lease>, Blocked> {
    swap_lease(session, None, None).await
}

/// Changes the lease on a node from `old` to `new` if it is `old`, and returns what it is then.
pub async fn swap_lease(
    session: &Session,
    old: Option<&Lease>,
    new: Option<&Lease>,
) -> Result<Option<Lease>, Blocked> {
    let text = |lease: Option<&Lease>| lease.map(ToString::to_string).unwrap_or_default();
    let command = Command::script(include_str!("lease.sh"), &[&text(old), &text(new)]);
    let answer = session.script(&command, None).await?;
    let answer = answer.trim();
    Ok((!answer.is_empty()).then(|| Lease::read(answer)))
}
