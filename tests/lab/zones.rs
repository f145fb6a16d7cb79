//! Hosted zones that are not there, not ours, twice there, or hold something foreign.

use insta::assert_snapshot;

use super::story::{Story, name_server, profile};

/// The story with this host and zone in the profile.
fn pointing(story: Story, host: &str, zone: &str) -> Story {
    let dns = format!(
        "[dns]\nhost = \"{host}\"\nzone = \"{zone}\"\nresolver = \"{}\"\n",
        name_server()
    );
    let text = profile(story.line, "us-east-1", &dns);
    story.with(|lab| lab.with_profile(&text))
}

#[test]
fn a_host_in_no_zone_of_the_account_is_refused() {
    let ran = pointing(
        Story::of("t-nozone", "us-east-1"),
        "llm.nowhere.invalid",
        "",
    )
    .run("plan")
    .exits(1);
    // The account's zones are listed; which there are depends on who else uses the lab.
    ran.says("llm.nowhere.invalid").says("hint: create the hosted zone in Route 53 first, or set `dns.host` to a name in one of those");
}

#[test]
fn a_zone_that_is_not_there_is_refused() {
    let ran = pointing(
        Story::of("t-notthere", "us-east-1"),
        "llm.nowhere.invalid",
        "Z0123456789ABCDEFGHIJ",
    )
    .run("plan");
    assert_snapshot!(ran.shown(), @"
    error: Route 53: route53:GetHostedZone: No hosted zone found with ID: [ZONE]
    exit code 1
    ");
}

#[test]
fn a_host_outside_the_named_zone_is_refused() {
    let mut story = Story::of("t-outside", "us-east-1");
    story.add_zone();
    let ran = pointing(story, "llm.example.org", "t-outside.test").run("plan");
    assert_snapshot!(ran.shown(), @"
    error: Route 53: `llm.example.org` does not lie in the hosted zone `t-outside.test`

    hint: correct `dns.host` or `dns.zone` in the profile
    exit code 1
    ");
}

#[test]
fn two_zones_with_one_name_are_told_apart_by_id() {
    let mut story = Story::of("t-twice", "us-east-1");
    let first = story.add_zone();
    story.add_zone();
    let story = pointing(story, "llm.t-twice.test", "");
    let ran = story.run("plan");
    assert!(ran.has(&first), "{ran}");
    assert_snapshot!(ran.shown(), @"
    error: Route 53: there are 2 hosted zones named `t-twice.test`: [ZONE], [ZONE]

    hint: set `dns.zone` to the id of the one you mean
    exit code 1
    ");
    pointing(story, "llm.t-twice.test", &first)
        .run("plan")
        .exits(2)
        .says("t-twice.test");
}

#[test]
fn a_foreign_record_at_the_host_name_is_refused_and_left_alone() {
    let story = Story::of("t-foreign", "us-east-1").with_domain("us-east-1");
    let zone = story.zone().to_owned();
    story
        .cloud
        .change_record(&zone, "CREATE", "llm.t-foreign.test.", "192.0.2.7");
    assert_snapshot!(story.run("plan").shown(), @"
    error: the zone holds a record that is not this line's: the zone already has an unrelated A record at `llm.t-foreign.test` ([ADDRESS]), which is not this line's: remove it, or choose another `dns.host`

    hint: remove that record yourself, or choose another `dns.host`
    exit code 5
    ");
    story.run("up --yes").exits(5);
    assert!(story.cloud.records(&zone).contains("192.0.2.7"));
    story
        .cloud
        .change_record(&zone, "DELETE", "llm.t-foreign.test.", "192.0.2.7");
}
