//! The gate: who comes from where with what, and whether that one may pass.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, ensure};
use arc_swap::ArcSwap;
use http::HeaderMap;
use tokio::time::{MissedTickBehavior, interval};

use super::address::{AddressSet, Proxies};
use super::caller::Caller;
use super::credential::Credential;
use super::denial::Denial;
use super::issuer::Issuer;
use super::jwks::Fetch;
use super::keyring::KeyRing;
use super::revoked::{Revoked, Version, version};
use crate::config::{Auth, Label};

/// How often the revocations are looked at: one `stat` each time.
const LOOK: Duration = Duration::from_secs(2);

/// Takes an event and its detail, for the log; neither ever holds a secret.
pub type Report = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// One generation of keys and rules; requests keep the one they began with.
pub struct Gate {
    keys: KeyRing,
    issuer: Option<Issuer>,
    allow: Option<AddressSet>,
    proxies: Proxies,
    revoked: ArcSwap<Revoked>,
    revoked_file: Option<(PathBuf, Version)>,
    notes: Vec<String>,
}

impl Gate {
    /// Reads every file that the settings name; whatever is wrong leaves nothing half-made. Files that are not there
    /// are no fault but [notes](Self::notes): a check may run where the secrets are not.
    pub fn load(keys_file: &Path, auth: &Auth, before: Option<&Self>) -> anyhow::Result<Self> {
        let default_tenant = auth.default_tenant.as_ref().map(Label::as_str);
        let mut notes = Vec::new();
        let keys = KeyRing::read(keys_file, default_tenant)?;
        if keys.as_ref().is_none_or(KeyRing::is_empty) && auth.jwt.is_none() {
            notes.push(format!(
                "no client key in {}: nobody gets in",
                keys_file.display()
            ));
        }
        let issuer = auth.jwt.as_ref().map(|jwt| {
            let before = before.and_then(|before| before.issuer.as_ref());
            Issuer::load(jwt, default_tenant, before, &mut notes)
        });
        let (revoked, revoked_file) = load_revoked(auth.revoked_file.as_deref())?;
        Ok(Self {
            keys: keys.unwrap_or_default(),
            issuer: issuer.transpose()?,
            allow: auth
                .allow
                .as_ref()
                .map(|allow| AddressSet::new(allow.as_slice())),
            proxies: Proxies::new(&auth.trusted_proxies, auth.address_header),
            revoked: ArcSwap::from_pointee(revoked),
            revoked_file,
            notes,
        })
    }

    /// Looks after what changes without a reload, for as long as somebody holds the gate: revocations, and signing
    /// keys from afar. Needs a runtime.
    pub fn watch(self: &Arc<Self>, before: Option<&Self>, fetch: Option<&Fetch>, report: &Report) {
        if let Some(issuer) = &self.issuer {
            let before = before.and_then(|before| before.issuer.as_ref());
            issuer.keep_fresh(before, fetch, report);
        }
        if let Some((file, seen)) = &self.revoked_file {
            let look = look(
                Arc::downgrade(self),
                file.clone(),
                *seen,
                Arc::clone(report),
            );
            tokio::spawn(look);
        }
    }

    /// What an operator should know about this generation, in words.
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// API keys, keys for tokens, and revocations that are in force.
    pub fn counts(&self) -> (usize, usize, usize) {
        let signing = self.issuer.as_ref().map_or(0, Issuer::keys);
        (self.keys.len(), signing, self.revoked.load().len())
    }

