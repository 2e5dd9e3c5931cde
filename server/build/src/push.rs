//! Pushing with the engine's API, where the build itself does not push.

use bollard::query_parameters::PushImageOptionsBuilder;
use futures_util::StreamExt;

use crate::credentials::Credentials;
use crate::engine::{Engine, Kind};
use crate::error::BuildError;
use crate::event::{Event, Sink};
use crate::known;
use crate::registry::Reference;

/// Pushes an image that the engine has, and gives the digest that the registry knows it by.
///
/// # Errors
/// [`BuildError::Push`]; [`BuildError::Credentials`] for credentials that cannot be read.
pub(crate) async fn push(
    uri: &str,
    engine: &Engine,
    credentials: &Credentials,
    sink: &Sink,
) -> Result<Option<String>, BuildError> {
    let reference = Reference::parse(uri).ok_or_else(|| refused(uri, engine, "invalid reference format"))?;
    let scope = format!("{}/{}", reference.registry, reference.repository);
    let login =
        credentials.of(if engine.kind == Kind::Podman { &scope } else { &reference.registry }).await?;
    // Without credentials the header is sent all the same: engines refuse a push that has none.
    let login = login.map(|l| l.for_api(&reference.registry)).unwrap_or_default();
    let name = uri.strip_suffix(&format!(":{}", reference.tag)).unwrap_or(uri);
    let options = PushImageOptionsBuilder::default().tag(&reference.tag).build();
    let mut progress = std::pin::pin!(engine.docker.push_image(name, Some(options), Some(login)));
    let mut digest = None;
    while let Some(told) = progress.next().await {
        let told = told.map_err(|error| match error {
            bollard::errors::Error::DockerStreamError { error } => refused(uri, engine, &error),
            bollard::errors::Error::DockerResponseServerError { message, .. } => {
                refused(uri, engine, &message)
            }
            other => BuildError::Lost { host: engine.host.to_string(), message: other.to_string() },
        })?;
        if let Some(error) = told.error_detail.and_then(|d| d.message) {
            return Err(refused(uri, engine, &error));
        }
        if let Some(status) = told.status
            && let Some((_, rest)) = status.split_once("digest: ")
        {
            digest = rest.split_whitespace().next().map(str::to_owned);
        }
    }
    sink(Event::Pushed { uri: uri.to_owned(), digest: digest.clone() });
    Ok(digest)
}

/// A push that was refused, and what to do.
pub(crate) fn refused(uri: &str, engine: &Engine, message: &str) -> BuildError {
    let registry = Reference::parse(uri).map_or_else(|| uri.to_owned(), |r| r.registry);
    let login = match engine.kind {
        Kind::Docker => format!("docker login {registry}"),
        Kind::Podman => format!("podman login {registry}"),
    };
    let advice = match known::explain(&[], message) {
        Some(known) if known.message == known::NOT_LET_IN => {
            format!("log in ({login}) as somebody who may push there, and check the repository's name")
        }
        Some(known) => known.advice,
        None => {
            format!("check that {registry} is a registry and is up; --no-push keeps the image in the engine")
        }
    };
    BuildError::Push { uri: uri.to_owned(), message: message.trim().to_owned(), advice }
}
