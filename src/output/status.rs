//! A line at one glance: nodes by region, what DNS answers on each continent, drift and troubles.

use std::net::Ipv4Addr;

use serde::Serialize;

use crate::cost::Bill;
use crate::line::{CpuSight, GatewayStatus, LineName, Slot, UpstreamStatus};

use super::bill::bill;
use super::printer::Printer;

/// Everything that `status` shows; its JSON form is this struct.
#[derive(Clone, Debug, Serialize)]
pub struct StatusReport {
    /// The line.
    pub line: LineName,
    /// Its host name; empty for a line without a domain.
    pub host: String,
    /// Who has its lock; one that died keeps it for the lock's time.
    pub lock: Option<String>,
    /// Its nodes.
    pub nodes: Vec<NodeLine>,
    /// What DNS answers, by place.
    pub dns: Vec<DnsAnswer>,
    /// What stands in the way of a complete picture, or of the line itself.
    pub troubles: Vec<String>,
    /// What else could not be told; the line is none the worse for it.
    pub notes: Vec<String>,
    /// Steps that `up` would take; `None` when that could not be worked out.
    pub pending: Option<usize>,
    /// What a month costs; `None` when the line could not be compared with its profile.
    pub month: Option<Bill>,
    /// Whether every node is healthy and every answer is a healthy node.
    pub healthy: bool,
}

/// One node.
#[derive(Clone, Debug, Serialize)]
pub struct NodeLine {
    /// Its slot.
    pub slot: Slot,
    /// EC2's id.
    pub instance: Option<String>,
    /// EC2's state, or `missing`.
    pub state: String,
    /// Its address.
    pub address: Option<Ipv4Addr>,
    /// First digits of the live release.
    pub release: Option<String>,
    /// The gateway's version.
    pub gateway: Option<String>,
    /// What the gateway says of its work.
    pub traffic: Option<GatewayStatus>,
    /// What CloudWatch says of its CPU.
    pub cpu: Option<CpuSight>,
    /// `healthy`, `degraded` (serves, but differs from what was pushed), `draining`, `unhealthy` or `unreachable`: asked on port 80.
    pub health: String,
    /// Route 53's verdict, when there is a check and it was told.
    pub checkers: Option<bool>,
    /// What differs from what was pushed, and why it cannot be reached.
    pub drift: Vec<String>,
}

/// What DNS answers to somebody in a place.
#[derive(Clone, Debug, Serialize)]
pub struct DnsAnswer {
    /// The place's name.
    pub place: String,
    /// The addresses that were answered.
    pub addresses: Vec<Ipv4Addr>,
    /// The nodes behind them.
    pub nodes: Vec<Slot>,
    /// Why there is no answer.
    pub error: Option<String>,
    /// What should be answered by the zone's records and health checks, when DNS answers something else.
    pub disagreement: Option<String>,
}

/// Prints a status.
pub fn status(printer: &Printer, report: &StatusReport) -> anyhow::Result<()> {
    let host = if report.host.is_empty() {
        "no domain, addresses only"
    } else {
        &report.host
    };
    printer.line(format!("line `{}` ({host})", report.line));
    if let Some(holder) = &report.lock {
        printer.line(format!("locked by {holder}"));
    }
    printer.line(printer.faint(&format!(
        "{:<19} {:<12} {:<15} {:<9} {:<8} {:<12} {}",
        "NODE", "HEALTH", "ADDRESS", "RELEASE", "GATEWAY", "CHECKERS", "INSTANCE"
    )));
    for node in &report.nodes {
        print_node(printer, node);
    }
    print_traffic(printer, &report.nodes);
    if !report.dns.is_empty() {
        printer.line("");
        printer.line(printer.faint(&format!("{:<19} {}", "ASKED FROM", "DNS ANSWERS")));
    }
    for answer in &report.dns {
        let to = match &answer.error {
            Some(error) => printer.bad(error),
            None => named(answer),
        };
        printer.line(format!("{:<19} {to}", answer.place));
        if let Some(disagreement) = &answer.disagreement {
            printer.line(printer.bad(&format!("{:<19} ! {disagreement}", "")));
        }
    }
    if let Some(month) = &report.month {
        bill(printer, month);
    }
    for note in &report.notes {
        printer.line(format!("note: {note}"));
    }
    for trouble in &report.troubles {
        printer.line(printer.bad(&format!("! {trouble}")));
    }
    printer.line("");
    printer.line(match report.pending {
        Some(0) if report.troubles.is_empty() => "nothing for `up` to do".to_owned(),
        Some(0) => "nothing that `up` can do now".to_owned(),
        Some(1) => "`dsline up` would take 1 step; `dsline plan` shows it".to_owned(),
        Some(count) => format!("`dsline up` would take {count} steps; `dsline plan` shows them"),
        None => "what `up` would do is not known".to_owned(),
    });
    printer.document(report)
}

