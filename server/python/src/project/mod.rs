//! The facts of a project: which Python, which flyte, which configuration. Found without running anything.
//!
//! What comes from the process (environment variables, current directory) is handed in by the program as
//! [`Ambient`]; nothing here reads it on its own.

mod config;
mod installed;
mod interpreter;
mod packages;
mod release;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use image_manifests::fs::FileSystem;
use image_model::release::Coverage;
use image_model::world::{Environment, Fact};

pub use config::ConfigFile;
pub use installed::{Installations, Installed};
pub use interpreter::Interpreter;
pub use packages::{Metadata as PackageMetadata, Package, PackageCache, Packages, installed_version};
pub use release::{ReleaseInUse, ReleaseSource, assumed};

/// What the process knows: its environment and its directory.
#[derive(Debug, Clone, Default)]
pub struct Ambient {
    /// Environment variables.
    pub variables: BTreeMap<String, String>,
    /// The current directory, absolute.
    pub current_directory: PathBuf,
}

/// What the user says on the command line or in settings.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// An interpreter or an environment.
    pub python: Option<PathBuf>,
    /// The release of flyte, given on the command line: taken whatever is installed.
    pub flyte_version: Option<String>,
    /// The release of flyte, given in settings: taken where nothing else tells it.
    pub flyte_version_setting: Option<String>,
    /// What relative paths in code are resolved from.
    pub working_directory: Option<PathBuf>,
    /// flyte's root_dir; `none` means that flyte is not initialised.
    pub root_dir: Option<String>,
    /// flyte's configuration file.
    pub flyte_config: Option<PathBuf>,
}

/// The facts, each with where it comes from.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The facts as the model takes them.
    pub environment: Environment,
    /// Environment variables that code may read.
    pub variables: BTreeMap<String, String>,
    /// Where the project begins: the nearest folder with a pyproject.toml, a `.git` or a `.venv`.
    pub project_root: Option<PathBuf>,
    /// The interpreter.
    pub interpreter: Option<Interpreter>,
    /// Where the release of flyte comes from.
    pub release_source: ReleaseSource,
    /// The same in words: `installed in .venv`.
    pub release_from: String,
    /// What else was seen of flyte, and what is assumed of it.
    pub release_notes: Vec<String>,
    /// flyte's configuration file.
    pub config: Option<ConfigFile>,
    /// Where the registry comes from.
    pub registry_source: Option<String>,
}

impl Facts {
    /// The builder that flyte's configuration chooses; the variable counts only beside a configuration file.
    ///
    /// Source: flyte 2.12.1, `ImageConfig.auto`.
    #[must_use]
    pub fn configured_builder(&self) -> Option<&str> {
        let config = self.config.as_ref().filter(|c| !c.is_missing)?;
        let variable = self.variables.get("FLYTE_IMAGE_BUILDER");
        variable.or(config.content.builder.as_ref()).map(String::as_str)
    }

    /// Finds the facts for a file or a folder.
    #[must_use]
    pub fn find(start: &Path, options: &Options, ambient: &Ambient, fs: &dyn FileSystem) -> Self {
        Self::find_with(start, options, ambient, &Installations::default(), fs)
    }

    /// The same, with what is known already of installed packages.
    #[must_use]
    pub fn find_with(
        start: &Path,
        options: &Options,
        ambient: &Ambient,
        installations: &Installations,
        fs: &dyn FileSystem,
    ) -> Self {
        let working_directory = match &options.working_directory {
            Some(directory) => ambient.current_directory.join(directory),
            None => ambient.current_directory.clone(),
        };
        let folder = if fs.is_dir(start) { start } else { start.parent().unwrap_or(start) };
        let project_root = folder
            .ancestors()
            .find(|f| ["pyproject.toml", ".git", ".venv"].iter().any(|n| fs.exists(&f.join(n))))
            .map(Path::to_path_buf);
        let interpreter = interpreter::find(folder, options, ambient, fs);
        let (project_root_path, interpreter_found) = (project_root.as_deref(), interpreter.as_ref());
        let search = release::Search {
            folder,
            project_root: project_root_path,
            options,
            interpreter: interpreter_found,
            installations,
            fs,
        };
        let in_use = search.find();
        let config = config::find(&working_directory, options, ambient, fs);
        let (registry, registry_source) = config::registry(config.as_ref(), ambient);
        let root_dir = match options.root_dir.as_deref() {
            Some("none") => None,
            Some(root) => Some(text(&ambient.current_directory.join(root))),
            None => Some(text(&working_directory)),
        };
        let missing_config = config.as_ref().filter(|c| c.is_missing).map(|c| text(&c.path));
        let environment = Environment {
            release: in_use.release,
            python_version: interpreter.as_ref().and_then(|i| i.version),
            registry,
            endpoint: endpoint(config.as_ref(), ambient).filter(|_| root_dir.is_some()),
            local_plugins: ambient.variables.get("_F_LOCAL_PLUGINS").cloned(),
            rust_controller: ambient.variables.get("_F_USE_RUST_CONTROLLER").cloned(),
            root_dir,
            working_directory: text(&working_directory),
            temp_dir: temp_dir(ambient),
            site_packages: in_use.site.map(|p| text(&p)),
            missing_config,
            image_refs: config.as_ref().filter(|c| !c.is_missing).map(|c| c.content.image_refs.clone()),
            folders: image_model::folders::Handle::default(),
        };
        Self {
            environment,
            variables: ambient.variables.clone(),
            project_root,
            interpreter,
            release_source: in_use.source,
            release_from: in_use.from,
            release_notes: in_use.notes,
            config,
            registry_source,
        }
    }

