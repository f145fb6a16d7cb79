//! Every action of AWS that `dsline` calls, and the IAM policy that allows them.

use serde_json::{Value, json};

/// Every action that is called, by the service's prefix.
const ACTIONS: [(&str, &[&str]); 7] = [
    ("cloudwatch", &["GetMetricStatistics"]),
    (
        "ec2",
        &[
            "AuthorizeSecurityGroupIngress",
            "CreateSecurityGroup",
            "CreateTags",
            "DeleteSecurityGroup",
            "DescribeImages",
            "DescribeInstanceTypes",
            "DescribeInstances",
            "DescribeRegions",
            "DescribeSecurityGroups",
            "DescribeSubnets",
            "DescribeVolumes",
            "ModifyInstanceCreditSpecification",
            "RevokeSecurityGroupIngress",
            "RunInstances",
            "StartInstances",
            "StopInstances",
            "TerminateInstances",
        ],
    ),
    ("freetier", &["GetAccountPlanState"]),
    ("pricing", &["GetProducts"]),
    (
        "route53",
        &[
            "ChangeResourceRecordSets",
            "ChangeTagsForResource",
            "CreateHealthCheck",
            "DeleteHealthCheck",
            "GetAccountLimit",
            "GetChange",
            "GetHealthCheckStatus",
            "GetHostedZone",
            "ListHealthChecks",
            "ListHostedZones",
            "ListHostedZonesByName",
            "ListResourceRecordSets",
            "TestDNSAnswer",
            "UpdateHealthCheck",
        ],
    ),
    ("servicequotas", &["GetServiceQuota"]),
    ("sts", &["GetCallerIdentity"]),
];

/// Every action that `dsline` calls, as IAM names it, in order.
pub fn actions() -> Vec<String> {
    let of_service = |(service, names): &(&str, &[&str])| {
        names
            .iter()
            .map(|name| format!("{service}:{name}"))
            .collect::<Vec<_>>()
    };
    ACTIONS.iter().flat_map(of_service).collect()
}

/// A policy that allows these actions and nothing else (IAM user guide, "Grammar of the IAM JSON policy language").
///
/// On every resource: most of the actions know no other, and a line is found by its tags in any region.
pub fn policy(actions: &[String]) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Sid": "Dsline",
            "Effect": "Allow",
            "Action": actions,
            "Resource": "*",
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    /// How the SDK's names of operations begin.
    const VERBS: [&str; 15] = [
        "associate_",
        "authorize_",
        "change_",
        "create_",
        "delete_",
        "describe_",
        "get_",
        "list_",
        "modify_",
        "revoke_",
        "run_",
        "start_",
        "stop_",
        "terminate_",
        "update_",
    ];

    /// What is named like an operation, and only reads a part of an answer.
    const READ: &str = "change_info";

    fn cloud() -> String {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cloud");
        let files = fs::read_dir(folder).unwrap();
        let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
        texts.collect()
    }

    /// `describe_instances` and `DescribeInstances` alike.
    fn plain(name: &str) -> String {
        name.replace('_', "").to_lowercase()
    }

    /// What the texts call by the SDK: a method without arguments that is named like an operation.
    fn called(text: &str) -> BTreeSet<String> {
        let calls = text.split('.').skip(1);
        let names = calls.filter_map(|call| call.split_once("()").map(|(name, _)| name));
        let is_operation = |name: &&str| {
            let is_name = name
                .bytes()
                .all(|one| one.is_ascii_lowercase() || one == b'_');
            is_name
                && *name != READ
                && (VERBS.iter().any(|verb| name.starts_with(verb)) || name.starts_with("test_"))
        };
        names.filter(is_operation).map(plain).collect()
    }

    #[test]
    fn the_policy_allows_what_is_called_and_nothing_else() {
        let text = cloud();
        let names = ACTIONS.iter().flat_map(|(_, names)| *names);
        let listed: BTreeSet<String> = names.map(|name| plain(name)).collect();
        assert_eq!(called(&text), listed);
        let quoted = text.split('"').filter(|word| {
            let service = word.split_once(':').map(|(service, _)| service);
            service.is_some_and(|service| ACTIONS.iter().any(|(known, _)| *known == service))
                && word
                    .bytes()
                    .all(|one| one.is_ascii_alphanumeric() || one == b':')
        });
        let quoted: BTreeSet<String> = quoted.map(str::to_owned).collect();
        assert_eq!(quoted, actions().into_iter().collect());
    }

    #[test]
    fn a_policy_fits_into_one_of_a_users_own() {
        let text = policy(&actions()).to_string();
        // IAM user guide, "IAM and AWS STS quotas": an inline policy of a user has 2048 characters at most.
        assert!(text.len() < 2048, "{}", text.len());
        assert!(text.contains("\"ec2:RunInstances\""));
        assert!(actions().is_sorted());
    }
}
