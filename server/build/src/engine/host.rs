//! The address of an engine, as `DOCKER_HOST` and docker's contexts write it.

use std::fmt;
use std::path::PathBuf;

use crate::error::BuildError;

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// A Unix socket.
    Unix(PathBuf),
    /// A named pipe of Windows.
    Pipe(String),
    /// `host:port`, with TLS where there are certificates.
    Tcp {
        /// `host:port`
        address: String,
        /// What TLS needs; `None` for none.
        tls: Option<Tls>,
    },
    /// Another machine's engine, through `docker system dial-stdio` there.
    Ssh {
        /// `user@host`
        target: String,
        /// The port, where it is not ssh's own choice.
        port: Option<u16>,
        /// The socket on the other side, where it is not docker's own choice.
        socket: Option<String>,
    },
}

/// What TLS needs.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// The folder with `ca.pem`, `cert.pem` and `key.pem`; `None` for the system's authorities and no key.
    pub folder: Option<PathBuf>,
    /// Whether the engine's certificate is taken as it is.
    pub insecure: bool,
}

impl Host {
    /// Reads an address.
    ///
    /// # Errors
    /// [`BuildError::BadHost`]
    pub fn parse(text: &str, tls: Option<Tls>) -> Result<Self, BuildError> {
        let bad = |reason: &str| BuildError::BadHost { host: text.to_owned(), reason: reason.to_owned() };
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(bad("it has no scheme"));
        };
        if rest.is_empty() {
            return Err(bad("nothing follows the scheme"));
        }
        match scheme {
            "unix" => Ok(Self::Unix(PathBuf::from(rest))),
            "npipe" => Ok(Self::Pipe(rest.replace('/', "\\"))),
            "tcp" | "http" | "https" => {
                let address = rest.trim_end_matches('/');
                let tls = tls.or_else(|| (scheme == "https").then(Tls::default));
                let port = if tls.is_some() { 2376 } else { 2375 };
                let has_port = address.rsplit_once(':').is_some_and(|(_, p)| p.parse::<u16>().is_ok());
                let address = if has_port { address.to_owned() } else { format!("{address}:{port}") };
                Ok(Self::Tcp { address, tls })
            }
            "ssh" => {
                let (target, path) = rest.split_once('/').unwrap_or((rest, ""));
                let (target, port) = match target.rsplit_once(':') {
                    Some((target, port)) => {
                        (target, Some(port.parse().map_err(|_| bad("the port is no number"))?))
                    }
                    None => (target, None),
                };
                if target.is_empty() || target.starts_with('-') {
                    return Err(bad("it names no host"));
                }
                let socket = (!path.is_empty()).then(|| format!("/{path}"));
                Ok(Self::Ssh { target: target.to_owned(), port, socket })
            }
            _ => Err(bad("engines are reached by unix, npipe, tcp or ssh")),
        }
    }

    /// The name in a certificate.
    pub(crate) fn server_name(address: &str) -> &str {
        address.rsplit_once(':').map_or(address, |(host, _)| host).trim_matches(['[', ']'])
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Pipe(name) => write!(f, "npipe://{}", name.replace('\\', "/")),
            Self::Tcp { address, tls } => {
                write!(f, "tcp://{address}{}", if tls.is_some() { " (TLS)" } else { "" })
            }
            Self::Ssh { target, port, socket } => {
                write!(f, "ssh://{target}")?;
                if let Some(port) = port {
                    write!(f, ":{port}")?;
                }
                f.write_str(socket.as_deref().unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_shown() {
        for (text, shown) in [
            ("unix:///run/docker.sock", "unix:///run/docker.sock"),
            ("npipe:////./pipe/docker_engine", "npipe:////./pipe/docker_engine"),
            ("tcp://127.0.0.1:2375", "tcp://127.0.0.1:2375"),
            ("tcp://build", "tcp://build:2375"),
            ("https://build", "tcp://build:2376 (TLS)"),
            ("tcp://[::1]:99/", "tcp://[::1]:99"),
            ("ssh://me@build", "ssh://me@build"),
            ("ssh://me@build:22/run/d.sock", "ssh://me@build:22/run/d.sock"),
        ] {
            assert_eq!(Host::parse(text, None).map(|h| h.to_string()).ok().as_deref(), Some(shown), "{text}");
        }
    }

    #[test]
    fn what_is_no_address_says_why() {
        for text in
            ["", "/run/docker.sock", "unix://", "ftp://x", "ssh://me@build:x", "ssh://-oProxyCommand=x"]
        {
            assert!(matches!(Host::parse(text, None), Err(BuildError::BadHost { .. })), "{text}");
        }
    }
}
