//! What makes a new release count: it answers as its users ask it, and somebody says so over a connection that is newer.

use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::Result;
use tokio::time::{Instant, sleep};

use crate::client::{Caller, healthz_by_tls};
use crate::line::{Generation, Note, Slot};
use crate::remote::{Blocked, PushFailure, Session, confirm, report, take_back};

use super::world::World;

/// How long a release that the node finds well may take until it answers from outside.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long one attempt at a connection may take.
const ATTEMPT: Duration = Duration::from_secs(8);

/// How releases are brought to nodes.
pub struct Roll {
    /// Who brings them, and why.
    pub note: Note,
    /// How long a node waits for the confirmation.
    pub window: Duration,
    /// The line's host name; empty for a line without a domain, whose nodes are called by address.
    pub host: String,
}

/// The machine in a slot, as far as it takes to enter it.
#[derive(Clone, Copy)]
pub(super) struct Machine<'a> {
    pub(super) slot: &'a Slot,
    pub(super) generation: Generation,
    pub(super) address: Ipv4Addr,
}

/// A release that has just become live.
#[derive(Clone, Copy)]
pub(super) struct Live<'a> {
    pub(super) number: u32,
    /// The certificate chain that it shows, PEM: exactly that is trusted.
    pub(super) chain: &'a str,
}

impl Roll {
    /// Confirms a release that has just become live; without that the node goes back.
    pub(super) async fn make_sure(
        &self,
        world: &World,
        machine: Machine<'_>,
        session: &Session,
        release: Live<'_>,
    ) -> Result<()> {
        let begun = Instant::now();
        let Live { number, chain } = release;
        let caller = Caller::trusting(chain)?;
        if let Err(what) = self.ask(&caller, machine, session).await {
            let place = format!("{} ({})", machine.slot, machine.address);
            let told = take_back(session, number, &what).await;
            return Err(PushFailure::Unhealthy {
                place,
                what,
                log: told
                    .as_ref()
                    .err()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                // The node's own timer does it when it could not be told.
                reverted: told.is_ok(),
            }
            .into());
        }
        let deadline = begun + self.window;
        loop {
            let fresh = self.enter_anew(world, machine, deadline).await;
            let fresh = fresh.map_err(|blocked| PushFailure::Unconfirmed {
                why: blocked.to_string(),
                seconds: self.window.as_secs(),
            })?;
            match confirm(&fresh, number).await {
                // Whether it was heard is not known, and it may be said twice.
                Err(_) if fresh.is_broken() && Instant::now() < deadline => {}
                told => return Ok(told?),
            }
        }
    }

    /// Asks through the real path, nginx and its TLS before the gateway; the error is what is wrong.
    async fn ask(
        &self,
        caller: &Caller,
        machine: Machine<'_>,
        session: &Session,
    ) -> Result<(), String> {
        let address = machine.address.to_string();
        let host = if self.host.is_empty() {
            &address
        } else {
            &self.host
        };
        let patience = PATIENCE.min(self.window / 2);
        let begun = Instant::now();
        loop {
            let wrong = match healthz_by_tls(caller, machine.address, host).await {
                Ok(health) if health.status == 200 => return Ok(()),
                Ok(health) if health.status == 503 && is_drained(session).await => return Ok(()),
                Ok(health) => format!("https://{host}/healthz answers {}", health.status),
                Err(error) => {
                    format!("https://{host}/healthz does not answer from here: {error:#}")
                }
            };
            if begun.elapsed() >= patience {
                return Err(wrong);
            }
            sleep(Duration::from_millis(200)).await;
        }
    }

    async fn enter_anew(
        &self,
        world: &World,
        machine: Machine<'_>,
        deadline: Instant,
    ) -> Result<Session, Blocked> {
        let Machine {
            slot,
            generation,
            address,
        } = machine;
        loop {
            let opened = world
                .another_session(slot, generation, address, ATTEMPT)
                .await;
            match opened {
                Err(Blocked::Unreachable(_) | Blocked::Broken(_)) if Instant::now() < deadline => {}
                other => return other,
            }
            sleep(Duration::from_millis(500)).await;
        }
    }
}

/// A node that is drained says 503 on purpose.
async fn is_drained(session: &Session) -> bool {
    let status = report(session).await.ok().and_then(|report| report.gateway);
    status.is_some_and(|status| status.draining)
}
