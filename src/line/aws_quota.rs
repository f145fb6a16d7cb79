//! The quotas of an account that a line can run into, by AWS's error codes and as Service Quotas lists them.

/// A quota of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AwsQuota {
    /// Its name in Service Quotas.
    pub name: &'static str,
    /// The service that it is listed under there.
    pub service: &'static str,
    /// That service's code.
    pub service_code: &'static str,
    /// Its own code.
    pub code: &'static str,
}

impl AwsQuota {
    /// Counted in vCPUs of a region; both of EC2's error codes mean it.
    pub const INSTANCES: Self = Self {
        name: "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        service: "Amazon Elastic Compute Cloud (Amazon EC2)",
        service_code: "ec2",
        code: "L-1216C47A",
    };
    /// Counted in the whole account.
    pub const CHECKS: Self = Self {
        name: "Health checks",
        service: "Amazon Route 53",
        service_code: "route53",
        code: "L-ACB674F3",
    };
    const GROUPS: Self = Self {
        name: "VPC security groups per Region",
        service: "Amazon Virtual Private Cloud (Amazon VPC)",
        service_code: "vpc",
        code: "L-E79EC296",
    };
    const RULES: Self = Self {
        name: "Inbound or outbound rules per security group",
        service: "Amazon Virtual Private Cloud (Amazon VPC)",
        service_code: "vpc",
        code: "L-0EA8095F",
    };
    const VOLUMES: Self = Self {
        name: "Storage for General Purpose SSD (gp3) volumes, in TiB",
        service: "Amazon Elastic Block Store (Amazon EBS)",
        service_code: "ebs",
        code: "L-7A658B76",
    };
    const RECORDS: Self = Self {
        name: "Records per hosted zone",
        service: "Amazon Route 53",
        service_code: "route53",
        code: "L-E209CC9F",
    };

    /// The quota that an error code says is reached.
    pub fn behind(code: &str) -> Option<&'static Self> {
        Some(match code {
            "VcpuLimitExceeded" | "InstanceLimitExceeded" => &Self::INSTANCES,
            "SecurityGroupLimitExceeded" => &Self::GROUPS,
            "RulesPerSecurityGroupLimitExceeded" => &Self::RULES,
            "VolumeLimitExceeded" => &Self::VOLUMES,
            "TooManyHealthChecks" => &Self::CHECKS,
            "LimitsExceeded" => &Self::RECORDS,
            _ => return None,
        })
    }

    /// The command that asks AWS for more of it; `value` is the whole quota that is wanted, `region` where it is listed.
    pub fn request(&self, value: u64, region: &str) -> String {
        format!(
            "aws service-quotas request-service-quota-increase --service-code {} --quota-code {} --desired-value {value} \
             --region {region}",
            self.service_code, self.code
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_of_ec2s_codes_mean_the_quota_that_more_is_asked_of() {
        for code in ["VcpuLimitExceeded", "InstanceLimitExceeded"] {
            assert_eq!(AwsQuota::behind(code), Some(&AwsQuota::INSTANCES));
        }
        assert_eq!(AwsQuota::behind("InsufficientInstanceCapacity"), None);
        assert_eq!(
            AwsQuota::INSTANCES.request(8, "eu-west-1"),
            "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-1216C47A \
             --desired-value 8 --region eu-west-1"
        );
    }
}
