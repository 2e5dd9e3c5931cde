//! The flyte that is installed in an environment, found by looking at files: nothing is run.
//!
//! Python takes the first `flyte` package on its search path; so does this. Its version is the one that flyte itself
//! prints, and what it does is decided by its files (`image_model::release::Fingerprint`).

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use image_manifests::fs::FileSystem;
use image_model::release::{DECISIVE, Fingerprint, Release};

/// An installed flyte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// What it is and does.
    pub release: Release,
    /// The folder that holds the package's folder.
    pub site: PathBuf,
    /// It is used from its source folder, to which an environment points.
    pub is_editable: bool,
    /// What else was seen, and why it was not taken.
    pub notes: Vec<String>,
}

/// The installations and locks looked at so far: each is read once, and again when a stamp of its files changes.
#[derive(Debug, Default)]
pub struct Installations {
    known: Mutex<HashMap<PathBuf, Seen>>,
    locks: Mutex<HashMap<PathBuf, (Stamp, Vec<String>)>>,
}

/// An installation, with the stamps of its files when it was read.
type Seen = (Vec<Stamp>, Arc<Installed>);

/// What changes when a file is changed or replaced; `None` for a file that is not there.
type Stamp = Option<(u64, SystemTime, Option<(u64, i64)>)>;

/// `Err` for what has no time, like an editor's buffer: it is read every time.
fn stamp(path: &Path, fs: &dyn FileSystem) -> Result<Stamp, ()> {
    match fs.metadata(path) {
        Ok(metadata) => Ok(Some((metadata.len, metadata.modified.ok_or(())?, metadata.identity))),
        Err(_) => Ok(None),
    }
}

impl Installations {
    /// The first flyte on a search path. What was seen without being one is added to the notes.
    pub fn find(
        &self,
        search_path: &[PathBuf],
        notes: &mut Vec<String>,
        fs: &dyn FileSystem,
    ) -> Option<Arc<Installed>> {
        let located = search_path.iter().find_map(|folder| {
            if is_package(folder, fs) {
                return Some((folder.clone(), false));
            }
            if let Err(error) = fs.read_dir(folder) {
                notes.push(format!("{} cannot be read: {error}", folder.display()));
                return None;
            }
            if fs.is_dir(&folder.join("flyte")) {
                let shown = folder.join("flyte");
                notes.push(format!("{} is no installed flyte: it has no __init__.py", shown.display()));
            }
            let linked = linked_folders(folder, fs).into_iter().find(|linked| is_package(linked, fs));
            if let Some(linked) = linked {
                return Some((linked, true));
            }
            if let Some(version) = metadata_version(folder, fs).first() {
                let shown = folder.display();
                notes.push(format!("{shown} has the metadata of flyte {version}, but not flyte itself"));
            }
            None
        });
        let (site, is_editable) = located?;
        Some(self.look_at(site, is_editable, fs))
    }

    fn look_at(&self, site: PathBuf, is_editable: bool, fs: &dyn FileSystem) -> Arc<Installed> {
        let Ok(stamps) = stamps(&site, fs) else { return Arc::new(read(&site, is_editable, fs)) };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, installed)) = known.get(&site)
            && *before == stamps
        {
            return Arc::clone(installed);
        }
        let installed = Arc::new(read(&site, is_editable, fs));
        known.insert(site, (stamps, Arc::clone(&installed)));
        installed
    }

    /// The versions that a lock names, as `read` finds them in its text; none where it is not there.
    pub(super) fn locked(
        &self,
        lock: &Path,
        read: impl Fn(&str) -> Vec<String>,
        fs: &dyn FileSystem,
    ) -> Vec<String> {
        let look = || fs.read_text(lock).map(|text| read(&text)).unwrap_or_default();
        let Ok(stamp) = stamp(lock, fs) else { return look() };
        if stamp.is_none() {
            return Vec::new();
        }
        let mut known = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, versions)) = known.get(lock)
            && *before == stamp
        {
            return versions.clone();
        }
        let versions = look();
        known.insert(lock.to_owned(), (stamp, versions.clone()));
        versions
    }
}

