//! Brings a release onto a node: one command looks, one delivers; the node itself judges, switches and goes back.

use std::time::Duration;

use super::archive::archive;
use super::delivery::Delivery;
use super::push_failure::PushFailure;
use super::report::look;
use super::session::Session;
use super::verdict::{Verdict, verdict};
use crate::line::Note;
use crate::render::{PartName, Release};

/// What goes with a release.
#[derive(Clone, Copy, Debug)]
pub struct PushOrder<'a> {
    /// Its number; a node that has that already takes the next free one.
    pub number: u32,
    /// Who brings it, and why.
    pub note: &'a Note,
    /// How long the node waits for its confirmation.
    pub window: Duration,
}

/// What a push changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Parts that are new, were repaired, or whose program was started; empty when the node had the release already.
    pub changed: Vec<PartName>,
    /// Number of the live release, if it must be confirmed.
    pub unconfirmed: Option<u32>,
    /// Number of the release that was live and confirmed before, if another one is live now.
    pub before: Option<u32>,
}

/// Makes a release live; on a node that has it, and works, nothing is written and no service is touched.
pub async fn push(
    session: &Session,
    release: &Release,
    order: PushOrder<'_>,
) -> Result<Pushed, PushFailure> {
    let mut seen = look(session).await?;
    if !seen.report.booted {
        let what = "first boot has not ended".to_owned();
        let output = seen.report.boot_error.unwrap_or_default();
        return Err(PushFailure::Unfinished {
            place: session.place().to_owned(),
            what,
            output,
        });
    }
    loop {
        let delivery = Delivery::new(release, &seen);
        if delivery.is_empty() {
            return Ok(Pushed {
                changed: Vec::new(),
                unconfirmed: seen.report.unconfirmed(),
                before: None,
            });
        }
        match deliver(session, release, &delivery, order).await? {
            Verdict::Live(number) => {
                return Ok(Pushed {
                    changed: delivery.touched,
                    unconfirmed: Some(number),
                    before: seen.report.confirmed().filter(|before| *before != number),
                });
            }
            // A part of an old release was spoilt since: it is sent like a new one. Each turn removes one, so it ends.
            Verdict::Spoilt(digest) if seen.stored.remove(&digest) => {}
            Verdict::Spoilt(digest) => {
                return Err(session
                    .broken(&format!("part {digest} does not arrive whole"))
                    .into());
            }
            other => return Err(other.into_failure(session)),
        }
    }
}

async fn deliver(
    session: &Session,
    release: &Release,
    delivery: &Delivery,
    order: PushOrder<'_>,
) -> Result<Verdict, PushFailure> {
    let input = archive(release, &delivery.sent);
    let answer = session
        .script(&delivery.command(release, order), Some(input))
        .await?;
    Ok(verdict(&answer, session)?)
}
