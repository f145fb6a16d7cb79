//! What the types of a profile's traffic sections cannot refuse by themselves: numbers and texts that no gateway takes.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use super::profile::{Profile, fault_of_url};
use super::profile_error::ProfileError;

/// The most upstreams that a gateway asks.
const MOST_UPSTREAMS: usize = 16;
const SECONDS: RangeInclusive<u32> = 1..=86_400;
const COUNT: RangeInclusive<u32> = 1..=u32::MAX;

/// Refuses the first value that a gateway would not take.
pub(super) fn check(profile: &Profile) -> Result<(), ProfileError> {
    numbers(profile)?;
    epochs(profile)?;
    texts(profile)?;
    upstreams(profile)
}

/// An epoch that is named twice, or no key at all, is a slip of whoever edits it by hand.
fn epochs(profile: &Profile) -> Result<(), ProfileError> {
    let keys = &profile.auth.key_epochs;
    let tokens: Vec<u32> = profile.auth.token_epochs().collect();
    for (key, epochs) in [
        ("auth.key_epochs", keys),
        ("auth.old_token_epochs", &tokens),
    ] {
        let all: BTreeSet<&u32> = epochs.iter().collect();
        if all.len() != epochs.len() || all.is_empty() || all.contains(&0) {
            return Err(refusal(
                key,
                "epochs are numbers from 1, each of them once, at least one of them in use"
                    .to_owned(),
            ));
        }
    }
    Ok(())
}

fn numbers(profile: &Profile) -> Result<(), ProfileError> {
    let Profile {
        upstream,
        gateway,
        retry,
        cache,
        merge,
        quota,
        auth,
        cors,
        conversation,
        nginx,
        waf,
        ..
    } = profile;
    let ranges = [
        (
            "upstream.connect_timeout_seconds",
            upstream.connect_timeout_seconds,
            SECONDS,
        ),
        (
            "upstream.read_timeout_seconds",
            upstream.read_timeout_seconds,
            SECONDS,
        ),
        ("gateway.memory_mib", gateway.memory_mib, 32..=65_536),
        ("gateway.body_limit_mib", gateway.body_limit_mib, 1..=1024),
        ("retry.attempts", retry.attempts, 1..=10),
        ("retry.budget_percent", retry.budget_percent, 0..=100),
        ("retry.deadline_seconds", retry.deadline_seconds, SECONDS),
        ("nginx.connections", nginx.connections, COUNT),
        ("waf.paranoia", waf.paranoia, 1..=4),
        ("cache.ttl_seconds", cache.ttl_seconds, SECONDS),
        (
            "cache.memory_mib",
            cache.memory_mib,
            1..=gateway.memory_mib / 2,
        ),
        ("cache.answer_kib", cache.answer_kib, 1..=65_536),
        ("cache.redis_timeout_ms", cache.redis_timeout_ms, 1..=1000),
        ("merge.window_seconds", merge.window_seconds, 0..=86_400),
        ("quota.account_permits", quota.account_permits, COUNT),
        (
            "quota.queue_wait_seconds",
            quota.queue_wait_seconds,
            SECONDS,
        ),
        ("auth.token_epoch", auth.token_epoch, COUNT),
        ("redis.password_epoch", profile.redis.password_epoch, COUNT),
        ("cors.max_age_seconds", cors.max_age_seconds, SECONDS),
        (
            "conversation.ttl_seconds",
            conversation.ttl_seconds,
            SECONDS,
        ),
    ];
    match ranges
        .into_iter()
        .find(|(_, value, range)| !range.contains(value))
    {
        None => Ok(()),
        Some((key, value, range)) if *range.end() == u32::MAX => Err(refusal(
            key,
            format!("{value} is less than {}", range.start()),
        )),
        Some((key, value, range)) => Err(refusal(
            key,
            format!("{value} is outside {} to {}", range.start(), range.end()),
        )),
    }
}

