//! JSON to be changed: numbers and escapes keep their text, members keep their order.

use std::fmt;

use super::json::View;
use super::scan::Kind;

/// A value that owns its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// `null`, `true`, `false` or a number, as it was written.
    Plain(String),
    /// What stands between the quotes, escapes included.
    Text(String),
    /// `[…]`
    Array(Vec<Tree>),
    /// `{…}`, keys with their escapes.
    Object(Vec<(String, Tree)>),
}

impl Tree {
    /// A copy of what was read.
    pub fn of(view: View<'_>) -> Self {
        match view.kind() {
            Kind::Text => Self::Text(owned(view.escaped())),
            Kind::Array => Self::Array(view.items().map(Self::of).collect()),
            Kind::Object => {
                let member =
                    |(key, value): (View<'_>, View<'_>)| (owned(key.escaped()), Self::of(value));
                Self::Object(view.members().map(member).collect())
            }
            _ => Self::Plain(owned(view.raw())),
        }
    }

    /// `null`
    pub fn null() -> Self {
        Self::Plain("null".into())
    }

    /// A text that needs no escapes.
    pub fn plain_text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// Whether it is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Plain(word) if word == "null")
    }

    /// The text of a text, escapes included.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The members of an object.
    pub fn members(&self) -> &[(String, Tree)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The values of an array.
    pub fn items(&self) -> &[Tree] {
        match self {
            Self::Array(items) => items,
            _ => &[],
        }
    }

    /// The value under a key.
    pub fn member(&self, key: &str) -> Option<&Tree> {
        let found = self.members().iter().find(|(name, _)| name == key);
        found.map(|(_, value)| value)
    }

    /// The place of a key in an object; a new key comes last, as `null`.
    pub fn place(&mut self, key: &str) -> &mut Tree {
        if !matches!(self, Self::Object(_)) {
            *self = Self::Object(Vec::new());
        }
        let Self::Object(members) = self else {
            unreachable!("was made an object above")
        };
        let known = members.iter().position(|(name, _)| name == key);
        let at = known.unwrap_or_else(|| {
            members.push((key.into(), Self::null()));
            members.len() - 1
        });
        &mut members[at].1
    }

    /// Takes a member out of an object.
    pub fn take(&mut self, key: &str) -> Option<Tree> {
        let Self::Object(members) = self else {
            return None;
        };
        let at = members.iter().position(|(name, _)| name == key)?;
        Some(members.remove(at).1)
    }
}

fn owned(bytes: &[u8]) -> String {
    // An outline exists only for bytes that are UTF-8.
    String::from_utf8_lossy(bytes).into_owned()
}

impl fmt::Display for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(word) => f.write_str(word),
            Self::Text(text) => write!(f, "\"{text}\""),
            Self::Array(items) => {
                for (at, item) in items.iter().enumerate() {
                    write!(f, "{}{item}", if at == 0 { "[" } else { "," })?;
                }
                f.write_str(if items.is_empty() { "[]" } else { "]" })
            }
            Self::Object(members) => {
                for (at, (key, value)) in members.iter().enumerate() {
                    let before = if at == 0 { "{" } else { "," };
                    write!(f, "{before}\"{key}\":{value}")?;
                }
                f.write_str(if members.is_empty() { "{}" } else { "}" })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::json::Outline;
    use super::*;

    fn tree(text: &str) -> Tree {
        let outline = Outline::read(text.as_bytes()).unwrap();
        Tree::of(outline.root(text.as_bytes()))
    }

    #[test]
    fn what_is_not_changed_keeps_its_text() {
        let text = r#"{"z":1.50e+3,"a":"\u00e9\n","e":[],"o":{},"l":[1,true,null,{"x":-0}]}"#;
        assert_eq!(tree(text).to_string(), text);
    }

    #[test]
    fn members_are_placed_and_taken() {
        let mut object = tree(r#"{"a":1,"b":2}"#);
        *object.place("a") = Tree::plain_text("x");
        *object.place("c") = Tree::null();
        assert_eq!(object.take("b"), Some(Tree::Plain("2".into())));
        assert_eq!(object.to_string(), r#"{"a":"x","c":null}"#);
    }
}
