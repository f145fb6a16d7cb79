//! What plans do about machines that the line did not launch: prepared, pushed, checked, left, and never anything else.

use crate::line::*;

use super::context::{Context, Wanted};
use super::samples::{bring, brought, profile, wanted};
use super::simulation::World;
use super::step::{Action, Plan};
use super::{Roster, back, refuse_unsafe, teardown, up};

const REGIONS: [&str; 2] = ["us-east-1", "eu-west-1"];

fn slot() -> Slot {
    "us-east-1/101".parse().unwrap()
}

/// One node in each region and one machine of the operator's own, at what it should be.
fn settled() -> (Wanted, World) {
    let mut profile = profile(&REGIONS, 1);
    profile.node = brought(&profile, 1);
    let wanted = wanted(profile);
    let mut world = World::empty(&REGIONS);
    bring(&mut world.observed, &wanted, &[0]);
    world.offered(&wanted);
    world.apply(&wanted, &plan(&wanted, &world));
    (wanted, world)
}

fn plan(wanted: &Wanted, world: &World) -> Plan {
    up(&Context::new(wanted, &world.observed, None)).unwrap()
}

fn titles(plan: &Plan) -> Vec<String> {
    let here = plan.steps.iter();
    let here = here.filter(|step| step.at.to_string() == slot().to_string());
    here.map(|step| step.action.title()).collect()
}

fn sight(world: &mut World, sight: NodeSight) {
    world.observed.nodes.insert("node/own-0".to_owned(), sight);
}

fn silent() -> NodeSight {
    NodeSight::Unreachable("us-east-1/101 (203.0.113.0): no answer".to_owned())
}

/// Route 53 finds the machine dead.
fn condemn(world: &mut World) {
    let checks = world.zone().checks.iter();
    let of_machine = checks.filter(|check| check.reference.slot == slot());
    let ids: Vec<String> = of_machine.map(|check| check.id.clone()).collect();
    assert_eq!(ids.len(), 1);
    world.observed.verdicts.insert(ids[0].clone(), false);
}

#[test]
fn a_machine_is_prepared_pushed_and_checked_and_then_nothing_is_left_to_do() {
    let mut profile = profile(&REGIONS, 1);
    profile.node = brought(&profile, 1);
    let wanted = wanted(profile);
    let mut world = World::empty(&REGIONS);
    bring(&mut world.observed, &wanted, &[0]);
    world.offered(&wanted);
    let first = plan(&wanted, &world);
    assert_eq!(
        titles(&first),
        [
            "prepare the machine: packages, folders, Docker, nginx, Redis",
            "push files",
            "create the health check",
        ]
    );
    world.apply(&wanted, &first);
    let (wanted, world) = settled();
    let second = plan(&wanted, &world);
    assert!(
        second.is_empty() && second.troubles.is_empty(),
        "{second:?}"
    );
    let zone = world.observed.zone.as_ref().unwrap();
    let known = crate::dns::known_nodes(&wanted.profile.name, &zone.records);
    assert!(known.iter().any(|node| node.slot == slot()));
}

#[test]
fn it_is_worked_on_while_its_region_cannot_be_seen() {
    let (wanted, mut world) = settled();
    let dark = RegionView::NotLookedAt("timed out".to_owned());
    world.observed.regions.insert(slot().region, dark);
    sight(&mut world, NodeSight::Reported(Box::default()));
    assert_eq!(titles(&plan(&wanted, &world)).len(), 2);
}

#[test]
fn a_dead_one_is_told_of_and_stays_where_its_check_judges_it() {
    let (wanted, mut world) = settled();
    sight(&mut world, silent());
    let calm = plan(&wanted, &world);
    assert!(calm.is_empty() && calm.troubles.len() == 1, "{calm:?}");
    condemn(&mut world);
    let dead = plan(&wanted, &world);
    assert!(dead.is_empty(), "{dead:?}");
    assert_eq!(
        dead.troubles[0].what,
        "(203.0.113.0): no answer, and Route 53 finds it unhealthy: it is dead, and nothing replaces a machine of your own"
    );
}

