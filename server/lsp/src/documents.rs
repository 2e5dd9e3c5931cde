//! What the editor holds open, and what is known of it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use image_manifests::fs::{FileSystem, OsFileSystem, Overlay};
use image_manifests::position::{LineIndex, Unit};
use image_model::origin::Site;
use image_model::release::Release;
use image_python::evaluate::Sources;
use image_python::inspect::{FileReport, inspect};
use image_python::project::{Ambient, Facts, Installations};
use image_rules::Finding;
use image_rules::settings::Settings;
use ropey::Rope;
use tower_lsp::ls_types::{
    DocumentChangeOperation, Position, Range, TextDocumentContentChangeEvent, Uri, WorkspaceEdit,
};

use crate::code_actions;

/// How long facts about the disk are believed without another look.
const FRESH: Duration = Duration::from_secs(1);

/// An open document.
struct Document {
    uri: Uri,
    version: i32,
    rope: Rope,
}

/// All open documents. Shared by every handler; locks are held only for moments.
pub(crate) struct Documents {
    ambient: Mutex<Ambient>,
    open: Mutex<HashMap<PathBuf, Document>>,
    unit: Mutex<Unit>,
    sources: Sources,
    /// The client's settings; a file's go before them.
    editor: Mutex<Settings>,
    settings: Mutex<HashMap<PathBuf, (Instant, Arc<Settings>)>>,
    /// What was wrong with settings files, until it is told.
    complaints: Mutex<Vec<String>>,
    /// Complaints that were told already.
    told: Mutex<HashSet<String>>,
    /// The client knows versions of documents and new files in edits.
    document_changes: AtomicBool,
    installations: Installations,
    facts: Mutex<HashMap<PathBuf, (Instant, Arc<Facts>)>>,
    reports: Mutex<HashMap<PathBuf, Arc<Analysis>>>,
    /// The release of flyte that the published diagnostics of a document rest on.
    published: Mutex<HashMap<PathBuf, Release>>,
}

