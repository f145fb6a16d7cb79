//! Translates security groups and their rules between EC2's words and a line's.

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, SecurityGroup};
use ipnet::IpNet;

use crate::line::{Group, KeyId, Region, Rule, RuleSource, TAG_KEY};

use super::instance::value_of;

/// Rules in EC2's words; foreign ones are left out.
pub(super) fn permissions(rules: &[Rule]) -> Vec<IpPermission> {
    rules.iter().filter_map(permission).collect()
}

/// A rule in EC2's words; foreign rules cannot be said, and are only ever reported.
fn permission(rule: &Rule) -> Option<IpPermission> {
    let ports = IpPermission::builder()
        .ip_protocol("tcp")
        .from_port(rule.from_port.into())
        .to_port(rule.to_port.into());
    match &rule.source {
        RuleSource::Network(IpNet::V4(network)) => Some(
            ports
                .ip_ranges(IpRange::builder().cidr_ip(network.to_string()).build())
                .build(),
        ),
        RuleSource::Network(IpNet::V6(network)) => Some(
            ports
                .ipv6_ranges(Ipv6Range::builder().cidr_ipv6(network.to_string()).build())
                .build(),
        ),
        RuleSource::Foreign(_) => None,
    }
}

/// A group as a line sees it; `None` when EC2's description lacks its id.
pub(super) fn group_of(region: &Region, group: &SecurityGroup) -> Option<Group> {
    let rules = group.ip_permissions().iter().flat_map(rules_of).collect();
    let key_id = value_of(group.tags(), TAG_KEY).map(KeyId::new);
    Some(Group {
        id: group.group_id()?.to_owned(),
        region: region.clone(),
        key_id,
        rules,
    })
}

fn rules_of(permission: &IpPermission) -> Vec<Rule> {
    let port = |number: Option<i32>, otherwise: u16| {
        number
            .and_then(|number| u16::try_from(number).ok())
            .unwrap_or(otherwise)
    };
    let (from_port, to_port) = (
        port(permission.from_port(), 0),
        port(permission.to_port(), u16::MAX),
    );
    let rule = |source| Rule {
        from_port,
        to_port,
        source,
    };
    let protocol = permission.ip_protocol().unwrap_or("-1");
    let texts = permission
        .ip_ranges()
        .iter()
        .filter_map(IpRange::cidr_ip)
        .chain(
            permission
                .ipv6_ranges()
                .iter()
                .filter_map(Ipv6Range::cidr_ipv6),
        );
    let networks = texts.map(|text| match text.parse() {
        Ok(network) if protocol == "tcp" => rule(RuleSource::Network(network)),
        _ => rule(RuleSource::Foreign(format!("{protocol} from {text}"))),
    });
    let groups = permission
        .user_id_group_pairs()
        .iter()
        .filter_map(|pair| pair.group_id());
    let lists = permission
        .prefix_list_ids()
        .iter()
        .filter_map(|list| list.prefix_list_id());
    let others = groups
        .chain(lists)
        .map(|id| rule(RuleSource::Foreign(format!("{protocol} from {id}"))));
    networks.chain(others).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(port: u16, source: RuleSource) -> Rule {
        Rule {
            from_port: port,
            to_port: port,
            source,
        }
    }

    #[test]
    fn rules_read_back_what_they_write() {
        let networks = ["198.51.100.0/24", "2001:db8::/32"];
        for network in networks {
            let one = rule(443, RuleSource::Network(network.parse().unwrap()));
            let wire = permissions(std::slice::from_ref(&one));
            assert_eq!(rules_of(&wire[0]), [one]);
        }
    }

    #[test]
    fn what_a_line_never_makes_is_foreign_and_never_written() {
        let everything = IpPermission::builder()
            .ip_protocol("-1")
            .ip_ranges(IpRange::builder().cidr_ip("0.0.0.0/0").build())
            .build();
        let found = rules_of(&everything);
        let source = RuleSource::Foreign("-1 from 0.0.0.0/0".to_owned());
        assert_eq!(
            found,
            [Rule {
                from_port: 0,
                to_port: u16::MAX,
                source
            }]
        );
        assert!(permissions(&found).is_empty());
    }
}
