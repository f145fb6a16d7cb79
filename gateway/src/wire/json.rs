//! Reads JSON without changing it: one strict pass that says where every value stands.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::text::{has_escape, unescape};

/// Deeper values are refused: recursion over them must fit a worker's stack.
const DEEPEST: usize = 256;

/// The most values that are written down (2 MiB); the inside of a richer document stays unread.
const MOST_NODES: usize = 1 << 17;

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`
    True,
    /// `false`
    False,
    /// Any number; its text is never converted.
    Number,
    /// A string, a key included.
    Text,
    /// `[…]`
    Array,
    /// `{…}`
    Object,
}

/// Why bytes are no JSON, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    line: usize,
    column: usize,
    what: &'static str,
}

impl Malformed {
    pub(super) fn new(bytes: &[u8], at: usize, what: &'static str) -> Self {
        let before = &bytes[..at.min(bytes.len())];
        let line_start = before.iter().rposition(|&byte| byte == b'\n');
        Self {
            line: 1 + before.iter().filter(|&&byte| byte == b'\n').count(),
            column: before.len() - line_start.map_or(0, |start| start + 1) + 1,
            what,
        }
    }
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, column, what } = self;
        write!(f, "{what} at line {line}, column {column}")
    }
}

impl std::error::Error for Malformed {}

#[derive(Debug, Clone, Copy)]
struct Node {
    kind: Kind,
    start: u32,
    end: u32,
    /// The node after this one and all that is inside it.
    next: u32,
}

/// Where everything stands in a document; the bytes stay with the caller.
#[derive(Debug)]
pub struct Outline {
    nodes: Vec<Node>,
    is_complete: bool,
}

impl Outline {
    /// Reads a whole document, strictly as RFC 8259 has it.
    pub fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        if u32::try_from(bytes.len()).is_err() {
            return Err(Malformed::new(&[], 0, "more than 4 GiB"));
        }
        if let Err(error) = std::str::from_utf8(bytes) {
            let what = "bytes that are not UTF-8";
            return Err(Malformed::new(bytes, error.valid_up_to(), what));
        }
        let (nodes, is_complete) = match Scan::run(bytes, DEEPEST) {
            Err(Stop::Full) => (Scan::run(bytes, 1), false),
            done => (done, true),
        };
        match nodes {
            Ok(nodes) => Ok(Self { nodes, is_complete }),
            Err(Stop::Full) => Err(Malformed::new(bytes, 0, "too many fields")),
            Err(Stop::At(at, what)) => Err(Malformed::new(bytes, at, what)),
        }
    }

    /// Whether the inside of every value is known; if not, only the outermost members are.
    pub fn is_complete(&self) -> bool {
        self.is_complete
    }

    /// The outermost value, seen in the bytes that were read.
    pub fn root<'a>(&'a self, bytes: &'a [u8]) -> View<'a> {
        View {
            nodes: &self.nodes,
            bytes,
            at: 0,
        }
    }
}

/// One value of a document.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    nodes: &'a [Node],
    bytes: &'a [u8],
    at: usize,
}

impl<'a> View<'a> {
    /// What it is.
    pub fn kind(self) -> Kind {
        self.node().kind
    }

    /// Where it stands, quotes or brackets included.
    pub fn range(self) -> Range<usize> {
        self.node().start as usize..self.node().end as usize
    }

    /// Its bytes as they came.
    pub fn raw(self) -> &'a [u8] {
        &self.bytes[self.range()]
    }

    /// What stands between the quotes of a text, escapes as they came; nothing for other kinds.
    pub fn escaped(self) -> &'a [u8] {
        match self.kind() {
            Kind::Text => {
                let Range { start, end } = self.range();
                &self.bytes[start + 1..end - 1]
            }
            _ => &[],
        }
    }

    /// The meaning of a text. A lone surrogate, which is no Unicode, becomes its three bytes of WTF-8.
    pub fn text(self) -> Cow<'a, [u8]> {
        let escaped = self.escaped();
        if !has_escape(escaped) {
            return Cow::Borrowed(escaped);
        }
        let mut text = Vec::with_capacity(escaped.len());
        unescape(escaped, &mut |part| text.extend_from_slice(part));
        Cow::Owned(text)
    }

    /// The values of an array.
    pub fn items(self) -> impl Iterator<Item = View<'a>> {
        let end = self.node().next as usize;
        let is_array = self.kind() == Kind::Array;
        let first = (is_array && self.at + 1 < end).then(|| self.node_at(self.at + 1));
        std::iter::successors(first, move |item| {
            let next = item.node().next as usize;
            (next < end).then(|| item.node_at(next))
        })
    }

    /// The members of an object, in their order and with their repetitions.
    pub fn members(self) -> impl Iterator<Item = (View<'a>, View<'a>)> {
        let end = self.node().next as usize;
        let is_object = self.kind() == Kind::Object;
        let first = (is_object && self.at + 1 < end).then(|| self.member_at(self.at + 1));
        std::iter::successors(first, move |(_, value)| {
            let next = value.node().next as usize;
            (next < end).then(|| value.member_at(next))
        })
    }

    /// The value under a key; of a repeated key the last, as nearly every reader has it.
    pub fn member(self, key: &str) -> Option<View<'a>> {
        self.members()
            .filter(|(name, _)| *name.text() == *key.as_bytes())
            .last()
            .map(|(_, value)| value)
    }

    fn node(self) -> &'a Node {
        &self.nodes[self.at]
    }

    fn node_at(self, at: usize) -> Self {
        Self { at, ..self }
    }

    fn member_at(self, at: usize) -> (Self, Self) {
        (self.node_at(at), self.node_at(at + 1))
    }
}

enum Stop {
    Full,
    At(usize, &'static str),
}

struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    /// Values below this depth are checked and not written down.
    keeps: usize,
}

impl<'a> Scan<'a> {
    fn run(bytes: &'a [u8], keeps: usize) -> Result<Vec<Node>, Stop> {
        let nodes = Vec::with_capacity(64);
        let mut scan = Self {
            bytes,
            at: 0,
            nodes,
            keeps,
        };
        scan.skip_space();
        scan.value(0)?;
        scan.skip_space();
        if scan.at < bytes.len() {
            return scan.stop("something after the end of the value");
        }
        Ok(scan.nodes)
    }

    fn value(&mut self, depth: usize) -> Result<(), Stop> {
        let start = self.at;
        let place = self.open(depth)?;
        let kind = match self.peek() {
            Some(b'"') => self.text()?,
            Some(b'{') => self.inside(depth, b'}', true)?,
            Some(b'[') => self.inside(depth, b']', false)?,
            Some(b't') => self.word(b"true", Kind::True)?,
            Some(b'f') => self.word(b"false", Kind::False)?,
            Some(b'n') => self.word(b"null", Kind::Null)?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(_) => return self.stop("no JSON value"),
            None => return self.stop("an end where a value was expected"),
        };
        self.close(place, kind, start);
        Ok(())
    }

    /// Everything between two brackets.
    fn inside(&mut self, depth: usize, last: u8, is_object: bool) -> Result<Kind, Stop> {
        if depth >= DEEPEST {
            return self.stop("values nested more than 256 deep");
        }
        self.at += 1;
        self.skip_space();
        let mut is_first = true;
        while self.peek() != Some(last) {
            if !is_first {
                self.expect(b',', "no comma and no closing bracket")?;
                self.skip_space();
            }
            is_first = false;
            if is_object {
                self.key(depth + 1)?;
            }
            self.value(depth + 1)?;
            self.skip_space();
        }
        self.at += 1;
        Ok(if is_object { Kind::Object } else { Kind::Array })
    }

    fn key(&mut self, depth: usize) -> Result<(), Stop> {
        let start = self.at;
        if self.peek() != Some(b'"') {
            return self.stop("no key in double quotes");
        }
        let place = self.open(depth)?;
        let kind = self.text()?;
        self.close(place, kind, start);
        self.skip_space();
        self.expect(b':', "no colon after a key")?;
        self.skip_space();
        Ok(())
    }

    fn text(&mut self) -> Result<Kind, Stop> {
        self.at += 1;
        loop {
            let rest = &self.bytes[self.at..];
            let stop = |&byte: &u8| byte == b'"' || byte == b'\\' || byte < b' ';
            let Some(length) = rest.iter().position(stop) else {
                self.at = self.bytes.len();
                return self.stop("a text without its closing quote");
            };
            self.at += length;
            match rest[length] {
                b'"' => break,
                b'\\' => self.escape()?,
                _ => return self.stop("a control character inside a text"),
            }
        }
        self.at += 1;
        Ok(Kind::Text)
    }

    fn escape(&mut self) -> Result<(), Stop> {
        let digits = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 0,
            Some(b'u') => 4,
            _ => return self.stop("an unknown escape in a text"),
        };
        let from = self.at + 2;
        let is_hex = |digits: &[u8]| digits.iter().all(u8::is_ascii_hexdigit);
        if !self.bytes.get(from..from + digits).is_some_and(is_hex) {
            return self.stop("an escape without four hexadecimal digits");
        }
        self.at = from + digits;
        Ok(())
    }

    fn number(&mut self) -> Result<Kind, Stop> {
        self.at += usize::from(self.peek() == Some(b'-'));
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(Kind::Number)
    }

    fn digits(&mut self) -> Result<(), Stop> {
        let rest = &self.bytes[self.at..];
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 {
            return self.stop("a number without digits");
        }
        Ok(())
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<Kind, Stop> {
        if !self.bytes[self.at..].starts_with(word) {
            return self.stop("no JSON value");
        }
        self.at += word.len();
        Ok(kind)
    }

    fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<(), Stop> {
        if self.peek() != Some(byte) {
            return self.stop(otherwise);
        }
        self.at += 1;
        Ok(())
    }

    fn skip_space(&mut self) {
        let rest = &self.bytes[self.at..];
        let is_space = |byte: &&u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        self.at += rest.iter().take_while(is_space).count();
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn stop<T>(&self, what: &'static str) -> Result<T, Stop> {
        Err(Stop::At(self.at, what))
    }

    /// Takes the next node, so that it stands before what is inside it.
    fn open(&mut self, depth: usize) -> Result<Option<usize>, Stop> {
        if depth > self.keeps {
            return Ok(None);
        }
        if self.nodes.len() == MOST_NODES {
            return Err(Stop::Full);
        }
        let (kind, start, end, next) = (Kind::Null, 0, 0, 0);
        self.nodes.push(Node {
            kind,
            start,
            end,
            next,
        });
        Ok(Some(self.nodes.len() - 1))
    }

    fn close(&mut self, place: Option<usize>, kind: Kind, start: usize) {
        let short =
            |offset: usize| u32::try_from(offset).expect("documents over 4 GiB were refused");
        if let Some(place) = place {
            self.nodes[place] = Node {
                kind,
                start: short(start),
                end: short(self.at),
                next: short(self.nodes.len()),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_json_takes_is_taken_and_nothing_else() {
        let cases = [
            "", " ", "{", "}", "[1,]", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "[1 2]", "01", "-", "1.", "1e", "+1", ".5",
            "nul", "\"", "\"\\x\"", "\"\\u12g4\"", "\"\t\"", "1 1", "'a'", "[", "[[]", "\u{feff}1", "// x\n1", "NaN",
            "0", "-0", "1.50E+3", " [ ] ", "{\"\":{}}", "\"\\u00e9\\n\"", "[1,[2,{\"a\":[]}],\"]\"]", "null", "true",
        ];
        for case in cases {
            let theirs = serde_json::from_str::<serde_json::Value>(case).is_ok();
            assert_eq!(Outline::read(case.as_bytes()).is_ok(), theirs, "{case:?}");
        }
    }

    #[test]
    fn a_fault_is_named_with_its_place() {
        let message = |text: &[u8]| Outline::read(text).unwrap_err().to_string();
        assert_eq!(
            message(b"{\"a\": 1,\n  b: 2}"),
            "no key in double quotes at line 2, column 3"
        );
        assert_eq!(
            message(b"{\"a\":\"\xff\"}"),
            "bytes that are not UTF-8 at line 1, column 7"
        );
        let deep = "[".repeat(100_000);
        assert!(message(deep.as_bytes()).starts_with("values nested more than 256 deep"));
    }

    #[test]
    fn members_are_found_where_they_stand() {
        let bytes = br#"{"a":{"m":1},"\u006d":[2,{"x":3}],"m":"4\n"}"#;
        let outline = Outline::read(bytes).unwrap();
        let root = outline.root(bytes);
        assert_eq!(root.members().count(), 3);
        assert_eq!(root.member("m").unwrap().text(), b"4\n".as_slice());
        let (_, list) = root.members().nth(1).unwrap();
        let raw: Vec<&[u8]> = list.items().map(View::raw).collect();
        assert_eq!(raw, [b"2".as_slice(), br#"{"x":3}"#]);
    }

    #[test]
    fn a_document_too_rich_to_write_down_keeps_its_outermost_members() {
        let bytes = format!("{{\"input\":[{}0],\"model\":\"m\"}}", "0,".repeat(200_000));
        let outline = Outline::read(bytes.as_bytes()).unwrap();
        assert!(!outline.is_complete());
        let model = outline.root(bytes.as_bytes()).member("model").unwrap();
        assert_eq!(model.raw(), b"\"m\"");
    }
}
