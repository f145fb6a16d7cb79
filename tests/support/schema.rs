//! What `--json` prints, held against the schemas of `docs/schema`: every run of every test is, without being asked.

use std::fs;
use std::path::{Path, PathBuf};

use boon::{Compiler, Schemas};
use serde_json::Value;

/// A schema that was read.
pub(crate) struct Schema {
    all: Schemas,
    index: boon::SchemaIndex,
}

impl Schema {
    /// Reads the schema of this name.
    pub(crate) fn named(name: &str) -> Self {
        let path = folder().join(name).with_extension("json");
        let mut all = Schemas::new();
        let mut compiler = Compiler::new();
        compiler.enable_format_assertions();
        let path = path.to_str().expect("the folder's name is text");
        let index = compiler
            .compile(path, &mut all)
            .unwrap_or_else(|error| panic!("{name}: {error:#}"));
        Self { all, index }
    }

    /// What is wrong with a document; nothing if it fits.
    pub(crate) fn fault(&self, document: &Value) -> Option<String> {
        let judged = self.all.validate(document, self.index);
        judged.err().map(|error| format!("{error:#}"))
    }
}

/// The names of all schemas, without what they share.
pub(crate) fn schemas() -> Vec<String> {
    let files = fs::read_dir(folder()).expect("docs/schema is there");
    let paths = files.map(|file| file.expect("docs/schema can be read").path());
    let mut names: Vec<String> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .filter(|name| name != "common")
        .collect();
    names.sort();
    names
}

/// The name of the schema for a call of `dsline` with `--json`; none if it asks for no JSON or is a shell's script.
pub(crate) fn schema_of(words: &str) -> Option<String> {
    let own = words.split(" -- ").next().unwrap_or_default();
    let words: Vec<&str> = own.split_whitespace().collect();
    let is_script = words.first().is_none_or(|word| word.contains('$'));
    let is_help = words.iter().any(|word| matches!(*word, "--help" | "-h"));
    if is_script || is_help || !words.contains(&"--json") {
        return None;
    }
    let names = schemas();
    let called = words.iter().enumerate().find_map(|(at, word)| {
        let long = format!("{word}-{}", words.get(at + 1).unwrap_or(&""));
        [long, (*word).to_owned()]
            .into_iter()
            .find(|name| names.contains(name))
    });
    assert!(called.is_some(), "no schema in docs/schema for: {own}");
    called
}

/// Insists that stdout holds nothing but documents of the command's schema, or of a failure.
#[track_caller]
pub(super) fn insist(words: &str, stdout: &str) {
    let Some(name) = schema_of(words) else {
        return;
    };
    let (own, failure) = (Schema::named(&name), Schema::named("error"));
    for document in serde_json::Deserializer::from_str(stdout).into_iter::<Value>() {
        let document = document
            .unwrap_or_else(|error| panic!("dsline {words} printed no JSON: {error}\n{stdout}"));
        if let Some(fault) = own.fault(&document)
            && failure.fault(&document).is_some()
        {
            panic!("dsline {words} differs from docs/schema/{name}.json: {fault}\n{stdout}");
        }
    }
}

/// Where the schemas lie.
fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schema")
}
