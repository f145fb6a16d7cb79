//! Brings a release onto a node: one command looks, one delivers; the node itself judges, switches and goes back.

use super::archive::archive;
use super::delivery::Delivery;
use super::push_failure::PushFailure;
use super::report::look;
use super::session::Session;
use crate::render::{PartName, Release};

/// What a push changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pushed {
    /// Parts that are new, were repaired, or whose program was started; empty when the node had the release already.
    pub changed: Vec<PartName>,
    /// Digest of the live release.
    pub release: String,
}

/// Makes a release live; on a node that has it, and works, nothing is written and no service is touched.
pub async fn push(session: &Session, release: &Release) -> Result<Pushed, PushFailure> {
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
                release: release.digest().to_owned(),
            });
        }
        match deliver(session, release, &delivery).await? {
            Verdict::Live => {
                return Ok(Pushed {
                    changed: delivery.touched,
                    release: release.digest().to_owned(),
                });
            }
            // A part of an old release was spoilt since: it is sent like a new one. Each turn removes one, so it ends.
            Verdict::Spoilt(digest) if seen.stored.remove(&digest) => {}
            Verdict::Spoilt(digest) => {
                return Err(session
                    .broken(&format!("part {digest} does not arrive whole"))
                    .into());
            }
            Verdict::Failed(failure) => return Err(failure),
        }
    }
}

async fn deliver(
    session: &Session,
    release: &Release,
    delivery: &Delivery,
) -> Result<Verdict, PushFailure> {
    let input = archive(release, &delivery.sent);
    let answer = session
        .script(&delivery.command(release), Some(input))
        .await?;
    verdict(&answer, session.place()).ok_or_else(|| {
        session
            .broken(&format!(
                "the push ended without a verdict: {}",
                answer.trim()
            ))
            .into()
    })
}

/// The node's word on a delivery.
#[derive(Debug)]
enum Verdict {
    Live,
    Spoilt(String),
    Failed(PushFailure),
}

/// Reads the script's answer: a line with the verdict, then what was said.
fn verdict(answer: &str, place: &str) -> Option<Verdict> {
    let (line, rest) = answer.split_once('\n')?;
    let (place, rest) = (place.to_owned(), rest.to_owned());
    let words: Vec<&str> = line.split('\t').collect();
    Some(match *words {
        ["live"] => Verdict::Live,
        ["spoilt", digest] => Verdict::Spoilt(digest.to_owned()),
        ["invalid", part] => Verdict::Failed(PushFailure::Invalid {
            place,
            part: part.to_owned(),
            output: rest,
        }),
        ["unfinished", what] => Verdict::Failed(PushFailure::Unfinished {
            place,
            what: what.to_owned(),
            output: rest,
        }),
        ["full", left] => Verdict::Failed(PushFailure::NoRoom {
            place,
            left: left.to_owned(),
            output: rest,
        }),
        ["unhealthy", what, end] => Verdict::Failed(PushFailure::Unhealthy {
            place,
            what: what.to_owned(),
            log: rest,
            reverted: end == "reverted",
        }),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(answer: &str) -> String {
        match verdict(answer, "eu-west-1/1 (198.18.0.9)").unwrap() {
            Verdict::Failed(failure) => failure.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn verdicts_become_messages_that_say_where_and_what_is_left() {
        assert_eq!(message("live\n"), "Live");
        assert_eq!(message("spoilt\tabc\n"), "Spoilt(\"abc\")");
        assert_eq!(
            message("invalid\tnginx\nunknown directive \"x\"\n"),
            "eu-west-1/1 (198.18.0.9): the nginx part of the release was refused; nothing was switched\nunknown directive \"x\""
        );
        assert_eq!(
            message("unhealthy\tthe gateway does not answer\treverted\n"),
            "eu-west-1/1 (198.18.0.9): with the new release the gateway does not answer; it went back to what it had before"
        );
        assert_eq!(
            message("unfinished\tno room for the release\ntar: No space left\n"),
            "eu-west-1/1 (198.18.0.9): no room for the release; nothing was switched\ntar: No space left"
        );
        assert_eq!(
            message("full\t/var/lib/dsline: 0 MiB left\n"),
            "eu-west-1/1 (198.18.0.9): its disk is full (/var/lib/dsline: 0 MiB left); the release could not be stored, \
             and nothing was switched"
        );
        assert!(verdict("", "x").is_none() && verdict("what\n", "x").is_none());
    }
}
