//! Where a listener stands: a TCP address, or a unix socket that a successor can take over.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

/// The place of a listener.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum Listen {
    /// `127.0.0.1:8080`
    Tcp(SocketAddr),
    /// `unix:/run/dsline/gateway.sock`: a process that starts beside an old one takes the name over, and none is refused.
    Unix(PathBuf),
}

impl Listen {
    /// Whether two listeners would stand in each other's way.
    pub fn collides_with(&self, other: &Self) -> bool {
        // Port 0 is any free one, another for each.
        self == other && !matches!(self, Self::Tcp(address) if address.port() == 0)
    }
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let Some(path) = text.strip_prefix("unix:") else {
            return text.parse().map(Self::Tcp).map_err(|_| {
                "invalid socket address: must look like 127.0.0.1:8080 or unix:/run/dsline/gateway.sock".into()
            });
        };
        // The kernel takes 107 bytes, and the successor adds four.
        if !path.starts_with('/') || path.len() > 100 {
            return Err(
                "the path of a unix socket must begin with / and have at most 100 bytes".into(),
            );
        }
        Ok(Self::Unix(path.into()))
    }
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_sockets_are_told_apart() {
        for good in ["127.0.0.1:8080", "[::1]:0", "unix:/run/dsline/gateway.sock"] {
            assert_eq!(Listen::try_from(good.to_owned()).unwrap().to_string(), good);
        }
        for odd in ["8080", "localhost:80", "unix:relative", "unix:", "/run/x"] {
            assert!(Listen::try_from(odd.to_owned()).is_err(), "{odd}");
        }
        let any = || Listen::try_from("127.0.0.1:0".to_owned()).unwrap();
        let socket = || Listen::try_from("unix:/a".to_owned()).unwrap();
        assert!(!any().collides_with(&any()) && socket().collides_with(&socket()));
    }
}
