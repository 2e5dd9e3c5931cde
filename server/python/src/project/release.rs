//! Which release of flyte a project uses.

use std::path::Path;

use image_manifests::fs::FileSystem;
use image_model::release;

use super::Options;

/// Where the release comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseSource {
    /// The setting, or the command line.
    Setting,
    /// Metadata of the installed package.
    Environment,
    /// uv.lock
    Lock,
    /// A pinned requirement.
    Requirement,
    /// Nothing says: the newest known.
    Default,
}

impl ReleaseSource {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Setting => "setting",
            Self::Environment => "environment",
            Self::Lock => "lock",
            Self::Requirement => "requirement",
            Self::Default => "default",
        }
    }

    /// In words.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Setting => "as set",
            Self::Environment => "installed in the environment",
            Self::Lock => "locked in uv.lock",
            Self::Requirement => "required by the project",
            Self::Default => "the newest known: the project names none",
        }
    }
}

pub(super) fn find(
    folder: &Path,
    options: &Options,
    site_packages: Option<&Path>,
    project_root: Option<&Path>,
    fs: &dyn FileSystem,
) -> (String, ReleaseSource) {
    if let Some(version) = &options.flyte_version {
        return (version.clone(), ReleaseSource::Setting);
    }
    if let Some(version) = site_packages.and_then(|site| installed(site, fs)) {
        return (version, ReleaseSource::Environment);
    }
    let within = |f: &&Path| project_root.is_none_or(|root| f.starts_with(root));
    if let Some(version) = folder.ancestors().take_while(within).find_map(|f| locked(&f.join("uv.lock"), fs))
    {
        return (version, ReleaseSource::Lock);
    }
    let files = ["pyproject.toml", "requirements.txt"];
    let pinned = folder
        .ancestors()
        .take_while(within)
        .find_map(|f| files.iter().find_map(|n| required(&f.join(n), fs)));
    match pinned {
        Some(version) => (version, ReleaseSource::Requirement),
        None => (release::newest().to_owned(), ReleaseSource::Default),
    }
}

/// The version in the name of `flyte-X.dist-info`.
fn installed(site_packages: &Path, fs: &dyn FileSystem) -> Option<String> {
    let entries = fs.read_dir(site_packages).ok()?;
    entries.into_iter().find_map(|entry| {
        let name = entry.name?;
        let version = name.strip_prefix("flyte-")?.strip_suffix(".dist-info")?;
        Some(version.to_owned())
    })
}

fn locked(lock: &Path, fs: &dyn FileSystem) -> Option<String> {
    let text = fs.read_text(lock).ok()?;
    let (_, after) = text.split_once("\nname = \"flyte\"\n")?;
    let line = after.lines().next()?;
    Some(line.strip_prefix("version = \"")?.strip_suffix('"')?.to_owned())
}

/// `flyte==X` in a file, as a word of its own.
fn required(file: &Path, fs: &dyn FileSystem) -> Option<String> {
    let text = fs.read_text(file).ok()?;
    text.split(['"', '\'', '\n', ',']).find_map(|word| {
        let word: String = word.split(['#', ';']).next()?.chars().filter(|c| !c.is_whitespace()).collect();
        let version = word.strip_prefix("flyte==")?;
        let plain = !version.is_empty() && version.chars().all(|c| c.is_ascii_alphanumeric() || c == '.');
        plain.then(|| version.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_manifests::fs::MemoryFileSystem;

    #[test]
    fn installed_before_locked_before_required() {
        let fs = MemoryFileSystem::default()
            .with("/p/requirements.txt", "httpx\nflyte == 2.12.0  # pinned\n")
            .with("/p/x.py", "");
        let find =
            |fs: &MemoryFileSystem, site| super::find(Path::new("/p"), &Options::default(), site, None, fs);
        assert_eq!(find(&fs, None), ("2.12.0".into(), ReleaseSource::Requirement));
        let fs = fs.with("/p/uv.lock", "[[package]]\nname = \"flyte\"\nversion = \"2.11.4\"\n");
        assert_eq!(find(&fs, None), ("2.11.4".into(), ReleaseSource::Lock));
        let fs = fs.with("/s/flyte-2.12.1.dist-info/METADATA", "");
        assert_eq!(find(&fs, Some(Path::new("/s"))), ("2.12.1".into(), ReleaseSource::Environment));
        let empty = MemoryFileSystem::default();
        assert_eq!(find(&empty, None), (release::newest().into(), ReleaseSource::Default));
    }
}
