//! The planner's promise, by property: from any observed state, plan and perfect apply end at what is wanted.

use jiff::Timestamp;
use proptest::prelude::*;

use crate::line::*;

use super::context::{Context, Wanted};
use super::disorder::{ALL, disorder, foreign_records};
use super::samples::{NOW, bring, brought, profile, pushed, wanted};
use super::simulation::{Luck, World};
use super::step::{Action, Plan, StepId};
use super::{teardown, up};

fn plan(wanted: &Wanted, observed: &Observed) -> Plan {
    up(&Context::new(wanted, observed, None)).unwrap()
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
        .retain(|record| foreign_records().contains(record));
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

/// Choices of order and luck, as bytes that are used up one by one.
struct Dice {
    bytes: Vec<u8>,
    at: usize,
}

impl Dice {
    fn roll(&mut self, among: usize) -> usize {
        self.at += 1;
        usize::from(self.bytes[self.at % self.bytes.len()]) % among
    }
}

fn dice() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 40)
}

/// Every third step fails, or is done without anybody hearing of it.
fn luck(bytes: &[u8], step: StepId) -> Luck {
    match bytes[(step.0 * 7 + 3) % bytes.len()] % 6 {
        0 => Luck::Refused,
        1 => Luck::Unheard,
        _ => Luck::Good,
    }
}

/// What time alone does between two runs.
fn time_passes(world: &mut World) {
    for name in ALL {
        let Some(RegionView::Seen { instances, .. }) = world
            .observed
            .regions
            .get_mut(&name.parse::<Region>().unwrap())
        else {
            continue;
        };
        instances.retain(|one| one.state != InstanceState::ShuttingDown);
        for one in instances {
            match one.state {
                InstanceState::Pending => one.state = InstanceState::Running,
                InstanceState::Stopping => one.state = InstanceState::Stopped,
                _ => {}
            }
        }
    }
}

/// Plans and applies with nothing going wrong but the order, twice; then nothing may be left to do.
fn settle(wanted: &Wanted, world: &mut World, dice: &mut Dice) -> Plan {
    for _ in 0..2 {
        let plan = plan(wanted, &world.observed);
        insist_on_order(&plan);
        world.run(wanted, &plan, |among| dice.roll(among), |_| Luck::Good);
        time_passes(world);
    }
    let last = plan(wanted, &world.observed);
    assert!(last.is_empty(), "not settled: {last:#?}");
    last
}

fn insist_on_order(plan: &Plan) {
    for step in &plan.steps {
        let mut before = step.needs.iter().chain(&step.after);
        assert!(
            before.all(|before| before.0 < step.id.0),
            "a step waits for a later one"
        );
    }
}

/// Whoever could not be reached can be again, with an old release; says whether there was anybody.
fn heal(wanted: &Wanted, world: &mut World) -> bool {
    let mut has_healed = false;
    let all: Vec<Instance> = world.observed.instances().cloned().collect();
    for one in all {
        let is_silent = !matches!(
            world.observed.nodes.get(&one.id),
            None | Some(NodeSight::Reported(_))
        );
        if let Some(slot) = one.slot.as_ref().filter(|_| is_silent) {
            let report = NodeReport {
                release: Some("0123456789abcdef".to_owned()),
                ..pushed(wanted, slot, one.address)
            };
            let sight = NodeSight::Reported(Box::new(report));
            world.observed.nodes.insert(one.id, sight);
            has_healed = true;
        }
    }
    world.observed.verdicts.clear();
    has_healed
}

/// Whatever is not the line's is as it was, and another operator's way in too.
fn insist_on_foreign(world: &mut World) {
    for record in foreign_records() {
        assert!(world.zone().records.contains(&record), "{record:?} is gone");
    }
}

fn operators_rules(world: &World) -> usize {
    let rules = world.observed.groups().flat_map(|group| &group.rules);
    rules.filter(|rule| rule.from_port == 22).count()
}

/// What is wanted, with some machines of the operator's own.
fn with_own(mut profile: Profile, count: usize) -> Wanted {
    profile.node = brought(&profile, count);
    wanted(profile)
}

/// Exactly what is wanted is there.
fn insist_on_whole(wanted: &Wanted, world: &mut World, last: &Plan) {
    let mut slots: Vec<Slot> = wanted.profile.slots().collect();
    slots.sort();
    let mut filled: Vec<Slot> = world
        .observed
        .instances()
        .map(|one| one.slot.clone().unwrap())
        .collect();
    filled.sort();
    assert_eq!(filled, slots);
    let is_told = |trouble: &super::step::Trouble| trouble.what.contains("which no line does");
    assert!(last.troubles.iter().all(is_told), "{:?}", last.troubles);
    let mut checked: Vec<Slot> = world
        .zone()
        .checks
        .iter()
        .map(|check| check.reference.slot.clone())
        .collect();
    checked.sort();
    assert_eq!(checked, slots);
    let known = crate::dns::known_nodes(&wanted.profile.name, &world.zone().records);
    assert_eq!(
        known.into_iter().map(|node| node.slot).collect::<Vec<_>>(),
        slots
    );
}

