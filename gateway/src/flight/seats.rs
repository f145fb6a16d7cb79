//! Who reads a flight, how far each one is, and whom to wake.

use std::task::{Context, Waker};

/// One client of a flight.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// The number of the segment it wants next.
    pub(super) next: usize,
    /// It read too slowly and gets no more.
    pub(super) is_outrun: bool,
    waker: Option<Waker>,
}

impl Reader {
    /// Asks to be woken when something happens.
    pub(super) fn wait(&mut self, context: &Context<'_>) {
        match &mut self.waker {
            Some(waker) => waker.clone_from(context.waker()),
            None => self.waker = Some(context.waker().clone()),
        }
    }
}

/// All clients of a flight, by place; places are used again.
#[derive(Debug, Default)]
pub(super) struct Seats {
    places: Vec<Option<Reader>>,
    free: Vec<usize>,
}

impl Seats {
    /// A place for a reader that begins at the beginning.
    pub(super) fn take(&mut self) -> usize {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        });
        self.places[place] = Some(Reader::default());
        place
    }

    pub(super) fn leave(&mut self, place: usize) {
        self.places[place] = None;
        self.free.push(place);
    }

    pub(super) fn reader(&mut self, place: usize) -> &mut Reader {
        self.places[place]
            .as_mut()
            .expect("a place is taken until its reader leaves")
    }

    /// Those that are still served.
    pub(super) fn served(&mut self) -> impl Iterator<Item = &mut Reader> {
        self.places
            .iter_mut()
            .flatten()
            .filter(|reader| !reader.is_outrun)
    }

    /// Moves the wakers of all who wait, to be woken outside the lock.
    pub(super) fn rouse(&mut self, wakers: &mut Vec<Waker>) {
        let waiting = self.places.iter_mut().flatten();
        wakers.extend(waiting.filter_map(|reader| reader.waker.take()));
    }
}
