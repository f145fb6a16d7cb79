//! A node's audit trail: read page by page, over its rotated files, and counted on the node itself.

use std::time::Duration;

use jiff::Timestamp;

use super::blocked::Blocked;
use super::command::Command;
use super::session::Session;
use crate::line::{TrailCount, TrailGap, TrailRun};

/// Where the trail lies on a node.
const FOLDER: &str = "/var/log/deepseek";

/// A month of a busy node's trail has to be unpacked to be counted.
const PATIENCE: Duration = Duration::from_mins(10);

/// Bytes of a page, which one answer carries and both sides keep in memory.
const PAGE: usize = 4 << 20;

/// Which records are wanted.
#[derive(Clone, Debug, Default)]
pub struct TrailQuery {
    /// Nothing before this, as the seconds and the text of a time.
    pub since: Option<(i64, String)>,
    /// Only lines that hold this.
    pub text: String,
    /// Only so many last lines, at the beginning.
    pub last: Option<u32>,
}

impl TrailQuery {
    /// Everything from a second on.
    pub fn since(time: Timestamp) -> Self {
        // A record's time has its seconds in the same nineteen characters.
        let text = time.to_string().chars().take(19).collect();
        Self {
            since: Some((time.as_second(), text)),
            ..Self::default()
        }
    }
}

/// Where a page ended; the next one goes on there, though the file be rotated or compressed meanwhile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrailCursor(String);

/// Some lines of a trail.
#[derive(Debug, PartialEq, Eq)]
pub struct TrailPage {
    /// Whole lines, oldest first.
    pub lines: Vec<String>,
    /// Where it ended.
    pub cursor: TrailCursor,
    /// Whether there is more at once.
    pub has_more: bool,
}

/// Reads the page after `cursor`.
pub async fn read_trail(
    session: &Session,
    query: &TrailQuery,
    cursor: &TrailCursor,
) -> Result<TrailPage, Blocked> {
    let command = Command::script(include_str!("trail.sh"), &[FOLDER]).within(PATIENCE);
    let text = session.script(&command, Some(input(query, cursor))).await?;
    page(&text).ok_or_else(|| session.broken("its audit trail ends without a cursor"))
}

/// What the script reads; a text that is looked for must not end up in sudo's log.
fn input(query: &TrailQuery, cursor: &TrailCursor) -> Vec<u8> {
    let since = query.since.as_ref();
    let since = since.map_or_else(String::new, |(seconds, text)| format!("{seconds} {text}"));
    let last = query.last.map_or_else(String::new, |last| last.to_string());
    format!("{}\n{since}\n{}\n{PAGE}\n{last}\n", cursor.0, query.text).into_bytes()
}

fn page(text: &str) -> Option<TrailPage> {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let last = lines.pop()?;
    let (state, cursor) = last.strip_prefix("cursor ")?.split_once(' ')?;
    Some(TrailPage {
        lines,
        cursor: TrailCursor(cursor.trim().to_owned()),
        has_more: state == "more",
    })
}

/// Counts a node's trail where it lies.
pub async fn count_trail(session: &Session) -> Result<TrailCount, Blocked> {
    let command = Command::script(include_str!("trail-check.sh"), &[FOLDER]).within(PATIENCE);
    let text = session.script(&command, None).await?;
    count(&text)
        .map_err(|line| session.broken(&format!("its count of the trail has an odd line: {line}")))
}

/// Reads the script's lines; the error is the line that is not of it.
fn count(text: &str) -> Result<TrailCount, String> {
    let mut count = TrailCount::default();
    for line in text.lines() {
        let words: Vec<&str> = line.split('\t').collect();
        match words.as_slice() {
            ["gap", rest @ ..] => count.gaps.extend(gap(rest)),
            ["run", rest @ ..] => count.runs.extend(run(rest)),
            _ => return Err(line.to_owned()),
        }
    }
    Ok(count)
}

fn gap(words: &[&str]) -> Option<TrailGap> {
    let [
        node,
        process,
        from,
        to,
        after,
        after_file,
        before,
        before_file,
    ] = words
    else {
        return None;
    };
    Some(TrailGap {
        node: (*node).to_owned(),
        process: (*process).to_owned(),
        from: from.parse().ok()?,
        to: to.parse().ok()?,
        after: ((*after).to_owned(), (*after_file).to_owned()),
        before: ((*before).to_owned(), (*before_file).to_owned()),
    })
}

