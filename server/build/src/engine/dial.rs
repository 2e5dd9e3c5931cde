//! Connections to an engine: one function for the API, for `/session` and for `/grpc`.

use std::io;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::host::Host;
use super::tls;

/// Bytes both ways.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection.
pub(crate) type Connection = Box<dyn Duplex>;

/// Connects.
///
/// # Errors
/// As the system reports them.
pub(crate) async fn dial(host: &Host) -> io::Result<Connection> {
    match host {
        #[cfg(unix)]
        Host::Unix(path) => Ok(Box::new(tokio::net::UnixStream::connect(path).await?)),
        #[cfg(not(unix))]
        Host::Unix(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no Unix sockets")),
        #[cfg(windows)]
        Host::Pipe(name) => Ok(Box::new(tokio::net::windows::named_pipe::ClientOptions::new().open(name)?)),
        #[cfg(not(windows))]
        Host::Pipe(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no named pipes")),
        Host::Tcp { address, tls: None } => Ok(Box::new(tcp(address).await?)),
        Host::Tcp { address, tls: Some(tls) } => {
            let connector = tls::connector(Some(tls))?;
            let name = Host::server_name(address);
            Ok(Box::new(tls::secure(&connector, name, tcp(address).await?).await?))
        }
        Host::Ssh { target, port, socket } => Ok(Box::new(ssh(target, *port, socket.as_deref())?)),
    }
}

async fn tcp(address: &str) -> io::Result<tokio::net::TcpStream> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The engine of another machine, as docker's own client reaches it.
fn ssh(target: &str, port: Option<u16>, socket: Option<&str>) -> io::Result<Ssh> {
    let mut command = tokio::process::Command::new("ssh");
    // Nobody is there to answer a question.
    command.args(["-o", "BatchMode=yes", "-o", "ConnectTimeout=30"]);
    if let Some(port) = port {
        command.args(["-p", &port.to_string()]);
    }
    command.args(["--", target, "docker"]);
    if let Some(socket) = socket {
        command.args(["--host", &format!("unix://{socket}")]);
    }
    command.args(["system", "dial-stdio"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let broken = || io::Error::from(io::ErrorKind::BrokenPipe);
    let input = child.stdin.take().ok_or_else(broken)?;
    let output = child.stdout.take().ok_or_else(broken)?;
    Ok(Ssh { input, output, _child: child })
}

/// A running ssh; it ends with the connection.
struct Ssh {
    input: tokio::process::ChildStdin,
    output: tokio::process::ChildStdout,
    _child: tokio::process::Child,
}

impl AsyncRead for Ssh {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.output).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Ssh {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.input).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.input).poll_shutdown(cx)
    }
}
