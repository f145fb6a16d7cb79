//! Why a plan is refused although every input is well formed: doing it would be unsafe or cost what nobody agreed to.

use std::collections::BTreeSet;
use std::fmt;

use crate::cost::{SmallerLine, Usd};
use crate::line::{MemoryNeeds, Place, Region};

/// A refused plan; nothing has been changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Things of the line were made with another line secret.
    WrongSecret {
        /// An instance or group that shows it.
        example: String,
    },
    /// A line of this name was made with another line secret, so it may be somebody else's.
    AnothersLine {
        /// An instance or group that shows it.
        example: String,
    },
    /// No preferred instance type is offered free.
    NotFree {
        /// Where.
        region: Region,
        /// What the profile prefers.
        wanted: Vec<String>,
        /// What the account is offered.
        offered: Vec<String>,
    },
    /// A record that is not the line's stands where one of its own must be.
    ForeignRecord(String),
    /// The change of records leaves no node that is healthy.
    LastHealthyRegion {
        /// The regions that have one now.
        lost: BTreeSet<Region>,
    },
    /// The change of records leaves somebody without a healthy node who has one now.
    PlacesWithoutNode {
        /// Who.
        places: Vec<Place>,
    },
    /// The change removes a large part of the line's records.
    ManyRemovals {
        /// How many record sets go.
        removed: usize,
        /// How many the line has.
        of: usize,
    },
    /// No other region has a healthy node.
    NobodyTakesOver {
        /// The region that was to be taken out.
        region: Region,
    },
    /// Users of a region would go to another one than was meant.
    AnotherTakesOver {
        /// The region that was to be taken out.
        region: Region,
        /// The nearest with a healthy node.
        heir: Region,
        /// The one that was meant.
        wanted: Region,
    },
    /// None of a region's nodes is well, so it is not put back.
    NotHealthy {
        /// The region.
        region: Region,
        /// What is wrong, for each node.
        sick: Vec<String>,
    },
    /// What runs on a node may use more memory than it has.
    DoesNotFit {
        /// The instance type.
        kind: String,
        /// Its memory, in MiB.
        has: u32,
        /// What would run on it.
        needs: MemoryNeeds,
    },
    /// The line costs more in a month than the profile allows.
    OverBudget {
        /// What it costs.
        total: Usd,
        /// What it may cost.
        budget: Usd,
        /// The largest line of fewer regions that costs no more, if there is one.
        smaller: Option<SmallerLine>,
    },
    /// There is a budget, and a node whose price is not known.
    UnknownPrice {
        /// The instance types.
        kinds: Vec<String>,
    },
}

impl Refusal {
    /// What to do next.
    pub fn hint(&self) -> String {
        match self {
            Self::WrongSecret { .. } => {
                "restore this line's own secret from its backup, or choose another `name` for a new line".to_owned()
            }
            Self::AnothersLine { .. } => {
                "restore this line's own secret from its backup, or pass --force if the line is yours to remove"
                    .to_owned()
            }
            Self::NotFree { offered, .. } if offered.is_empty() => {
                "pass --allow-paid to launch it anyway, at on-demand price".to_owned()
            }
            Self::NotFree { .. } => {
                "set `nodes.instance_types` to one of them, or pass --allow-paid to launch it anyway, at on-demand price".to_owned()
            }
            Self::LastHealthyRegion { .. } | Self::PlacesWithoutNode { .. } => {
                "look at `dsline status` and bring a node of what stays into health first, or pass --force to insist".to_owned()
            }
            Self::ManyRemovals { .. } => {
                "pass --force if that is what you want; to remove the line, run `dsline teardown`".to_owned()
            }
            Self::NobodyTakesOver { .. } => {
                "bring a node of another region into health first, or pass --force to insist".to_owned()
            }
            Self::AnotherTakesOver { heir, wanted, .. } => format!(
                "leave --to out, or look with `dsline status` why {wanted} does not serve; {heir} can be taken out first"
            ),
            Self::NotHealthy { region, .. } => {
                format!("look at `dsline status`, mend a node of {region}, and say it again; it stays out meanwhile")
            }
            Self::DoesNotFit { .. } => {
                "lower `redis.max_memory_mib` or `gateway.memory_mib`, or leave larger `nodes.instance_types` only".to_owned()
            }
            Self::OverBudget { smaller: Some(line), .. } => {
                let names: Vec<&str> = line.regions.iter().map(Region::as_str).collect();
                format!(
                    "`--regions {}` would cost {}; or raise `budget.month_usd`",
                    names.join(","),
                    line.total
                )
            }
            Self::OverBudget { .. } => {
                "take regions or nodes out of the profile, or raise `budget.month_usd`".to_owned()
            }
            Self::UnknownPrice { .. } => {
                "choose another of `nodes.instance_types`, or set `budget.month_usd` to 0".to_owned()
            }
            Self::ForeignRecord(_) => "remove that record yourself, or choose another `dns.host`".to_owned(),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongSecret { example } | Self::AnothersLine { example } => {
                write!(
                    f,
                    "the line secret is not the one this line was made with ({example} carries another fingerprint)"
                )
            }
            Self::NotFree {
                region,
                wanted,
                offered,
            } => {
                let offered = if offered.is_empty() {
                    "nothing".to_owned()
                } else {
                    offered.join(", ")
                };
                write!(
                    f,
                    "{region}: none of {} is offered free to this account; free there: {offered}",
                    wanted.join(", ")
                )
            }
            Self::LastHealthyRegion { lost } => {
                let lost: Vec<&str> = lost.iter().map(Region::as_str).collect();
                write!(
                    f,
                    "the change would take the last healthy region ({}) out of the records",
                    lost.join(", ")
                )
            }
            Self::PlacesWithoutNode { places } => {
                let places: Vec<&str> = places.iter().map(|place| place.title()).collect();
                write!(
                    f,
                    "the change would leave users without a healthy node: {}",
                    places.join(", ")
                )
            }
            Self::ManyRemovals { removed, of } => write!(
                f,
                "the change would remove {removed} of the line's {of} record sets, more than 30 %"
            ),
            Self::NobodyTakesOver { region } => {
                write!(
                    f,
                    "no other region has a healthy node that could take over from {region}"
                )
            }
            Self::AnotherTakesOver {
                region,
                heir,
                wanted,
            } => write!(
                f,
                "{heir} would take over from {region}, not {wanted}: it is the nearest region with a healthy node"
            ),
            Self::NotHealthy { region, sick } => {
                write!(f, "{region} is not put back: {}", sick.join("; "))
            }
            Self::DoesNotFit { kind, has, needs } => {
                let MemoryNeeds {
                    gateway,
                    redis,
                    nginx,
                    system,
                } = needs;
                write!(
                    f,
                    "a {kind} has {has} MiB of memory, and what the profile lets run there may use {}: \
                     {redis} Redis, {gateway} the gateway, {nginx} nginx, {system} the system",
                    needs.total()
                )
            }
            Self::OverBudget { total, budget, .. } => {
                write!(
                    f,
                    "the line would cost {total} a month, and its budget is {budget}"
                )
            }
            Self::UnknownPrice { kinds } => write!(
                f,
                "there is a budget, and no price of {} is on record",
                kinds.join(", ")
            ),
            Self::ForeignRecord(what) => {
                write!(f, "the zone holds a record that is not this line's: {what}")
            }
        }
    }
}

impl std::error::Error for Refusal {}
