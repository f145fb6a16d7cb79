//! A line's bill for a month, by region and item, at on-demand prices.

use serde::Serialize;

use crate::line::{AccountPlan, CheckSpeed, Profile, Region};

use super::price::{HOURS, Price, Prices};
use super::smaller::SmallerLine;
use super::usd::Usd;

/// Health checks that cost an account nothing, if they ask AWS endpoints.
const FREE_CHECKS: u64 = 50;
/// GB out that cost an account nothing in a month.
const FREE_TRAFFIC: u64 = 100;

/// What a line costs in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Bill {
    /// The day of the prices.
    pub prices_of: String,
    /// The sum, which is exact before it is rounded.
    pub total: Usd,
    /// Items with an amount.
    pub items: Vec<Item>,
    /// Instance types that no price is on record of, so that the sum is too low.
    pub unknown: Vec<String>,
    /// What it would cost with fewer regions; the planner tells it.
    pub smaller: Vec<SmallerLine>,
    /// The account's credits, where AWS told them.
    pub account_plan: Option<AccountPlan>,
}

/// One item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Item {
    /// The region; `None` for what the line has once.
    pub region: Option<Region>,
    /// What it is.
    pub what: String,
    /// Its month.
    pub amount: Usd,
    /// Where the price is from.
    pub source: String,
    /// Whether the price was not verified.
    pub estimate: bool,
}

/// The bill of a line with these launched nodes: each one's region and instance type.
pub fn bill(profile: &Profile, nodes: &[(Region, String)], prices: &Prices) -> Bill {
    let mut items = Vec::new();
    let mut unknown = Vec::new();
    let mut regions: Vec<&Region> = nodes.iter().map(|(region, _)| region).collect();
    regions.sort();
    regions.dedup();
    for region in regions {
        let mut kinds: Vec<&String> = nodes
            .iter()
            .filter(|(of, _)| of == region)
            .map(|(_, kind)| kind)
            .collect();
        kinds.sort();
        let count = number(kinds.len());
        for same in kinds.chunk_by(|a, b| a == b) {
            let (kind, count) = (same[0], number(same.len()));
            match prices.instance(region, kind) {
                Some(price) => {
                    let what = format!("{count} × {kind}");
                    items.push(item(Some(region), what, &price, |one| {
                        one * (HOURS * count)
                    }));
                }
                None => unknown.push(kind.clone()),
            }
        }
        let gib = u64::from(profile.nodes.volume_gib) * count;
        let volume = prices.volume(region);
        items.push(item(
            Some(region),
            format!("{gib} GiB of gp3"),
            &volume,
            |one| one * gib,
        ));
        items.push(item(
            Some(region),
            format!("{count} × public IPv4"),
            &prices.address,
            |one| one * (HOURS * count),
        ));
    }
    items.extend(of_route_53(profile, number(nodes.len()), prices));
    let gib = profile.budget.traffic_gb.saturating_sub(FREE_TRAFFIC);
    if gib > 0 {
        let what = format!("traffic out, {gib} GB beyond the free {FREE_TRAFFIC}");
        items.push(item(None, what, &prices.traffic, |one| one * gib));
    }
    unknown.sort();
    unknown.dedup();
    Bill {
        prices_of: prices.date.clone(),
        total: items.iter().map(|item| item.amount).sum(),
        items,
        unknown,
        smaller: Vec::new(),
        account_plan: None,
    }
}

/// A month of one more node; `None` for a type without a price on record.
pub fn node_month(profile: &Profile, region: &Region, kind: &str, prices: &Prices) -> Option<Usd> {
    let hours = prices.instance(region, kind)?.price + prices.address.price;
    let volume = prices.volume(region).price * u64::from(profile.nodes.volume_gib);
    let is_checked_fast = profile.has_domain() && profile.dns.checks == CheckSpeed::Fast;
    let check = prices.check_option.price * u64::from(is_checked_fast);
    Some(hours * HOURS + volume + check)
}