fn is_package(folder: &Path, fs: &dyn FileSystem) -> bool {
    fs.is_file(&folder.join("flyte/__init__.py"))
}

/// The stamps of all files that [`read`] reads, and of the folder that holds the metadata.
fn stamps(site: &Path, fs: &dyn FileSystem) -> Result<Vec<Stamp>, ()> {
    let package = site.join("flyte");
    let own = [site.to_owned(), package.join("_version.py")];
    let decisive = DECISIVE.iter().map(|file| package.join(file));
    own.into_iter().chain(decisive).map(|path| stamp(&path, fs)).collect()
}

fn read(site: &Path, is_editable: bool, fs: &dyn FileSystem) -> Installed {
    let package = site.join("flyte");
    let mut notes = Vec::new();
    let fingerprint = Fingerprint::of(|file| fs.read(&package.join(file)).ok());
    let metadata = metadata_version(site, fs);
    if let [first, second, ..] = metadata.as_slice() {
        notes.push(format!("{} has the metadata of flyte {first} and of {second}", site.display()));
    }
    let own = fs.read_text(&package.join("_version.py"));
    let version = match (own.ok().as_deref().and_then(own_version), metadata.first()) {
        (Some(own), other) => {
            if let Some(other) = other.filter(|other| !metadata.contains(&own) && **other != own) {
                notes.push(format!("the metadata says flyte {other}, flyte itself {own}"));
            }
            own
        }
        (None, Some(metadata)) => {
            notes.push("flyte's _version.py cannot be read: the version is that of the metadata".to_owned());
            metadata.clone()
        }
        (None, None) => {
            notes.push("neither flyte's _version.py nor metadata tells the version".to_owned());
            "unknown".to_owned()
        }
    };
    Installed {
        release: Release::installed(&version, &fingerprint),
        site: site.to_owned(),
        is_editable,
        notes,
    }
}

/// `__version__` as flyte's `_version.py` sets it.
fn own_version(text: &str) -> Option<String> {
    text.lines().find_map(|line| {
        let (target, value) = line.split_once('=')?;
        let value = value.rsplit('=').next()?.trim();
        if !matches!(target.trim(), "__version__" | "version") {
            return None;
        }
        let quote = value.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let version = value.strip_prefix(quote)?.strip_suffix(quote)?;
        (!version.is_empty()).then(|| version.to_owned())
    })
}

/// The versions that `flyte-*.dist-info` (or `.egg-info`) folders tell, by their METADATA or else by their names.
fn metadata_version(site: &Path, fs: &dyn FileSystem) -> Vec<String> {
    let mut versions = Vec::new();
    for name in fs.read_dir(site).unwrap_or_default().into_iter().filter_map(|entry| entry.name) {
        let Some(rest) = name.strip_prefix("flyte-") else { continue };
        let (file, by_name) = if let Some(version) = rest.strip_suffix(".dist-info") {
            ("METADATA", version)
        } else if let Some(rest) = rest.strip_suffix(".egg-info") {
            ("PKG-INFO", rest.split("-py").next().unwrap_or(rest))
        } else {
            continue;
        };
        let text = fs.read_text(&site.join(&name).join(file)).unwrap_or_default();
        let header = text.lines().take_while(|line| !line.is_empty());
        let told =
            header.filter_map(|line| line.strip_prefix("Version:")).next().map(|v| v.trim().to_owned());
        versions.push(told.filter(|v| !v.is_empty()).unwrap_or_else(|| by_name.to_owned()));
    }
    versions.sort();
    versions
}

