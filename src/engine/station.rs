//! A node as one who takes regions in and out of service meets it: over SSH alone, whatever AWS says.

use std::net::Ipv4Addr;
use std::time::Duration;

use crate::line::{GatewayStatus, Generation, Slot};
use crate::remote::{Blocked, Session, drain, gateway_status, undrain};

use super::world::World;

/// How long a node may take to answer.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often a slot is taken to have been filled anew, where only the host key can tell.
const GENERATIONS: u32 = 12;

/// A node that can be told to step aside.
#[derive(Clone)]
pub struct Station {
    /// Its slot.
    pub slot: Slot,
    /// Its address.
    pub address: Ipv4Addr,
    session: Session,
}

impl Station {
    /// Enters a node that EC2 has told of.
    pub async fn enter(
        world: &World,
        slot: &Slot,
        generation: Generation,
        address: Ipv4Addr,
    ) -> Result<Self, Blocked> {
        let session = world.session(slot, generation, address, PATIENCE).await?;
        Ok(Self {
            slot: slot.clone(),
            address,
            session,
        })
    }

    /// Enters the node at an address that only DNS has told of: its host key says which of the line's slots it fills.
    pub async fn recognise(
        world: &World,
        slots: &[Slot],
        address: Ipv4Addr,
    ) -> Result<Self, Blocked> {
        let mut last = None;
        for generation in (1..=GENERATIONS).map(Generation) {
            for slot in slots {
                match Self::enter(world, slot, generation, address).await {
                    Err(blocked @ Blocked::WrongHostKey(_)) => last = Some(blocked),
                    other => return other,
                }
            }
        }
        Err(last.unwrap_or_else(|| {
            Blocked::Unreachable(format!("{address}: the line has no slot for it"))
        }))
    }

    /// Makes it fail its health checks while it serves on.
    pub async fn drain(&self) -> Result<GatewayStatus, Blocked> {
        drain(&self.session).await
    }

    /// Lets it pass its health checks again.
    pub async fn undrain(&self) -> Result<GatewayStatus, Blocked> {
        undrain(&self.session).await
    }

    /// What its gateway says of itself.
    pub async fn status(&self) -> Result<GatewayStatus, Blocked> {
        gateway_status(&self.session).await
    }
}
