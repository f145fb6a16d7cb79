//! The key that an upstream wants, out of its file.

use std::path::Path;

use anyhow::{Context, ensure};
use http::HeaderValue;

/// Reads a key; a file that is not there is no key.
pub(super) fn read_key(file: &Path) -> anyhow::Result<Option<HeaderValue>> {
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let key = text.trim();
    if key.is_empty() {
        return Ok(None);
    }
    ensure!(
        key.bytes().all(|byte| byte.is_ascii_graphic()),
        "must hold one key of visible ASCII characters"
    );
    let mut value = HeaderValue::try_from(format!("Bearer {key}"))?;
    // Keeps it out of every `Debug` output.
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Whether a file holds a key; one that is there must be a good one.
pub fn is_key_there(file: &Path) -> anyhow::Result<bool> {
    let key = read_key(file).with_context(|| format!("key_file {}", file.display()))?;
    Ok(key.is_some())
}
