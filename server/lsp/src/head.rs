//! The images of the last commit, to say what a change rebuilds.
//!
//! Git is asked for facts only (`rev-parse`, `diff-index`, `ls-files`, `cat-file`), with hooks, monitors and prompts off
//! and without locks. What the last commit has is what a checkout of it would have: changed files come from git, files
//! that git does not know are not there, unchanged and ignored ones are those on the disk. All of it runs behind the
//! typist's back.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsStr;
use std::io::{self, Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use image_manifests::fs::{DirEntry, FileSystem, Kind, Metadata, OsFileSystem};
use image_model::folders::Handle;
use image_python::evaluate::Sources;
use image_python::inspect::{ImageReport, Variant};
use image_python::notebook::Notebooks;

use crate::folders::{FolderCache, Reading};
use crate::state::{State, lock};

/// How long nobody looks whether there is another commit.
const FRESH: Duration = Duration::from_secs(1);

/// The images of a file in the last commit.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// `None`: the file is not in it.
    images: Option<Vec<HeadImage>>,
}

#[derive(Debug)]
struct HeadImage {
    names: Vec<String>,
    uri: Option<String>,
    layers: Vec<(Option<&'static str>, Option<String>)>,
}

/// What a change does to an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Impact {
    /// The last commit gives the same address.
    Same,
    /// The last commit has no such image.
    New,
    /// Every layer is the same; the image has another name or registry.
    Renamed,
    /// The tag is another one from a layer on: its number, one-based, and its method.
    From(usize, Option<&'static str>),
    /// Layers at the end are gone; so many are left.
    Shorter(usize),
}

struct Entry {
    head: Option<Arc<Head>>,
    git: Option<PathBuf>,
    state: Vec<Option<Metadata>>,
    looked: Instant,
}

/// The images of the last commit, by file.
#[derive(Default)]
pub(crate) struct Heads {
    entries: Mutex<HashMap<PathBuf, Entry>>,
    /// Folders as the last commit has them.
    folders: Arc<FolderCache>,
}

impl Heads {
    /// What is known of a file; `None` where nothing is, or the file is in no repository.
    pub(crate) fn get(&self, path: &Path) -> Option<Arc<Head>> {
        lock(&self.entries).get(path).and_then(|e| e.head.clone())
    }

    /// Whether it has to be looked at again.
    pub(crate) fn is_old(&self, path: &Path) -> bool {
        let mut entries = lock(&self.entries);
        let Some(entry) = entries.get_mut(path) else { return true };
        if entry.looked.elapsed() < FRESH {
            return false;
        }
        let is_old = entry.git.as_deref().is_some_and(|git| state_of(git) != entry.state);
        if !is_old {
            entry.looked = Instant::now();
        }
        is_old
    }

    /// Looks again at everything that is asked for.
    pub(crate) fn look_again(&self) {
        lock(&self.entries).retain(|_, e| e.head.is_some());
        for entry in lock(&self.entries).values_mut() {
            entry.state.clear();
            entry.looked = entry.looked.checked_sub(FRESH).unwrap_or(entry.looked);
        }
    }

    pub(crate) fn forget(&self, path: &Path) {
        lock(&self.entries).remove(path);
    }

