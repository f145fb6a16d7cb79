//! The nodes that records name, as they go into a zone and as they are read back from it.

use std::net::Ipv4Addr;

use super::name::slot_of_role;
use crate::line::{LineName, RecordSet, RecordType, RecordValue, Slot, is_ours, set_identifier};

/// A node as the records know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRecord {
    /// Its slot.
    pub slot: Slot,
    /// Its public address.
    pub address: Ipv4Addr,
    /// Route 53's id of its health check.
    pub check_id: String,
}

/// The line's nodes that a zone's records name, by slot; damaged records are left out.
pub fn known_nodes(line: &LineName, records: &[RecordSet]) -> Vec<NodeRecord> {
    let mut nodes: Vec<NodeRecord> = records
        .iter()
        .filter_map(|record| node_of(line, record))
        .collect();
    nodes.sort_by(|a, b| a.slot.cmp(&b.slot));
    // A half-finished move to another host name may show a slot twice.
    nodes.dedup_by(|a, b| a.slot == b.slot);
    nodes
}

fn node_of(line: &LineName, record: &RecordSet) -> Option<NodeRecord> {
    let identifier = record.set_identifier.as_deref();
    if record.kind != RecordType::A || !is_ours(line, identifier) {
        return None;
    }
    let slot = slot_of_role(identifier?.strip_prefix(&set_identifier(line, ""))?)?;
    let RecordValue::Values { values, .. } = &record.value else {
        return None;
    };
    let [address] = values.as_slice() else {
        return None;
    };
    Some(NodeRecord {
        slot,
        address: address.parse().ok()?,
        check_id: record.health_check.clone()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::Routing;

    fn record(identifier: &str, value: &str, check: Option<&str>) -> RecordSet {
        RecordSet {
            name: "us-east-1.llm.example.com".to_owned(),
            kind: RecordType::A,
            set_identifier: Some(identifier.to_owned()),
            routing: Routing::Weighted(100),
            value: RecordValue::Values {
                ttl: 60,
                values: vec![value.to_owned()],
            },
            health_check: check.map(str::to_owned),
        }
    }

    #[test]
    fn only_sound_records_of_the_line_are_nodes() {
        let records = [
            record(
                "dsline/home/node/us-east-1/2",
                "198.18.0.2",
                Some("check-2"),
            ),
            record(
                "dsline/home/node/us-east-1/1",
                "198.18.0.1",
                Some("check-1"),
            ),
            record("dsline/home/node/us-east-1/3", "198.18.0.3", None),
            record(
                "dsline/home/node/us-east-1/x",
                "198.18.0.4",
                Some("check-4"),
            ),
            record(
                "dsline/homer/node/us-east-1/5",
                "198.18.0.5",
                Some("check-5"),
            ),
            record("dsline/home/place/EU", "198.18.0.6", Some("check-6")),
            record("dsline/home/node/us-east-1/7", "seven", Some("check-7")),
        ];
        let nodes = known_nodes(&"home".parse().unwrap(), &records);
        let seen: Vec<String> = nodes
            .iter()
            .map(|node| format!("{} {} {}", node.slot, node.address, node.check_id))
            .collect();
        assert_eq!(
            seen,
            [
                "us-east-1/1 198.18.0.1 check-1",
                "us-east-1/2 198.18.0.2 check-2"
            ]
        );
    }
}
