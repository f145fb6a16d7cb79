//! The upstream of these tests: counts its calls, says what it is told when it is told, and notices who leaves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{mpsc, watch};

use crate::stage::{Wire, json, upstream};

/// The head of a stream.
pub(crate) const HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

/// The last bytes of a stream.
pub(crate) const END: &str = "0\r\n\r\n";

/// One chunk on the wire.
pub(crate) fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// One token as an event.
pub(crate) fn token(word: &str) -> String {
    format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{word}\"}},\"finish_reason\":null}}]}}\n\n"
    )
}

/// The events that end a stream.
pub(crate) fn goodbye() -> String {
    "data: {\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\
     \"usage\":{\"prompt_tokens\":5,\"completion_tokens\":7}}\n\ndata: [DONE]\n\n"
        .to_owned()
}

/// A complete answer in one piece.
pub(crate) fn completion(word: &str) -> String {
    format!(
        "{{\"id\":\"c\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{{\"index\":0,\"message\":{{\"role\":\"assistant\",\"content\":\"{word}\"}},\"finish_reason\":\"stop\"}}],\"usage\":{{\"prompt_tokens\":5,\"completion_tokens\":7}}}}"
    )
}

/// A stream that grows when the test says so.
pub(crate) struct Slow {
    pub(crate) address: String,
    calls: Arc<AtomicUsize>,
    said: watch::Sender<Vec<String>>,
    gone: mpsc::UnboundedReceiver<()>,
}

impl Slow {
    /// Nothing is said yet, not even a head.
    pub(crate) async fn start() -> Self {
        let (said, words) = watch::channel(Vec::new());
        let (leave, gone) = mpsc::unbounded_channel();
        let calls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&calls);
        let address = upstream(move |wire| {
            let (words, leave, count) = (words.clone(), leave.clone(), Arc::clone(&count));
            async move { speak(wire, words, &count, &leave).await }
        })
        .await;
        Self {
            address,
            calls,
            said,
            gone,
        }
    }

    /// Says more to everybody who asked, and who will ask.
    pub(crate) fn say(&self, bytes: String) {
        self.said.send_modify(|said| said.push(bytes));
    }

    /// Calls so far.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }

    /// Waits until a call was cancelled.
    pub(crate) async fn cancelled(&mut self) {
        crate::stage::soon(self.gone.recv()).await.unwrap();
    }

    /// Whether any call was.
    pub(crate) fn is_cancelled(&mut self) -> bool {
        self.gone.try_recv().is_ok()
    }
}

async fn speak(
    mut wire: Wire,
    mut words: watch::Receiver<Vec<String>>,
    calls: &AtomicUsize,
    leave: &mpsc::UnboundedSender<()>,
) {
    // A connection of the gateway's pool may never be asked.
    let Some(_) = wire.message().await else {
        return;
    };
    calls.fetch_add(1, Ordering::SeqCst);
    let mut next = 0;
    loop {
        let fresh = words.borrow_and_update()[next..].to_vec();
        next += fresh.len();
        for bytes in &fresh {
            wire.send(bytes).await;
        }
        if fresh.last().is_some_and(|last| last == END) {
            return;
        }
        tokio::select! {
            changed = words.changed() => if changed.is_err() { return },
            () = wire.until_closed_for_ever() => {
                let _ = leave.send(());
                return;
            }
        }
    }
}

/// An upstream that answers at once, counting its calls.
pub(crate) async fn quick(answer: String) -> (String, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let address = upstream(move |mut wire| {
        let (count, answer) = (Arc::clone(&count), answer.clone());
        async move {
            while wire.message().await.is_some() {
                count.fetch_add(1, Ordering::SeqCst);
                wire.send(json("200 OK", &answer)).await;
            }
        }
    })
    .await;
    (address, calls)
}