/// What is known of a file at one moment.
pub(crate) struct Analysis {
    pub(crate) report: FileReport,
    pub(crate) findings: Vec<Finding>,
    pub(crate) facts: Arc<Facts>,
    /// The file's text, as the report's places count in it.
    pub(crate) text: Arc<str>,
    pub(crate) index: LineIndex,
    at: Instant,
    versions: Vec<(PathBuf, i32)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Documents {
    pub(crate) fn new(ambient: Ambient) -> Arc<Self> {
        Arc::new(Self {
            ambient: Mutex::new(ambient),
            open: Mutex::default(),
            unit: Mutex::new(Unit::Utf16),
            sources: Sources::default(),
            editor: Mutex::default(),
            settings: Mutex::default(),
            complaints: Mutex::default(),
            told: Mutex::default(),
            document_changes: AtomicBool::new(false),
            installations: Installations::default(),
            facts: Mutex::default(),
            reports: Mutex::default(),
            published: Mutex::default(),
        })
    }

    pub(crate) fn set_unit(&self, unit: Unit) {
        *lock(&self.unit) = unit;
    }

    /// Relative paths in code start from the workspace's folder.
    pub(crate) fn set_folder(&self, folder: PathBuf) {
        lock(&self.ambient).current_directory = folder;
    }

    /// Takes the client's settings. What is wrong with them is to be told, and nothing changes then.
    pub(crate) fn set_editor_settings(&self, settings: &serde_json::Value) {
        let folder = lock(&self.ambient).current_directory.clone();
        match crate::settings::read(settings, &folder) {
            Ok(settings) => *lock(&self.editor) = settings,
            Err(message) => {
                lock(&self.complaints).push(format!("the settings of imageLsp are wrong: {message}"))
            }
        }
        self.look_again();
    }

    /// What is to be told of settings.
    pub(crate) fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.complaints))
    }

    pub(crate) fn set_document_changes(&self, known: bool) {
        self.document_changes.store(known, Ordering::Relaxed);
    }

    pub(crate) fn as_client_takes(&self, operations: Vec<DocumentChangeOperation>) -> Option<WorkspaceEdit> {
        if self.document_changes.load(Ordering::Relaxed) {
            Some(code_actions::versioned(operations))
        } else {
            code_actions::plain(operations)
        }
    }

    /// Believes nothing of what was seen on the disk: the next analysis looks again.
    pub(crate) fn look_again(&self) {
        lock(&self.facts).clear();
        lock(&self.settings).clear();
        lock(&self.reports).clear();
    }

    /// Notes what published diagnostics rest on.
    pub(crate) fn note_published(&self, path: &Path, analysis: &Analysis) {
        lock(&self.published).insert(path.to_owned(), analysis.facts.environment.release.clone());
    }

    /// Whether the published diagnostics rest on another flyte than an analysis.
    pub(crate) fn is_outdated(&self, path: &Path, analysis: &Analysis) -> bool {
        lock(&self.published).get(path).is_some_and(|r| *r != analysis.facts.environment.release)
    }

    pub(crate) fn unit(&self) -> Unit {
        *lock(&self.unit)
    }

    /// The path of a document; `None` for what is no file.
    pub(crate) fn path(uri: &Uri) -> Option<PathBuf> {
        uri.to_file_path().map(std::borrow::Cow::into_owned)
    }

    pub(crate) fn open(&self, uri: Uri, version: i32, text: &str) {
        if let Some(path) = Self::path(&uri) {
            lock(&self.open).insert(path, Document { uri, version, rope: Rope::from_str(text) });
        }
    }

    pub(crate) fn close(&self, uri: &Uri) {
        if let Some(path) = Self::path(uri) {
            lock(&self.open).remove(&path);
            lock(&self.reports).remove(&path);
            lock(&self.published).remove(&path);
        }
    }

    /// Applies changes in order. A range outside the text is cut to it.
    pub(crate) fn change(&self, uri: &Uri, version: i32, changes: Vec<TextDocumentContentChangeEvent>) {
        let unit = self.unit();
        let Some(path) = Self::path(uri) else { return };
        let mut open = lock(&self.open);
        let Some(document) = open.get_mut(&path) else { return };
        for change in changes {
            match change.range {
                None => document.rope = Rope::from_str(&change.text),
                Some(range) => {
                    let start = char_at(&document.rope, range.start, unit);
                    let end = char_at(&document.rope, range.end, unit).max(start);
                    document.rope.remove(start..end);
                    document.rope.insert(start, &change.text);
                }
            }
        }
        document.version = version;
    }

    /// The open documents: address, path and version.
    pub(crate) fn all(&self) -> Vec<(Uri, PathBuf, i32)> {
        let open = lock(&self.open);
        open.iter().map(|(path, d)| (d.uri.clone(), path.clone(), d.version)).collect()
    }

    pub(crate) fn version(&self, path: &Path) -> Option<i32> {
        lock(&self.open).get(path).map(|d| d.version)
    }

    fn versions(&self) -> Vec<(PathBuf, i32)> {
        let mut versions: Vec<_> = lock(&self.open).iter().map(|(p, d)| (p.clone(), d.version)).collect();
        versions.sort();
        versions
    }

    /// The file system as the editor sees it.
    fn snapshot(&self) -> Overlay {
        let buffers: BTreeMap<PathBuf, Arc<str>> =
            lock(&self.open).iter().map(|(p, d)| (p.clone(), Arc::from(d.rope.to_string()))).collect();
        Overlay::new(Arc::new(OsFileSystem), buffers)
    }

    /// The settings for a file: the nearest settings file's, then the client's.
    fn settings(&self, path: &Path, fs: &dyn FileSystem) -> Arc<Settings> {
        let folder = path.parent().unwrap_or(path).to_path_buf();
        if let Some((at, settings)) = lock(&self.settings).get(&folder)
            && at.elapsed() < FRESH
        {
            return Arc::clone(settings);
        }
        let of_file = Settings::find(&folder, fs).unwrap_or_else(|error| {
            let complaint = error.to_string();
            let mut complaints = lock(&self.complaints);
            if lock(&self.told).insert(complaint.clone()) {
                complaints.push(complaint);
            }
            Settings::default()
        });
        let settings = Arc::new(of_file.or(lock(&self.editor).clone()));
        lock(&self.settings).insert(folder, (Instant::now(), Arc::clone(&settings)));
        settings
    }

    fn facts(&self, path: &Path, fs: &dyn FileSystem) -> Arc<Facts> {
        let folder = path.parent().unwrap_or(path).to_path_buf();
        if let Some((at, facts)) = lock(&self.facts).get(&folder)
            && at.elapsed() < FRESH
        {
            return Arc::clone(facts);
        }
        let (options, ambient) = (self.settings(path, fs).options(), lock(&self.ambient).clone());
        let facts = Arc::new(Facts::find_with(path, &options, &ambient, &self.installations, fs));
        lock(&self.facts).insert(folder, (Instant::now(), Arc::clone(&facts)));
        facts
    }

    /// What is known of an open file. Takes time: never call it on the runtime.
    pub(crate) fn analyse(&self, path: &Path) -> Option<Arc<Analysis>> {
        let versions = self.versions();
        if let Some(known) = lock(&self.reports).get(path)
            && known.versions == versions
            && known.at.elapsed() < FRESH
        {
            return Some(Arc::clone(known));
        }
        let fs = self.snapshot();
        let facts = self.facts(path, &fs);
        let text: Arc<str> = fs.read_text(path).ok()?.into();
        let report = inspect(path, &self.sources, &fs, &facts).ok()?;
        let facts = Arc::clone(&report.facts);
        let text: Arc<str> = text.strip_prefix('\u{feff}').map_or_else(|| Arc::clone(&text), Arc::from);
        let index = LineIndex::new(&text);
        let findings = image_rules::check(&report, &self.sources, &fs, &self.settings(path, &fs));
        let analysis =
            Arc::new(Analysis { report, findings, facts, text, index, at: Instant::now(), versions });
        lock(&self.reports).insert(path.to_owned(), Arc::clone(&analysis));
        Some(analysis)
    }

    /// A file's text as the editor sees it, without a byte order mark; `None` for one that is not there.
    pub(crate) fn text_of(&self, path: &Path) -> Option<String> {
        let text = self.snapshot().read_text(path).ok()?;
        Some(text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text))
    }

    /// The findings of a file with some files replaced.
    pub(crate) fn check_over(&self, path: &Path, texts: &BTreeMap<PathBuf, Arc<str>>) -> Vec<Finding> {
        let fs = Overlay::new(Arc::new(self.snapshot()), texts.clone());
        let facts = self.facts(path, &fs);
        let Ok(report) = inspect(path, &self.sources, &fs, &facts) else { return Vec::new() };
        image_rules::check(&report, &self.sources, &fs, &self.settings(path, &fs))
    }

    /// Open files whose last analysis read the given one.
    pub(crate) fn readers_of(&self, changed: &Path) -> Vec<PathBuf> {
        let reports = lock(&self.reports);
        reports
            .iter()
            .filter(|(_, a)| a.report.files.iter().any(|f| &**f == changed))
            .map(|(p, _)| p.clone())
            .collect()
    }

    /// A range in another file, read as the editor sees it.
    pub(crate) fn range_in(&self, site: &Site) -> Range {
        let text = self.snapshot().read_text(&site.path).unwrap_or_default();
        to_range(&text, &LineIndex::new(&text), site, self.unit())
    }
}

