//! Messages in the order of the wire: changes of documents are applied at once, requests become tasks.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tower::Service;
use tower_lsp::LspService;
use tower_lsp::jsonrpc::{Request, Response};
use tower_lsp::ls_types::{
    DidChangeNotebookDocumentParams, DidChangeTextDocumentParams, DidCloseNotebookDocumentParams,
    DidCloseTextDocumentParams, DidOpenNotebookDocumentParams, DidOpenTextDocumentParams,
};

use crate::client::Client;
use crate::diagnose;
use crate::server::Server;
use crate::state::State;
use crate::transport::{Incoming, Outgoing, Reader, error};
use crate::trust;

/// How often it is looked whether the client is still there.
const LIFE_SIGNS: Duration = Duration::from_secs(2);

/// How the server ends.
enum End {
    /// The client said so, or closed the input.
    Status(u8),
}

/// How much the client wants to be told of what happens.
#[derive(Default)]
struct Trace(AtomicU8);

impl Trace {
    fn set(&self, value: Option<&Value>) {
        let level = match value.and_then(Value::as_str) {
            Some("messages") => 1,
            Some("verbose") => 2,
            _ => 0,
        };
        self.0.store(level, Ordering::Relaxed);
    }
}

/// Serves until the end; the exit status.
///
/// # Errors
/// When the system has no threads to give.
pub(crate) async fn run(
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
    client: Option<u32>,
    state: Arc<State>,
) -> std::io::Result<u8> {
    let outgoing = Outgoing::new(output);
    let shared = Arc::clone(&state);
    let direct = outgoing.clone();
    let (service, socket) = LspService::build(move |client| Server::new(client, shared, direct))
        .custom_method("workspace/textDocumentContent", Server::text_document_content)
        .finish();
    let (mut requests, mut responses) = socket.split();
    let to_client = outgoing.clone();
    let forward = tokio::spawn(async move {
        while let Some(request) = requests.next().await {
            to_client.send(&request);
        }
    });
    let (ends, mut end) = mpsc::unbounded_channel();
    let (answers, mut answered) = mpsc::unbounded_channel::<Response>();
    tokio::spawn(async move {
        while let Some(answer) = answered.recv().await {
            // A client that answers what was not asked is not worth a word.
            let _ = responses.send(answer).await;
        }
    });
    let dispatcher = Dispatcher {
        service,
        state,
        outgoing: outgoing.clone(),
        handle: tokio::runtime::Handle::current(),
        trace: Arc::default(),
        answers,
        ends: ends.clone(),
        initialized: false,
        shut_down: false,
    };
    dispatcher.watch_parent(client.map(u64::from));
    std::thread::Builder::new().name("reader".to_owned()).spawn(move || dispatcher.read(input))?;
    let status = match end.recv().await {
        Some(End::Status(status)) => status,
        None => 1,
    };
    forward.abort();
    Ok(status)
}

struct Dispatcher {
    service: LspService<Server>,
    state: Arc<State>,
    outgoing: Outgoing,
    handle: tokio::runtime::Handle,
    trace: Arc<Trace>,
    answers: mpsc::UnboundedSender<Response>,
    ends: mpsc::UnboundedSender<End>,
    initialized: bool,
    shut_down: bool,
}

fn parameters<T: serde::de::DeserializeOwned>(message: &Value) -> Option<T> {
    T::deserialize(message.get("params")?).ok()
}

impl Dispatcher {
    /// Reads to the end of the input, or until `exit`.
    fn read(mut self, input: impl Read) {
        let mut reader = Reader::new(input);
        while let Some(incoming) = reader.next() {
            let message = match incoming {
                Incoming::Message(message) => message,
                Incoming::Malformed(answer) => {
                    self.answer(answer);
                    continue;
                }
            };
            let method = message.get("method").and_then(Value::as_str).map(str::to_owned);
            match method {
                Some(method) if method == "exit" => break,
                Some(method) => self.request(&method, message),
                None => self.response(message),
            }
        }
        let _ = self.ends.send(End::Status(u8::from(!self.shut_down)));
    }

    /// Answers at once, but not from here: who reads must not wait until the client does.
    fn answer(&self, answer: Value) {
        let outgoing = self.outgoing.clone();
        self.handle.spawn_blocking(move || outgoing.send(&answer));
    }

    fn response(&self, message: Value) {
        let id = message.get("id").cloned().unwrap_or_default();
        match serde_json::from_value::<Response>(message) {
            Ok(response) => drop(self.answers.send(response)),
            Err(_) => self.answer(error(id, -32600, "this is neither a request nor a response")),
        }
    }

