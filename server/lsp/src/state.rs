//! Everything the server holds: open documents, settings, facts, what is known of each file, and who works on it.
//!
//! An analysis stands as long as everything it looked at is as it was: open files by their text, others by what the
//! system says of them, which is asked once a second at most. Work on one file is done by one worker at a time.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use image_manifests::fs::{FileSystem, Metadata, Overlay};
use image_manifests::position::LineIndex;
use image_model::folders::Handle;
use image_model::origin::Site;
use image_python::evaluate::Sources;
use image_python::inspect::{FileReport, inspect_here};
use image_python::notebook::{Notebooks, is_notebook};
use image_python::project::{Ambient, Facts, Installations, PackageCache};
use image_rules::Finding;
use image_rules::settings::Settings;
use tokio::sync::watch;
use tower_lsp::ls_types::{Location, Range, Uri};

use crate::analysis::{Analysis, Recorder, Stamp};
use crate::builds::Builds;
use crate::client::Client;
use crate::documents::{Cell, Documents, Open};
use crate::folders::FolderCache;
use crate::foreign::{Foreign, said_by};
use crate::head::Heads;
use crate::kept::Kept;
use crate::manifest::is_manifest;
use crate::preview::Previews;
use crate::published::Published;
use crate::trust::Trust;
use crate::verify::Verifications;
use crate::view::{View, to_range};
use crate::workers::Workers;

/// How long the disk is believed to be as it was.
const FRESH: Duration = Duration::from_secs(1);

/// One file's last analysis; the lock is held while a new one is made.
type Slot = Arc<Mutex<Option<Arc<Analysis>>>>;
/// A value that is believed for a while.
type Aged<T> = HashMap<PathBuf, (Instant, Arc<T>)>;

/// Everything the server holds. Locks other than a file's own are held only for moments.
pub(crate) struct State {
    pub(crate) documents: Documents,
    pub(crate) workers: Workers,
    pub(crate) heads: Heads,
    pub(crate) published: Published,
    pub(crate) builds: Builds,
    pub(crate) verifications: Verifications,
    pub(crate) trust: Trust,
    pub(crate) previews: Previews,
    pub(crate) folders: Arc<FolderCache>,
    pub(crate) foreign: Foreign,
    pub(crate) packages: PackageCache,
    /// The disk; notebooks read as modules.
    disk: Arc<Notebooks>,
    client: OnceLock<Client>,
    ambient: Ambient,
    roots: Mutex<Vec<PathBuf>>,
    sources: Sources,
    /// The client's settings; a file's go before them.
    editor: Mutex<Settings>,
    settings: Mutex<Aged<Settings>>,
    complaints: Mutex<Vec<String>>,
    /// Complaints that were told already.
    told: Mutex<HashSet<String>>,
    installations: Installations,
    facts: Mutex<Aged<Facts>>,
    slots: Mutex<HashMap<PathBuf, Slot>>,
    /// Counts how often everything was forgotten: an analysis of an earlier count does not stand.
    looks: AtomicU64,
    refreshing: AtomicBool,
    /// Tells that something changed: a text, a file, a setting.
    pub(crate) changes: watch::Sender<u64>,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

static NO_CLIENT: OnceLock<Client> = OnceLock::new();

impl State {
    /// # Errors
    /// When the system has no threads to give.
    pub(crate) fn new(ambient: Ambient) -> std::io::Result<Arc<Self>> {
        Ok(Arc::new(Self {
            documents: Documents::new(),
            workers: Workers::start()?,
            heads: Heads::default(),
            published: Published::default(),
            builds: Builds::default(),
            verifications: Verifications::default(),
            trust: Trust::default(),
            previews: Previews::default(),
            folders: Arc::default(),
            foreign: Foreign::default(),
            packages: PackageCache::default(),
            disk: Arc::new(Notebooks(Arc::new(Kept::default()))),
            client: OnceLock::new(),
            ambient,
            roots: Mutex::default(),
            sources: Sources::default(),
            editor: Mutex::default(),
            settings: Mutex::default(),
            complaints: Mutex::default(),
            told: Mutex::default(),
            installations: Installations::default(),
            facts: Mutex::default(),
            slots: Mutex::default(),
            looks: AtomicU64::new(0),
            refreshing: AtomicBool::new(false),
            changes: watch::Sender::new(0),
        }))
    }

    /// What the client can do; nothing before it says so.
    pub(crate) fn client(&self) -> &Client {
        self.client.get().unwrap_or_else(|| NO_CLIENT.get_or_init(Client::default))
    }

    pub(crate) fn set_client(&self, client: Client) {
        let _ = self.client.set(client);
    }

