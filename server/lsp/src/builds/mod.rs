//! `imageLsp.build`: builds that run, their progress, and what came of them.
//!
//! A build is a task of its own. It ends when the client cancels its progress or its request, and with the server. Two
//! builds of one address are one: the second request waits for the first.

mod failures;
mod log;
mod progress;
mod remote;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use image_build::flyte::{AskError, RemoteChoices};
use image_build::{
    BuildError, Builder, Built, Choices, Plan, Prepared, Sink, Surroundings, Wanted, builder, find, prepare,
};
use image_manifests::fs::{FileSystem, OsFileSystem, Overlay};
use image_model::folders::Handle;
use serde_json::{Value, json};
use tokio::sync::watch;
use tower_lsp::jsonrpc::{Error, Result};
use tower_lsp::ls_types::{MessageActionItem, MessageType, NumberOrString};

use crate::commands::image_of;
use crate::diagnose::{Session, say_again};
use crate::preview;
use crate::state::{State, lock};
use crate::trust::{demand_module, failed};
pub(crate) use failures::{Failures, publish_dockerfile};
use log::Log;
pub(crate) use progress::Progress;
use remote::Remote;

/// What came of a build; nothing as long as it runs.
type Outcome = Option<Arc<std::result::Result<Built, BuildError>>>;

/// Builds that run, and what failed.
#[derive(Default)]
pub(crate) struct Builds {
    /// By address.
    running: Mutex<HashMap<String, watch::Receiver<Outcome>>>,
    /// By the token of the progress: whom to tell that it is to end.
    cancels: Mutex<HashMap<String, watch::Sender<bool>>>,
    pub(crate) failures: Failures,
}

impl Builds {
    /// Cancels what a progress shows. `window/workDoneProgress/cancel`
    pub(crate) fn cancel(&self, token: &Value) {
        if let Some(cancel) = lock(&self.cancels).get(&token.to_string()) {
            cancel.send_replace(true);
        }
    }

    /// Whom to tell when the progress of a token is cancelled.
    pub(crate) fn watch_cancel(&self, token: Option<&Value>, cancel: watch::Sender<bool>) {
        if let Some(token) = token {
            lock(&self.cancels).insert(token.to_string(), cancel);
        }
    }

    /// The progress of a token is over.
    pub(crate) fn forget_cancel(&self, token: Option<&Value>) {
        if let Some(token) = token {
            lock(&self.cancels).remove(&token.to_string());
        }
    }
}

/// What is asked for.
struct Request {
    work: Work,
    around: Surroundings,
    /// The file, and the image's name in it.
    path: PathBuf,
    name: String,
    /// The files as Python code reads them.
    built: Overlay,
}

/// Who builds what.
enum Work {
    /// The engine of the machine.
    Engine(Box<EngineWork>),
    /// flyte's remote builder.
    Remote(Arc<Remote>),
}

struct EngineWork {
    plan: Plan,
    wanted: Wanted,
    engine_host: Option<String>,
    choices: Choices,
}

impl Request {
    /// What makes two builds the same.
    fn key(&self) -> String {
        match &self.work {
            Work::Engine(work) => work.plan.uri.clone(),
            Work::Remote(_) => format!("remote {}::{}", self.path.display(), self.name),
        }
    }
}

/// What a request comes to before anything is built.
enum Step {
    /// It is to be built, and what rules say of it.
    Build(Box<Request>, Vec<String>),
    /// Nothing is to be built: the address.
    AsItIs(String),
}

/// Builds the image that a command is about, and answers `{uri, digest, status}`.
///
/// # Errors
/// Wrong arguments; whatever stands in the way of the build.
pub(crate) async fn run(session: &Session, argument: Value, token: Option<NumberOrString>) -> Result<Value> {
    let outcome = match once(session, &argument, token).await? {
        Done::AsItIs(uri) => return Ok(json!({ "uri": uri, "digest": null, "status": "exists" })),
        Done::Built(outcome) => outcome,
    };
    let Some(Err(BuildError::Platforms { own, .. })) = outcome.as_deref() else { return answer(&outcome) };
    // Under its tag flyte would take an image of one platform for one of all.
    let title = format!("Build for {own} alone, and do not push");
    if !ask(session, &outcome, &title).await {
        return answer(&outcome);
    }
    let mut argument = argument;
    argument["platform"] = json!([own]);
    argument["push"] = json!(false);
    // The client's token ended with the first attempt.
    match once(session, &argument, None).await? {
        Done::AsItIs(uri) => Ok(json!({ "uri": uri, "digest": null, "status": "exists" })),
        Done::Built(outcome) => answer(&outcome),
    }
}

/// How long somebody may think about a question.
const THINK: Duration = Duration::from_secs(120);

/// Asks whether something else is to be done, after what went wrong.
async fn ask(session: &Session, outcome: &Outcome, title: &str) -> bool {
    let Some(Err(error)) = outcome.as_deref() else { return false };
    let (client, message) = (session.client.clone(), error.to_string());
    let action = MessageActionItem { title: title.to_owned(), properties: std::collections::HashMap::new() };
    let asked = session.handle.spawn(async move {
        let asked = client.show_message_request(MessageType::WARNING, message, Some(vec![action]));
        tokio::time::timeout(THINK, asked).await
    });
    matches!(asked.await, Ok(Ok(Ok(Some(chosen)))) if chosen.title == title)
}

