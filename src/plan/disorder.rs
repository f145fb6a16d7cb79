//! Any state that a line can be found in: doubled, half-made, damaged, foreign; made by proptest.

use std::collections::BTreeSet;

use proptest::prelude::*;

use crate::dns::{NodeRecord, desired};
use crate::line::*;

use super::context::Wanted;
use super::samples::{foreign_record, pushed};
use super::simulation::World;

pub(super) const ALL: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-1"];
const DEAD_ADDRESS: [u8; 4] = [192, 0, 2, 77];

/// One instance with all that hangs on it.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    region: usize,
    number: u16,
    generation: u32,
    state: u8,
    sight: u8,
    tags: u8,
    check: u8,
    in_records: bool,
    is_old: bool,
    has_address: bool,
}

/// A whole state.
#[derive(Clone, Debug)]
pub(super) struct Disorder {
    machines: Vec<Machine>,
    groups: [u8; 3],
    /// What happens to each of the line's records.
    damages: Vec<u8>,
    orphan_checks: Vec<(usize, u16)>,
    dead_records: Vec<(usize, u16)>,
    /// A region that is not seen, if below 3.
    pub(super) unseen: u8,
    /// A region whose offer fails, if below 3.
    pub(super) no_offer: u8,
}

fn machine() -> impl Strategy<Value = Machine> {
    let place = (0..3_usize, 1..=3_u16, 1..=3_u32);
    let state = (0..10_u8, 0..11_u8, 0..12_u8, 0..9_u8);
    let flags = (any::<bool>(), any::<bool>(), prop::bool::weighted(0.9));
    (place, state, flags).prop_map(|(place, state, flags)| Machine {
        region: place.0,
        number: place.1,
        generation: place.2,
        state: state.0,
        sight: state.1,
        tags: state.2,
        check: state.3,
        in_records: flags.0,
        is_old: flags.1,
        has_address: flags.2,
    })
}

pub(super) fn disorder() -> impl Strategy<Value = Disorder> {
    let things = (
        prop::collection::vec(machine(), 0..7),
        any::<[u8; 3]>(),
        prop::collection::vec(0..16_u8, 60),
    );
    let strays = (
        prop::collection::vec((0..3_usize, 1..=3_u16), 0..3),
        prop::collection::vec((0..3_usize, 1..=3_u16), 0..2),
    );
    (things, strays, 0..9_u8, 0..9_u8).prop_map(|(things, strays, unseen, no_offer)| Disorder {
        machines: things.0,
        groups: things.1,
        damages: things.2,
        orphan_checks: strays.0,
        dead_records: strays.1,
        unseen,
        no_offer,
    })
}

fn slot(region: usize, number: u16) -> Slot {
    let region = ALL[region].parse().unwrap();
    Slot { region, number }
}

impl Disorder {
    /// The world that it describes.
    pub(super) fn world(&self, wanted: &Wanted) -> World {
        let mut world = World::empty(&ALL);
        for (name, kind) in ALL.iter().zip(self.groups) {
            add_groups(&mut world, &name.parse().unwrap(), kind);
        }
        let mut nodes = Vec::new();
        for machine in &self.machines {
            nodes.extend(machine.add_to(&mut world, wanted));
        }
        for (region, number) in &self.orphan_checks {
            add_check(&mut world, wanted, &slot(*region, *number), DEAD_ADDRESS);
        }
        for (region, number) in &self.dead_records {
            nodes.push(NodeRecord {
                slot: slot(*region, *number),
                address: DEAD_ADDRESS.into(),
                check_id: "hc-gone".to_owned(),
            });
        }
        world.zone().records = self.records(wanted, nodes);
        world.offered(wanted);
        world
    }

    /// The line's records for these nodes, damaged, among those of others.
    fn records(&self, wanted: &Wanted, mut nodes: Vec<NodeRecord>) -> Vec<RecordSet> {
        nodes.sort_by(|a, b| a.slot.cmp(&b.slot));
        nodes.dedup_by(|a, b| a.slot == b.slot);
        let mut records = desired(&wanted.profile, "Z1", &nodes);
        let mut damages = self.damages.iter().chain(std::iter::repeat(&15));
        records.retain_mut(|record| match damages.next() {
            Some(0) => false,
            Some(1) => {
                if let RecordValue::Values { ttl, .. } = &mut record.value {
                    *ttl += 1;
                }
                true
            }
            Some(2) => {
                let renamed = record.set_identifier.take().map(|text| text + "-renamed");
                record.set_identifier = renamed;
                !matches!(
                    record.routing,
                    Routing::Geolocation(_) | Routing::Failover(_)
                )
            }
            Some(3) => {
                record.health_check = record.health_check.take().map(|_| "hc-gone".to_owned());
                true
            }
            _ => true,
        });
        records.extend(foreign_records());
        records
    }
}

/// Records that are nobody's business: at, around and above the line's names.
pub(super) fn foreign_records() -> Vec<RecordSet> {
    let at = |name: &str, kind, identifier: Option<&str>, routing| RecordSet {
        name: name.to_owned(),
        kind,
        set_identifier: identifier.map(str::to_owned),
        routing,
        ..foreign_record()
    };
    let text = || RecordType::Other("TXT".to_owned());
    vec![
        foreign_record(),
        at("llm.example.com", text(), None, Routing::Simple),
        at(
            "x.llm.example.com",
            RecordType::A,
            Some("dsline/homer/node/us-east-1/1"),
            Routing::Weighted(100),
        ),
        at(
            "y.example.com",
            RecordType::A,
            Some("dsline/"),
            Routing::Weighted(1),
        ),
        at(
            "z.example.com",
            RecordType::A,
            Some("dsline/home/by-hand"),
            Routing::Other("latency".to_owned()),
        ),
        at(
            "t.llm.example.com",
            text(),
            Some("dsline/home/node/us-east-1/1"),
            Routing::Weighted(1),
        ),
    ]
}

