//! Files that images are made from, named on the command line: what is found in them by looking at the modules of the
//! project that use them.

use std::path::{Path, PathBuf};

use image_manifests::manifest::Format;
use image_python::files::{may_have_images, walk};
use image_rules::Finding;

use crate::context::Context;

/// What is wrong in a requirements file, a project or a lock, each finding with the module that uses it; `None` for
/// other files.
pub(super) fn check(path: &Path, context: &Context) -> Option<Vec<(Finding, PathBuf)>> {
    match Format::of(path) {
        None | Some(Format::Script) => return None,
        Some(_) => {}
    }
    let facts = context.facts(path);
    let root = facts.project_root.as_deref().or(path.parent()).unwrap_or(path);
    let (mut modules, _) = walk(root, &|p: &Path| p.extension().is_some_and(|e| e == "py"));
    modules.sort();
    modules.retain(|m| std::fs::read(m).is_ok_and(|bytes| may_have_images(&bytes)));
    let mut found = Vec::new();
    for module in modules {
        let own = context.check_over(&module, &*context.fs).into_iter().filter(|f| *f.site.path == *path);
        found.extend(own.map(|finding| (finding, module.clone())));
    }
    Some(found)
}