    /// Adds and removes workspace folders.
    pub(crate) fn change_roots(&self, added: Vec<PathBuf>, removed: &[PathBuf]) {
        {
            let mut roots = lock(&self.roots);
            roots.retain(|root| !removed.contains(root));
            for root in added {
                if !roots.contains(&root) {
                    roots.push(root);
                }
            }
        }
        self.look_again();
    }

    /// The workspace folders.
    pub(crate) fn roots(&self) -> Vec<PathBuf> {
        lock(&self.roots).clone()
    }

    /// What the process knows, from where a file is run: its workspace folder, the innermost of several.
    pub(crate) fn ambient_of(&self, path: &Path) -> Ambient {
        let roots = lock(&self.roots);
        let own = roots.iter().filter(|r| path.starts_with(r)).max_by_key(|r| r.as_os_str().len());
        match own.or(roots.first()) {
            Some(root) => Ambient { current_directory: root.clone(), ..self.ambient.clone() },
            None => self.ambient.clone(),
        }
    }

    /// Takes the client's settings. What is wrong with them is to be told, and nothing changes then.
    pub(crate) fn set_editor_settings(&self, settings: &serde_json::Value) {
        let folder = self.roots().first().cloned().unwrap_or_else(|| self.ambient.current_directory.clone());
        match crate::settings::read(settings, &folder) {
            Ok(settings) => *lock(&self.editor) = settings,
            Err(message) => self.complain(format!("the settings of imageLsp are wrong: {message}")),
        }
        self.look_again();
    }

    fn complain(&self, complaint: String) {
        if lock(&self.told).insert(complaint.clone()) {
            lock(&self.complaints).push(complaint);
        }
    }

    /// What is to be told of settings.
    pub(crate) fn take_complaints(&self) -> Vec<String> {
        std::mem::take(&mut *lock(&self.complaints))
    }

    /// Believes nothing of what was seen on the disk: the next analysis looks again.
    pub(crate) fn look_again(&self) {
        lock(&self.facts).clear();
        lock(&self.settings).clear();
        self.folders.look_again();
        self.expire();
    }

    /// Lets no analysis stand that is there or being made.
    pub(crate) fn expire(&self) {
        self.looks.fetch_add(1, Ordering::AcqRel);
        self.note_change();
    }

    /// Tells those who wait for a change.
    pub(crate) fn note_change(&self) {
        self.changes.send_modify(|count| *count += 1);
    }

    /// The file system as the editor sees it; notebooks read as modules.
    pub(crate) fn snapshot(&self) -> Overlay {
        Overlay::new(Arc::clone(&self.disk) as Arc<dyn FileSystem>, self.documents.texts())
    }

    /// The settings for a file: the nearest settings file's, then the client's.
    pub(crate) fn settings(&self, path: &Path, fs: &dyn FileSystem) -> Arc<Settings> {
        let folder = path.parent().unwrap_or(path).to_path_buf();
        if let Some((at, settings)) = lock(&self.settings).get(&folder)
            && at.elapsed() < FRESH
        {
            return Arc::clone(settings);
        }
        let of_file = Settings::find(&folder, fs).unwrap_or_else(|error| {
            self.complain(error.to_string());
            Settings::default()
        });
        let settings = Arc::new(of_file.or(lock(&self.editor).clone()));
        let mut known = lock(&self.settings);
        // The same ones stay the same: what was made with them stands.
        let settings = match known.get(&folder) {
            Some((_, before)) if format!("{before:?}") == format!("{settings:?}") => Arc::clone(before),
            _ => settings,
        };
        known.insert(folder, (Instant::now(), Arc::clone(&settings)));
        settings
    }

    /// The facts that a file rests on.
    pub(crate) fn facts(&self, path: &Path, fs: &dyn FileSystem) -> Arc<Facts> {
        let folder = path.parent().unwrap_or(path).to_path_buf();
        if let Some((at, facts)) = lock(&self.facts).get(&folder)
            && at.elapsed() < FRESH
        {
            return Arc::clone(facts);
        }
        let (options, ambient) = (self.settings(path, fs).options(), self.ambient_of(path));
        let mut facts = Facts::find_with(path, &options, &ambient, &self.installations, fs);
        let folders: Arc<FolderCache> = Arc::clone(&self.folders);
        facts.environment.folders = Handle::new(folders);
        let facts = Arc::new(facts);
        lock(&self.facts).insert(folder, (Instant::now(), Arc::clone(&facts)));
        facts
    }

    /// A file's images, read as a file system has them. On a worker only.
    pub(crate) fn inspect(&self, path: &Path, fs: &dyn FileSystem) -> Option<FileReport> {
        inspect_here(path, &self.sources, fs, &self.facts(path, fs)).ok()
    }

