//! The audit trail as it is read back: one record, and what the numbers of a node's records prove.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Serialize;

/// One line of a trail (RFC 5424), taken apart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrailRecord {
    /// When it was written.
    pub time: String,
    /// The node that wrote it.
    pub node: String,
    /// What kind of record it is, such as `API_REQUEST`.
    pub kind: String,
    /// Its fields, or its text as `message`.
    #[serde(flatten)]
    pub fields: BTreeMap<String, String>,
}

impl TrailRecord {
    /// Reads a line; `None` for one that is no record.
    pub fn parse(line: &str) -> Option<Self> {
        let mut words = line.splitn(7, ' ');
        let (_, time, node) = (words.next()?, words.next()?, words.next()?);
        let (_, _, kind, rest) = (words.next()?, words.next()?, words.next()?, words.next()?);
        let fields = if let Some(fields) = rest.strip_prefix("[dsline@32473 ") {
            parameters(fields)
        } else {
            let text = rest.strip_prefix("- ").unwrap_or(rest);
            BTreeMap::from([("message".to_owned(), text.to_owned())])
        };
        Some(Self {
            time: time.to_owned(),
            node: node.to_owned(),
            kind: kind.to_owned(),
            fields,
        })
    }
}

/// `name="value" ...]`, where a backslash stands before what would end a value (RFC 5424 §6.3.3).
fn parameters(text: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut letters = text.chars();
    loop {
        let name: String = letters.by_ref().take_while(|one| *one != '=').collect();
        if name.is_empty() || letters.next() != Some('"') {
            return all;
        }
        let mut value = String::new();
        while let Some(letter) = letters.next() {
            match letter {
                '\\' => value.extend(letters.next()),
                '"' => break,
                letter => value.push(letter),
            }
        }
        all.insert(name.trim_start().to_owned(), value);
    }
}

/// The records of one process of a gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrailRun {
    /// The node as the records name it.
    pub node: String,
    /// The process: milliseconds of its start.
    pub process: String,
    /// Which process of the node it was, counted from 1; 0 when its beginning is not there.
    pub run: u64,
    /// Time of its first record that is there.
    pub first: String,
    /// Time of its last.
    pub latest: String,
    /// Whether its beginning is there.
    pub begun: bool,
    /// Whether its end is there.
    pub ended: bool,
    /// Requests.
    pub records: u64,
    /// Records that the gateway itself counted as lost: no room, or no disk.
    pub dropped: u64,
    /// Records that are there twice.
    pub doubled: u64,
    /// The lowest number that is there.
    pub lowest: u64,
}

/// Records that are not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TrailGap {
    /// The node as the records name it.
    pub node: String,
    /// The process that wrote them.
    pub process: String,
    /// The first that is missing.
    pub from: u64,
    /// The last that is missing.
    pub to: u64,
    /// Time and file of the record before.
    pub after: (String, String),
    /// Time and file of the record behind.
    pub before: (String, String),
}

impl TrailGap {
    /// How many records are missing.
    pub fn length(&self) -> u64 {
        self.to.saturating_sub(self.from) + 1
    }
}

/// What a node's trail shows.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TrailCount {
    /// Its processes.
    pub runs: Vec<TrailRun>,
    /// Where numbers are missing between others.
    pub gaps: Vec<TrailGap>,
}

/// What the numbers prove.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TrailVerdict {
    /// Requests that are in the trail.
    pub records: u64,
    /// Records that the gateways counted as lost.
    pub dropped: u64,
    /// What is missing and was not counted by the gateway: removed, or lost on the way.
    pub missing: Vec<String>,
    /// What can be neither proven nor refuted.
    pub remarks: Vec<String>,
}

impl TrailCount {
    /// Judges the numbers. What is older than the oldest record was rotated away and is not missed.
    pub fn judge(&self) -> TrailVerdict {
        let mut verdict = TrailVerdict {
            records: self.runs.iter().map(|run| run.records).sum(),
            dropped: self.runs.iter().map(|run| run.dropped).sum(),
            ..TrailVerdict::default()
        };
        let oldest = self.runs.iter().map(|run| run.first.as_str()).min();
        let newest = self.runs.iter().map(|run| run.run).max().unwrap_or(0);
        for run in &self.runs {
            self.judge_run(run, &mut verdict);
            if !run.begun && oldest.is_some_and(|oldest| !began_before(run, oldest)) {
                verdict.missing.push(format!(
                    "the first {} records of the gateway that began at {} are missing: the trail is older, and goes on at {}",
                    run.lowest,
                    started(run).map_or_else(|| run.process.clone(), |time| time.to_string()),
                    run.first
                ));
            }
            if !run.ended && run.run != newest {
                verdict.remarks.push(format!(
                    "the gateway of {} has no end in the trail: it still finishes, was killed, or its last records after {} are gone",
                    run.first, run.latest
                ));
            }
            if run.doubled > 0 {
                verdict.remarks.push(format!("{} records of the gateway of {} are there twice: rsyslog was killed and went back to where it had last noted its place", run.doubled, run.first));
            }
        }
        verdict.missing.extend(self.missing_runs());
        verdict
    }

