//! The steps that happen on a node, over its one SSH session.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Error, Result};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use crate::cloud::is_burstable;
use crate::line::{Generation, HostKey, HostKeyStage, Revocation, Slot};
use crate::plan::{Wanted, release_of};
use crate::remote::{
    Blocked, PushOrder, Session, await_boot, install_lasting_key, leave, prepare, push, report,
    revoke, switch,
};
use crate::render::preparation;

use super::event::Ending;
use super::facts::Facts;
use super::revocations::share;
use super::roll::{Live, Machine, Roll};
use super::world::World;

/// How long a new instance may take until its SSH server answers.
const FIRST_CONTACT: Duration = Duration::from_mins(5);
/// How long first boot may take: packages are installed on a machine with one or two small cores.
const FIRST_BOOT: Duration = Duration::from_mins(15);
/// How long one attempt at a connection may take.
const ATTEMPT: Duration = Duration::from_secs(8);
/// How long a node may take to let somebody in again whose connection broke.
const REOPENING: Duration = Duration::from_secs(30);

/// Steps on nodes.
pub(super) struct NodeSteps {
    world: Arc<World>,
    wanted: Option<Arc<Wanted>>,
    roll: Option<Arc<Roll>>,
    facts: Arc<Facts>,
    /// What the nodes hold that were there when the run began; asked once.
    revoked: OnceCell<BTreeSet<Revocation>>,
}

impl NodeSteps {
    pub(super) fn new(
        world: Arc<World>,
        wanted: Option<Arc<Wanted>>,
        roll: Option<Arc<Roll>>,
        facts: Arc<Facts>,
    ) -> Self {
        Self {
            world,
            wanted,
            roll,
            facts,
            revoked: OnceCell::new(),
        }
    }

    fn wanted(&self) -> Result<&Wanted> {
        self.wanted
            .as_deref()
            .context("this run knows no profile to make nodes by")
    }

    fn roll(&self) -> Result<&Roll> {
        self.roll
            .as_deref()
            .context("this run brings no releases to nodes")
    }

    /// Prepares a machine that was not launched for the line.
    async fn prepare(&self, slot: &Slot, says: &(impl Fn(String) + Sync)) -> Result<()> {
        let machine = self.machine(slot, Generation::FIRST)?;
        says("installing what is missing of the packages".to_owned());
        self.over_ssh(machine, says, |session| async move {
            prepare(&session, &preparation()).await
        })
        .await
    }

    /// Takes the line off a machine that was not launched for it.
    pub(super) async fn leave(
        &self,
        slot: &Slot,
        address: Ipv4Addr,
        says: &(impl Fn(String) + Sync),
    ) -> Result<()> {
        let machine = Machine {
            slot,
            generation: Generation::FIRST,
            address,
        };
        self.over_ssh(
            machine,
            says,
            |session| async move { leave(&session).await },
        )
        .await?;
        says("left there: packages, /var/log (the audit trail too), kernel settings until its next start".to_owned());
        Ok(())
    }

