//! Keeps the arrows of the house: a room imports only rooms on lower floors, and pure rooms stay pure.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// (room, rooms it may import, whether it is pure). `ARCHITECTURE.md` draws the same.
const ROOMS: &[(&str, &[&str], bool)] = &[
    ("line", &[], true),
    ("dns", &["line"], true),
    ("render", &["line"], true),
    ("plan", &["dns", "render", "line"], true),
    ("cloud", &["dns", "line"], false),
    ("remote", &["render", "line"], false),
    ("client", &["line"], false),
    ("operator", &["render", "line"], false),
    (
        "engine",
        &["plan", "cloud", "remote", "dns", "render", "line"],
        false,
    ),
    ("output", &["engine", "plan", "line"], false),
    (
        "commands",
        &[
            "output", "engine", "plan", "operator", "cloud", "remote", "client", "render", "dns",
            "line",
        ],
        false,
    ),
];

/// What a pure room must not contain.
const EFFECTS: &[&str] = &[
    "async fn",
    "std::env",
    "std::fs",
    "std::net::Tcp",
    "std::process",
    "tokio::",
    "SystemTime::now",
    "Timestamp::now",
    "Instant::now",
];

#[test]
fn every_import_goes_down() {
    let mut wrong = Vec::new();
    for (room, allowed, _) in ROOMS {
        for file in files_of(room) {
            for found in imports(&production(&file)) {
                if found != *room && !allowed.contains(&found.as_str()) {
                    wrong.push(format!(
                        "{} imports `{found}`, which `{room}` may not",
                        file.display()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_itself_has_no_circle() {
    let mut settled: BTreeSet<&str> = BTreeSet::new();
    for (room, allowed, _) in sorted_by_floor() {
        assert!(
            allowed.iter().all(|below| settled.contains(below)),
            "`{room}` stands above itself"
        );
        settled.insert(room);
    }
    assert_eq!(settled.len(), ROOMS.len());
}

#[test]
fn every_folder_is_a_room_of_the_table() {
    let known: BTreeSet<&str> = ROOMS.iter().map(|(room, ..)| *room).collect();
    let folders = fs::read_dir(source())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir());
    let found: BTreeSet<String> = folders
        .map(|path| path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    assert_eq!(found, known.into_iter().map(str::to_owned).collect());
}

#[test]
fn pure_rooms_have_no_effects() {
    let mut wrong = Vec::new();
    for (room, _, _) in ROOMS.iter().filter(|(_, _, is_pure)| *is_pure) {
        for file in files_of(room) {
            let text = production(&file);
            wrong.extend(
                EFFECTS
                    .iter()
                    .filter(|effect| text.contains(*effect))
                    .map(|effect| format!("{} contains `{effect}`", file.display())),
            );
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn faces_only_name_what_is_inside() {
    for (room, _, _) in ROOMS {
        let text = fs::read_to_string(source().join(room).join("mod.rs")).unwrap();
        assert!(
            text.starts_with("//! "),
            "{room}/mod.rs does not say what lives in the room"
        );
        for word in ["fn ", "struct ", "enum ", "impl "] {
            assert!(
                !text
                    .lines()
                    .any(|line| line.starts_with(word) || line.starts_with(&format!("pub {word}"))),
                "{room}/mod.rs holds more than names"
            );
        }
    }
}

#[test]
fn files_say_what_lives_in_them_and_stay_short() {
    for file in rust_files(&source()) {
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.starts_with("//! "),
            "{} does not begin with a sentence",
            file.display()
        );
        assert!(
            text.lines().count() <= 450,
            "{} has {} lines",
            file.display(),
            text.lines().count()
        );
        assert!(
            !production(&file).contains("use super::*"),
            "{} imports everything above it",
            file.display()
        );
    }
}

fn sorted_by_floor() -> Vec<(&'static str, &'static [&'static str], bool)> {
    let mut left: Vec<_> = ROOMS.to_vec();
    let mut sorted: Vec<(&str, &[&str], bool)> = Vec::new();
    while let Some(next) = left.iter().position(|(_, below, _)| {
        below
            .iter()
            .all(|room| sorted.iter().any(|(known, ..)| known == room))
    }) {
        sorted.push(left.remove(next));
    }
    sorted
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files_of(room: &str) -> Vec<PathBuf> {
    rust_files(&source().join(room))
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if entry.is_dir() {
            found.extend(rust_files(&entry));
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
    found.sort();
    found
}

/// A file's text without its tests; a file of tests only is empty.
fn production(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    if file
        .file_stem()
        .is_some_and(|name| name == "properties" || name == "simulation")
    {
        return String::new();
    }
    text.split("#[cfg(test)]\nmod tests")
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Rooms named by `crate::<room>`, wherever it stands.
fn imports(text: &str) -> BTreeSet<String> {
    let rooms = text.split("crate::").skip(1).map(|rest| {
        rest.chars()
            .take_while(|c| c.is_ascii_lowercase() || *c == '_')
            .collect()
    });
    rooms.filter(|room: &String| !room.is_empty()).collect()
}
