//! What a node does about releases that lie on it: switch to one, confirm it, go back.

use std::time::Duration;

use super::command::Command;
use super::push_failure::PushFailure;
use super::session::Session;
use super::verdict::{Verdict, verdict};

/// What lies on the node, and goes back when nobody confirms.
pub(super) const GUARD: &str = concat!(include_str!("release.sh"), include_str!("guard.sh"));
/// The unit that looks, after a start of the node, whether there is something to go back from.
pub(super) const REVERT_UNIT: &str = include_str!("revert.service");

/// How long a switch may take: programs take up files, a gateway starts, and all of it is asked how it is, perhaps twice.
const PATIENCE: Duration = Duration::from_mins(8);

/// Makes a release live that lies on the node, under the same timer as a push; it must be confirmed.
pub async fn switch(session: &Session, number: u32, window: Duration) -> Result<(), PushFailure> {
    let window = window.as_secs().to_string();
    match guard(session, &["switch", &number.to_string(), &window]).await? {
        Verdict::Live(_) => Ok(()),
        Verdict::Missing => Err(PushFailure::Missing {
            place: session.place().to_owned(),
            number,
        }),
        other => Err(other.into_failure(session)),
    }
}

/// Says that the live release is well, seen from outside; over a session that was opened after it became live.
pub async fn confirm(session: &Session, number: u32) -> Result<(), PushFailure> {
    match guard(session, &["confirm", &number.to_string()]).await? {
        Verdict::Confirmed => Ok(()),
        other => Err(other.into_failure(session)),
    }
}

/// Lets the node go back at once from a release that waits for its confirmation; `why` is kept with it.
pub async fn take_back(session: &Session, number: u32, why: &str) -> Result<(), PushFailure> {
    match guard(session, &["revert", &number.to_string(), why]).await? {
        Verdict::Reverted | Verdict::Gone(_) => Ok(()),
        other => Err(other.into_failure(session)),
    }
}

async fn guard(session: &Session, words: &[&str]) -> Result<Verdict, PushFailure> {
    let command = Command::script(GUARD, words).within(PATIENCE);
    let answer = session.script(&command, None).await?;
    Ok(verdict(&answer, session)?)
}
