//! Who the user is to a registry: docker's `config.json` with its helpers and stores, and Podman's `auth.json`.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use bollard::auth::DockerCredentials;
use docker_credential::{CredentialRetrievalError, DockerCredential, get_credential_from_reader};

use crate::engine::Kind;
use crate::error::BuildError;
use crate::surroundings::Surroundings;

/// Proof of who somebody is.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Login {
    /// A name and a password.
    Basic(String, String),
    /// A token that stands for both.
    Token(String),
}

impl std::fmt::Debug for Login {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Basic(..) => "Basic",
            Self::Token(_) => "Token",
        })
    }
}

impl Login {
    /// As the engine's API takes it.
    pub(crate) fn for_api(self, registry: &str) -> DockerCredentials {
        let serveraddress = Some(registry.to_owned());
        match self {
            Self::Basic(username, password) => DockerCredentials {
                username: Some(username),
                password: Some(password),
                serveraddress,
                ..DockerCredentials::default()
            },
            Self::Token(token) => DockerCredentials {
                identitytoken: Some(token),
                serveraddress,
                ..DockerCredentials::default()
            },
        }
    }
}

/// The name under which docker keeps credentials for its own registry.
const DOCKER_HUB: &str = "https://index.docker.io/v1/";

/// Credentials, looked up when somebody asks: helpers are programs that may ask the user.
#[derive(Debug, Clone)]
pub(crate) struct Credentials {
    files: Arc<Vec<PathBuf>>,
    known: Arc<Mutex<HashMap<String, Option<Login>>>>,
}

impl Credentials {
    /// Those that an engine's own client would use.
    pub(crate) fn new(kind: Kind, around: &Surroundings) -> Self {
        let docker = around.docker_config().map(|folder| folder.join("config.json"));
        let files = match kind {
            Kind::Docker => docker.into_iter().collect(),
            Kind::Podman => podman_files(around).into_iter().chain(docker).collect(),
        };
        Self { files: Arc::new(files), known: Arc::default() }
    }

    /// The credentials for a registry; the user has none for most.
    ///
    /// # Errors
    /// [`BuildError::Credentials`] for a helper that fails and a file that is damaged.
    pub(crate) async fn of(&self, registry: &str) -> Result<Option<Login>, BuildError> {
        let lock = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(registry) {
            return Ok(known.clone());
        }
        let (files, asked) = (Arc::clone(&self.files), registry.to_owned());
        // Helpers are programs of their own.
        let found = tokio::task::spawn_blocking(move || look_up(&files, &asked)).await;
        let wrong = |message| BuildError::Credentials { registry: registry.to_owned(), message };
        let found = found.map_err(|e| wrong(e.to_string()))?.map_err(wrong)?;
        lock().insert(registry.to_owned(), found.clone());
        Ok(found)
    }
}

/// Where Podman keeps credentials. Source: containers-auth.json(5).
fn podman_files(around: &Surroundings) -> Vec<PathBuf> {
    if let Some(file) = around.variable("REGISTRY_AUTH_FILE") {
        return vec![PathBuf::from(file)];
    }
    let runtime = around.variable("XDG_RUNTIME_DIR").map(|d| PathBuf::from(d).join("containers/auth.json"));
    // Root has no folder of its own there.
    let root = Some(PathBuf::from("/run/containers/0/auth.json"))
        .filter(|_| around.variable("XDG_RUNTIME_DIR").is_none());
    let home = around.home().map(|h| h.join(".config/containers/auth.json"));
    [runtime, root, home].into_iter().flatten().collect()
}

/// The names under which credentials for a registry may be kept, and the more particular ones first.
fn keys(registry: &str) -> Vec<String> {
    let (host, path) = registry.split_once('/').unwrap_or((registry, ""));
    if ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"].contains(&host) {
        return vec![DOCKER_HUB.to_owned(), "docker.io".to_owned()];
    }
    let mut keys = Vec::new();
    let mut below: Vec<&str> = path.split('/').filter(|p| !p.is_empty()).collect();
    while !below.is_empty() {
        keys.push(format!("{host}/{}", below.join("/")));
        below.pop();
    }
    keys.push(host.to_owned());
    keys
}

fn look_up(files: &[PathBuf], registry: &str) -> Result<Option<Login>, String> {
    for file in files {
        let Ok(bytes) = std::fs::read(file) else { continue };
        for key in keys(registry) {
            match get_credential_from_reader(bytes.as_slice(), &key) {
                Ok(DockerCredential::IdentityToken(token)) => return Ok(Some(Login::Token(token))),
                Ok(DockerCredential::UsernamePassword(name, password)) => {
                    return Ok(Some(Login::Basic(name, password)));
                }
                Err(CredentialRetrievalError::NoCredentialConfigured) => {}
                // Helpers say so when they have none.
                Err(CredentialRetrievalError::HelperFailure { ref stdout, ref stderr, .. })
                    if format!("{stdout}{stderr}").contains("not found") => {}
                Err(error) => return Err(format!("{}: {error}", file.display())),
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{around, folder};

    #[test]
    fn each_kind_of_entry_is_read() {
        let folder = folder("credentials");
        let config = folder.join("config.json");
        // me:p~>?
        std::fs::write(
            &config,
            r#"{"auths": {"localhost:5000": {"auth": "bWU6cH4+Pw=="}, "https://ghcr.io": {"auth": "YTpi"},
                "quay.io/acme": {"auth": "cTpx"}, "token.io": {"auth": "", "identitytoken": "t"},
                "https://index.docker.io/v1/": {"auth": "aDpo"}},
                "credHelpers": {"gone.io": "does-not-exist"}}"#,
        )
        .expect("written");
        let found = |registry: &str| look_up(std::slice::from_ref(&config), registry);
        let basic = |name: &str, password: &str| Ok(Some(Login::Basic(name.into(), password.into())));
        assert_eq!(found("localhost:5000"), basic("me", "p~>?"));
        assert_eq!(found("ghcr.io/acme"), basic("a", "b"));
        assert_eq!(found("quay.io/acme/x"), basic("q", "q"));
        assert_eq!(found("registry-1.docker.io"), basic("h", "h"));
        assert_eq!(found("token.io"), Ok(Some(Login::Token("t".into()))));
        assert_eq!(found("elsewhere.io"), Ok(None));
        assert!(found("gone.io").is_err_and(|e| e.contains("config.json")));
    }

    #[test]
    fn podman_looks_into_its_own_file_first() {
        let podman =
            Credentials::new(Kind::Podman, &around(&[("REGISTRY_AUTH_FILE", "/a"), ("DOCKER_CONFIG", "/d")]));
        assert_eq!(*podman.files, [PathBuf::from("/a"), PathBuf::from("/d/config.json")]);
        let docker = Credentials::new(Kind::Docker, &around(&[("DOCKER_CONFIG", "/d")]));
        assert_eq!(*docker.files, [PathBuf::from("/d/config.json")]);
    }
}
