//! Which engine is used: the setting, else what docker's own client would take, else the sockets that are there.
//!
//! Source: docker CLI 28, `cli/command/cli.go` (host, then context) and `cli/context/store`; the sockets are those of
//! Docker Desktop, rootless docker, Rancher Desktop, Colima and Podman.

use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::host::{Host, Tls};
use crate::error::BuildError;
use crate::surroundings::Surroundings;

/// A way to an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where.
    pub host: Host,
    /// What names it, in words.
    pub because: String,
    /// Somebody named it: no other one is tried when it is not there.
    pub named: bool,
}

/// Which kind of engine is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// flyte's builder `local`.
    Docker,
    /// flyte's builder `local-podman`.
    Podman,
}

/// The ways to an engine, best first: one if it was named.
///
/// # Errors
/// [`BuildError::BadHost`] for an address that is none, [`BuildError::NoContext`] for a context that docker does not
/// have.
pub fn candidates(
    setting: Option<(&str, &str)>,
    wanted: Wanted,
    around: &Surroundings,
) -> Result<Vec<Candidate>, BuildError> {
    let named = |host, because: String| Ok(vec![Candidate { host, because, named: true }]);
    if let Some((text, source)) = setting {
        return named(Host::parse(text, tls_of_environment(text, around))?, source.to_owned());
    }
    if wanted == Wanted::Podman
        && let Some(text) = around.variable("CONTAINER_HOST")
    {
        return named(Host::parse(text, None)?, "the environment variable CONTAINER_HOST".to_owned());
    }
    if let Some(text) = around.variable("DOCKER_HOST") {
        let because = "the environment variable DOCKER_HOST".to_owned();
        return named(Host::parse(text, tls_of_environment(text, around))?, because);
    }
    if wanted == Wanted::Docker
        && let Some((context, source)) = context_name(around)
    {
        let host = of_context(&context, around)?;
        return named(host, format!("docker's context {context} ({source})"));
    }
    let sockets = sockets(wanted, around).into_iter();
    Ok(sockets
        .map(|(host, what)| Candidate { host, because: format!("the usual place of {what}"), named: false })
        .collect())
}

/// The context that docker would use, unless it is the default one.
fn context_name(around: &Surroundings) -> Option<(String, &'static str)> {
    let of_variable =
        around.variable("DOCKER_CONTEXT").map(|c| (c.to_owned(), "the environment variable DOCKER_CONTEXT"));
    let of_file = || {
        let settings = around.docker_settings();
        Some((settings.get("currentContext")?.as_str()?.to_owned(), "the current one"))
    };
    of_variable.or_else(of_file).filter(|(name, _)| !name.is_empty() && name != "default")
}

/// The engine of a context.
fn of_context(name: &str, around: &Surroundings) -> Result<Host, BuildError> {
    let missing = |reason: &str| BuildError::NoContext { name: name.to_owned(), reason: reason.to_owned() };
    let folder =
        around.docker_config().ok_or_else(|| missing("there is no home directory"))?.join("contexts");
    let id = Sha256::digest(name.as_bytes()).iter().map(|b| format!("{b:02x}")).collect::<String>();
    let file = folder.join("meta").join(&id).join("meta.json");
    let bytes = std::fs::read(&file).map_err(|_| missing(&format!("{} is not there", file.display())))?;
    let meta: Value =
        serde_json::from_slice(&bytes).map_err(|_| missing(&format!("{} is no JSON", file.display())))?;
    let endpoint = meta.pointer("/Endpoints/docker").cloned().unwrap_or_default();
    let host = endpoint.get("Host").and_then(Value::as_str).ok_or_else(|| missing("it names no engine"))?;
    let certificates = folder.join("tls").join(&id).join("docker");
    let insecure = endpoint.get("SkipTLSVerify").and_then(Value::as_bool).unwrap_or_default();
    let tls = (certificates.is_dir() || insecure)
        .then(|| Tls { folder: certificates.is_dir().then_some(certificates), insecure });
    Host::parse(host, tls.filter(|_| host.starts_with("tcp:")))
}

/// TLS as docker's variables ask for it.
fn tls_of_environment(host: &str, around: &Surroundings) -> Option<Tls> {
    if !host.starts_with("tcp:") && !host.starts_with("https:") {
        return None;
    }
    let verify = around.variable("DOCKER_TLS_VERIFY").is_some();
    if !verify && around.variable("DOCKER_TLS").is_none() {
        return None;
    }
    let folder = around.variable("DOCKER_CERT_PATH").map(PathBuf::from).or_else(|| around.docker_config());
    Some(Tls { folder, insecure: !verify })
}

