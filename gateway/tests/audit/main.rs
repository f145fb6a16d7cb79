//! The audit trail through the real rsyslogd, with the node's own rules: as many records come out as went in.

#![allow(
    clippy::cast_precision_loss,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test says where it cannot go on, and what it measured"
)]

mod load;
mod node;
mod rotation;
mod syslog;

use std::fs;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use dsline_gateway::record::{Audit, AuditRules, Caller, Ending, Ledger, Log, Usage, Verdict};
use syslog::{configure, start, stop};

/// How long rsyslogd may take for what was written.
const PATIENCE: Duration = Duration::from_mins(2);

fn ask(ledger: &Arc<Ledger>, number: usize) {
    let mut exchange = ledger.open(&format!("r-{number}"), "POST", "/v1/chat/completions");
    exchange.from_address("203.0.113.9".parse().unwrap());
    exchange.admitted(Caller {
        subject: Some("alice".into()),
        fingerprint: Some("0123abcd".into()),
    });
    exchange.asks("deepseek-flash");
    exchange.comes_from(Verdict::Hit);
    exchange.used(Usage {
        prompt: 100,
        completion: 200,
        cached: 50,
    });
    exchange.answered(200);
    exchange.sent(1_000);
    exchange.ended(Ending::Complete);
}

#[test]
fn every_record_arrives_once_though_rsyslog_restarts() {
    // Far more than one file of the spool holds.
    trail(10_000, 1 << 20);
}

#[test]
#[ignore = "long: tests/run.sh --full"]
fn every_one_of_many_records_arrives_once_though_rsyslog_restarts() {
    trail(200_000, 8 << 20);
}

fn trail(records: usize, file_bytes: u64) {
    if Command::new("rsyslogd").arg("-v").output().is_err() {
        eprintln!("skipped: there is no rsyslogd here");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    configure(folder.path());
    let mut rsyslog = start(folder.path());
    let log = Log::start(std::io::sink());
    let rules = AuditRules {
        folder: folder.path().join("spool"),
        node: "eu-west-1/1".into(),
        file_bytes,
        all_bytes: 256 << 20,
        prompts: false,
    };
    let ledger = Arc::new(Ledger::new(log.clone(), Some(Audit::start(rules, log))));
    let began = Instant::now();
    for number in 0..records {
        ask(&ledger, number);
        // As fast as the writer can: the queue is bounded, and a test of the spool must not measure the queue.
        if number % 8_192 == 0 {
            ledger.flush();
        }
        if number == records / 2 {
            stop(rsyslog);
            rsyslog = start(folder.path());
        }
    }
    ledger.flush();
    let written = began.elapsed();
    let deadline = Instant::now() + PATIENCE;
    assert_eq!(ledger.audit.as_ref().unwrap().dropped(), 0);
    let trail = folder.path().join("api_audit.log");
    let lines = || {
        fs::read(&trail)
            .unwrap_or_default()
            .split(|byte| *byte == b'\n')
            .count()
            - 1
    };
    // The first line says that a process began.
    while lines() < records + 1 && Instant::now() < deadline {
        std::thread::park_timeout(Duration::from_millis(50));
    }
    let arrived = began.elapsed();
    stop(rsyslog);
    let text = fs::read_to_string(&trail).unwrap();
    let mut numbers: Vec<usize> = text
        .lines()
        .filter(|line| line.contains(" API_REQUEST "))
        .map(|line| {
            let number = line.split(" request_id=\"r-").nth(1).unwrap();
            number.split('"').next().unwrap().parse().unwrap()
        })
        .collect();
    eprintln!(
        "{records} records in {written:?} written, in {arrived:?} arrived, {} lines",
        numbers.len()
    );
    let count = numbers.len();
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(
        (numbers.len(), count),
        (records, records),
        "lost or doubled"
    );
}
