//! What is known of an open file at one moment, and what that rests on.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use image_manifests::fs::{DirEntry, FileSystem, Metadata};
use image_manifests::position::{LineIndex, Unit};
use image_model::origin::Site;
use image_python::inspect::FileReport;
use image_python::project::Facts;
use image_rules::Finding;
use image_rules::settings::Settings;
use tower_lsp::ls_types::{Position, Range, Uri};

use crate::documents::{Cell, Open};

/// What is known of a file.
pub(crate) struct Analysis {
    /// The file as it was open.
    pub(crate) open: Open,
    pub(crate) report: FileReport,
    pub(crate) findings: Vec<Finding>,
    pub(crate) facts: Arc<Facts>,
    pub(crate) settings: Arc<Settings>,
    /// The file's text, as the report's places count in it.
    pub(crate) text: Arc<str>,
    pub(crate) index: LineIndex,
    /// A notebook's code cells; empty for other files.
    pub(crate) cells: Arc<[Cell]>,
    /// What its columns count for the client.
    pub(crate) unit: Unit,
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

impl Analysis {
    /// The byte of a position in the file, or in one of its cells. Past the end of a line it is the line's end.
    pub(crate) fn byte(&self, uri: &Uri, position: Position) -> usize {
        let mut line = position.line as usize;
        if let Some(cell) = self.cells.iter().find(|c| c.uri == *uri) {
            if line >= cell.lines {
                let last = cell.line + cell.lines.saturating_sub(1);
                return self.index.byte(&self.text, last, usize::MAX, self.unit);
            }
            line += cell.line;
        }
        self.index.byte(&self.text, line, position.character as usize, self.unit)
    }

    /// The range of a place in the file, as lines of the whole module.
    pub(crate) fn range(&self, start: usize, end: usize) -> Range {
        to_range(&self.text, &self.index, start, end, self.unit)
    }

    /// The document and the range of a place in the file.
    pub(crate) fn locate(&self, start: usize, end: usize) -> (Uri, Range) {
        let mut range = self.range(start, end);
        let Some(cell) = self.cells.iter().rev().find(|c| c.line <= range.start.line as usize) else {
            return (self.open.uri.clone(), range);
        };
        let (first, last) = (clamp(cell.line), clamp(cell.line + cell.lines.saturating_sub(1)));
        if range.end.line > last {
            // Nothing reaches over the end of a cell but its last line's break.
            let end = self.index.byte(&self.text, last as usize, usize::MAX, self.unit);
            range.end = self.range(end, end).start;
        }
        range.start.line -= first;
        range.end.line = range.end.line.saturating_sub(first).max(range.start.line);
        (cell.uri.clone(), range)
    }

    /// Whether a place is in the file itself.
    pub(crate) fn is_here(&self, site: &Site) -> bool {
        site.path == self.report.path
    }

    /// The range of a place of the file within one of its documents; `None` where it is in another cell.
    pub(crate) fn range_in(&self, uri: &Uri, start: usize, end: usize) -> Option<Range> {
        let (own, range) = self.locate(start, end);
        (self.cells.is_empty() || own == *uri).then_some(range)
    }
}

fn clamp(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A place as the protocol has it.
pub(crate) fn to_range(text: &str, index: &LineIndex, start: usize, end: usize, unit: Unit) -> Range {
    let place = |byte| {
        let (line, character) = index.position(text, byte, unit);
        Position { line: clamp(line), character: clamp(character) }
    };
    Range { start: place(start), end: place(end) }
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