/// A place as the protocol has it.
pub(crate) fn to_range(text: &str, index: &LineIndex, site: &Site, unit: Unit) -> Range {
    let place = |byte| {
        let (line, character) = index.position(text, byte, unit);
        Position { line: u32::try_from(line).unwrap_or(0), character: u32::try_from(character).unwrap_or(0) }
    };
    Range { start: place(site.start), end: place(site.end) }
}

/// The byte of a position.
pub(crate) fn to_byte(text: &str, index: &LineIndex, position: Position, unit: Unit) -> usize {
    index.byte(text, position.line as usize, position.character as usize, unit)
}

/// The character of a position in a rope, cut to the text.
fn char_at(rope: &Rope, position: Position, unit: Unit) -> usize {
    let line = position.line as usize;
    if line >= rope.len_lines() {
        return rope.len_chars();
    }
    let start = rope.line_to_char(line);
    let content = rope.line(line);
    let column = position.character as usize;
    let mut counted = 0;
    for (offset, c) in content.chars().enumerate() {
        if counted >= column || matches!(c, '\n' | '\r') {
            return start + offset;
        }
        counted += match unit {
            Unit::Bytes => c.len_utf8(),
            Unit::Utf16 => c.len_utf16(),
            Unit::Characters => 1,
        };
    }
    start + content.len_chars()
}