/// What a request comes to.
enum Done {
    AsItIs(String),
    Built(Outcome),
}

async fn once(session: &Session, argument: &Value, token: Option<NumberOrString>) -> Result<Done> {
    let state = Arc::clone(&session.state);
    let asked = argument.clone();
    let step = state.workers.run_long({
        let state = Arc::clone(&state);
        move || plan(&asked, &state)
    });
    let step = step.await.map_err(|_| Error::internal_error())??;
    let (request, doubts) = match step {
        Step::AsItIs(uri) => return Ok(Done::AsItIs(uri)),
        Step::Build(request, doubts) => (*request, doubts),
    };
    let progress = Progress::begin(session, token, &format!("Building {}", request.name)).await;
    let log = Log::new(session, progress.token());
    doubts.iter().for_each(|doubt| log.line("warning", doubt));
    let (stop, stopped) = watch::channel(false);
    let token = progress.token().map(|token| json!(token));
    state.builds.watch_cancel(token.as_ref(), stop);
    // A request that the client cancels is dropped here, and the build with it.
    let mut shown = Shown { state, progress, token, outcome: None };
    shown.outcome = outcome(session, request, &shown.progress, &log, stopped).await;
    Ok(Done::Built(shown.outcome.clone()))
}

/// A progress that is shown: it ends, whatever happens.
struct Shown {
    state: Arc<State>,
    progress: Progress,
    token: Option<Value>,
    outcome: Outcome,
}

impl Drop for Shown {
    fn drop(&mut self) {
        self.state.builds.forget_cancel(self.token.as_ref());
        self.progress.end(&self.outcome);
    }
}

/// Works out what is to be built. On a worker only.
fn plan(argument: &Value, state: &State) -> Result<Step> {
    let (analysis, name) = image_of(argument, state)?;
    let path = analysis.report.path.to_path_buf();
    let fs = state.snapshot();
    // Folders are read now, whatever is known of them.
    let report = state.inspect_with(&path, state.sources(), &fs, Handle::default());
    let report = report.ok_or_else(|| failed("the file cannot be read"))?;
    let image = preview::image_of(&report, &name).ok_or_else(|| failed("there is no such image"))?;
    let settings = state.settings(&path, &fs);
    let text = |field: &str| argument.get(field).and_then(Value::as_str);
    let truth = |field: &str| argument.get(field).and_then(Value::as_bool);
    let around = crate::surroundings(&state.ambient_of(&path));
    let chosen =
        builder(text("builder").or(settings.builder.as_deref()), &report.facts).map_err(|e| of_error(&e))?;
    if chosen == Builder::Remote {
        state.trust.demand()?;
        demand_module(&report, state)?;
    }
    let files: Arc<dyn FileSystem> = Arc::new(Overlay::new(Arc::new(OsFileSystem), state.documents.texts()));
    let platforms = argument.get("platform").and_then(Value::as_array).into_iter().flatten();
    let platforms: Vec<String> = platforms.filter_map(Value::as_str).map(str::to_owned).collect();
    let findings = image_rules::check(&report, state.sources(), &fs, &settings);
    let prepared = match prepare(image, &findings, &platforms, &fs, &files, &around) {
        // flyte runs the code, and so knows.
        Err(BuildError::Unknown { .. }) if chosen == Builder::Remote => None,
        other => Some(other.map_err(|e| of_error(&e))?),
    };
    let (plan, doubts) = match prepared {
        Some(Prepared::AsItIs(uri)) => return Ok(Step::AsItIs(uri)),
        Some(Prepared::Plan(plan, doubts)) => (Some(*plan), doubts),
        None => (None, Vec::new()),
    };
    let doubts = doubts.into_iter().map(|doubt| {
        format!("{}{}", doubt.rule.map(|r| format!("{r}: ")).unwrap_or_default(), doubt.message)
    });
    let force = truth("force").unwrap_or_default();
    let number = report.images.iter().position(|i| std::ptr::eq(i, image)).unwrap_or_default();
    let work = match plan {
        Some(plan) if chosen != Builder::Remote => Work::Engine(Box::new(EngineWork {
            plan,
            wanted: if chosen == Builder::LocalPodman { Wanted::Podman } else { Wanted::Docker },
            engine_host: settings.engine_host.clone(),
            choices: Choices {
                push: truth("push"),
                force,
                builtin: settings.syntax_directive.as_deref() == Some("builtin"),
            },
        })),
        _ => Work::Remote(Arc::new(Remote {
            report,
            number,
            choices: RemoteChoices { force, wait: true },
            run: Arc::default(),
        })),
    };
    let request = Request { work, around, path, name, built: fs };
    Ok(Step::Build(Box::new(request), doubts.collect()))
}