/// Hides a region from the next plan, and shows it again.
fn hide(world: &mut World, number: u8) -> Option<(Region, RegionView)> {
    let region: Region = ALL.get(usize::from(number))?.parse().unwrap();
    let dark = RegionView::NotLookedAt("timed out".to_owned());
    let view = world.observed.regions.insert(region.clone(), dark)?;
    Some((region, view))
}

fn refuse_offer(world: &mut World, number: u8) {
    if let Some(name) = ALL.get(usize::from(number)) {
        let refused = Err("no image".to_owned());
        if let Some(offer) = world
            .observed
            .offers
            .get_mut(&name.parse::<Region>().unwrap())
        {
            *offer = refused;
        }
    }
}

/// As many cases as asked for in `PROPTEST_CASES`, or as fit into some seconds.
fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let is_asked = asked.cases != 256;
    ProptestConfig {
        cases: if is_asked { asked.cases } else { 100 },
        failure_persistence: None,
        ..asked
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn from_any_state_two_rounds_lead_to_what_is_wanted(disorder in disorder(), regions in 1..=3_usize, per_region in 1..=2_u16, own in 0..=3_usize, dice in dice()) {
        let wanted = with_own(profile(&ALL[..regions], per_region), own);
        let mut world = disorder.world(&wanted);
        bring(&mut world.observed, &wanted, &dice);
        let mut dice = Dice { bytes: dice, at: 0 };
        let others = operators_rules(&world);
        let mut last = settle(&wanted, &mut world, &mut dice);
        prop_assert!(operators_rules(&world) <= others);
        if heal(&wanted, &mut world) {
            last = settle(&wanted, &mut world, &mut dice);
        }
        insist_on_whole(&wanted, &mut world, &last);
        insist_on_foreign(&mut world);
    }

    #[test]
    fn whatever_fails_on_the_way_two_more_rounds_lead_there(disorder in disorder(), regions in 1..=3_usize, per_region in 1..=2_u16, own in 0..=3_usize, dice in dice()) {
        let wanted = with_own(profile(&ALL[..regions], per_region), own);
        let mut world = disorder.world(&wanted);
        bring(&mut world.observed, &wanted, &dice);
        let bytes = dice.clone();
        let mut dice = Dice { bytes: dice, at: 0 };
        let hidden = hide(&mut world, disorder.unseen);
        refuse_offer(&mut world, disorder.no_offer);
        for round in 0..2 {
            let plan = plan(&wanted, &world.observed);
            world.run(&wanted, &plan, |among| dice.roll(among), |id| luck(&bytes, StepId(id.0 + round * 11)));
            time_passes(&mut world);
            insist_on_foreign(&mut world);
        }
        world.observed.regions.extend(hidden);
        world.offered(&wanted);
        let mut last = settle(&wanted, &mut world, &mut dice);
        if heal(&wanted, &mut world) {
            last = settle(&wanted, &mut world, &mut dice);
        }
        insist_on_whole(&wanted, &mut world, &last);
        insist_on_foreign(&mut world);
    }

    #[test]
    fn a_teardown_of_anything_leaves_nothing_but_what_is_not_ours(disorder in disorder(), own in 0..=3_usize, dice in dice()) {
        let wanted = with_own(profile(&ALL, 1), own);
        let mut world = disorder.world(&wanted);
        bring(&mut world.observed, &wanted, &dice);
        let bytes = dice.clone();
        let mut dice = Dice { bytes: dice, at: 0 };
        for round in 0..2 {
            let zone = world.zone().clone();
            let plan = teardown(&wanted.profile.name, &world.observed, &[zone]);
            insist_on_order(&plan);
            // A zone that cannot be changed keeps no machine, so records that fail may point at what is gone.
            let records = plan.ids_where(|step| matches!(step.action, Action::ChangeRecords { .. }));
            let luck = |id: StepId| if round > 0 || records.contains(&id) { Luck::Good } else { luck(&bytes, id) };
            world.run(&wanted, &plan, |among| dice.roll(among), luck);
            time_passes(&mut world);
        }
        prop_assert_eq!(world.observed.launched().count() + world.observed.groups().count() + world.zone().checks.len(), 0);
        prop_assert_eq!(&world.zone().records, &foreign_records());
        let zone = world.zone().clone();
        prop_assert!(teardown(&wanted.profile.name, &world.observed, &[zone]).is_empty());
    }
}

#[test]
fn another_secret_and_paid_types_are_refused() {
    let wanted = wanted(profile(&["us-east-1"], 1));
    let mut world = World::empty(&["us-east-1"]);
    world.offered(&wanted);
    let timestamp: Timestamp = NOW.parse().unwrap();
    assert_eq!(
        super::regions_to_launch_in(
            &wanted.profile,
            &super::Roster::standing(&wanted.profile, &world.observed),
            &world.observed,
            timestamp
        )
        .len(),
        1
    );
    let region: Region = "us-east-1".parse().unwrap();
    let Some(Ok(offer)) = world.observed.offers.get_mut(&region) else {
        panic!()
    };
    offer.free_types = vec!["c7i-flex.large".to_owned()];
    let refused = up(&Context::new(&wanted, &world.observed, None)).unwrap_err();
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
    let refused = up(&Context::new(&wanted, &world.observed, None)).unwrap_err();
    assert!(
        refused
            .to_string()
            .starts_with("the line secret is not the one")
    );
}
