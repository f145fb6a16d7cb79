//! Changes one key of a profile's text and leaves everything else, comments too, as its owner wrote it.

/// The text with `[section] key = value`; the key's own line is replaced, or one is added.
///
/// Values of the keys that are changed this way stand on one line; `None` when the text has it in a way that is not so.
pub fn with_key(text: &str, section: &str, key: &str, value: &str) -> Option<String> {
    let entry = format!("{key} = {value}");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let header = lines.iter().position(|line| name_of(line) == Some(section));
    match header {
        None => {
            if lines.last().is_some_and(|line| !line.trim().is_empty()) {
                lines.push(String::new());
            }
            lines.extend([format!("[{section}]"), entry]);
        }
        Some(header) => {
            let rest = &lines[header + 1..];
            let length = rest
                .iter()
                .position(|line| line.trim_start().starts_with('['));
            let end = header + 1 + length.unwrap_or(rest.len());
            let is_key = |line: &String| {
                let (name, _) = line.split_once('=').unwrap_or_default();
                name.trim() == key
            };
            match lines[header + 1..end].iter().position(is_key) {
                Some(place) => {
                    let (_, old) = lines[header + 1 + place].split_once('=')?;
                    let is_open = old.contains('[') && !old.contains(']');
                    if is_open {
                        return None;
                    }
                    lines[header + 1 + place] = entry;
                }
                None => lines.insert(header + 1, entry),
            }
        }
    }
    Some(lines.join("\n") + "\n")
}

/// The name of the table that a line begins.
fn name_of(line: &str) -> Option<&str> {
    let line = line.split('#').next().unwrap_or_default().trim();
    let name = line.strip_prefix('[')?.strip_suffix(']')?;
    Some(name.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_changes() {
        let text = "name = \"x\"\n\n[auth] # who\n# mine\nallow = []\nkey_epochs = [1] # old\n[redis]\npassword_epoch = 1\n";
        assert_eq!(
            with_key(text, "auth", "key_epochs", "[1, 2]").unwrap(),
            text.replace("key_epochs = [1] # old", "key_epochs = [1, 2]")
        );
        assert_eq!(
            with_key(text, "auth", "token_epoch", "2").unwrap(),
            text.replace("# who\n", "# who\ntoken_epoch = 2\n")
        );
        assert_eq!(
            with_key("name = \"x\"\n", "redis", "password_epoch", "2").unwrap(),
            "name = \"x\"\n\n[redis]\npassword_epoch = 2\n"
        );
        assert_eq!(
            with_key(
                "[auth]\nkey_epochs = [\n1,\n]\n",
                "auth",
                "key_epochs",
                "[2]"
            ),
            None
        );
    }
}
