//! One kept-alive HTTP/1.1 connection, plain or TLS, blocking.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

/// Nothing here may hang.
const PATIENCE: Duration = Duration::from_secs(20);

/// Whom to ask.
pub(crate) struct Target {
    address: SocketAddr,
    host: String,
    path: String,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Target {
    /// Understands a URL; `https` wants an authority to believe.
    pub(crate) fn new(url: &str, ca: Option<&str>, name: Option<&str>) -> anyhow::Result<Self> {
        let (scheme, rest) = url.split_once("://").context("--url must be a URL")?;
        let (host, path) = rest
            .split_once('/')
            .context("--url must have a path after the host")?;
        let address = host
            .to_socket_addrs()
            .with_context(|| format!("--url {url} must name host and port"))?
            .next()
            .with_context(|| format!("--url {url} has no address"))?;
        ensure!(
            matches!(scheme, "http" | "https"),
            "--url must be http or https"
        );
        let bare = host.rsplit_once(':').map_or(host, |(bare, _)| bare);
        let tls = if scheme == "https" {
            let asked = name.unwrap_or(bare).to_owned();
            Some((believing(ca)?, ServerName::try_from(asked)?))
        } else {
            None
        };
        Ok(Self {
            address,
            host: name.map_or_else(|| host.to_owned(), str::to_owned),
            path: format!("/{path}"),
            tls,
        })
    }

    /// For the `host` header.
    pub(crate) fn host(&self) -> &str {
        &self.host
    }

    /// What is asked for.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect_timeout(&self.address, PATIENCE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let wire = match &self.tls {
            None => Wire::Plain(stream),
            Some((config, name)) => {
                let tls = ClientConnection::new(Arc::clone(config), name.clone())?;
                Wire::Tls(Box::new(StreamOwned::new(tls, stream)))
            }
        };
        Ok(Connection {
            wire,
            buffer: vec![0; 16 * 1024],
            held: 0,
        })
    }
}

fn believing(ca: Option<&str>) -> anyhow::Result<Arc<ClientConfig>> {
    let file = ca.context("https needs --ca FILE")?;
    let mut roots = RootCertStore::empty();
    for certificate in
        CertificateDer::pem_file_iter(file).with_context(|| format!("--ca {file}"))?
    {
        roots.add(certificate?)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Arc::new(config))
}

/// How one request went.
pub(crate) struct Seen {
    pub(crate) status: u16,
    /// The first byte of the body: of a stream, its first event.
    pub(crate) first: Instant,
    pub(crate) end: Instant,
    /// Whether the other side closes the connection.
    pub(crate) closes: bool,
}

enum Wire {
    Plain(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// An open connection and what has been read ahead on it.
pub(crate) struct Connection {
    wire: Wire,
    buffer: Vec<u8>,
    held: usize,
}

/// What the head says about the body.
#[derive(Clone, Copy)]
enum Length {
    Known(usize),
    Chunked,
}

impl Connection {
    /// Sends a request.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        match &mut self.wire {
            Wire::Plain(stream) => stream.write_all(bytes),
            Wire::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Reads one answer to its end.
    pub(crate) fn answer(&mut self) -> anyhow::Result<Seen> {
        let (status, length, closes) = self.head()?;
        let mut first = None;
        match length {
            Length::Known(size) => {
                let mut left = size;
                while left > 0 {
                    self.fill_if_empty()?;
                    first.get_or_insert_with(Instant::now);
                    left -= self.drop_front(left.min(self.held));
                }
            }
            Length::Chunked => {
                while self.chunk()? {
                    first.get_or_insert_with(Instant::now);
                }
            }
        }
        let end = Instant::now();
        Ok(Seen {
            status,
            first: first.unwrap_or(end),
            end,
            closes,
        })
    }

    /// Reads head and first chunk of a stream; the rest is for [`Self::drain`].
    pub(crate) fn begin(&mut self) -> anyhow::Result<u16> {
        let (status, length, _) = self.head()?;
        ensure!(matches!(length, Length::Chunked), "the answer is no stream");
        self.chunk()?;
        Ok(status)
    }

    /// From now on [`Self::drain`] does not wait.
    pub(crate) fn hurry(&self) -> std::io::Result<()> {
        match &self.wire {
            Wire::Plain(stream) => stream.set_nonblocking(true),
            Wire::Tls(stream) => stream.sock.set_nonblocking(true),
        }
    }

    /// Throws away what has come; whether the stream is still open.
    pub(crate) fn drain(&mut self) -> bool {
        self.held = 0;
        loop {
            match self.read() {
                Ok(0) => return false,
                Ok(_) => self.held = 0,
                Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
            }
        }
    }

    fn head(&mut self) -> anyhow::Result<(u16, Length, bool)> {
        let end = loop {
            if let Some(at) = find(&self.buffer[..self.held], b"\r\n\r\n") {
                break at + 4;
            }
            ensure!(self.held < self.buffer.len(), "the head is too long");
            ensure!(self.read()? > 0, "closed before the head");
        };
        let text = String::from_utf8_lossy(&self.buffer[..end]).to_ascii_lowercase();
        self.drop_front(end);
        let status = text.get(9..12).unwrap_or_default().parse()?;
        let value = |name: &str| {
            let mut lines = text.split("\r\n").skip(1);
            lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))
        };
        let length = match value("content-length") {
            Some(size) => Length::Known(size.trim().parse()?),
            None if value("transfer-encoding").is_some() => Length::Chunked,
            None => bail!("an answer ({status}) without a length"),
        };
        let closes = value("connection").is_some_and(|value| value.trim() == "close");
        Ok((status, length, closes))
    }

    /// Reads one chunk; false is the last one.
    fn chunk(&mut self) -> anyhow::Result<bool> {
        let line = loop {
            if let Some(at) = find(&self.buffer[..self.held], b"\r\n") {
                break at;
            }
            ensure!(self.read()? > 0, "cut between chunks");
        };
        let text = String::from_utf8_lossy(&self.buffer[..line]).into_owned();
        let size = usize::from_str_radix(text.split(';').next().unwrap_or_default().trim(), 16)
            .with_context(|| format!("no chunk size: `{text}`"))?;
        self.drop_front(line + 2);
        let mut left = size + 2;
        while left > 0 {
            self.fill_if_empty()?;
            left -= self.drop_front(left.min(self.held));
        }
        Ok(size > 0)
    }

    fn fill_if_empty(&mut self) -> anyhow::Result<()> {
        if self.held == 0 {
            ensure!(self.read()? > 0, "cut in the body");
        }
        Ok(())
    }

    fn read(&mut self) -> std::io::Result<usize> {
        let room = &mut self.buffer[self.held..];
        let count = match &mut self.wire {
            Wire::Plain(stream) => stream.read(room)?,
            Wire::Tls(stream) => stream.read(room)?,
        };
        self.held += count;
        Ok(count)
    }

    fn drop_front(&mut self, count: usize) -> usize {
        self.buffer.copy_within(count..self.held, 0);
        self.held -= count;
        count
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|part| part == wanted)
}
