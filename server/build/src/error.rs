//! Why there is no image, each with what to do next.

use std::error::Error;
use std::io;

use image_model::origin::Site;
use thiserror::Error;

use crate::engine::host::Host;
use crate::failure::Failure;
use crate::flyte::AskError;

/// Something that is known to fail, said before anything is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The rule's code, where one covers it.
    pub rule: Option<&'static str>,
    /// What is wrong.
    pub message: String,
    /// Where.
    pub site: Option<Site>,
}

/// Why there is no image.
#[derive(Debug, Error)]
pub enum BuildError {
    /// An address of an engine that is none.
    #[error("{host:?} is no address of an engine: {reason}")]
    BadHost {
        /// The address.
        host: String,
        /// Why.
        reason: String,
    },
    /// docker's configuration names a context that is not there.
    #[error("docker has no context {name}: {reason}")]
    NoContext {
        /// Its name.
        name: String,
        /// What is missing.
        reason: String,
    },
    /// No engine listens anywhere.
    #[error("no engine was found: nothing listens on {}", .tried.join(", "))]
    NoEngine {
        /// Where was looked.
        tried: Vec<String>,
        /// It was Podman that was looked for.
        podman: bool,
    },
    /// An engine that was named, or that left its socket, does not answer.
    #[error("the engine at {host} cannot be reached: {message}")]
    Unreachable {
        /// Where.
        host: String,
        /// What the system reports.
        kind: io::ErrorKind,
        /// In words.
        message: String,
    },
    /// An engine without what flyte's Dockerfiles need.
    #[error("{engine} cannot build flyte's images: {reason}")]
    Unfit {
        /// What it is.
        engine: String,
        /// What it lacks.
        reason: String,
        /// What to do.
        advice: String,
    },
    /// What is known to fail.
    #[error("{}", .0.iter().map(|r| r.message.as_str()).collect::<Vec<_>>().join("\n"))]
    Refused(Vec<Refusal>),
    /// Nobody can know what would be built.
    #[error("what would be built is not known, because {reason}")]
    Unknown {
        /// Why.
        reason: String,
        /// Where.
        site: Option<Site>,
    },
    /// The platforms cannot be built in one go.
    #[error("{engine} builds one platform at a time, and the image is for {platforms}")]
    Platforms {
        /// What it is.
        engine: String,
        /// Those of the image.
        platforms: String,
        /// Its own.
        own: String,
        /// It is Podman.
        podman: bool,
    },
    /// A step failed, or the engine did not take the Dockerfile.
    #[error("{}", .0.message)]
    Failed(Box<Failure>),
    /// The image was built, and the registry did not take it.
    #[error("{uri} is built, but was not pushed: {message}")]
    Push {
        /// The address.
        uri: String,
        /// What the engine said.
        message: String,
        /// What to do.
        advice: String,
    },
    /// The engine went away.
    #[error("the engine at {host} went away during the build: {message}")]
    Lost {
        /// Where it was.
        host: String,
        /// What was seen last.
        message: String,
    },
    /// The user stopped it.
    #[error("the build was cancelled{}", if *.runs_on { ": Podman finishes the step that runs" } else { "" })]
    Cancelled {
        /// The engine goes on with the step.
        runs_on: bool,
    },
    /// A file that cannot be read.
    #[error("{path}: {message}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        message: String,
    },
    /// The installed flyte, which the remote builder is reached through, gave no image.
    #[error(transparent)]
    Flyte(#[from] AskError),
    /// Credentials that cannot be read.
    #[error("the credentials for {registry} cannot be read: {message}")]
    Credentials {
        /// The registry.
        registry: String,
        /// Why.
        message: String,
    },
}

impl BuildError {
    /// What a failed call to an engine means.
    pub(crate) fn unreachable(host: &Host, error: &(dyn Error + 'static)) -> Self {
        let kind = io_kind(error).unwrap_or(io::ErrorKind::Other);
        let message = match kind {
            io::ErrorKind::NotFound if matches!(host, Host::Unix(_)) => "there is no such socket".to_owned(),
            io::ErrorKind::NotFound if matches!(host, Host::Ssh { .. }) => {
                "there is no program ssh".to_owned()
            }
            io::ErrorKind::ConnectionRefused => "nobody listens there".to_owned(),
            io::ErrorKind::PermissionDenied => "this user may not use it".to_owned(),
            _ => last(error).to_string(),
        };
        Self::Unreachable { host: host.to_string(), kind, message }
    }

    /// The last part of the message, where the rest is known.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Unreachable { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }

    /// The user stopped it.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        matches!(self, Self::Cancelled { .. } | Self::Flyte(AskError::Cancelled { .. }))
    }

    /// What to do next.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        Some(match self {
            Self::BadHost { .. } => {
                "write it as in unix:///run/docker.sock, tcp://host:2376 or ssh://user@host".to_owned()
            }
            Self::NoContext { .. } => "choose another one with docker context use, or set DOCKER_HOST".to_owned(),
            Self::NoEngine { podman: true, .. } => {
                "start Podman's service (systemctl --user start podman.socket), or set CONTAINER_HOST".to_owned()
            }
            Self::NoEngine { .. } => {
                "start docker or Podman, set DOCKER_HOST, or give --engine-host; the remote builder needs none".to_owned()
            }
            Self::Unreachable { kind, .. } => match kind {
                io::ErrorKind::PermissionDenied => {
                    "add yourself to the group docker (sudo usermod -aG docker $USER) and log in again".to_owned()
                }
                io::ErrorKind::ConnectionRefused => {
                    "start the engine (systemctl start docker, or Docker Desktop): its socket is stale".to_owned()
                }
                _ => "check that it runs there; image-lsp debug-info shows how it is looked for".to_owned(),
            },
            Self::Unfit { advice, .. } | Self::Push { advice, .. } => advice.clone(),
            Self::Refused(_) | Self::Cancelled { .. } => return None,
            Self::Unknown { .. } => {
                "flyte itself can build it (flyte build FILE NAME), since it runs the code".to_owned()
            }
            Self::Platforms { own, podman, .. } => format!(
                "build for this machine alone (--platform {own}){}, or use the remote builder",
                if *podman { "" } else { ", turn on docker's containerd image store" }
            ),
            Self::Failed(failure) => return failure.advice.clone(),
            Self::Flyte(error) => return error.advice(),
            Self::Lost { .. } => {
                "look into the engine's log (journalctl -u docker) and build again: finished steps are cached".to_owned()
            }
            Self::Unreadable { .. } => "check the path and its permissions".to_owned(),
            Self::Credentials { registry, .. } => format!("log in again: docker login {registry}"),
        })
    }

    /// The place in the Python source that it is about.
    #[must_use]
    pub fn site(&self) -> Option<&Site> {
        match self {
            Self::Refused(refusals) => refusals.iter().find_map(|r| r.site.as_ref()),
            Self::Unknown { site, .. } => site.as_ref(),
            Self::Failed(failure) => failure.site.as_ref(),
            Self::Flyte(error) => error.site(),
            _ => None,
        }
    }
}

/// What the system reported, below whatever wraps it.
pub(crate) fn io_kind(error: &(dyn Error + 'static)) -> Option<io::ErrorKind> {
    let mut next = Some(error);
    let mut kind = None;
    while let Some(error) = next {
        if let Some(io) = error.downcast_ref::<io::Error>()
            && io.kind() != io::ErrorKind::Other
        {
            kind = Some(io.kind());
        }
        next = error.source();
    }
    kind
}

/// The innermost error.
pub(crate) fn last<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut error = error;
    while let Some(inner) = error.source() {
        error = inner;
    }
    error
}
