//! The bytes of one answer, append-only at the end and freed from the beginning once nobody will read that again.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};

use super::figures::Tally;

/// What a segment costs beside its bytes.
const OVERHEAD: usize = 64;

/// A chunk below this is copied, once for all readers: as it came, it would hold its connection's whole read buffer
/// (8 KiB and more for an event of 200 bytes).
const SMALL: usize = 16 * 1024;

/// Blocks for small chunks grow from the first size to the second.
const BLOCKS: (usize, usize) = (1024, 16 * 1024);

/// A piece of an answer.
#[derive(Debug, Clone)]
pub(super) struct Segment {
    pub(super) bytes: Bytes,
    /// Whether another event may begin behind it.
    pub(super) is_between_events: bool,
    /// Whether something other than keep-alives came up to here.
    pub(super) has_spoken: bool,
}

/// Segments by number; the first ones may be gone.
pub(super) struct Tape {
    segments: VecDeque<Segment>,
    first: usize,
    held: usize,
    tally: Arc<Tally>,
}

impl Tape {
    pub(super) fn new(tally: Arc<Tally>) -> Self {
        Self {
            segments: VecDeque::new(),
            first: 0,
            held: 0,
            tally,
        }
    }

    pub(super) fn push(&mut self, segment: Segment) {
        let cost = segment.bytes.len() + OVERHEAD;
        self.held += cost;
        self.tally.bytes.fetch_add(cost, Ordering::Relaxed);
        self.segments.push_back(segment);
    }

    /// The segment of this number, if it is there already.
    pub(super) fn at(&self, number: usize) -> Option<&Segment> {
        let index = number
            .checked_sub(self.first)
            .expect("segments are freed behind all readers only");
        self.segments.get(index)
    }

    /// The number the next segment will have.
    pub(super) fn end(&self) -> usize {
        self.first + self.segments.len()
    }

    /// What is held, bookkeeping included.
    pub(super) fn held(&self) -> usize {
        self.held
    }

    /// What a reader at this number has yet to read.
    pub(super) fn behind(&self, number: usize) -> usize {
        let read = number.saturating_sub(self.first);
        let unread = self.segments.iter().skip(read);
        unread.map(|segment| segment.bytes.len() + OVERHEAD).sum()
    }

    /// Frees all before this number.
    pub(super) fn free_before(&mut self, number: usize) {
        while self.first < number
            && let Some(segment) = self.segments.pop_front()
        {
            self.first += 1;
            self.let_go(segment.bytes.len() + OVERHEAD);
        }
    }

    fn let_go(&mut self, cost: usize) {
        self.held -= cost;
        self.tally.bytes.fetch_sub(cost, Ordering::Relaxed);
    }
}

impl Drop for Tape {
    fn drop(&mut self) {
        self.let_go(self.held);
    }
}

/// Packs small chunks one behind the other.
#[derive(Default)]
pub(super) struct Packer {
    block: BytesMut,
    size: usize,
}

impl Packer {
    /// The same bytes, holding little more memory than they need.
    pub(super) fn pack(&mut self, chunk: Bytes) -> Bytes {
        if chunk.len() >= SMALL {
            return chunk;
        }
        if self.block.capacity() < chunk.len() {
            self.size = (self.size * 2).clamp(BLOCKS.0, BLOCKS.1);
            self.block = BytesMut::with_capacity(self.size.max(chunk.len()));
        }
        self.block.extend_from_slice(&chunk);
        self.block.split().freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(bytes: Bytes) -> Segment {
        Segment {
            bytes,
            is_between_events: true,
            has_spoken: true,
        }
    }

    #[test]
    fn what_is_freed_and_dropped_is_counted_off() {
        let tally = Arc::new(Tally::default());
        let mut tape = Tape::new(Arc::clone(&tally));
        for length in [10, 20, 30] {
            tape.push(segment(vec![0; length].into()));
        }
        assert_eq!((tape.held(), tape.end()), (60 + 3 * OVERHEAD, 3));
        tape.free_before(2);
        assert_eq!((tape.held(), tape.behind(3)), (30 + OVERHEAD, 0));
        assert_eq!(tape.behind(2), 30 + OVERHEAD);
        assert_eq!(tape.at(2).unwrap().bytes.len(), 30);
        assert!(tape.at(3).is_none());
        assert_eq!(tally.bytes.load(Ordering::Relaxed), tape.held());
        drop(tape);
        assert_eq!(tally.bytes.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn packed_chunks_are_the_same_and_lie_side_by_side() {
        let mut packer = Packer::default();
        let first = packer.pack(Bytes::from_static(b"data: 1\n\n"));
        let second = packer.pack(Bytes::from_static(b"data: 2\n\n"));
        assert_eq!(
            (&first[..], &second[..]),
            (&b"data: 1\n\n"[..], &b"data: 2\n\n"[..])
        );
        assert_eq!(first.as_ptr().wrapping_add(first.len()), second.as_ptr());
        let large = Bytes::from(vec![7; SMALL]);
        assert_eq!(packer.pack(large.clone()).as_ptr(), large.as_ptr());
        let odd = Bytes::from(vec![7; SMALL - 1]);
        assert_eq!(packer.pack(odd.clone()), odd);
    }
}
