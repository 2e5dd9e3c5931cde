//! Files that images are made from, named on the command line: what is found in them by looking at the modules that use
//! them.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use image_manifests::header;
use image_manifests::manifest::Format;
use image_python::files::{may_have_images, walk};
use image_rules::Finding;

use crate::context::Context;
use crate::files::is_module;

/// Findings, each with the module that was looked at.
pub(super) type Found = Vec<(Finding, PathBuf)>;

/// What is found in other files by the modules below a folder, by that folder. Each is looked at once.
#[derive(Default)]
pub(super) struct Projects(Mutex<HashMap<PathBuf, Arc<Found>>>);

impl Projects {
    /// What is wrong in a requirements file, a project or a lock; `None` for files that are looked at themselves.
    pub(super) fn check(&self, path: &Path, context: &Context) -> Option<Found> {
        match Format::of(path) {
            Some(Format::Script) => return None,
            // Other tables say nothing of images.
            None if path.extension().is_some_and(|e| e == "toml") => return Some(Vec::new()),
            None => return None,
            Some(_) => {}
        }
        Some(self.said_of(path, context))
    }

    /// What other modules say of the header of a script that is named itself.
    pub(super) fn of_header(&self, path: &Path, context: &Context) -> Found {
        let is_script = || Format::of(path) == Some(Format::Script);
        let text = if is_script() { context.fs.read_shared(path).ok() } else { None };
        let has_header = text.is_some_and(|text| header::find(&text).is_some());
        if has_header { self.said_of(path, context) } else { Vec::new() }
    }

    fn said_of(&self, path: &Path, context: &Context) -> Found {
        let root = around(path, context);
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_project = known.entry(root).or_insert_with_key(|root| Arc::new(of_modules(root, context)));
        of_project.iter().filter(|(finding, _)| *finding.site.path == *path).cloned().collect()
    }
}

/// The folder whose modules may use a file: its repository, where a project may be made an image by what lies outside of
/// it. Without one it is the project, or the folder that the program runs in if that is further out.
fn around(path: &Path, context: &Context) -> PathBuf {
    let above = || path.ancestors().skip(1);
    let repository = above().find(|folder| context.raw.exists(&folder.join(".git")));
    if let Some(repository) = repository {
        return repository.to_owned();
    }
    let facts = context.facts(path);
    let here = above().find(|folder| **folder == context.ambient.current_directory);
    let project = facts.project_root.as_deref().or(path.parent());
    here.into_iter().chain(project).min_by_key(|folder| folder.as_os_str().len()).unwrap_or(path).to_owned()
}

/// What the modules below a folder say of other files.
fn of_modules(root: &Path, context: &Context) -> Found {
    let (mut modules, _) = walk(root, &is_module);
    modules.sort();
    modules.retain(|m| std::fs::read(m).is_ok_and(|bytes| may_have_images(&bytes)));
    modules.retain(|m| !context.is_excluded(m));
    let mut found = Vec::new();
    for module in modules {
        let all = context.check_over(&module, &*context.fs).into_iter();
        found.extend(all.filter(|f| *f.site.path != *module).map(|finding| (finding, module.clone())));
    }
    found
}
