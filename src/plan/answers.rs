//! Which nodes the records shall answer with, when not every step has gone well.

use crate::dns::NodeRecord;
use crate::line::Slot;

/// A node that can stand in the records.
pub struct ReadyNode {
    /// Its record.
    pub record: NodeRecord,
    /// Whether it is known to work; if not, it is no reason to take another out of the records.
    pub is_sound: bool,
}

/// The nodes for the records: of each slot the one that is ready, or else the one that they name already, and those `kept`.
///
/// `None` when nobody would be left, or when a known node would go while nobody is left who is known to work: then the
/// records stay as they are, and so does whatever they name.
pub fn answers(
    slots: &[Slot],
    kept: &[NodeRecord],
    known: &[NodeRecord],
    ready: impl Fn(&Slot) -> Option<ReadyNode>,
) -> Option<Vec<NodeRecord>> {
    let mut nodes = Vec::new();
    let mut is_sound = !kept.is_empty();
    for slot in slots {
        match ready(slot) {
            Some(node) => {
                is_sound |= node.is_sound;
                nodes.push(node.record);
            }
            None => nodes.extend(known.iter().find(|node| node.slot == *slot).cloned()),
        }
    }
    nodes.extend(kept.iter().cloned());
    let stays = |old: &NodeRecord| {
        nodes
            .iter()
            .any(|node| node.slot == old.slot && node.address == old.address)
    };
    let is_teardown = slots.is_empty() && kept.is_empty();
    let loses_nobody = known.iter().all(stays);
    (is_teardown || (!nodes.is_empty() && (is_sound || loses_nobody))).then_some(nodes)
}
