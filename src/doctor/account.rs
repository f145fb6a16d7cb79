//! What was seen of the account and of the operator's machine before a line is made, judged.

use std::collections::BTreeSet;

use super::finding::{Finding, Verdict};
use super::quotas::{CheckSight, VcpuSight, Wanted, judge_checks, judge_vcpus};
use crate::line::Region;

/// A look that failed, and what to do about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failed {
    /// What went wrong.
    pub what: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// What came of asking for one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// The action as IAM names it.
    pub action: String,
    /// Where it was asked for: a region, or `Route 53`.
    pub place: String,
    /// Whether it is allowed; an error is why nobody could tell.
    pub answer: Result<bool, String>,
    /// Whether a line works without it.
    pub is_optional: bool,
}

/// What a region offers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegionSight {
    /// The region.
    pub region: Region,
    /// Whether it has a default VPC with subnets.
    pub has_network: Result<bool, Failed>,
    /// Which of the profile's instance types it has, and which of those are offered free.
    pub types: Result<(Vec<String>, Vec<String>), Failed>,
    /// The image that a new node would boot.
    pub image: Result<String, Failed>,
    /// How many vCPUs may run there, and what others let run.
    pub vcpus: Result<VcpuSight, Failed>,
}

/// What was seen of the line's hosted zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ZoneSight {
    /// The zone's name.
    pub zone: String,
    /// The servers that Route 53 has for it.
    pub wanted: Vec<String>,
    /// The servers that the world is led to; an error is why nobody could tell.
    pub seen: Result<Vec<String>, String>,
}

/// What was seen of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSight {
    /// Whose credentials are in use, or why they cannot be used.
    pub identity: Result<String, Failed>,
    /// What may be called.
    pub permissions: Vec<Permission>,
    /// The profile's regions.
    pub regions: Vec<RegionSight>,
    /// The line's zone; `None` for a line without a domain.
    pub zone: Option<Result<ZoneSight, Failed>>,
    /// The account's health checks; `None` for a line without a domain.
    pub checks: Option<Result<CheckSight, Failed>>,
    /// What the operator's machine has for a node: each thing's name, and what it is or what is wrong with it.
    pub machine: Vec<(&'static str, Result<String, Failed>)>,
    /// Types of instances that a node may have, as the profile prefers them.
    pub wanted_types: Vec<String>,
    /// Whether a type that is not free may be launched.
    pub allows_paid: bool,
    /// The most nodes that a region may have.
    pub most_per_region: u16,
    /// The most nodes that the line may have.
    pub most_nodes: usize,
}

impl AccountSight {
    /// The type that the profile prefers of these.
    fn first_of(&self, types: &[String]) -> Option<&String> {
        self.wanted_types.iter().find(|kind| types.contains(kind))
    }
}

/// Judges what was seen of an account.
pub fn judge_account(sight: &AccountSight) -> Vec<Finding> {
    let mut findings: Vec<Finding> = sight.machine.iter().map(machine).collect();
    match &sight.identity {
        Ok(who) => findings.push(Finding::good("credentials", who.clone())),
        // Nothing else could be asked.
        Err(failed) => {
            findings.push(wrong("credentials", failed));
            return findings;
        }
    }
    findings.push(permissions(&sight.permissions));
    for region in &sight.regions {
        findings.push(network(region));
        findings.push(types(region, sight));
        findings.push(image(region));
        findings.extend(vcpus(region, sight));
    }
    findings.extend(sight.zone.as_ref().map(zone));
    let checks = |seen| judge_checks(seen, sight.most_nodes, sight.regions.len());
    findings.extend(sight.checks.as_ref().map(checks));
    findings
}

/// The actions that these credentials may not call, as IAM names them, each once; those that a line needs only.
pub fn missing(permissions: &[Permission]) -> Vec<String> {
    let denied = permissions
        .iter()
        .filter(|one| one.answer == Ok(false) && !one.is_optional);
    let names: BTreeSet<&String> = denied.map(|one| &one.action).collect();
    names.into_iter().cloned().collect()
}

fn wrong(about: &'static str, failed: &Failed) -> Finding {
    Finding::wrong(about, failed.what.clone(), "").hinted(failed.hint.clone())
}