    /// Gaps inside a run; the gateway may have counted them itself.
    fn judge_run(&self, run: &TrailRun, verdict: &mut TrailVerdict) {
        let is_its = |gap: &&TrailGap| gap.process == run.process && gap.node == run.node;
        let gaps: Vec<&TrailGap> = self.gaps.iter().filter(is_its).collect();
        let missing: u64 = gaps.iter().map(|gap| gap.length()).sum();
        for gap in gaps {
            let text = format!(
                "{} missing between {} ({}) and {} ({}): numbers {} to {}",
                records(gap.length()),
                gap.after.0,
                gap.after.1,
                gap.before.0,
                gap.before.1,
                gap.from,
                gap.to
            );
            if missing <= run.dropped {
                verdict
                    .remarks
                    .push(format!("{text}; the gateway had no room and counted them"));
            } else {
                verdict.missing.push(text);
            }
        }
    }

    /// Processes of which nothing is there, between others of the same node.
    fn missing_runs(&self) -> Vec<String> {
        let mut nodes: BTreeMap<&str, BTreeSet<u64>> = BTreeMap::new();
        for run in self.runs.iter().filter(|run| run.run > 0) {
            nodes.entry(&run.node).or_default().insert(run.run);
        }
        let gaps = nodes.values().flat_map(|runs| {
            let pairs = runs.iter().zip(runs.iter().skip(1));
            pairs
                .filter(|(one, next)| *one + 1 < **next)
                .map(|(one, next)| {
                    format!(
                        "all records of {} between the starts number {one} and {next} are missing",
                        if next - one == 2 {
                            "a gateway".to_owned()
                        } else {
                            format!("{} gateways", next - one - 1)
                        }
                    )
                })
        });
        gaps.collect()
    }
}

fn records(count: u64) -> String {
    if count == 1 {
        "1 record is".to_owned()
    } else {
        format!("{count} records are")
    }
}

fn started(run: &TrailRun) -> Option<Timestamp> {
    Timestamp::from_millisecond(run.process.parse().ok()?).ok()
}

/// Whether a run is older than the trail that is kept.
fn began_before(run: &TrailRun, oldest: &str) -> bool {
    match (started(run), oldest.parse::<Timestamp>()) {
        (Some(start), Ok(oldest)) => start < oldest,
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Milliseconds of 2026-11-21T00:00:00Z.
    const MIDNIGHT: i64 = 1_795_219_200_000;

    fn run(number: u64, minute: i64) -> TrailRun {
        let start = Timestamp::from_millisecond(MIDNIGHT + minute * 60_000).unwrap();
        TrailRun {
            node: "eu-west-1/1".into(),
            process: start.as_millisecond().to_string(),
            run: number,
            first: start.to_string(),
            latest: start.to_string(),
            begun: true,
            ended: true,
            records: 10,
            dropped: 0,
            doubled: 0,
            lowest: 0,
        }
    }

    fn count(runs: &[TrailRun]) -> TrailCount {
        TrailCount {
            runs: runs.to_vec(),
            gaps: Vec::new(),
        }
    }

    #[test]
    fn a_record_is_taken_apart_as_it_was_put_together() {
        let line = r#"<134>1 2026-11-22T01:40:00.000Z eu-west-1/1 dsline-gateway 17 API_REQUEST [dsline@32473 seq="1" path="/v1/\"\]x" ms="3"]"#;
        let record = TrailRecord::parse(line).unwrap();
        assert_eq!(
            (record.kind.as_str(), record.fields.len()),
            ("API_REQUEST", 3)
        );
        assert_eq!(record.fields["path"], "/v1/\"]x");
        assert_eq!(record.fields["ms"], "3");
        let event = TrailRecord::parse("<14>1 t n dsline-gateway - GATEWAY - started").unwrap();
        assert_eq!(event.fields["message"], "started");
        assert_eq!(TrailRecord::parse("rubbish"), None);
    }

    #[test]
    fn a_whole_trail_has_nothing_to_say() {
        let verdict = count(&[run(1, 0), run(2, 5)]).judge();
        assert_eq!(
            (verdict.records, verdict.missing, verdict.remarks),
            (20, vec![], vec![])
        );
    }

    #[test]
    fn a_missing_process_and_a_missing_beginning_are_found() {
        let verdict = count(&[run(1, 0), run(3, 5)]).judge();
        assert_eq!(verdict.missing.len(), 1, "{verdict:?}");
        let headless = TrailRun {
            begun: false,
            run: 0,
            lowest: 7,
            ..run(2, 5)
        };
        let verdict = count(&[run(1, 0), headless.clone()]).judge();
        assert!(
            verdict.missing[0].starts_with("the first 7 records"),
            "{verdict:?}"
        );
        // The same at the old end of what is kept is what rotation does.
        let first = TrailRun {
            first: run(1, 9).first,
            ..headless
        };
        assert_eq!(
            count(&[first, run(3, 10)]).judge().missing,
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_gap_is_missed_unless_the_gateway_counted_it() {
        let place = || {
            (
                "2026-11-21T00:00:01Z".to_owned(),
                "api_audit.log".to_owned(),
            )
        };
        let gap = TrailGap {
            node: "eu-west-1/1".into(),
            process: run(1, 0).process,
            from: 4,
            to: 5,
            after: place(),
            before: place(),
        };
        let mut trail = count(&[run(1, 0)]);
        trail.gaps.push(gap);
        assert!(trail.judge().missing[0].starts_with("2 records are missing between"));
        trail.runs[0].dropped = 2;
        let verdict = trail.judge();
        assert_eq!((verdict.missing.len(), verdict.remarks.len()), (0, 1));
    }
}