fn add_groups(world: &mut World, region: &Region, kind: u8) {
    let rule = |port: u16, source: RuleSource| Rule {
        from_port: port,
        to_port: port,
        source,
    };
    let network = |text: &str| RuleSource::Network(text.parse().unwrap());
    let mut rules = BTreeSet::new();
    if kind & 4 != 0 {
        rules.insert(rule(8080, network("0.0.0.0/0")));
    }
    if kind & 8 != 0 {
        rules.insert(rule(443, network("0.0.0.0/0")));
        rules.insert(rule(22, network("198.51.100.9/32")));
    }
    if kind & 0x70 == 0x70 {
        rules.insert(rule(0, RuleSource::Foreign("-1 from sg-other".to_owned())));
    }
    for number in 0..[0, 1, 1, 2][usize::from(kind & 3)] {
        world.parts(region).1.push(Group {
            id: format!("sg-{region}-{number}"),
            region: region.clone(),
            key_id: None,
            rules: rules.clone(),
        });
    }
}

fn add_check(world: &mut World, wanted: &Wanted, slot: &Slot, address: [u8; 4]) -> String {
    let settings = wanted.profile.dns.checks.settings();
    let mut reference = CheckReference::new(&wanted.profile.name, slot, address.into(), &settings);
    let is_taken = |world: &mut World, reference: &CheckReference| {
        let mut checks = world.zone().checks.iter();
        checks.any(|check| check.reference == *reference)
    };
    while is_taken(world, &reference) {
        reference = reference.next_attempt();
    }
    world.made += 1;
    let id = format!("hc-{:04}", world.made);
    world.zone().checks.push(HealthCheck {
        id: id.clone(),
        reference,
        address: Some(address.into()),
        inverted: false,
        disabled: false,
    });
    id
}

impl Machine {
    /// Adds it to a world, and says which node the records shall name for it.
    fn add_to(&self, world: &mut World, wanted: &Wanted) -> Option<NodeRecord> {
        let slot = slot(self.region, self.number);
        let region = slot.region.clone();
        let is_tagged = self.tags > 1;
        let id = world.boot(&region, is_tagged.then_some(&slot), self.generation);
        let token = (slot.clone(), Generation(self.generation));
        if self.tags != 0 {
            world.tokens.entry(token).or_insert_with(|| id.clone());
        }
        let instance = world.parts(&region).0.last_mut().unwrap();
        instance.state = match self.state {
            0 => InstanceState::Pending,
            1 => InstanceState::Stopping,
            2 => InstanceState::Stopped,
            3 => InstanceState::ShuttingDown,
            _ => InstanceState::Running,
        };
        if self.is_old {
            instance.launched = "2026-11-20T12:00:00Z".parse().unwrap();
        }
        let address = instance.address.unwrap();
        if !self.has_address {
            instance.address = None;
        }
        if instance.state == InstanceState::Running && self.has_address && is_tagged {
            let sight = self.sight(wanted, &slot, address);
            world.observed.nodes.extend(sight.map(|sight| (id, sight)));
        }
        let check = self.add_checks(world, wanted, &slot, address.octets());
        self.in_records.then(|| NodeRecord {
            slot,
            address,
            check_id: check.unwrap_or_else(|| "hc-gone".to_owned()),
        })
    }

    fn sight(
        &self,
        wanted: &Wanted,
        slot: &Slot,
        address: std::net::Ipv4Addr,
    ) -> Option<NodeSight> {
        let whole = || pushed(wanted, slot, Some(address));
        let report = match self.sight {
            0 => NodeReport::default(),
            1 => NodeReport {
                booted: true,
                ..NodeReport::default()
            },
            2 => NodeReport {
                boot_error: Some("no packages".to_owned()),
                ..NodeReport::default()
            },
            3 => NodeReport {
                release: Some("0123456789abcdef".to_owned()),
                ..whole()
            },
            4 => {
                let mut report = whole();
                report.units.insert("nginx".to_owned(), "failed".to_owned());
                report
            }
            5 => return Some(NodeSight::Unreachable("timed out".to_owned())),
            6 => return Some(NodeSight::Refused("none of your keys".to_owned())),
            7 => return Some(NodeSight::WrongHostKey("a stranger".to_owned())),
            8 => return None,
            _ => whole(),
        };
        Some(NodeSight::Reported(Box::new(report)))
    }

    fn add_checks(
        &self,
        world: &mut World,
        wanted: &Wanted,
        slot: &Slot,
        address: [u8; 4],
    ) -> Option<String> {
        if self.check == 0 {
            return None;
        }
        let id = add_check(world, wanted, slot, address);
        let check = world.zone().checks.last_mut().unwrap();
        match self.check {
            1 => check.address = Some(DEAD_ADDRESS.into()),
            2 => (check.inverted, check.disabled) = (true, true),
            3 => check.reference.settings = "01234567".to_owned(),
            4 => {
                // Doubled; the records name the second.
                return Some(add_check(world, wanted, slot, address));
            }
            _ => {}
        }
        if self.sight == 5 && self.check != 5 {
            world
                .observed
                .verdicts
                .insert(id.clone(), self.check.is_multiple_of(2));
        }
        Some(id)
    }
}