fn machine((about, found): &(&'static str, Result<String, Failed>)) -> Finding {
    match found {
        Ok(what) => Finding::good(about, what.clone()),
        Err(failed) => wrong(about, failed),
    }
}

fn permissions(asked: &[Permission]) -> Finding {
    const ABOUT: &str = "permissions";
    let missing = missing(asked);
    if !missing.is_empty() {
        let what = format!("the credentials may not call {}", missing.join(", "));
        let hint = "let an administrator attach the policy below; `dsline iam policy` prints the whole one";
        let lines = asked
            .iter()
            .filter(|one| missing.contains(&one.action) && one.answer == Ok(false));
        let lines = lines.map(|one| format!("{}: {} is denied", one.place, one.action));
        return Finding::wrong(ABOUT, what, hint).shown_by(lines.collect());
    }
    let untold = asked.iter().find_map(|one| {
        let why = one.answer.as_ref().err()?;
        (!one.is_optional).then(|| format!("{} could not be asked for: {why}", one.action))
    });
    match untold {
        Some(why) => Finding::unknown(ABOUT, why),
        None if asked.is_empty() => Finding::unknown(ABOUT, "nothing was asked for"),
        None => {
            let needed = asked.iter().filter(|one| !one.is_optional);
            let needed: BTreeSet<&String> = needed.map(|one| &one.action).collect();
            let what = format!("all {} needed actions are allowed", needed.len());
            Finding::good(ABOUT, what)
        }
    }
}

fn network(sight: &RegionSight) -> Finding {
    const ABOUT: &str = "default vpc";
    let region = &sight.region;
    match &sight.has_network {
        Ok(true) => Finding::good(ABOUT, format!("{region} has one")),
        Ok(false) => Finding::wrong(
            ABOUT,
            format!("{region} has no default VPC, and nodes are launched into it"),
            format!("make one with `aws ec2 create-default-vpc --region {region}`"),
        ),
        Err(failed) => Finding::unknown(ABOUT, failed.what.clone()).hinted(failed.hint.clone()),
    }
}

fn types(sight: &RegionSight, account: &AccountSight) -> Finding {
    const ABOUT: &str = "type";
    let region = &sight.region;
    let hint = "name other types as `nodes.instance_types`, or another region, in the profile";
    let (offered, free) = match &sight.types {
        Ok(types) => types,
        Err(failed) => {
            return Finding::unknown(ABOUT, failed.what.clone()).hinted(failed.hint.clone());
        }
    };
    match (account.first_of(free), account.first_of(offered)) {
        (Some(kind), _) => Finding::good(ABOUT, format!("{region} offers {kind} free")),
        (None, Some(kind)) if account.allows_paid => {
            Finding::good(ABOUT, format!("{region} offers {kind} at its price"))
        }
        (None, Some(kind)) => Finding::wrong(
            ABOUT,
            format!("{region} offers {kind}, but not free"),
            "pass `--allow-paid`, or name a free type as `nodes.instance_types` in the profile",
        ),
        (None, None) => {
            let wanted = account.wanted_types.join(", ");
            Finding::wrong(ABOUT, format!("{region} has none of {wanted}"), hint)
        }
    }
}

/// Whether there is room for the type that would be launched; where there is none, its own finding says so.
fn vcpus(sight: &RegionSight, account: &AccountSight) -> Option<Finding> {
    let (offered, free) = sight.types.as_ref().ok()?;
    let kind = account.first_of(free).or(account.first_of(offered))?;
    let wanted = Wanted {
        region: &sight.region,
        kind,
        nodes: account.most_per_region,
    };
    Some(judge_vcpus(wanted, &sight.vcpus))
}

fn image(sight: &RegionSight) -> Finding {
    match &sight.image {
        Ok(name) => Finding::good("image", format!("{} has {name}", sight.region)),
        Err(failed) => wrong("image", failed),
    }
}

fn zone(found: &Result<ZoneSight, Failed>) -> Finding {
    const ABOUT: &str = "zone";
    let sight = match found {
        Ok(sight) => sight,
        Err(failed) => return wrong(ABOUT, failed),
    };
    let zone = &sight.zone;
    match &sight.seen {
        Ok(seen) if *seen == sight.wanted => {
            Finding::good(ABOUT, format!("the world is led to {zone}"))
        }
        Ok(seen) => {
            let seen = if seen.is_empty() {
                "nowhere".to_owned()
            } else {
                seen.join(", ")
            };
            let wanted = sight.wanted.join(", ");
            Finding::wrong(
                ABOUT,
                format!("for {zone} the world is led to {seen}, and not to {wanted}"),
                "name those servers at the domain's registrar, or in the parent zone; `dsline dns check` tells when it is so",
            )
        }
        Err(why) => Finding::unknown(
            ABOUT,
            format!("the delegation of {zone} is not known: {why}"),
        ),
    }
}

/// Whether everything was looked at and is as it should be.
pub fn is_good(findings: &[Finding]) -> bool {
    findings
        .iter()
        .all(|finding| finding.verdict == Verdict::Good)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(what: &str) -> Failed {
        Failed {
            what: what.to_owned(),
            hint: Some("do this".to_owned()),
        }
    }

    fn permission(action: &str, answer: Result<bool, String>) -> Permission {
        Permission {
            action: action.to_owned(),
            place: "us-east-1".to_owned(),
            answer,
            is_optional: action.starts_with("freetier"),
        }
    }

    fn sound() -> AccountSight {
        let free = vec!["t3.micro".to_owned()];
        AccountSight {
            identity: Ok("account 1 as arn:aws:iam::1:user/ann".to_owned()),
            permissions: vec![
                permission("ec2:RunInstances", Ok(true)),
                permission("freetier:GetAccountPlanState", Ok(false)),
            ],
            regions: vec![RegionSight {
                region: "us-east-1".parse().unwrap(),
                has_network: Ok(true),
                types: Ok((free.clone(), free.clone())),
                image: Ok("debian-13".to_owned()),
                vcpus: Ok(VcpuSight {
                    quota: 4,
                    vcpus: [("t3.micro".to_owned(), 2)].into(),
                    ..VcpuSight::default()
                }),
            }],
            zone: Some(Ok(ZoneSight {
                zone: "example.com".to_owned(),
                wanted: vec!["ns-1".to_owned()],
                seen: Ok(vec!["ns-1".to_owned()]),
            })),
            checks: Some(Ok(CheckSight {
                quota: 200,
                others: 0,
            })),
            machine: vec![("ssh key", Ok("one key".to_owned()))],
            wanted_types: free,
            allows_paid: false,
            most_per_region: 1,
            most_nodes: 1,
        }
    }

    /// What is not good, once something was changed.
    fn faults(change: impl FnOnce(&mut AccountSight)) -> Vec<(&'static str, Verdict)> {
        let mut sight = sound();
        change(&mut sight);
        let found = judge_account(&sight);
        let bad = found.iter().filter(|one| one.verdict != Verdict::Good);
        bad.map(|one| (one.about, one.verdict)).collect()
    }

    #[test]
    fn a_sound_account_is_good_and_each_fault_is_found_alone() {
        use Verdict::{Unknown, Wrong};
        type Case = (fn(&mut AccountSight), &'static str, Verdict);
        let cases: [Case; 16] = [
            (
                |a| a.identity = Err(failed("expired")),
                "credentials",
                Wrong,
            ),
            (
                |a| a.permissions[0].answer = Ok(false),
                "permissions",
                Wrong,
            ),
            (
                |a| a.permissions[0].answer = Err("x".to_owned()),
                "permissions",
                Unknown,
            ),
            (|a| a.permissions.clear(), "permissions", Unknown),
            (
                |a| a.regions[0].has_network = Ok(false),
                "default vpc",
                Wrong,
            ),
            (
                |a| a.regions[0].has_network = Err(failed("x")),
                "default vpc",
                Unknown,
            ),
            (|a| a.regions[0].types = Ok((vec![], vec![])), "type", Wrong),
            (
                |a| a.regions[0].types = Ok((vec!["t3.micro".to_owned()], vec![])),
                "type",
                Wrong,
            ),
            (|a| a.most_per_region = 2, "quota", Wrong),
            (|a| a.regions[0].vcpus = Err(failed("x")), "quota", Unknown),
            (|a| a.most_nodes = 200, "checks", Wrong),
            (|a| a.checks = Some(Err(failed("x"))), "checks", Unknown),
            (|a| a.regions[0].image = Err(failed("x")), "image", Wrong),
            (|a| a.zone = Some(Err(failed("x"))), "zone", Wrong),
            (
                |a| a.zone.as_mut().unwrap().as_mut().unwrap().seen = Ok(vec![]),
                "zone",
                Wrong,
            ),
            (|a| a.machine[0].1 = Err(failed("x")), "ssh key", Wrong),
        ];
        assert_eq!(faults(|_| {}), []);
        for (change, about, verdict) in cases {
            assert_eq!(faults(change), [(about, verdict)], "{about}");
        }
    }

    #[test]
    fn a_paid_type_is_good_where_it_is_allowed() {
        let paid = |account: &mut AccountSight| {
            account.regions[0].types = Ok((vec!["t3.micro".to_owned()], vec![]));
            account.allows_paid = true;
        };
        assert_eq!(faults(paid), []);
    }

    #[test]
    fn what_is_denied_is_listed_once_and_what_a_line_can_do_without_is_not() {
        let mut all = sound().permissions;
        for _ in 0..2 {
            all.push(permission("ec2:CreateTags", Ok(false)));
        }
        let found = permissions(&sound().permissions);
        assert_eq!(found.what, "all 1 needed actions are allowed");
        assert_eq!(missing(&all), ["ec2:CreateTags"]);
        let found = permissions(&all);
        assert_eq!(found.what, "the credentials may not call ec2:CreateTags");
        assert_eq!(found.lines.len(), 2);
    }
}
