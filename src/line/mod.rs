//! The vocabulary of a line: names, identities, the profile, secrets and what was observed; pure, imports nothing.

mod account_plan;
mod authority;
mod aws_quota;
mod brought;
mod certificate;
mod chain;
mod country;
mod cpu;
mod defence;
mod derived_key;
mod hinted;
mod holder;
mod host_key;
mod identity;
mod image;
mod kept_release;
mod lease;
mod log_line;
mod memory;
mod name;
mod observed;
mod place;
mod profile;
mod profile_edit;
mod profile_error;
mod public_key;
mod quote;
mod record;
mod region;
mod report;
mod scaling;
mod secret;
mod secret_source;
mod sections;
mod symptoms;
mod token;
mod traffic;
mod traffic_check;
mod trail;
mod waf;

pub use account_plan::AccountPlan;
pub use authority::{Authority, Certificate};
pub use aws_quota::AwsQuota;
pub use brought::Brought;
pub use certificate::{CertificateIssuer, CertificateSource};
pub use chain::{BadChain, Chain};
pub use country::Country;
pub use cpu::CpuSight;
pub use defence::{Container, Inside, Outside};
pub use hinted::{Hint, Hinted};
pub use holder::Holder;
pub use host_key::{HostKey, HostKeyStage, PublicHostKey};
pub use identity::{
    CheckReference, TAG_GENERATION, TAG_KEY, TAG_LINE, TAG_REGION, TAG_SLOT, client_token,
    group_name, is_ours, set_identifier,
};
pub use image::ImageChoice;
pub use kept_release::{KeptRelease, Note, ReleaseState};
pub use lease::{Hold, Lease};
pub use log_line::{shown_lines, without_secrets};
pub use memory::MemoryNeeds;
pub use name::{Generation, LineName, Slot};
pub use observed::{
    Group, HealthCheck, Instance, InstanceState, Observed, Offer, RegionView, Rule, RuleSource,
    ZoneView,
};
pub use place::{Place, State, place_of};
pub use profile::Profile;
pub use profile_edit::with_key;
pub use profile_error::ProfileError;
pub use public_key::{CertificateKey, account_key};
pub use quote::{Priced, Quote};
pub use record::{AliasTarget, Failover, RecordSet, RecordType, RecordValue, Routing, plain_name};
pub use region::{Continent, Region};
pub use report::{GatewayStatus, NodeReport, NodeSight, PartState, PermitStatus, UpstreamStatus};
pub use scaling::{Hooks, Scaling, ScalingPolicy};
pub use secret::{KeyId, LineSecret, Secret};
pub use secret_source::SecretSource;
pub use sections::{
    Budget, CheckSpeed, Dns, Gateway, Lock, Logs, Nginx, Nodes, Push, Redis, Ssh, TlsMinimum,
    Upstream,
};
pub use symptoms::{GatewayContainer, Limited, RecentRequests, Symptoms};
pub use token::{Claims, ISSUER, Revocation, TokenId, audience, issue, verification_key};
pub use traffic::{
    Auth, Cache, Conversation, Cors, Issuer, Matching, Merge, OtherUpstream, Quota, Retry,
    SigningAlgorithm,
};
pub use trail::{TrailCount, TrailGap, TrailRecord, TrailRun, TrailVerdict};
pub use waf::{Waf, WafMode};
