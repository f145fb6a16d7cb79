//! `dsline dns explain`

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use crate::client::vantage;
use crate::cloud::{Cloud, Zone};
use crate::dns::{
    Answer, Checks, Question, RecordTree, Step, Turn, answer, known_nodes, read_listing,
};
use crate::line::{
    Hint as _, LineName, Place, Profile, RecordSet, RecordType, Region, ZoneView, plain_name,
};
use crate::operator::Environment;
use crate::output::{self, Explanation, PathStep, Printer, Rehearsal};

use super::answers::ask_checkers;
use super::global::Global;
use super::outcome::Outcome;

/// Show what Route 53 answers in a place, and why.
///
/// Of this line's own records, or offline of any zone's whose records were saved as JSON by
/// `aws route53 list-resource-record-sets`: `dsline dns explain --records records.json --name www.example.com --from EU`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Where the question comes from: a continent (AS), a country (AS-JP), a state (NA-US-CA), or * for nowhere known
    #[arg(long, value_name = "PLACE")]
    from: Place,
    /// The name that is asked for, instead of the line's host name
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The type that is asked for
    #[arg(long, value_name = "TYPE", default_value = "A")]
    r#type: String,
    /// Take all nodes of these regions for dead
    #[arg(
        long,
        value_name = "REGION,...",
        value_delimiter = ',',
        conflicts_with = "records"
    )]
    down: Vec<Region>,
    /// The records, as `aws route53 list-resource-record-sets` prints them; nothing else is then looked at
    #[arg(long, value_name = "FILE", requires = "name")]
    records: Option<PathBuf>,
    /// JSON of health check ids and states: healthy, unhealthy, disabled, inverted, or two of them joined by +
    #[arg(long, value_name = "FILE", requires = "records")]
    health: Option<PathBuf>,
}

/// What an answer is worked out from.
struct Scene {
    zone_id: Option<String>,
    records: Vec<RecordSet>,
    checks: Checks,
    line: Option<LineName>,
    /// Who can be asked whether it is so; nobody about records out of a file.
    real: Option<(Cloud, Zone)>,
}

