//! `$/progress` of a build: which step of how many, and where in the Python code it comes from.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use image_build::{BuildError, Event, State};
use serde_json::{Value, json};
use tower_lsp::ls_types::NumberOrString;

use super::Outcome;
use crate::diagnose::Session;
use crate::state::lock;

/// How long a client has to make a place for the progress.
const PATIENCE: Duration = Duration::from_secs(2);

/// A progress that the client shows; nothing for a client that shows none.
#[derive(Clone)]
pub(crate) struct Progress {
    session: Session,
    token: Option<NumberOrString>,
    /// The steps that run.
    running: Arc<Mutex<Vec<Running>>>,
    furthest: Arc<AtomicUsize>,
}

/// A step that runs.
#[derive(Clone)]
struct Running {
    id: usize,
    number: usize,
    total: usize,
    words: String,
}

impl Progress {
    /// Begins one: with the client's own token, else with one that the client is asked for.
    pub(crate) async fn begin(session: &Session, token: Option<NumberOrString>, title: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        let token = match token {
            Some(token) => Some(token),
            None if session.state.client().progress => {
                let number = NUMBER.fetch_add(1, Ordering::Relaxed);
                let token = NumberOrString::String(format!("image-lsp-build-{number}"));
                let client = session.client.clone();
                let asked = token.clone();
                // The protocol's rule: what is asked of the client is not awaited in a handler itself.
                let created = session.handle.spawn(async move {
                    tokio::time::timeout(PATIENCE, client.create_work_done_progress(asked)).await
                });
                matches!(created.await, Ok(Ok(Ok(())))).then_some(token)
            }
            None => None,
        };
        let progress =
            Self { session: session.clone(), token, running: Arc::default(), furthest: Arc::default() };
        progress.send(json!({
            "kind": "begin", "title": title, "cancellable": true, "percentage": 0
        }));
        progress
    }

    pub(crate) fn token(&self) -> Option<NumberOrString> {
        self.token.clone()
    }

    fn send(&self, value: Value) {
        if let Some(token) = &self.token {
            self.session.notify("$/progress", json!({ "token": token, "value": value }));
        }
    }

    /// Shows a text.
    pub(super) fn message(&self, text: &str) {
        self.send(json!({ "kind": "report", "message": text }));
    }

    /// Shows what happened.
    pub(super) fn event(&self, event: &Event) {
        let Event::Step(step) = event else {
            if let Event::Started { engine, .. } = event {
                self.message(engine);
            }
            return;
        };
        if step.is_flytes && step.state == State::Running {
            self.message(&step.name);
        }
        let Some((number, total)) = step.number else { return };
        let origin = step.site.as_ref().zip(step.method).map(|(site, method)| {
            let name = site.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let line = self.session.state.locate(site).map(|l| l.range.start.line + 1);
            format!("{method}, {name}{}", line.map(|l| format!(":{l}")).unwrap_or_default())
        });
        let words = origin.unwrap_or_else(|| step.name.chars().take(60).collect());
        let mut running = lock(&self.running);
        running.retain(|r| r.id != step.id);
        if step.state == State::Running {
            running.push(Running { id: step.id, number, total, words });
        } else {
            self.furthest.fetch_max(number, Ordering::Relaxed);
        }
        let Some(Running { number, total, words, .. }) = running.first().cloned() else { return };
        drop(running);
        let percentage = self.furthest.load(Ordering::Relaxed).min(total) * 100 / total.max(1);
        let message = format!("step {number} of {total}: {words}");
        self.send(json!({ "kind": "report", "message": message, "percentage": percentage }));
    }

    /// Ends it.
    pub(super) fn end(&self, outcome: &Outcome) {
        let message = match outcome.as_deref() {
            Some(Ok(built)) if built.started.is_some() => "started".to_owned(),
            Some(Ok(built)) if built.existed => format!("{} is already there", built.uri),
            Some(Ok(built)) => format!("built {}", built.uri),
            Some(Err(BuildError::Failed(failure))) => format!("failed: {}", failure.message),
            Some(Err(error)) => error.to_string(),
            None => "cancelled".to_owned(),
        };
        self.end_with(&message);
    }

    /// Ends it with a text.
    pub(crate) fn end_with(&self, message: &str) {
        self.send(json!({ "kind": "end", "message": message }));
    }
}