fn of_route_53(profile: &Profile, nodes: u64, prices: &Prices) -> Vec<Item> {
    if !profile.has_domain() {
        return Vec::new();
    }
    let queries = profile.budget.queries;
    let mut items = vec![
        item(None, "hosted zone".to_owned(), &prices.zone, |one| one),
        item(
            None,
            format!("{queries} geolocation queries"),
            &prices.queries,
            |one| one.share(queries, 1_000_000),
        ),
    ];
    let paid = nodes.saturating_sub(FREE_CHECKS);
    if paid > 0 {
        let what = format!("{paid} health checks beyond the free {FREE_CHECKS}");
        items.push(item(None, what, &prices.check, |one| one * paid));
    }
    if profile.dns.checks == CheckSpeed::Fast {
        let what = format!("{nodes} × health check every 10 s");
        items.push(item(None, what, &prices.check_option, |one| one * nodes));
    }
    items.extend(of_checks_elsewhere(profile, prices));
    items
}

/// The operator's own machines cost the line nothing but their health checks, of which none is free.
fn of_checks_elsewhere(profile: &Profile, prices: &Prices) -> Vec<Item> {
    let count = number(profile.node.len());
    let mut items = Vec::new();
    if count > 0 {
        let what = format!("{count} × health check outside AWS");
        items.push(item(None, what, &prices.check_elsewhere, |one| one * count));
    }
    if count > 0 && profile.dns.checks == CheckSpeed::Fast {
        let what = format!("{count} × health check outside AWS every 10 s");
        let price = &prices.check_option_elsewhere;
        items.push(item(None, what, price, |one| one * count));
    }
    items
}

fn item(
    region: Option<&Region>,
    what: String,
    price: &Price,
    amount: impl FnOnce(Usd) -> Usd,
) -> Item {
    Item {
        region: region.cloned(),
        what,
        amount: amount(price.price),
        source: price.source.clone(),
        estimate: price.estimate,
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).expect("64 bits are enough for a fleet")
}

impl Bill {
    /// Whether an item's price was not verified.
    pub fn has_estimates(&self) -> bool {
        self.items.iter().any(|item| item.estimate)
    }

    /// What a region costs.
    pub fn of_region(&self, region: &Region) -> Usd {
        let items = self.items.iter();
        let own = items.filter(|item| item.region.as_ref() == Some(region));
        own.map(|item| item.amount).sum()
    }

