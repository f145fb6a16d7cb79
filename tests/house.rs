//! Keeps the arrows of the house: a room imports only rooms on lower floors, and pure rooms stay pure.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// (room, rooms it may import, whether it is pure).
type Room = (&'static str, &'static [&'static str], bool);

/// The command's rooms. `ARCHITECTURE.md` draws the same.
const ROOMS: &[Room] = &[
    ("line", &[], true),
    ("dns", &["line"], true),
    ("render", &["line"], true),
    ("cost", &["line"], true),
    ("bench", &[], true),
    ("doctor", &["line"], true),
    ("export", &["render", "line"], true),
    ("scaling", &["line"], true),
    ("replay", &["scaling", "line"], true),
    ("plan", &["cost", "dns", "render", "line"], true),
    ("tick", &["scaling", "plan", "cost", "line"], true),
    ("report", &["tick", "line"], true),
    ("cloud", &["dns", "line"], false),
    ("remote", &["render", "line"], false),
    ("client", &["bench", "line"], false),
    ("acme", &["line"], false),
    ("operator", &["render", "line"], false),
    ("lease", &["cloud", "remote", "dns", "line"], false),
    (
        "engine",
        &[
            "lease", "plan", "acme", "cloud", "remote", "client", "dns", "render", "line",
        ],
        false,
    ),
    (
        "output",
        &[
            "engine", "tick", "plan", "doctor", "replay", "bench", "cost", "line",
        ],
        false,
    ),
    (
        "commands",
        &[
            "output", "engine", "lease", "report", "tick", "plan", "doctor", "export", "operator",
            "cloud", "remote", "client", "render", "replay", "bench", "scaling", "cost", "dns",
            "line",
        ],
        false,
    ),
];

/// The gateway's rooms.
const GATEWAY: &[Room] = &[
    ("config", &[], false),
    ("record", &[], false),
    ("wire", &[], true),
    ("chat", &[], false),
    ("limit", &["config"], false),
    ("guard", &["limit", "config"], false),
    ("cache", &["wire"], false),
    ("flight", &["wire"], false),
    ("upstream", &["config", "wire"], false),
    (
        "proxy",
        &["flight", "limit", "record", "upstream", "wire"],
        false,
    ),
    (
        "desk",
        &[
            "proxy", "upstream", "flight", "cache", "chat", "guard", "limit", "record", "wire",
            "config",
        ],
        false,
    ),
    (
        "server",
        &["desk", "cache", "upstream", "record", "config"],
        false,
    ),
];

/// Both crates: where their rooms lie, and the rooms.
const HOUSES: [(&str, &[Room]); 2] = [("src", ROOMS), ("gateway/src", GATEWAY)];

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
    for (folder, (room, allowed, _)) in all_rooms() {
        for file in rust_files(&folder.join(room)) {
            for found in imports(&production(&file)) {
                if found != room && !allowed.contains(&found.as_str()) {
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
fn the_tables_themselves_have_no_circle() {
    for (_, rooms) in HOUSES {
        let mut left: Vec<Room> = rooms.to_vec();
        let mut settled: BTreeSet<&str> = BTreeSet::new();
        while let Some(next) = left
            .iter()
            .position(|(_, below, _)| below.iter().all(|room| settled.contains(room)))
        {
            settled.insert(left.remove(next).0);
        }
        assert!(
            left.is_empty(),
            "these rooms stand above themselves: {left:?}"
        );
    }
}

#[test]
fn every_folder_is_a_room_of_the_table() {
    for (house, rooms) in HOUSES {
        let known: BTreeSet<String> = rooms.iter().map(|(room, ..)| (*room).to_owned()).collect();
        let entries = fs::read_dir(root().join(house))
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let folders = entries
            .filter(|path| path.is_dir())
            .map(|path| path.file_name().unwrap().to_string_lossy().into_owned());
        assert_eq!(folders.collect::<BTreeSet<String>>(), known);
    }
}

#[test]
fn pure_rooms_have_no_effects() {
    let mut wrong = Vec::new();
    for (folder, (room, _, _)) in all_rooms().filter(|(_, (_, _, is_pure))| *is_pure) {
        for file in rust_files(&folder.join(room)) {
            let text = production(&file);
            let found = EFFECTS.iter().filter(|effect| text.contains(*effect));
            wrong.extend(found.map(|effect| format!("{} contains `{effect}`", file.display())));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn faces_only_name_what_is_inside() {
    for (folder, (room, _, _)) in all_rooms() {
        let text = fs::read_to_string(folder.join(room).join("mod.rs")).unwrap();
        assert!(
            text.starts_with("//! "),
            "{room}/mod.rs does not say what lives in the room"
        );
        for word in ["fn ", "struct ", "enum ", "impl "] {
            let holds =
                |line: &str| line.starts_with(word) || line.starts_with(&format!("pub {word}"));
            assert!(
                !text.lines().any(holds),
                "{room}/mod.rs holds more than names"
            );
        }
    }
}

#[test]
fn files_say_what_lives_in_them_and_stay_short() {
    for (house, _) in HOUSES {
        for file in rust_files(&root().join(house)) {
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
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every room of both crates with the folder that it lies in.
fn all_rooms() -> impl Iterator<Item = (PathBuf, Room)> {
    HOUSES
        .into_iter()
        .flat_map(|(house, rooms)| rooms.iter().map(move |room| (root().join(house), *room)))
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
    let name = file.file_stem().unwrap().to_string_lossy();
    let face = fs::read_to_string(file.with_file_name("mod.rs")).unwrap_or_default();
    if face.contains(&format!("#[cfg(test)]\nmod {name};")) {
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
