//! Whether an account's quotas have room for a line, judged before AWS refuses a part of it.

use std::collections::BTreeMap;

use super::account::Failed;
use super::finding::Finding;
use crate::line::{AwsQuota, Region};

/// Where Route 53's quotas are listed.
const HOME: &str = "us-east-1";
/// What the types begin with that `AwsQuota::INSTANCES` is about; `inf`, `hpc` and others have quotas of their own.
const STANDARD: [&str; 11] = ["a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"];

/// How many vCPUs may run in a region, and what others let run there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VcpuSight {
    /// vCPUs of On-Demand Standard instances that may run.
    pub quota: u32,
    /// On-Demand instances that are not the line's: how many of which type.
    pub others: BTreeMap<String, u32>,
    /// vCPUs of those types, and of the profile's.
    pub vcpus: BTreeMap<String, u32>,
}

/// How many health checks the account may have, and has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CheckSight {
    /// The most that it may have.
    pub quota: u64,
    /// Those that are not the line's.
    pub others: u64,
}

/// What a line's nodes of a region come to at most.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// The region.
    pub(super) region: &'a Region,
    /// The type that they would have.
    pub(super) kind: &'a str,
    /// How many there are at most; one more replaces another.
    pub(super) nodes: u16,
}

/// A quota and who takes of it.
struct Room {
    about: &'static str,
    place: String,
    quota: AwsQuota,
    /// The region that lists it.
    region: String,
    unit: &'static str,
    most: u64,
    used: u64,
    needed: u64,
    /// What the line needs it for.
    purpose: String,
}

impl Room {
    fn finding(&self) -> Finding {
        let Self {
            about,
            place,
            quota,
            unit,
            most,
            used,
            needed,
            purpose,
            ..
        } = self;
        let told = format!(
            "{place}: quota {most} {unit}, {used} in use by others, the line needs {needed} at most"
        );
        let wanted = used + needed;
        if wanted <= *most {
            return Finding::good(about, told);
        }
        let request = quota.request(wanted, &self.region);
        let less = if *used > 0 {
            ", or remove what uses it up"
        } else {
            ""
        };
        Finding::wrong(
            about,
            format!("{told} ({purpose})"),
            format!(
                "raise `{}` to {wanted} with `{request}`{less}; AWS may take a while to agree",
                quota.name
            ),
        )
    }
}

/// Judges whether a region has room for its nodes.
pub(super) fn judge_vcpus(wanted: Wanted<'_>, seen: &Result<VcpuSight, Failed>) -> Finding {
    const ABOUT: &str = "quota";
    let Wanted {
        region,
        kind,
        nodes,
    } = wanted;
    let quota = AwsQuota::INSTANCES;
    if !is_standard(kind) {
        let what = format!("{region}: no quota is looked at for the type {kind}");
        let hint = console("the quota of that type", region.as_str());
        return Finding::unknown(ABOUT, what).hinted(Some(hint));
    }
    let sight = match seen {
        Ok(sight) => sight,
        Err(failed) => return untold(ABOUT, failed, (quota, region.as_str())),
    };
    let (Some(each), Some(used)) = (sight.vcpus.get(kind), used(sight)) else {
        let what = format!("{region}: EC2 does not tell the vCPUs of every type");
        return Finding::unknown(ABOUT, what).hinted(Some(console(quota.name, region.as_str())));
    };
    let room = Room {
        about: ABOUT,
        place: region.to_string(),
        quota,
        region: region.to_string(),
        unit: "vCPUs",
        most: sight.quota.into(),
        used,
        needed: u64::from(*each) * (u64::from(nodes) + 1),
        purpose: format!("{kind}: {nodes}, and 1 more to replace another"),
    };
    room.finding()
}

/// Judges whether the account has room for the checks of so many nodes, in so many regions.
pub(super) fn judge_checks(
    seen: &Result<CheckSight, Failed>,
    nodes: usize,
    regions: usize,
) -> Finding {
    const ABOUT: &str = "checks";
    let quota = AwsQuota::CHECKS;
    let sight = match seen {
        Ok(sight) => sight,
        Err(failed) => return untold(ABOUT, failed, (quota, HOME)),
    };
    let room = Room {
        about: ABOUT,
        place: "Route 53".to_owned(),
        quota,
        region: HOME.to_owned(),
        unit: "health checks",
        most: sight.quota,
        used: sight.others,
        needed: (nodes + regions) as u64,
        purpose: format!("nodes: {nodes}, and 1 more in each region to replace another"),
    };
    room.finding()
}

/// vCPUs of what others let run; `None` when a type's are not known.
fn used(sight: &VcpuSight) -> Option<u64> {
    let counted = sight.others.iter().filter(|(kind, _)| is_standard(kind));
    let of_type = |(kind, count): (&String, &u32)| {
        let each = sight.vcpus.get(kind)?;
        Some(u64::from(*each) * u64::from(*count))
    };
    counted.map(of_type).sum()
}

fn is_standard(kind: &str) -> bool {
    let end = kind.find(|letter: char| !letter.is_ascii_lowercase());
    STANDARD.contains(&&kind[..end.unwrap_or(kind.len())])
}

