//! The handle on everything outside: AWS, the nodes' SSH sessions, and the secret that tells true nodes from false ones.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::sync::Mutex;

use crate::cloud::Cloud;
use crate::line::{Generation, LineSecret, Slot};
use crate::remote::{Blocked, Door, Session};

/// The outside, with one SSH session per node that has been reached.
pub struct World {
    /// AWS.
    pub cloud: Cloud,
    nodes: Option<(Door, LineSecret)>,
    sessions: Mutex<HashMap<Ipv4Addr, Session>>,
}

impl World {
    /// A world that has not been touched yet.
    pub fn new(cloud: Cloud, door: Door, secret: LineSecret) -> Self {
        Self {
            cloud,
            nodes: Some((door, secret)),
            sessions: Mutex::default(),
        }
    }

    /// A world whose nodes cannot be entered: enough to remove them, even when the line secret is lost.
    pub fn without_nodes(cloud: Cloud) -> Self {
        Self {
            cloud,
            nodes: None,
            sessions: Mutex::default(),
        }
    }

    /// The session of a slot's machine at an address: the one that is open, or a new one.
    pub async fn session(
        &self,
        slot: &Slot,
        generation: Generation,
        address: Ipv4Addr,
        timeout: Duration,
    ) -> Result<Session, Blocked> {
        let open = self.sessions.lock().await.get(&address).cloned();
        if let Some(session) = open.filter(|session| !session.is_broken()) {
            return Ok(session);
        }
        let session = self
            .another_session(slot, generation, address, timeout)
            .await?;
        self.sessions.lock().await.insert(address, session.clone());
        Ok(session)
    }

    /// A session that is shared with nobody, for what must not wait for a long command.
    pub async fn another_session(
        &self,
        slot: &Slot,
        generation: Generation,
        address: Ipv4Addr,
        timeout: Duration,
    ) -> Result<Session, Blocked> {
        let Some((door, secret)) = &self.nodes else {
            return Err(Blocked::Refused(format!(
                "{slot}: this run does not enter nodes"
            )));
        };
        let target = door.target(secret, slot, generation, address);
        Session::open(door, &target, timeout).await
    }
}
