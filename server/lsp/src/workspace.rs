//! The files of the workspace that can have images, open or not.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_manifests::fs::FileSystem;
use image_manifests::manifest::{Format, Manifest};
use image_python::files::{may_have_images, walk};
use image_python::inspect::FileReport;
use image_python::syntax::ast::Module;
use tower_lsp::ls_types::{Diagnostic, Uri};

use crate::analysis::Analysis;
use crate::diagnostics::{by_document, of_manifest};
use crate::foreign::Foreign;
use crate::manifest::references::uses_of;
use crate::manifest::{Document, is_manifest, is_requirements};
use crate::state::State;

/// Files of the workspace folders that can have images, in order; excluded ones are left out. Takes long.
pub(crate) fn files(state: &State) -> Vec<PathBuf> {
    let wanted = |path: &Path| path.extension().is_some_and(|e| e == "py");
    let mut found: BTreeSet<PathBuf> = BTreeSet::new();
    for root in state.roots() {
        found.extend(walk(&root, &wanted).0);
    }
    let fs = state.snapshot();
    let roots = state.roots();
    found.extend(
        state.documents.paths().into_iter().filter(|p| wanted(p) && roots.iter().any(|r| p.starts_with(r))),
    );
    let has_images = |path: &PathBuf| fs.read(path).is_ok_and(|bytes| may_have_images(&bytes));
    found.into_iter().filter(has_images).filter(|p| !state.settings(p, &fs).exclude.contains(p)).collect()
}

/// The images of every file of the workspace. Takes long.
pub(crate) fn reports(state: &State) -> Vec<Arc<FileReport>> {
    let fs = state.snapshot();
    files(state).iter().filter_map(|path| state.inspect(path, &fs).map(Arc::new)).collect()
}

/// Files that can have images above which only those are looked at that name a method which takes a file.
const MANY: usize = 200;

/// The modules of the workspace that use files, by file. Takes long.
pub(crate) fn users(targets: &[PathBuf], state: &State) -> BTreeMap<PathBuf, BTreeSet<PathBuf>> {
    const METHODS: [&str; 4] = ["with_requirements", "_project(", "from_uv_script", "from_pixi_script"];
    let fs = state.snapshot();
    let mut modules = files(state);
    if modules.len() > MANY {
        let names_one = |path: &PathBuf| {
            fs.read_shared(path).is_ok_and(|text| METHODS.iter().any(|method| text.contains(method)))
        };
        modules.retain(names_one);
    }
    let mut users: BTreeMap<PathBuf, BTreeSet<PathBuf>> = BTreeMap::new();
    for module in modules {
        let Some(report) = state.inspect(&module, &fs) else { continue };
        for target in targets.iter().filter(|t| **t != module) {
            if !uses_of(target, &report, state).is_empty() {
                users.entry(target.clone()).or_default().insert(module.clone());
            }
        }
    }
    users
}

/// Bytes above which a file is not read for the names in it.
const LARGE: u64 = 1 << 20;

/// The names of packages that scripts, requirements files and projects of the workspace use. Takes long.
pub(crate) fn package_names(state: &State) -> BTreeSet<String> {
    let wanted = |path: &Path| match Format::of(path) {
        None | Some(Format::Lock) => false,
        Some(Format::Requirements) => is_requirements(path, state),
        Some(_) => true,
    };
    let fs = state.snapshot();
    let mut names = BTreeSet::new();
    for path in state.roots().iter().flat_map(|root| walk(root, &wanted).0) {
        let Some(format) = Format::of(&path) else { continue };
        if fs.metadata(&path).map_or(0, |m| m.len) > LARGE {
            continue;
        }
        let Ok(text) = fs.read_shared(&path) else { continue };
        let manifest = Manifest::read(format, &text);
        let own = manifest.iter().flat_map(|m| &m.dependencies).map(|d| d.name.clone());
        names.extend(own.filter(|name| !name.is_empty()));
    }
    names
}

/// The parsed files of the workspace that import anything, which is where a name of another one can stand. Takes long.
pub(crate) fn modules(state: &State, name: &str) -> Vec<Arc<Module>> {
    let wanted = |path: &Path| path.extension().is_some_and(|e| e == "py");
    let mut found: BTreeSet<PathBuf> = state.documents.paths().into_iter().filter(|p| wanted(p)).collect();
    for root in state.roots() {
        found.extend(walk(&root, &wanted).0);
    }
    let fs = state.snapshot();
    let mentions = |path: &&PathBuf| fs.read_shared(path).is_ok_and(|text| text.contains(name));
    found.iter().filter(mentions).filter_map(|path| state.sources().module(path, &fs).ok()).collect()
}

/// What is wrong in every file of the workspace: the document, its version where it is open, and the findings; those of
/// rules that look at all files together among them. Takes long.
pub(crate) fn diagnostics(state: &State) -> Vec<(Uri, Option<i32>, Vec<Diagnostic>)> {
    let fs = Arc::new(state.snapshot());
    let analyses: Vec<Analysis> =
        files(state).iter().filter_map(|path| state.analyse_over(path, Arc::clone(&fs))).collect();
    let foreign = Foreign::default();
    let targets: BTreeSet<PathBuf> = analyses.iter().flat_map(|a| foreign.note(a)).collect();
    let reports: Vec<_> = analyses.iter().map(|a| (&a.report, &*a.settings)).collect();
    let together = image_rules::check_workspace(&reports, state.sources(), &*fs);
    let mut found = Vec::new();
    for mut analysis in analyses {
        let own = together.iter().filter(|f| f.site.path == analysis.report.path).cloned();
        analysis.findings.extend(own);
        image_rules::order(&mut analysis.findings);
        let version = state.documents.get(&analysis.report.path).map(|o| o.version);
        let others = foreign.of(&analysis.report.path);
        let documents = by_document(&analysis, others, state);
        found.extend(documents.into_iter().map(|(uri, diagnostics)| (uri, version, diagnostics)));
    }
    for document in targets.iter().filter(|t| is_manifest(t)).filter_map(|t| Document::of(t, state)) {
        let version = state.documents.get(&document.path).map(|o| o.version);
        let diagnostics = of_manifest(&document, &foreign.of(&document.path), state);
        found.push((document.open.uri.clone(), version, diagnostics));
    }
    found
}
