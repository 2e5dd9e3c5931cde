//! Looking for mistakes after something changed: in the file itself, and in open files that read it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tower_lsp::Client;
use tower_lsp::ls_types::{LogMessageParams, MessageType, PublishDiagnosticsParams, Uri};

use crate::analysis::Analysis;
use crate::builds::publish_dockerfile;
use crate::diagnostics;
use crate::manifest::references::uses_of;
use crate::manifest::{Document, is_manifest};
use crate::state::{State, lock};
use crate::transport::Outgoing;
use crate::workspace;

/// How long a client has to answer a request; what it then says does not matter any more.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often the disk is looked at for a client that does not watch files.
const POLL: Duration = Duration::from_secs(2);

/// A client and what is known for it.
#[derive(Clone)]
pub(crate) struct Session {
    pub(crate) client: Client,
    pub(crate) state: Arc<State>,
    pub(crate) handle: tokio::runtime::Handle,
    /// Where diagnostics go, without a detour.
    pub(crate) outgoing: Outgoing,
}

impl Session {
    /// Sends a notification at once.
    pub(crate) fn notify(&self, method: &str, parameters: impl serde::Serialize) {
        self.outgoing.send(&Notification { jsonrpc: "2.0", method, params: parameters });
    }
}

#[derive(serde::Serialize)]
struct Notification<'a, P> {
    jsonrpc: &'a str,
    method: &'a str,
    params: P,
}

/// A file's text is another one: it and its readers are looked at.
pub(crate) fn changed(session: &Session, path: &Path) {
    session.state.note_change();
    look_at(session, path.to_owned());
    let readers = session.state.readers_of(path);
    if session.state.client().pulls && !readers.is_empty() {
        refresh(session);
    }
    for reader in readers {
        look_at(session, reader);
    }
}

/// Something on the disk is another one: every open file is looked at.
pub(crate) fn disk_changed(session: &Session) {
    session.state.look_again();
    session.state.heads.look_again();
    all(session);
    publish_dockerfile(session);
    follow(session);
    refresh(session);
}

/// Looks at every file that is open or followed.
pub(crate) fn all(session: &Session) {
    for path in watched(&session.state) {
        look_at(session, path);
    }
}

/// The files that are open, and the modules that are followed.
fn watched(state: &State) -> BTreeSet<PathBuf> {
    let mut paths = state.foreign.followed();
    paths.extend(state.documents.paths());
    paths
}

/// A file is opened: where it is one that images are made from, the modules that use it are looked for.
pub(crate) fn opened(session: &Session, path: PathBuf) {
    let own = session.clone();
    session.state.workers.start_later(move || {
        if Document::of(&path, &own.state).is_some() {
            follow(&own);
        }
    });
}

/// Looks for the modules that use open requirements files, projects and scripts, behind the typist's back; soon, where
/// that was done a moment ago and took long.
pub(crate) fn follow(session: &Session) {
    if let Ok(wait) = session.state.foreign.put_off() {
        if let Some(wait) = wait {
            let own = session.clone();
            session.handle.spawn(async move {
                tokio::time::sleep(wait).await;
                follow(&own);
            });
        }
        return;
    }
    if !session.state.foreign.wants_look() {
        return;
    }
    let own = session.clone();
    session.state.workers.start_later(move || {
        let state = &own.state;
        while state.foreign.begins_look() {
            let wanted = |path: &PathBuf| Document::of(path, state).is_some();
            let targets: Vec<PathBuf> = state.documents.paths().into_iter().filter(wanted).collect();
            if targets.is_empty() {
                continue;
            }
            let start = Instant::now();
            state.foreign.note_names(workspace::package_names(state));
            let mut users = workspace::users(&targets, state);
            for target in targets {
                let modules = users.remove(&target).unwrap_or_default();
                for module in state.foreign.follow(&target, modules) {
                    look_at(&own, module);
                }
                look_at(&own, target);
            }
            state.foreign.looked(start.elapsed());
        }
    });
}

/// Works out a file and tells what is wrong with it.
pub(crate) fn look_at(session: &Session, path: PathBuf) {
    let session = session.clone();
    let workers = Arc::clone(&session.state);
    workers.workers.start_now(move || {
        if is_manifest(&path) {
            // Where modules read it they are looked at, and speak then.
            if session.state.readers_of(&path).is_empty() {
                publish_manifest(&session, &path);
            }
            return;
        }
        let Some(analysis) = session.state.analyse(&path) else {
            let gone = session.state.foreign.forget(&path);
            gone.iter().for_each(|target| say(&session, target));
            return;
        };
        speak(&session, &analysis);
        publish(&session, &path, &analysis);
        follow_up(&session, &path, &analysis);
    });
}

