//! The planner's promise, by property: from any observed state, plan and perfect apply end at what is wanted.

use jiff::Timestamp;
use proptest::prelude::*;

use crate::line::*;

use super::context::{Context, Wanted};
use super::simulation::{NOW, World, foreign_record, profile, pushed, wanted};
use super::step::{Action, Plan};
use super::{teardown, up};

fn plan(wanted: &Wanted, observed: &Observed) -> Plan {
    up(&Context {
        wanted,
        observed,
        operator: None,
    })
    .unwrap()
}

#[test]
fn a_bare_account_gets_a_whole_line_in_one_plan_and_then_nothing_is_left_to_do() {
    let wanted = wanted(profile(&["us-east-1", "eu-west-1", "ap-southeast-1"], 2));
    let mut world = World::empty(&["us-east-1", "eu-west-1", "ap-southeast-1"]);
    world.offered(&wanted);
    let first = plan(&wanted, &world.observed);
    for step in &first.steps {
        assert!(
            step.needs
                .iter()
                .chain(&step.after)
                .all(|before| before.0 < step.id.0),
            "a step waits for a later one"
        );
    }
    world.apply(&wanted, &first);
    let second = plan(&wanted, &world.observed);
    assert!(
        second.is_empty() && second.troubles.is_empty(),
        "{second:?}"
    );
    assert_eq!(
        world.observed.zone.as_ref().unwrap().records.len(),
        1 + 6 + 12 + 8
    );
}

#[test]
fn a_region_that_cannot_be_seen_keeps_its_records_and_gets_no_step() {
    let wanted = wanted(profile(&["us-east-1", "eu-west-1"], 1));
    let mut world = World::empty(&["us-east-1", "eu-west-1"]);
    world.offered(&wanted);
    let first = plan(&wanted, &world.observed);
    world.apply(&wanted, &first);
    let dark: Region = "eu-west-1".parse().unwrap();
    world
        .observed
        .regions
        .insert(dark, RegionView::NotLookedAt("timed out".to_owned()));
    let second = plan(&wanted, &world.observed);
    assert!(second.is_empty(), "{second:?}");
    assert_eq!(second.troubles.len(), 1);
}

/// What `up` looks at: the profile's regions, and those that checks betray.
fn seen(wanted: &Wanted, world: &World) -> Observed {
    let mut observed = world.observed.clone();
    let checks = world.observed.zone.iter().flat_map(|zone| &zone.checks);
    let betrayed: Vec<&Region> = checks.map(|check| &check.reference.slot.region).collect();
    observed
        .regions
        .retain(|region, _| wanted.profile.regions.contains(region) || betrayed.contains(&region));
    observed
}

#[test]
fn a_region_that_leaves_is_found_again_wherever_its_removal_was_interrupted() {
    let before = wanted(profile(&ALL, 1));
    let after = wanted(profile(&ALL[..2], 1));
    for done in 0.. {
        let mut world = World::empty(&ALL);
        world.offered(&before);
        world.apply(&before, &plan(&before, &world.observed));
        let mut removal = plan(&after, &seen(&after, &world));
        if done > removal.steps.len() {
            break;
        }
        removal.steps.truncate(done);
        world.apply(&after, &removal);
        let rest = plan(&after, &seen(&after, &world));
        world.apply(&after, &rest);
        let things = world.observed.instances().count() + world.observed.groups().count();
        assert_eq!(things, 4, "after {done} steps something is left behind");
        assert_eq!(world.zone().checks.len(), 2);
    }
}

#[test]
fn a_region_that_leaves_and_cannot_be_seen_keeps_its_check() {
    let before = wanted(profile(&ALL, 1));
    let after = wanted(profile(&ALL[..2], 1));
    let mut world = World::empty(&ALL);
    world.offered(&before);
    world.apply(&before, &plan(&before, &world.observed));
    let dark: Region = ALL[2].parse().unwrap();
    let why = RegionView::NotLookedAt("timed out".to_owned());
    let light = world.observed.regions.insert(dark.clone(), why).unwrap();
    world
        .zone()
        .records
        .retain(|record| *record == foreign_record());
    world.apply(&after, &plan(&after, &world.observed));
    assert_eq!(world.zone().checks.len(), 3);
    world.observed.regions.insert(dark, light);
    world.apply(&after, &plan(&after, &seen(&after, &world)));
    assert_eq!(world.observed.instances().count(), 2);
    assert_eq!(world.zone().checks.len(), 2);
}

#[test]
fn an_unreachable_node_is_replaced_only_when_the_checkers_agree() {
    let wanted = wanted(profile(&["us-east-1"], 1));
    let mut world = World::empty(&["us-east-1"]);
    world.offered(&wanted);
    let first = plan(&wanted, &world.observed);
    world.apply(&wanted, &first);
    let id = world.instance(&"us-east-1/1".parse().unwrap()).id;
    world
        .observed
        .nodes
        .insert(id, NodeSight::Unreachable("timed out".to_owned()));
    let check = world.observed.zone.as_ref().unwrap().checks[0].id.clone();
    world.observed.verdicts.insert(check.clone(), true);
    let calm = plan(&wanted, &world.observed);
    assert!(calm.is_empty() && calm.troubles.len() == 1, "{calm:?}");
    world.observed.verdicts.insert(check, false);
    let replacing = plan(&wanted, &world.observed);
    assert!(replacing.steps.iter().any(|step| matches!(&step.action, Action::Launch { order, .. } if order.generation == Generation(2))));
}

