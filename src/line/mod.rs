//! The vocabulary of a line: names, identities, the profile, secrets and what was observed; pure, imports nothing.

mod authority;
mod country;
mod hinted;
mod holder;
mod host_key;
mod identity;
mod image;
mod lease;
mod name;
mod observed;
mod place;
mod profile;
mod profile_error;
mod record;
mod region;
mod report;
mod secret;
mod secret_source;
mod sections;
mod token;
mod traffic;
mod traffic_check;

pub use authority::{Authority, Certificate};
pub use country::Country;
pub use hinted::{Hint, Hinted};
pub use holder::Holder;
pub use host_key::{HostKey, HostKeyStage};
pub use identity::{
    CheckReference, TAG_GENERATION, TAG_KEY, TAG_LINE, TAG_REGION, TAG_SLOT, client_token,
    group_name, is_ours, set_identifier,
};
pub use image::ImageChoice;
pub use lease::{Hold, Lease};
pub use name::{Generation, LineName, Slot};
pub use observed::{
    Group, HealthCheck, Instance, InstanceState, Observed, Offer, RegionView, Rule, RuleSource,
    ZoneView,
};
pub use place::{Place, State, place_of};
pub use profile::Profile;
pub use profile_error::ProfileError;
pub use record::{AliasTarget, Failover, RecordSet, RecordType, RecordValue, Routing, plain_name};
pub use region::{Continent, Region};
pub use report::{GatewayStatus, NodeReport, NodeSight, PartState, UpstreamStatus};
pub use secret::{KeyId, LineSecret, Secret};
pub use secret_source::SecretSource;
pub use sections::{
    CheckSpeed, Dns, Gateway, Lock, Logs, Nginx, Nodes, Redis, Ssh, TlsMinimum, Upstream,
};
pub use token::{Claims, ISSUER, Revocation, TokenId, audience, issue, verification_key};
pub use traffic::{
    Auth, Cache, Conversation, Cors, Issuer, Matching, Merge, OtherUpstream, Quota, Retry,
    SigningAlgorithm,
};
