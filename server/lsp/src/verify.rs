//! `imageLsp.verify`, and the same after a file is saved where the setting `verify-on-save` says so: the images of a file as
//! the installed flyte sees them beside the predictions. Differences are diagnostics until the file is edited.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use image_build::Surroundings;
use image_build::flyte::{AskError, Asker, Target, Verdict, Verified, json as as_json};
use image_manifests::fs::Overlay;
use image_model::folders::Handle;
use image_model::origin::Site;
use image_python::inspect::FileReport;
use image_python::json::Places;
use image_rules::{Finding, Severity, rules};
use serde_json::{Value, json};
use tokio::sync::watch;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{Diagnostic, LogMessageParams, MessageType, NumberOrString, Uri};

use crate::analysis::Analysis;
use crate::builds::Progress;
use crate::diagnose::{Session, say_again};
use crate::diagnostics;
use crate::state::{State, lock};
use crate::trust::{demand_module, failed};

/// What is known of files that were compared, and the comparisons that run.
#[derive(Default)]
pub(crate) struct Verifications {
    differences: Mutex<BTreeMap<PathBuf, Differences>>,
    /// By file: whom to tell that its comparison is to end.
    running: Mutex<BTreeMap<PathBuf, watch::Sender<bool>>>,
}

/// What differs in a file, as long as its text is the same.
struct Differences {
    text: Arc<str>,
    /// Places and what is wrong there.
    found: Vec<(Site, String)>,
}

impl Verifications {
    /// The diagnostics of a module. What was edited since is forgotten.
    pub(crate) fn of(&self, analysis: &Analysis, state: &State) -> Vec<(Uri, Diagnostic)> {
        let mut all = lock(&self.differences);
        let path = analysis.report.path.to_path_buf();
        let Some(known) = all.get(&path) else { return Vec::new() };
        if known.text != analysis.text {
            all.remove(&path);
            return Vec::new();
        }
        let Some(rule) = rules::find("IMG903") else { return Vec::new() };
        let here = known.found.iter().filter(|(site, _)| analysis.is_here(site));
        here.map(|(site, message)| {
            let finding =
                Finding { severity: Severity::Warning, ..Finding::new(rule, site.clone(), message.clone()) };
            diagnostics::diagnostic(&finding, site, analysis, state)
        })
        .collect()
    }

    fn note(&self, path: &Path, text: Arc<str>, verified: &Verified) {
        let of_image = |image: &image_build::flyte::Compared| match &image.verdict {
            Verdict::Different(found) => {
                // A call in another module is shown at the image that is made of it.
                let sites = found.site.iter().chain(&image.site);
                let site = sites.into_iter().find(|site| *site.path == *path)?;
                Some((site.clone(), found.message(&verified.flyte)))
            }
            _ => None,
        };
        let found: Vec<(Site, String)> = verified.images.iter().filter_map(of_image).collect();
        let mut all = lock(&self.differences);
        if found.is_empty() {
            all.remove(path);
        } else {
            all.insert(path.to_owned(), Differences { text, found });
        }
    }
}

/// A file to compare.
struct Request {
    path: PathBuf,
    text: Arc<str>,
    report: FileReport,
    around: Surroundings,
    fs: Overlay,
}

