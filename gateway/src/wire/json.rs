//! Reads JSON without changing it: one strict pass that says where every value stands.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use super::scan::{DEEPEST, Kind, Node, Scan, Stop};
use super::text::{has_escape, unescape};

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
            line: 1 + before.split(|&byte| byte == b'\n').skip(1).count(),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_serde_json_takes_is_taken_and_nothing_else() {
        let cases = [
            "",
            " ",
            "{",
            "}",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "{\"a\" 1}",
            "[1 2]",
            "01",
            "-",
            "1.",
            "1e",
            "+1",
            ".5",
            "nul",
            "\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "\"\t\"",
            "1 1",
            "'a'",
            "[",
            "[[]",
            "\u{feff}1",
            "// x\n1",
            "NaN",
            "0",
            "-0",
            "1.50E+3",
            " [ ] ",
            "{\"\":{}}",
            "\"\\u00e9\\n\"",
            "[1,[2,{\"a\":[]}],\"]\"]",
            "null",
            "true",
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