/// Passes on what an analysis says of other files that are open.
fn speak(session: &Session, analysis: &Analysis) {
    let state = &session.state;
    let changed = state.foreign.note(analysis);
    let open = state.documents.paths();
    for path in &open {
        let reads = || analysis.reads.binary_search_by(|(p, _)| p.cmp(path)).is_ok();
        if changed.contains(path) || (is_manifest(path) && reads()) {
            say(session, path);
        }
    }
    if state.client().pulls && open.iter().any(|path| changed.contains(path)) {
        refresh(session);
    }
}

/// Tells the client once more what is wrong in a file: something besides its text is another one.
pub(crate) fn say_again(session: &Session, path: &Path) {
    let (own, path) = (session.clone(), path.to_owned());
    session.state.workers.start_now(move || say(&own, &path));
    refresh(session);
}

/// Tells the client what others say of a file.
fn say(session: &Session, path: &Path) {
    let state = &session.state;
    if is_manifest(path) {
        publish_manifest(session, path);
    } else if let Some(analysis) = state.analyse(path) {
        // Within a turn: who shows it for the first time afterwards sees what is said now.
        let is_shown = {
            let _turn = lock(&state.published.turn);
            let is_current = state.documents.get(path).map(|o| o.version) == Some(analysis.open.version);
            let is_shown = state.published.is_shown(path, &analysis);
            if is_shown && is_current && !state.client().pulls {
                send(session, &analysis);
            }
            is_shown
        };
        if !is_shown {
            look_at(session, path.to_owned());
        }
    }
}

/// Tells what is wrong in a requirements file or a project.
fn publish_manifest(session: &Session, path: &Path) {
    let state = &session.state;
    let _turn = lock(&state.published.turn);
    if state.client().pulls || state.documents.get(path).is_none() {
        return;
    }
    let Some(document) = Document::of(path, state) else { return };
    let diagnostics = diagnostics::of_manifest(&document, &state.foreign.of(path), state);
    let (uri, version) = (document.open.uri.clone(), document.open.version);
    if state.published.is_news(path, version, &diagnostics) {
        let parameters = PublishDiagnosticsParams { uri, diagnostics, version: Some(version) };
        session.notify("textDocument/publishDiagnostics", parameters);
    }
}

/// Tells the client what is wrong, unless it knows that or more already, or asks itself.
fn publish(session: &Session, path: &Path, analysis: &Arc<Analysis>) {
    let state = &session.state;
    for complaint in state.take_complaints() {
        let message = format!("image-lsp: {complaint}");
        session.notify("window/logMessage", LogMessageParams { typ: MessageType::WARNING, message });
    }
    let _turn = lock(&state.published.turn);
    // An older state than the editor's is not worth showing.
    let is_old = state.documents.get(path).map(|o| o.version) != Some(analysis.open.version);
    if is_old || state.published.is_shown(path, analysis) {
        return;
    }
    if state.last(path).is_some_and(|last| !Arc::ptr_eq(&last, analysis)) {
        // Somebody was faster with something newer.
        return look_at(session, path.to_owned());
    }
    state.published.note(path, analysis);
    if !state.client().pulls {
        send(session, analysis);
    }
}

/// Sends the diagnostics of a module's documents.
fn send(session: &Session, analysis: &Analysis) {
    let is_notebook = !analysis.cells.is_empty();
    let others = session.state.foreign.of(&analysis.report.path);
    for (uri, diagnostics) in diagnostics::by_document(analysis, others, &session.state) {
        let version = (!is_notebook).then_some(analysis.open.version);
        let parameters = PublishDiagnosticsParams { uri, diagnostics, version };
        session.notify("textDocument/publishDiagnostics", parameters);
    }
}