    /// The facts for a script with a header that says which flyte it uses; `None` for other files.
    #[must_use]
    pub fn of_script(&self, script: &Path, text: &str, fs: &dyn FileSystem) -> Option<Self> {
        if self.release_source == ReleaseSource::Given {
            return None;
        }
        let in_use = release::of_script(script, text, fs)?;
        let mut facts = self.clone();
        facts.environment.release = in_use.release;
        facts.release_source = in_use.source;
        facts.release_from = in_use.from;
        facts.release_notes = in_use.notes;
        Some(facts)
    }

    /// A fact in words, as an assumption.
    #[must_use]
    pub fn describe(&self, fact: Fact) -> String {
        let e = &self.environment;
        match fact {
            Fact::PythonVersion => match (&self.interpreter, e.python_version) {
                (Some(interpreter), Some((major, minor))) => {
                    format!("python_version is that of {} ({major}.{minor})", interpreter.shown)
                }
                _ => "no Python interpreter was found".to_owned(),
            },
            Fact::FlyteVersion => format!("flyte is {} ({})", e.release.version, self.release_from),
            Fact::Registry => match &self.registry_source {
                Some(source) => format!("the registry is that of {source}"),
                None => "the registry is the one given to flyte.init".to_owned(),
            },
            Fact::RootDir => match &e.root_dir {
                Some(root) => format!("flyte's root_dir is {root}"),
                None => "flyte is not initialised".to_owned(),
            },
            Fact::WorkingDirectory => format!("relative paths start from {}", e.working_directory),
            Fact::TempDir => format!("temporary files go to {}", e.temp_dir),
            Fact::InstallDir => {
                format!("flyte is installed in {}", e.site_packages.as_deref().unwrap_or("an unknown place"))
            }
            Fact::ImageRefs => match &self.config {
                Some(config) => format!("image references are those of {}", config.path.display()),
                None => "image references come from flyte.init".to_owned(),
            },
            Fact::CopyStyle => "the code is not baked in (--copy-style is not none)".to_owned(),
            Fact::Endpoint => {
                format!("flyte's endpoint is {}", e.endpoint.as_deref().unwrap_or_default())
            }
            Fact::Uv => "uv is on PATH when the image is built".to_owned(),
        }
    }

    /// Why nothing can be said with the release in use.
    #[must_use]
    pub fn release_unknown(&self) -> Option<String> {
        let release = &self.environment.release;
        (release.coverage == Coverage::Older).then(|| {
            format!(
                "what flyte {} does is not known to this version of image-lsp, which knows {} to {}",
                release.version,
                image_model::release::oldest(),
                image_model::release::newest()
            )
        })
    }
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

/// flyte's endpoint: the environment variable wins over the configuration file.
fn endpoint(config: Option<&ConfigFile>, ambient: &Ambient) -> Option<String> {
    match ambient.variables.get("FLYTE_ADMIN_ENDPOINT") {
        Some(endpoint) => Some(endpoint.clone()),
        None => config.and_then(|c| c.content.endpoint.clone()),
    }
}

/// `tempfile.gettempdir()`, as far as environment variables decide it.
fn temp_dir(ambient: &Ambient) -> String {
    ["TMPDIR", "TEMP", "TMP"]
        .iter()
        .find_map(|name| ambient.variables.get(*name).filter(|v| !v.is_empty()))
        .map_or_else(|| "/tmp".to_owned(), |v| v.trim_end_matches('/').to_owned())
}