    /// The same with other answers about folders.
    pub(crate) fn inspect_with(
        &self,
        path: &Path,
        sources: &Sources,
        fs: &dyn FileSystem,
        folders: Handle,
    ) -> Option<FileReport> {
        let mut facts = Facts::clone(&self.facts(path, fs));
        facts.environment.folders = folders;
        inspect_here(path, sources, fs, &Arc::new(facts)).ok()
    }

    /// The parsed modules.
    pub(crate) fn sources(&self) -> &Sources {
        &self.sources
    }

    fn slot(&self, path: &Path) -> Slot {
        Arc::clone(lock(&self.slots).entry(path.to_owned()).or_default())
    }

    /// Forgets a file that is closed.
    pub(crate) fn forget(&self, path: &Path) {
        lock(&self.slots).remove(path);
        self.folders.forget();
        self.published.forget(path);
        self.heads.forget(path);
    }

    /// How a module is open; one that is followed may be closed.
    fn opened(&self, path: &Path) -> Option<Open> {
        let followed = || {
            let uri = self.foreign.is_followed(path).then(|| Uri::from_file_path(path))??;
            Some(Open { uri, version: 0 })
        };
        self.documents.get(path).or_else(followed)
    }

    /// What is known of a module that is open, or followed. On a worker only.
    pub(crate) fn analyse(&self, path: &Path) -> Option<Arc<Analysis>> {
        if is_manifest(path) {
            return None;
        }
        let slot = self.slot(path);
        let mut slot = lock(&slot);
        // The version has to be that of the text: a change may come in between.
        let (open, cells, fs) = loop {
            let open = self.opened(path)?;
            let state = (self.documents.cells_of(path), Arc::new(self.snapshot()));
            if self.opened(path)?.version == open.version {
                break (open, state.0, state.1);
            }
        };
        if let Some(known) = &*slot
            && self.stands(known, &fs)
        {
            return Some(Arc::clone(known));
        }
        let analysis = self.analysis(path, fs, open, cells).map(Arc::new);
        slot.clone_from(&analysis);
        if let Some(analysis) = &analysis {
            self.published.note_uris(path, analysis);
        }
        analysis
    }

    /// What is known of a file, open or not. On a worker only.
    pub(crate) fn analyse_over(&self, path: &Path, fs: Arc<Overlay>) -> Option<Analysis> {
        let unopened = || Some(Open { uri: Uri::from_file_path(path)?, version: 0 });
        let open = self.documents.get(path).or_else(unopened)?;
        self.analysis(path, fs, open, self.documents.cells_of(path))
    }

    fn analysis(&self, path: &Path, fs: Arc<Overlay>, open: Open, cells: Arc<[Cell]>) -> Option<Analysis> {
        let look = self.looks.load(Ordering::Acquire);
        let recorder = Recorder::new(Arc::clone(&fs) as Arc<dyn FileSystem>);
        let text = recorder.read_shared(path).ok()?;
        let text: Arc<str> = text.strip_prefix('\u{feff}').map_or_else(|| Arc::clone(&text), Arc::from);
        let report = self.inspect(path, &recorder)?;
        let settings = self.settings(path, &*fs);
        let findings = image_rules::check(&report, &self.sources, &recorder, &settings);
        let facts = Arc::clone(&report.facts);
        let seen = |(path, known): (PathBuf, Option<Result<Metadata, _>>)| {
            let stamp = match (fs.buffer(&path), known) {
                (None, Some(known)) => known.map_or(Stamp::Nothing, Stamp::Disk),
                _ => stamp(&path, &fs),
            };
            (path, stamp)
        };
        let reads = recorder.seen().into_iter().map(seen).collect();
        Some(Analysis {
            view: View {
                open,
                path: Arc::clone(&report.path),
                index: LineIndex::new(&text),
                text,
                cells,
                unit: self.documents.unit(),
            },
            findings,
            facts,
            settings,
            reads,
            at: Instant::now(),
            look,
            report,
        })
    }

    /// What the modules that use a file say of it now, each finding once. On a worker only.
    pub(crate) fn said_of(&self, path: &Path) -> Vec<Finding> {
        let mut modules: BTreeSet<PathBuf> = self.foreign.users(path).into_iter().collect();
        modules.extend(self.foreign.speakers(path));
        modules.extend(self.readers_of(path));
        modules.remove(path);
        let analyses = modules.iter().filter_map(|module| self.analyse(module));
        let mut found: Vec<Finding> = analyses.flat_map(|analysis| said_by(&analysis, path)).collect();
        image_rules::order(&mut found);
        found
    }

    /// The last analysis of a file, however old.
    pub(crate) fn last(&self, path: &Path) -> Option<Arc<Analysis>> {
        self.slot(path).try_lock().ok()?.clone()
    }

