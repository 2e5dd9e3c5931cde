//! What the process knows, and the project's facts for each file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use image_manifests::fs::{FileSystem, OsFileSystem};
use image_python::evaluate::Sources;
use image_python::inspect::{FileReport, inspect};
use image_python::project::{Ambient, Facts, Installations, Options};

use crate::args::Project;

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
    pub(crate) fs: Arc<dyn FileSystem>,
    pub(crate) sources: Sources,
    options: Options,
    installations: Installations,
    facts: Mutex<HashMap<PathBuf, Arc<Facts>>>,
}

impl Context {
    pub(crate) fn new(project: &Project) -> Self {
        Self::over(Arc::new(OsFileSystem), project)
    }

    pub(crate) fn over(fs: Arc<dyn FileSystem>, project: &Project) -> Self {
        let options = Options {
            python: project.python.clone(),
            flyte_version: project.flyte_version.clone(),
            flyte_version_setting: None,
            working_directory: project.working_directory.clone(),
            root_dir: project.root_dir.clone(),
            flyte_config: project.flyte_config.clone(),
        };
        Self {
            ambient: ambient(),
            fs,
            sources: Sources::default(),
            options,
            installations: Installations::default(),
            facts: Mutex::default(),
        }
    }

    /// The facts for a file; files of one folder share them.
    pub(crate) fn facts(&self, path: &Path) -> Arc<Facts> {
        let folder = path.parent().unwrap_or(path).to_path_buf();
        let mut known = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        let find = || {
            let (options, ambient) = (&self.options, &self.ambient);
            Arc::new(Facts::find_with(path, options, ambient, &self.installations, &*self.fs))
        };
        Arc::clone(known.entry(folder).or_insert_with(find))
    }

    /// Inspects a file.
    pub(crate) fn inspect(&self, path: &Path) -> Result<(FileReport, Arc<Facts>), String> {
        let facts = self.facts(path);
        inspect(path, &self.sources, &*self.fs, &facts).map(|report| {
            let facts = Arc::clone(&report.facts);
            (report, facts)
        })
    }

    /// A path below the current directory without it.
    pub(crate) fn shown(&self, path: &Path) -> String {
        let relative = path.strip_prefix(&self.ambient.current_directory).unwrap_or(path);
        relative.display().to_string()
    }
}