/// Compares the images of the file that a command is about, and answers with what came of it.
///
/// # Errors
/// Wrong arguments; a workspace that is not trusted; flyte's silence.
pub(crate) async fn run(session: &Session, argument: Value, token: Option<NumberOrString>) -> Result<Value> {
    let state = Arc::clone(&session.state);
    state.trust.demand()?;
    let uri = argument.get("uri").and_then(|u| serde_json::from_value::<Uri>(u.clone()).ok());
    let path = uri.and_then(|uri| state.documents.file_of(&uri));
    let path = path.ok_or_else(|| Error::invalid_params("`uri` is missing or no file"))?;
    let name = argument.get("name").and_then(Value::as_str).map(str::to_owned);
    let asked = state.workers.run_long({
        let state = Arc::clone(&state);
        move || prepare(&path, &state)
    });
    let request = asked.await.map_err(|_| Error::internal_error())??;
    let progress = Progress::begin(session, token, "Asking flyte").await;
    let token = progress.token().map(|token| json!(token));
    let (stop, stopped) = watch::channel(false);
    state.builds.watch_cancel(token.as_ref(), stop);
    let result = compare(session, &request, name.as_deref(), stopped).await;
    state.builds.forget_cancel(token.as_ref());
    progress.end_with(match &result {
        Ok(_) => "compared",
        Err(_) => "flyte gave no answer",
    });
    match result {
        Ok(verified) => {
            let mut places = Places::new(&request.fs, |path| path.display().to_string());
            let shown = request.path.display().to_string();
            let mut answer = as_json::verified(&verified, &shown, &mut places);
            if let (Some(answer), Value::Object(python)) =
                (answer.as_object_mut(), as_json::python(&verified))
            {
                answer.extend(python);
            }
            Ok(answer)
        }
        Err(error) => Err(failed(&message(&error))),
    }
}

fn message(error: &AskError) -> String {
    let trace = if let AskError::Raised(raised) = error { raised.trace.as_slice() } else { &[] };
    let lines = std::iter::once(error.to_string()).chain(trace.iter().cloned()).chain(error.advice());
    lines.collect::<Vec<_>>().join("\n")
}

/// Works out what is predicted of a file as it is saved. On a worker only.
fn prepare(path: &Path, state: &State) -> Result<Request> {
    let fs = state.snapshot();
    let report = state.inspect_with(path, state.sources(), &fs, Handle::default());
    let report = report.ok_or_else(|| failed("the file cannot be read"))?;
    demand_module(&report, state)?;
    let text = state.sources().module(path, &fs).map_err(|_| failed("the file cannot be read"))?;
    let around = crate::surroundings(&state.ambient_of(path));
    Ok(Request { path: path.to_owned(), text: Arc::clone(&text.text), report, around, fs })
}

async fn compare(
    session: &Session,
    request: &Request,
    name: Option<&str>,
    mut stopped: watch::Receiver<bool>,
) -> std::result::Result<Verified, AskError> {
    let target = Target { report: &request.report, name, fs: &request.fs };
    let stopped = async move {
        // Whoever could tell is gone with the comparison itself.
        if stopped.wait_for(|is_stopped| *is_stopped).await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    let verified = Asker::new(&request.around, false).verify(&target, stopped).await?;
    session.state.verifications.note(&request.path, Arc::clone(&request.text), &verified);
    say_again(session, &request.path);
    Ok(verified)
}

/// A file was saved: it is compared, where the user wants that and trusts the workspace. A comparison of the text before
/// ends.
pub(crate) fn saved(session: &Session, path: PathBuf) {
    let state = &session.state;
    let settings = state.settings(&path, &state.snapshot());
    if settings.verify_on_save != Some(true) || !state.trust.is_given() {
        return;
    }
    let (stop, stopped) = watch::channel(false);
    if let Some(before) = lock(&state.verifications.running).insert(path.clone(), stop) {
        before.send_replace(true);
    }
    let own = session.clone();
    session.handle.spawn(async move {
        let state = Arc::clone(&own.state);
        let asked = state.workers.run_long({
            let (state, path) = (Arc::clone(&state), path.clone());
            move || prepare(&path, &state)
        });
        // What was edited meanwhile is compared when it is saved.
        let Ok(Ok(request)) = asked.await else { return };
        if request.report.images.is_empty() {
            return;
        }
        match compare(&own, &request, None, stopped).await {
            Ok(_) | Err(AskError::Cancelled { .. }) => {}
            Err(error) => {
                let text = format!("{}: {}", path.display(), message(&error));
                own.notify(
                    "window/logMessage",
                    LogMessageParams { typ: MessageType::WARNING, message: text },
                );
            }
        }
    });
}
