//! What the loop's log and a node's list of releases tell, as events.

use jiff::Timestamp;

use super::account::Event;
use crate::line::{KeptRelease, ReleaseState, Slot, without_secrets};
use crate::tick::{Ending, Record};

/// The ticks in which something happened; one that says the same as the one before it is counted with it.
pub fn told(records: &[Record]) -> Vec<Event> {
    let mut events: Vec<(Event, u32)> = Vec::new();
    let mut was_quiet = true;
    for record in records {
        let Some(event) = tick(record) else {
            was_quiet = true;
            continue;
        };
        match events.last_mut() {
            Some((last, count)) if !was_quiet && last.what == event.what => *count += 1,
            _ => events.push((event, 1)),
        }
        was_quiet = false;
    }
    let with_count = |(mut event, count): (Event, u32)| {
        if count > 1 {
            event.what = format!("{} ({count} ticks in a row)", event.what);
        }
        event
    };
    events.into_iter().map(with_count).collect()
}

fn tick(record: &Record) -> Option<Event> {
    let word = match record.ending {
        Ending::Nothing | Ending::Left | Ending::DryRun => return None,
        Ending::Done => "done",
        Ending::Partial => "partial",
        Ending::Held => "held",
        Ending::Failed => "failed",
    };
    let scaled = record
        .decisions
        .iter()
        .filter(|decision| decision.change != 0)
        .map(|decision| {
            let region = &decision.inputs.pool.region;
            format!("{region} {:+} nodes: {}", decision.change, decision.why)
        });
    let steps = record.steps.iter().map(|step| {
        let ending = step.ending.as_deref().unwrap_or("not begun");
        let why = step.why.as_ref();
        let why = why.map(|why| format!(" ({why})")).unwrap_or_default();
        format!("{}: {} {ending}{why}", step.at, step.what)
    });
    let parts: Vec<String> = record
        .why
        .clone()
        .into_iter()
        .chain(scaled)
        .chain(steps)
        .collect();
    Some(Event {
        at: record.at,
        place: format!("line {}", record.line),
        kind: "loop",
        word: word.to_owned(),
        what: without_secrets(&parts.join("; ")),
    })
}

/// The releases of a node, each when it came; one whose time makes no sense is left out.
pub fn brought(node: &Slot, releases: &[KeptRelease]) -> Vec<Event> {
    let event = |release: &KeptRelease| {
        let (word, end) = match &release.state {
            ReleaseState::Unconfirmed => ("unconfirmed", "not confirmed".to_owned()),
            ReleaseState::Healthy => ("healthy", "healthy".to_owned()),
            ReleaseState::Left => ("left", "healthy, and left again".to_owned()),
            ReleaseState::Failed(why) => ("failed", format!("failed: {why}")),
        };
        let why = if release.why.is_empty() {
            String::new()
        } else {
            format!(" ({})", release.why)
        };
        let what = format!("release {} by {}{why}: {end}", release.number, release.who);
        Some(Event {
            at: release.when.parse::<Timestamp>().ok()?,
            place: node.to_string(),
            kind: "release",
            word: word.to_owned(),
            what: without_secrets(&what),
        })
    };
    releases.iter().filter_map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn record(second: i64, ending: Ending, why: Option<&str>) -> Record {
        let mut record = Record::new("home".parse().unwrap(), at(second));
        record.ending = ending;
        record.why = why.map(str::to_owned);
        record
    }

    #[test]
    fn ticks_that_say_the_same_are_one_event_and_quiet_ones_are_none() {
        let records = [
            record(0, Ending::Nothing, None),
            record(60, Ending::Held, Some("AWS does not answer")),
            record(120, Ending::Held, Some("AWS does not answer")),
            record(180, Ending::Failed, Some("key sk-live was refused")),
        ];
        let events: Vec<(i64, String)> = told(&records)
            .into_iter()
            .map(|event| (event.at.as_second(), event.what))
            .collect();
        assert_eq!(
            events,
            [
                (60, "AWS does not answer (2 ticks in a row)".to_owned()),
                (180, "key [hidden] was refused".to_owned()),
            ]
        );
    }

    #[test]
    fn a_release_tells_who_brought_it_and_what_became_of_it() {
        let release = KeptRelease {
            number: 7,
            digest: "d".to_owned(),
            when: "2026-11-23T06:00:00Z".to_owned(),
            who: "alice@desk".to_owned(),
            why: "longer timeouts".to_owned(),
            state: ReleaseState::Failed("health".to_owned()),
        };
        let odd = KeptRelease {
            when: "once".to_owned(),
            ..release.clone()
        };
        let events = brought(&"us-east-1/1".parse().unwrap(), &[release, odd]);
        assert_eq!(events.len(), 1);
        assert_eq!(
            events[0].what,
            "release 7 by alice@desk (longer timeouts): failed: health"
        );
    }
}
