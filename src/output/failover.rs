//! What came of taking a region out of service, or putting it back.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use serde::Serialize;

use crate::line::{LineName, Region, Slot};

use super::printer::Printer;

/// Everything that `failover` did; its JSON form is this struct.
#[derive(Clone, Debug, Serialize)]
pub struct Failover {
    /// The line.
    pub line: LineName,
    /// The region.
    pub region: Region,
    /// What was done, in order; a drill has two moves.
    pub moves: Vec<Move>,
    /// Whether all of it came about.
    pub complete: bool,
}

/// A region taken out, or put back.
#[derive(Clone, Debug, Serialize)]
pub struct Move {
    /// What was done.
    pub what: Turn,
    /// The nodes that were told.
    pub nodes: Vec<Slot>,
    /// The health checks that were changed; none without Route 53, or when nothing had to be.
    pub checks: usize,
    /// What DNS gave; none for a line without a domain.
    pub dns: Option<DnsMove>,
    /// What became of the requests that were under way.
    pub flights: Option<Flights>,
    /// What could not be done, and where.
    pub troubles: Vec<String>,
}

/// What was done to a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// Drained and taken out of DNS.
    Out,
    /// Put back.
    Back,
    /// Its instances switched off.
    PowerOff,
    /// Its instances switched on again.
    PowerOn,
}

/// What DNS gave while it was waited for.
#[derive(Clone, Debug, Serialize)]
pub struct DnsMove {
    /// Seconds from the first command until every answer was as wanted; `None` when that did not come about.
    pub seconds: Option<f64>,
    /// Seconds that were waited.
    pub waited: f64,
    /// The last answers, by place.
    pub answers: BTreeMap<String, Vec<Ipv4Addr>>,
    /// Places that could not be asked for last.
    pub errors: Vec<String>,
}

/// Requests that were under way when a region was taken out.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Flights {
    /// Seconds from the first command until the last had ended; `None` when some went on.
    pub seconds: Option<f64>,
    /// How many went on.
    pub left: u64,
}

/// Prints what was done.
pub fn failover(printer: &Printer, report: &Failover) -> anyhow::Result<()> {
    for one in &report.moves {
        print_move(printer, &report.region, one);
    }
    printer.document(report)
}

fn print_move(printer: &Printer, region: &Region, done: &Move) {
    let nodes: Vec<String> = done.nodes.iter().map(ToString::to_string).collect();
    let nodes = if nodes.is_empty() {
        "no node".to_owned()
    } else {
        nodes.join(", ")
    };
    let checks = match done.checks {
        0 => String::new(),
        1 => ", 1 health check changed".to_owned(),
        count => format!(", {count} health checks changed"),
    };
    printer.line(match done.what {
        Turn::Out => format!("{region} out of service: drained {nodes}{checks}"),
        Turn::Back => format!("{region} back in service: {nodes} no longer drained{checks}"),
        Turn::PowerOff => format!("{region} switched off: {nodes}"),
        Turn::PowerOn => format!("{region} switched on: {nodes}"),
    });
    let leaves = matches!(done.what, Turn::Out | Turn::PowerOff);
    if let Some(dns) = &done.dns {
        print_dns(printer, region, leaves, dns);
    }
    if let Some(flights) = &done.flights {
        printer.line(match flights.seconds {
            Some(seconds) => format!("the last request there ended after {seconds:.1} s"),
            None => format!("{} requests there still go on", flights.left),
        });
    }
    for trouble in &done.troubles {
        printer.line(printer.bad(&format!("! {trouble}")));
    }
}

fn print_dns(printer: &Printer, region: &Region, leaves: bool, dns: &DnsMove) {
    let DnsMove {
        seconds,
        waited,
        answers,
        errors,
    } = dns;
    printer.line(match (seconds, leaves) {
        (Some(seconds), true) => {
            format!("DNS gives {region} to nobody any more after {seconds:.1} s")
        }
        (Some(seconds), false) => format!("DNS gives {region} again after {seconds:.1} s"),
        (None, true) => printer.bad(&format!("! DNS still gives {region} after {waited:.0} s")),
        (None, false) => printer.bad(&format!("! DNS does not give {region} after {waited:.0} s")),
    });
    for (place, given) in answers {
        let given: Vec<String> = given.iter().map(ToString::to_string).collect();
        printer.line(format!("  {place:<17} {}", given.join(", ")));
    }
    for error in errors {
        printer.line(printer.bad(&format!("! {error}")));
    }
}
