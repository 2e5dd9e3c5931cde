//! The proxy between this machine and registries, as `HTTPS_PROXY` and `NO_PROXY` name it.
//!
//! Only for this program's own questions to registries; engines have proxies of their own. Source: Go's
//! `golang.org/x/net/http/httpproxy`, which docker's client goes by.

use std::io;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::surroundings::Surroundings;

/// A proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    /// `host:port`
    address: String,
    /// `Basic …`, where it wants a login.
    authorization: Option<String>,
}

/// The bytes of an answer's head at most.
const LONGEST_HEAD: usize = 8 * 1024;

impl Proxy {
    /// The proxy for a host that is spoken to with TLS.
    pub(crate) fn of(host: &str, around: &Surroundings) -> Option<Self> {
        let either = |upper: &str, lower: &str| around.variable(upper).or_else(|| around.variable(lower));
        let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
        let without = either("NO_PROXY", "no_proxy").unwrap_or_default();
        let is_without = without.split(',').map(str::trim).filter(|s| !s.is_empty()).any(|entry| {
            let entry = entry.split(':').next().unwrap_or_default();
            let suffix = entry.trim_start_matches('*').trim_start_matches('.');
            entry == "*"
                || name == suffix
                || name.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))
        });
        if is_without {
            return None;
        }
        let text = either("HTTPS_PROXY", "https_proxy")?;
        // One that is itself spoken to with TLS is rare, and not spoken to.
        let rest = match text.split_once("://") {
            Some(("http", rest)) => rest,
            Some(_) => return None,
            None => text,
        };
        let rest = rest.split('/').next().unwrap_or_default();
        let (login, address) =
            rest.rsplit_once('@').map_or((None, rest), |(login, address)| (Some(login), address));
        let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Some(Self {
            address: if has_port { address.to_owned() } else { format!("{address}:80") },
            authorization: login.map(|login| format!("Basic {}", STANDARD.encode(login))),
        })
    }

    /// A connection to `host:port` through the proxy.
    ///
    /// # Errors
    /// As the system reports them, and what the proxy answers.
    pub(crate) async fn connect(&self, target: &str) -> io::Result<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).await?;
        let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
        if let Some(authorization) = &self.authorization {
            request.push_str(&format!("Proxy-Authorization: {authorization}\r\n"));
        }
        stream.write_all(format!("{request}\r\n").as_bytes()).await?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() > LONGEST_HEAD {
                return Err(io::Error::other("the proxy's answer has no end"));
            }
            head.push(stream.read_u8().await?);
        }
        let first = String::from_utf8_lossy(&head).lines().next().unwrap_or_default().to_owned();
        if first.split_whitespace().nth(1).is_some_and(|status| status.starts_with('2')) {
            return Ok(stream);
        }
        Err(io::Error::other(format!("the proxy {} answers {first}", self.address)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::around;

    #[test]
    fn hosts_may_be_left_out() {
        let around = around(&[
            ("HTTPS_PROXY", "http://me:p@proxy:3128/"),
            ("NO_PROXY", "localhost, .corp.io,exact.io:443,*.wild.io"),
        ]);
        let of = |host: &str| Proxy::of(host, &around).map(|p| p.address);
        for host in ["localhost:5000", "r.corp.io", "corp.io", "exact.io", "x.wild.io"] {
            assert_eq!(of(host), None, "{host}");
        }
        assert_eq!(of("ghcr.io"), Some("proxy:3128".to_owned()));
        assert_eq!(of("notcorp.io"), Some("proxy:3128".to_owned()));
        assert_eq!(Proxy::of("ghcr.io", &crate::tests::around(&[])), None);
    }

    #[test]
    fn a_proxy_is_asked_with_its_login() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
            let address = listener.local_addr().expect("an address").to_string();
            let around = around(&[("HTTPS_PROXY", &format!("http://me:p@{address}"))]);
            let proxy = Proxy::of("ghcr.io", &around).expect("a proxy");
            let answer = async {
                let mut asked = Vec::new();
                for status in ["200 OK", "407 Login"] {
                    let (mut stream, _) = listener.accept().await.expect("a connection");
                    let mut head = vec![0; 1024];
                    let count = stream.read(&mut head).await.expect("read");
                    asked.push(String::from_utf8_lossy(&head[..count]).into_owned());
                    stream.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).await.expect("written");
                }
                asked
            };
            let ask = async { (proxy.connect("ghcr.io:443").await, proxy.connect("ghcr.io:443").await) };
            let (asked, (first, second)) = tokio::join!(answer, ask);
            assert!(asked[0].starts_with("CONNECT ghcr.io:443 HTTP/1.1\r\n"), "{asked:?}");
            assert!(asked[0].contains("Proxy-Authorization: Basic bWU6cA==\r\n"), "{asked:?}");
            assert!(first.is_ok());
            assert!(second.is_err_and(|e| e.to_string().ends_with("answers HTTP/1.1 407 Login")));
        });
    }
}
