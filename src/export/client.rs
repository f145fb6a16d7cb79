//! What to paste into a client, so that it talks to the line.

use askama::Template;

/// A kind of client that has something to paste.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// A command line.
    Curl,
    /// OpenAI's SDK for Python.
    Python,
    /// OpenAI's SDK for Node.
    Node,
    /// A widget for a web page, with SWR.
    React,
    /// A function for an app.
    Flutter,
    /// The fields that desktop programs want.
    Desktop,
}

impl Client {
    /// Every kind by its name.
    const NAMED: [(&'static str, Self); 6] = [
        ("curl", Self::Curl),
        ("python", Self::Python),
        ("node", Self::Node),
        ("react", Self::React),
        ("flutter", Self::Flutter),
        ("desktop", Self::Desktop),
    ];

    /// The names, in the order in which they are told.
    pub fn names() -> [&'static str; 6] {
        Self::NAMED.map(|(name, _)| name)
    }

    /// The kind of this name.
    pub fn named(name: &str) -> Option<Self> {
        let found = Self::NAMED.iter().find(|(known, _)| *known == name);
        found.map(|(_, client)| *client)
    }

    /// Its text, which ends without an empty line. Only `Curl` and `Desktop` show a key that they are given: what is pasted
    /// into a program is kept in repositories.
    pub fn paste(self, line: Reach<'_>) -> String {
        let text = match self {
            Self::Curl => Curl { line }.render(),
            Self::Python => Python { line }.render(),
            Self::Node => Node { line }.render(),
            Self::React => React { line }.render(),
            Self::Flutter => Flutter { line }.render(),
            Self::Desktop => Desktop { line }.render(),
        };
        let text = text.expect("the templates hold plain values");
        text.trim_end().to_owned()
    }
}

/// How a line is reached.
#[derive(Clone, Copy, Debug)]
pub struct Reach<'a> {
    /// Its host name, or a word in its place.
    pub host: &'a str,
    /// The model to ask.
    pub model: &'a str,
    /// Whether its certificate is of its own authority, which nobody else knows.
    pub is_own: bool,
    /// The key, if it may be seen.
    pub key: Option<&'a str>,
}

impl Reach<'_> {
    fn base_url(self) -> String {
        format!("https://{}/v1", self.host)
    }

    /// The key, or the shell's variable that holds it.
    fn shown_key(self) -> String {
        self.key.unwrap_or("$DSLINE_API_KEY").to_owned()
    }
}

#[derive(Template)]
#[template(path = "clients/curl.sh.j2", escape = "none")]
struct Curl<'a> {
    line: Reach<'a>,
}

#[derive(Template)]
#[template(path = "clients/python.py.j2", escape = "none")]
struct Python<'a> {
    line: Reach<'a>,
}

#[derive(Template)]
#[template(path = "clients/node.mjs.j2", escape = "none")]
struct Node<'a> {
    line: Reach<'a>,
}

#[derive(Template)]
#[template(path = "clients/react.tsx.j2", escape = "none")]
struct React<'a> {
    line: Reach<'a>,
}

#[derive(Template)]
#[template(path = "clients/flutter.dart.j2", escape = "none")]
struct Flutter<'a> {
    line: Reach<'a>,
}

#[derive(Template)]
#[template(path = "clients/desktop.txt.j2", escape = "none")]
struct Desktop<'a> {
    line: Reach<'a>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(is_own: bool, key: Option<&str>) -> Reach<'_> {
        Reach {
            host: "llm.example.com",
            model: "deepseek-chat",
            is_own,
            key,
        }
    }

    #[test]
    fn each_names_the_line_and_its_model() {
        for (name, client) in Client::NAMED {
            let text = client.paste(reach(true, None));
            assert!(
                text.contains("https://llm.example.com/v1"),
                "{name}: {text}"
            );
            assert!(text.contains("deepseek-chat"), "{name}: {text}");
            assert!(
                !text.contains("{{") && !text.contains("{%"),
                "{name}: {text}"
            );
            assert_eq!(Client::named(name), Some(client));
        }
        assert_eq!(Client::named("fax"), None);
    }

    #[test]
    fn a_key_goes_where_it_is_not_kept() {
        for (client, shows) in [
            (Client::Curl, true),
            (Client::Desktop, true),
            (Client::Python, false),
            (Client::Node, false),
            (Client::React, false),
            (Client::Flutter, false),
        ] {
            let text = client.paste(reach(false, Some("dsl-0123")));
            assert_eq!(text.contains("dsl-0123"), shows, "{client:?}: {text}");
        }
    }

    #[test]
    fn an_authority_of_its_own_is_told_of_only_where_there_is_one() {
        let words = ["dsline-ca.pem", "own authority"];
        for (name, client) in Client::NAMED {
            for is_own in [true, false] {
                let text = client.paste(reach(is_own, None));
                let tells = words.iter().any(|word| text.contains(word));
                assert_eq!(tells, is_own, "{name}: {text}");
            }
        }
    }
}
