//! The facts of the user's environment that an image depends on, and a record of which of them were used.

use std::cell::Cell;
use std::path::PathBuf;

use image_manifests::fs::FileSystem;

use crate::path::PyPath;
use crate::release::{Behaviours, Release};

/// One fact that a result can rest on beyond the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Fact {
    /// The version of the interpreter that runs the file.
    PythonVersion,
    /// The release of flyte.
    FlyteVersion,
    /// The configured registry.
    Registry,
    /// flyte's root_dir.
    RootDir,
    /// The working directory.
    WorkingDirectory,
    /// The directory for temporary files.
    TempDir,
    /// Where flyte is installed.
    InstallDir,
    /// The configured image references.
    ImageRefs,
    /// How code bundles are copied (`--copy-style`).
    CopyStyle,
    /// That `uv` is on PATH and can resolve the project.
    Uv,
    /// flyte's endpoint.
    Endpoint,
}

/// A set of facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Facts(u16);

impl Facts {
    /// All facts, in order.
    pub const ALL: [Fact; 11] = [
        Fact::PythonVersion,
        Fact::FlyteVersion,
        Fact::Registry,
        Fact::RootDir,
        Fact::WorkingDirectory,
        Fact::TempDir,
        Fact::InstallDir,
        Fact::ImageRefs,
        Fact::CopyStyle,
        Fact::Uv,
        Fact::Endpoint,
    ];

    /// Adds a fact.
    pub fn insert(&mut self, fact: Fact) {
        self.0 |= 1 << (fact as u8);
    }

    /// Whether a fact is in it.
    #[must_use]
    pub fn contains(self, fact: Fact) -> bool {
        self.0 & (1 << (fact as u8)) != 0
    }

    /// Both sets together.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The environment as far as images depend on it.
#[derive(Debug, Clone)]
pub struct Environment {
    /// The release of flyte.
    pub release: Release,
    /// `(major, minor)` of the interpreter; `None` when none was found.
    pub python_version: Option<(u32, u32)>,
    /// The configured registry.
    pub registry: Option<String>,
    /// The endpoint of flyte's backend, as far as flyte is initialised with one.
    pub endpoint: Option<String>,
    /// `_F_LOCAL_PLUGINS`: the plugins that a development install of flyte adds to its default image.
    pub local_plugins: Option<String>,
    /// `_F_USE_RUST_CONTROLLER`: whether such an install adds the Rust controller.
    pub rust_controller: Option<String>,
    /// flyte's `root_dir`, as given; `None` when flyte is not initialised.
    pub root_dir: Option<String>,
    /// Absolute: what relative paths are resolved from.
    pub working_directory: String,
    /// `tempfile.gettempdir()`
    pub temp_dir: String,
    /// The folder that holds flyte's package folder; `None` when flyte is not installed.
    pub site_packages: Option<String>,
    /// A configuration file that an environment variable names and that is not there: flyte fails on it.
    pub missing_config: Option<String>,
    /// `image.image_refs` of the configuration; `None` when there is no configuration file.
    pub image_refs: Option<Vec<(String, String)>>,
    /// Who is asked about whole folders.
    pub folders: crate::folders::Handle,
}

impl Environment {
    /// Whether the interpreter is a version of Python or a later one. Where it is not known, it is not 3.10.
    #[must_use]
    pub fn is_python(&self, major: u32, minor: u32) -> bool {
        self.python_version.unwrap_or((3, 11)) >= (major, minor)
    }
}

/// The environment and the files, and which facts were used so far.
pub struct World<'a> {
    /// The files.
    pub fs: &'a dyn FileSystem,
    /// The environment.
    pub env: &'a Environment,
    used: Cell<Facts>,
}

impl<'a> World<'a> {
    /// A world in which nothing was used yet.
    #[must_use]
    pub fn new(fs: &'a dyn FileSystem, env: &'a Environment) -> Self {
        Self { fs, env, used: Cell::new(Facts::default()) }
    }

    /// What the release in use does.
    #[must_use]
    pub fn behaviours(&self) -> &'a Behaviours {
        &self.env.release.behaviours
    }

    /// Notes that a result rests on a fact.
    pub fn uses(&self, fact: Fact) {
        let mut used = self.used.get();
        used.insert(fact);
        self.used.set(used);
    }

    /// The facts used since the last call.
    pub fn take_used(&self) -> Facts {
        self.used.replace(Facts::default())
    }

    /// Where a path leads: relative ones start from the working directory.
    pub fn resolve(&self, path: &PyPath) -> PathBuf {
        if path.is_absolute() {
            return PathBuf::from(path.as_str());
        }
        self.uses(Fact::WorkingDirectory);
        PathBuf::from(&self.env.working_directory).join(path.as_str())
    }

    /// `path.exists()`
    pub fn exists(&self, path: &PyPath) -> bool {
        self.fs.exists(&self.resolve(path))
    }

    /// `path.is_file()`
    pub fn is_file(&self, path: &PyPath) -> bool {
        self.fs.is_file(&self.resolve(path))
    }

    /// `path.is_dir()`
    pub fn is_dir(&self, path: &PyPath) -> bool {
        self.fs.is_dir(&self.resolve(path))
    }

    /// `path.absolute()`: not normalised.
    pub fn absolute(&self, path: &PyPath) -> PyPath {
        if path.is_absolute() {
            return path.clone();
        }
        self.uses(Fact::WorkingDirectory);
        PyPath::new(&self.env.working_directory).join(path.as_str())
    }

    /// `path.resolve()`: links followed as far as the path exists.
    pub fn realpath(&self, path: &PyPath) -> PyPath {
        let absolute = self.absolute(path);
        let mut existing = absolute.clone();
        let mut rest: Vec<String> = Vec::new();
        loop {
            if let Ok(real) = self.fs.canonicalize(&PathBuf::from(existing.as_str()))
                && let Some(real) = real.to_str()
            {
                let joined = rest.iter().rev().fold(PyPath::new(real), |p, name| p.join(name));
                return joined.normalised();
            }
            let parent = existing.parent();
            if parent == existing {
                return absolute.normalised();
            }
            rest.push(existing.name().to_owned());
            existing = parent;
        }
    }
}
