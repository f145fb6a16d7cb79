//! Cuts an event stream into lines, wherever the network cut it into chunks.

/// What came next in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part<'a> {
    /// A line without its end, and the byte that ended it.
    Line(&'a [u8], u8),
    /// The line feed of a carriage return that ended the last line.
    SecondEnd,
}

/// The state between two chunks: the line that has begun.
#[derive(Debug, Default)]
pub struct Lines {
    begun: Vec<u8>,
    after_carriage_return: bool,
}

impl Lines {
    /// Hands every line that is complete now to `sink`.
    pub fn feed(&mut self, mut bytes: &[u8], sink: &mut impl FnMut(Part<'_>)) {
        while let Some(end) = bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, mark) = (&bytes[..end], bytes[end]);
            if mark == b'\n' && end == 0 && self.after_carriage_return {
                sink(Part::SecondEnd);
            } else if self.begun.is_empty() {
                sink(Part::Line(line, mark));
            } else {
                self.begun.extend_from_slice(line);
                sink(Part::Line(&self.begun, mark));
                self.begun.clear();
            }
            self.after_carriage_return = mark == b'\r';
            bytes = &bytes[end + 1..];
        }
        if !bytes.is_empty() {
            self.begun.extend_from_slice(bytes);
            self.after_carriage_return = false;
        }
    }

    /// The line that has begun and not ended.
    pub fn begun(&self) -> &[u8] {
        &self.begun
    }
}

/// The value of a field of an event (`data: x`), if the line is one of that name.
pub fn field<'a>(line: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let value = line.strip_prefix(name.as_bytes())?.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn put_together(stream: &[u8], cuts: &[usize]) -> (Vec<Vec<u8>>, Vec<u8>) {
        let (mut lines, mut found, mut whole) = (Lines::default(), Vec::new(), Vec::new());
        let mut rest = stream;
        for cut in cuts.iter().chain([&stream.len()]) {
            let (chunk, left) = rest.split_at((*cut).min(rest.len()));
            rest = left;
            lines.feed(chunk, &mut |part| match part {
                Part::Line(line, end) => {
                    found.push(line.to_vec());
                    whole.extend_from_slice(line);
                    whole.push(end);
                }
                Part::SecondEnd => whole.push(b'\n'),
            });
        }
        whole.extend_from_slice(lines.begun());
        (found, whole)
    }

    #[test]
    fn a_field_is_known_by_its_whole_name() {
        assert_eq!(field(b"data: x", "data"), Some(b"x".as_slice()));
        assert_eq!(field(b"data:  x", "data"), Some(b" x".as_slice()));
        assert_eq!(field(b"data:x", "data"), Some(b"x".as_slice()));
        assert_eq!(field(b"datas: x", "data"), None);
        assert_eq!(field(b": data: x", "data"), None);
    }

    proptest! {
        #[test]
        fn any_fragmentation_gives_the_same_lines_and_loses_no_byte(
            stream in "(data: [a-zé]{0,5}|:|\r|\n|\r\n){0,20}",
            cuts in prop::collection::vec(0usize..6, 0..40),
        ) {
            let (at_once, _) = put_together(stream.as_bytes(), &[]);
            let (in_parts, whole) = put_together(stream.as_bytes(), &cuts);
            prop_assert_eq!(at_once, in_parts);
            prop_assert_eq!(whole, stream.into_bytes());
        }
    }
}
