//! How an error looks: what happened, its causes, what to do next.

use std::io::Write as _;

use serde_json::json;

use super::printer::Printer;

/// Prints an error with its causes and a hint; with `--json` the same as a document on stdout.
pub fn failure(printer: &Printer, error: &anyhow::Error, hint: Option<&str>) {
    let mut causes: Vec<String> = Vec::new();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Some libraries repeat their source in their own message.
        let last = causes
            .last()
            .map_or_else(|| error.to_string(), Clone::clone);
        if !last.contains(&cause) {
            causes.push(cause);
        }
    }
    let causes_told: String = causes
        .iter()
        .map(|cause| format!("  caused by: {cause}\n"))
        .collect();
    let hint_told = hint
        .map(|hint| format!("\nhint: {hint}\n"))
        .unwrap_or_default();
    let text = format!("error: {error}\n{causes_told}{hint_told}");
    let _ = std::io::stderr().write_all(text.as_bytes());
    if printer.json {
        let document = json!({ "error": error.to_string(), "causes": causes, "hint": hint });
        // A document that cannot be written has nobody to read it.
        let _ = printer.document(&document);
    }
}
