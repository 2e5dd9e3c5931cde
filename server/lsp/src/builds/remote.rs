//! Builds by flyte's remote builder: what the client is shown of the run, and what is asked when somebody cancels.

use std::sync::{Arc, Mutex};

use image_build::flyte::{AskError, RemoteChoices, RemoteJob, Run, abort, build_remote};
use image_build::{BuildError, Built, Event, Sink, Surroundings};
use image_manifests::fs::Overlay;
use image_python::inspect::FileReport;
use tower_lsp::ls_types::{MessageActionItem, MessageType, ShowDocumentParams};

use super::THINK;
use crate::diagnose::Session;
use crate::state::lock;

/// What is asked for.
pub(super) struct Remote {
    pub(super) report: FileReport,
    pub(super) number: usize,
    pub(super) choices: RemoteChoices,
    pub(super) run: Arc<Mutex<Option<Run>>>,
}

impl Remote {
    fn job<'a>(&'a self, fs: &'a Overlay) -> RemoteJob<'a> {
        RemoteJob { report: &self.report, number: self.number, fs, run: Arc::clone(&self.run) }
    }
}

/// Builds; where somebody cancels, asks whether the run is to end, too.
pub(super) async fn build(
    session: &Session,
    remote: &Arc<Remote>,
    fs: &Overlay,
    around: &Surroundings,
    sink: &Sink,
    stopped: impl Future<Output = ()>,
) -> Result<Built, BuildError> {
    let (own, next) = (session.clone(), Arc::clone(sink));
    let sink: Sink = Arc::new(move |event| {
        if let Event::Run { url, .. } = &event {
            offer(&own, url.clone());
        }
        next(event);
    });
    let mut cancelling = Cancelling { session, remote, around, is_over: false };
    let result = build_remote(&remote.job(fs), remote.choices, around, &sink, stopped).await;
    cancelling.is_over = !matches!(result, Err(AskError::Cancelled { .. }));
    Ok(result?)
}

/// A build that may be cancelled, also by nobody waiting for it any more.
struct Cancelling<'a> {
    session: &'a Session,
    remote: &'a Arc<Remote>,
    around: &'a Surroundings,
    is_over: bool,
}

impl Drop for Cancelling<'_> {
    fn drop(&mut self) {
        let run = lock(&self.remote.run).clone();
        if let Some(run) = run.filter(|_| !self.is_over) {
            ask_to_abort(self.session, self.remote, self.around, run);
        }
    }
}

/// A message with one thing to do; whether it is to be done.
async fn wants(session: &Session, message: String, title: &str) -> bool {
    let action = MessageActionItem { title: title.to_owned(), properties: std::collections::HashMap::new() };
    let asked = session.client.show_message_request(MessageType::INFO, message, Some(vec![action]));
    matches!(tokio::time::timeout(THINK, asked).await, Ok(Ok(Some(chosen))) if chosen.title == title)
}

/// Offers the run's page.
fn offer(session: &Session, url: String) {
    let own = session.clone();
    session.handle.spawn(async move {
        let message = format!("the build runs at {url}");
        if !own.state.client().shows_documents {
            return own.client.show_message(MessageType::INFO, message).await;
        }
        let is_wanted = wants(&own, message, "Open the run").await;
        if let (true, Ok(uri)) = (is_wanted, url.parse()) {
            let show =
                ShowDocumentParams { uri, external: Some(true), take_focus: Some(true), selection: None };
            let _ = tokio::time::timeout(THINK, own.client.show_document(show)).await;
        }
    });
}

/// Asks whether a run that goes on is to end, and ends it.
fn ask_to_abort(session: &Session, remote: &Arc<Remote>, around: &Surroundings, run: Run) {
    let (own, remote, around) = (session.clone(), Arc::clone(remote), around.clone());
    session.handle.spawn(async move {
        let message = format!("the run {} goes on at {}", run.name, run.url);
        if !wants(&own, message, "Abort the run").await {
            return;
        }
        let fs = own.state.snapshot();
        let (typ, message) = match abort(&remote.job(&fs), &run.name, &around).await {
            Ok(()) => (MessageType::INFO, format!("the run {} is aborted", run.name)),
            Err(error) => (MessageType::ERROR, super::message_of(&BuildError::Flyte(error))),
        };
        own.client.show_message(typ, message).await;
    });
}
