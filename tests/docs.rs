//! Keeps the documentation true: commands in it parse, links in it lead somewhere, and the profile's page is the default profile's.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser as _;
use clap::error::ErrorKind;

use dsline::cli::Cli;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
/// Written anew by `DSLINE_WRITE_DOCS=1 cargo test --test docs`.
const PROFILE_PAGE: &str = "docs/profile.md";
const HEAD: &str = "# Profile reference\n\n\
    Every key of a profile, its default, and what it means: made from [profiles/default.toml](../profiles/default.toml), which is the \
    same to copy from. A profile of your own needs only what differs. A key that does not exist is refused, with the line and the \
    nearest one that does. Keys without a default stand with an example.\n";

/// The pages that people read, and what is in them.
fn pages() -> Vec<(PathBuf, String)> {
    let root = Path::new(ROOT);
    let docs = fs::read_dir(root.join("docs")).unwrap();
    let mut pages: Vec<PathBuf> = docs.map(|entry| entry.unwrap().path()).collect();
    pages.extend(
        ["README.md", "README.zh-CN.md", "examples/lab/README.md"].map(|name| root.join(name)),
    );
    pages.retain(|page| page.extension().is_some_and(|kind| kind == "md"));
    pages.sort();
    let read = |page: PathBuf| {
        let text =
            fs::read_to_string(&page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
        (page, text)
    };
    pages.into_iter().map(read).collect()
}

/// The words of each `dsline` call in a page, in blocks of code and within sentences.
fn calls(text: &str) -> Vec<Vec<String>> {
    let (blocks, sentences): (Vec<_>, Vec<_>) = text
        .split("```")
        .enumerate()
        .partition(|(number, _)| number % 2 == 1);
    let shown = blocks.iter().flat_map(|(_, block)| block.lines());
    let spans = sentences
        .iter()
        .flat_map(|(_, text)| text.split('`').skip(1).step_by(2));
    let all = shown.chain(spans).map(words_of);
    // `dsline` alone is the program's name.
    all.filter(|call| call.len() > 1 && call[0] == "dsline")
        .collect()
}

/// A call up to a comment, a pipe or a redirection. In a list of things to try, two spaces lie between a call and what it is for.
fn words_of(text: &str) -> Vec<String> {
    let call = text.split("  ").next().unwrap_or_default();
    let ends = |word: &&str| !matches!(*word, "|" | ">" | "&&") && !word.starts_with('#');
    let words = call.split_whitespace().take_while(ends);
    words.map(str::to_owned).collect()
}

#[test]
fn every_call_that_is_shown_parses() {
    let (mut count, mut faults) = (0, Vec::new());
    for (page, text) in pages() {
        for call in calls(&text) {
            count += 1;
            let Err(error) = Cli::try_parse_from(&call) else {
                continue;
            };
            let is_help = matches!(
                error.kind(),
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
            );
            // A sentence may name a command without what it needs.
            let is_name = error.kind() == ErrorKind::MissingRequiredArgument
                && call.iter().all(|word| !word.starts_with('-'));
            if !is_help && !is_name {
                let first = error.to_string();
                let first = first.lines().next().unwrap_or_default();
                faults.push(format!("{}: {}: {first}", page.display(), call.join(" ")));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
    assert!(count > 40, "{count} calls were found");
}

#[test]
fn both_readmes_show_the_same_commands() {
    let shown = |page: &str| {
        let text = fs::read_to_string(Path::new(ROOT).join(page)).unwrap();
        let blocks = text.split("```").skip(1).step_by(2);
        let lines: Vec<String> = blocks
            .flat_map(str::lines)
            // What stands behind a command is told in the page's own language.
            .map(|line| line.split(" # ").next().unwrap().trim_end().to_owned())
            .collect();
        (lines, calls(&text))
    };
    assert_eq!(shown("README.md"), shown("README.zh-CN.md"));
}

#[test]
fn every_link_leads_somewhere() {
    for (page, text) in pages() {
        for link in text.split("](").skip(1) {
            let target = link.split(')').next().unwrap();
            let file = target.split('#').next().unwrap();
            if file.is_empty() || file.contains("://") {
                continue;
            }
            let place = page.parent().unwrap().join(file);
            assert!(place.exists(), "{} links to {target}", page.display());
        }
    }
}

#[test]
fn the_page_about_the_profile_is_the_default_profiles() {
    let profile = fs::read_to_string(Path::new(ROOT).join("profiles/default.toml")).unwrap();
    let wanted = profile_page(&profile);
    let place = Path::new(ROOT).join(PROFILE_PAGE);
    if std::env::var_os("DSLINE_WRITE_DOCS").is_some() {
        fs::write(&place, &wanted).unwrap();
    }
    let page = fs::read_to_string(place).unwrap_or_default();
    assert!(
        page == wanted,
        "{PROFILE_PAGE} is stale: `DSLINE_WRITE_DOCS=1 cargo test --test docs` writes it anew"
    );
}

/// The default profile as a page: a heading for each section, an entry for each key.
fn profile_page(profile: &str) -> String {
    let mut page = HEAD.to_owned();
    let mut told: Vec<&str> = Vec::new();
    // What opens the file is told by the head.
    let body = profile.split_once("\n\n").unwrap().1;
    page.push_str("\n## The line\n");
    for line in body.lines() {
        let bare = line.strip_prefix("# ").unwrap_or(line);
        if line.is_empty() {
            flush(&mut page, &mut told);
        } else if let Some(section) = line.strip_prefix('[') {
            let name = section.trim_end_matches(']');
            let _ = write!(page, "\n## `[{name}]`\n");
        } else if let Some(section) = bare.strip_prefix('[') {
            flush(&mut page, &mut told);
            let name = section.trim_matches(['[', ']']);
            let is_list = section.starts_with('[');
            let shown = if is_list {
                format!("[[{name}]]")
            } else {
                format!("[{name}]")
            };
            let _ = write!(page, "\n### `{shown}`, an example\n");
        } else if let Some((key, value)) = key_of(bare) {
            entry(&mut page, &told, key, value, bare.len() == line.len());
            told.clear();
        } else {
            told.push(bare);
        }
    }
    // Markdown takes a placeholder for a tag.
    page.replace('<', "\\<")
}

/// Comments that belong to no key, of a section as a whole.
fn flush(page: &mut String, told: &mut Vec<&str>) {
    if !told.is_empty() {
        let _ = write!(page, "\n{}\n", told.join(" "));
        told.clear();
    }
}

fn entry(page: &mut String, told: &[&str], key: &str, value: &str, is_default: bool) {
    let kind = if is_default { "default" } else { "for example" };
    let told = told.join(" ");
    let meaning = if told.is_empty() {
        String::new()
    } else {
        format!(": {told}")
    };
    let _ = write!(page, "\n- **`{key}`** ({kind} `{value}`){meaning}\n");
}

/// A key and its value, if the text is such a line and no sentence.
fn key_of(text: &str) -> Option<(&str, &str)> {
    let (key, value) = text.split_once(" = ")?;
    let is_key = key
        .trim_matches('"')
        .chars()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-".contains(c));
    is_key.then_some((key, value))
}
