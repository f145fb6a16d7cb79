//! Two listeners and three signals: the life of the process.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http::Request;
use http::header::{CONNECTION, HeaderValue};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, interval, sleep, timeout_at};

use super::admin::{answer as answer_operator, health};
use super::gateway::Gateway;
use super::socket::{Listener, Stream};
use crate::config::{Overrides, Settings};
use crate::desk::{Live, Reply, answer as answer_client};
use crate::record::{Audit, AuditRules, Ledger, Log};

/// Longer than nginx keeps an idle connection (60 s): whoever closes first must be nginx, or it would send a request
/// into a closing connection and answer 502.
const HEADER_TIMEOUT: Duration = Duration::from_mins(2);

/// After a successor took the name over, connections that were in our queue already are accepted for so long.
const LAST_CALL: Duration = Duration::from_secs(1);

/// How long a stop leaves idle connections to their owner, for the same reason: longer than nginx keeps them (15 s in
/// its `upstream` block). A request that comes in that time is answered, and its connection closed after it. Counted from the
/// end of the last answer: nginx keeps the connection of a stream that began before the stop like any other.
const OWNERS_TURN: Duration = Duration::from_secs(20);

/// How often limits forget who has not come for long.
const TIDY: Duration = Duration::from_mins(1);

#[derive(Clone, Copy)]
enum Side {
    Clients,
    Operator,
}

/// Serves until SIGTERM or SIGINT.
pub fn serve(file: &Path, overrides: Overrides) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(run(file, overrides))
}

async fn run(file: &Path, overrides: Overrides) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (gateway, clients, operator) = start(file, overrides).await?;
    let graceful = GracefulShutdown::new();
    let mut tidy = interval(TIDY);
    loop {
        tokio::select! {
            _ = tidy.tick() => gateway.live().limiter.tidy(),
            accepted = clients.accept() => attend(accepted, Side::Clients, &gateway, &graceful).await,
            accepted = operator.accept() => attend(accepted, Side::Operator, &gateway, &graceful).await,
            _ = hang_up.recv() => gateway.reload(),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    gateway.leave();
    drop(operator);
    tokio::select! {
        () = finish(&gateway, clients, graceful) => {}
        () = either(&mut terminate, &mut interrupt) => gateway.ledger.log.event("cut_short", "asked twice"),
    }
    gateway.ledger.log.event("stopped", "");
    gateway.ledger.close();
    Ok(())
}

async fn either(one: &mut Signal, other: &mut Signal) {
    tokio::select! { _ = one.recv() => {}, _ = other.recv() => {} }
}

async fn start(
    file: &Path,
    overrides: Overrides,
) -> anyhow::Result<(Arc<Gateway>, Listener, Listener)> {
    let settings = Settings::load(file)?.with(&overrides);
    let log = Log::start(std::io::stdout());
    let audit = audit_rules(&settings).map(|rules| Audit::start(rules, log.clone()));
    let ledger = Arc::new(Ledger::new(log.clone(), audit));
    let live = Live::new(settings, &ledger, None)?;
    let clients = Listener::bind("listen", &live.settings.listen).await?;
    let operator = Listener::bind("admin", &live.settings.admin).await?;
    let place = format!(
        "{} of {}, version {}, clients {}, operator {}, {} client keys",
        live.settings.node.as_str(),
        live.settings.line.as_str(),
        env!("CARGO_PKG_VERSION"),
        clients.place()?,
        operator.place()?,
        live.gate.counts().0,
    );
    log.event("started", &place);
    for warning in live.warnings() {
        log.event("warning", &warning);
    }
    let gateway = Gateway::new(file.to_owned(), overrides, live);
    Ok((Arc::new(gateway), clients, operator))
}

fn audit_rules(settings: &Settings) -> Option<AuditRules> {
    let audit = &settings.audit;
    Some(AuditRules {
        folder: audit.folder.clone()?,
        node: settings.node.as_str().to_owned(),
        file_bytes: audit.file_bytes,
        all_bytes: audit.all_bytes,
        prompts: audit.prompts,
    })
}

async fn attend(
    accepted: io::Result<(Stream, IpAddr)>,
    side: Side,
    gateway: &Arc<Gateway>,
    graceful: &GracefulShutdown,
) {
    match accepted {
        Ok((Stream::Tcp(stream), peer)) => converse(stream, peer, side, gateway, graceful),
        Ok((Stream::Unix(stream), peer)) => converse(stream, peer, side, gateway, graceful),
        Err(error) => {
            let log = &gateway.ledger.log;
            log.event("accept_failed", &error.to_string());
            // Out of file descriptors, most likely: accepting again at once would only spin.
            sleep(Duration::from_millis(50)).await;
        }
    }
}

fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    peer: IpAddr,
    side: Side,
    gateway: &Arc<Gateway>,
    graceful: &GracefulShutdown,
) {
    let gateway = Arc::clone(gateway);
    let service = service_fn(move |request| {
        let gateway = Arc::clone(&gateway);
        async move { Ok::<_, Infallible>(reply(side, &gateway, request, peer).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
    // Its failures (a client that left, bytes that are no HTTP) are the client's; what matters is in the ledger.
    tokio::spawn(async move { drop(connection.await) });
}

async fn reply(side: Side, gateway: &Gateway, request: Request<Incoming>, peer: IpAddr) -> Reply {
    let mut reply = match side {
        Side::Clients => match health(gateway, request.method(), request.uri().path()) {
            Some(reply) => reply,
            None => answer_client(gateway.live(), request, peer).await,
        },
        Side::Operator => answer_operator(gateway, &request),
    };
    if gateway.is_leaving() {
        let close = HeaderValue::from_static("close");
        reply.headers_mut().insert(CONNECTION, close);
    }
    reply
}

/// Answers what has come, lets go of idle connections, and waits for the rest as long as the settings say.
async fn finish(gateway: &Arc<Gateway>, clients: Listener, graceful: GracefulShutdown) {
    let end = Instant::now() + gateway.live().settings.stop_seconds.duration();
    let in_flight = || format!("{} requests in flight", gateway.ledger.metrics.in_flight());
    let last_call = Instant::now() + LAST_CALL;
    if clients.can_be_taken_over() {
        while let Ok(accepted) = timeout_at(last_call, clients.accept()).await {
            attend(accepted, Side::Clients, gateway, &graceful).await;
        }
    }
    drop(clients);
    gateway.ledger.log.event("stopping", &in_flight());
    let mut quiet = Instant::now();
    while graceful.count() > 0 && quiet.elapsed() < OWNERS_TURN && Instant::now() < end {
        if gateway.ledger.metrics.in_flight() > 0 {
            quiet = Instant::now();
        }
        sleep(Duration::from_millis(20)).await;
    }
    if timeout_at(end, graceful.shutdown()).await.is_err() {
        gateway.ledger.log.event("cut_short", &in_flight());
    }
}