    /// Where a request comes from, for limits and the audit.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        self.proxies.client(peer, headers)
    }

    /// Lets a caller pass, or says why not. `address` is what [`client`](Self::client) found. Waits only for a token
    /// whose key may just have been published, and no longer than two seconds.
    pub async fn admit(&self, address: IpAddr, headers: &HeaderMap) -> Result<Arc<Caller>, Denial> {
        let admitted = self.admit_at(address, headers, now());
        if admitted != Err(Denial::UnknownSigner) {
            return admitted;
        }
        let Some(issuer) = &self.issuer else {
            return admitted;
        };
        if issuer.refreshed().await {
            self.admit_at(address, headers, now())
        } else {
            admitted
        }
    }

    /// The same at a given second, with the keys that are here.
    pub(super) fn admit_at(
        &self,
        address: IpAddr,
        headers: &HeaderMap,
        now: u64,
    ) -> Result<Arc<Caller>, Denial> {
        if self
            .allow
            .as_ref()
            .is_some_and(|allow| !allow.contains(address))
        {
            return Err(Denial::Address);
        }
        let credential = Credential::find(headers)?;
        let (caller, id) = self.identify(&credential, now)?;
        if self.revoked.load().holds(caller.fingerprint, id.as_deref()) {
            return Err(Denial::Revoked);
        }
        Ok(caller)
    }

    fn identify(
        &self,
        credential: &Credential<'_>,
        now: u64,
    ) -> Result<(Arc<Caller>, Option<Arc<str>>), Denial> {
        if let Some(found) = self.keys.find(&credential.digest, now) {
            return found.map(|caller| (caller, None));
        }
        let found = self
            .issuer
            .as_ref()
            .and_then(|issuer| issuer.find(credential, now));
        let verified = found.ok_or(Denial::Unknown)??;
        Ok((verified.caller, verified.id))
    }

    #[cfg(test)]
    pub(super) fn remembers(&self, digest: &super::caller::Digest, now: u64) -> bool {
        let issuer = self.issuer.as_ref();
        issuer.is_some_and(|issuer| issuer.remembers(digest, now))
    }

    /// Takes what a revocation file says now. Lines that cannot be read must not bring back what was revoked: then
    /// the revocations from before stay beside the new ones.
    fn take(&self, text: &str, report: &Report) {
        let (revoked, bad) = Revoked::parse(text, now());
        let revoked = if bad.is_empty() {
            revoked
        } else {
            report(
                "revocations_unclear",
                &format!("lines {bad:?} cannot be read; older ones stay in force"),
            );
            revoked.join(&self.revoked.load())
        };
        report("revocations", &format!("{} in force", revoked.len()));
        self.revoked.store(Arc::new(revoked));
    }
}

type Loaded = (Revoked, Option<(PathBuf, Version)>);

fn load_revoked(file: Option<&Path>) -> anyhow::Result<Loaded> {
    let Some(file) = file else {
        return Ok((Revoked::default(), None));
    };
    let place = || format!("auth.revoked_file {}", file.display());
    // The version first: what changes in between is read again.
    let seen = version(file).with_context(place)?;
    let text = match seen {
        Some(_) => std::fs::read_to_string(file).with_context(place)?,
        None => String::new(),
    };
    let (revoked, bad) = Revoked::parse(&text, now());
    ensure!(
        bad.is_empty(),
        "{}: lines {bad:?} are neither `jti:<id>` nor `key:<16 to 64 hexadecimal digits>`",
        place()
    );
    Ok((revoked, Some((file.to_owned(), seen))))
}

/// Looks every two seconds whether there are new revocations, until the gate is gone.
async fn look(gate: Weak<Gate>, file: PathBuf, mut seen: Version, report: Report) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(gate) = gate.upgrade() else { return };
        let is_new = |now: &Version| now.is_some() && *now != seen;
        // A file that is gone, or cannot be read, forgives nobody.
        let Some(found) = version(&file).ok().filter(is_new) else {
            continue;
        };
        match std::fs::read_to_string(&file) {
            Ok(text) => {
                seen = found;
                gate.take(&text, &report);
            }
            Err(error) => report("revocations_unreadable", &error.to_string()),
        }
    }
}

fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    // Before 1970 everything would be valid; after all time nothing is.
    since.map_or(u64::MAX, |since| since.as_secs())
}
