//! `dsline dns explain` on records out of a file, with no account at all.

use insta::assert_snapshot;

use super::offline;
use super::support::Lab;

/// Two places, a failover pair, an alias out of the zone, a routing that is not supported; unknown fields here and there.
const RECORDS: &str = r#"{
  "ResourceRecordSets": [
    {"Name": "example.com.", "Type": "SOA", "TTL": 900, "ResourceRecords": [{"Value": "ns. h. 1 2 3 4 5"}]},
    {"Name": "www.example.com.", "Type": "A", "SetIdentifier": "asia", "GeoLocation": {"ContinentCode": "AS"},
     "AliasTarget": {"HostedZoneId": "Z1", "DNSName": "asia.example.com.", "EvaluateTargetHealth": true}},
    {"Name": "www.example.com.", "Type": "A", "SetIdentifier": "rest", "GeoLocation": {"CountryCode": "*"},
     "AliasTarget": {"HostedZoneId": "Z2FDTNDATAQYW2", "DNSName": "d1.cloudfront.net.", "EvaluateTargetHealth": false}},
    {"Name": "asia.example.com.", "Type": "A", "SetIdentifier": "one", "Failover": "PRIMARY", "TTL": 60,
     "ResourceRecords": [{"Value": "192.0.2.1"}], "HealthCheckId": "c-1", "NewField": 1},
    {"Name": "asia.example.com.", "Type": "A", "SetIdentifier": "two", "Failover": "SECONDARY", "TTL": 60,
     "ResourceRecords": [{"Value": "192.0.2.2"}], "HealthCheckId": "c-2"},
    {"Name": "slow.example.com.", "Type": "A", "SetIdentifier": "x", "Region": "eu-west-1", "TTL": 60,
     "ResourceRecords": [{"Value": "192.0.2.3"}]}
  ],
  "MaxItems": "100"
}"#;

fn lab(health: &str) -> Lab {
    offline()
        .with_file("records.json", RECORDS.as_bytes())
        .with_file("health.json", health.as_bytes())
}

const EXPLAIN: &str = "dns explain --records records.json --health health.json";

#[test]
fn the_path_to_an_answer_is_told() {
    let lab = lab(r#"{"c-1": "disabled+inverted", "c-2": "healthy"}"#);
    let ran = lab.run(&format!("{EXPLAIN} --name www.example.com --from AS-JP"));
    assert_snapshot!(ran.exits(0).stdout, @"
    www.example.com A, asked from AS-JP (Japan)
      www.example.com A geolocation AS (asia) -> alias asia.example.com
        asia.example.com A primary (one) is unhealthy: health check c-1
        asia.example.com A secondary (two) -> 192.0.2.2
    answer: 192.0.2.2
    ");
}

#[test]
fn json_has_what_is_possible_and_the_path() {
    let lab = lab(r#"{"c-1": "unhealthy", "c-2": "unhealthy"}"#);
    let ran = lab.run(&format!(
        "{EXPLAIN} --name WWW.example.com. --from AS --json"
    ));
    let found = ran.exits(0).json();
    // With both of its records dead Asia goes to the next larger place, which everybody is.
    assert_eq!(found["possible"], serde_json::json!(["d1.cloudfront.net"]));
    assert_eq!(found["from"], "AS");
    assert_eq!(found["path"].as_array().unwrap().len(), 3);
    assert_eq!(found["path"][0]["set_identifier"], "asia");
    assert_eq!(found["path"][0]["taken"], false);
    assert_eq!(found["path"][1]["set_identifier"], "rest");
}

#[test]
fn an_alias_out_of_the_zone_is_told_by_its_name() {
    let lab = lab("{}");
    let ran = lab.run(&format!(
        "{EXPLAIN} --name www.example.com --from NA-US-CA --json"
    ));
    assert_eq!(
        ran.exits(0).json()["possible"],
        serde_json::json!(["d1.cloudfront.net"])
    );
}

#[test]
fn wrong_words_are_answered_with_the_likeliest() {
    let lab = lab(r#"{"c-1": "helthy"}"#);
    let ran = lab.run(&format!("{EXPLAIN} --name www.example.com --from AS"));
    assert_snapshot!(ran.shown(), @"
    error: cannot use health.json
      caused by: health check `c-1`: `helthy` is no state of a health check; did you mean `healthy`?
    exit code 1
    ");
    let ran = lab.run(&format!("{EXPLAIN} --name www.example.com --from JP"));
    assert_snapshot!(ran.shown(), @"
    error: invalid value 'JP' for '--from <PLACE>': `JP` is no place; did you mean `AS-JP` (Japan)?

    For more information, try '--help'.
    exit code 64
    ");
}

#[test]
fn a_routing_that_cannot_be_worked_out_is_refused() {
    let lab = lab("{}");
    let ran = lab.run(&format!("{EXPLAIN} --name slow.example.com --from AS"));
    assert_snapshot!(ran.shown(), @"
    error: `slow.example.com` is routed by latency, which cannot be worked out here; simple, weighted, failover, geolocation and multivalue can
    exit code 1
    ");
}

#[test]
fn a_list_that_is_cut_short_is_not_used() {
    let lab = offline().with_file(
        "records.json",
        br#"{"ResourceRecordSets": [], "NextToken": "x"}"#,
    );
    let ran = lab.run("dns explain --records records.json --name www.example.com --from AS");
    ran.exits(1).says("the list is cut short");
}

#[test]
fn a_line_without_a_domain_has_nothing_to_explain_or_check() {
    let lab = offline();
    lab.run("dns explain --from AS")
        .exits(1)
        .says("the line has no host name");
    lab.run("dns check")
        .exits(1)
        .says("set `dns.host` in the profile");
}