/// A file is closed: what is known of it is forgotten, its diagnostics go off the screen, and what read its buffer reads
/// the disk now.
pub(crate) fn closed(session: &Session, path: Option<&Path>, documents: Vec<Uri>) {
    {
        let _turn = lock(&session.state.published.turn);
        for uri in documents.into_iter().filter(|_| !session.state.client().pulls) {
            let parameters = PublishDiagnosticsParams { uri, diagnostics: Vec::new(), version: None };
            session.notify("textDocument/publishDiagnostics", parameters);
        }
    }
    session.state.note_change();
    if let Some(path) = path {
        // An open file that it uses goes on hearing of it.
        if let Some(analysis) = session.state.last(path) {
            let uses = |target: &PathBuf| !uses_of(target, &analysis.report, &session.state).is_empty();
            for target in session.state.documents.paths().into_iter().filter(uses) {
                session.state.foreign.add_user(&target, path);
            }
        }
        session.state.forget(path);
        for module in session.state.foreign.unfollow(path) {
            if session.state.documents.get(&module).is_none() {
                session.state.forget(&module);
            }
        }
        if session.state.foreign.is_followed(path) {
            look_at(session, path.to_owned());
        }
        for reader in session.state.readers_of(path) {
            look_at(session, reader);
        }
    }
}

/// What an analysis leads to besides: previews are updated, folders read, the last commit looked at.
fn follow_up(session: &Session, path: &Path, analysis: &Analysis) {
    let state = &session.state;
    for (address, text) in state.previews.changed(analysis) {
        match state.previews.file_of(&address) {
            Some(_) => drop(state.previews.write(&address, &text)),
            None => refresh_preview(session, address),
        }
    }
    read_folders(session);
    if state.heads.is_old(path) {
        let (own, path) = (session.clone(), path.to_owned());
        state.workers.start_later(move || {
            // Several looks may have been asked for at once.
            if own.state.heads.is_old(&path) && own.state.heads.read(&path, &own.state) {
                refresh(&own);
            }
        });
    }
}

/// Reads folders that somebody wants to know of, behind everybody's back.
fn read_folders(session: &Session) {
    if !session.state.starts_refreshing() {
        return;
    }
    let own = session.clone();
    session.state.workers.start_later(move || {
        let changed = own.state.folders.refresh(&own.state.snapshot());
        own.state.refreshed();
        if changed {
            own.state.expire();
            all(&own);
            refresh(&own);
        }
    });
}

/// Looks whether folders are as they were, unless that was done a moment ago.
pub(crate) fn recheck_folders(session: &Session) {
    session.state.folders.recheck();
    read_folders(session);
}

/// Makes the client ask again for lenses, hints and, where it asks for them, diagnostics.
pub(crate) fn refresh(session: &Session) {
    let own = session.clone();
    session.handle.spawn(async move {
        let can = own.state.client();
        let client = &own.client;
        let asked = async {
            if can.lens_refresh {
                let _ = client.code_lens_refresh().await;
            }
            if can.hint_refresh {
                let _ = client.inlay_hint_refresh().await;
            }
            if can.pulls && can.diagnostic_refresh {
                let _ = client.workspace_diagnostic_refresh().await;
            }
        };
        // A client that never answers holds nothing up.
        let _ = tokio::time::timeout(PATIENCE, asked).await;
    });
}

/// Protocol 3.18, `workspace/textDocumentContent/refresh`.
enum TextDocumentContentRefresh {}

impl tower_lsp::ls_types::request::Request for TextDocumentContentRefresh {
    type Params = serde_json::Value;
    type Result = ();
    const METHOD: &'static str = "workspace/textDocumentContent/refresh";
}

fn refresh_preview(session: &Session, address: String) {
    if !session.state.client().text_document_content {
        return;
    }
    let own = session.clone();
    session.handle.spawn(async move {
        let parameters = serde_json::json!({ "uri": address });
        let asked = own.client.send_request::<TextDocumentContentRefresh>(parameters);
        let _ = tokio::time::timeout(PATIENCE, asked).await;
    });
}

/// Looks at folders now and then, and for clients that do not watch files at everything else as well.
pub(crate) fn poll(session: &Session) {
    let own = session.clone();
    session.handle.spawn(async move {
        loop {
            tokio::time::sleep(POLL).await;
            if own.state.documents.paths().is_empty() {
                continue;
            }
            recheck_folders(&own);
            if own.state.client().watches {
                continue;
            }
            let looking = own.clone();
            own.state.workers.start_now(move || {
                let state = &looking.state;
                for path in watched(state) {
                    let before = state.last(&path);
                    let after = state.analyse(&path);
                    let same = match (&before, &after) {
                        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
                        _ => after.is_none(),
                    };
                    if !same {
                        look_at(&looking, path);
                    } else if state.heads.is_old(&path)
                        && let Some(analysis) = after
                    {
                        follow_up(&looking, &path, &analysis);
                    }
                }
            });
        }
    });
}