/// The folders to which `.pth` files point, in Python's order, and those of setuptools' finders for flyte.
fn linked_folders(site: &Path, fs: &dyn FileSystem) -> Vec<PathBuf> {
    let mut names: Vec<String> =
        fs.read_dir(site).unwrap_or_default().into_iter().filter_map(|entry| entry.name).collect();
    names.retain(|name| name.ends_with(".pth"));
    names.sort();
    let (mut folders, mut finders) = (Vec::new(), Vec::new());
    for name in names {
        let text = fs.read_text(&site.join(name)).unwrap_or_default();
        for line in text.lines().map(str::trim_end) {
            if let Some(import) = line.strip_prefix("import ").or_else(|| line.strip_prefix("import\t")) {
                let module = import.split([';', ' ', ',']).next().unwrap_or_default();
                if module.starts_with("__editable___flyte_") {
                    finders.push(site.join(format!("{module}.py")));
                }
            } else if !line.is_empty() && !line.starts_with('#') {
                folders.push(normalised(&site.join(line)));
            }
        }
    }
    // A finder is asked only after all folders.
    folders.extend(finders.iter().filter_map(|finder| mapped(&fs.read_text(finder).ok()?)));
    folders
}

/// `os.path.normpath`: Python adds such folders without following links.
fn normalised(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

/// The folder of the package in a finder's `MAPPING = {'flyte': '/src/flyte'}`.
fn mapped(finder: &str) -> Option<PathBuf> {
    let mapping = finder.lines().find(|line| line.starts_with("MAPPING"))?;
    let (_, after) = mapping.split_once("'flyte':").or_else(|| mapping.split_once("\"flyte\":"))?;
    let after = after.trim_start();
    let quote = after.chars().next().filter(|c| matches!(c, '\'' | '"'))?;
    let path = after[1..].split(quote).next()?;
    Path::new(path).parent().map(Path::to_path_buf)
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use image_manifests::fs::MemoryFileSystem;
    use image_model::release::{Coverage, newest};

    const SITE: &str = "/v/lib/python3.11/site-packages";

    fn fs(files: &[(&str, &str)]) -> MemoryFileSystem {
        files.iter().fold(MemoryFileSystem::default(), |fs, (path, content)| fs.with(*path, *content))
    }

    fn found(fs: &MemoryFileSystem) -> (Option<Arc<Installed>>, Vec<String>) {
        let mut notes = Vec::new();
        let found = Installations::default().find(&[SITE.into(), "/usr/site".into()], &mut notes, fs);
        (found, notes)
    }

    #[test]
    fn flyte_itself_tells_its_version() {
        let fs = fs(&[
            ("/v/lib/python3.11/site-packages/flyte/__init__.py", ""),
            ("/v/lib/python3.11/site-packages/flyte/_version.py", "__version__ = version = '2.5.2'\n"),
            (
                "/v/lib/python3.11/site-packages/flyte-2.5.1.dist-info/METADATA",
                "Name: flyte\nVersion: 2.5.1\n",
            ),
        ]);
        let (installed, notes) = found(&fs);
        let installed = installed.expect("flyte");
        assert_eq!((installed.release.version.as_str(), installed.release.acts_as), ("2.5.2", "2.5.2"));
        assert!(matches!(&installed.release.coverage, Coverage::Modified(files) if files.len() > 9));
        assert_eq!(installed.notes, ["the metadata says flyte 2.5.1, flyte itself 2.5.2"]);
        assert!(notes.is_empty());
    }

    #[test]
    fn what_is_broken_is_passed_over_and_told() {
        let fs = fs(&[
            ("/v/lib/python3.11/site-packages/flyte/left_over.txt", ""),
            ("/v/lib/python3.11/site-packages/flyte-2.5.1.dist-info/RECORD", ""),
            ("/usr/site/flyte/__init__.py", ""),
            ("/usr/site/flyte/_version.py", "broken"),
            ("/usr/site/flyte-2.4.0.dist-info/METADATA", "Version: 2.4.0\n\nVersion: 9\n"),
            ("/usr/site/flyte-3.0.0.dist-info/METADATA", ""),
        ]);
        let (installed, notes) = found(&fs);
        let installed = installed.expect("flyte");
        assert_eq!(installed.release.version, "2.4.0");
        assert_eq!(installed.site, Path::new("/usr/site"));
        assert_eq!(
            notes,
            [
                format!("{SITE}/flyte is no installed flyte: it has no __init__.py"),
                format!("{SITE} has the metadata of flyte 2.5.1, but not flyte itself"),
            ]
        );
        assert_eq!(
            installed.notes,
            [
                "/usr/site has the metadata of flyte 2.4.0 and of 3.0.0",
                "flyte's _version.py cannot be read: the version is that of the metadata",
            ]
        );
    }

    /// A file system of which one folder cannot be read.
    struct Locked(MemoryFileSystem, &'static str);

    impl FileSystem for Locked {
        fn open(&self, path: &Path) -> io::Result<Box<dyn io::Read + '_>> {
            self.check(path).and_then(|()| self.0.open(path))
        }
        fn metadata(&self, path: &Path) -> io::Result<image_manifests::fs::Metadata> {
            // The folder itself can be seen from outside.
            if path == Path::new(self.1) {
                self.0.metadata(path)
            } else {
                self.check(path).and_then(|()| self.0.metadata(path))
            }
        }
        fn read_dir(&self, path: &Path) -> io::Result<Vec<image_manifests::fs::DirEntry>> {
            self.check(path).and_then(|()| self.0.read_dir(path))
        }
        fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
            self.check(path).and_then(|()| self.0.canonicalize(path))
        }
    }

    impl Locked {
        fn check(&self, path: &Path) -> io::Result<()> {
            if path.starts_with(self.1) { Err(io::ErrorKind::PermissionDenied.into()) } else { Ok(()) }
        }
    }

    #[test]
    fn an_unreadable_folder_is_told() {
        let files = fs(&[
            ("/v/lib/python3.11/site-packages/flyte/__init__.py", ""),
            ("/usr/site/flyte/__init__.py", ""),
            ("/usr/site/flyte/_version.py", "__version__ = '2.4.0'\n"),
        ]);
        let mut notes = Vec::new();
        let search_path = [SITE.into(), "/usr/site".into()];
        let found = Installations::default().find(&search_path, &mut notes, &Locked(files, SITE));
        assert_eq!(found.map(|i| i.release.version.clone()).as_deref(), Some("2.4.0"));
        assert_eq!(notes, [format!("{SITE} cannot be read: permission denied")]);
    }

    #[test]
    fn editable_installs_are_followed() {
        let source: &[(&str, &str)] = &[
            ("/src/flyte/__init__.py", ""),
            ("/src/flyte/_version.py", "version = \"2.99.0.dev3+g1234\"\n__version__ = version\n"),
        ];
        for link in [
            vec![("/v/lib/python3.11/site-packages/_flyte.pth", "# c\n/nowhere\n/src\n")],
            vec![("/v/lib/python3.11/site-packages/__editable__.flyte-2.pth", "../../../../src\n")],
            vec![
                (
                    "/v/lib/python3.11/site-packages/__editable__.flyte-2.pth",
                    "import __editable___flyte_2_finder; __editable___flyte_2_finder.install()\n",
                ),
                (
                    "/v/lib/python3.11/site-packages/__editable___flyte_2_finder.py",
                    "MAPPING: dict[str, str] = {'flyteplugins': '/x', 'flyte': '/src/flyte'}\n",
                ),
            ],
        ] {
            let (installed, _) = found(&fs(&[source, &link].concat()));
            let installed = installed.expect("flyte");
            assert!(installed.is_editable, "{link:?}");
            assert_eq!(installed.release.version, "2.99.0.dev3+g1234");
            assert_eq!(
                (&installed.release.coverage, installed.release.acts_as),
                (&Coverage::Newer, newest())
            );
        }
    }
}
