//! Builds that failed, as diagnostics on the calls that asked for the step: until the call is edited, or the image is
//! built.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use image_build::flyte::AskError;
use image_build::{BuildError, Built, Failure};
use image_manifests::fs::FileSystem;
use image_manifests::position::LineIndex;
use image_model::origin::Site;
use tower_lsp::ls_types::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, PublishDiagnosticsParams, Uri,
};

use super::message_of;
use crate::analysis::Analysis;
use crate::diagnose::Session;
use crate::state::{State, lock};
use crate::view::to_range;

/// What diagnostics of builds name as their source.
const SOURCE: &str = "image build";

/// Builds that failed, by the file and the image's name in it.
#[derive(Default)]
pub(crate) struct Failures {
    all: Mutex<BTreeMap<(PathBuf, String), Failed>>,
    /// Dockerfiles of the user's own that have diagnostics now.
    shown: Mutex<Vec<PathBuf>>,
}

struct Failed {
    message: String,
    failure: Failure,
    /// The text of the call as it was built.
    call: Option<String>,
    /// The text of the user's own Dockerfile as it was built.
    dockerfile: Option<String>,
}

impl Failures {
    /// Notes what came of a build of the files as they were `built`. The modules of which something else is shown now.
    pub(super) fn note(
        &self,
        path: &Path,
        name: &str,
        result: &Result<Built, BuildError>,
        built: &dyn FileSystem,
    ) -> BTreeSet<PathBuf> {
        let key = (path.to_owned(), name.to_owned());
        let mut all = lock(&self.all);
        let module = |failed: &Failed| failed.failure.call.as_ref().map(|site| site.path.to_path_buf());
        let mut modules: BTreeSet<PathBuf> = all.get(&key).and_then(module).into_iter().collect();
        match result {
            Ok(_) => drop(all.remove(&key)),
            Err(error) => {
                // Of an image that did not come to a step nothing is known that was not known before.
                let Some(failure) = of_step(error) else { return modules };
                let dockerfile = failure.dockerfile.as_ref().and_then(|path| built.read_text(path).ok());
                let call = failure.call.as_ref().and_then(|site| {
                    let text = built.read_shared(&site.path).ok()?;
                    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
                    text.get(site.range()).map(str::to_owned)
                });
                let failed = Failed { message: message_of(error), failure, call, dockerfile };
                modules.extend(module(&failed));
                all.insert(key, failed);
            }
        }
        modules
    }

    /// The diagnostics of a module. What was edited since is forgotten.
    pub(crate) fn of(&self, analysis: &Analysis, state: &State) -> Vec<(Uri, Diagnostic)> {
        let mut found = Vec::new();
        let mut all = lock(&self.all);
        if all.is_empty() {
            return found;
        }
        all.retain(|_, failed| {
            let Some(call) = failed.failure.call.as_ref().filter(|c| analysis.is_here(c)) else {
                return true;
            };
            let Some(now) = call_now(call, failed.call.as_deref(), analysis) else { return false };
            found.push(diagnostic(failed, call, &now, analysis, state));
            true
        });
        found
    }

    /// The diagnostics of Dockerfiles of the user's own, and those that have none any more. Files that changed since are
    /// forgotten.
    fn of_dockerfiles(&self, fs: &dyn FileSystem, state: &State) -> Vec<(PathBuf, Vec<Diagnostic>)> {
        let mut by_file: BTreeMap<PathBuf, Vec<Diagnostic>> = BTreeMap::new();
        for path in lock(&self.shown).drain(..) {
            by_file.insert(path, Vec::new());
        }
        lock(&self.all).retain(|_, failed| {
            let Some((path, (first, last))) = failed.failure.dockerfile.clone().zip(failed.failure.lines)
            else {
                return true;
            };
            let Ok(text) = fs.read_shared(&path) else { return false };
            if failed.dockerfile.as_deref() != Some(&*text) {
                return false;
            }
            let index = LineIndex::new(&text);
            let unit = state.documents.unit();
            let start = index.byte(&text, first.saturating_sub(1), 0, unit);
            let end = index.byte(&text, last.saturating_sub(1), usize::MAX, unit);
            let range = to_range(&text, &index, start, end, unit);
            by_file.entry(path).or_default().push(plain(range, &failed.message));
            true
        });
        let shown = by_file.iter().filter(|(_, found)| !found.is_empty()).map(|(path, _)| path.clone());
        *lock(&self.shown) = shown.collect();
        by_file.into_iter().collect()
    }
}

/// What failed in the image: a step, or the run of flyte's backend.
fn of_step(error: &BuildError) -> Option<Failure> {
    match error {
        BuildError::Failed(failure) => Some(Failure::clone(failure)),
        BuildError::Flyte(AskError::Run(run)) => Some(Failure {
            message: run.to_string(),
            site: run.site.clone(),
            call: run.call.clone(),
            ..Failure::default()
        }),
        _ => None,
    }
}

/// Tells the client of Dockerfiles that failed, and of those that do not any more.
pub(crate) fn publish_dockerfile(session: &Session) {
    let state = &session.state;
    for (path, diagnostics) in state.builds.failures.of_dockerfiles(&state.snapshot(), state) {
        let Some(uri) = Uri::from_file_path(&path) else { continue };
        let parameters = PublishDiagnosticsParams { uri, diagnostics, version: None };
        session.notify("textDocument/publishDiagnostics", parameters);
    }
}

/// Where a call stands now: the nearest one with the same text.
fn call_now(call: &Site, text: Option<&str>, analysis: &Analysis) -> Option<Site> {
    let text = text?;
    let variants = analysis.report.images.iter().flat_map(|i| &i.variants);
    let calls = variants.flat_map(|v| v.image.calls.iter().chain(&v.image.origin));
    let same = calls.map(|c| &c.site).filter(|site| analysis.is_here(site));
    let same = same.filter(|site| analysis.text.get(site.range()) == Some(text));
    same.min_by_key(|site| site.start.abs_diff(call.start)).cloned()
}

fn plain(range: tower_lsp::ls_types::Range, message: &str) -> Diagnostic {
    Diagnostic {
        range,
        severity: Some(DiagnosticSeverity::ERROR),
        source: Some(SOURCE.to_owned()),
        message: message.to_owned(),
        ..Diagnostic::default()
    }
}

/// A failure on the string at fault where that stands in the call, else on the call.
fn diagnostic(
    failed: &Failed,
    before: &Site,
    now: &Site,
    analysis: &Analysis,
    state: &State,
) -> (Uri, Diagnostic) {
    let precise = failed.failure.site.as_ref();
    let inside = precise.filter(|p| p.path == before.path && before.start <= p.start && p.end <= before.end);
    let (start, end) = match inside {
        Some(site) => (now.start + site.start - before.start, now.start + site.end - before.start),
        None => (now.start, now.end),
    };
    let (uri, range) = analysis.locate(start, end);
    let elsewhere = precise.filter(|_| inside.is_none()).and_then(|site| {
        let location = state.locate(site)?;
        Some(vec![DiagnosticRelatedInformation { location, message: "it is written here".to_owned() }])
    });
    (uri, Diagnostic { related_information: elsewhere, ..plain(range, &failed.message) })
}
