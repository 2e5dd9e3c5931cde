//! Whether a registry has an image for all its platforms. The only requests that this program makes to registries itself;
//! pulls and pushes are the engine's.
//!
//! Source: flyte 2.12.1, `LocalDockerCommandImageChecker` (what counts as being there); the OCI distribution
//! specification and docker's token authentication.

use std::io;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use serde_json::Value;

use crate::credentials::{Credentials, Login};
use crate::engine::dial::{Connection, dial};
use crate::engine::host::{Host, Tls};
use crate::engine::{http, tls};
use crate::proxy::Proxy;
use crate::surroundings::Surroundings;

/// How long all the questions about one image may take.
const PATIENCE: Duration = Duration::from_secs(15);

const MANIFESTS: &str = "application/vnd.oci.image.index.v1+json, application/vnd.docker.distribution.manifest.list.v2+json, \
                         application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json";

/// An address taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The registry as credentials know it.
    pub(crate) registry: String,
    /// The path in it.
    pub(crate) repository: String,
    /// The tag.
    pub(crate) tag: String,
}

impl Reference {
    /// Reads `registry/name:tag`.
    pub(crate) fn parse(uri: &str) -> Option<Self> {
        let (name, tag) = match uri.rsplit_once(':') {
            Some((name, tag)) if !tag.contains('/') => (name, tag),
            _ => (uri, "latest"),
        };
        let (first, rest) = name.split_once('/').unwrap_or(("", name));
        let is_registry = first.contains(['.', ':']) || first == "localhost";
        let (registry, repository) = match (is_registry, first.is_empty()) {
            (true, _) => (first, rest.to_owned()),
            (false, true) => ("docker.io", format!("library/{rest}")),
            (false, false) => ("docker.io", name.to_owned()),
        };
        (!repository.is_empty() && !tag.is_empty()).then(|| Self {
            registry: registry.to_owned(),
            repository,
            tag: tag.to_owned(),
        })
    }

    /// The host that answers for it.
    fn host(&self) -> &str {
        match self.registry.as_str() {
            "docker.io" | "index.docker.io" => "registry-1.docker.io",
            other => other,
        }
    }

    /// Whether it is this machine, to which nobody speaks TLS.
    fn is_local(&self) -> bool {
        let name = self.registry.rsplit_once(':').map_or(self.registry.as_str(), |(name, _)| name);
        name == "localhost" || name.starts_with("127.") || name == "[::1]"
    }
}

/// Whether a registry has an image for all of the platforms.
///
/// # Errors
/// In words, why that cannot be known.
pub(crate) async fn has(
    uri: &str,
    platforms: &[String],
    credentials: &Credentials,
    insecure: &[String],
    around: &Surroundings,
) -> Result<bool, String> {
    let reference = Reference::parse(uri).ok_or_else(|| format!("{uri} is no address of an image"))?;
    let plain = reference.is_local() || insecure.contains(&reference.registry);
    let mut client =
        Client { host: reference.host().to_owned(), plain, trusting: false, authorization: None, around };
    let asked = client.manifest(&reference, platforms, credentials);
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer,
        Err(_) => Err(format!("{} did not answer within {} seconds", reference.registry, PATIENCE.as_secs())),
    }
}

struct Client<'a> {
    host: String,
    /// Without TLS.
    plain: bool,
    /// With TLS, whatever the certificate.
    trusting: bool,
    authorization: Option<String>,
    around: &'a Surroundings,
}

