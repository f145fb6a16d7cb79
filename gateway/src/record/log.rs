//! JSON lines on standard output, written by a thread of their own: a stalled reader costs lines, never requests.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::{Map, json};

use super::facts::{Facts, Value};

/// Lines that may wait for a slow reader.
const WAITING_ROOM: usize = 8192;

/// The sending end of the log; clones write to the same place.
#[derive(Clone)]
pub struct Log {
    lines: SyncSender<Message>,
    dropped: Arc<AtomicU64>,
}

enum Message {
    Line(String),
    /// Everything before this is written when the answer comes.
    Flush(SyncSender<()>),
}

impl Log {
    /// A log that writes to `out`.
    pub fn start(out: impl Write + Send + 'static) -> Self {
        let (lines, waiting) = sync_channel(WAITING_ROOM);
        thread::spawn(move || write(&waiting, out));
        Self {
            lines,
            dropped: Arc::default(),
        }
    }

    /// Writes one value as one line.
    pub fn line(&self, value: &serde_json::Value) {
        if self
            .lines
            .try_send(Message::Line(format!("{value}\n")))
            .is_err()
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes what happened to the gateway itself.
    pub fn event(&self, event: &str, detail: &str) {
        self.line(&json!({"time": now(), "event": event, "detail": detail}));
    }

    /// Writes one request down, where there is no audit trail.
    pub(super) fn request(&self, facts: &Facts) {
        let mut line = Map::new();
        line.insert("time".into(), now().into());
        line.insert("event".into(), "request".into());
        facts.each(|name, value| {
            let value = match value {
                Value::Text(text) => text.into(),
                Value::Number(number) => number.into(),
            };
            line.insert(name.into(), value);
        });
        self.line(&line.into());
    }

    /// How many lines were lost because nobody read.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until all lines so far are written, one second at most.
    pub fn flush(&self) {
        let (written, done) = sync_channel(1);
        if self.lines.try_send(Message::Flush(written)).is_ok() {
            // A reader that is stalled at the very end loses the rest: stopping must not hang on it.
            let _ = done.recv_timeout(Duration::from_secs(1));
        }
    }
}

fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

fn write(waiting: &Receiver<Message>, mut out: impl Write) {
    for message in waiting {
        // A closed standard output must not end the gateway; there is no other place to say it.
        match message {
            Message::Line(line) => drop(out.write_all(line.as_bytes())),
            Message::Flush(written) => {
                let _ = out.flush();
                let _ = written.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn lines_are_written_in_order() {
        let page = Page::default();
        let log = Log::start(page.clone());
        log.line(&serde_json::json!({"a": "x\ny"}));
        log.line(&serde_json::json!({"b": 2}));
        log.flush();
        assert_eq!(*page.0.lock().unwrap(), b"{\"a\":\"x\\ny\"}\n{\"b\":2}\n");
    }

    #[test]
    fn a_stalled_reader_costs_lines_and_nothing_else() {
        let page = Page::default();
        let stalled = page.0.lock().unwrap();
        let log = Log::start(page.clone());
        for _ in 0..WAITING_ROOM + 100 {
            log.line(&serde_json::json!({}));
        }
        assert!(log.dropped() >= 98, "{} dropped", log.dropped());
        drop(stalled);
    }
}
