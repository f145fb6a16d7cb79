//! The books of one key or subject: all its limits are looked at together, and only a request within all of them pays.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::rate::Rate;
use super::refusal::Whose;
use super::shelves::Idle;
use super::window::{Reserved, Window};

/// The limits that hold for one request; 0 is none.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ceilings {
    pub(super) requests: u32,
    pub(super) tokens: u32,
    pub(super) streams: u32,
}

/// Shared by the shelf and by the requests under way.
#[derive(Debug, Clone, Default)]
pub(super) struct Account(Arc<Mutex<Book>>);

#[derive(Debug, Default)]
struct Book {
    paid_up: u64,
    streams: u32,
    // Most accounts have no limit of tokens and need no window.
    tokens: Option<Box<Window>>,
}

/// What a request took, to be given back or settled.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) tokens: Option<Reserved>,
    pub(super) stream: bool,
}

impl Account {
    /// Takes all that a request needs, or nothing; `Err` is whose limit, its height, and the wait in nanoseconds
    /// (`None` for streams, whose end nobody knows).
    pub(super) fn take(
        &self,
        now: u64,
        ceilings: Ceilings,
        demand: (u32, bool),
    ) -> Result<Taken, (Whose, u32, Option<u64>)> {
        let (tokens, stream) = demand;
        let mut book = self.book();
        if stream && ceilings.streams > 0 && book.streams >= ceilings.streams {
            return Err((Whose::Streams, ceilings.streams, None));
        }
        if ceilings.tokens > 0 {
            let window = book.tokens.get_or_insert_with(|| Box::new(Window::new()));
            window
                .check(now, tokens, ceilings.tokens)
                .map_err(|wait| (Whose::Tokens, ceilings.tokens, Some(wait)))?;
        }
        if let Some(rate) = Rate::per_minute(ceilings.requests) {
            book.paid_up = rate
                .take(book.paid_up, now)
                .map_err(|wait| (Whose::Key, ceilings.requests, Some(wait)))?;
        }
        book.streams += u32::from(stream);
        let reserved = (ceilings.tokens > 0).then(|| {
            let window = book.tokens.get_or_insert_with(|| Box::new(Window::new()));
            window.reserve(now, tokens, ceilings.tokens)
        });
        Ok(Taken {
            tokens: reserved,
            stream,
        })
    }

    /// Replaces reserved tokens by used ones.
    pub(super) fn settle(&self, now: u64, reserved: Reserved, used: u32) {
        if let Some(window) = &mut self.book().tokens {
            window.settle(now, reserved, used);
        }
    }

    /// A stream ended.
    pub(super) fn end_stream(&self) {
        let mut book = self.book();
        book.streams = book.streams.saturating_sub(1);
    }

    /// Streams that are open now.
    pub(super) fn streams(&self) -> u32 {
        self.book().streams
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Idle for Account {
    fn idle_at(&self) -> u64 {
        let book = self.book();
        if book.streams > 0 {
            return u64::MAX;
        }
        let tokens = book.tokens.as_ref().map_or(0, |window| window.idle_at());
        book.paid_up.max(tokens)
    }
}
