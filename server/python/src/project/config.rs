//! flyte's configuration file, by flyte's own search order.
//!
//! Source: flyte 2.12.1, `resolve_config_path`: the files are looked for, but a path in UCTL_CONFIG or FLYTECTL_CONFIG
//! is taken without a look, and flyte fails when it is not there.

use std::path::{Path, PathBuf};

use image_manifests::flyte_config::{self, FlyteConfig};
use image_manifests::fs::FileSystem;

use super::{Ambient, Options};

/// A configuration file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFile {
    /// Where it is.
    pub path: PathBuf,
    /// Why it is this one.
    pub reason: String,
    /// What it says.
    pub content: FlyteConfig,
    /// The user names it.
    pub is_given: bool,
    /// An environment variable names it, and it is not there.
    pub is_missing: bool,
}

pub(super) fn find(
    working_directory: &Path,
    options: &Options,
    ambient: &Ambient,
    fs: &dyn FileSystem,
) -> Option<ConfigFile> {
    let read = |path: PathBuf, reason: &str| {
        let text = fs.read_text(&path);
        let is_missing = !fs.exists(&path);
        let content = text.map(|t| flyte_config::parse(&t)).unwrap_or_default();
        ConfigFile { path, reason: reason.to_owned(), content, is_given: false, is_missing }
    };
    if let Some(path) = &options.flyte_config {
        let found = read(ambient.current_directory.join(path), "it is the one given");
        return Some(ConfigFile { is_given: true, ..found });
    }
    let here = [
        (working_directory.join("config.yaml"), "it is in the working directory"),
        (working_directory.join(".flyte/config.yaml"), "it is in the working directory"),
    ];
    let git_root = working_directory.ancestors().find(|f| fs.exists(&f.join(".git")));
    let in_git = git_root.map(|root| (root.join(".flyte/config.yaml"), "it is in the git repository's root"));
    for (path, reason) in here.into_iter().chain(in_git) {
        if fs.exists(&path) {
            return Some(read(path, reason));
        }
    }
    for variable in ["UCTL_CONFIG", "FLYTECTL_CONFIG"] {
        if let Some(path) = ambient.variables.get(variable).filter(|v| !v.is_empty()) {
            return Some(read(working_directory.join(path), &format!("{variable} names it")));
        }
    }
    let home = PathBuf::from(ambient.variables.get("HOME")?);
    [".union/config.yaml", ".flyte/config.yaml"]
        .iter()
        .map(|name| home.join(name))
        .find(|path| fs.exists(path))
        .map(|path| read(path, "it is in the home directory"))
}

/// The configured registry and where it comes from. The environment variable wins, even when it is empty, and without
/// any file, too.
pub(super) fn registry(config: Option<&ConfigFile>, ambient: &Ambient) -> (Option<String>, Option<String>) {
    if let Some(registry) = ambient.variables.get("FLYTE_IMAGE_REGISTRY") {
        let source = Some("the environment variable FLYTE_IMAGE_REGISTRY".to_owned());
        return (Some(registry.clone()).filter(|r| !r.is_empty()), source);
    }
    match config {
        Some(config) => (config.content.registry.clone(), Some(config.path.display().to_string())),
        None => (None, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_manifests::fs::MemoryFileSystem;

    fn found(fs: &MemoryFileSystem, variables: &[(&str, &str)]) -> Option<String> {
        let ambient = Ambient {
            variables: variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            current_directory: "/w/sub".into(),
        };
        find(Path::new("/w/sub"), &Options::default(), &ambient, fs)
            .map(|c| format!("{}{}", c.path.display(), if c.is_missing { " missing" } else { "" }))
    }

    #[test]
    fn the_search_order_is_flytes() {
        let home = ("HOME", "/home/u");
        let mut fs = MemoryFileSystem::default().with("/w/.git/HEAD", "").with("/w/sub/x.py", "");
        assert_eq!(found(&fs, &[home]), None);
        fs = fs.with("/home/u/.flyte/config.yaml", "");
        assert_eq!(found(&fs, &[home]).as_deref(), Some("/home/u/.flyte/config.yaml"));
        assert_eq!(found(&fs, &[home, ("UCTL_CONFIG", "/nope.yaml")]).as_deref(), Some("/nope.yaml missing"));
        fs = fs.with("/w/.flyte/config.yaml", "");
        assert_eq!(
            found(&fs, &[home, ("UCTL_CONFIG", "/nope.yaml")]).as_deref(),
            Some("/w/.flyte/config.yaml")
        );
        fs = fs.with("/w/sub/config.yaml", "");
        assert_eq!(found(&fs, &[home]).as_deref(), Some("/w/sub/config.yaml"));
    }
}
