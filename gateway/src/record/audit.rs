//! The audit trail: one RFC 5424 record for each request, queued without waiting and written by a thread of its own.

use std::fmt::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use super::facts::{Facts, Value};
use super::log::Log;
use super::run::{head, next_run};
use super::spool::Spool;

/// Records that may wait for the disk: two seconds of more than a node can answer.
const WAITING_ROOM: usize = 16_384;

/// Records that are written together.
const BATCH: usize = 1024;

/// How long the first record waits for company. Without it the writer would be woken for each record, and on a node's one
/// core the kernel lets it go first: before the answer that the record is of.
const GATHER: Duration = Duration::from_millis(10);

/// How long a worker waits for room in the queue, when a disk that works is merely slower than the requests.
const LATEST: Duration = Duration::from_millis(100);

/// How often files that were read are taken away, and how long a record waits at most without company.
const TIDY: Duration = Duration::from_secs(10);

/// The name of a record's fields (RFC 5424 §7.2.2; 32473 is the number for examples).
const ID: &str = "dsline@32473";

/// Where the records go.
#[derive(Debug, Clone)]
pub struct AuditRules {
    /// The folder of the spool, which the node's syslog reads.
    pub folder: PathBuf,
    /// The node's name, as the record's host.
    pub node: String,
    /// A file of this size is followed by the next.
    pub file_bytes: u64,
    /// More than this is never kept, read or not.
    pub all_bytes: u64,
    /// Whether questions are written down.
    pub prompts: bool,
}

/// The sending end of the trail.
pub struct Audit {
    records: SyncSender<Message>,
    /// Numbers that were given out: a gap in the trail is a record that was lost.
    numbers: AtomicU64,
    counts: Arc<Counts>,
    prompts: bool,
}

/// What the writer says about itself.
#[derive(Default)]
pub(super) struct Counts {
    /// Records that were lost.
    pub(super) dropped: AtomicU64,
    /// Bytes in the spool.
    pub(super) bytes: AtomicI64,
    /// The disk has not taken anything for a while: nobody waits for it any more.
    is_stalled: AtomicBool,
}

enum Message {
    Record(u64, SystemTime, Box<Facts>),
    /// What the trail says of itself: where a process begins and ends.
    Mark(SystemTime, String),
    /// Everything before this is written when the answer comes.
    Flush(SyncSender<()>),
}

impl Audit {
    /// A trail by these rules. A folder that cannot be written costs records, never requests.
    pub fn start(rules: AuditRules, log: Log) -> Self {
        let (records, waiting) = sync_channel(WAITING_ROOM);
        let counts = Arc::<Counts>::default();
        let prompts = rules.prompts;
        let begin = format!(
            "TRAIL_BEGIN [{ID} seq=\"0\" run=\"{}\"]",
            next_run(&rules.folder)
        );
        let writer = Writer {
            head: head(&rules.node),
            spool: Spool::new(rules, Arc::clone(&counts)),
            counts: Arc::clone(&counts),
            told: 0,
            log,
            is_failing: false,
        };
        // Nothing else is in the queue yet.
        let _ = records.try_send(Message::Mark(SystemTime::now(), begin));
        thread::spawn(move || writer.run(&waiting));
        Self {
            records,
            numbers: AtomicU64::new(0),
            counts,
            prompts,
        }
    }

    /// Whether questions are written down.
    pub fn takes_prompts(&self) -> bool {
        self.prompts
    }

    /// Records that were lost: no room in the queue or the spool, or no disk.
    pub fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    /// Bytes in the spool.
    pub fn spool_bytes(&self) -> i64 {
        self.counts.bytes.load(Ordering::Relaxed)
    }

    /// Writes a request down.
    pub(super) fn record(&self, facts: Facts) {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        let message = Message::Record(number, SystemTime::now(), Box::new(facts));
        let Err(TrySendError::Full(message)) = self.records.try_send(message) else {
            return;
        };
        if !self.send_late(message) {
            self.counts.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Waits a moment for room. A disk that hangs costs each worker one such wait, and not one for each record.
    fn send_late(&self, mut message: Message) -> bool {
        let begun = Instant::now();
        while !self.counts.is_stalled.load(Ordering::Relaxed) {
            #[expect(
                clippy::disallowed_methods,
                reason = "more requests are taken than can be written down: the worker itself has to be held up"
            )]
            thread::sleep(Duration::from_millis(1));
            match self.records.try_send(message) {
                Err(TrySendError::Full(back)) => message = back,
                sent => return sent.is_ok(),
            }
            if begun.elapsed() > LATEST {
                self.counts.is_stalled.store(true, Ordering::Relaxed);
            }
        }
        false
    }

