//! The inside of a JSON text: escapes taken away, put back, and never cut through.

/// Whether a text between its quotes means something else than its bytes.
pub(super) fn has_escape(escaped: &[u8]) -> bool {
    escaped.contains(&b'\\')
}

/// Hands the meaning of a valid text to `sink`, part by part; a lone surrogate becomes three bytes of WTF-8.
pub fn unescape(mut escaped: &[u8], sink: &mut impl FnMut(&[u8])) {
    while let Some(start) = escaped.iter().position(|&byte| byte == b'\\') {
        if start > 0 {
            sink(&escaped[..start]);
        }
        let (letter, rest) = (escaped[start + 1], &escaped[start + 2..]);
        escaped = rest;
        match letter {
            b'b' => sink(b"\x08"),
            b'f' => sink(b"\x0c"),
            b'n' => sink(b"\n"),
            b'r' => sink(b"\r"),
            b't' => sink(b"\t"),
            b'u' => escaped = code_point(rest, sink),
            itself => sink(&[itself]),
        }
    }
    if !escaped.is_empty() {
        sink(escaped);
    }
}

/// Takes the digits behind `\u`, and those of a second half if they are a pair; returns what comes after.
fn code_point<'a>(rest: &'a [u8], sink: &mut impl FnMut(&[u8])) -> &'a [u8] {
    let unit = hex(rest);
    let after = &rest[4..];
    if let (0xd800..=0xdbff, Some(second)) = (unit, after.strip_prefix(b"\\u")) {
        let low = hex(second);
        if (0xdc00..=0xdfff).contains(&low) {
            let pair = 0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
            sink_char(pair, sink);
            return &second[4..];
        }
    }
    sink_char(unit, sink);
    after
}

fn sink_char(code: u32, sink: &mut impl FnMut(&[u8])) {
    match char::from_u32(code) {
        Some(letter) => sink(letter.encode_utf8(&mut [0; 4]).as_bytes()),
        None => sink(&[
            0xed,
            low_byte(0x80 | code >> 6 & 0x3f),
            low_byte(0x80 | code & 0x3f),
        ]),
    }
}

fn low_byte(value: u32) -> u8 {
    value.to_le_bytes()[0]
}

fn hex(digits: &[u8]) -> u32 {
    digits[..4].iter().fold(0, |value, &digit| {
        value << 4 | char::from(digit).to_digit(16).unwrap_or_default()
    })
}

/// Writes text as a JSON string, quotes included.
pub fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Cuts an escaped text into pieces of about `longest` bytes, never inside a character, an escape or a surrogate pair.
pub fn pieces(escaped: &str, longest: usize) -> impl Iterator<Item = &str> {
    let mut rest = escaped;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut end = 0;
        while end < rest.len() && end < longest {
            end += unit(&rest[end..]);
        }
        let (piece, left) = rest.split_at(end);
        rest = left;
        Some(piece)
    })
}

/// The length of what must stay together at the beginning of a text.
fn unit(text: &str) -> usize {
    let bytes = text.as_bytes();
    match (bytes[0], bytes.get(1)) {
        (b'\\', Some(b'u')) => {
            let is_high = (0xd800..=0xdbff).contains(&hex(&bytes[2..]));
            if is_high && bytes[6..].starts_with(b"\\u") {
                12
            } else {
                6
            }
        }
        (b'\\', _) => 2,
        _ => text.chars().next().map_or(1, char::len_utf8),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn meaning(escaped: &str) -> Vec<u8> {
        let mut text = Vec::new();
        unescape(escaped.as_bytes(), &mut |part| text.extend_from_slice(part));
        text
    }

    #[test]
    fn escapes_mean_what_they_stand_for() {
        assert_eq!(
            meaning(r#"a\"\\\/\b\f\n\r\t\u00e9"#),
            "a\"\\/\x08\x0c\n\r\té".as_bytes()
        );
        assert_eq!(meaning(r"\ud83d\ude00"), "😀".as_bytes());
        assert_eq!(meaning(r"\ud83dx"), b"\xed\xa0\xbdx");
        assert_eq!(
            meaning(r"\ud83d\ud83d\ude00"),
            [b"\xed\xa0\xbd".as_slice(), "😀".as_bytes()].concat()
        );
    }

    proptest! {
        #[test]
        fn pieces_put_together_are_the_whole(text in any::<String>(), longest in 1usize..20) {
            let quoted = quote(&text);
            let escaped = &quoted[1..quoted.len() - 1];
            let parts: Vec<&str> = pieces(escaped, longest).collect();
            prop_assert_eq!(parts.concat(), escaped);
            for part in parts {
                let whole = format!("\"{part}\"");
                prop_assert!(serde_json::from_str::<String>(&whole).is_ok());
            }
        }
    }
}
