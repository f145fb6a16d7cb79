//! Whether what runs on a node fits into its memory.

use std::collections::BTreeMap;

use crate::line::{MemoryNeeds, Profile};

use super::refusal::Refusal;

/// Refuses a profile whose services would not fit into one of the instance types that a node may get, or into one of the
/// operator's own machines. A type that nobody told the memory of is not judged.
pub(super) fn fits(profile: &Profile, memory_mib: &BTreeMap<String, u32>) -> Result<(), Refusal> {
    let needs = MemoryNeeds::of(profile);
    let known = profile
        .nodes
        .instance_types
        .iter()
        .filter_map(|kind| Some((kind.clone(), *memory_mib.get(kind)?)));
    let brought = profile.node.iter();
    let brought = brought.map(|node| {
        (
            format!("node of your own, `{}`,", node.name),
            node.memory_mib,
        )
    });
    let known = known.chain(brought);
    match known.min_by_key(|(_, mib)| *mib) {
        Some((kind, has)) if has < needs.total() => Err(Refusal::DoesNotFit { kind, has, needs }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(redis: u32, types: &[&str]) -> Result<(), Refusal> {
        let mut profile = Profile::default();
        profile.redis.max_memory_mib = redis;
        profile.nodes.instance_types = types.iter().map(|&kind| kind.to_owned()).collect();
        let known = [("t3.nano", 512), ("t3.micro", 1024), ("t3.small", 2048)];
        let known = known.map(|(kind, mib)| (kind.to_owned(), mib));
        fits(&profile, &BTreeMap::from(known))
    }

    #[test]
    fn the_smallest_type_must_hold_all_limits_together() {
        for (redis, types, is_good) in [
            (256, &["t3.micro"][..], true),
            (256, &["t3.small", "t3.nano"], false),
            (282, &["t3.micro"], true),
            (283, &["t3.micro"], false),
            (512, &["t3.small"], true),
            (512, &["x9.unheard-of"], true),
            (u32::MAX, &["t3.small"], false),
        ] {
            assert_eq!(of(redis, types).is_ok(), is_good, "{redis} {types:?}");
        }
    }

    #[test]
    fn a_refusal_names_every_part_and_its_key() {
        let refused = of(512, &["t3.micro"]).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "a t3.micro has 1024 MiB of memory, and what the profile lets run there may use 1312: \
             672 Redis, 192 the gateway, 192 nginx, 256 the system"
        );
        assert!(refused.hint().contains("`redis.max_memory_mib`"));
    }
}
