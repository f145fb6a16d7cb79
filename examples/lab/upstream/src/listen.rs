//! The listeners, and what the program says on standard output.

use std::convert::Infallible;
use std::io::Write;
use std::sync::Arc;

use anyhow::Context;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

use crate::arguments::Setting;
use crate::emulator::Emulator;

/// Serves until SIGTERM or SIGINT; says `listening on ADDRESS` for each listener when it can be reached.
pub async fn serve(setting: Setting) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let emulator = Arc::new(Emulator::new(setting.key, setting.seed, setting.knobs));
    for address in setting.listen {
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        say(&format!("listening on {}\n", listener.local_addr()?))?;
        tokio::spawn(accept(listener, Arc::clone(&emulator)));
    }
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

/// Writes to standard output.
pub fn say(text: &str) -> anyhow::Result<()> {
    let mut out = std::io::stdout();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("cannot write to standard output")
}

async fn accept(listener: TcpListener, emulator: Arc<Emulator>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(attend(stream, Arc::clone(&emulator)))),
            // Out of file descriptors, most likely: some will be back soon.
            Err(_) => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
        }
    }
}

async fn attend(stream: TcpStream, emulator: Arc<Emulator>) {
    // A socket that refuses is one that is gone.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let emulator = Arc::clone(&emulator);
        async move { Ok::<_, Infallible>(emulator.answer(request).await) }
    });
    // It fails when a client leaves or a stream is cut on purpose; the counters know.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}
