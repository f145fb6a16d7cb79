//! Two listeners and three signals: the life of the process.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

use super::admin::answer as answer_operator;
use super::gateway::Gateway;
use super::live::Live;
use super::routes::{Reply, answer as answer_client};
use crate::record::{Ledger, Log};

/// How long a stop waits for what is in flight.
const LAST_ANSWERS: Duration = Duration::from_secs(30);

/// Longer than nginx keeps an idle connection (60 s): whoever closes first must be nginx, or it would send a request
/// into a closing connection and answer 502.
const HEADER_TIMEOUT: Duration = Duration::from_mins(2);

#[derive(Clone, Copy)]
enum Side {
    Clients,
    Operator,
}

/// Serves until SIGTERM or SIGINT.
pub fn serve(file: &Path) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("cannot start the runtime")?;
    runtime.block_on(run(file))
}

async fn run(file: &Path) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hang_up = signal(SignalKind::hangup())?;
    let (gateway, clients, operator) = start(file).await?;
    let graceful = GracefulShutdown::new();
    loop {
        tokio::select! {
            accepted = clients.accept() => attend(accepted, Side::Clients, &gateway, &graceful).await,
            accepted = operator.accept() => attend(accepted, Side::Operator, &gateway, &graceful).await,
            _ = hang_up.recv() => gateway.reload(),
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
        }
    }
    drop((clients, operator));
    stop(&gateway, graceful).await;
    Ok(())
}

async fn start(file: &Path) -> anyhow::Result<(Arc<Gateway>, TcpListener, TcpListener)> {
    let live = Live::load(file)?;
    let clients = bind("listen", live.settings.listen).await?;
    let operator = bind("admin", live.settings.admin).await?;
    let ledger = Ledger::new(Log::start(std::io::stdout()));
    let place = format!(
        "{} of {}, version {}, clients {}, operator {}, {} client keys",
        live.settings.node.as_str(),
        live.settings.line.as_str(),
        env!("CARGO_PKG_VERSION"),
        clients.local_addr()?,
        operator.local_addr()?,
        live.keys.len(),
    );
    ledger.log.event("started", &place);
    for warning in live.warnings() {
        ledger.log.event("warning", &warning);
    }
    Ok((
        Arc::new(Gateway::new(file.to_owned(), live, ledger)),
        clients,
        operator,
    ))
}

async fn bind(key: &str, address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} (key `{key}`)"))
}

async fn attend(
    accepted: std::io::Result<(TcpStream, SocketAddr)>,
    side: Side,
    gateway: &Arc<Gateway>,
    graceful: &GracefulShutdown,
) {
    let stream = match accepted {
        Ok((stream, _)) => stream,
        Err(error) => {
            gateway
                .ledger
                .log
                .event("accept_failed", &error.to_string());
            // Out of file descriptors, most likely: accepting again at once would only spin.
            return tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // Tokens are small and must not wait for one another. A socket that refuses is one that is gone.
    let _ = stream.set_nodelay(true);
    let gateway = Arc::clone(gateway);
    let service = service_fn(move |request| {
        let gateway = Arc::clone(&gateway);
        async move { Ok::<_, Infallible>(reply(side, &gateway, request).await) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT);
    let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
    // Its failures (a client that left, bytes that are no HTTP) are the client's; what matters is in the ledger.
    tokio::spawn(async move { drop(connection.await) });
}

async fn reply(side: Side, gateway: &Gateway, request: Request<Incoming>) -> Reply {
    match side {
        Side::Clients => answer_client(gateway, request).await,
        Side::Operator => answer_operator(gateway, &request),
    }
}

async fn stop(gateway: &Gateway, graceful: GracefulShutdown) {
    gateway.drain(true);
    let in_flight = || format!("{} requests in flight", gateway.ledger.metrics.in_flight());
    gateway.ledger.log.event("stopping", &in_flight());
    if tokio::time::timeout(LAST_ANSWERS, graceful.shutdown())
        .await
        .is_err()
    {
        gateway.ledger.log.event("cut_short", &in_flight());
    }
    gateway.ledger.log.event("stopped", "");
    gateway.ledger.log.flush();
}