/// The sockets that engines usually have.
fn sockets(wanted: Wanted, around: &Surroundings) -> Vec<(Host, &'static str)> {
    if cfg!(windows) {
        let pipe = |name: &str| Host::Pipe(format!("\\\\.\\pipe\\{name}"));
        return match wanted {
            Wanted::Docker => {
                vec![(pipe("docker_engine"), "docker"), (pipe("dockerDesktopLinuxEngine"), "Docker Desktop")]
            }
            Wanted::Podman => vec![(pipe("podman-machine-default"), "podman")],
        };
    }
    let runtime = around.variable("XDG_RUNTIME_DIR").map(Path::new);
    let home = around.home();
    let in_home = |path: &str| home.as_ref().map(|home| home.join(path));
    let podman = [
        (runtime.map(|r| r.join("podman/podman.sock")), "rootless podman"),
        (Some(PathBuf::from("/run/podman/podman.sock")), "podman"),
        (in_home(".local/share/containers/podman/machine/podman.sock"), "podman's machine"),
    ];
    let docker = [
        (Some(PathBuf::from("/var/run/docker.sock")), "docker"),
        (in_home(".docker/run/docker.sock"), "Docker Desktop"),
        (in_home(".docker/desktop/docker.sock"), "Docker Desktop"),
        (runtime.map(|r| r.join("docker.sock")), "rootless docker"),
        (in_home(".rd/docker.sock"), "Rancher Desktop"),
        (in_home(".colima/default/docker.sock"), "Colima"),
    ];
    let all: Vec<_> = match wanted {
        Wanted::Docker => docker.into_iter().chain(podman).collect(),
        Wanted::Podman => podman.into_iter().collect(),
    };
    all.into_iter().filter_map(|(path, what)| Some((Host::Unix(path?), what))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{around, folder};

    fn first(variables: &[(&str, &str)], wanted: Wanted) -> String {
        match candidates(None, wanted, &around(variables)) {
            Ok(found) => found.first().map(|c| format!("{} by {}", c.host, c.because)).unwrap_or_default(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn the_order_is_that_of_docker() {
        let config = folder("contexts");
        let id = Sha256::digest(b"far").iter().map(|b| format!("{b:02x}")).collect::<String>();
        let meta = config.join("contexts/meta").join(id);
        std::fs::create_dir_all(&meta).expect("a folder");
        std::fs::write(meta.join("meta.json"), r#"{"Endpoints": {"docker": {"Host": "ssh://me@far"}}}"#)
            .expect("written");
        std::fs::write(config.join("config.json"), r#"{"currentContext": "far"}"#).expect("written");
        let config = config.display().to_string();
        let config = ("DOCKER_CONFIG", config.as_str());
        let cases: [(&[(&str, &str)], &str); 6] = [
            (&[config], "ssh://me@far by docker's context far (the current one)"),
            (
                &[config, ("DOCKER_CONTEXT", "default")],
                "unix:///var/run/docker.sock by the usual place of docker",
            ),
            (&[config, ("DOCKER_HOST", "unix:///x")], "unix:///x by the environment variable DOCKER_HOST"),
            (
                &[("DOCKER_HOST", "tcp://h:1"), ("DOCKER_TLS_VERIFY", "1")],
                "tcp://h:1 (TLS) by the environment variable DOCKER_HOST",
            ),
            (&[config, ("DOCKER_CONTEXT", "gone")], "docker has no context gone"),
            (&[], "unix:///var/run/docker.sock by the usual place of docker"),
        ];
        for (variables, expected) in cases {
            let found = first(variables, Wanted::Docker);
            assert!(found.starts_with(expected), "{variables:?}: {found}");
        }
        assert_eq!(
            first(&[config], Wanted::Podman),
            "unix:///run/podman/podman.sock by the usual place of podman"
        );
    }

    #[test]
    fn a_setting_comes_first() {
        let around = around(&[("DOCKER_HOST", "unix:///x")]);
        let found =
            candidates(Some(("tcp://y", "--engine-host")), Wanted::Docker, &around).expect("an engine");
        assert_eq!((found.len(), found[0].host.to_string().as_str()), (1, "tcp://y:2375"));
        assert!(candidates(Some(("y", "--engine-host")), Wanted::Docker, &around).is_err());
    }
}
