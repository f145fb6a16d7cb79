//! Reads EC2's description of an instance, and its tags.

use aws_sdk_ec2::types::{Instance as Described, InstanceStateName, Tag};
use jiff::Timestamp;

use crate::line::{
    Generation, Instance, InstanceState, KeyId, Region, Slot, TAG_GENERATION, TAG_KEY, TAG_SLOT,
};

/// A tag.
pub(super) fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

/// A tag's value.
pub(super) fn value_of<'a>(tags: &'a [Tag], key: &str) -> Option<&'a str> {
    tags.iter()
        .find(|tag| tag.key() == Some(key))
        .and_then(|tag| tag.value())
}

/// An instance as a line sees it; `None` when EC2's description lacks its id or state.
pub(super) fn instance_of(region: &Region, described: &Described) -> Option<Instance> {
    let tags = described.tags();
    let number = value_of(tags, TAG_SLOT)
        .and_then(|text| text.parse().ok())
        .filter(|number| *number > 0);
    let generation = value_of(tags, TAG_GENERATION).and_then(|text| text.parse().ok());
    Some(Instance {
        id: described.instance_id()?.to_owned(),
        region: region.clone(),
        slot: number.map(|number| Slot {
            region: region.clone(),
            number,
        }),
        generation: generation.map_or(Generation::FIRST, Generation),
        key_id: value_of(tags, TAG_KEY).map(KeyId::new),
        state: state_of(described.state()?.name()?)?,
        address: described
            .public_ip_address()
            .and_then(|text| text.parse().ok()),
        instance_type: described
            .instance_type()
            .map_or_else(String::new, |kind| kind.as_str().to_owned()),
        launched: described
            .launch_time()
            .and_then(|at| Timestamp::from_second(at.secs()).ok())
            .unwrap_or_default(),
    })
}

/// Why EC2 ended an instance, as an addition to a sentence; empty when it does not say.
pub(super) fn reason_of(described: &Described) -> String {
    let reason = described.state_reason();
    match reason.map(|reason| (reason.message(), reason.code())) {
        Some((Some(message), _)) => format!(" ({message})"),
        Some((None, Some(code))) => format!(" ({code})"),
        _ => String::new(),
    }
}

fn state_of(name: &InstanceStateName) -> Option<InstanceState> {
    Some(match name {
        InstanceStateName::Pending => InstanceState::Pending,
        InstanceStateName::Running => InstanceState::Running,
        InstanceStateName::Stopping => InstanceState::Stopping,
        InstanceStateName::Stopped => InstanceState::Stopped,
        InstanceStateName::ShuttingDown => InstanceState::ShuttingDown,
        InstanceStateName::Terminated => InstanceState::Terminated,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::{InstanceState as DescribedState, StateReason};

    #[test]
    fn damaged_tags_leave_the_slot_unknown_and_the_instance_visible() {
        let region: Region = "us-east-1".parse().unwrap();
        let running = DescribedState::builder()
            .name(InstanceStateName::Running)
            .build();
        let described = |number: &str| {
            let tags = vec![tag(TAG_SLOT, number), tag(TAG_GENERATION, "3")];
            Described::builder()
                .instance_id("i-1")
                .state(running.clone())
                .set_tags(Some(tags))
                .public_ip_address("198.51.100.7")
                .build()
        };
        let sound = instance_of(&region, &described("2")).unwrap();
        assert_eq!(
            (sound.slot.unwrap().to_string(), sound.generation),
            ("us-east-1/2".to_owned(), Generation(3))
        );
        assert_eq!(sound.address, Some("198.51.100.7".parse().unwrap()));
        assert_eq!(instance_of(&region, &described("zero")).unwrap().slot, None);
        assert_eq!(
            instance_of(&region, &Described::builder().instance_id("i-1").build()),
            None
        );
    }
    #[test]
    fn the_reason_of_a_failed_launch_is_told() {
        let text = "Client.VolumeLimitExceeded: Volume limit exceeded";
        let reason = StateReason::builder().message(text).build();
        let described = Described::builder().state_reason(reason).build();
        assert_eq!(
            reason_of(&described),
            " (Client.VolumeLimitExceeded: Volume limit exceeded)"
        );
        assert_eq!(reason_of(&Described::builder().build()), "");
    }
}
