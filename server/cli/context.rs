//! What the process knows, and the project's facts and settings for each file.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use image_manifests::fs::{FileSystem, OsFileSystem};
use image_python::evaluate::Sources;
use image_python::inspect::{FileReport, inspect};
use image_python::notebook::Notebooks;
use image_python::project::{Ambient, Facts, Installations, Options};
use image_rules::settings::{Patterns, Selector, Settings};
use image_rules::{Finding, rules};

use crate::args::{Check, Project};
use crate::error::CliError;

/// Reads the process's environment: the only place that does.
pub(crate) fn ambient() -> Ambient {
    let variables = std::env::vars_os()
        .filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)))
        .collect();
    Ambient { variables, current_directory: std::env::current_dir().unwrap_or_default() }
}

/// Everything that commands share.
pub(crate) struct Context {
    pub(crate) ambient: Ambient,
    /// The files; notebooks read as modules.
    pub(crate) fs: Arc<dyn FileSystem>,
    /// The files as they are.
    pub(crate) raw: Arc<dyn FileSystem>,
    pub(crate) sources: Sources,
    project: Project,
    /// What the command line says of rules: before any file.
    given: Settings,
    /// Settings of the file that the command line names.
    config: Option<Settings>,
    installations: Installations,
    facts: Mutex<HashMap<PathBuf, Arc<Facts>>>,
    settings: Mutex<HashMap<PathBuf, Arc<Settings>>>,
    errors: Mutex<BTreeMap<PathBuf, CliError>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Context {
    pub(crate) fn new(project: &Project) -> Self {
        Self::over(Arc::new(OsFileSystem), project)
    }

    pub(crate) fn over(raw: Arc<dyn FileSystem>, project: &Project) -> Self {
        Self {
            ambient: ambient(),
            fs: Arc::new(Notebooks(Arc::clone(&raw))),
            raw,
            sources: Sources::default(),
            project: project.clone(),
            given: Settings::default(),
            config: None,
            installations: Installations::default(),
            facts: Mutex::default(),
            settings: Mutex::default(),
            errors: Mutex::default(),
        }
    }

    /// With what `check` says of rules and settings.
    pub(crate) fn for_check(project: &Project, arguments: &Check) -> Result<Self, CliError> {
        Self::for_check_over(Arc::new(OsFileSystem), project, arguments)
    }

    pub(crate) fn for_check_over(
        raw: Arc<dyn FileSystem>,
        project: &Project,
        arguments: &Check,
    ) -> Result<Self, CliError> {
        let mut context = Self::over(raw, project);
        let selectors = |texts: &[String]| -> Result<Vec<Selector>, CliError> {
            texts
                .iter()
                .map(|text| Selector::new(text))
                .map(|s| if s.is_known() { Ok(s) } else { Err(CliError::NoSuchRule(s.text().to_owned())) })
                .collect()
        };
        let select = selectors(&arguments.select)?;
        let patterns = Patterns::new(&context.ambient.current_directory, &arguments.exclude);
        context.given = Settings {
            select: (!select.is_empty()).then_some(select),
            ignore: selectors(&arguments.ignore)?,
            extend_select: selectors(&arguments.extend_select)?,
            exclude: patterns.map_err(CliError::Usage)?,
            ..Settings::default()
        };
        if let Some(path) = &arguments.config {
            let path = context.ambient.current_directory.join(path);
            context.config = Some(Settings::of_file(&path, &*context.fs).map_err(CliError::Settings)?);
        }
        Ok(context)
    }

    /// The settings for a file: the command line, then the nearest settings file. Where that is wrong, the error is
    /// noted, and the defaults hold.
    pub(crate) fn settings(&self, path: &Path) -> Arc<Settings> {
        let folder = path.parent().unwrap_or(path).to_path_buf();
        if let Some(known) = lock(&self.settings).get(&folder) {
            return Arc::clone(known);
        }
        let of_file = match &self.config {
            Some(settings) => settings.clone(),
            None => Settings::find(&folder, &*self.raw).unwrap_or_else(|error| {
                lock(&self.errors).insert(error.path.clone(), CliError::Settings(error));
                Settings::default()
            }),
        };
        let mut given = self.given.clone();
        // Rules that are chosen anew forget what the file ignores; others are ignored besides.
        let of_file = if given.select.is_some() {
            Settings { ignore: Vec::new(), severities: BTreeMap::new(), ..of_file }
        } else {
            given.ignore.extend(of_file.ignore.iter().cloned());
            given.extend_select.extend(of_file.extend_select.iter().cloned());
            of_file
        };
        let settings = Arc::new(given.or(of_file));
        lock(&self.settings).insert(folder, Arc::clone(&settings));
        settings
    }

    /// What was wrong with settings so far.
    pub(crate) fn take_settings_errors(&self) -> Vec<CliError> {
        std::mem::take(&mut *lock(&self.errors)).into_values().collect()
    }

    /// Whether a file is excluded, by the command line or by its settings.
    pub(crate) fn is_excluded(&self, path: &Path) -> bool {
        self.given.exclude.contains(path) || self.settings(path).exclude.contains(path)
    }

    /// Whether rules are on that look at all files together.
    pub(crate) fn has_workspace_rules(&self) -> bool {
        let rule = rules::find("IMG404");
        let here = self.settings(&self.ambient.current_directory.join("_"));
        let on = |settings: &Settings| rule.is_some_and(|rule| settings.severity(rule).is_some());
        on(&here) || lock(&self.settings).values().any(|s| on(s))
    }

    /// The facts for a file; files of one folder share them.
    pub(crate) fn facts(&self, path: &Path) -> Arc<Facts> {
        let folder = path.parent().unwrap_or(path).to_path_buf();
        if let Some(known) = lock(&self.facts).get(&folder) {
            return Arc::clone(known);
        }
        let options = self.options(&self.settings(path));
        let facts = Arc::new(Facts::find_with(path, &options, &self.ambient, &self.installations, &*self.fs));
        Arc::clone(lock(&self.facts).entry(folder).or_insert(facts))
    }

    fn options(&self, settings: &Settings) -> Options {
        let (given, set) = (self.project.clone(), settings.options());
        Options {
            python: given.python.or(set.python),
            flyte_version: given.flyte_version,
            flyte_version_setting: set.flyte_version_setting,
            working_directory: given.working_directory.or(set.working_directory),
            root_dir: given.root_dir.or(set.root_dir),
            flyte_config: given.flyte_config.or(set.flyte_config),
        }
    }

    /// Inspects a file.
    pub(crate) fn inspect(&self, path: &Path) -> Result<(FileReport, Arc<Facts>), String> {
        let facts = self.facts(path);
        inspect(path, &self.sources, &*self.fs, &facts).map(|report| {
            let facts = Arc::clone(&report.facts);
            (report, facts)
        })
    }

    /// The findings of a file with some files replaced.
    pub(crate) fn check_over(&self, path: &Path, fs: &dyn FileSystem) -> Vec<Finding> {
        let facts = self.facts(path);
        let settings = self.settings(path);
        let report = inspect(path, &self.sources, fs, &facts);
        report.map(|report| image_rules::check(&report, &self.sources, fs, &settings)).unwrap_or_default()
    }

    /// A path below the current directory without it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.ambient.current_directory).unwrap_or(path);
        relative.display().to_string()
    }
}
