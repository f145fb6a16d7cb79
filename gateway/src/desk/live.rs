//! What requests are served with: one generation of settings and everything made of them.

use std::sync::Arc;

use super::lead::Lack;
use super::supply;
use crate::cache::{Key, Store};
use crate::chat::Conversations;
use crate::config::{Origin, Settings};
use crate::flight::Flights;
use crate::guard::Gate;
use crate::limit::Limiter;
use crate::record::Ledger;
use crate::upstream::Upstreams;

/// One generation; requests keep the one they began with. What a reload does not change goes on from the one before.
pub struct Live {
    /// The file as it was read, the environment's word over it.
    pub settings: Settings,
    /// The books.
    pub ledger: Arc<Ledger>,
    /// Who may ask.
    pub gate: Arc<Gate>,
    /// How much one may ask.
    pub limiter: Arc<Limiter>,
    /// The APIs behind.
    pub upstreams: Upstreams,
    /// Answers that are kept.
    pub store: Arc<Store>,
    /// Requests that share one upstream call.
    pub flights: Arc<Flights<Shared, Lack>>,
    /// The simple chat's conversations.
    pub conversations: Arc<Conversations>,
    /// Web pages that may ask.
    pub origins: Vec<Origin>,
}

/// What must be the same for two requests to share one answer, byte for byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shared {
    pub(super) key: Key,
    pub(super) is_stream: bool,
    pub(super) wants_usage: bool,
}

impl Live {
    /// Makes everything that the settings name; whatever is wrong leaves nothing half-made. Needs a runtime.
    pub fn new(
        settings: Settings,
        ledger: &Arc<Ledger>,
        before: Option<&Self>,
    ) -> anyhow::Result<Self> {
        let fetch = supply::fetch(&settings)?;
        let gate = Gate::load(
            &settings.keys.file,
            &settings.auth,
            before.map(|before| &*before.gate),
        )?;
        let upstreams = Upstreams::new(
            &settings.upstream,
            &settings.retry,
            supply::told(ledger),
            before.map(|before| &before.upstreams),
        )?;
        let limiter = before.map_or_else(
            || Limiter::new(&settings.quota),
            |before| {
                before.limiter.reload(&settings.quota);
                Arc::clone(&before.limiter)
            },
        );
        let gate = Arc::new(gate);
        let gate_before = before.map(|before| &*before.gate);
        gate.watch(gate_before, fetch.as_ref(), &supply::report(ledger));
        Ok(Self {
            ledger: Arc::clone(ledger),
            gate,
            limiter,
            upstreams,
            store: supply::store(&settings.cache, before.map(|before| &before.store)),
            flights: supply::flights(&settings.merge, before.map(|before| &before.flights)),
            conversations: supply::conversations(&settings, before),
            origins: settings.cors.origins.clone(),
            settings,
        })
    }

    /// What an operator should know about this generation, in words.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = self.settings.warnings();
        warnings.extend_from_slice(self.gate.notes());
        for upstream in self.upstreams.states() {
            if !upstream.has_key {
                let name = upstream.name.as_str();
                warnings.push(format!("no key for upstream `{name}`: it is not asked"));
            }
        }
        warnings
    }

    /// Whether requests can be answered.
    pub fn is_ready(&self) -> bool {
        self.upstreams.is_ready()
    }
}
