//! What tests of this crate share.

use std::path::PathBuf;
use std::time::SystemTime;

use crate::surroundings::Surroundings;

/// Surroundings with some variables and nothing else.
pub(crate) fn around(variables: &[(&str, &str)]) -> Surroundings {
    Surroundings {
        variables: variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        current_directory: PathBuf::from("/w"),
        umask: 0o022,
        now: SystemTime::UNIX_EPOCH,
    }
}

/// A fresh folder.
pub(crate) fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("image-build-{name}-{}", std::process::id()));
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}