    /// Whether everything that an analysis looked at is as it was.
    fn stands(&self, analysis: &Analysis, fs: &Overlay) -> bool {
        if analysis.look != self.looks.load(Ordering::Acquire) {
            return false;
        }
        let fresh = analysis.at.elapsed() < FRESH;
        analysis.reads.iter().all(|(path, seen)| match seen {
            Stamp::Open(..) => stamp(path, fs) == *seen,
            _ if fs.has_buffer(path) => false,
            _ => fresh || stamp(path, fs) == *seen,
        }) && (fresh || Arc::ptr_eq(&self.settings(&analysis.report.path, fs), &analysis.settings))
            && (fresh || self.same_facts(analysis, fs))
    }

    fn same_facts(&self, analysis: &Analysis, fs: &Overlay) -> bool {
        let project = self.facts(&analysis.report.path, fs);
        // A script's header may choose another release; everything else is the project's.
        let own_release = project.release_source != analysis.facts.release_source;
        let (now, then) = (&project.environment, &analysis.facts.environment);
        (own_release || now.release == then.release)
            && now.python_version == then.python_version
            && now.registry == then.registry
            && now.endpoint == then.endpoint
            && now.root_dir == then.root_dir
            && now.working_directory == then.working_directory
            && now.site_packages == then.site_packages
            && now.missing_config == then.missing_config
            && now.image_refs == then.image_refs
    }

    /// The text of a file as the editor sees it, without a byte order mark; `None` for one that is not there.
    pub(crate) fn text_of(&self, path: &Path) -> Option<Arc<str>> {
        let text = self.snapshot().read_shared(path).ok()?;
        Some(text.strip_prefix('\u{feff}').map(Arc::from).unwrap_or(text))
    }

    /// The findings of a file with some files replaced. On a worker only.
    pub(crate) fn check_over(
        &self,
        path: &Path,
        texts: &std::collections::BTreeMap<PathBuf, Arc<str>>,
    ) -> Vec<Finding> {
        let fs = Overlay::new(Arc::new(self.snapshot()), texts.clone());
        let Some(report) = self.inspect(path, &fs) else { return Vec::new() };
        image_rules::check(&report, &self.sources, &fs, &self.settings(path, &fs))
    }

    /// Open files whose last analysis looked at a file, or at something in it.
    pub(crate) fn readers_of(&self, changed: &Path) -> Vec<PathBuf> {
        let slots: Vec<(PathBuf, Slot)> =
            lock(&self.slots).iter().map(|(p, s)| (p.clone(), Arc::clone(s))).collect();
        let reads = |slot: &Slot| match slot.try_lock() {
            Ok(slot) => slot.as_ref().is_some_and(|a| {
                let of = |path: &Path| a.reads.binary_search_by(|(p, _)| p.as_path().cmp(path)).is_ok();
                of(changed) || changed.parent().is_some_and(of)
            }),
            Err(_) => true,
        };
        slots
            .into_iter()
            .filter(|(path, slot)| path != changed && reads(slot))
            .map(|(path, _)| path)
            .collect()
    }

    /// A place in any file: its document, and the range in it.
    pub(crate) fn locate(&self, site: &Site) -> Option<Location> {
        if !self.documents.cells_of(&site.path).is_empty()
            && let Some(analysis) = self.last(&site.path)
        {
            let (uri, range) = analysis.locate(site.start, site.end);
            return Some(Location { uri, range });
        }
        Some(Location { uri: self.uri(&site.path)?, range: self.range_in(site) })
    }

    /// The address of a file: the one that the client gave it.
    pub(crate) fn uri(&self, path: &Path) -> Option<Uri> {
        self.documents.get(path).map(|open| open.uri).or_else(|| Uri::from_file_path(path))
    }

    /// A range in any file, read as the editor sees it.
    pub(crate) fn range_in(&self, site: &Site) -> Range {
        let text = self.text_of(&site.path).filter(|_| !is_notebook(&site.path)).unwrap_or_default();
        to_range(&text, &LineIndex::new(&text), site.start, site.end, self.documents.unit())
    }

    /// Whether folders have to be read; true once until [`State::refreshed`].
    pub(crate) fn starts_refreshing(&self) -> bool {
        self.folders.has_wishes() && !self.refreshing.swap(true, Ordering::AcqRel)
    }

    pub(crate) fn refreshed(&self) {
        self.refreshing.store(false, Ordering::Release);
    }
}

/// How a file looks.
pub(crate) fn stamp(path: &Path, fs: &Overlay) -> Stamp {
    match fs.buffer(path) {
        Some(text) => Stamp::Open(Arc::clone(text)),
        None => fs.metadata(path).map_or(Stamp::Nothing, Stamp::Disk),
    }
}
