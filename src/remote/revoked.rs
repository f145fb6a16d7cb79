//! The revocations that a node holds: a file beside its releases, added to under the node's own lock.

use std::collections::BTreeSet;

use super::blocked::Blocked;
use super::command::Command;
use super::session::Session;
use crate::line::Revocation;

/// Adds revocations to those of a node, none is only a question, and returns all that the node holds then.
pub async fn revoke(
    session: &Session,
    added: &BTreeSet<Revocation>,
) -> Result<BTreeSet<Revocation>, Blocked> {
    let lines: String = added.iter().map(|one| format!("{one}\n")).collect();
    let command = Command::script(include_str!("revoked.sh"), &[]);
    let answer = session.script(&command, Some(lines.into_bytes())).await?;
    answer
        .lines()
        .map(|line| {
            line.parse().map_err(|why| {
                session.broken(&format!("its list of revoked tokens holds `{line}`: {why}"))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_revoked_travels_on_standard_input() {
        let command = Command::script(include_str!("revoked.sh"), &[]);
        assert!(!command.line().contains("jti:"));
        let one: Revocation = "jti:a until=9".parse().unwrap();
        assert!(
            command
                .with_input(Some(format!("{one}\n").into_bytes()))
                .ends_with(b"jti:a until=9\n")
        );
    }
}
