//! A recorded load: when requests came and how long each kept a node busy.

use std::fmt;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::machine::Machine;

/// The longest trace: a month of seconds.
const LONGEST: u32 = 31 * 86_400;
/// Most requests of a row; more is a misread column.
const MOST: f64 = 1e7;

/// Requests that came in the same second and take as long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Arrival {
    /// Seconds since the trace began.
    pub second: u32,
    /// Seconds that each holds a permit.
    pub hold: u32,
    /// How many.
    pub count: u32,
}

/// A recorded load, in the order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// When it began.
    pub start: Timestamp,
    /// Its length.
    pub seconds: u32,
    /// What came.
    pub arrivals: Vec<Arrival>,
}

/// Why a text is no trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceError {
    /// The line at fault, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
}

/// What a row's numbers mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Columns {
    Requests,
    Tokens,
}

/// One row: its moment, and one or two numbers.
struct Row {
    line: usize,
    at: Timestamp,
    first: f64,
    second: f64,
}

impl Trace {
    /// Reads a table of (time, requests) or of (time, context tokens, generated tokens), one request a row; lines
    /// that begin with `#` say where it is from.
    pub fn parse(text: &str, machine: &Machine) -> Result<Self, TraceError> {
        let mut rows = Vec::new();
        let mut columns = None;
        let lines = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line));
        for (line, text) in
            lines.filter(|(_, text)| !text.trim().is_empty() && !text.starts_with('#'))
        {
            let cells: Vec<&str> = text.split(',').map(str::trim).collect();
            if columns.is_none() {
                columns = Some(columns_of(line, &cells)?);
                if moment(cells[0]).is_none() {
                    continue;
                }
            }
            rows.push(row(line, &cells, columns.expect("set above"))?);
        }
        if rows.len() < 2 {
            return Err(TraceError::at(1, "a trace has at least two rows"));
        }
        rows.sort_by_key(|row| row.at);
        match columns.expect("there are rows") {
            Columns::Tokens => of_tokens(&rows, machine),
            Columns::Requests => of_requests(&rows, machine),
        }
    }

    /// All requests.
    pub fn requests(&self) -> u64 {
        let counts = self.arrivals.iter();
        counts.map(|arrival| u64::from(arrival.count)).sum()
    }

    /// Mean number of requests that would be in flight if none had to wait.
    pub fn mean_in_flight(&self) -> f64 {
        let work = self.arrivals.iter();
        let work = work.map(|arrival| f64::from(arrival.count) * f64::from(arrival.hold));
        work.sum::<f64>() / f64::from(self.seconds.max(1))
    }
}

fn of_tokens(rows: &[Row], machine: &Machine) -> Result<Trace, TraceError> {
    let start = rows[0].at;
    let mut arrivals = Vec::with_capacity(rows.len());
    for row in rows {
        arrivals.push(Arrival {
            second: since(start, row)?,
            hold: machine.hold(row.first, row.second),
            count: 1,
        });
    }
    let seconds = arrivals.last().map_or(0, |last| last.second) + 1;
    Ok(Trace {
        start,
        seconds,
        arrivals,
    })
}