    fn request(&mut self, method: &str, message: Value) {
        match method {
            "initialize" if !self.initialized => {
                self.trace.set(message.pointer("/params/trace"));
                // As it was sent: the types do not know all of it.
                if let Some(capabilities) = message.pointer("/params/capabilities") {
                    self.state.set_client(Client::of(capabilities));
                }
                self.watch_parent(message.pointer("/params/processId").and_then(Value::as_u64));
            }
            "window/workDoneProgress/cancel" => {
                if let Some(token) = message.pointer("/params/token") {
                    self.state.builds.cancel(token);
                }
                return;
            }
            trust::DID_CHANGE => return self.state.trust.take(message.pointer("/params/trusted")),
            "$/setTrace" => return self.trace.set(message.pointer("/params/value")),
            "shutdown" => self.shut_down |= self.initialized,
            _ => {}
        }
        if self.initialized && !self.shut_down && self.apply(method, &message) {
            return;
        }
        let id = message.get("id").cloned();
        if let Some(id) = id.clone().filter(|_| method.starts_with("$/")) {
            return self.answer(error(id, -32601, "there is no such method"));
        }
        let request: Request = match serde_json::from_value(message) {
            Ok(request) => request,
            Err(e) => {
                if let Some(id) = id {
                    self.answer(error(id, -32600, &format!("this is no request: {e}")));
                }
                return;
            }
        };
        let mut context = Context::from_waker(Waker::noop());
        if !matches!(self.service.poll_ready(&mut context), Poll::Ready(Ok(()))) {
            return;
        }
        let answer = self.service.call(request);
        if method == "initialize" {
            // Everything after it rests on it.
            let answer = self.handle.block_on(answer);
            self.initialized |= matches!(&answer, Ok(Some(answer)) if answer.is_ok());
            if let Ok(Some(answer)) = answer {
                self.outgoing.send(&with_text_document_content(answer));
            }
            return;
        }
        if method == "shutdown" {
            // `exit` may come right behind it.
            if let Ok(Some(answer)) = self.handle.block_on(answer) {
                self.outgoing.send(&answer);
            }
            return;
        }
        let (outgoing, trace, method, start) =
            (self.outgoing.clone(), Arc::clone(&self.trace), method.to_owned(), Instant::now());
        self.handle.spawn(async move {
            if let Ok(Some(answer)) = answer.await {
                outgoing.send(&answer);
            }
            log(&trace, &method, start, &outgoing);
        });
    }

    /// Applies a change of documents, and starts looking for mistakes in what changed. Whether nothing is left to do.
    fn apply(&self, method: &str, message: &Value) -> bool {
        let documents = &self.state.documents;
        let changed = match method {
            "textDocument/didOpen" => parameters::<DidOpenTextDocumentParams>(message).map(|p| {
                let uri = p.text_document.uri.clone();
                documents.open(p.text_document);
                uri
            }),
            "textDocument/didChange" => parameters::<DidChangeTextDocumentParams>(message).map(|p| {
                let document = p.text_document;
                documents.change(&document.uri, document.version, p.content_changes);
                document.uri
            }),
            "textDocument/didClose" => {
                if let Some(p) = parameters::<DidCloseTextDocumentParams>(message) {
                    let uri = p.text_document.uri;
                    let path = documents.file_of(&uri);
                    documents.close(&uri);
                    diagnose::closed(&self.service.inner().session(), path.as_deref(), vec![uri]);
                }
                None
            }
            "notebookDocument/didOpen" => parameters::<DidOpenNotebookDocumentParams>(message).map(|p| {
                let uri = p.notebook_document.uri.clone();
                documents.open_notebook(p);
                uri
            }),
            "notebookDocument/didChange" => parameters::<DidChangeNotebookDocumentParams>(message).map(|p| {
                let uri = p.notebook_document.uri.clone();
                documents.change_notebook(p);
                uri
            }),
            "notebookDocument/didClose" => {
                if let Some(p) = parameters::<DidCloseNotebookDocumentParams>(message) {
                    let path = documents.file_of(&p.notebook_document.uri);
                    documents.close_notebook(&p.notebook_document.uri);
                    let cells = p.cell_text_documents.into_iter().map(|cell| cell.uri).collect();
                    diagnose::closed(&self.service.inner().session(), path.as_deref(), cells);
                }
                None
            }
            _ => return false,
        };
        if let Some(path) = changed.and_then(|uri| documents.file_of(&uri)) {
            let session = self.service.inner().session();
            diagnose::changed(&session, &path);
            if method == "textDocument/didOpen" {
                diagnose::opened(&session, path);
            }
        }
        true
    }

    /// Ends when the process that started the server is gone.
    fn watch_parent(&self, process: Option<u64>) {
        let Some(process) = process.and_then(|p| i32::try_from(p).ok()) else { return };
        let ends = self.ends.clone();
        self.handle.spawn(async move {
            loop {
                tokio::time::sleep(LIFE_SIGNS).await;
                if !is_alive(process) {
                    let _ = ends.send(End::Status(1));
                    return;
                }
            }
        });
    }
}

/// Whether a process is still there. Where the system does not tell, the end of the input does.
#[cfg(unix)]
fn is_alive(process: i32) -> bool {
    let Some(process) = rustix::process::Pid::from_raw(process) else { return true };
    // A process of somebody else's is there, too.
    !matches!(rustix::process::test_kill_process(process), Err(rustix::io::Errno::SRCH))
}

#[cfg(not(unix))]
fn is_alive(_: i32) -> bool {
    true
}

fn log(trace: &Trace, method: &str, start: Instant, outgoing: &Outgoing) {
    let level = trace.0.load(Ordering::Relaxed);
    if level == 0 || method == "$/cancelRequest" {
        return;
    }
    let mut parameters = json!({ "message": format!("{method} is done") });
    if level == 2 {
        parameters["verbose"] = json!(format!("it took {:.2} ms", start.elapsed().as_secs_f64() * 1000.0));
    }
    outgoing.send(&json!({ "jsonrpc": "2.0", "method": "$/logTrace", "params": parameters }));
}

/// Adds what protocol 3.18 has beyond the types that are used: the schemes of virtual documents.
fn with_text_document_content(answer: Response) -> Value {
    let mut answer = serde_json::to_value(&answer).unwrap_or_default();
    if let Some(workspace) = answer.pointer_mut("/result/capabilities/workspace") {
        workspace["textDocumentContent"] =
            json!({ "schemes": [crate::preview::SCHEME, crate::rule_page::SCHEME] });
    }
    answer
}
