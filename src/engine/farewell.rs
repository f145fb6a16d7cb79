//! Lets a node that goes finish what it is at: nobody new is sent to it, and its last answer is waited for.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::line::{Generation, Slot};

use super::station::Station;
use super::world::World;

/// Providers hold a request up to ten minutes before the first token; who talks longer than that is cut.
const LONGEST: Duration = Duration::from_mins(11);
const GLANCE: Duration = Duration::from_secs(1);
/// Looks in a row that must find it idle: between two requests of one client there is a moment of nothing.
const IDLE_LOOKS: u32 = 3;

/// A node that serves and is to go.
pub(super) struct Leaver<'a> {
    pub(super) slot: &'a Slot,
    pub(super) generation: Generation,
    pub(super) address: Ipv4Addr,
}

/// Drains the node and waits until nothing is in flight on it; one that cannot be asked any more is not waited for.
pub(super) async fn wait_until_idle(
    world: &World,
    leaver: &Leaver<'_>,
    says: &(impl Fn(String) + Sync),
) {
    let entered = Station::enter(world, leaver.slot, leaver.generation, leaver.address).await;
    let station = match entered {
        Ok(station) => station,
        Err(blocked) => return says(format!("not waited for: {blocked}")),
    };
    if let Err(blocked) = station.drain().await {
        return says(format!("not waited for: {blocked}"));
    }
    let (begun, mut idle, mut told) = (Instant::now(), 0, 0);
    while idle < IDLE_LOOKS && begun.elapsed() < LONGEST {
        let in_flight = match station.status().await {
            Ok(status) => status.in_flight,
            Err(blocked) => return says(format!("not waited for any longer: {blocked}")),
        };
        if in_flight == 0 {
            idle += 1;
        } else {
            idle = 0;
            if in_flight != told {
                says(format!("drained; {in_flight} in flight are waited for"));
                told = in_flight;
            }
        }
        sleep(GLANCE).await;
    }
}