/// Works the answer out and prints it with the path that leads to it.
pub(super) async fn run(
    args: &Args,
    global: &Global,
    environment: &Environment,
    printer: &Printer,
) -> Result<Outcome> {
    let (scene, name) = if let (Some(records), Some(name)) = (&args.records, &args.name) {
        let health = args.health.as_deref();
        (read(environment, records, health)?, name.clone())
    } else {
        let profile = global.unnamed().profile(environment)?.profile;
        let name = args.name.clone();
        let name = name.unwrap_or_else(|| profile.dns.host.clone());
        (observe(&profile, &args.down).await?, name)
    };
    let (name, kind) = (
        plain_name(&name),
        RecordType::named(&args.r#type.to_uppercase()),
    );
    let tree = RecordTree::new(&scene.records, scene.zone_id.as_deref());
    let question = Question {
        name: &name,
        kind: &kind,
        place: args.from,
    };
    let found = answer(&tree, &scene.checks, &question)?;
    note_unknown(args, &scene, &found, printer);
    let mut explanation = explain(&scene, &question, &found);
    explanation.route53 = match &scene.real {
        // Nobody can ask Route 53 what it would answer if a living region were dead.
        Some((cloud, zone)) if args.down.is_empty() => {
            rehearse(cloud, zone, &question, &found).await
        }
        _ => None,
    };
    output::explanation(printer, &explanation)?;
    Ok(Outcome::Done)
}

/// The line's own records and checks as they are, with the nodes of some regions taken for dead.
async fn observe(profile: &Profile, down: &[Region]) -> Result<Scene> {
    if !profile.has_domain() {
        return Err(anyhow::anyhow!("the line has no host name")).hint(
            "set `dns.host` in the profile, or pass --records and --name to look at another zone",
        );
    }
    let cloud = Cloud::open().await;
    let zone = cloud
        .find_zone(&profile.dns.host, &profile.dns.zone)
        .await?;
    let ZoneView {
        id,
        records,
        checks,
        ..
    } = cloud.zone_view(&zone, &profile.name).await?;
    let reached = ask_checkers(&cloud, checks.iter()).await;
    let mut states = Checks::of_line(&checks, &reached);
    let nodes = known_nodes(&profile.name, &records);
    for region in down {
        let mut theirs = nodes
            .iter()
            .filter(|node| node.slot.region == *region)
            .peekable();
        if theirs.peek().is_none() {
            bail!("no record of the line names a node in {region}");
        }
        theirs.for_each(|node| states.lose(&node.check_id));
    }
    Ok(Scene {
        zone_id: Some(id),
        records,
        checks: states,
        line: Some(profile.name.clone()),
        real: Some((cloud, zone)),
    })
}

/// Records and checks out of files alone.
fn read(environment: &Environment, records: &Path, health: Option<&Path>) -> Result<Scene> {
    let text = |path: &Path| {
        let path = environment.resolve(path);
        std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
    };
    let found = read_listing(&text(records)?);
    let found = found.with_context(|| format!("cannot use {}", records.display()))?;
    let checks = match health {
        Some(health) => Checks::parse(&text(health)?)
            .map_err(anyhow::Error::msg)
            .with_context(|| format!("cannot use {}", health.display()))?,
        None => Checks::default(),
    };
    Ok(Scene {
        zone_id: None,
        records: found,
        checks,
        line: None,
        real: None,
    })
}

/// Says which checks on the path nobody has told the state of.
fn note_unknown(args: &Args, scene: &Scene, found: &Answer<'_>, printer: &Printer) {
    let on_path = found.path.iter().filter_map(|step| step.record());
    let mut unknown: Vec<&str> = on_path
        .filter_map(|record| record.health_check.as_deref())
        .filter(|id| !scene.checks.knows(id))
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    if unknown.is_empty() || (args.records.is_some() && args.health.is_none()) {
        return;
    }
    printer.note(format!(
        "note: nothing is known of health check {}: taken for healthy, as Route 53 does while there is no data",
        unknown.join(", ")
    ));
}

/// Asks Route 53 itself, for a place that an address is known in: a continent, or nowhere.
async fn rehearse(
    cloud: &Cloud,
    zone: &Zone,
    question: &Question<'_>,
    found: &Answer<'_>,
) -> Option<Rehearsal> {
    if matches!(question.place, Place::Country(_) | Place::State(_)) {
        return None;
    }
    let resolver = vantage(question.place.continent());
    let asked = cloud
        .rehearse(zone, question.name, question.kind, resolver)
        .await;
    Some(match asked {
        Ok(answered) => {
            let is_possible = |value: &String| found.possible.contains(&value.as_str());
            let is_silent = answered.is_empty() != found.possible.is_empty();
            Rehearsal {
                agrees: Some(!is_silent && answered.iter().all(is_possible)),
                answered,
                error: None,
            }
        }
        Err(error) => Rehearsal {
            answered: Vec::new(),
            error: Some(error.to_string()),
            agrees: None,
        },
    })
}

fn explain(scene: &Scene, question: &Question<'_>, found: &Answer<'_>) -> Explanation {
    let nodes = scene
        .line
        .iter()
        .flat_map(|line| known_nodes(line, &scene.records));
    let nodes = nodes.map(|node| (node.address.to_string(), node.slot));
    let step = |step: &Step<'_>| PathStep {
        depth: step.depth,
        name: step.name.to_owned(),
        set_identifier: step
            .record()
            .and_then(|record| record.set_identifier.clone()),
        taken: matches!(step.turn, Turn::Taken(_)),
        what: step.to_string(),
    };
    Explanation {
        name: question.name.to_owned(),
        kind: question.kind.name().to_owned(),
        from: question.place,
        possible: found
            .possible
            .iter()
            .map(|value| (*value).to_owned())
            .collect(),
        path: found.path.iter().map(step).collect(),
        route53: None,
        nodes: nodes.collect(),
    }
}