    /// Ends the trail of this process, so that a reader can tell its last record from one whose followers were lost.
    pub fn close(&self) {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed) + 1;
        self.flush();
        let end = format!(
            "TRAIL_END [{ID} seq=\"{number}\" dropped=\"{}\"]",
            self.dropped()
        );
        let _ = self.records.try_send(Message::Mark(SystemTime::now(), end));
        self.flush();
    }

    /// Waits until all records so far are written, two seconds at most.
    pub fn flush(&self) {
        let (written, done) = sync_channel(1);
        let patience = Duration::from_secs(2);
        // The queue may be full just now; what it waits for then is the same.
        let mut message = Message::Flush(written);
        for _ in 0..100 {
            match self.records.try_send(message) {
                Ok(()) => {
                    let _ = done.recv_timeout(patience);
                    return;
                }
                Err(error) => {
                    message = match error {
                        TrySendError::Full(message) => message,
                        TrySendError::Disconnected(_) => return,
                    };
                    let _ = done.recv_timeout(patience / 100);
                }
            }
        }
    }
}

struct Writer {
    head: String,
    spool: Spool,
    counts: Arc<Counts>,
    /// Losses that the trail itself knows of.
    told: u64,
    log: Log,
    is_failing: bool,
}

impl Writer {
    fn run(mut self, waiting: &Receiver<Message>) {
        let mut lines = String::with_capacity(BATCH * 512);
        let mut count = 0;
        loop {
            let first = match waiting.recv_timeout(TIDY) {
                Ok(message) => Some(message),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            // A batch that was full had company enough, and more of it waits.
            if matches!(first, Some(Message::Record(..))) && count < BATCH {
                #[expect(
                    clippy::disallowed_methods,
                    reason = "a thread of its own, where no task waits"
                )]
                thread::sleep(GATHER);
            }
            let mut asked = Vec::new();
            count = 0;
            for message in first.into_iter().chain(waiting.try_iter()).take(BATCH) {
                match message {
                    Message::Record(number, time, facts) => {
                        count += 1;
                        self.render(&mut lines, (number, time), &facts);
                    }
                    Message::Mark(time, mark) => self.mark(&mut lines, time, &mark),
                    Message::Flush(written) => asked.push(written),
                }
            }
            self.write(&lines, count as u64);
            lines.clear();
            for written in asked {
                let _ = written.send(());
            }
        }
    }

    fn write(&mut self, lines: &str, count: u64) {
        let failure = self.spool.write(lines.as_bytes(), TIDY).err();
        self.counts.is_stalled.store(false, Ordering::Relaxed);
        if failure.is_some() {
            self.counts.dropped.fetch_add(count, Ordering::Relaxed);
        }
        // After what could be written again: a gap that is owned up to is no removed record.
        let dropped = self.dropped();
        if failure.is_none() && dropped > self.told {
            let mut lines = String::new();
            let mark = format!("TRAIL_DROPPED [{ID} dropped=\"{dropped}\"]");
            self.mark(&mut lines, SystemTime::now(), &mark);
            if self.spool.write(lines.as_bytes(), TIDY).is_ok() {
                self.told = dropped;
            }
        }
        // Said when it begins and when it is over, not for each record.
        if failure.is_some() != self.is_failing {
            self.is_failing = failure.is_some();
            match failure {
                Some(error) => self.log.event("audit_failing", &error.to_string()),
                None => self
                    .log
                    .event("audit_recovered", &format!("{} lost", self.dropped())),
            }
        }
    }

    fn dropped(&self) -> u64 {
        self.counts.dropped.load(Ordering::Relaxed)
    }

    fn mark(&self, lines: &mut String, time: SystemTime, mark: &str) {
        let time = humantime::format_rfc3339_millis(time);
        let _ = writeln!(lines, "<134>1 {time} {} {mark}", self.head);
    }

    fn render(&self, lines: &mut String, (number, time): (u64, SystemTime), facts: &Facts) {
        let time = humantime::format_rfc3339_millis(time);
        let _ = write!(
            lines,
            "<134>1 {time} {} API_REQUEST [{ID} seq=\"{number}\"",
            self.head
        );
        facts.each(|name, value| {
            let _ = write!(lines, " {name}=\"");
            match value {
                Value::Text(text) => escape(lines, text),
                Value::Number(number) => drop(write!(lines, "{number}")),
            }
            lines.push('"');
        });
        lines.push_str("]\n");
    }
}

