//! The trails of all nodes as one, by time: a page of each at a time, so that a month needs no more memory than a minute.

use std::collections::VecDeque;
use std::time::Duration;

use anyhow::Result;
use futures::future::join_all;

use crate::line::TrailRecord;
use crate::output::Printer;
use crate::remote::{Blocked, TrailCursor, TrailPage, TrailQuery, read_trail};

use super::logs::Source;
use super::outcome::Outcome;

/// How often nodes are asked for what is new.
const PAUSE: Duration = Duration::from_secs(1);

/// Reads all nodes side by side.
pub(super) struct Merge<'a> {
    feeds: Vec<Feed<'a>>,
    query: TrailQuery,
}

/// What came from one node and was not printed yet.
struct Feed<'a> {
    source: Source<'a>,
    cursor: TrailCursor,
    lines: VecDeque<String>,
    has_more: bool,
    /// What keeps us from it; said once.
    trouble: Option<String>,
}

impl<'a> Merge<'a> {
    /// Nothing is asked yet.
    pub(super) fn new(sources: Vec<Source<'a>>, query: TrailQuery) -> Self {
        let feeds = sources.into_iter().map(|source| Feed {
            source,
            cursor: TrailCursor::default(),
            lines: VecDeque::new(),
            has_more: true,
            trouble: None,
        });
        Self {
            feeds: feeds.collect(),
            query,
        }
    }

    /// Prints what there is, and with `follow` what comes, until Ctrl-C.
    pub(super) async fn run(mut self, follow: bool, printer: &Printer) -> Result<Outcome> {
        loop {
            while self.fill(printer).await {
                self.print(printer);
            }
            self.print(printer);
            printer.finish()?;
            if !follow {
                break;
            }
            tokio::time::sleep(PAUSE).await;
            for feed in &mut self.feeds {
                feed.has_more = true;
            }
        }
        let is_whole = self.feeds.iter().all(|feed| feed.trouble.is_none());
        Ok(if is_whole {
            Outcome::Done
        } else {
            Outcome::Partial
        })
    }

    /// Asks those that ran out; whether any of them has more than it gave.
    async fn fill(&mut self, printer: &Printer) -> bool {
        let query = &self.query;
        let hungry = self
            .feeds
            .iter_mut()
            .filter(|feed| feed.has_more && feed.lines.is_empty());
        join_all(hungry.map(|feed| feed.fill(query, printer))).await;
        self.feeds.iter().any(|feed| feed.has_more)
    }

    /// Prints the oldest first, as long as a node that has run out cannot have an older one.
    fn print(&mut self, printer: &Printer) {
        loop {
            if self
                .feeds
                .iter()
                .any(|feed| feed.has_more && feed.lines.is_empty())
            {
                return;
            }
            let next = self
                .feeds
                .iter_mut()
                .filter(|feed| !feed.lines.is_empty())
                .min_by(|one, other| time_of(&one.lines[0]).cmp(time_of(&other.lines[0])));
            let Some(line) = next.and_then(|feed| feed.lines.pop_front()) else {
                return;
            };
            print_line(&line, printer);
        }
    }
}

impl Feed<'_> {
    async fn fill(&mut self, query: &TrailQuery, printer: &Printer) {
        match self.ask(query).await {
            Ok(page) => {
                self.cursor = page.cursor;
                self.lines.extend(page.lines);
                self.has_more = page.has_more;
                if self.trouble.take().is_some() {
                    printer.note(format!("{} answers again", self.source.slot));
                }
            }
            Err(blocked) => {
                self.has_more = false;
                let why = blocked.to_string();
                if self.trouble.as_ref() != Some(&why) {
                    printer.fault(format!(
                        "{}: its trail cannot be read: {why}",
                        self.source.slot
                    ));
                }
                self.trouble = Some(why);
            }
        }
    }

    async fn ask(&self, query: &TrailQuery) -> Result<TrailPage, Blocked> {
        let session = self.source.session().await?;
        read_trail(&session, query, &self.cursor).await
    }
}

/// Up to the seconds times are written alike everywhere; after them by the gateway and by rsyslog with other precision.
fn time_of(line: &str) -> &str {
    let time = line.split(' ').nth(1).unwrap_or_default();
    time.get(..23).unwrap_or(time)
}

fn print_line(line: &str, printer: &Printer) {
    if !printer.json {
        printer.line(line);
        return;
    }
    // One object a line: a trail that is followed has no end that could close a list.
    let record = TrailRecord::parse(line).and_then(|record| serde_json::to_string(&record).ok());
    if let Some(text) = record {
        printer.raw(format!("{text}\n").as_bytes());
    }
}
