//! `textDocument/definition` and `references` in headers, requirements files and projects: to the images that are made
//! from the file, to the lock, to other places that name a project.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_manifests::fs::FileSystem;
use image_manifests::manifest::{Format, Manifest};
use image_manifests::requirements_txt::Kind;
use image_model::layers::needed;
use image_model::origin::Site;
use image_model::value::Value;
use image_model::world::World;
use image_python::files::walk;
use image_python::inspect::FileReport;
use tower_lsp::ls_types::{Location, Position, Uri};

use super::{Document, is_requirements};
use crate::analysis::Analysis;
use crate::state::State;
use crate::workspace;

/// Where it is defined what stands at a position: a project's version in the lock, a file that is taken in. `None` where
/// the position is not in a manifest.
pub(crate) fn definition(uri: &Uri, position: Position, state: &State) -> Option<Vec<Location>> {
    let document = Document::at(uri, state)?;
    let byte = document.place(position)?;
    let entry = document.manifest.entries.iter().find(|e| e.value.start <= byte && byte <= e.value.end);
    if let Some(entry) = entry.filter(|e| matches!(e.kind, Kind::Include | Kind::Constraint)) {
        let path = document.path.parent()?.join(document.text.get(entry.value.clone())?);
        let is_there = state.snapshot().is_file(&path);
        let site = Site { path: path.into(), start: 0, end: 0 };
        return Some(state.locate(&site).filter(|_| is_there).into_iter().collect());
    }
    let Some(dependency) = document.manifest.dependency_at(byte) else { return Some(Vec::new()) };
    let around = document.surroundings(state);
    let Some((_, lock)) = &around.lock else { return Some(Vec::new()) };
    let site = |range: &std::ops::Range<usize>| Site {
        path: lock.as_path().into(),
        start: range.start,
        end: range.end,
    };
    Some(around.locked(&dependency.name).iter().filter_map(|l| state.locate(&site(&l.range))).collect())
}

/// Everything that refers to what stands at a position: other places that name a project, and the images that are made
/// from the file. Takes long.
pub(crate) fn references(
    uri: &Uri,
    position: Position,
    declarations: bool,
    state: &State,
) -> Option<Vec<Location>> {
    let document = Document::at(uri, state)?;
    let byte = document.place(position)?;
    let mut locations: Vec<Location> = Vec::new();
    let mut add = |location: Option<Location>| {
        locations.extend(location.filter(|l| !locations.contains(l)));
    };
    let dependency = document.manifest.dependency_at(byte).filter(|d| !d.name.is_empty());
    if let Some(dependency) = dependency {
        let own = Site {
            path: Arc::clone(&document.path),
            start: dependency.name_range.start,
            end: dependency.name_range.end,
        };
        for site in named(&dependency.name, state) {
            if declarations || site != own {
                add(state.locate(&site));
            }
        }
    } else {
        for report in workspace::reports(state) {
            for (_, site) in uses_of(&document.path, &report, state) {
                add(state.locate(&site));
            }
        }
    }
    Some(locations)
}

/// Arguments that name a file, each with the number of the image in its module.
type Uses = Vec<(usize, Site)>;

/// The arguments of a module that name a file, each with the number of its image.
pub(crate) fn uses_of(path: &Path, report: &FileReport, state: &State) -> Uses {
    let fs = state.snapshot();
    let mut found = Uses::new();
    for (number, image) in report.images.iter().enumerate() {
        for variant in &image.variants {
            for layer in &variant.image.layers {
                let Some(call) = &layer.site else { continue };
                let world = World::new(&fs, &variant.environment);
                for needed in needed(layer).into_iter().filter(|n| world.resolve(&n.path) == path) {
                    // What flyte chose itself stands at the call.
                    let given: Vec<&Site> = call.argument(needed.parameter).collect();
                    let sites = if given.is_empty() { vec![&call.site] } else { given };
                    for site in sites {
                        if !found.iter().any(|(n, s)| *n == number && s == site) {
                            found.push((number, site.clone()));
                        }
                    }
                }
            }
        }
    }
    found
}

/// The modules that are known to use a file, with the images that do: those that are open or followed.
pub(crate) fn images_of(path: &Path, state: &State) -> Vec<(Arc<Analysis>, Uses)> {
    let mut modules = state.documents.paths();
    modules.extend(state.foreign.users(path));
    modules.sort();
    modules.dedup();
    // One that is being worked out is waited for.
    let known = modules.iter().filter_map(|module| state.last(module).or_else(|| state.analyse(module)));
    known
        .filter_map(|analysis| {
            let uses = uses_of(path, &analysis.report, state);
            (!uses.is_empty()).then_some((analysis, uses))
        })
        .collect()
}

/// Every place of the workspace that names a project: manifests and images.
fn named(name: &str, state: &State) -> Vec<Site> {
    let fs = state.snapshot();
    let mut files: Vec<PathBuf> = state.documents.paths();
    for root in state.roots() {
        files.extend(walk(&root, &|path: &Path| matches!(Format::of(path), Some(f) if f != Format::Lock)).0);
    }
    files.sort();
    files.dedup();
    let mut sites = Vec::new();
    for path in files {
        let Some(format) = Format::of(&path) else { continue };
        if format == Format::Requirements && !is_requirements(&path, state) {
            continue;
        }
        let Ok(text) = fs.read_shared(&path) else { continue };
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let Some(manifest) = Manifest::read(format, text) else { continue };
        let path: Arc<Path> = path.into();
        for found in manifest.dependencies.iter().filter(|d| d.name == name) {
            let (start, end) = (found.name_range.start, found.name_range.end);
            sites.push(Site { path: Arc::clone(&path), start, end });
        }
    }
    for report in workspace::reports(state) {
        let calls = report.images.iter().flat_map(|i| &i.variants).flat_map(|v| &v.image.calls);
        for given in calls.filter(|c| c.method == "with_pip_packages").flat_map(|c| c.given("packages")) {
            if let Value::Str(text) = &given.value
                && image_rules::requirements::name(text).as_deref() == Some(name)
                && !sites.contains(&given.site)
            {
                sites.push(given.site.clone());
            }
        }
    }
    sites
}
