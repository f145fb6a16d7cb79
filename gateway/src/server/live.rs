//! What a reload replaces as a whole: settings, upstream and keys.

use std::path::Path;

use crate::config::{Overrides, Settings};
use crate::guard::KeyRing;
use crate::proxy::Upload;
use crate::upstream::{Target, Upstream, trust};

/// One generation of configuration; requests keep the one they began with.
pub struct Live {
    /// The file as it was read.
    pub settings: Settings,
    /// The API behind, with its connections.
    pub upstream: Upstream<Upload>,
    /// Who may ask.
    pub keys: KeyRing,
}

impl Live {
    /// Reads everything anew; whatever is wrong leaves nothing half-made.
    pub fn load(file: &Path, overrides: &Overrides) -> anyhow::Result<Self> {
        let settings = Settings::load(file)?.with(overrides);
        let upstream = Upstream::new(&settings.upstream)?;
        let keys = KeyRing::load(&settings.keys.file)?.unwrap_or_default();
        Ok(Self {
            settings,
            upstream,
            keys,
        })
    }

    /// What an operator should know about this generation, in words.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.settings.warnings();
        if self.keys.is_empty() {
            warnings.push(format!(
                "no client key in {}: nobody gets in",
                self.settings.keys.file.display()
            ));
        }
        if !self.is_ready() {
            warnings.push(format!(
                "no upstream key in {}: not ready",
                self.settings.upstream.key_file.display()
            ));
        }
        warnings
    }

    /// Whether requests can be answered.
    pub fn is_ready(&self) -> bool {
        self.upstream.target().has_key()
    }

    /// Reads what can be read without starting anything, for `--check`; notes which secrets are not there.
    ///
    /// A check runs where the release is pushed, often outside the container that has the secrets: a missing secret is
    /// no fault there, a broken one is.
    pub fn rehearse(settings: &Settings) -> anyhow::Result<Vec<String>> {
        let mut notes = settings.warnings();
        let keys = &settings.keys.file;
        if KeyRing::load(keys)?.is_none_or(|keys| keys.is_empty()) {
            notes.push(format!(
                "no client key in {} here: nobody would get in",
                keys.display()
            ));
        }
        let upstream = &settings.upstream;
        if !Target::load(upstream)?.has_key() {
            notes.push(format!(
                "no upstream key in {} here: it would not be ready",
                upstream.key_file.display()
            ));
        }
        match &upstream.ca_file {
            Some(file) if !file.exists() => {
                notes.push(format!(
                    "no ca_file {} here: it would not start",
                    file.display()
                ));
            }
            ca_file => drop(trust(ca_file.as_deref())?),
        }
        if let Some(folder) = settings
            .audit
            .folder
            .as_ref()
            .filter(|folder| !folder.is_dir())
        {
            notes.push(format!(
                "no folder {} here: audit records would be lost, and counted",
                folder.display()
            ));
        }
        Ok(notes)
    }
}
