//! The packages of an environment, by the metadata that installers leave.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use image_manifests::fs::{FileSystem, Metadata as FileMetadata};
use image_manifests::pins::normalised;

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// Its version, by the name of the folder with its metadata.
    pub version: String,
    /// The folder with its metadata.
    pub folder: PathBuf,
}

/// What a package says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Its name as it writes it.
    pub name: String,
    /// One line on what it is.
    pub summary: String,
    /// Its pages: what each is, and its address. The home page is the first.
    pub links: Vec<(String, String)>,
    /// Its extras in their normal form.
    pub extras: Vec<String>,
}

/// The packages of a search path, by name in normal form.
pub type Packages = BTreeMap<String, Package>;

/// What each folder of a search path was when it was looked at, and what was in it.
type Seen = (Vec<Option<FileMetadata>>, Arc<Packages>);

/// What is known of environments. It is looked up again when a folder changes.
#[derive(Debug, Default)]
pub struct PackageCache {
    packages: Mutex<HashMap<Vec<PathBuf>, Seen>>,
    metadata: Mutex<HashMap<PathBuf, Arc<Metadata>>>,
}

impl PackageCache {
    /// The packages of a search path; of several with one name the first.
    pub fn packages(&self, search_path: &[PathBuf], fs: &dyn FileSystem) -> Arc<Packages> {
        let stamps: Vec<_> = search_path.iter().map(|folder| fs.metadata(folder).ok()).collect();
        let mut known = self.packages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((before, packages)) = known.get(search_path)
            && *before == stamps
        {
            return Arc::clone(packages);
        }
        let packages = Arc::new(find(search_path, fs));
        known.insert(search_path.to_vec(), (stamps, Arc::clone(&packages)));
        packages
    }

    /// What a package says of itself.
    pub fn metadata(&self, package: &Package, fs: &dyn FileSystem) -> Arc<Metadata> {
        let mut known = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
        let read = || Arc::new(read(&fs.read_text(&package.folder.join("METADATA")).unwrap_or_default()));
        Arc::clone(known.entry(package.folder.clone()).or_insert_with(read))
    }
}

fn find(search_path: &[PathBuf], fs: &dyn FileSystem) -> Packages {
    let mut packages = Packages::new();
    for folder in search_path {
        for entry in fs.read_dir(folder).unwrap_or_default().into_iter().filter_map(|e| e.name) {
            let Some((name, version)) = entry.strip_suffix(".dist-info").and_then(|e| e.split_once('-'))
            else {
                continue;
            };
            let package = Package { version: version.to_owned(), folder: folder.join(&entry) };
            packages.entry(normalised(name)).or_insert(package);
        }
    }
    packages
}

/// Reads a METADATA file. Source: the core metadata specifications, version 2.4.
fn read(text: &str) -> Metadata {
    let mut metadata = Metadata::default();
    let mut home = None;
    for line in text.lines().take_while(|line| !line.is_empty()) {
        let Some((key, value)) = line.split_once(": ") else { continue };
        let value = value.trim();
        match key {
            "Name" => metadata.name = value.to_owned(),
            "Summary" => metadata.summary = value.to_owned(),
            "Home-page" if is_page(value) => home = Some(("Homepage".to_owned(), value.to_owned())),
            "Provides-Extra" => metadata.extras.push(normalised(value)),
            "Project-URL" => {
                if let Some((label, address)) = value.split_once(',').filter(|(_, a)| is_page(a.trim())) {
                    metadata.links.push((label.trim().to_owned(), address.trim().to_owned()));
                }
            }
            _ => {}
        }
    }
    // What a project calls its page differs; the likeliest comes first.
    let rank = |label: &str| {
        let label: String = label.to_lowercase().chars().filter(char::is_ascii_alphanumeric).collect();
        ["homepage", "home", "documentation", "docs", "source", "sourcecode", "repository", "github"]
            .iter()
            .position(|l| *l == label)
            .unwrap_or(usize::MAX)
    };
    metadata.links.extend(home.filter(|(_, address)| !metadata.links.iter().any(|(_, a)| a == address)));
    metadata.links.sort_by_key(|(label, _)| rank(label));
    metadata
}

fn is_page(address: &str) -> bool {
    ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme))
        && !address.contains(char::is_whitespace)
}

/// The version of a package in a folder of packages.
#[must_use]
pub fn installed_version(folder: &Path, name: &str, fs: &dyn FileSystem) -> Option<String> {
    find(&[folder.to_owned()], fs).remove(name).map(|package| package.version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_manifests::fs::MemoryFileSystem;

    #[test]
    fn packages_tell_of_themselves() {
        let text = "Metadata-Version: 2.4\nName: HTTP_x\nVersion: 1.2\nSummary: A client.\nHome-page: https://example.org/\nProject-URL: Changelog, https://example.org/changes\nProject-URL: Source Code, https://example.org/source\nProvides-Extra: http2\nProvides-Extra: all_of\n\nSummary: no\n";
        let fs = MemoryFileSystem::default()
            .with("/s/http_x-1.2.dist-info/METADATA", text)
            .with("/s/x/__init__.py", "");
        let cache = PackageCache::default();
        let packages = cache.packages(&["/s".into(), "/none".into()], &fs);
        let package = &packages["http-x"];
        assert_eq!(package.version, "1.2");
        let metadata = cache.metadata(package, &fs);
        assert_eq!((metadata.name.as_str(), metadata.summary.as_str()), ("HTTP_x", "A client."));
        let labels: Vec<&str> = metadata.links.iter().map(|(label, _)| label.as_str()).collect();
        assert_eq!(labels, ["Homepage", "Source Code", "Changelog"]);
        assert_eq!(metadata.extras, ["http2", "all-of"]);
        assert_eq!(installed_version(Path::new("/s"), "http-x", &fs).as_deref(), Some("1.2"));
        assert!(Arc::ptr_eq(&packages, &cache.packages(&["/s".into(), "/none".into()], &fs)));
    }
}
