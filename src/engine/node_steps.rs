//! The steps that happen on a node, over its one SSH session.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::time::{Instant, sleep};

use crate::cloud::is_burstable;
use crate::line::{Generation, HostKey, HostKeyStage, Slot};
use crate::plan::{Wanted, release_of};
use crate::remote::{Blocked, Session, await_boot, install_lasting_key, push};

use super::event::Ending;
use super::facts::Facts;
use super::world::World;

/// How long a new instance may take until its SSH server answers.
const FIRST_CONTACT: Duration = Duration::from_mins(5);
/// How long first boot may take: packages are installed on a machine with one or two small cores.
const FIRST_BOOT: Duration = Duration::from_mins(15);
/// How long one attempt at a connection may take.
const ATTEMPT: Duration = Duration::from_secs(8);

/// Steps on nodes.
pub(super) struct NodeSteps {
    world: Arc<World>,
    wanted: Option<Arc<Wanted>>,
    facts: Arc<Facts>,
}

impl NodeSteps {
    pub(super) fn new(world: Arc<World>, wanted: Option<Arc<Wanted>>, facts: Arc<Facts>) -> Self {
        Self {
            world,
            wanted,
            facts,
        }
    }

    fn wanted(&self) -> Result<&Wanted> {
        self.wanted
            .as_deref()
            .context("this run knows no profile to make nodes by")
    }

    /// Waits for first boot and ends it; the lasting host key comes last, so its presence means that all of it was done.
    pub(super) async fn boot(
        &self,
        slot: &Slot,
        generation: Generation,
        instance_type: &str,
        says: &(impl Fn(String) + Sync),
    ) -> Result<()> {
        let instance = self
            .facts
            .node(slot)
            .instance
            .with_context(|| format!("{slot} has no instance yet"))?;
        says("waiting until EC2 runs it".to_owned());
        let running = self
            .world
            .cloud
            .await_running(&slot.region, &instance)
            .await?;
        let address = running
            .address
            .with_context(|| format!("{slot}: EC2 gave {instance} no public address"))?;
        self.facts.learn(slot, |node| node.address = Some(address));
        says(format!("waiting for SSH at {address}"));
        let session = self.first_contact(slot, generation, address).await?;
        says("waiting for first boot (packages)".to_owned());
        await_boot(&session, FIRST_BOOT).await?;
        if is_burstable(instance_type) {
            self.world
                .cloud
                .use_standard_credits(&slot.region, &instance)
                .await?;
        }
        let lasting = HostKey::derive(
            &self.wanted()?.secret,
            slot,
            generation,
            HostKeyStage::Lasting,
        );
        install_lasting_key(&session, &lasting).await?;
        Ok(())
    }

    async fn first_contact(
        &self,
        slot: &Slot,
        generation: Generation,
        address: Ipv4Addr,
    ) -> Result<Session> {
        let deadline = Instant::now() + FIRST_CONTACT;
        loop {
            match self.world.session(slot, generation, address, ATTEMPT).await {
                Ok(session) => return Ok(session),
                // sshd may listen before cloud-init has set its key or made the user: these two pass by themselves.
                Err(Blocked::Unreachable(_) | Blocked::Broken(_)) if Instant::now() < deadline => {}
                Err(Blocked::WrongHostKey(_) | Blocked::Refused(_))
                    if Instant::now() < deadline - FIRST_CONTACT / 2 => {}
                Err(blocked) => return Err(blocked.into()),
            }
            sleep(Duration::from_millis(500)).await;
        }
    }

    /// Brings the node to its release.
    pub(super) async fn push(
        &self,
        slot: &Slot,
        generation: Generation,
        says: &(impl Fn(String) + Sync),
    ) -> Result<Ending> {
        let address = self
            .facts
            .node(slot)
            .address
            .with_context(|| format!("{slot} has no address yet"))?;
        let session = self
            .world
            .session(slot, generation, address, ATTEMPT)
            .await?;
        let release = release_of(self.wanted()?, slot, Some(address));
        says(format!("pushing release {}", &release.digest()[..8]));
        let pushed = push(&session, &release).await?;
        self.facts.learn(slot, |node| node.is_unfinished = false);
        Ok(if pushed.changed.is_empty() {
            Ending::Unchanged
        } else {
            Ending::Done
        })
    }
}
