//! The security group that each region should have.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use crate::line::{Group, Profile, Rule, RuleSource};

/// Ports that everyone may reach: HTTPS, and HTTP for the redirect and Route 53's checkers.
const PUBLIC_PORTS: [u16; 2] = [80, 443];
const SSH_PORT: u16 = 22;

/// The rules that a group should have, as seen from what it has.
pub(super) struct Rules {
    /// Missing ones.
    pub(super) add: Vec<Rule>,
    /// Ones that should not be there.
    pub(super) remove: Vec<Rule>,
    /// Ones that should not be there and that this program has no words to remove, described.
    pub(super) foreign: Vec<String>,
}

/// Compares a group with what the profile and the operator's address ask for.
///
/// Single addresses that may reach port 22 are never removed: they are other operators', and a laptop and a loop host
/// would otherwise take turns in locking each other out.
pub(super) fn rules(profile: &Profile, operator: Option<IpAddr>, group: Option<&Group>) -> Rules {
    let wanted = wanted(profile, operator);
    let nothing = BTreeSet::new();
    let present = group.map_or(&nothing, |group| &group.rules);
    let surplus = || {
        present
            .difference(&wanted)
            .filter(|rule| !is_operators(rule))
    };
    Rules {
        add: wanted.difference(present).cloned().collect(),
        remove: surplus()
            .filter(|rule| foreign_source(rule).is_none())
            .cloned()
            .collect(),
        foreign: surplus().filter_map(foreign_source).cloned().collect(),
    }
}

fn wanted(profile: &Profile, operator: Option<IpAddr>) -> BTreeSet<Rule> {
    let everyone =
        ["0.0.0.0/0", "::/0"].map(|text| text.parse::<IpNet>().expect("a valid network"));
    let public = PUBLIC_PORTS
        .iter()
        .flat_map(|port| everyone.iter().map(|network| rule(*port, *network)));
    let mut rules: BTreeSet<Rule> = public.collect();
    rules.extend(
        profile
            .ssh
            .allow
            .iter()
            .map(|network| rule(SSH_PORT, network.trunc())),
    );
    if let Some(address) = operator.filter(|address| {
        !profile
            .ssh
            .allow
            .iter()
            .any(|network| network.contains(address))
    }) {
        rules.insert(rule(SSH_PORT, IpNet::from(address)));
    }
    rules
}

fn rule(port: u16, network: IpNet) -> Rule {
    Rule {
        from_port: port,
        to_port: port,
        source: RuleSource::Network(network),
    }
}

fn foreign_source(rule: &Rule) -> Option<&String> {
    match &rule.source {
        RuleSource::Foreign(what) => Some(what),
        RuleSource::Network(_) => None,
    }
}

fn is_operators(rule: &Rule) -> bool {
    let is_single = match &rule.source {
        RuleSource::Network(network) => network.prefix_len() == network.max_prefix_len(),
        RuleSource::Foreign(_) => false,
    };
    is_single && rule.from_port == SSH_PORT && rule.to_port == SSH_PORT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn group(rules: &[(u16, &str)]) -> Group {
        let rules = rules
            .iter()
            .map(|(port, network)| rule(*port, network.parse().unwrap()))
            .collect();
        Group {
            id: "sg-1".to_owned(),
            region: "us-east-1".parse().unwrap(),
            key_id: None,
            rules,
        }
    }

    #[test]
    fn the_operators_address_is_added_only_when_it_is_not_covered() {
        let mut profile = Profile::default();
        let here = Some("203.0.113.7".parse().unwrap());
        assert!(
            rules(&profile, here, None)
                .add
                .contains(&rule(22, "203.0.113.7/32".parse().unwrap()))
        );
        profile.ssh.allow.push("203.0.113.0/24".parse().unwrap());
        let add = rules(&profile, here, None).add;
        assert_eq!(add.iter().filter(|rule| rule.from_port == 22).count(), 1);
    }

    #[test]
    fn a_rule_that_no_line_makes_is_told_and_not_planned_away() {
        let mut found = group(&[]);
        found.rules.insert(Rule {
            from_port: 0,
            to_port: u16::MAX,
            source: RuleSource::Foreign("-1 from sg-2".to_owned()),
        });
        let rules = rules(&Profile::default(), None, Some(&found));
        assert_eq!(rules.remove, []);
        assert_eq!(rules.foreign, ["-1 from sg-2"]);
    }

    #[test]
    fn a_port_opened_by_hand_is_closed_and_another_operators_stays_open() {
        let profile = Profile::default();
        let found = group(&[
            (80, "0.0.0.0/0"),
            (8080, "0.0.0.0/0"),
            (22, "0.0.0.0/0"),
            (22, "198.51.100.9/32"),
        ]);
        let remove = rules(&profile, None, Some(&found)).remove;
        assert_eq!(
            remove,
            [
                rule(22, "0.0.0.0/0".parse().unwrap()),
                rule(8080, "0.0.0.0/0".parse().unwrap())
            ]
        );
    }
}
