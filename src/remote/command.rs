//! Remote command lines as data; the one place where anything is quoted for a node's shell.

use std::fmt::Write as _;
use std::time::Duration;

/// How long a script of ours may take, unless it says otherwise: it only looks, or writes a file.
const USUAL: Duration = Duration::from_mins(1);

/// A command line for a node, with a script that is sent in front of its input.
///
/// A script travels on standard input and not in the line: sudo logs whole lines, and a look at a node each minute
/// would fill its log with the same eighty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    line: String,
    script: &'static str,
    limit: Option<Duration>,
}

impl Command {
    /// What a user asks for: one word is a line for the node's shell, several are a program with its arguments.
    pub fn of_user(words: &[String]) -> Self {
        let line = match words {
            [line] => line.clone(),
            words => words
                .iter()
                .map(|word| quoted(word))
                .collect::<Vec<_>>()
                .join(" "),
        };
        Self {
            line,
            script: "",
            limit: None,
        }
    }

    /// A program of the node's user with its arguments.
    pub(super) fn program(words: &[&str]) -> Self {
        Self {
            line: words
                .iter()
                .map(|word| quoted(word))
                .collect::<Vec<_>>()
                .join(" "),
            script: "",
            limit: Some(USUAL),
        }
    }

    /// A script of ours, run by root; its arguments are `$1` and so on, its input what comes after it.
    pub(super) fn script(script: &'static str, arguments: &[&str]) -> Self {
        let frame = format!("eval \"$(head -c {})\"", script.len());
        let mut line = format!("sudo -n sh -c {} dsline", quoted(&frame));
        for argument in arguments {
            write!(line, " {}", quoted(argument)).expect("writing to a string does not fail");
        }
        Self {
            line,
            script,
            limit: Some(USUAL),
        }
    }

    /// The same with another limit: on a node where something hangs, a command never ends by itself.
    pub(super) fn within(self, limit: Duration) -> Self {
        Self {
            limit: Some(limit),
            ..self
        }
    }

    /// How long it may take; a user's own may take as long as it likes.
    pub(super) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// The line that the node's login shell gets.
    pub fn line(&self) -> &str {
        &self.line
    }

    /// Everything for standard input: the script, then what the script reads.
    pub(super) fn with_input(&self, input: Option<Vec<u8>>) -> Vec<u8> {
        let mut all = self.script.as_bytes().to_vec();
        all.extend(input.unwrap_or_default());
        all
    }
}

/// A word that the shell reads as this text and nothing else.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@%+,".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(words: &[&str]) -> String {
        let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        Command::of_user(&words).line
    }

    #[test]
    fn one_word_of_the_user_is_a_line_and_several_are_a_program() {
        assert_eq!(
            user(&["uptime; df -h | tail -n 1"]),
            "uptime; df -h | tail -n 1"
        );
        assert_eq!(
            user(&["ls", "-l", "a b", "$HOME", "it's", ""]),
            r"ls -l 'a b' '$HOME' 'it'\''s' ''"
        );
    }

    #[test]
    fn a_script_goes_before_its_input_and_its_arguments_are_quoted() {
        let command = Command::script("echo \"$1\"\n", &["a=b c=d", "/plain/path"]);
        assert_eq!(
            command.line(),
            r#"sudo -n sh -c 'eval "$(head -c 10)"' dsline 'a=b c=d' /plain/path"#
        );
        assert_eq!(
            command.with_input(Some(b"rest".to_vec())),
            b"echo \"$1\"\nrest"
        );
        assert_eq!(command.with_input(None), b"echo \"$1\"\n");
    }

    #[test]
    fn a_shell_reads_back_what_was_quoted() {
        for text in [
            "a b",
            "it's",
            "$(reboot)",
            "`reboot`",
            "a\nb",
            "\\",
            "*",
            "-n",
            "ü",
            "~",
            "!x",
            "a#b",
            "",
        ] {
            let shell = std::process::Command::new("sh")
                .args(["-c", &format!("printf '%s|' {}", quoted(text))])
                .output();
            assert_eq!(
                String::from_utf8(shell.unwrap().stdout).unwrap(),
                format!("{text}|")
            );
        }
    }
}
