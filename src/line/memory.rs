//! What may use a node's memory, and how much of it: the limits that its services are given, and room for the rest.

use super::profile::Profile;

/// What nginx keeps with its rules against attacks and a thousand open streams stays far below.
const NGINX_MIB: u32 = 192;
/// Kernel, systemd, sshd, Docker, containerd, rsyslog and the journal: some 200 MiB of a node that was measured.
const SYSTEM_MIB: u32 = 256;

/// The limits of a node's services, in MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryNeeds {
    /// The gateway's container, which ends at it.
    pub gateway: u32,
    /// Redis: what it keeps, and a part of it twice while a snapshot is written. More goes to swap.
    pub redis: u32,
    /// nginx. More goes to swap.
    pub nginx: u32,
    /// Everything that has no limit.
    pub system: u32,
}

impl MemoryNeeds {
    /// What a profile lets a node's services use.
    pub fn of(profile: &Profile) -> Self {
        let kept = profile.redis.max_memory_mib;
        Self {
            gateway: profile.gateway.memory_mib,
            redis: kept.saturating_add(kept / 4).saturating_add(32),
            nginx: NGINX_MIB,
            system: SYSTEM_MIB,
        }
    }

    /// All together, in MiB.
    pub fn total(self) -> u32 {
        let Self {
            gateway,
            redis,
            nginx,
            system,
        } = self;
        [redis, nginx, system]
            .into_iter()
            .fold(gateway, u32::saturating_add)
    }
}
