//! What a line may use: the account's credits, and the memory of its machines.

use insta::assert_snapshot;
use serde_json::json;

use super::story::{Story, profile};

const REGION: &str = "us-east-1";

#[test]
fn the_accounts_own_credits_are_told_with_their_end() {
    let story = Story::of("t-credits", REGION);
    let ran = story.run("plan").exits(2);
    ran.says("$100.00 of credits, which a new account is given, would last");
    let story = story.with_settings(&json!({ "free_plan": true }));
    let ran = story.run("plan").exits(2);
    ran.says("$100.00 of credits, which the account has left (its free plan ends on 20");
    // Nobody has to be allowed to ask.
    story.cloud.fault(&super::cloud::refusal(
        "AccessDeniedException",
        "not allowed",
        &json!({ "operation": "GetAccountPlanState" }),
    ));
    let ran = story.run("plan").exits(2);
    ran.says("which a new account is given");
}

#[test]
fn services_that_do_not_fit_into_a_node_are_refused() {
    let story = Story::of("t-memory", REGION);
    let large = profile(story.line, REGION, "[redis]\nmax_memory_mib = 512\n");
    let story = story.with(|lab| lab.with_profile(&large));
    assert_snapshot!(story.run("up --yes").exits(5).shown(), @"
    error: a t3.micro has 1024 MiB of memory, and what the profile lets run there may use 1312: 672 Redis, 192 the gateway, 192 nginx, 256 the system

    hint: lower `redis.max_memory_mib` or `gateway.memory_mib`, or leave larger `nodes.instance_types` only
    exit code 5
    ");
    assert!(story.cloud.instances(story.line).is_empty());
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn prices_are_asked_of_aws_kept_and_reckoned_with() {
    let story = Story::of("t-prices", "sa-east-1");
    story
        .run("plan")
        .exits(2)
        .says("1 × t3.micro (estimate: ap-southeast-1 and 30 % more");
    let refused = super::cloud::refusal(
        "AccessDeniedException",
        "not allowed",
        &json!({ "operation": "GetProducts" }),
    );
    story.cloud.fault(&refused);
    story
        .run("prices refresh")
        .exits(1)
        .says("nothing was changed")
        .says("pricing:GetProducts");
    story.cloud.mend();
    story
        .run("prices refresh")
        .exits(0)
        .says("sa-east-1        t3.micro                    0.0168  hour           new")
        .says("sa-east-1        gp3                          0.152  GB and month   new");
    // 730 hours of the instance and of its address, and 8 GB of its volume.
    let plan = story.run("plan").exits(2);
    plan.says("$12.26  1 × t3.micro\n")
        .says("$1.22  8 GiB of gp3\n");
    let prices = story.run("prices --json").exits(0).json();
    let rows = prices["prices"].as_array().unwrap();
    let row = rows
        .iter()
        .find(|row| row["region"] == "sa-east-1" && row["what"] == "t3.micro");
    assert_eq!(row.unwrap()["price"], "0.0168");
}
