//! `gateway.toml`: what the profile says about users' traffic, as the gateway of one node reads it.

use std::collections::BTreeMap;

use askama::Template;

use super::file::{File, filled};
use super::input::NodeInput;
use crate::line::{Cache, Conversation, Cors, ISSUER, Merge, Profile, Quota, Retry, audience};

/// What is a `String` here is TOML already.
#[derive(Template)]
#[template(path = "node/gateway.toml.j2", escape = "none")]
struct Settings<'a> {
    node: String,
    line: String,
    upstreams: Vec<Upstream>,
    connect_timeout_seconds: u32,
    read_timeout_seconds: u32,
    retry: &'a Retry,
    allow: Option<String>,
    issuers: String,
    audiences: String,
    algorithms: String,
    jwks_url: Option<String>,
    body_bytes: u64,
    quota: &'a Quota,
    permits: u32,
    cache: &'a Cache,
    cache_memory_bytes: u64,
    cache_answer_bytes: u64,
    cache_except: String,
    merge: &'a Merge,
    cors: &'a Cors,
    origins: String,
    conversation: &'a Conversation,
    model: String,
    prompts: bool,
}

struct Upstream {
    name: String,
    base_url: String,
    key_file: String,
    weight: u16,
    models: String,
    only_listed_models: bool,
}

/// The file of one node.
pub(super) fn settings(input: &NodeInput) -> File {
    File::of_template(
        "gateway.toml",
        &template(input.profile, &input.slot.to_string()),
    )
}

/// The text of the file, for a gateway of this name somewhere else.
pub fn gateway_settings(profile: &Profile, node: &str) -> String {
    filled(&template(profile, node))
}

fn template<'a>(profile: &'a Profile, node: &str) -> Settings<'a> {
    let issuer = profile.auth.issuer.as_ref();
    let with_issuer = |own: String, other: Option<&String>| {
        quoted_list(std::iter::once(own).chain(other.cloned()))
    };
    let algorithms = issuer.iter().flat_map(|issuer| &issuer.algorithms);
    Settings {
        node: quoted(node),
        line: quoted(profile.name.as_str()),
        upstreams: upstreams(profile),
        connect_timeout_seconds: profile.upstream.connect_timeout_seconds,
        read_timeout_seconds: profile.upstream.read_timeout_seconds,
        retry: &profile.retry,
        allow: (!profile.auth.allow.is_empty()).then(|| quoted_list(&profile.auth.allow)),
        issuers: with_issuer(ISSUER.to_owned(), issuer.map(|issuer| &issuer.name)),
        audiences: with_issuer(
            audience(&profile.name),
            issuer.map(|issuer| &issuer.audience),
        ),
        algorithms: quoted_list(
            std::iter::once("HS256").chain(algorithms.map(|algorithm| algorithm.as_str())),
        ),
        jwks_url: issuer.map(|issuer| quoted(&issuer.jwks_url)),
        body_bytes: u64::from(profile.gateway.body_limit_mib) << 20,
        quota: &profile.quota,
        permits: profile.quota.permits_of_node(profile.most_nodes()),
        cache: &profile.cache,
        cache_memory_bytes: u64::from(profile.cache.memory_mib) << 20,
        cache_answer_bytes: u64::from(profile.cache.answer_kib) << 10,
        cache_except: quoted_list(&profile.cache.except),
        merge: &profile.merge,
        cors: &profile.cors,
        origins: quoted_list(&profile.cors.origins),
        conversation: &profile.conversation,
        model: quoted(&profile.conversation.model),
        prompts: profile.logs.prompts,
    }
}

/// Where the upstreams' keys lie in the gateway's part, in the order of the profile.
pub(super) fn key_files(profile: &Profile) -> impl Iterator<Item = String> {
    let others = profile.upstream.others.iter().map(|other| &other.name);
    std::iter::once(&profile.upstream.name)
        .chain(others)
        .map(|name| format!("secrets/upstream_key.{name}"))
}

fn upstreams(profile: &Profile) -> Vec<Upstream> {
    let first = &profile.upstream;
    let first = Upstream {
        name: quoted(&first.name),
        base_url: quoted(&first.base_url),
        key_file: String::new(),
        weight: first.weight,
        models: table(&first.models),
        only_listed_models: false,
    };
    let others = profile.upstream.others.iter().map(|other| Upstream {
        name: quoted(&other.name),
        base_url: quoted(&other.base_url),
        key_file: String::new(),
        weight: other.weight,
        models: table(&other.models),
        only_listed_models: other.only_listed_models,
    });
    std::iter::once(first)
        .chain(others)
        .zip(key_files(profile))
        .map(|(upstream, path)| Upstream {
            key_file: format!("/run/{path}"),
            ..upstream
        })
        .collect()
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn quoted_list(texts: impl IntoIterator<Item = impl ToString>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| text.to_string()).collect();
    toml::Value::from(texts).to_string()
}

fn table(names: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = names
        .iter()
        .map(|(from, to)| format!("{} = {}", quoted(from), quoted(to)))
        .collect();
    if pairs.is_empty() {
        return "{}".to_owned();
    }
    format!("{{ {} }}", pairs.join(", "))
}