/// A quota that could not be looked at.
fn untold(about: &'static str, failed: &Failed, (quota, region): (AwsQuota, &str)) -> Finding {
    let hint = failed.hint.clone();
    let hint = hint.unwrap_or_else(|| console(&format!("`{}`", quota.name), region));
    Finding::unknown(about, failed.what.clone()).hinted(Some(hint))
}

fn console(what: &str, region: &str) -> String {
    format!("look at {what} in the Service Quotas console of {region}")
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    fn map(pairs: &[(&str, u32)]) -> BTreeMap<String, u32> {
        let owned = pairs.iter().map(|(kind, n)| ((*kind).to_owned(), *n));
        owned.collect()
    }

    fn sight(quota: u32, others: &[(&str, u32)]) -> VcpuSight {
        VcpuSight {
            quota,
            others: map(others),
            vcpus: map(&[("t3.micro", 2), ("t2.micro", 1), ("c5.4xlarge", 16)]),
        }
    }

    fn judge(kind: &str, nodes: u16, seen: &Result<VcpuSight, Failed>) -> Finding {
        let region = &"eu-west-1".parse().unwrap();
        let wanted = Wanted {
            region,
            kind,
            nodes,
        };
        judge_vcpus(wanted, seen)
    }

    #[test]
    fn a_region_has_room_up_to_its_last_vcpu_and_a_replacement_needs_it_too() {
        let others = [("c5.4xlarge", 1), ("t2.micro", 1)];
        // (quota, nodes, whether there is room); each node has 2 vCPUs, others have 17.
        let cases = [(21, 1, true), (20, 1, false), (23, 2, true), (22, 2, false)];
        for (quota, nodes, has_room) in cases {
            let found = judge("t3.micro", nodes, &Ok(sight(quota, &others)));
            let verdict = if has_room {
                Verdict::Good
            } else {
                Verdict::Wrong
            };
            assert_eq!(found.verdict, verdict, "{found:?}");
        }
    }

    #[test]
    fn what_is_short_is_told_with_what_to_ask_for() {
        let found = judge("t3.micro", 2, &Ok(sight(5, &[("t2.micro", 3)])));
        assert_eq!(
            found.what,
            "eu-west-1: quota 5 vCPUs, 3 in use by others, the line needs 6 at most \
             (t3.micro: 2, and 1 more to replace another)"
        );
        assert_eq!(
            found.hint.as_deref(),
            Some(
                "raise `Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances` to 9 with \
                 `aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-1216C47A \
                 --desired-value 9 --region eu-west-1`, or remove what uses it up; AWS may take a while to agree"
            )
        );
        let alone = judge("t3.micro", 2, &Ok(sight(5, &[])));
        assert!(!alone.hint.unwrap().contains("remove"));
    }

    #[test]
    fn other_types_have_other_quotas() {
        let others = [("inf1.xlarge", 9), ("g5.xlarge", 9), ("u-6tb1.metal", 1)];
        let found = judge("t3.micro", 1, &Ok(sight(4, &others)));
        assert_eq!(found.verdict, Verdict::Good, "{found:?}");
        for kind in ["t3.micro", "im4gn.large", "m7i-flex.large", "z1d.large"] {
            assert!(is_standard(kind), "{kind}");
        }
        let own = judge("hpc6a.48xlarge", 1, &Ok(sight(4, &[])));
        assert_eq!(own.verdict, Verdict::Unknown);
    }

    #[test]
    fn what_could_not_be_looked_at_is_unknown_and_hints_at_the_way() {
        let denied = Failed {
            what: "eu-west-1: the credentials may not call servicequotas:GetServiceQuota"
                .to_owned(),
            hint: Some("let an administrator allow it".to_owned()),
        };
        let found = judge("t3.micro", 1, &Err(denied.clone()));
        assert_eq!(found.verdict, Verdict::Unknown);
        assert_eq!(found.hint, denied.hint);
        let silent = Failed {
            hint: None,
            ..denied
        };
        let hint = judge("t3.micro", 1, &Err(silent)).hint.unwrap();
        assert!(
            hint.ends_with("in the Service Quotas console of eu-west-1"),
            "{hint}"
        );
        let strange = judge("t3.micro", 1, &Ok(sight(9, &[("t9.nano", 1)])));
        assert_eq!(strange.verdict, Verdict::Unknown);
    }

    #[test]
    fn checks_are_counted_for_every_node_and_a_replacement_in_each_region() {
        let judge = |quota, others| judge_checks(&Ok(CheckSight { quota, others }), 4, 2);
        assert_eq!(judge(10, 4).verdict, Verdict::Good);
        let short = judge(9, 4);
        assert_eq!(
            short.what,
            "Route 53: quota 9 health checks, 4 in use by others, the line needs 6 at most \
             (nodes: 4, and 1 more in each region to replace another)"
        );
        assert!(short.hint.unwrap().contains(
            "--service-code route53 --quota-code L-ACB674F3 --desired-value 10 --region us-east-1"
        ));
    }
}