    /// Reads the last commit's images of a file. Whether they are others than before. Takes long.
    pub(crate) fn read(&self, path: &Path, state: &State) -> bool {
        let repository = Repository::of(path);
        let git = repository.as_ref().map(|r| r.git.clone());
        let before = git.as_deref().map(state_of).unwrap_or_default();
        let head = repository.and_then(|r| r.head(path, state)).map(Arc::new);
        let entry = Entry { head, git, state: before, looked: Instant::now() };
        let shown = |e: Option<&Entry>| format!("{:?}", e.and_then(|e| e.head.clone()));
        let mut entries = lock(&self.entries);
        let changed = shown(entries.get(path)) != shown(Some(&entry));
        entries.insert(path.to_owned(), entry);
        changed
    }
}

/// What tells that there is another commit, or that files were staged or checked out.
fn state_of(git: &Path) -> Vec<Option<Metadata>> {
    ["HEAD", "logs/HEAD", "index"].iter().map(|name| OsFileSystem.metadata(&git.join(name)).ok()).collect()
}

impl Head {
    /// What the change since the last commit does to an image; `None` where a tag is not known.
    pub(crate) fn impact(&self, image: &ImageReport) -> Option<Impact> {
        let Some(images) = &self.images else { return Some(Impact::New) };
        let Some(then) = images.iter().find(|i| i.names.iter().any(|n| image.names.contains(n))) else {
            return (!image.names.is_empty()).then_some(Impact::New);
        };
        let now = image.variants.first()?;
        let (uri, then_uri) = (now.uri.as_ref()?, then.uri.as_ref()?);
        if uri == then_uri {
            return Some(Impact::Same);
        }
        let layers = layers_of(now);
        let differs = |(a, b): (&(_, Option<String>), &(_, Option<String>))| a.1 != b.1;
        match layers.iter().zip(&then.layers).position(differs) {
            Some(at) => Some(Impact::From(at + 1, layers[at].0)),
            None if layers.len() > then.layers.len() => {
                Some(Impact::From(then.layers.len() + 1, layers[then.layers.len()].0))
            }
            None if layers.len() < then.layers.len() => Some(Impact::Shorter(layers.len())),
            None => Some(Impact::Renamed),
        }
    }
}

impl Impact {
    /// In words, for a person.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Same => "same tag as in HEAD".to_owned(),
            Self::New => "not in HEAD".to_owned(),
            Self::Renamed => "address changed since HEAD, all layers are the same".to_owned(),
            Self::From(number, Some(method)) => {
                format!("tag changed since HEAD, from layer {number} ({method}) on")
            }
            Self::From(number, None) => format!("tag changed since HEAD, from layer {number} on"),
            Self::Shorter(0) => "tag changed since HEAD: it has no layers any more".to_owned(),
            Self::Shorter(left) => format!("tag changed since HEAD: it ends after layer {left}"),
        }
    }
}

fn layers_of(variant: &Variant) -> Vec<(Option<&'static str>, Option<String>)> {
    variant.layers.iter().map(|l| (l.method, l.tag_so_far.clone())).collect()
}

/// A repository, seen from a file in it.
struct Repository {
    /// The folder that git runs in.
    folder: PathBuf,
    /// The top folder, by the path that the file has.
    top: PathBuf,
    /// Git's own folder.
    git: PathBuf,
}

/// Runs git, without anything of the user's that could run along. `None` where it fails.
fn git(folder: &Path, arguments: &[&OsStr]) -> Option<Vec<u8>> {
    let output = Command::new("git")
        .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "-c", "core.pager=cat"])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    output.status.success().then_some(output.stdout)
}

fn words(folder: &Path, arguments: &[&str]) -> Option<Vec<u8>> {
    let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
    git(folder, &arguments)
}

impl Repository {
    fn of(path: &Path) -> Option<Self> {
        let folder = path.parent()?.to_path_buf();
        // A program for nothing is spared where there is no repository.
        folder.ancestors().find(|f| f.join(".git").exists())?;
        let text =
            String::from_utf8(words(&folder, &["rev-parse", "--absolute-git-dir", "--show-prefix"])?).ok()?;
        let mut lines = text.lines();
        let git = PathBuf::from(lines.next()?);
        let prefix = Path::new(lines.next().unwrap_or_default());
        let top = folder.ancestors().nth(prefix.components().count())?.to_path_buf();
        Some(Self { folder, top, git })
    }

