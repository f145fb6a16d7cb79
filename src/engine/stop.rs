//! Ctrl-C, SIGTERM and SIGHUP: the first lets what is in flight finish, a second Ctrl-C or SIGTERM stops at once.

use std::fmt;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How urgently to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// Nobody asked.
    No,
    /// Begin nothing new, finish what runs.
    Finish,
    /// Give up what runs.
    Now,
}

/// Somebody asked to stop before anything was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped before anything was changed")
    }
}

impl std::error::Error for Interrupted {}

impl Stop {
    /// Starts to listen for signals; the value only ever grows more urgent.
    pub fn listen() -> watch::Receiver<Self> {
        let (sender, receiver) = watch::channel(Self::No);
        let mut interrupt = heard(SignalKind::interrupt());
        let mut terminate = heard(SignalKind::terminate());
        // A closed terminal: the kernel and the shell may both tell, so it never counts as the second word.
        let mut hangup = heard(SignalKind::hangup());
        tokio::spawn(async move {
            let mut urgency = Self::No;
            while urgency < Self::Now {
                urgency = tokio::select! {
                    () = next(&mut interrupt) => urgency.more(),
                    () = next(&mut terminate) => urgency.more(),
                    () = next(&mut hangup) => Self::Finish.max(urgency),
                };
                if sender.send(urgency).is_err() {
                    return;
                }
            }
        });
        receiver
    }

    fn more(self) -> Self {
        match self {
            Self::No => Self::Finish,
            Self::Finish | Self::Now => Self::Now,
        }
    }

    /// Waits until it is more urgent than this; for ever, if that never comes.
    pub async fn beyond(self, receiver: &mut watch::Receiver<Self>) {
        if receiver.wait_for(|stop| *stop > self).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

/// A signal, unless whoever started this program had it ignored (`nohup`, `&` in a script): that is theirs to say.
fn heard(kind: SignalKind) -> Option<Signal> {
    let is_ignored = std::fs::read_to_string("/proc/self/status")
        .is_ok_and(|status| ignores(&status, kind.as_raw_value()));
    if is_ignored { None } else { signal(kind).ok() }
}

/// Reads the mask of ignored signals in Linux's account of a process.
fn ignores(status: &str, number: i32) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask >> (number - 1) & 1 == 1)
}

async fn next(signal: &mut Option<Signal>) {
    let is_heard = match signal {
        Some(signal) => signal.recv().await.is_some(),
        None => false,
    };
    if !is_heard {
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nohup_ignores_stays_ignored() {
        let status = "Name:\tdsline\nSigIgn:\t0000000000001001\nSigCgt:\t0\n";
        assert!(ignores(status, 1) && ignores(status, 13));
        assert!(!ignores(status, 2) && !ignores("", 1));
    }

    #[test]
    fn the_second_word_is_final() {
        assert_eq!(Stop::No.more(), Stop::Finish);
        assert_eq!(Stop::Finish.more(), Stop::Now);
        assert_eq!(Stop::Finish.max(Stop::Now), Stop::Now);
    }
}
