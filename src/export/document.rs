//! One exported file: where it lies in the folder, what it says, whether others may read it.

use askama::Template;

/// A file of an export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Path inside the folder, such as `prometheus/prometheus.yml`.
    pub path: String,
    /// What it says.
    pub text: String,
    /// Whether its owner alone may read it.
    pub is_secret: bool,
}

impl Document {
    /// A file that everyone may read.
    pub(super) fn new(path: &str, text: String) -> Self {
        Self {
            path: path.to_owned(),
            text,
            is_secret: false,
        }
    }

    /// A file out of a template.
    pub(super) fn of_template(path: &str, template: &impl Template) -> Self {
        Self::new(path, filled(template))
    }
}

/// A template's text, with the newline at its end that askama cuts off.
pub(super) fn filled(template: &impl Template) -> String {
    template
        .render()
        .expect("writing to a string does not fail")
        + "\n"
}

/// A text as JSON and YAML quote it.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