/// Rows count what came until the next one, so each is spread evenly over that time; the last over as much as the one
/// before it.
fn of_requests(rows: &[Row], machine: &Machine) -> Result<Trace, TraceError> {
    let start = rows[0].at;
    let hold = machine.usual_hold();
    let starts: Vec<u32> = rows
        .iter()
        .map(|row| since(start, row))
        .collect::<Result<_, _>>()?;
    let mut arrivals = Vec::new();
    let mut end = 0;
    for (index, row) in rows.iter().enumerate() {
        let from = starts[index];
        let length = match (starts.get(index + 1), index) {
            (Some(next), _) => next - from,
            (None, 0) => 1,
            (None, _) => from - starts[index - 1],
        }
        .max(1);
        end = from + length;
        let mut given = 0;
        for step in 1..=length {
            let due = share(row.first, step, length);
            let count = due - given;
            given = due;
            if count > 0 {
                let second = from + step - 1;
                arrivals.push(Arrival {
                    second,
                    hold,
                    count,
                });
            }
        }
    }
    Ok(Trace {
        start,
        seconds: end,
        arrivals,
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between nought and MOST"
)]
fn share(all: f64, step: u32, length: u32) -> u32 {
    (all * f64::from(step) / f64::from(length)).round() as u32
}

fn since(start: Timestamp, row: &Row) -> Result<u32, TraceError> {
    let passed = row.at.duration_since(start).as_secs();
    let passed = u32::try_from(passed)
        .ok()
        .filter(|passed| *passed < LONGEST);
    passed.ok_or_else(|| TraceError::at(row.line, "it is more than a month after the first row"))
}

fn columns_of(line: usize, cells: &[&str]) -> Result<Columns, TraceError> {
    match cells.len() {
        2 => Ok(Columns::Requests),
        3 => Ok(Columns::Tokens),
        count => Err(TraceError::at(
            line,
            &format!(
                "it has {count} columns; a trace has time and requests, or time, context tokens and generated tokens"
            ),
        )),
    }
}

fn row(line: usize, cells: &[&str], columns: Columns) -> Result<Row, TraceError> {
    let wanted = if columns == Columns::Tokens { 3 } else { 2 };
    if cells.len() != wanted {
        let what = format!("it has {} columns, the first row has {wanted}", cells.len());
        return Err(TraceError::at(line, &what));
    }
    let at = moment(cells[0])
        .ok_or_else(|| TraceError::at(line, &format!("`{}` is no time", cells[0])))?;
    let number = |cell: &str| {
        let number = cell.parse::<f64>().ok();
        number
            .filter(|number| (0.0..=MOST).contains(number))
            .ok_or_else(|| TraceError::at(line, &format!("`{cell}` is no number of 0 or more")))
    };
    Ok(Row {
        line,
        at,
        first: number(cells[1])?,
        second: cells.get(2).map_or(Ok(0.0), |cell| number(cell))?,
    })
}

/// A time with or without a zone (then UTC), or seconds.
fn moment(cell: &str) -> Option<Timestamp> {
    if let Ok(seconds) = cell.parse::<f64>() {
        let passed = SignedDuration::try_from_secs_f64(seconds).ok()?;
        return Timestamp::UNIX_EPOCH.checked_add(passed).ok();
    }
    let zoned = cell.parse::<Timestamp>().ok();
    zoned.or_else(|| {
        let civil = cell.parse::<DateTime>().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    })
}

impl TraceError {
    fn at(line: usize, what: &str) -> Self {
        Self {
            line,
            what: what.to_owned(),
        }
    }
}

impl fmt::Display for TraceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for TraceError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Trace, TraceError> {
        Trace::parse(text, &Machine::default())
    }

    #[test]
    fn tokens_become_seconds_of_a_permit() {
        let text = "# from somewhere\nTIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:15:46.6805900,4000,250\n2023-11-16 18:15:50.9951690,396,100\n";
        let trace = parse(text).unwrap();
        let first = Arrival {
            second: 0,
            hold: 12,
            count: 1,
        };
        assert_eq!(trace.arrivals[0], first);
        assert_eq!((trace.seconds, trace.arrivals[1].second), (5, 4));
        assert_eq!(trace.start.to_string(), "2023-11-16T18:15:46.68059Z");
    }

    #[test]
    fn counts_of_a_minute_are_spread_over_it() {
        let trace = parse("at,requests\n0,120\n60,30\n120,60\n").unwrap();
        assert_eq!((trace.seconds, trace.requests()), (180, 210));
        let in_first = trace.arrivals.iter().filter(|a| a.second < 60);
        assert_eq!(in_first.map(|a| a.count).sum::<u32>(), 120);
        assert!(trace.arrivals.iter().all(|arrival| arrival.count <= 2));
    }

    #[test]
    fn a_wrong_row_is_named() {
        for (text, message) in [
            (
                "a,b,c,d\n",
                "line 1: it has 4 columns; a trace has time and requests, or time, context tokens and generated tokens",
            ),
            ("0,1\n1,x\n", "line 2: `x` is no number of 0 or more"),
            ("0,1\nyesterday,1\n", "line 2: `yesterday` is no time"),
            (
                "0,1\n1,2,3\n",
                "line 2: it has 3 columns, the first row has 2",
            ),
            ("0,1\n", "line 1: a trace has at least two rows"),
            (
                "0,1\n9999999,1\n",
                "line 2: it is more than a month after the first row",
            ),
        ] {
            assert_eq!(parse(text).unwrap_err().to_string(), message);
        }
    }
}
