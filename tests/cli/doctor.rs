//! `dsline doctor` where there is no account to look at, and `dsline iam policy`, which needs none.

use insta::assert_snapshot;
use serde_json::Value;

use super::offline;

#[test]
fn the_policy_is_printed_with_no_account_at_all() {
    let text = offline().run("iam policy").exits(0);
    let policy: Value = serde_json::from_str(&text.stdout).unwrap();
    let statement = &policy["Statement"][0];
    assert_eq!(policy["Version"], "2012-10-17");
    assert_eq!(statement["Effect"], "Allow");
    let actions = statement["Action"].as_array().unwrap();
    assert!(actions.contains(&Value::from("ec2:RunInstances")));
    assert!(actions.contains(&Value::from("route53:ChangeResourceRecordSets")));
    assert!(
        actions
            .iter()
            .all(|one| !one.as_str().unwrap().contains('*'))
    );
    assert_eq!(offline().run("iam policy --json").exits(0).json(), policy);
}

#[test]
fn without_credentials_everything_else_is_looked_at_all_the_same() {
    let lab = offline()
        .without("AWS_ACCESS_KEY_ID")
        .without("AWS_SECRET_ACCESS_KEY")
        .with_key_pair();
    assert_snapshot!(lab.run("doctor").shown(), @"
    account
      good     secret      line `home` has its secret
      good     ssh key     [HOME]/.ssh/id_ed25519 fits its public key
      good     gateway     found
      good     api key     1 found
      WRONG    credentials us-east-1: no AWS credentials for ec2:DescribeRegions: no credentials found in chain. Attempted:
      Environment: the credential provider was not enabled: environment variable not set
      Profile: the credential provider was not enabled
      WebIdentityToken: the credential provider was not enabled: $AWS_WEB_IDENTITY_TOKEN_FILE was not set
      EcsContainer: the credential provider was not enabled: ECS provider not configured
      Ec2InstanceMetadata: the credential provider was not enabled: IMDS disabled by AWS_EC2_METADATA_DISABLED env var set to `true`
                           hint: log in with `aws configure` or `aws sso login`, or set AWS_PROFILE
    exit code 2
    ");
    let found = lab.run("doctor --json").exits(2).json();
    assert_eq!(found["account"][4]["about"], "credentials");
    assert_eq!(found["account"][4]["verdict"], "wrong");
    assert!(found["policy"].is_null());
}

#[test]
fn what_a_machine_lacks_is_found_alone() {
    let lab = offline()
        .without("AWS_ACCESS_KEY_ID")
        .without("DEEPSEEK_API_KEY")
        .with_secret("home", "short");
    let found = lab.run("doctor --json").exits(2).json();
    let verdicts: Vec<&str> = found["account"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["verdict"].as_str().unwrap())
        .collect();
    // Nobody has the other half of the tests' public key.
    assert_eq!(verdicts, ["wrong", "wrong", "good", "wrong", "wrong"]);
}

#[test]
fn a_private_key_that_does_not_fit_is_named() {
    let other = offline().with_key_pair();
    let stray = std::fs::read(other.home().join(".ssh/id_ed25519")).unwrap();
    let ran = offline().with_file(".ssh/id_ed25519", &stray).run("doctor");
    ran.exits(2)
        .says("is not the other half of a public key that nodes are given")
        .says("ssh-keygen -y -f KEY > KEY.pub");
}

#[test]
fn nobody_there_is_told_and_nothing_is_promised() {
    let ran = offline().run("doctor --fix --yes").exits(2);
    ran.says("could not be reached")
        .says("check this machine's network")
        .says("nothing was found that can be mended without you");
}