/// RFC 5424 §6.3.3 for the three characters; control characters would end the line, or draw on a terminal.
fn escape(lines: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '"' | '\\' | ']' => lines.extend(['\\', letter]),
            '\n' => lines.push_str("\\\\n"),
            letter if letter.is_control() => lines.push('?'),
            letter => lines.push(letter),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Ending, Usage};

    fn rules(folder: &std::path::Path) -> AuditRules {
        AuditRules {
            folder: folder.into(),
            node: "eu-west-1/1".into(),
            file_bytes: 4_096,
            all_bytes: 1 << 20,
            prompts: false,
        }
    }

    /// All lines of the spool, marks too.
    fn all_lines(folder: &std::path::Path) -> Vec<String> {
        let mut files: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.to_string_lossy().ends_with(".spool"))
            .collect();
        files.sort();
        files
            .iter()
            .flat_map(|file| {
                let text = std::fs::read_to_string(file).unwrap();
                text.lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect()
    }

    fn lines(folder: &std::path::Path) -> Vec<String> {
        let mut lines = all_lines(folder);
        lines.retain(|line| line.contains(" API_REQUEST "));
        lines
    }

    #[test]
    fn a_trail_says_where_each_process_begins_and_ends() {
        let folder = tempfile::tempdir().unwrap();
        for _ in 0..2 {
            let audit = Audit::start(rules(folder.path()), Log::start(std::io::sink()));
            audit.record(Facts::default());
            audit.close();
        }
        let told: Vec<String> = all_lines(folder.path())
            .iter()
            .map(|line| {
                let words: Vec<&str> = line.split(' ').skip(5).take(4).collect();
                words.join(" ")
            })
            .filter(|words| words.starts_with("TRAIL"))
            .collect();
        assert_eq!(
            told,
            [
                "TRAIL_BEGIN [dsline@32473 seq=\"0\" run=\"1\"]",
                "TRAIL_END [dsline@32473 seq=\"2\" dropped=\"0\"]",
                "TRAIL_BEGIN [dsline@32473 seq=\"0\" run=\"2\"]",
                "TRAIL_END [dsline@32473 seq=\"2\" dropped=\"0\"]",
            ]
        );
    }

    #[test]
    fn a_record_is_one_line_whatever_a_client_sends() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::start(rules(folder.path()), Log::start(std::io::sink()));
        audit.record(Facts {
            request_id: "r-1".into(),
            method: "POST".into(),
            path: "/v1/\"]\n<134>1 forged\u{1b}[2J\\".into(),
            status: Some(200),
            ending: Some(Ending::Complete),
            usage: Some(Usage {
                prompt: 1,
                completion: 2,
                cached: 0,
            }),
            ..Facts::default()
        });
        audit.flush();
        let lines = lines(folder.path());
        assert_eq!(lines.len(), 1, "{lines:?}");
        assert!(
            lines[0].starts_with("<134>1 20") && lines[0].contains(" eu-west-1/1 dsline-gateway "),
            "{lines:?}"
        );
        let fields = " API_REQUEST [dsline@32473 seq=\"1\" request_id=\"r-1\" method=\"POST\" path=\"/v1/\\\"\\]\\\\n<134>1 forged?[2J\\\\\" end=\"complete\" status=\"200\" prompt_tokens=\"1\" completion_tokens=\"2\" cached_tokens=\"0\" ms=\"0\" bytes_in=\"0\" bytes_out=\"0\"]";
        assert!(lines[0].ends_with(fields), "{lines:?}");
    }

    #[test]
    fn records_stay_whole_and_in_number_over_many_files() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::start(rules(folder.path()), Log::start(std::io::sink()));
        for number in 0..2_000 {
            audit.record(Facts {
                request_id: number.to_string(),
                ..Facts::default()
            });
        }
        audit.flush();
        let lines = lines(folder.path());
        assert_eq!((lines.len(), audit.dropped()), (2_000, 0));
        for (number, line) in lines.iter().enumerate() {
            assert!(
                line.contains(&format!(" request_id=\"{number}\" ")),
                "{line}"
            );
        }
    }

    #[test]
    fn a_folder_that_cannot_be_written_costs_records_and_no_time() {
        let folder = tempfile::tempdir().unwrap();
        let audit = Audit::start(
            rules(&folder.path().join("missing")),
            Log::start(std::io::sink()),
        );
        let began = Instant::now();
        for _ in 0..50_000 {
            audit.record(Facts::default());
        }
        // A millisecond for each would be a minute.
        assert!(
            began.elapsed() < Duration::from_secs(25),
            "{:?}",
            began.elapsed()
        );
        // One flush waits two seconds at most.
        for _ in 0..30 {
            if audit.dropped() == 50_000 {
                break;
            }
            audit.flush();
        }
        assert_eq!(audit.dropped(), 50_000);
    }
}