fn print_node(printer: &Printer, node: &NodeLine) {
    let checkers = match node.checkers {
        Some(true) => "healthy",
        Some(false) => "unhealthy",
        None => "-",
    };
    // Padded before it is painted: escape codes have no width.
    let health = format!("{:<12}", node.health);
    let health = if node.health == "healthy" {
        printer.good(&health)
    } else {
        printer.bad(&health)
    };
    let release = node
        .release
        .as_deref()
        .map_or("-", |digest| &digest[..digest.len().min(8)]);
    printer.line(format!(
        "{:<19} {health} {:<15} {release:<9} {:<8} {checkers:<12} {} {}",
        node.slot.to_string(),
        node.address
            .map_or_else(|| "-".to_owned(), |address| address.to_string()),
        node.gateway.as_deref().unwrap_or("-"),
        node.instance.as_deref().unwrap_or("-"),
        node.state,
    ));
    for drift in &node.drift {
        printer.line(printer.bad(&format!("{:<19} ! {drift}", "")));
    }
}

/// What the gateways that answered say of their work; p99 is the time to the first byte of an answer.
fn print_traffic(printer: &Printer, nodes: &[NodeLine]) {
    if nodes.iter().all(|node| node.traffic.is_none()) {
        return;
    }
    printer.line("");
    printer.line(printer.faint(&format!(
        "{:<19} {:>9} {:>6} {:>8} {:>9} {:>9} {:>6} {:>8}  {}",
        "NODE", "IN FLIGHT", "HITS", "MERGED", "MISSES", "P99", "CPU", "CREDITS", "UPSTREAMS"
    )));
    for node in nodes {
        let Some(traffic) = &node.traffic else {
            continue;
        };
        let hits = traffic
            .hit_ratio()
            .map_or_else(|| "-".to_owned(), |ratio| format!("{:.0} %", ratio * 100.0));
        let p99 = traffic.p99_seconds.map_or_else(
            || "-".to_owned(),
            |seconds| format!("{:.0} ms", seconds * 1e3),
        );
        let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
        let cpu = or_dash(node.cpu.map(|cpu| format!("{:.0} %", cpu.percent)));
        let credits = node.cpu.and_then(|cpu| cpu.credits);
        let credits = or_dash(credits.map(|credits| format!("{credits:.0}")));
        let upstreams: Vec<String> = traffic
            .upstreams
            .iter()
            .map(|upstream| told(printer, upstream))
            .collect();
        printer.line(format!(
            "{:<19} {:>9} {hits:>6} {:>8} {:>9} {p99:>9} {cpu:>6} {credits:>8}  {}",
            node.slot.to_string(),
            traffic.in_flight,
            traffic.merged,
            traffic.misses,
            if upstreams.is_empty() {
                "-".to_owned()
            } else {
                upstreams.join(", ")
            }
        ));
    }
}

fn told(printer: &Printer, upstream: &UpstreamStatus) -> String {
    let UpstreamStatus {
        name,
        breaker,
        last_trouble,
    } = upstream;
    match (breaker.as_str(), last_trouble) {
        ("closed", _) => format!("{name} ok"),
        (_, Some(trouble)) => printer.bad(&format!("{name} {breaker} ({trouble})")),
        (_, None) => printer.bad(&format!("{name} {breaker}")),
    }
}

fn named(answer: &DnsAnswer) -> String {
    let addresses: Vec<String> = answer.addresses.iter().map(ToString::to_string).collect();
    let nodes: Vec<String> = answer.nodes.iter().map(ToString::to_string).collect();
    let nodes = if nodes.is_empty() {
        "no node of this line".to_owned()
    } else {
        nodes.join(", ")
    };
    format!("{nodes} ({})", addresses.join(", "))
}
