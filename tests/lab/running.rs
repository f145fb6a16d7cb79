//! A `dsline` that is at work while the story goes on, and whose progress is read meanwhile.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use super::story::{Story, say, wait_until};

/// What is waited for by name comes within this time.
const LINE: Duration = Duration::from_mins(3);

/// A run that goes on.
pub(crate) struct Running {
    child: Child,
    told: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
}

impl Story {
    /// Begins to run `dsline` with these words.
    pub(crate) fn begin(&self, words: &str) -> Running {
        let words: Vec<&str> = words.split_whitespace().collect();
        let mut command = self.command(&words);
        command.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("dsline can be run");
        let stderr = BufReader::new(child.stderr.take().expect("stderr is piped"));
        let told: Arc<Mutex<String>> = Arc::default();
        let heard = Arc::clone(&told);
        let reader = std::thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                *heard.lock().unwrap() += &(line + "\n");
            }
        });
        Running {
            child,
            told,
            reader,
        }
    }
}

impl Running {
    /// Waits until it has said something.
    pub(crate) fn await_text(&self, text: &str) {
        wait_until(text, LINE, || self.told.lock().unwrap().contains(text));
    }

    /// Waits for its end; returns the exit code and all that it said.
    pub(crate) fn finish(mut self) -> (i32, String) {
        let status = self.child.wait().expect("it can be waited for");
        self.reader.join().expect("reading does not panic");
        let told = self.told.lock().unwrap().clone();
        say(&format!("{told}({status})"));
        (status.code().unwrap_or(-1), told)
    }
}
