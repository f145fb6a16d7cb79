//! A run of `dsline` that is still going on: its progress is read as it comes, and signals are sent to it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::ran::Ran;

/// A run that goes on.
pub(crate) struct Running {
    child: Child,
    words: String,
    begun: Instant,
    home: PathBuf,
    lines: Receiver<String>,
    stderr: String,
    stdout: Option<JoinHandle<Vec<u8>>>,
}

impl Running {
    pub(super) fn new(mut command: Command, words: &str, home: PathBuf) -> Self {
        let begun = Instant::now();
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program can be run");
        let stdout = child.stdout.take().expect("stdout is piped");
        let stderr = child.stderr.take().expect("stderr is piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            words: words.to_owned(),
            begun,
            home,
            lines,
            stderr: String::new(),
            stdout: Some(std::thread::spawn(move || whole(stdout))),
        }
    }

    /// Waits until a line with a text is on stderr; says whether it came before the end.
    pub(crate) fn says(&mut self, text: &str, limit: Duration) -> bool {
        self.says_one_of(&[text], limit).is_some()
    }

    /// Waits until a line with one of the texts is on stderr, and says which; none came before the end.
    pub(crate) fn says_one_of(&mut self, texts: &[&str], limit: Duration) -> Option<usize> {
        let deadline = Instant::now() + limit;
        loop {
            match self.next_line(deadline) {
                Ok(line) => {
                    if let Some(which) = texts.iter().position(|text| line.contains(text)) {
                        return Some(which);
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => {
                    panic!(
                        "waited in vain for {texts:?} of dsline {}:\n{}",
                        self.words, self.stderr
                    )
                }
            }
        }
    }

    fn next_line(&mut self, deadline: Instant) -> Result<String, RecvTimeoutError> {
        let left = deadline.saturating_duration_since(Instant::now());
        let line = self.lines.recv_timeout(left)?;
        self.stderr += &line;
        self.stderr.push('\n');
        Ok(line)
    }

    /// Sends a signal by its name without `SIG`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status();
        assert!(sent.is_ok_and(|status| status.success()), "kill {pid}");
    }

    /// Ends it as a machine does that loses its power.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }

    /// Types something.
    pub(crate) fn types(&mut self, bytes: &[u8]) {
        let stdin = self.child.stdin.as_mut().expect("stdin is piped");
        stdin.write_all(bytes).expect("somebody reads it");
        stdin.flush().expect("somebody reads it");
    }

    /// Waits for its end.
    pub(crate) fn ends(mut self, limit: Duration) -> Ran {
        let deadline = Instant::now() + limit;
        loop {
            match self.next_line(deadline) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    panic!("dsline {} does not end:\n{}", self.words, self.stderr);
                }
            }
        }
        let status = self.child.wait().expect("it is our child");
        let stdout = self.stdout.take().expect("it has not been read yet");
        let output = Output {
            status,
            stdout: stdout.join().expect("reading does not panic"),
            stderr: std::mem::take(&mut self.stderr).into_bytes(),
        };
        Ran::new(&self.words, &output, self.begun.elapsed(), &self.home)
    }
}

impl Drop for Running {
    /// What a failed test leaves behind must not go on changing a line that is removed.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn whole(mut stream: ChildStdout) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    bytes
}
