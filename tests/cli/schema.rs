//! `docs/schema`: every command has a schema, the schemas are strict, and what is printed offline fits them.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use clap::CommandFactory as _;
use dsline::cli::Cli;
use serde_json::{Value, json};

use super::offline;
use super::support::{Schema, schema_of, schemas};

/// Commands that print no JSON, and why.
const WITHOUT: [(&str, &str); 2] = [
    ("ssh", "it hands over the terminal"),
    ("completions", "it prints a script for a shell"),
];

/// Every command that can be called, as the names of schemas are written.
fn commands(command: &clap::Command, path: &str) -> Vec<String> {
    let below = command.get_subcommands().flat_map(|sub| {
        let path = if path.is_empty() {
            sub.get_name().to_owned()
        } else {
            format!("{path}-{}", sub.get_name())
        };
        commands(sub, &path)
    });
    let mut all: Vec<String> = below.collect();
    if !command.is_subcommand_required_set() {
        all.push(path.to_owned());
    }
    all
}

#[test]
fn every_command_has_a_schema_or_a_reason_for_none() {
    let without = WITHOUT.map(|(name, _)| name.to_owned());
    let mut known: BTreeSet<String> = schemas().into_iter().chain(without).collect();
    assert!(known.remove("error"), "failures have a schema");
    let called: BTreeSet<String> = commands(&Cli::command(), "").into_iter().collect();
    assert_eq!(called, known);
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema");
    let index = fs::read_to_string(format!("{folder}/README.md")).unwrap();
    for name in schemas() {
        assert!(index.contains(&format!("({name}.json)")), "{name}");
    }
}

/// Objects that leave fields open, and fields that nobody described.
fn looseness(schema: &Value, at: &str, found: &mut Vec<String>) {
    if let Some(object) = schema.as_object() {
        let is_variant = at.contains("/oneOf/") && object.contains_key("description");
        let is_closed = ["additionalProperties", "unevaluatedProperties"]
            .iter()
            .any(|key| object.contains_key(*key));
        if let Some(properties) = object.get("properties").and_then(Value::as_object) {
            if !is_closed && !is_variant {
                found.push(format!("{at} is open"));
            }
            for (name, property) in properties {
                if property.get("description").is_none() && property.get("const").is_none() {
                    found.push(format!("{at}/{name} is not described"));
                }
            }
        }
        for (key, value) in object {
            looseness(value, &format!("{at}/{key}"), found);
        }
    }
    for (index, value) in schema.as_array().into_iter().flatten().enumerate() {
        looseness(value, &format!("{at}/{index}"), found);
    }
}

#[test]
fn schemas_are_closed_and_every_field_is_described() {
    let mut found = Vec::new();
    for name in schemas().into_iter().chain(["common".to_owned()]) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema");
        let text = fs::read_to_string(format!("{folder}/{name}.json")).unwrap();
        let schema: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            schema["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
        looseness(&schema, &name, &mut found);
        Schema::named(&name);
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_field_more_or_less_is_noticed() {
    let schema = Schema::named("init");
    let whole = json!({ "profile": "p", "secret": "s", "secret_is_new": true });
    assert_eq!(schema.fault(&whole), None);
    for (key, value) in [("more", json!(1)), ("secret_is_new", json!("yes"))] {
        let mut other = whole.clone();
        other[key] = value;
        assert!(schema.fault(&other).is_some(), "{key}");
    }
    assert!(schema.fault(&json!({ "profile": "p" })).is_some());
}

#[test]
fn the_words_of_a_call_name_its_schema() {
    for (words, name) in [
        ("logs --json --since 1h", Some("logs")),
        ("logs verify --json", Some("logs-verify")),
        ("--json token issue --for x", Some("token-issue")),
        ("exec --json -- dsline plan", Some("exec")),
        ("plan", None),
        ("plan --json --help", None),
        ("exec -- x --json", None),
        ("$0 plan --json | head", None),
    ] {
        assert_eq!(schema_of(words).as_deref(), name, "{words}");
    }
}

#[test]
fn what_is_printed_offline_fits_its_schema() {
    let trace = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/replay/azure_llm_inference_2023_conv.csv"
    );
    let records = r#"{"ResourceRecordSets": [{"Name": "a.example.com.", "Type": "A", "TTL": 60,
        "ResourceRecords": [{"Value": "192.0.2.1"}]}]}"#;
    let lab = offline()
        .with_file("records.json", records.as_bytes())
        .with_file("keys", b"one\n");
    let replay = format!("replay {trace} --policy band --log decisions.jsonl");
    // A failure is the same document of every command.
    let looking = [
        ("plan", 1),
        ("doctor", 2),
        ("report --since 1h --out report.md", 3),
        ("dns check", 1),
        ("cert renew", 1),
    ];
    let calls = [
        ("init --yes --out other.toml", 0),
        ("render --out files", 0),
        (replay.as_str(), 0),
        ("replay --decisions decisions.jsonl", 0),
        (
            "bench --url http://127.0.0.1:9/v1 --token-file keys --users 2 --duration 1 --ramp 0",
            3,
        ),
        ("connect", 0),
        ("connect --show-key --client python", 0),
        (
            "dns explain --records records.json --name a.example.com --from EU",
            0,
        ),
        ("cert ca", 0),
        ("token issue --for alice --tenant team", 0),
        ("export monitoring monitoring", 0),
        ("export k8s k8s", 0),
        ("export edge edge", 1),
        ("iam policy", 0),
        ("prices", 0),
        ("free", 0),
        ("man pages", 0),
    ];
    let fault = |(words, code): (&str, i32)| {
        let ran = lab.run(&format!("--json {words}"));
        let is_right = ran.code == code && !ran.stdout.trim().is_empty();
        (!is_right).then(|| format!("{words}: {ran}"))
    };
    // Those that look for the account wait long for it, all at once.
    let wrong: Vec<String> = thread::scope(|scope| {
        let looking = looking.map(|call| scope.spawn(move || fault(call)));
        let wrong = calls.into_iter().filter_map(fault).collect::<Vec<_>>();
        let looked = looking.into_iter().filter_map(|call| call.join().unwrap());
        wrong.into_iter().chain(looked).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