    /// The last commit's images of a file; `None` where there is no commit.
    fn head(&self, path: &Path, state: &State) -> Option<Head> {
        let raw = words(&self.folder, &["diff-index", "-z", "--no-renames", "HEAD", "--"])?;
        let mut changes: BTreeMap<PathBuf, Change> = BTreeMap::new();
        let mut parts = raw.split(|b| *b == 0);
        while let (Some(what), Some(name)) = (parts.next(), parts.next()) {
            let what = String::from_utf8_lossy(what);
            let fields: Vec<&str> = what.trim_start_matches(':').split(' ').collect();
            let [mode, _, blob, _, status] = fields.as_slice() else { continue };
            let name = self.top.join(String::from_utf8_lossy(name).as_ref());
            match (*mode, *status) {
                (_, "A") => changes.insert(name, Change::Absent),
                ("160000" | "120000", _) => continue,
                _ => changes.insert(name, Change::Blob((*blob).to_owned())),
            };
        }
        let others = words(&self.top, &["ls-files", "-z", "--others", "--exclude-standard"])?;
        for name in others.split(|b| *b == 0).filter(|n| !n.is_empty()) {
            changes.insert(self.top.join(String::from_utf8_lossy(name).as_ref()), Change::Absent);
        }
        let is_new = !changes.contains_key(path) && !OsFileSystem.is_file(path);
        if is_new || matches!(changes.get(path), Some(Change::Absent)) {
            return Some(Head { images: None });
        }
        let fs = Committed { folder: self.folder.clone(), changes };
        let fs = Notebooks(Arc::new(fs));
        let folders = Handle::new(Arc::new(Reading(Arc::clone(&state.heads.folders))));
        let report = state.inspect_with(path, &Sources::default(), &fs, folders)?;
        let images = report.images.iter().filter_map(|image| {
            let variant = image.variants.first()?;
            Some(HeadImage {
                names: image.names.clone(),
                uri: variant.uri.clone(),
                layers: layers_of(variant),
            })
        });
        Some(Head { images: Some(images.collect()) })
    }
}

enum Change {
    /// It is not in the last commit.
    Absent,
    /// What it is there.
    Blob(String),
}

/// The files as a checkout of the last commit would have them.
struct Committed {
    folder: PathBuf,
    changes: BTreeMap<PathBuf, Change>,
}

impl Committed {
    fn blob(&self, id: &str) -> io::Result<Vec<u8>> {
        words(&self.folder, &["cat-file", "blob", id]).ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }
}

impl FileSystem for Committed {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        match self.changes.get(path) {
            Some(Change::Absent) => Err(io::Error::from(io::ErrorKind::NotFound)),
            Some(Change::Blob(id)) => Ok(Box::new(Cursor::new(self.blob(id)?))),
            None => OsFileSystem.open(path),
        }
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        match self.changes.get(path) {
            Some(Change::Absent) => Err(io::Error::from(io::ErrorKind::NotFound)),
            Some(Change::Blob(id)) => Ok(Metadata::in_memory(Kind::File, self.blob(id)?.len())),
            None => OsFileSystem.metadata(path),
        }
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        let mut entries = OsFileSystem.read_dir(path)?;
        let is_absent = |e: &DirEntry| {
            matches!(e.name.as_ref().and_then(|n| self.changes.get(&path.join(n))), Some(Change::Absent))
        };
        entries.retain(|e| !is_absent(e));
        for (file, change) in
            self.changes.range(path.to_path_buf()..).take_while(|(p, _)| p.starts_with(path))
        {
            let name = file.file_name().and_then(OsStr::to_str).map(str::to_owned);
            let here = file.parent() == Some(path) && matches!(change, Change::Blob(_));
            if here && !entries.iter().any(|e| e.name == name) {
                entries.push(DirEntry { name, is_dir: false, is_symlink: false });
            }
        }
        Ok(entries)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        OsFileSystem.canonicalize(path).or_else(|e| match self.changes.get(path) {
            Some(Change::Blob(_)) => Ok(path.to_owned()),
            _ => Err(e),
        })
    }
}
