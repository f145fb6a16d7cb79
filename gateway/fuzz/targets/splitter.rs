//! The event stream's splitter: however the network cuts a stream, the same lines come out and no byte is lost.
#![no_main]

use dsline_gateway::wire::{Lines, Part, Speech, Watch};
use libfuzzer_sys::fuzz_target;

/// What is known after a whole stream.
#[derive(Debug, PartialEq, Eq, Default)]
struct Known {
    lines: Vec<Vec<u8>>,
    put_together: Vec<u8>,
    facts: [bool; 5],
}

fn known<'a>(stream: impl Iterator<Item = &'a [u8]>) -> Known {
    let (mut splitter, mut known) = (Lines::default(), Known::default());
    let (mut strict, mut lenient) = (Watch::new(true), Watch::new(false));
    let (mut of_events, mut of_body) = (Speech::new(true), Speech::new(false));
    let mut has_spoken = [false; 2];
    for chunk in stream {
        splitter.feed(chunk, &mut |part| match part {
            Part::Line(line, end) => {
                assert!(!line.iter().any(|byte| matches!(byte, b'\n' | b'\r')));
                known.lines.push(line.to_vec());
                known.put_together.extend_from_slice(line);
                known.put_together.push(end);
            }
            Part::SecondEnd => known.put_together.push(b'\n'),
        });
        strict.feed(chunk);
        lenient.feed(chunk);
        has_spoken = [of_events.feed(chunk), of_body.feed(chunk)];
    }
    known.put_together.extend_from_slice(splitter.begun());
    let [events_spoke, body_spoke] = has_spoken;
    known.facts = [
        strict.is_whole(false),
        lenient.is_whole(true),
        strict.is_inside_an_event(),
        events_spoke,
        body_spoke,
    ];
    known
}

// The first byte is where every chunk ends.
fuzz_target!(|data: &[u8]| {
    let Some((size, stream)) = data.split_first() else {
        return;
    };
    let at_once = known(std::iter::once(stream));
    assert_eq!(at_once.put_together, stream, "bytes were lost or made up");
    let in_parts = known(stream.chunks(usize::from(size % 16) + 1));
    assert_eq!(in_parts, at_once);
});
