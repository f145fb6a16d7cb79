//! Why a call to AWS failed, with what was called, where, and what to do next.

use std::error::Error;
use std::fmt;

use crate::line::AwsQuota;

/// A failed call to AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The call, such as `ec2:RunInstances`, which is also the IAM action's name.
    pub call: String,
    /// Where it was made: a region, or `Route 53`.
    pub place: String,
    /// What went wrong.
    pub kind: FailureKind,
}

/// What went wrong with a call to AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No credentials were found.
    NoCredentials(String),
    /// AWS does not know the credentials, or their signature is wrong.
    NotAccepted(String),
    /// The credentials have expired.
    Expired(String),
    /// This machine's clock is so wrong that AWS refuses what it signs.
    ClockWrong {
        /// Seconds that it is ahead of AWS's; negative when it is behind.
        ahead: i64,
        /// AWS's own words.
        why: String,
    },
    /// The credentials may not make this call.
    Denied(String),
    /// Too many calls, even after waiting.
    Throttled,
    /// There is no such thing.
    NotFound(String),
    /// The region has no machine of the type to give.
    NoCapacity(String),
    /// The account's plan allows free types only.
    NotFree(String),
    /// A quota of the account is used up.
    Quota {
        /// Which.
        quota: &'static AwsQuota,
        /// AWS's own words.
        why: String,
    },
    /// The region has no default VPC.
    NoDefaultVpc,
    /// No hosted zone fits the host name; these exist.
    NoZone {
        /// What was looked for.
        wanted: String,
        /// The account's public zones.
        found: Vec<String>,
    },
    /// The only hosted zone that fits is private.
    PrivateZone {
        /// Its name.
        name: String,
        /// Its id.
        id: String,
    },
    /// Several hosted zones have the name; these are their ids.
    TwoZones {
        /// The name.
        name: String,
        /// The ids.
        ids: Vec<String>,
    },
    /// The host name does not lie in the hosted zone.
    ForeignHost {
        /// The host name.
        host: String,
        /// The zone's name.
        zone: String,
    },
    /// Something of our name exists that is not ours.
    Foreign(String),
    /// Route 53 refused a batch of records as a whole.
    RecordsRefused(Vec<String>),
    /// AWS itself is in trouble, even after waiting.
    Unwell(String),
    /// AWS could not be reached.
    Unreachable(String),
    /// Waited for as long as was sensible.
    TimedOut(String),
    /// Anything else, with AWS's code and message.
    Other(String),
}

impl Failure {
    /// A failure that this room itself found.
    pub(super) fn new(call: &str, place: &str, kind: FailureKind) -> Self {
        Self {
            call: call.to_owned(),
            place: place.to_owned(),
            kind,
        }
    }

    /// Whether every other call would fail in the same way until a person has done something.
    pub fn is_about_every_call(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::NoCredentials(_)
                | FailureKind::Expired(_)
                | FailureKind::ClockWrong { .. }
        )
    }

    /// Whether the same call may well succeed in a moment.
    pub fn is_passing(&self) -> bool {
        matches!(
            self.kind,
            FailureKind::Throttled
                | FailureKind::Unwell(_)
                | FailureKind::Unreachable(_)
                | FailureKind::TimedOut(_)
        )
    }

    /// What to do next, when there is something to do.
    pub fn hint(&self) -> Option<String> {
        let text = match &self.kind {
            FailureKind::NoCredentials(_) => "log in with `aws configure` or `aws sso login`, or set AWS_PROFILE".to_owned(),
            FailureKind::NotAccepted(_) => "check the access key of the profile in use (AWS_PROFILE), and this machine's clock".to_owned(),
            FailureKind::Expired(_) => "log in again (`aws sso login`, or fetch new session credentials) and repeat the command".to_owned(),
            FailureKind::ClockWrong { .. } => "set this machine's clock (`timedatectl set-ntp true`) and repeat the command".to_owned(),
            FailureKind::Denied(_) => format!("let an administrator allow `{}` for these credentials", self.call),
            FailureKind::Throttled => "somebody else uses the account's API heavily; run the command again in a minute".to_owned(),
            FailureKind::NoCapacity(_) => "run the command again later, or name other types as `nodes.instance_types` or another region in the profile".to_owned(),
            FailureKind::NotFree(_) => "name a free type as `nodes.instance_types`, or upgrade the account's plan".to_owned(),
            FailureKind::Quota { quota, .. } => format!(
                "raise `{}` of {} in the Service Quotas console of {}, or remove what uses it up; then run the command again",
                quota.name, quota.service, self.console()
            ),
            FailureKind::Unwell(_) => "look at https://health.aws.amazon.com and run the command again in some minutes".to_owned(),
            FailureKind::NoDefaultVpc => format!("make one with `aws ec2 create-default-vpc --region {}`", self.place),
            FailureKind::NoZone { .. } => "create the hosted zone in Route 53 first, or set `dns.host` to a name in one of those".to_owned(),
            FailureKind::PrivateZone { .. } => "create a public hosted zone of that name, or set `dns.host` to a name in one".to_owned(),
            FailureKind::TwoZones { .. } => "set `dns.zone` to the id of the one you mean".to_owned(),
            FailureKind::ForeignHost { .. } => "correct `dns.host` or `dns.zone` in the profile".to_owned(),
            FailureKind::Unreachable(_) => "check this machine's network, and AWS_ENDPOINT_URL if it is set".to_owned(),
            FailureKind::Foreign(_) => "remove or rename it if nobody needs it, or choose another `name` for the line".to_owned(),
            FailureKind::NotFound(_) if self.call == "ec2:DescribeImages" => "set `nodes.image` to `debian-13`, or to the `ami-...` id of an x86_64 image in that region".to_owned(),
            FailureKind::NotFound(_) | FailureKind::RecordsRefused(_) | FailureKind::TimedOut(_) | FailureKind::Other(_) => return None,
        };
        Some(text)
    }

    /// The region whose console shows what concerns this place: Route 53's own is us-east-1.
    fn console(&self) -> &str {
        if self.place == "Route 53" {
            "us-east-1"
        } else {
            &self.place
        }
    }
}

