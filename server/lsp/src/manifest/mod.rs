//! The files that images are made from, in the editor: headers of scripts, requirements files, projects.
//!
//! One file a feature. All work on a [`Document`], which is put together for each request; what its text and the lock beside
//! it say is kept with those texts.

pub(crate) mod actions;
pub(crate) mod completion;
pub(crate) mod formatting;
pub(crate) mod hover;
mod keys;
mod lexer;
pub(crate) mod links;
pub(crate) mod references;
pub(crate) mod rename_files;
pub(crate) mod symbols;

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_manifests::fs::FileSystem;
use image_manifests::locks::{self, Locked};
use image_manifests::manifest::{Dependency, Format, Manifest};
use image_manifests::position::LineIndex;
use image_python::project::{Facts, Packages};
use tower_lsp::ls_types::{Position, Uri};

use crate::documents::Open;
use crate::state::State;
use crate::view::View;

/// A file that images are made from, as the editor has it.
pub(crate) struct Document {
    view: View,
    pub(crate) manifest: Arc<Manifest>,
}

impl Deref for Document {
    type Target = View;

    fn deref(&self) -> &View {
        &self.view
    }
}

/// Whether a file is looked at as what images are made from, and never as a module.
pub(crate) fn is_manifest(path: &Path) -> bool {
    !matches!(Format::of(path), None | Some(Format::Script))
}

/// Whether a text file holds requirements: by its name, by what the client calls it, or since an image is made from it.
pub(crate) fn is_requirements(path: &Path, state: &State) -> bool {
    let shown = path.to_string_lossy().to_lowercase();
    let by_name = shown.contains("requirements") || shown.contains("constraints");
    let by_client =
        || state.documents.language(path).is_some_and(|language| language.contains("requirements"));
    let by_image = || !state.foreign.users(path).is_empty() || !state.readers_of(path).is_empty();
    by_name || by_client() || by_image()
}

impl Document {
    /// The document of an address; `None` for what says nothing of dependencies, and for text files that are not known
    /// to be requirements.
    pub(crate) fn at(uri: &Uri, state: &State) -> Option<Self> {
        let path = state.documents.file_of(uri)?;
        let is_one = Format::of(&path) != Some(Format::Requirements) || is_requirements(&path, state);
        is_one.then(|| Self::of(&path, state))?
    }

    /// The document of a file, open or not.
    pub(crate) fn of(path: &Path, state: &State) -> Option<Self> {
        let format = Format::of(path)?;
        let text = state.text_of(path)?;
        let manifest = Manifest::shared(format, &text)?;
        let unopened = || Some(Open { uri: Uri::from_file_path(path)?, version: 0 });
        let open = state.documents.get(path).or_else(unopened)?;
        let index = LineIndex::new(&text);
        let unit = state.documents.unit();
        let view = View { open, path: path.into(), text, index, cells: Arc::default(), unit };
        Some(Self { view, manifest })
    }

    /// The byte of a position, if it is one of what says something of dependencies: of a script, its header.
    pub(crate) fn place(&self, position: Position) -> Option<usize> {
        let byte = self.byte(&self.open.uri, position);
        let header = self.manifest.header.as_ref();
        (self.manifest.format != Format::Script || header.is_some_and(|h| h.contains(byte))).then_some(byte)
    }

    pub(crate) fn view(&self) -> &View {
        &self.view
    }

    fn facts(&self, state: &State) -> Arc<Facts> {
        state.facts(&self.path, &state.snapshot())
    }

    /// The lock that belongs to the file: a script's own, else the nearest one of a project.
    fn lock(&self, state: &State) -> Option<PathBuf> {
        let fs = state.snapshot();
        if self.manifest.format == Format::Script {
            let mut own = self.path.as_os_str().to_owned();
            own.push(".lock");
            let own = PathBuf::from(own);
            if fs.is_file(&own) {
                return Some(own);
            }
        }
        let roots = state.roots();
        let within = |folder: &&Path| roots.is_empty() || roots.iter().any(|root| folder.starts_with(root));
        self.path.ancestors().skip(1).take_while(within).find_map(|folder| {
            ["uv.lock", "poetry.lock", "pixi.lock"]
                .iter()
                .map(|name| folder.join(name))
                .find(|lock| fs.is_file(lock))
        })
    }

    /// What is known of the packages around the file.
    pub(crate) fn surroundings(&self, state: &State) -> Surroundings {
        let facts = self.facts(state);
        let fs = state.snapshot();
        let interpreter = facts.interpreter.as_ref();
        let installed = interpreter.map(|i| (state.packages.packages(&i.search_path, &fs), i.shown.clone()));
        let lock = self.lock(state).and_then(|path| {
            let text = fs.read_shared(&path).ok()?;
            Some((locks::shared(path.file_name()?.to_str()?, &text), path))
        });
        Surroundings { installed, lock }
    }
}

/// What is installed and locked around a file.
pub(crate) struct Surroundings {
    /// The packages, and the environment that they are in.
    pub(crate) installed: Option<(Arc<Packages>, String)>,
    /// The lock, and its path.
    pub(crate) lock: Option<(Arc<locks::Index>, PathBuf)>,
}

impl Surroundings {
    /// The version that is installed, and where.
    pub(crate) fn installed(&self, name: &str) -> Option<(&str, &str)> {
        let (packages, shown) = self.installed.as_ref()?;
        Some((&packages.get(name)?.version, shown))
    }

    /// What is locked of a project.
    pub(crate) fn locked(&self, name: &str) -> &[Locked] {
        self.lock.as_ref().and_then(|(index, _)| index.get(name)).map(Vec::as_slice).unwrap_or_default()
    }

    /// The name of the lock's file.
    pub(crate) fn lock_name(&self) -> &str {
        self.lock.as_ref().and_then(|(_, path)| path.file_name()?.to_str()).unwrap_or_default()
    }

    /// What a package says of itself.
    pub(crate) fn metadata(
        &self,
        name: &str,
        state: &State,
    ) -> Option<Arc<image_python::project::PackageMetadata>> {
        let (packages, _) = self.installed.as_ref()?;
        Some(state.packages.metadata(packages.get(name)?, &state.snapshot()))
    }
}

/// The page of a project: by what is installed of it, else the address that it is written with.
pub(crate) fn page(
    dependency: &Dependency,
    around: &Surroundings,
    state: &State,
) -> Option<(String, String)> {
    let metadata = around.metadata(&dependency.name, state);
    let link = metadata.as_ref().and_then(|m| m.links.first()).cloned();
    link.or_else(|| {
        let parts = image_manifests::requirement::parts(&dependency.text)?;
        let address = dependency.text.get(parts.address?)?;
        let address = address.strip_prefix("git+").unwrap_or(address);
        let plain = address.starts_with("https://") && !address.contains(['$', '@', ' ']);
        plain.then(|| ("Address".to_owned(), address.to_owned()))
    })
}
