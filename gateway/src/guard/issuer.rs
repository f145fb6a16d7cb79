//! Everything about signed tokens: the keys, from files or from afar, what tokens must fulfil, and those seen before.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};

use super::caller::Digest;
use super::credential::Credential;
use super::denial::Denial;
use super::gate::Report;
use super::jwks::{Fetch, KeySource};
use super::keyset::{Key, key_set, public_keys, secrets};
use super::token::{Demands, is_token};
use super::verified::{Verifications, Verified};
use crate::config::Jwt;

/// Verifies tokens as one generation of settings says.
pub(super) struct Issuer {
    demands: Demands,
    fixed: Vec<Key>,
    source: Option<Arc<KeySource>>,
    seen: Verifications,
}

impl Issuer {
    /// Reads the key files. Fetched keys are taken over from the generation before, so that a reload needs nobody
    /// else. A file that is not there is told in `notes`.
    pub(super) fn load(
        jwt: &Jwt,
        default_tenant: Option<&str>,
        before: Option<&Self>,
        notes: &mut Vec<String>,
    ) -> anyhow::Result<Self> {
        ensure!(
            !jwt.algorithms.is_empty(),
            "auth.jwt.algorithms names none: no token could be accepted"
        );
        let is_pinned = |key: &Key| jwt.algorithms.contains(&key.algorithm);
        let mut fixed = read(
            "auth.jwt.secret_file",
            jwt.secret_file.as_deref(),
            notes,
            |text| secrets(&String::from_utf8_lossy(text)),
        )?;
        fixed.extend(read(
            "auth.jwt.public_key_file",
            jwt.public_key_file.as_deref(),
            notes,
            |text| public_keys(&String::from_utf8_lossy(text)),
        )?);
        let set = read(
            "auth.jwt.jwks_file",
            jwt.jwks_file.as_deref(),
            notes,
            key_set,
        )?;
        let source = if let Some(url) = &jwt.jwks_url {
            let every = jwt.jwks_refresh_seconds.duration();
            let known = before
                .and_then(|before| before.source.as_ref())
                .filter(|source| source.is_at(url.uri(), every));
            let new = || Arc::new(KeySource::new(url.uri().clone(), every, set));
            Some(known.map_or_else(new, Arc::clone))
        } else {
            fixed.extend(set);
            None
        };
        fixed.retain(is_pinned);
        if fixed.is_empty() && source.is_none() {
            notes.push("no key for auth.jwt here: no token would be accepted".to_owned());
        }
        Ok(Self {
            demands: Demands::new(jwt, default_tenant),
            fixed,
            source,
            seen: Verifications::new(),
        })
    }

    /// Keeps fetched keys fresh, unless the generation before does already.
    pub(super) fn keep_fresh(&self, before: Option<&Self>, fetch: Option<&Fetch>, report: &Report) {
        let (Some(source), Some(fetch)) = (&self.source, fetch) else {
            return;
        };
        let is_kept = before
            .and_then(|before| before.source.as_ref())
            .is_some_and(|known| Arc::ptr_eq(known, source));
        if !is_kept {
            source.keep_fresh(Arc::clone(fetch), Arc::clone(report));
        }
    }

    /// Who shows this token; `None` if it is no token.
    pub(super) fn find(
        &self,
        credential: &Credential<'_>,
        now: u64,
    ) -> Option<Result<Verified, Denial>> {
        let set = self.source.as_ref().map(|source| source.held());
        let number = set.as_ref().map_or(0, |set| set.number);
        if let Some(known) = self.seen.find(&credential.digest, now, number) {
            return Some(Ok(known));
        }
        if !is_token(credential.text) {
            return None;
        }
        let fetched = set.as_ref().map_or(&[][..], |set| &set.keys);
        let found = match self.demands.verify(credential, &self.fixed, number) {
            Err(Denial::UnknownSigner | Denial::Unknown) if !fetched.is_empty() => {
                self.demands.verify(credential, fetched, number)
            }
            found => found,
        };
        if let Ok(verified) = &found {
            self.keep(credential.digest, verified, now);
        }
        Some(found)
    }

    /// Has unknown keys fetched; whether it is worth looking again.
    pub(super) async fn refreshed(&self) -> bool {
        match &self.source {
            Some(source) => source.refreshed().await,
            None => false,
        }
    }

    /// How many keys can verify tokens now.
    pub(super) fn keys(&self) -> usize {
        let fetched = self
            .source
            .as_ref()
            .map_or(0, |source| source.held().keys.len());
        self.fixed.len() + fetched
    }

    #[cfg(test)]
    pub(super) fn remembers(&self, digest: &Digest, now: u64) -> bool {
        self.seen.find(digest, now, 0).is_some()
    }

    fn keep(&self, digest: Digest, verified: &Verified, now: u64) {
        self.seen.keep(digest, verified.clone(), now);
    }
}

fn read(
    key: &str,
    file: Option<&Path>,
    notes: &mut Vec<String>,
    parse: impl Fn(&[u8]) -> Result<Vec<Key>, String>,
) -> anyhow::Result<Vec<Key>> {
    let Some(file) = file else {
        return Ok(Vec::new());
    };
    match std::fs::read(file) {
        Ok(bytes) => parse(&bytes)
            .map_err(anyhow::Error::msg)
            .with_context(|| format!("{key} {}", file.display())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            notes.push(format!("no {key} {} here", file.display()));
            Ok(Vec::new())
        }
        Err(error) => Err(error).with_context(|| format!("{key} {}", file.display())),
    }
}
