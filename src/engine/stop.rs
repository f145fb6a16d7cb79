//! Ctrl-C and SIGTERM: the first lets what is in flight finish, the second stops at once.

use tokio::signal::unix::{SignalKind, signal};
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

impl Stop {
    /// Starts to listen for signals; the value only ever grows more urgent.
    pub fn listen() -> watch::Receiver<Self> {
        let (sender, receiver) = watch::channel(Self::No);
        tokio::spawn(async move {
            let (Ok(mut interrupt), Ok(mut terminate)) = (
                signal(SignalKind::interrupt()),
                signal(SignalKind::terminate()),
            ) else {
                return;
            };
            for urgency in [Self::Finish, Self::Now] {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if sender.send(urgency).is_err() {
                    return;
                }
            }
        });
        receiver
    }
}