/// A number of seconds as people say it.
fn told(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, minutes) if hours < 48 => format!("{hours} h {minutes} min"),
        (hours, _) => format!("{} days", hours / 24),
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { call, place, kind } = self;
        write!(f, "{place}: ")?;
        match kind {
            FailureKind::NoCredentials(why) => write!(f, "no AWS credentials for {call}: {why}"),
            FailureKind::NotAccepted(why) => {
                write!(f, "AWS does not accept the credentials for {call}: {why}")
            }
            FailureKind::Expired(why) => {
                write!(f, "the AWS credentials have expired ({call}: {why})")
            }
            FailureKind::ClockWrong { ahead, why } => {
                let side = if *ahead > 0 { "ahead of" } else { "behind" };
                let time = told(ahead.unsigned_abs());
                write!(
                    f,
                    "this machine's clock is {time} {side} AWS's, which refuses {call} for it: {why}"
                )
            }
            FailureKind::Denied(why) => write!(f, "the credentials may not call {call}: {why}"),
            FailureKind::Throttled => write!(f, "{call} was throttled again and again"),
            FailureKind::NotFound(what) => write!(f, "{call}: {what}"),
            FailureKind::NoCapacity(why) => write!(f, "no capacity for {call}: {why}"),
            FailureKind::NotFree(why) => {
                write!(f, "the account's plan does not allow {call}: {why}")
            }
            FailureKind::Quota { quota, why } => {
                write!(f, "the quota `{}` is used up ({call}: {why})", quota.name)
            }
            FailureKind::NoDefaultVpc => write!(f, "there is no default VPC for {call}"),
            FailureKind::NoZone { wanted, found } if found.is_empty() => {
                write!(f, "no hosted zone holds `{wanted}`; the account has none")
            }
            FailureKind::NoZone { wanted, found } => write!(
                f,
                "no hosted zone holds `{wanted}`; the account has {}",
                found.join(", ")
            ),
            FailureKind::PrivateZone { name, id } => write!(
                f,
                "the hosted zone `{name}` ({id}) is private, so nobody outside its networks sees it"
            ),
            FailureKind::TwoZones { name, ids } => write!(
                f,
                "there are {} hosted zones named `{name}`: {}",
                ids.len(),
                ids.join(", ")
            ),
            FailureKind::ForeignHost { host, zone } => {
                write!(f, "`{host}` does not lie in the hosted zone `{zone}`")
            }
            FailureKind::Foreign(what) => write!(f, "{what}"),
            FailureKind::RecordsRefused(messages) => {
                write!(f, "the records were refused: {}", messages.join("; "))
            }
            FailureKind::Unwell(why) => {
                write!(f, "AWS could not do {call}, again and again: {why}")
            }
            FailureKind::Unreachable(why) => write!(f, "{call} could not be reached: {why}"),
            FailureKind::TimedOut(what) => write!(f, "gave up waiting: {what}"),
            FailureKind::Other(what) => write!(f, "{call} failed: {what}"),
        }
    }
}

impl Error for Failure {}