#[test]
fn another_host_key_is_no_reason_to_do_anything() {
    let (wanted, mut world) = settled();
    sight(
        &mut world,
        NodeSight::WrongHostKey("another key".to_owned()),
    );
    let plan = plan(&wanted, &world);
    assert!(plan.is_empty() && plan.troubles.len() == 1, "{plan:?}");
}

#[test]
fn an_instance_with_its_slot_in_its_tags_goes() {
    let (wanted, mut world) = settled();
    let id = world.boot(&slot().region, Some(&slot()), 1);
    let plan = plan(&wanted, &world);
    let ended = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Terminate { instances, .. } => Some(instances.clone()),
        _ => None,
    });
    assert_eq!(ended.collect::<Vec<_>>(), [vec![id]]);
    world.apply(&wanted, &plan);
    assert_eq!(world.observed.brought.len(), 1);
}

#[test]
fn one_that_leaves_the_profile_leaves_the_records_and_loses_its_check() {
    let (mut wanted, mut world) = settled();
    wanted.profile.node.clear();
    world.observed.brought.clear();
    let plan = plan(&wanted, &world);
    let is_ours = |step: &super::Step| {
        matches!(
            step.action,
            Action::ChangeRecords { .. } | Action::DeleteCheck { .. } | Action::Push { .. }
        )
    };
    // The others' share of the upstream's permits grows.
    assert!(plan.steps.iter().all(is_ours), "{plan:?}");
    world.apply(&wanted, &plan);
    let known = crate::dns::known_nodes(&wanted.profile.name, &world.zone().records);
    assert_eq!((known.len(), world.zone().checks.len()), (2, 2));
}

#[test]
fn teardown_leaves_it_last_and_says_when_it_cannot() {
    let (wanted, mut world) = settled();
    let zone = world.zone().clone();
    let name = &wanted.profile.name;
    let zones = std::slice::from_ref(&zone);
    let plan = teardown(name, &world.observed, zones);
    let last = plan.steps.last().unwrap();
    assert!(matches!(last.action, Action::Leave { .. }), "{last:?}");
    assert_eq!(last.after.len(), plan.steps.len() - 1);
    let mut cut = world.observed.clone();
    cut.nodes.insert("node/own-0".to_owned(), silent());
    let cut = teardown(name, &cut, zones);
    assert_eq!(cut.steps.len(), plan.steps.len() - 1);
    assert!(
        cut.troubles[0]
            .what
            .starts_with("the line's services stay on it: ")
    );
    world.apply(&wanted, &plan);
    let zone = world.zone().clone();
    let again = teardown(name, &world.observed, &[zone]);
    assert!(again.is_empty() && again.troubles.is_empty(), "{again:?}");
    assert_eq!(world.observed.instances().count(), 1);
}

#[test]
fn it_is_rolled_back_with_the_others_and_never_scaled_away() {
    let (wanted, mut world) = settled();
    let report = NodeReport {
        number: Some(2),
        ..NodeReport::default()
    };
    sight(&mut world, NodeSight::Reported(Box::new(report)));
    let name = &wanted.profile.name;
    let plan = back(name, &world.observed, super::Going::Before, &[]);
    assert!(plan.nodes.iter().any(|node| node.slot == slot()));
    let roster = Roster::standing(&wanted.profile, &world.observed);
    let fewer = roster
        .clone()
        .with_fewer(&wanted.profile, &slot().region, 5);
    assert_eq!(fewer, roster);
}

#[test]
fn what_does_not_fit_into_it_is_refused() {
    let (mut wanted, world) = settled();
    wanted.profile.node[0].memory_mib = 512;
    let refused = up(&Context::new(&wanted, &world.observed, None)).unwrap_err();
    let told = refused.to_string();
    assert!(
        told.starts_with("a node of your own, `own-0`, has 512 MiB of memory"),
        "{told}"
    );
}

#[test]
fn its_loss_alone_is_no_unsafe_change_when_others_serve() {
    let (wanted, mut world) = settled();
    sight(&mut world, silent());
    condemn(&mut world);
    let plan = plan(&wanted, &world);
    assert!(refuse_unsafe(&plan, &wanted.profile, &world.observed).is_ok());
}
