//! Host names to addresses without the C library, whose resolver a static binary cannot use.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use std::vec;

use hickory_resolver::TokioResolver;
use hyper_util::client::legacy::connect::dns::Name;
use tower_service::Service;

/// Asks the name servers of `/etc/resolv.conf`, after `/etc/hosts`.
#[derive(Clone)]
pub(super) struct Names(Result<TokioResolver, String>);

impl Names {
    /// Reads the machine's configuration. Without one, upstreams given by address still work.
    pub(super) fn of_this_machine() -> Self {
        let resolver = TokioResolver::builder_tokio().and_then(|mut builder| {
            // Two tries must fit into the connect timeout.
            builder.options_mut().timeout = Duration::from_secs(2);
            builder.build()
        });
        Self(
            resolver
                .map_err(|error| format!("no names can be resolved: /etc/resolv.conf: {error}")),
        )
    }
}

impl Service<Name> for Names {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let resolver = self.0.clone();
        Box::pin(async move {
            let found = resolver
                .map_err(io::Error::other)?
                .lookup_ip(name.as_str())
                .await
                .map_err(io::Error::other)?;
            // The connector puts the port in.
            let addresses: Vec<_> = found.iter().map(|ip| SocketAddr::new(ip, 0)).collect();
            Ok(addresses.into_iter())
        })
    }
}
