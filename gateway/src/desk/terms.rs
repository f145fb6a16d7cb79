//! What this line makes of a client's wish: whether the cache may answer, under which name, and with whom a call is shared.

use super::live::{Live, Shared};
use super::question::Asked;
use crate::cache::{Form, Key, Policy, Scope};
use crate::config::Matching;
use crate::flight::Role;
use crate::guard::Caller;
use crate::record::Verdict;

/// For one question.
pub(super) struct Terms {
    /// What the cache may do.
    pub(super) policy: Policy,
    /// Under which name the answer is kept.
    pub(super) key: Option<Key>,
    /// With whom it is shared.
    pub(super) shared: Option<Shared>,
}

impl Terms {
    /// Settings and exceptions first, the client's wish within them.
    pub(super) fn of(live: &Live, caller: &Caller, asked: &Asked) -> Self {
        let wish = asked.wish;
        let is_excepted = is_excepted(live, caller);
        let policy = if live.settings.cache.enabled && !is_excepted {
            wish
        } else {
            Policy {
                only_if_cached: wish.only_if_cached,
                ..Policy::OFF
            }
        };
        // What finished within the window is joined like what runs, so a client that wants it fresher asks for itself.
        let window = live.flights.bounds().window;
        let is_fresh = wish.max_age.is_none_or(|age| age >= window);
        let may_share =
            live.settings.merge.enabled && !is_excepted && wish.reads && wish.writes && is_fresh;
        let may_keep = policy.reads || policy.writes;
        let mut terms = Self {
            policy,
            key: None,
            shared: None,
        };
        if may_keep || may_share {
            let (exact, same) = keys(live, caller, asked);
            terms.key = exact.filter(|_| may_keep);
            let need = asked.question.need();
            terms.shared = same.filter(|_| may_share).map(|key| Shared {
                key,
                is_stream: need.form == Form::Stream,
                wants_usage: need.wants_usage,
            });
        }
        terms
    }

    /// The word for where an answer comes from.
    pub(super) fn verdict(&self, role: Role) -> Verdict {
        match role {
            Role::Joins => Verdict::Coalesced,
            Role::Leads if self.key.is_some() && self.policy.reads => Verdict::Miss,
            Role::Leads => Verdict::Bypass,
        }
    }
}

fn is_excepted(live: &Live, caller: &Caller) -> bool {
    live.settings.cache.except.iter().any(|name| {
        **name == *caller.subject
            || **name == *caller.tenant
            || *name == caller.fingerprint.to_string()
    })
}

/// The names under which an answer is kept, and under which it is shared.
fn keys(live: &Live, caller: &Caller, asked: &Asked) -> (Option<Key>, Option<Key>) {
    let question = &asked.question;
    let model = question.model();
    let scope = Scope {
        tenant: &caller.tenant,
        model: model.map_or("", |model| live.upstreams.alias(model)),
        path: asked.path.as_str(),
    };
    let exact = Key::exact(&scope, question);
    let exact = exact.inspect_err(|skip| live.store.skip(*skip)).ok();
    let same = match live.settings.merge.matching {
        Matching::Exact => exact,
        Matching::Loose => Key::loose(&scope, question).ok(),
    };
    (exact, same)
}