fn run(words: &[&str]) -> Option<TrailRun> {
    let [
        node,
        process,
        run,
        first,
        latest,
        begun,
        ended,
        records,
        dropped,
        doubled,
        lowest,
    ] = words
    else {
        return None;
    };
    Some(TrailRun {
        node: (*node).to_owned(),
        process: (*process).to_owned(),
        run: run.parse().ok()?,
        first: (*first).to_owned(),
        latest: (*latest).to_owned(),
        begun: *begun == "1",
        ended: *ended == "1",
        records: records.parse().ok()?,
        dropped: dropped.parse().ok()?,
        doubled: doubled.parse().ok()?,
        lowest: lowest.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::path::Path;
    use std::process::{Command as Program, Stdio};

    use super::*;

    /// The records of one process, the given numbers left out.
    fn records(day: u32, run: u64, without: &[u64]) -> String {
        let line = |minute: u64, kind: &str, fields: String| {
            format!(
                "<134>1 2026-11-{day}T{:02}:{:02}:00.000Z eu-west-1/1 dsline-gateway {} {kind} [dsline@32473 {fields}]\n",
                minute / 60,
                minute % 60,
                1_795_200_000_000 + run
            )
        };
        let mut text = line(0, "TRAIL_BEGIN", format!("seq=\"0\" run=\"{run}\""));
        for number in (1..=200).filter(|number| !without.contains(number)) {
            text += &line(
                number,
                "API_REQUEST",
                format!("seq=\"{number}\" request_id=\"r-{run}-{number}\""),
            );
        }
        text + &line(300, "TRAIL_END", "seq=\"201\" dropped=\"0\"".to_owned())
    }

    fn sh(script: &str, folder: &Path, input: &[u8]) -> String {
        let mut shell = Program::new("sh")
            .args(["-c", script, "sh"])
            .arg(folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        shell.stdin.take().unwrap().write_all(input).unwrap();
        String::from_utf8(shell.wait_with_output().unwrap().stdout).unwrap()
    }

    fn read(folder: &Path, query: &TrailQuery, cursor: &TrailCursor) -> TrailPage {
        page(&sh(include_str!("trail.sh"), folder, &input(query, cursor))).unwrap()
    }

    fn gzip(file: &Path) {
        assert!(Program::new("gzip").arg(file).status().unwrap().success());
    }

    #[test]
    fn a_removed_record_is_found_in_a_rotated_and_in_a_live_file() {
        let folder = tempfile::tempdir().unwrap();
        let old = folder.path().join("api_audit.log-20261122");
        fs::write(&old, records(21, 1, &[])).unwrap();
        gzip(&old);
        let live = folder.path().join("api_audit.log");
        fs::write(&live, records(22, 2, &[])).unwrap();
        let check = || count(&sh(include_str!("trail-check.sh"), folder.path(), b"")).unwrap();
        let verdict = check().judge();
        assert_eq!(
            (
                verdict.records,
                verdict.missing.len(),
                verdict.remarks.len()
            ),
            (400, 0, 0)
        );
        fs::write(&live, records(22, 2, &[7, 8, 9, 100])).unwrap();
        let found = check();
        let gaps: Vec<_> = found.gaps.iter().map(|gap| (gap.from, gap.to)).collect();
        assert_eq!(gaps, [(7, 9), (100, 100)]);
        assert_eq!(found.judge().missing.len(), 2);
        assert_eq!(
            found.gaps[0].after,
            ("2026-11-22T00:06:00.000Z".into(), "api_audit.log".into())
        );
    }

    #[test]
    fn pages_go_on_where_they_ended_over_a_rotation_and_half_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let live = folder.path().join("api_audit.log");
        let old = folder.path().join("api_audit.log-20261122");
        fs::write(&old, records(21, 1, &[])).unwrap();
        gzip(&old);
        fs::write(&live, records(22, 2, &[]) + "<134>1 half").unwrap();
        let all = TrailQuery::default();
        let first = read(folder.path(), &all, &TrailCursor::default());
        assert_eq!((first.lines.len(), first.has_more), (404, false));
        // Rotated, and written to once more before rsyslog hears of it.
        let dated = folder.path().join("api_audit.log-20261123");
        fs::rename(&live, &dated).unwrap();
        let mut file = fs::OpenOptions::new().append(true).open(&dated).unwrap();
        writeln!(file, " a line").unwrap();
        fs::write(&live, records(23, 3, &[])).unwrap();
        let second = read(folder.path(), &all, &first.cursor);
        assert_eq!(second.lines[0], "<134>1 half a line");
        assert_eq!(second.lines.len(), 203);
        assert_eq!(read(folder.path(), &all, &second.cursor).lines.len(), 0);
    }

    #[test]
    fn a_question_is_answered_on_the_node() {
        let folder = tempfile::tempdir().unwrap();
        let live = folder.path().join("api_audit.log");
        fs::write(
            folder.path().join("api_audit.log-20261122"),
            records(21, 1, &[]),
        )
        .unwrap();
        fs::write(&live, records(22, 2, &[])).unwrap();
        let ask = |query: TrailQuery| read(folder.path(), &query, &TrailCursor::default()).lines;
        let last = ask(TrailQuery {
            last: Some(205),
            ..TrailQuery::default()
        });
        assert_eq!(last.len(), 205);
        assert!(last[0].contains("r-1-199"), "{}", last[0]);
        let text = ask(TrailQuery {
            text: "r-2-7\"".into(),
            ..TrailQuery::default()
        });
        assert_eq!(text.len(), 1);
        let since = "2026-11-22T03:00:00".to_owned();
        let late = ask(TrailQuery {
            since: Some((0, since)),
            ..TrailQuery::default()
        });
        assert_eq!(late.len(), 22);
    }
}
