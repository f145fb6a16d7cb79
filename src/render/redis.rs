//! The cache beside a node's gateway.

use askama::Template;

use super::file::{Content, File, Owner, filled};
use super::input::NodeInput;
use super::release::{Part, PartName};

#[derive(Template)]
#[template(path = "node/redis.conf.j2", escape = "none")]
struct Configuration<'a> {
    slot: String,
    password: &'a str,
    max_memory_mib: u32,
}

/// Redis's file; its password is masked where it is shown.
pub(super) fn redis(input: &NodeInput) -> Part {
    let with = |password: &str| {
        let max_memory_mib = input.profile.redis.max_memory_mib;
        filled(&Configuration {
            slot: input.slot.to_string(),
            password,
            max_memory_mib,
        })
    };
    let epoch = input.profile.redis.password_epoch;
    let content = Content::new(with(input.secret.redis_password(epoch).expose()).into_bytes());
    let file = File::new("redis.conf", 0o640, Owner::RootAnd("redis"), content)
        .hidden_as(with("[secret]"));
    Part::new(PartName::Redis, vec![file])
}
