//! What is wrong with an account or a line, out of what was seen of it, and what to do about it; pure.

mod account;
mod certificate;
mod finding;
mod inside;
mod limits;
mod outage;
mod outside;
mod permissions;
mod quotas;
mod remedy;
mod sick;
mod slowness;

pub use account::{
    AccountSight, Failed, Permission, RegionSight, ZoneSight, is_good, judge_account, missing,
};
pub use finding::{Finding, Verdict};
pub use inside::judge_inside;
pub use outside::judge_outside;
pub use permissions::{actions, policy};
pub use quotas::{CheckSight, VcpuSight};
pub use remedy::Remedy;
pub use sick::{Patient, diagnose};
