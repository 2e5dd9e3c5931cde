//! The engine: found, reached, and asked once what it is.

pub(crate) mod dial;
pub mod find;
pub mod host;
pub(crate) mod http;
pub(crate) mod tls;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bollard::Docker;
use bollard::models::{SystemInfo, SystemVersion};
use hyper::header::HeaderValue;

use crate::error::BuildError;
use crate::surroundings::Surroundings;
use find::{Candidate, Wanted};
use host::Host;

/// What an engine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// docker, with BuildKit.
    Docker,
    /// Podman, which builds in docker's older way.
    Podman,
}

/// How an engine keeps its images.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Store {
    /// containerd's: images of several platforms, pushed by the build.
    Containerd,
    /// The older one: one platform an image, pushed after the build.
    Graph,
}

/// An engine that answers.
#[derive(Debug, Clone)]
pub struct Engine {
    /// Where it is.
    pub host: Host,
    /// What names it.
    pub because: String,
    /// What it is.
    pub kind: Kind,
    /// Its version.
    pub version: String,
    /// How it keeps its images.
    pub store: Store,
    /// Its own platform: `linux/amd64`.
    pub platform: String,
    /// Registries that it reaches without TLS.
    pub insecure: Vec<String>,
    pub(crate) docker: Docker,
}

/// What came of one way to an engine.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The way.
    pub candidate: Candidate,
    /// In words.
    pub outcome: String,
}

/// How long an engine may take to say what it is; a machine far away longer.
const PATIENCE: Duration = Duration::from_secs(10);
const PATIENCE_FAR: Duration = Duration::from_secs(40);
/// How long an answer's beginning may take, uploads included.
const REQUEST_SECONDS: u64 = 24 * 60 * 60;

/// Finds the engine. Besides, every way that was tried, and what came of it.
pub async fn find(
    setting: Option<(&str, &str)>,
    wanted: Wanted,
    around: &Surroundings,
) -> (Vec<Tried>, Result<Engine, BuildError>) {
    let candidates = match find::candidates(setting, wanted, around) {
        Ok(candidates) => candidates,
        Err(error) => return (Vec::new(), Err(error)),
    };
    let mut tried = Vec::new();
    let mut failure: Option<BuildError> = None;
    for candidate in candidates {
        match Engine::reach(&candidate).await {
            Ok(engine) if wanted == Wanted::Podman && engine.kind == Kind::Docker => {
                tried.push(Tried { candidate, outcome: engine.shown() });
                failure.get_or_insert(BuildError::Unfit {
                    engine: engine.shown(),
                    reason: "the builder is local-podman".to_owned(),
                    advice: "set CONTAINER_HOST to Podman's socket, or choose the builder local".to_owned(),
                });
            }
            Ok(engine) => {
                tried.push(Tried { candidate, outcome: engine.shown() });
                return (tried, Ok(engine));
            }
            Err(error) => {
                tried.push(Tried { outcome: error.reason(), candidate: candidate.clone() });
                // A socket that is there and does not answer says more than ten that are not.
                let is_absent =
                    matches!(&error, BuildError::Unreachable { kind: io::ErrorKind::NotFound, .. });
                if candidate.named || (!is_absent && failure.is_none()) {
                    failure = Some(error);
                }
            }
        }
    }
    let shown = tried.iter().map(|t| t.candidate.host.to_string()).collect();
    (tried, Err(failure.unwrap_or(BuildError::NoEngine { tried: shown, podman: wanted == Wanted::Podman })))
}

impl Engine {
    /// Connects and asks.
    async fn reach(candidate: &Candidate) -> Result<Self, BuildError> {
        let host = &candidate.host;
        let docker = client(host)?;
        let unreachable = |error| match error {
            // It hides what it holds.
            bollard::errors::Error::IOError { err } => BuildError::unreachable(host, &err),
            other => BuildError::unreachable(host, &other),
        };
        let patience = if matches!(host, Host::Ssh { .. }) { PATIENCE_FAR } else { PATIENCE };
        let asked = async {
            match host {
                // Both at once, where connections cost nothing.
                Host::Unix(_) | Host::Pipe(_) => tokio::try_join!(docker.version(), docker.info()),
                _ => Ok((docker.version().await?, docker.info().await?)),
            }
        };
        let (version, info) = match tokio::time::timeout(patience, asked).await {
            Ok(answer) => answer.map_err(unreachable)?,
            Err(_) => {
                let kind = io::ErrorKind::TimedOut;
                let message = format!("it did not answer within {} seconds", patience.as_secs());
                return Err(BuildError::Unreachable { host: host.to_string(), kind, message });
            }
        };
        Ok(Self::of(candidate, docker, &version, info))
    }

    fn of(candidate: &Candidate, docker: Docker, version: &SystemVersion, info: SystemInfo) -> Self {
        let component =
            version.components.iter().flatten().next().map(|c| c.name.as_str()).unwrap_or_default();
        let kind = if component.starts_with("Podman") { Kind::Podman } else { Kind::Docker };
        let is_containerd = info
            .driver_status
            .iter()
            .flatten()
            .flatten()
            .any(|text| text.starts_with("io.containerd.snapshotter."));
        let insecure = info.registry_config.and_then(|c| c.index_configs).unwrap_or_default();
        let insecure =
            insecure.into_iter().filter(|(_, index)| index.secure == Some(false)).map(|(name, _)| name);
        Self {
            host: candidate.host.clone(),
            because: candidate.because.clone(),
            kind,
            version: version.version.clone().unwrap_or_default(),
            store: if is_containerd { Store::Containerd } else { Store::Graph },
            platform: format!(
                "{}/{}",
                version.os.as_deref().unwrap_or("linux"),
                version.arch.as_deref().unwrap_or("amd64")
            ),
            insecure: insecure.collect(),
            docker,
        }
    }

    /// The major version.
    #[must_use]
    pub fn major(&self) -> u32 {
        self.version.split('.').next().and_then(|major| major.parse().ok()).unwrap_or_default()
    }

    /// In words: kind, version, store.
    #[must_use]
    pub fn shown(&self) -> String {
        match (self.kind, self.store) {
            (Kind::Podman, _) => format!("Podman {}", self.version),
            (Kind::Docker, Store::Containerd) => format!("docker {}, containerd image store", self.version),
            (Kind::Docker, Store::Graph) => format!("docker {}, older image store", self.version),
        }
    }
}

/// A client of the engine's API, over the same connections as everything else.
fn client(host: &Host) -> Result<Docker, BuildError> {
    let target = Arc::new(host.clone());
    let transport = move |request: bollard::BollardRequest| {
        let target = Arc::clone(&target);
        async move {
            let connection = dial::dial(&target).await?;
            Ok(http::send(connection, request).await?)
        }
    };
    let docker = Docker::connect_with_custom_transport(
        transport,
        Some("http://docker"),
        REQUEST_SECONDS,
        bollard::API_DEFAULT_VERSION,
    );
    Ok(docker
        .map_err(|e| BuildError::unreachable(host, &e))?
        .with_request_modifier(with_url_safe_credentials))
}

/// bollard 0.21 writes credentials in the common alphabet of base64; engines read the one for addresses.
fn with_url_safe_credentials(mut request: bollard::BollardRequest) -> bollard::BollardRequest {
    for name in ["x-registry-auth", "x-registry-config"] {
        let Some(value) = request.headers().get(name).and_then(|v| v.to_str().ok()) else { continue };
        if let Ok(value) = HeaderValue::from_str(&value.replace('+', "-").replace('/', "_")) {
            request.headers_mut().insert(name, value);
        }
    }
    request
}
