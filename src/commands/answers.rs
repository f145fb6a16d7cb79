//! What DNS answers in each place, beside what the zone's records and health checks say it should.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use futures::future::join_all;

use crate::client::{locate_server, resolve, vantage};
use crate::cloud::Cloud;
use crate::dns::{Checks, Question, RecordTree, answer};
use crate::engine::{LineView, World};
use crate::line::{Continent, HealthCheck, Observed, Place, Profile, RecordType, ZoneView};
use crate::output::DnsAnswer;

/// Whether Route 53's checkers reach what a check asks, by the check's id; one that could not be asked about is missing.
pub(super) type Verdicts = BTreeMap<String, bool>;

/// The verdicts on all checks of the line: those that were observed, and those that are asked for now.
pub(super) async fn verdicts(world: &World, observed: &Observed) -> Verdicts {
    let checks = observed.zone.iter().flat_map(|zone| &zone.checks);
    let unknown = checks.filter(|check| !observed.verdicts.contains_key(&check.id));
    let mut verdicts = observed.verdicts.clone();
    verdicts.extend(ask_checkers(&world.cloud, unknown).await);
    verdicts
}

/// Asks Route 53 what its checkers say.
pub(super) async fn ask_checkers<'a>(
    cloud: &Cloud,
    checks: impl Iterator<Item = &'a HealthCheck>,
) -> Verdicts {
    let asked = checks.map(async |check| {
        let health = cloud.check_health(&check.id).await.ok()?;
        Some((check.id.clone(), health.healthy))
    });
    join_all(asked).await.into_iter().flatten().collect()
}

/// What DNS answers on each continent and to somebody whose place is unknown.
pub(super) async fn dns_answers(
    world: &World,
    profile: &Profile,
    view: &LineView,
    reached: &Verdicts,
) -> Vec<DnsAnswer> {
    let Some(zone) = &view.observed.zone else {
        return Vec::new();
    };
    let server = match dns_server(world, profile, view).await {
        Ok(server) => server,
        Err(error) => {
            return vec![DnsAnswer {
                place: "everywhere".to_owned(),
                addresses: Vec::new(),
                nodes: Vec::new(),
                error: Some(format!("{error:#}")),
                disagreement: None,
            }];
        }
    };
    let expected = Expected {
        host: &profile.dns.host,
        tree: RecordTree::new(&zone.records, Some(&zone.id)),
        checks: Checks::of_line(&zone.checks, reached),
        is_known: knows_all(zone, reached),
    };
    // Nobody lives in Antarctica.
    let places = Place::all().filter(|place| place.continent() != Some(Continent::Antarctica));
    join_all(places.map(|place| ask(server, view, &expected, place))).await
}

/// The profile's resolver, else the first of the zone's own name servers.
async fn dns_server(world: &World, profile: &Profile, view: &LineView) -> Result<SocketAddr> {
    if !profile.dns.resolver.is_empty() {
        return locate_server(&profile.dns.resolver).await;
    }
    let zone = view.zone.as_ref().context("the line has no zone")?;
    let servers = world.cloud.name_servers(zone).await?;
    locate_server(servers.first().context("the zone names no name server")?).await
}

fn knows_all(zone: &ZoneView, reached: &Verdicts) -> bool {
    let mut checks = zone.checks.iter();
    checks.all(|check| check.disabled || reached.contains_key(&check.id))
}

/// The zone's records with what is known of the checks.
struct Expected<'a> {
    host: &'a str,
    tree: RecordTree<'a>,
    checks: Checks,
    /// Whether the checkers' verdict on every check is known; without one nothing can be called wrong.
    is_known: bool,
}

impl Expected<'_> {
    /// What should be answered instead, if something in an answer should not be.
    fn disagreement(&self, place: Place, addresses: &[Ipv4Addr]) -> Option<String> {
        let question = Question {
            name: self.host,
            kind: &RecordType::A,
            place,
        };
        if !self.is_known {
            return None;
        }
        let found = match answer(&self.tree, &self.checks, &question) {
            Ok(found) => found,
            Err(error) => return Some(format!("what should be answered is not known: {error}")),
        };
        let is_wrong = |address: &Ipv4Addr| !found.possible.contains(&address.to_string().as_str());
        let is_missing = addresses.is_empty() && !found.possible.is_empty();
        (is_missing || addresses.iter().any(is_wrong)).then(|| {
            let told = match found.possible.as_slice() {
                [] => "nothing".to_owned(),
                values => values.join(", "),
            };
            format!(
                "by its records and health checks it should be {told}; resolvers may lag by the ttl"
            )
        })
    }
}

async fn ask(
    server: SocketAddr,
    view: &LineView,
    expected: &Expected<'_>,
    place: Place,
) -> DnsAnswer {
    let asked = resolve(server, expected.host, vantage(place.continent())).await;
    let (addresses, error) = match asked {
        Ok(addresses) if addresses.is_empty() => (addresses, Some("no address".to_owned())),
        Ok(addresses) => (addresses, None),
        Err(error) => (Vec::new(), Some(format!("{error:#}"))),
    };
    let node_at = |address: &Ipv4Addr| {
        let mut instances = view.observed.instances();
        let instance = instances.find(|instance| instance.address.as_ref() == Some(address))?;
        instance.slot.clone()
    };
    // Without an answer there is nothing to compare but silence.
    let is_heard = error.is_none() || !addresses.is_empty();
    DnsAnswer {
        place: place.title().to_owned(),
        nodes: addresses.iter().filter_map(node_at).collect(),
        disagreement: is_heard
            .then(|| expected.disagreement(place, &addresses))
            .flatten(),
        addresses,
        error,
    }
}