fn texts(profile: &Profile) -> Result<(), ProfileError> {
    if let Some(origin) = profile.cors.origins.iter().find(|text| !is_origin(text)) {
        let shape = "is no origin: like https://app.example.com, no slash at the end, or * alone";
        return Err(refusal("cors.origins", format!("`{origin}` {shape}")));
    }
    if !is_label(&profile.conversation.model) {
        return Err(refusal("conversation.model", NO_LABEL.to_owned()));
    }
    let Some(issuer) = &profile.auth.issuer else {
        return Ok(());
    };
    if issuer.name.is_empty() || issuer.audience.is_empty() {
        return Err(refusal(
            "auth.issuer",
            "`name` and `audience` may not be empty".to_owned(),
        ));
    }
    if issuer.algorithms.is_empty() {
        let message = "name at least one of RS256, ES256, EdDSA".to_owned();
        return Err(refusal("auth.issuer.algorithms", message));
    }
    if !issuer.jwks_url.starts_with("https://") {
        let message = format!("`{}` must start with https://", issuer.jwks_url);
        return Err(refusal("auth.issuer.jwks_url", message));
    }
    Ok(())
}

fn upstreams(profile: &Profile) -> Result<(), ProfileError> {
    let others = &profile.upstream.others;
    if others.len() >= MOST_UPSTREAMS {
        let message =
            format!("a gateway asks at most {MOST_UPSTREAMS} upstreams, the first included");
        return Err(refusal("upstream.others", message));
    }
    let mut names = BTreeSet::from([profile.upstream.name.as_str()]);
    if !is_label(&profile.upstream.name) {
        return Err(refusal("upstream.name", NO_LABEL.to_owned()));
    }
    for other in others {
        if !is_label(&other.name) {
            return Err(refusal("upstream.others.name", NO_LABEL.to_owned()));
        }
        if !names.insert(&other.name) {
            let message = format!("two upstreams are named `{}`", other.name);
            return Err(refusal("upstream.others.name", message));
        }
        if let Some(wrong) = fault_of_url(&other.base_url) {
            let message = format!("`{}` {wrong}", other.base_url);
            return Err(refusal("upstream.others.base_url", message));
        }
    }
    Ok(())
}

const NO_LABEL: &str = "must be 1 to 64 letters, digits, or any of . _ -";

/// What can be the name of a file too.
fn is_label(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    (1..=64).contains(&text.len()) && text.chars().all(is_allowed) && !text.starts_with('.')
}

/// Scheme, host and port as browsers send them.
fn is_origin(text: &str) -> bool {
    let is_whole = text.split_once("://").is_some_and(|(scheme, host)| {
        !scheme.is_empty() && !host.is_empty() && !host.contains('/')
    });
    text == "*"
        || (is_whole && text == text.to_ascii_lowercase() && !text.contains(char::is_whitespace))
}

fn refusal(key: &str, message: String) -> ProfileError {
    ProfileError::of_key(key, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusals_name_line_and_key() {
        let message = |text: &str| Profile::parse(text).unwrap_err().to_string();
        let cases = [
            (
                "[cache]\nttl_seconds = 0\n",
                "line 2: `cache.ttl_seconds`: 0 is outside 1 to 86400",
            ),
            (
                "[cache]\nmemory_mib = 500\n",
                "line 2: `cache.memory_mib`: 500 is outside 1 to 96",
            ),
            ("[cache]\nttl = 3\n", "line 2: unknown key `ttl`; "),
            ("[merge]\nmatch = \"fuzzy\"\n", "line 2: `merge.match`: "),
            (
                "[quota]\naccount_permits = 0\n",
                "line 2: `quota.account_permits`: 0 is less than 1",
            ),
            (
                "[qota]\n",
                "line 1: unknown key `qota`; did you mean `quota`?",
            ),
            ("[auth]\nallow = [\"x\"]\n", "line 2: `auth.allow`: "),
            (
                "[cors]\norigins = [\"app.example.com\"]\n",
                "line 2: `cors.origins`: `app.example.com` is no origin",
            ),
            (
                "[upstream]\nname = \"a b\"\n",
                "line 2: `upstream.name`: must be 1 to 64",
            ),
            (
                "[[upstream.others]]\nname = \"upstream\"\nbase_url = \"https://x\"\nkey = { env = \"X\" }\n",
                "line 2: `upstream.others.name`: two upstreams are named `upstream`",
            ),
        ];
        for (text, start) in cases {
            let message = message(text);
            assert!(
                message.starts_with(start),
                "expected `{start}`, got `{message}`"
            );
        }
    }
}
