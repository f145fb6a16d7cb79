//! Watches an event stream go by, chunk after chunk, and knows whether it came to its proper end.

/// What ends a stream of chat or text completions.
const DONE: &[u8] = b"[DONE]";

/// The longest line that can be the end marker; longer ones are not kept.
const LONGEST_MARKER: usize = 16;

/// The state between two chunks: enough of the current line to recognise the marker, and nothing else.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "four facts, each true or not whatever the others are"
)]
pub struct Watch {
    needs_done: bool,
    line: Vec<u8>,
    inside_an_event: bool,
    after_carriage_return: bool,
    done: bool,
}

impl Watch {
    /// A stream that has not begun, and whether `[DONE]` must end it.
    pub fn new(needs_done: bool) -> Self {
        let line = Vec::with_capacity(LONGEST_MARKER + 1);
        Self {
            needs_done,
            line,
            inside_an_event: false,
            after_carriage_return: false,
            done: false,
        }
    }

    /// Takes notice of the next bytes of the stream, cut wherever the network cut them.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            self.keep(&bytes[..end]);
            let closes_crlf = bytes[end] == b'\n' && end == 0 && self.after_carriage_return;
            if !closes_crlf {
                self.end_line();
            }
            self.after_carriage_return = bytes[end] == b'\r';
            bytes = &bytes[end + 1..];
        }
        if !bytes.is_empty() {
            self.keep(bytes);
            self.after_carriage_return = false;
        }
    }

    /// Whether the stream may end here, given whether its connection ended cleanly.
    pub fn is_whole(&self, cleanly: bool) -> bool {
        self.is_done() || cleanly && !self.needs_done
    }

    /// Whether the bytes so far end within an event, so that something must end it before another can begin.
    pub fn is_inside_an_event(&self) -> bool {
        self.inside_an_event || !self.line.is_empty()
    }

    fn is_done(&self) -> bool {
        self.done || is_marker(&self.line)
    }

    fn keep(&mut self, bytes: &[u8]) {
        // One byte more than a marker may have shows that the line is none.
        let room = (LONGEST_MARKER + 1).saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end_line(&mut self) {
        self.done |= is_marker(&self.line);
        // A comment neither begins an event nor ends one.
        if !self.line.starts_with(b":") {
            self.inside_an_event = !self.line.is_empty();
        }
        self.line.clear();
    }
}

fn is_marker(line: &[u8]) -> bool {
    line.strip_prefix(b"data:")
        .is_some_and(|value| value.trim_ascii() == DONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn watched(stream: &[u8], chunk: usize) -> Watch {
        let mut watch = Watch::new(true);
        stream.chunks(chunk).for_each(|bytes| watch.feed(bytes));
        watch
    }

    #[test]
    fn the_end_is_seen_however_it_is_cut() {
        let whole = [
            "data: {\"a\":1}\n\ndata: [DONE]\n\n",
            "data: {\"a\":1}\r\n\r\ndata:[DONE]\r\n\r\n",
            "data: x\r\rdata: [DONE]\r\r",
            ": keep-alive\n\ndata: [DONE]",
        ];
        for stream in whole {
            for chunk in 1..=stream.len() {
                assert!(
                    watched(stream.as_bytes(), chunk).is_done(),
                    "{stream:?} in chunks of {chunk}"
                );
            }
        }
    }

    #[test]
    fn a_marker_elsewhere_is_no_end() {
        for stream in [
            "data: {\"text\":\"data: [DONE]\"}\n\n",
            "data: [DONE] and on\n\n",
            ": [DONE]\n\n",
            "data: \n[DONE]\n",
            "",
        ] {
            for chunk in 1..=stream.len().max(1) {
                assert!(
                    !watched(stream.as_bytes(), chunk).is_done(),
                    "{stream:?} in chunks of {chunk}"
                );
            }
        }
    }

    #[test]
    fn the_gap_between_events_is_known() {
        for (stream, inside) in [
            ("", false),
            ("data: x\n\n", false),
            ("data: x\r\n\r\n", false),
            ("data: x\r\r", false),
            ("data: x\n", true),
            ("data: x\r\n", true),
            ("data: {\"a", true),
            (": keep-alive\n", false),
            (": keep-al", true),
            ("data: x\n: keep-alive\n", true),
        ] {
            for chunk in 1..=stream.len().max(1) {
                assert_eq!(
                    watched(stream.as_bytes(), chunk).is_inside_an_event(),
                    inside,
                    "{stream:?} in chunks of {chunk}"
                );
            }
        }
    }

    #[test]
    fn a_stream_is_whole_with_its_marker_or_by_a_clean_end_where_that_is_enough() {
        for (needs_done, stream, cleanly, whole) in [
            (true, "data: x\n\ndata: [DONE]\n\n", false, true),
            (true, "data: x\n\n", true, false),
            (false, "data: x\n\n", true, true),
            (false, "data: x\n\n", false, false),
        ] {
            let mut watch = Watch::new(needs_done);
            watch.feed(stream.as_bytes());
            assert_eq!(
                watch.is_whole(cleanly),
                whole,
                "{needs_done} {stream:?} {cleanly}"
            );
        }
    }

    #[test]
    fn a_long_line_is_not_kept() {
        let watch = watched(&vec![b'x'; 1_000_000], 4096);
        assert!(watch.line.capacity() <= 64);
    }
}