#[derive(Clone, Debug)]
struct Mess {
    slot: u16,
    region: usize,
    generation: u32,
    state: u8,
    sight: u8,
    tagged: bool,
    has_check: bool,
}

fn mess() -> impl Strategy<Value = Vec<Mess>> {
    let one = (
        1..=3_u16,
        0..3_usize,
        1..=3_u32,
        0..5_u8,
        0..5_u8,
        prop::bool::weighted(0.9),
        any::<bool>(),
    );
    prop::collection::vec(
        one.prop_map(
            |(slot, region, generation, state, sight, tagged, has_check)| Mess {
                slot,
                region,
                generation,
                state,
                sight,
                tagged,
                has_check,
            },
        ),
        0..8,
    )
}

const ALL: [&str; 3] = ["us-east-1", "eu-west-1", "ap-southeast-1"];

/// A world left behind by anything: doubled, dead, half-made and stray machines, groups and checks.
fn messy_world(wanted: &Wanted, mess: &[Mess], groups: [bool; 3]) -> World {
    let mut world = World::empty(&ALL);
    for (name, _) in ALL.iter().zip(groups).filter(|(_, has)| *has) {
        let region: Region = name.parse().unwrap();
        world.step(wanted, &Action::CreateGroup { region });
    }
    for one in mess {
        let region: Region = ALL[one.region].parse().unwrap();
        let slot = Slot {
            region: region.clone(),
            number: one.slot,
        };
        let id = world.boot(&region, one.tagged.then_some(&slot), one.generation);
        let instance = world.parts(&region).0.last_mut().unwrap();
        instance.state = [
            InstanceState::Running,
            InstanceState::Running,
            InstanceState::Stopped,
            InstanceState::Stopping,
            InstanceState::Running,
        ][usize::from(one.state)];
        let address = instance.address;
        let sight = match one.sight {
            0 => Some(NodeReport::default()),
            1 => Some(NodeReport {
                booted: true,
                has_lasting_key: true,
                ..NodeReport::default()
            }),
            2 => Some(pushed(wanted, &slot, address)),
            3 => Some(NodeReport {
                boot_error: Some("no packages".to_owned()),
                ..NodeReport::default()
            }),
            _ => None,
        };
        world
            .observed
            .nodes
            .extend(sight.map(|report| (id, NodeSight::Reported(report))));
        if one.has_check {
            let reference = CheckReference::new(
                &wanted.profile.name,
                &slot,
                address.unwrap(),
                &wanted.profile.dns.checks.settings(),
            );
            let check = HealthCheck {
                id: format!("hc-{}", world.made),
                reference,
                address,
                inverted: false,
                disabled: false,
            };
            world.zone().checks.push(check);
        }
    }
    world.offered(wanted);
    world
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn from_any_state_two_rounds_lead_to_what_is_wanted(mess in mess(), groups in any::<[bool; 3]>(), regions in 1..=3_usize, per_region in 1..=2_u16) {
        let wanted = wanted(profile(&ALL[..regions], per_region));
        let mut world = messy_world(&wanted, &mess, groups);
        for _ in 0..2 {
            let plan = plan(&wanted, &world.observed);
            world.apply(&wanted, &plan);
        }
        let last = plan(&wanted, &world.observed);
        prop_assert!(last.is_empty() && last.troubles.is_empty(), "{:?}", last);
        prop_assert_eq!(world.observed.instances().count(), regions * usize::from(per_region));
        prop_assert!(world.zone().records.contains(&foreign_record()));
        prop_assert_eq!(world.zone().checks.len(), regions * usize::from(per_region));
    }

    #[test]
    fn a_teardown_of_anything_leaves_nothing_but_what_is_not_ours(mess in mess(), groups in any::<[bool; 3]>()) {
        let wanted = wanted(profile(&ALL, 1));
        let mut world = messy_world(&wanted, &mess, groups);
        let first = plan(&wanted, &world.observed);
        world.apply(&wanted, &first);
        let zone = world.zone().clone();
        let plan = teardown(&wanted.profile.name, &world.observed, &[zone]);
        world.apply(&wanted, &plan);
        prop_assert_eq!(world.observed.instances().count() + world.observed.groups().count() + world.zone().checks.len(), 0);
        prop_assert_eq!(&world.zone().records, &vec![foreign_record()]);
    }
}

#[test]
fn another_secret_and_paid_types_are_refused() {
    let wanted = wanted(profile(&["us-east-1"], 1));
    let mut world = World::empty(&["us-east-1"]);
    world.offered(&wanted);
    let timestamp: Timestamp = NOW.parse().unwrap();
    assert_eq!(
        super::regions_to_launch_in(&wanted.profile, &world.observed, timestamp).len(),
        1
    );
    let region: Region = "us-east-1".parse().unwrap();
    let Some(Ok(offer)) = world.observed.offers.get_mut(&region) else {
        panic!()
    };
    offer.free_types = vec!["c7i-flex.large".to_owned()];
    let refused = up(&Context {
        wanted: &wanted,
        observed: &world.observed,
        operator: None,
    })
    .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "us-east-1: none of t3.micro, t2.micro, t3.small is offered free to this account; free there: c7i-flex.large"
    );
    world.offered(&wanted);
    world.step(
        &wanted,
        &Action::CreateGroup {
            region: region.clone(),
        },
    );
    world.parts(&region).1[0].key_id = Some(KeyId::new("another"));
    let refused = up(&Context {
        wanted: &wanted,
        observed: &world.observed,
        operator: None,
    })
    .unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("the line secret is not the one")
    );
}
