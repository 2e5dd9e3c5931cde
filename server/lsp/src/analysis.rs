//! What is known of an open file at one moment, and what that rests on.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use image_manifests::fs::{DirEntry, FileSystem, Metadata};
use image_python::inspect::FileReport;
use image_python::project::Facts;
use image_rules::Finding;
use image_rules::settings::Settings;

use crate::view::View;

/// What is known of a file.
pub(crate) struct Analysis {
    pub(crate) view: View,
    pub(crate) report: FileReport,
    pub(crate) findings: Vec<Finding>,
    pub(crate) facts: Arc<Facts>,
    pub(crate) settings: Arc<Settings>,
    /// Everything that was looked at, and how it was.
    pub(crate) reads: Vec<(PathBuf, Stamp)>,
    /// When the disk was last looked at.
    pub(crate) at: Instant,
    /// How often everything had been forgotten by then.
    pub(crate) look: u64,
}

/// How a file looked: an open one by its text, another one by what the system says of it.
#[derive(Debug, Clone)]
pub(crate) enum Stamp {
    /// Nothing is there.
    Nothing,
    /// An open file, by its very text.
    Open(Arc<str>),
    /// A file or folder on the disk.
    Disk(Metadata),
}

impl PartialEq for Stamp {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Nothing, Self::Nothing) => true,
            (Self::Open(a), Self::Open(b)) => Arc::ptr_eq(a, b),
            (Self::Disk(a), Self::Disk(b)) => a == b,
            _ => false,
        }
    }
}

impl Deref for Analysis {
    type Target = View;

    fn deref(&self) -> &View {
        &self.view
    }
}

/// A file system that notes what it is asked for, and asks the system once what a path is.
pub(crate) struct Recorder {
    inner: Arc<dyn FileSystem>,
    seen: Mutex<BTreeMap<PathBuf, Option<Known>>>,
}

/// What a path is, or that nothing is there.
type Known = Result<Metadata, io::ErrorKind>;

impl Recorder {
    pub(crate) fn new(inner: Arc<dyn FileSystem>) -> Self {
        Self { inner, seen: Mutex::default() }
    }

    /// What it was asked for, and what is known of it.
    pub(crate) fn seen(&self) -> BTreeMap<PathBuf, Option<Known>> {
        std::mem::take(&mut *self.table())
    }

    fn table(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Option<Known>>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, path: &Path) {
        let mut seen = self.table();
        if !seen.contains_key(path) {
            seen.insert(path.to_owned(), None);
        }
    }
}

impl FileSystem for Recorder {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Read + '_>> {
        self.note(path);
        self.inner.open(path)
    }

    fn metadata(&self, path: &Path) -> io::Result<Metadata> {
        if let Some(Some(known)) = self.table().get(path) {
            return known.map_err(io::Error::from);
        }
        let found = self.inner.metadata(path);
        let known = match &found {
            Ok(metadata) => Some(Ok(*metadata)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Some(Err(io::ErrorKind::NotFound)),
            // Other errors have texts of their own.
            Err(_) => None,
        };
        self.table().insert(path.to_owned(), known);
        found
    }

    fn read_dir(&self, path: &Path) -> io::Result<Vec<DirEntry>> {
        self.note(path);
        self.inner.read_dir(path)
    }

    fn canonicalize(&self, path: &Path) -> io::Result<PathBuf> {
        self.note(path);
        self.inner.canonicalize(path)
    }

    fn read_text(&self, path: &Path) -> io::Result<String> {
        self.note(path);
        self.inner.read_text(path)
    }

    fn read_shared(&self, path: &Path) -> io::Result<Arc<str>> {
        self.note(path);
        self.inner.read_shared(path)
    }
}
