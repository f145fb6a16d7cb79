//! A node's word on what was asked of it: the first line of a script's answer.

use super::blocked::Blocked;
use super::push_failure::PushFailure;
use super::session::Session;

/// The node's word.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The release is live; its number.
    Live(u32),
    /// A stored part is not what it was.
    Spoilt(String),
    /// The live release counts as healthy from now on.
    Confirmed,
    /// It went back.
    Reverted,
    /// Another release is live.
    Gone(String),
    /// It has no such release.
    Missing,
    /// It did not work.
    Failed(PushFailure),
}

impl Verdict {
    /// The failure that a word is which was not hoped for.
    pub(super) fn into_failure(self, session: &Session) -> PushFailure {
        match self {
            Self::Failed(failure) => failure,
            Self::Gone(live) => PushFailure::Gone {
                place: session.place().to_owned(),
                live,
            },
            other => session
                .broken(&format!("it answered {other:?}, which was not asked"))
                .into(),
        }
    }
}

/// Reads an answer; a node that says nothing has not done what it was asked.
pub(super) fn verdict(answer: &str, session: &Session) -> Result<Verdict, Blocked> {
    let unknown = || {
        session.broken(&format!(
            "the script ended without a verdict: {}",
            answer.trim()
        ))
    };
    parse(answer, session.place()).ok_or_else(unknown)
}

/// Reads the script's answer: a line with the verdict, then what was said.
fn parse(answer: &str, place: &str) -> Option<Verdict> {
    let (line, rest) = answer.split_once('\n')?;
    let (place, rest) = (place.to_owned(), rest.to_owned());
    let words: Vec<&str> = line.split('\t').collect();
    Some(match *words {
        ["live", number] => Verdict::Live(number.parse().ok()?),
        ["confirmed"] => Verdict::Confirmed,
        ["reverted"] => Verdict::Reverted,
        ["gone", other] => Verdict::Gone(other.to_owned()),
        ["missing"] => Verdict::Missing,
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
        match parse(answer, "eu-west-1/1 (198.18.0.9)").unwrap() {
            Verdict::Failed(failure) => failure.to_string(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn verdicts_become_messages_that_say_where_and_what_is_left() {
        assert_eq!(message("live\t12\n"), "Live(12)");
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
        assert!(parse("", "x").is_none() && parse("what\n", "x").is_none());
    }
}
