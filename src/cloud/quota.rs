//! The quotas that a line can run into, by AWS's error code and by their names in Service Quotas.

/// A quota of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Its name in Service Quotas.
    pub name: &'static str,
    /// The service that it is listed under there.
    pub service: &'static str,
}

/// Counted in vCPUs of a region; both of EC2's codes mean it.
const INSTANCES: Quota = Quota {
    name: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
    service: "Amazon Elastic Compute Cloud (Amazon EC2)",
};
const GROUPS: Quota = Quota {
    name: "VPC security groups per Region",
    service: "Amazon Virtual Private Cloud (Amazon VPC)",
};
const RULES: Quota = Quota {
    name: "Inbound or outbound rules per security group",
    service: "Amazon Virtual Private Cloud (Amazon VPC)",
};
const VOLUMES: Quota = Quota {
    name: "Storage for General Purpose SSD (gp3) volumes, in TiB",
    service: "Amazon Elastic Block Store (Amazon EBS)",
};
const CHECKS: Quota = Quota {
    name: "Health checks",
    service: "Amazon Route 53",
};
const RECORDS: Quota = Quota {
    name: "Records per hosted zone",
    service: "Amazon Route 53",
};

impl Quota {
    /// The quota that an error code says is reached.
    pub(super) fn behind(code: &str) -> Option<Self> {
        Some(match code {
            "VcpuLimitExceeded" | "InstanceLimitExceeded" => INSTANCES,
            "SecurityGroupLimitExceeded" => GROUPS,
            "RulesPerSecurityGroupLimitExceeded" => RULES,
            "VolumeLimitExceeded" => VOLUMES,
            "TooManyHealthChecks" => CHECKS,
            "LimitsExceeded" => RECORDS,
            _ => return None,
        })
    }
}