    /// Waits for first boot and ends it; the lasting host key comes last, so its presence means that all of it was done.
    pub(super) async fn boot(
        &self,
        slot: &Slot,
        generation: Generation,
        instance_type: &str,
        says: &(impl Fn(String) + Sync),
    ) -> Result<()> {
        if slot.is_brought() {
            return self.prepare(slot, says).await;
        }
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
        let machine = Machine {
            slot,
            generation,
            address,
        };
        self.contact(machine, FIRST_CONTACT).await?;
        says("waiting for first boot (packages)".to_owned());
        self.over_ssh(machine, says, |session| async move {
            await_boot(&session, FIRST_BOOT).await
        })
        .await?;
        let launched_as = self.facts.node(slot).instance_type;
        if is_burstable(launched_as.as_deref().unwrap_or(instance_type)) {
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
        let lasting = &lasting;
        self.over_ssh(machine, says, |session| async move {
            install_lasting_key(&session, lasting).await
        })
        .await
    }

    /// Does something over the machine's session; if the connection breaks, once more over a new one.
    ///
    /// What is done must bear being done twice: nobody knows how far the first time came.
    async fn over_ssh<T, E, Work>(
        &self,
        machine: Machine<'_>,
        says: &(impl Fn(String) + Sync),
        work: impl Fn(Session) -> Work,
    ) -> Result<T>
    where
        E: Into<Error>,
        Work: Future<Output = Result<T, E>>,
    {
        let session = self.contact(machine, Duration::ZERO).await?;
        let error = match work(session.clone()).await {
            Ok(done) => return Ok(done),
            Err(error) => error.into(),
        };
        if !session.is_broken() {
            return Err(error);
        }
        says(format!("{error}; trying again over a new connection"));
        let session = self.contact(machine, REOPENING).await;
        let session =
            session.with_context(|| format!("{error}, and no new connection can be opened"))?;
        work(session).await.map_err(Into::into)
    }

    async fn contact(&self, machine: Machine<'_>, patience: Duration) -> Result<Session> {
        let Machine {
            slot,
            generation,
            address,
        } = machine;
        let deadline = Instant::now() + patience;
        loop {
            match self.world.session(slot, generation, address, ATTEMPT).await {
                Ok(session) => return Ok(session),
                // sshd may listen before cloud-init has set its key or made the user: these two pass by themselves.
                Err(Blocked::Unreachable(_) | Blocked::Broken(_)) if Instant::now() < deadline => {}
                Err(Blocked::WrongHostKey(_) | Blocked::Refused(_))
                    if Instant::now() + patience / 2 < deadline => {}
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
        number: u32,
        says: &(impl Fn(String) + Sync),
    ) -> Result<Ending> {
        let (machine, roll) = (self.machine(slot, generation)?, self.roll()?);
        let revoked = self.revoked_elsewhere(slot).await;
        self.over_ssh(machine, says, |session| async move {
            revoke(&session, revoked).await
        })
        .await?;
        let certificate = self.facts.certificate();
        let release = &release_of(
            self.wanted()?,
            certificate.as_ref(),
            slot,
            Some(machine.address),
        );
        says(format!("pushing release {}", &release.digest()[..8]));
        let pushed = self
            .over_ssh(machine, says, |session| async move {
                let order = PushOrder {
                    number,
                    note: &roll.note,
                    window: roll.window,
                };
                push(&session, release, order).await
            })
            .await?;
        if let Some(number) = pushed.unconfirmed {
            says(format!("release {number} is live; asking it from outside"));
            let session = self.contact(machine, REOPENING).await?;
            let chain = release.text("nginx/tls/fullchain.pem");
            let chain = chain.context("the release has no certificate")?;
            let live = Live { number, chain };
            roll.make_sure(&self.world, machine, &session, live).await?;
        }
        self.facts.learn(slot, |node| {
            node.is_unfinished = false;
            node.before = pushed.before;
        });
        Ok(if pushed.changed.is_empty() {
            Ending::Unchanged
        } else {
            Ending::Done
        })
    }

    /// Makes a release live again that the node has kept.
    pub(super) async fn go_back(
        &self,
        slot: &Slot,
        generation: Generation,
        number: u32,
        says: &(impl Fn(String) + Sync),
    ) -> Result<()> {
        let (machine, roll) = (self.machine(slot, generation)?, self.roll()?);
        self.over_ssh(machine, says, |session| async move {
            switch(&session, number, roll.window).await
        })
        .await?;
        let session = self.contact(machine, REOPENING).await?;
        let chain = report(&session).await?.chain;
        let chain = &chain.context("the release has no certificate")?;
        let live = Live { number, chain };
        roll.make_sure(&self.world, machine, &session, live).await
    }

    fn machine<'a>(&self, slot: &'a Slot, generation: Generation) -> Result<Machine<'a>> {
        let address = self.facts.node(slot).address;
        Ok(Machine {
            slot,
            generation,
            address: address.with_context(|| format!("{slot} has no address yet"))?,
        })
    }

    /// What the other nodes hold: a new node knows it before anybody is sent to it. A node that cannot be asked holds nobody
    /// up: it is most often the one that is being replaced.
    async fn revoked_elsewhere(&self, slot: &Slot) -> &BTreeSet<Revocation> {
        let ask = async || {
            let mut others = self.facts.keepers();
            others.retain(|keeper| keeper.slot != *slot);
            share(&self.world, &others, &BTreeSet::new()).await.all
        };
        self.revoked.get_or_init(ask).await
    }
}
