//! The file of refreshed prices in the operator's configuration folder.

use std::fs;
use std::io::ErrorKind;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::environment::Environment;
use super::whole_file::write_whole;

/// Where it lies.
pub fn price_file(environment: &Environment) -> PathBuf {
    environment.configuration_folder().join("prices.toml")
}

/// Its text, if it is there.
pub fn read_prices(environment: &Environment) -> Result<Option<String>> {
    let path = price_file(environment);
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

/// Writes it whole, and its folder where there is none; returns where.
pub fn write_prices(environment: &Environment, text: &str) -> Result<PathBuf> {
    let path = price_file(environment);
    let folder = environment.configuration_folder();
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    write_whole(&path, text.as_bytes(), 0o644)?;
    Ok(path)
}
