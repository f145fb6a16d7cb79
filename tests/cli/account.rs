//! An AWS account that cannot be asked: no credentials, or nobody there.

use std::time::Duration;

use insta::assert_snapshot;

use super::offline;

#[test]
fn without_credentials_it_says_how_to_log_in() {
    let lab = offline()
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY");
    assert_snapshot!(lab.run("plan").shown(), @"
    error: us-east-1: no AWS credentials for ec2:DescribeInstances: no credentials found in chain. Attempted:
      Environment: the credential provider was not enabled: environment variable not set
      Profile: the credential provider was not enabled
      WebIdentityToken: the credential provider was not enabled: $AWS_WEB_IDENTITY_TOKEN_FILE was not set
      EcsContainer: the credential provider was not enabled: ECS provider not configured
      Ec2InstanceMetadata: the credential provider was not enabled: IMDS disabled by AWS_EC2_METADATA_DISABLED env var set to `true`

    hint: log in with `aws configure` or `aws sso login`, or set AWS_PROFILE
    exit code 1
    ");
}

#[test]
fn an_endpoint_that_nobody_listens_at_is_said_soon() {
    let ran = offline().run("plan");
    // Before the whole of a call's time is over, and its tries with it.
    assert!(ran.took < Duration::from_secs(40), "{ran}");
    assert_snapshot!(ran.shown(), @"
    error: us-east-1: ec2:DescribeRegions could not be reached: Connection refused (os error 111)

    hint: check this machine's network, and AWS_ENDPOINT_URL if it is set
    exit code 1
    ");
}

#[test]
fn a_teardown_that_sees_nothing_promises_nothing() {
    let ran = offline().run("teardown --yes");
    assert!(!ran.has("nothing of the line is left"), "{ran}");
    assert_snapshot!(ran.shown(), @"
    error: cannot list the account's regions
      caused by: us-east-1: ec2:DescribeRegions could not be reached: Connection refused (os error 111)

    hint: check this machine's network, and AWS_ENDPOINT_URL if it is set
    exit code 1
    ");
}

#[test]
fn an_error_is_a_document_too() {
    let ran = offline().run("status --json").exits(1);
    let document = ran.json();
    assert!(
        document["error"].is_string() && document["hint"].is_string(),
        "{ran}"
    );
}
