//! The one strict pass over JSON, after RFC 8259.

/// Deeper values are refused: recursion over them must fit a worker's stack.
pub(super) const DEEPEST: usize = 256;

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

/// One value, written down.
#[derive(Debug, Clone, Copy)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) start: u32,
    pub(super) end: u32,
    /// The node after this one and all that is inside it.
    pub(super) next: u32,
}

/// Why a pass ended before its end.
pub(super) enum Stop {
    /// There is no room for another node.
    Full,
    /// No JSON from here on.
    At(usize, &'static str),
}

/// The pass itself.
pub(super) struct Scan<'a> {
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    /// Values below this depth are checked and not written down.
    keeps: usize,
}

impl<'a> Scan<'a> {
    /// Reads a whole document and writes down what stands no deeper than `keeps`.
    pub(super) fn run(bytes: &'a [u8], keeps: usize) -> Result<Vec<Node>, Stop> {
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