/// Builds, or waits for whoever builds the same already.
async fn outcome(
    session: &Session,
    request: Request,
    progress: &Progress,
    log: &Log,
    mut stopped: watch::Receiver<bool>,
) -> Outcome {
    let uri = request.key();
    let builds = &session.state.builds;
    let (running, told) = {
        let mut all = lock(&builds.running);
        match all.get(&uri) {
            Some(running) => (running.clone(), None),
            None => {
                let (tell, running) = watch::channel(None);
                all.insert(uri.clone(), running.clone());
                (running, Some(tell))
            }
        }
    };
    let cancelled = async {
        while !*stopped.borrow_and_update() {
            // Whoever could cancel it is gone: a client that shows no progress.
            if stopped.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    let Some(tell) = told else {
        progress.message("another build of this image runs: waiting for it");
        return wait_for(running, cancelled).await;
    };
    // Whatever happens, nobody waits for a build that does not run.
    let entry = Entry { session: session.clone(), uri };
    let result = build(session, &request, progress, log, cancelled).await;
    let modules = builds.failures.note(&request.path, &request.name, &result, &request.built);
    let result = Some(Arc::new(result));
    drop(entry);
    tell.send_replace(result.clone());
    modules.iter().for_each(|module| say_again(session, module));
    publish_dockerfile(session);
    result
}

/// The entry of a build that runs.
struct Entry {
    session: Session,
    uri: String,
}

impl Drop for Entry {
    fn drop(&mut self) {
        lock(&self.session.state.builds.running).remove(&self.uri);
    }
}

async fn wait_for(mut running: watch::Receiver<Outcome>, cancelled: impl Future<Output = ()>) -> Outcome {
    let done = async {
        let found = running.wait_for(Option::is_some).await;
        found.ok().and_then(|outcome| outcome.clone())
    };
    tokio::select! {
        outcome = done => outcome,
        () = cancelled => None,
    }
}

async fn build(
    session: &Session,
    request: &Request,
    progress: &Progress,
    log: &Log,
    cancelled: impl Future<Output = ()>,
) -> std::result::Result<Built, BuildError> {
    let (shown, told) = (progress.clone(), log.clone());
    let sink: Sink = Arc::new(move |event| {
        shown.event(&event);
        told.event(&event);
    });
    let around = &request.around;
    match &request.work {
        Work::Remote(remote) => {
            remote::build(session, remote, &request.built, around, &sink, cancelled).await
        }
        Work::Engine(work) => {
            progress.message("looking for the engine");
            let runs_on = work.wanted == Wanted::Podman;
            tokio::select! {
                result = with_engine(work, around, &sink) => result,
                () = cancelled => Err(BuildError::Cancelled { runs_on }),
            }
        }
    }
}

async fn with_engine(
    work: &EngineWork,
    around: &Surroundings,
    sink: &Sink,
) -> std::result::Result<Built, BuildError> {
    let setting = work.engine_host.as_deref().map(|host| (host, "the setting build.engine-host"));
    let (_, engine) = find(setting, work.wanted, around).await;
    image_build::build(&work.plan, &engine?, work.choices, around, sink).await
}

fn answer(outcome: &Outcome) -> Result<Value> {
    match outcome.as_deref() {
        Some(Ok(built)) => Ok(json!({ "uri": built.uri, "digest": built.digest, "status": built.status() })),
        Some(Err(error)) if !error.is_cancelled() => Err(of_error(error)),
        Some(Err(_)) | None => Ok(json!({ "uri": null, "digest": null, "status": "cancelled" })),
    }
}

/// How many of the last lines of a log go into a message.
const LAST_LINES: usize = 5;

/// An error with the last lines of the log and what to do.
pub(crate) fn message_of(error: &BuildError) -> String {
    let log = match error {
        BuildError::Failed(failure) => failure.log.as_slice(),
        BuildError::Flyte(AskError::Raised(raised)) => raised.trace.as_slice(),
        _ => &[],
    };
    let last = log[log.len().saturating_sub(LAST_LINES)..].iter().cloned();
    let parts = std::iter::once(error.to_string()).chain(last).chain(error.advice());
    parts.collect::<Vec<_>>().join("\n")
}

fn of_error(error: &BuildError) -> Error {
    failed(&message_of(error))
}

/// The engine that would build, in words, for issue reports.
pub(crate) async fn engines(session: &Session) -> String {
    let state = &session.state;
    let path = state.roots().first().cloned().unwrap_or_default().join("_");
    let settings = state.settings(&path, &state.snapshot());
    let setting = settings.engine_host.as_deref().map(|host| (host, "the setting build.engine-host"));
    let around = crate::surroundings(&state.ambient_of(&path));
    let (tried, found) = find(setting, Wanted::Docker, &around).await;
    let mut lines: Vec<String> = tried
        .iter()
        .map(|t| format!("engine: {} ({}): {}\n", t.candidate.host, t.candidate.because, t.outcome))
        .collect();
    if let (Err(error), true) = (&found, lines.is_empty()) {
        lines.push(format!("engine: {error}\n"));
    }
    lines.concat()
}