    /// How many tenths of a month an amount of credits lasts; `None` when nothing costs.
    pub fn tenths_of_months(&self, credits: Usd) -> Option<u64> {
        (self.total.cents() > 0).then(|| credits.cents() * 10 / self.total.cents())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet(regions: &[&str], kind: &str) -> Vec<(Region, String)> {
        let nodes = regions.iter();
        nodes
            .map(|region| (region.parse().unwrap(), kind.to_owned()))
            .collect()
    }

    fn with_domain() -> Profile {
        let mut profile = Profile::default();
        profile.dns.host = "llm.example.com".to_owned();
        profile
    }

    fn amounts(bill: &Bill) -> Vec<String> {
        let told = |item: &Item| {
            let estimate = if item.estimate { " (estimate)" } else { "" };
            let place = item.region.as_ref().map_or("line", Region::as_str);
            format!("{place}: {} {}{estimate}", item.what, item.amount)
        };
        bill.items.iter().map(told).collect()
    }

    #[test]
    fn three_micro_nodes_cost_what_the_research_says() {
        let nodes = fleet(&["us-east-1", "ap-southeast-1", "eu-west-1"], "t3.micro");
        let bill = bill(&Profile::default(), &nodes, &Prices::shipped());
        assert_eq!(bill.total.to_string(), "$38.61");
        assert_eq!(bill.tenths_of_months(Usd::from_cents(10_000)), Some(25));
        assert_eq!(
            amounts(&bill),
            [
                "ap-southeast-1: 1 × t3.micro $9.64",
                "ap-southeast-1: 8 GiB of gp3 $0.77 (estimate)",
                "ap-southeast-1: 1 × public IPv4 $3.65",
                "eu-west-1: 1 × t3.micro $8.32",
                "eu-west-1: 8 GiB of gp3 $0.70",
                "eu-west-1: 1 × public IPv4 $3.65",
                "us-east-1: 1 × t3.micro $7.59",
                "us-east-1: 8 GiB of gp3 $0.64",
                "us-east-1: 1 × public IPv4 $3.65",
            ]
        );
    }

    #[test]
    fn route_53_is_the_zone_the_queries_and_the_options_of_checks() {
        let mut profile = with_domain();
        profile.budget.queries = 3_000_000;
        profile.dns.checks = CheckSpeed::Fast;
        let bill = bill(
            &profile,
            &fleet(&["us-east-1"; 52], "t2.micro"),
            &Prices::shipped(),
        );
        assert_eq!(
            amounts(&bill),
            [
                "us-east-1: 52 × t2.micro $440.34",
                "us-east-1: 416 GiB of gp3 $33.28",
                "us-east-1: 52 × public IPv4 $189.80",
                "line: hosted zone $0.50",
                "line: 3000000 geolocation queries $2.10",
                "line: 2 health checks beyond the free 50 $1.00",
                "line: 52 × health check every 10 s $52.00",
            ]
        );
    }

    #[test]
    fn a_machine_of_ones_own_costs_its_health_check() {
        let text = "[dns]\nhost = \"llm.example.com\"\nchecks = \"fast\"\n[[node]]\nname = \"a\"\naddress = \"203.0.113.1\"\n\
            region = \"us-east-1\"\nuser = \"debian\"\n\
            host_key = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJxNsj8CN8ksQSbls1ZGbYPKYJ9ulaRgXaFdNTJzbCDY\"\n";
        let profile = Profile::parse(text).unwrap();
        let bill = bill(&profile, &[], &Prices::shipped());
        assert_eq!(
            amounts(&bill)[3..],
            [
                "line: 1 × health check outside AWS $0.75 (estimate)",
                "line: 1 × health check outside AWS every 10 s $2.00 (estimate)",
            ]
        );
    }

    #[test]
    fn traffic_costs_beyond_what_is_free() {
        let mut profile = Profile::default();
        profile.budget.traffic_gb = 250;
        let bill = bill(&profile, &[], &Prices::shipped());
        let traffic = "line: traffic out, 150 GB beyond the free 100 $18.00 (estimate)";
        assert_eq!(amounts(&bill), [traffic]);
    }

    #[test]
    fn what_is_not_on_record_is_an_estimate_or_told() {
        let nodes = [
            fleet(&["sa-east-1"], "t3.micro"),
            fleet(&["sa-east-1"], "m5.large"),
        ]
        .concat();
        let bill = bill(&Profile::default(), &nodes, &Prices::shipped());
        assert_eq!(
            amounts(&bill)[0],
            "sa-east-1: 1 × t3.micro $12.53 (estimate)"
        );
        assert_eq!(bill.unknown, ["m5.large"]);
        assert!(bill.has_estimates());
    }

    #[test]
    fn one_more_node_is_the_difference_of_two_bills() {
        let mut profile = with_domain();
        profile.dns.checks = CheckSpeed::Fast;
        let prices = Prices::shipped();
        let (one, two) = (
            fleet(&["eu-west-1"], "t3.micro"),
            fleet(&["eu-west-1"; 2], "t3.micro"),
        );
        let region = "eu-west-1".parse().unwrap();
        let more = node_month(&profile, &region, "t3.micro", &prices).unwrap();
        let (one, two) = (bill(&profile, &one, &prices), bill(&profile, &two, &prices));
        assert_eq!(one.total + more, two.total);
        assert_eq!(one.of_region(&region).to_string(), "$12.68");
    }

    #[test]
    fn amounts_are_read_exactly() {
        for (text, cents) in [("0.0104", 1), ("12", 1200), ("0.005", 1), ("0.004999", 0)] {
            assert_eq!(text.parse::<Usd>().unwrap().cents(), cents, "{text}");
        }
        for wrong in ["", ".5", "1.0000001", "-1", "1e3", "1,5"] {
            assert!(wrong.parse::<Usd>().is_err(), "{wrong}");
        }
    }
}