impl Client<'_> {
    async fn manifest(
        &mut self,
        reference: &Reference,
        platforms: &[String],
        credentials: &Credentials,
    ) -> Result<bool, String> {
        let path = format!("/v2/{}/manifests/{}", reference.repository, reference.tag);
        let mut response = self.ask(Method::HEAD, &path).await?;
        if self.plain && response.status() == StatusCode::BAD_REQUEST {
            // It speaks TLS after all. For a registry that need not be secure any certificate will do, as for docker.
            (self.plain, self.trusting) = (false, true);
            response = self.ask(Method::HEAD, &path).await?;
        }
        if response.status() == StatusCode::UNAUTHORIZED {
            let login = credentials.of(&reference.registry).await.map_err(|e| e.to_string())?;
            self.authorize(&response, login).await?;
            response = self.ask(Method::HEAD, &path).await?;
        }
        match response.status() {
            StatusCode::NOT_FOUND => return Ok(false),
            status if !status.is_success() => {
                return Err(format!("{} answers {status}", reference.registry));
            }
            _ => {}
        }
        let kind = response.headers().get(CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
        if !kind.contains("image.index") && !kind.contains("manifest.list") {
            // An image of one platform counts, whichever that is.
            return Ok(true);
        }
        let response = self.ask(Method::GET, &path).await?;
        let index: Value = json(response).await?;
        let has = |wanted: &String| {
            index.get("manifests").and_then(Value::as_array).into_iter().flatten().any(|m| {
                let part = |name: &str| {
                    m.pointer(&format!("/platform/{name}")).and_then(Value::as_str).unwrap_or_default()
                };
                *wanted == format!("{}/{}", part("os"), part("architecture"))
            })
        };
        Ok(platforms.iter().all(has))
    }

    async fn ask(&self, method: Method, path: &str) -> Result<Response<Incoming>, String> {
        let mut request = Request::builder().method(method).uri(path).header(ACCEPT, MANIFESTS);
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization);
        }
        self.send(&self.host, self.plain, request, Bytes::new()).await
    }

    /// Does what a registry asks for before it answers.
    async fn authorize(&mut self, refusal: &Response<Incoming>, login: Option<Login>) -> Result<(), String> {
        let all = refusal.headers().get_all(WWW_AUTHENTICATE);
        let challenges: Vec<&str> = all.iter().filter_map(|v| v.to_str().ok()).collect();
        let bearer = challenges.iter().find_map(|c| strip_scheme(c, "bearer "));
        let Some(bearer) = bearer else {
            let Some(Login::Basic(name, password)) = login else {
                return Err(format!("{} wants a login, and there is none", self.host));
            };
            self.authorization = Some(basic(&name, &password));
            return Ok(());
        };
        let parameters = parameters(bearer);
        let get = |name: &str| parameters.iter().find(|(n, _)| n == name).map_or("", |(_, v)| v.as_str());
        let realm = get("realm");
        let (plain, rest) = match realm.split_once("://") {
            Some(("http", rest)) => (true, rest),
            Some(("https", rest)) => (false, rest),
            _ => return Err(format!("{} sends to {realm:?} for a token", self.host)),
        };
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let mut fields = vec![("service", get("service")), ("scope", get("scope"))];
        let response = match &login {
            Some(Login::Token(token)) => {
                fields.extend([
                    ("grant_type", "refresh_token"),
                    ("refresh_token", token),
                    ("client_id", "image-lsp"),
                ]);
                let request = Request::post(format!("/{path}"))
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded");
                self.send(host, plain, request, Bytes::from(form(&fields))).await?
            }
            _ => {
                let join = if path.contains('?') { '&' } else { '?' };
                let mut request = Request::get(format!("/{path}{join}{}", form(&fields)));
                if let Some(Login::Basic(name, password)) = &login {
                    request = request.header(AUTHORIZATION, basic(name, password));
                }
                self.send(host, plain, request, Bytes::new()).await?
            }
        };
        if !response.status().is_success() {
            return Err(format!("{host} gives no token: {}", response.status()));
        }
        let answer = json(response).await?;
        let token = ["token", "access_token"].iter().find_map(|name| answer.get(name)?.as_str());
        let token = token.ok_or_else(|| format!("{host} gives no token"))?;
        self.authorization = Some(format!("Bearer {token}"));
        Ok(())
    }

    async fn send(
        &self,
        host: &str,
        plain: bool,
        request: hyper::http::request::Builder,
        body: Bytes,
    ) -> Result<Response<Incoming>, String> {
        let version = concat!("image-lsp/", env!("CARGO_PKG_VERSION"));
        let request = request.header(HOST, host).header(USER_AGENT, version).body(Full::new(body));
        let request = request.map_err(|e| e.to_string())?;
        let failed = |e: io::Error| format!("{host} cannot be reached: {}", crate::error::last(&e));
        let connection = self.connect(host, plain).await.map_err(failed)?;
        http::send(connection, request).await.map_err(failed)
    }

    async fn connect(&self, host: &str, plain: bool) -> io::Result<Connection> {
        let has_port = host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        let port = if plain { 80 } else { 443 };
        let address = if has_port { host.to_owned() } else { format!("{host}:{port}") };
        if let Some(proxy) = Proxy::of(host, self.around).filter(|_| !plain) {
            let stream = proxy.connect(&address).await?;
            let connector = tls::connector(None)?;
            return Ok(Box::new(tls::secure(&connector, Host::server_name(&address), stream).await?));
        }
        let tls = Tls { insecure: self.trusting, ..Tls::default() };
        dial(&Host::Tcp { address, tls: (!plain).then_some(tls) }).await
    }
}

async fn json(response: Response<Incoming>) -> Result<Value, String> {
    let body = response.into_body().collect().await.map_err(|e| e.to_string())?.to_bytes();
    serde_json::from_slice(&body).map_err(|_| "the registry's answer is no JSON".to_owned())
}

fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}

fn strip_scheme<'a>(challenge: &'a str, scheme: &str) -> Option<&'a str> {
    challenge
        .get(..scheme.len())
        .filter(|s| s.eq_ignore_ascii_case(scheme))
        .and_then(|_| challenge.get(scheme.len()..))
}

/// `realm="…",service="…"`
fn parameters(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((name, after)) = rest.split_once("=\"") {
        let Some((value, after)) = after.split_once('"') else { break };
        found.push((name.trim_matches([',', ' ']).to_ascii_lowercase(), value.to_owned()));
        rest = after;
    }
    found
}

/// Fields as an address or a form holds them; empty ones are left out.
fn form(fields: &[(&str, &str)]) -> String {
    let fields = fields.iter().filter(|(_, value)| !value.is_empty());
    fields.map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}

/// A text as a query or a form holds it.
pub(crate) fn escape(text: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    text.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_apart() {
        for (uri, expected) in [
            ("localhost:5000/a/b:t", Some(("localhost:5000", "a/b", "t"))),
            ("ghcr.io/acme/x:1", Some(("ghcr.io", "acme/x", "1"))),
            ("acme/x", Some(("docker.io", "acme/x", "latest"))),
            ("python:3.12", Some(("docker.io", "library/python", "3.12"))),
            ("localhost/x:", None),
        ] {
            let found = Reference::parse(uri);
            let found = found.as_ref().map(|r| (r.registry.as_str(), r.repository.as_str(), r.tag.as_str()));
            assert_eq!(found, expected, "{uri}");
        }
    }

    #[test]
    fn challenges_and_forms() {
        let challenge = r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull""#;
        let found = parameters(strip_scheme(challenge, "bearer ").expect("bearer"));
        assert_eq!(found[0], ("realm".to_owned(), "https://auth.docker.io/token".to_owned()));
        assert_eq!(found[2].1, "repository:a/b:pull");
        assert_eq!(form(&[("a", "x y:~"), ("b", "")]), "a=x%20y%3A~");
    }
}
