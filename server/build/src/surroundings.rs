//! What the process knows of itself, read once by whoever calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The process's surroundings: nothing in this crate reads them on its own.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// The working directory.
    pub current_directory: PathBuf,
    /// The permissions that new files and folders do not get.
    pub umask: u32,
    /// The time at which the build begins: that of the files that exist in memory alone.
    pub now: SystemTime,
}

impl Surroundings {
    /// A variable that is set and not empty.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The home directory.
    #[must_use]
    pub fn home(&self) -> Option<PathBuf> {
        self.variable("HOME").or_else(|| self.variable("USERPROFILE")).map(PathBuf::from)
    }

    /// Where docker's client keeps its configuration.
    #[must_use]
    pub fn docker_config(&self) -> Option<PathBuf> {
        match self.variable("DOCKER_CONFIG") {
            Some(folder) => Some(PathBuf::from(folder)),
            None => self.home().map(|home| home.join(".docker")),
        }
    }

    /// docker's configuration, as far as it is there and is JSON.
    pub(crate) fn docker_settings(&self) -> serde_json::Value {
        let read = |folder: PathBuf| std::fs::read(folder.join("config.json")).ok();
        self.docker_config()
            .and_then(read)
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default()
    }

    /// Whether a program is on PATH.
    #[must_use]
    pub fn has_program(&self, name: &str) -> bool {
        let path = self.variable("PATH").unwrap_or_default();
        std::env::split_paths(path).any(|folder| Path::new(&folder).join(name).is_file())
    }
}
