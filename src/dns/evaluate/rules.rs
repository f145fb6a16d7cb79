//! Route 53's documented rules, one test for each (tests only).

use super::answer::{Answer, Question, answer};
use super::check::{CheckState, Checks};
use super::tree::RecordTree;
use crate::dns::read_listing;
use crate::line::{Place, RecordSet, RecordType};

/// A zone in short: a line is `name type identifier routing check -> value`, with `-` for what is not there; an alias
/// begins with `@` (health evaluated) or `~` (not).
fn zone(lines: &[&str]) -> Vec<RecordSet> {
    let sets: Vec<String> = lines.iter().map(|line| set(line)).collect();
    read_listing(&format!(
        r#"{{"ResourceRecordSets": [{}]}}"#,
        sets.join(",")
    ))
    .unwrap()
}

fn set(line: &str) -> String {
    let (words, value) = line.split_once(" -> ").unwrap();
    let [name, kind, identifier, routing, check] = words.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{line}")
    };
    let mut fields = vec![format!(r#""Name": "{name}.", "Type": "{kind}""#)];
    if identifier != "-" {
        fields.push(format!(r#""SetIdentifier": "{identifier}""#));
    }
    fields.extend(match routing.split_once('=') {
        Some(("weight", weight)) => Some(format!(r#""Weight": {weight}"#)),
        Some(("failover", half)) => Some(format!(r#""Failover": "{half}""#)),
        Some(("continent", code)) => {
            Some(format!(r#""GeoLocation": {{"ContinentCode": "{code}"}}"#))
        }
        Some(("country", code)) => Some(format!(r#""GeoLocation": {{"CountryCode": "{code}"}}"#)),
        Some(("state", code)) => Some(format!(
            r#""GeoLocation": {{"CountryCode": "US", "SubdivisionCode": "{code}"}}"#
        )),
        Some(("region", region)) => Some(format!(r#""Region": "{region}""#)),
        _ if routing == "multivalue" => Some(r#""MultiValueAnswer": true"#.to_owned()),
        _ => None,
    });
    if check != "-" {
        fields.push(format!(r#""HealthCheckId": "{check}""#));
    }
    let (sign, target) = value.split_at(1);
    fields.push(if matches!(sign, "@" | "~") {
        format!(
            r#""AliasTarget": {{"DNSName": "{target}.", "HostedZoneId": "Z1", "EvaluateTargetHealth": {}}}"#,
            sign == "@"
        )
    } else {
        let values = value.split(',').map(|value| format!(r#"{{"Value": "{value}"}}"#));
        let values: Vec<String> = values.collect();
        format!(r#""TTL": 60, "ResourceRecords": [{}]"#, values.join(","))
    });
    format!("{{{}}}", fields.join(","))
}

/// Every value that can be answered for an A question about `x.org`; `dead` names the checks that fail.
fn ask(zone: &[RecordSet], from: &str, dead: &[&str]) -> Vec<String> {
    told(zone, "x.org", from, dead).unwrap().0
}

fn told(
    zone: &[RecordSet],
    name: &str,
    from: &str,
    dead: &[&str],
) -> Result<(Vec<String>, Vec<String>), String> {
    let mut checks = Checks::default();
    for id in dead {
        checks.lose(id);
    }
    let tree = RecordTree::new(zone, None);
    let question = Question {
        name,
        kind: &RecordType::A,
        place: from.parse::<Place>().unwrap(),
    };
    let Answer { possible, path } =
        answer(&tree, &checks, &question).map_err(|error| error.to_string())?;
    let owned = possible.into_iter().map(str::to_owned).collect();
    Ok((owned, path.iter().map(ToString::to_string).collect()))
}

fn places() -> Vec<RecordSet> {
    zone(&[
        "x.org A ca state=CA ca -> 1",
        "x.org A us country=US us -> 2",
        "x.org A na continent=NA na -> 3",
        "x.org A jp country=JP jp -> 4",
        "x.org A all country=* all -> 5",
    ])
}

#[test]
fn the_smallest_region_answers_first() {
    let from = |place: &str| ask(&places(), place, &[]);
    assert_eq!(from("NA-US-CA"), ["1"]);
    assert_eq!(from("NA-US-NY"), ["2"]);
    assert_eq!(from("NA-CA"), ["3"]);
    assert_eq!(from("AS-JP"), ["4"]);
    assert_eq!(from("AS"), ["5"]);
    assert_eq!(from("*"), ["5"]);
}

#[test]
fn an_unhealthy_place_goes_to_the_next_larger_and_never_sideways() {
    let ask = |from: &str, dead: &[&str]| ask(&places(), from, dead);
    assert_eq!(ask("NA-US-CA", &["ca"]), ["2"]);
    assert_eq!(ask("NA-US-CA", &["ca", "us"]), ["3"]);
    assert_eq!(ask("NA-US-CA", &["ca", "us", "na"]), ["5"]);
    assert_eq!(ask("AS-JP", &["jp"]), ["5"]);
    // All of them: the smallest region's, although Japan is well.
    assert_eq!(ask("NA-US-CA", &["ca", "us", "na", "all"]), ["1"]);
    assert_eq!(ask("EU", &["all"]), ["5"]);
}

#[test]
fn without_a_default_an_unlisted_place_has_no_answer() {
    let zone = zone(&["x.org A eu continent=EU - -> 1"]);
    let (possible, path) = told(&zone, "x.org", "AS", &[]).unwrap();
    assert!(possible.is_empty());
    assert_eq!(
        path,
        ["x.org: no geolocation record fits `AS`, and there is no default"]
    );
}

#[test]
fn a_failover_pair_answers_with_what_is_healthy_and_else_with_the_primary() {
    let zone = zone(&[
        "x.org A two failover=SECONDARY b -> 2",
        "x.org A one failover=PRIMARY a -> 1",
    ]);
    assert_eq!(ask(&zone, "*", &[]), ["1"]);
    assert_eq!(ask(&zone, "*", &["a"]), ["2"]);
    assert_eq!(ask(&zone, "*", &["b"]), ["1"]);
    assert_eq!(ask(&zone, "*", &["a", "b"]), ["1"]);
}

#[test]
fn a_record_without_a_check_is_always_healthy() {
    let zone = zone(&[
        "x.org A one failover=PRIMARY a -> 1",
        "x.org A two failover=SECONDARY - -> 2",
    ]);
    assert_eq!(ask(&zone, "*", &["a"]), ["2"]);
}

#[test]
fn weights_choose_among_the_healthy_and_zero_is_for_when_the_others_are_dead() {
    let zone = zone(&[
        "x.org A one weight=10 a -> 1",
        "x.org A two weight=90 b -> 2",
        "x.org A three weight=0 c -> 3",
    ]);
    assert_eq!(ask(&zone, "*", &[]), ["1", "2"]);
    assert_eq!(ask(&zone, "*", &["a"]), ["2"]);
    assert_eq!(ask(&zone, "*", &["a", "b"]), ["3"]);
    assert_eq!(ask(&zone, "*", &["a", "b", "c"]), ["1", "2"]);
}

#[test]
fn when_all_weights_are_zero_all_answer() {
    let zone = zone(&["x.org A one weight=0 a -> 1", "x.org A two weight=0 b -> 2"]);
    assert_eq!(ask(&zone, "*", &[]), ["1", "2"]);
    assert_eq!(ask(&zone, "*", &["b"]), ["1"]);
    assert_eq!(ask(&zone, "*", &["a", "b"]), ["1", "2"]);
}

#[test]
fn multivalue_answers_with_up_to_eight_of_the_healthy() {
    let lines: Vec<String> = (1..=9)
        .map(|i| format!("x.org A m{i} multivalue c{i} -> {i}"))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let zone = zone(&lines);
    let (possible, path) = told(&zone, "x.org", "*", &[]).unwrap();
    assert_eq!(possible.len(), 9);
    assert_eq!(path[0], "x.org: each answer has 8 of 9 healthy records");
    assert_eq!(
        ask(&zone, "*", &["c1", "c2"]),
        ["3", "4", "5", "6", "7", "8", "9"]
    );
    let all: Vec<String> = (1..=9).map(|i| format!("c{i}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert_eq!(ask(&zone, "*", &all).len(), 9);
}

#[test]
fn an_alias_is_healthy_while_one_record_behind_it_is() {
    let zone = zone(&[
        "x.org A one failover=PRIMARY - -> @near.x.org",
        "x.org A two failover=SECONDARY - -> @far.x.org",
        "near.x.org A n1 weight=1 a -> 1",
        "near.x.org A n2 weight=1 b -> 2",
        "far.x.org A - - - -> 9",
    ]);
    assert_eq!(ask(&zone, "*", &["a"]), ["2"]);
    assert_eq!(ask(&zone, "*", &["a", "b"]), ["9"]);
}

#[test]
fn an_alias_that_does_not_evaluate_its_target_keeps_the_dead_branch() {
    let zone = zone(&[
        "x.org A one continent=EU - -> ~near.x.org",
        "x.org A two country=* - -> @far.x.org",
        "near.x.org A n1 weight=1 a -> 1",
        "far.x.org A - - - -> 9",
    ]);
    assert_eq!(ask(&zone, "EU", &["a"]), ["1"]);
}

#[test]
fn an_alias_with_a_check_of_its_own_needs_both() {
    let zone = zone(&[
        "x.org A one failover=PRIMARY own -> @near.x.org",
        "x.org A two failover=SECONDARY - -> 9",
        "near.x.org A - - a -> 1",
    ]);
    assert_eq!(ask(&zone, "*", &[]), ["1"]);
    assert_eq!(ask(&zone, "*", &["own"]), ["9"]);
    assert_eq!(ask(&zone, "*", &["a"]), ["9"]);
}

#[test]
fn a_check_counts_by_its_switches() {
    let healthy = |text: &str| text.parse::<CheckState>().unwrap().is_healthy();
    assert!(healthy("healthy"));
    assert!(!healthy("unhealthy"));
    assert!(healthy("disabled"));
    assert!(!healthy("inverted"));
    assert!(!healthy("disabled+inverted"));
    assert!(!healthy("inverted+disabled"));
    assert!(healthy("unhealthy+inverted"));
    assert!(healthy("unhealthy+disabled"));
    assert_eq!(
        "unheathy".parse::<CheckState>().unwrap_err(),
        "`unheathy` is no state of a health check; did you mean `unhealthy`?"
    );
    let message = Checks::parse(r#"{"c1": "dead"}"#).unwrap_err();
    assert!(
        message.starts_with("health check `c1`: `dead` is no state"),
        "{message}"
    );
    let checks = Checks::parse(r#"{"c1": "disabled+inverted"}"#).unwrap();
    assert!(!checks.is_healthy("c1") && checks.is_healthy("c2"));
}

#[test]
fn circles_are_refused_wherever_they_are_met() {
    let zone = zone(&[
        "x.org A - - - -> @a.x.org",
        "a.x.org A - - - -> @b.x.org",
        "b.x.org A - - - -> @a.x.org",
        "fine.x.org A - - - -> 1",
        "c.x.org CNAME - - - -> d.x.org.",
        "d.x.org CNAME - - - -> C.x.org.",
    ]);
    let refusal = |name: &str| told(&zone, name, "*", &[]).unwrap_err();
    assert_eq!(
        refusal("x.org"),
        "aliases run in a circle: a.x.org -> b.x.org -> a.x.org"
    );
    assert_eq!(
        refusal("b.x.org"),
        "aliases run in a circle: a.x.org -> b.x.org -> a.x.org"
    );
    assert_eq!(
        refusal("c.x.org"),
        "aliases run in a circle: c.x.org -> d.x.org -> c.x.org"
    );
    assert!(told(&zone, "fine.x.org", "*", &[]).is_ok());
}

#[test]
fn what_is_outside_the_zone_is_told_as_it_is() {
    let zone = zone(&[
        "x.org A one weight=1 - -> @lb-1.elb.example.net",
        "x.org A two weight=1 a -> 2",
        "www.x.org CNAME - - - -> cdn.example.net.",
    ]);
    assert_eq!(ask(&zone, "*", &["a"]), ["lb-1.elb.example.net"]);
    assert_eq!(
        told(&zone, "www.x.org", "*", &[]).unwrap().0,
        ["cdn.example.net."]
    );
}

#[test]
fn a_cname_a_wildcard_and_a_delegation_are_followed_as_dns_has_it() {
    let zone = zone(&[
        "x.org SOA - - - -> soa",
        "x.org NS - - - -> ns",
        "x.org A - - - -> 1",
        "www.x.org CNAME - - - -> x.org.",
        r"\\052.w.x.org A - - - -> 7",
        "kid.x.org NS - - - -> ns.elsewhere.",
    ]);
    let at = |name: &str| told(&zone, name, "*", &[]).unwrap();
    assert_eq!(at("www.x.org").0, ["1"]);
    assert_eq!(at("any.w.x.org").0, ["7"]);
    assert!(at("w.x.org").0.is_empty());
    assert_eq!(
        at("a.kid.x.org").1,
        ["kid.x.org is given away to other name servers"]
    );
    assert_eq!(
        at("none.x.org").1,
        ["none.x.org: the zone has no such name"]
    );
}

#[test]
fn what_cannot_be_worked_out_is_refused_and_not_guessed() {
    let zone = zone(&[
        "x.org A one region=eu-west-1 - -> 1",
        "m.x.org A one weight=1 - -> 1",
        "m.x.org A two failover=PRIMARY - -> 1",
    ]);
    let refusal = |name: &str| told(&zone, name, "*", &[]).unwrap_err();
    assert!(refusal("x.org").starts_with("`x.org` is routed by latency"));
    assert!(refusal("m.x.org").contains("different routing policies"));
}

#[test]
fn the_path_leads_from_the_question_to_the_answer() {
    let zone = zone(&[
        "x.org A as continent=AS - -> @as.x.org",
        "x.org A all country=* - -> @us.x.org",
        "as.x.org A one failover=PRIMARY - -> @sg.x.org",
        "as.x.org A two failover=SECONDARY - -> @us.x.org",
        "sg.x.org A sg weight=100 sg -> 1",
        "us.x.org A us weight=100 us -> 2",
    ]);
    let (possible, path) = told(&zone, "x.org", "AS-JP", &["sg"]).unwrap();
    assert_eq!(possible, ["2"]);
    assert_eq!(
        path,
        [
            "x.org A geolocation AS (as) -> alias as.x.org",
            "as.x.org A primary (one) is unhealthy: nothing at sg.x.org is healthy",
            "as.x.org A secondary (two) -> alias us.x.org",
            "us.x.org A weight 100 (us) -> 2",
        ]
    );
}
