//! HTTP/1.1 on a connection: one request each, and the upgrade to HTTP/2 that BuildKit's services need.

use std::io;

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Body, Incoming};
use hyper::header::{CONNECTION, HOST, HeaderValue, UPGRADE};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;

use super::dial::{Connection, dial};
use super::host::Host;

/// Sends one request on a connection of its own, and gives the response when its head is there.
///
/// # Errors
/// As the system reports them; whatever HTTP makes of a broken connection as [`io::ErrorKind::Other`].
pub(crate) async fn send<B>(connection: Connection, mut request: Request<B>) -> io::Result<Response<Incoming>>
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let path = request.uri().path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string);
    *request.uri_mut() = path.parse().map_err(io::Error::other)?;
    if !request.headers().contains_key(HOST) {
        request.headers_mut().insert(HOST, HeaderValue::from_static("docker"));
    }
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(connection)).await.map_err(io::Error::other)?;
    tokio::spawn(connection.with_upgrades());
    sender.send_request(request).await.map_err(io::Error::other)
}

/// A whole body, as far as it is needed to say what is wrong.
pub(crate) async fn text(response: Response<Incoming>) -> String {
    let bytes = response.into_body().collect().await.map(|b| b.to_bytes()).unwrap_or_default();
    String::from_utf8_lossy(&bytes).trim().to_owned()
}

/// Why an upgrade did not come about.
pub(crate) enum NoUpgrade {
    /// The connection.
    Io(io::Error),
    /// The engine answered otherwise.
    Refused(StatusCode, String),
}

/// Makes a connection of HTTP/2 out of one of HTTP/1.1, as `/session` and `/grpc` do.
pub(crate) async fn upgrade(
    host: &Host,
    path: &str,
    headers: &[(&'static str, String)],
) -> Result<TokioIo<hyper::upgrade::Upgraded>, NoUpgrade> {
    let mut request = Request::post(path).header(CONNECTION, "Upgrade").header(UPGRADE, "h2c");
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Empty::<Bytes>::new()).map_err(|e| NoUpgrade::Io(io::Error::other(e)))?;
    let connection = dial(host).await.map_err(NoUpgrade::Io)?;
    let response = send(connection, request).await.map_err(NoUpgrade::Io)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let status = response.status();
        return Err(NoUpgrade::Refused(status, text(response).await));
    }
    let upgraded = hyper::upgrade::on(response).await.map_err(|e| NoUpgrade::Io(io::Error::other(e)))?;
    Ok(TokioIo::new(upgraded))
}
