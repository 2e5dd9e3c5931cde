//! The server through its protocol, over streams in memory. One file per method.

mod code_action;
mod code_lens;
mod completion;
mod definition;
mod diagnostics;
mod document_highlight;
mod document_link;
mod document_symbol;
mod execute_command;
mod folders;
mod folding_range;
mod head;
mod hover;
mod inlay_hint;
mod lifecycle;
mod manifest;
mod notebook;
mod order;
mod pull_diagnostics;
mod references;
mod rename;
mod selection_range;
mod settings;
mod signature_help;
mod synchronisation;
mod text_document_content;
mod workspace_symbol;

use std::collections::{HashMap, VecDeque};
use std::io::{BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use image_python::project::Ambient;
use serde_json::{Value, json};

use crate::transport::{Incoming, Reader};

/// How long nothing may come before a test has failed.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a test may take before it has failed: none waits for ever for something that does not come.
const WHOLE: Duration = Duration::from_secs(120);

/// What a client is like.
#[derive(Clone)]
struct Setup {
    capabilities: Value,
    options: Value,
    /// It answers what the server asks.
    answers: bool,
}

impl Default for Setup {
    fn default() -> Self {
        Self { capabilities: json!({}), options: Value::Null, answers: true }
    }
}

/// A client. When it is dropped the server must end as the protocol says, without a message that nobody asked for.
struct TestClient {
    output: UnixStream,
    input: Reader<BufReader<UnixStream>>,
    waiting: VecDeque<Value>,
    /// Diagnostics as they were published last, with their version.
    published: HashMap<String, (Value, Vec<Value>)>,
    /// What the server asked for.
    asked: Vec<Value>,
    since: Instant,
    /// The number of the last question.
    last_question: Option<Value>,
    answers: bool,
    next: i64,
    server: Option<std::thread::JoinHandle<std::io::Result<u8>>>,
    _own: tempfile::TempDir,
    folder: PathBuf,
    capabilities: Value,
}

impl TestClient {
    /// A plain client of an empty workspace.
    fn start() -> Self {
        Self::with(Setup::default())
    }

    /// A client with capabilities.
    fn able(capabilities: Value) -> Self {
        Self::with(Setup { capabilities, ..Setup::default() })
    }

    fn with(setup: Setup) -> Self {
        let mut client = Self::unready(&setup);
        let folder = client.uri("");
        let answer = client.request(
            "initialize",
            json!({
                "processId": null,
                "capabilities": setup.capabilities,
                "initializationOptions": setup.options,
                "workspaceFolders": [{ "uri": folder.trim_end_matches('/'), "name": "w" }],
            }),
        );
        client.capabilities = answer["capabilities"].clone();
        assert_eq!(answer["serverInfo"]["name"], "image-lsp");
        client.notify("initialized", json!({}));
        client
    }

    /// A client that has not said a word.
    fn unready(setup: &Setup) -> Self {
        let own = tempfile::tempdir().expect("a folder");
        let folder = own.path().canonicalize().expect("a folder");
        let (near, far) = UnixStream::pair().expect("a pair of streams");
        near.set_read_timeout(Some(PATIENCE)).expect("a limit");
        let ambient = Ambient { current_directory: folder.clone(), ..Ambient::default() };
        let reader = far.try_clone().expect("a stream");
        let server = std::thread::spawn(move || crate::serve_on(reader, far, None, ambient));
        Self {
            input: Reader::new(BufReader::new(near.try_clone().expect("a stream"))),
            output: near,
            waiting: VecDeque::new(),
            published: HashMap::new(),
            asked: Vec::new(),
            since: Instant::now(),
            last_question: None,
            answers: setup.answers,
            next: 0,
            server: Some(server),
            _own: own,
            folder,
            capabilities: Value::Null,
        }
    }

    fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string());
    }

    fn send_text(&mut self, body: &str) {
        let head = format!("Content-Length: {}\r\n\r\n", body.len());
        self.output.write_all((head + body).as_bytes()).expect("written");
    }

    /// The next message. What the server asks is answered; diagnostics are kept.
    fn receive(&mut self) -> Value {
        assert!(self.since.elapsed() < WHOLE, "this takes for ever, published: {:?}", self.published);
        let message = match self.input.next() {
            Some(Incoming::Message(message)) => message,
            other => panic!("no message but {other:?}, published: {:?}", self.published),
        };
        if message.get("method").is_some() && message.get("id").is_some() {
            self.asked.push(message.clone());
            self.last_question = Some(message["id"].clone());
            if self.answers {
                let result = match message["method"].as_str() {
                    Some("workspace/configuration") => json!([null]),
                    Some("window/showDocument") => json!({ "success": true }),
                    _ => Value::Null,
                };
                self.send(&json!({ "jsonrpc": "2.0", "id": message["id"], "result": result }));
            }
        }
        if message["method"] == "textDocument/publishDiagnostics" {
            let p = &message["params"];
            let found = p["diagnostics"].as_array().cloned().unwrap_or_default();
            let uri = p["uri"].as_str().unwrap_or_default().to_owned();
            self.published.insert(uri, (p["version"].clone(), found));
        }
        message
    }

    fn notify(&mut self, method: &str, parameters: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": parameters }));
    }

    /// Asks, and gives the answer whole.
    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        let id = self.ask_later(method, parameters);
        self.answer(id)
    }

    /// Asks without waiting.
    fn ask_later(&mut self, method: &str, parameters: Value) -> i64 {
        self.next += 1;
        let id = self.next;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters }));
        id
    }

    /// The answer to a question.
    fn answer(&mut self, id: i64) -> Value {
        if let Some(at) = self.waiting.iter().position(|m| m["id"] == json!(id) && m.get("method").is_none())
        {
            return self.waiting.remove(at).unwrap_or_default();
        }
        loop {
            let message = self.receive();
            if message["id"] == json!(id) && message.get("method").is_none() {
                return message;
            }
            self.keep(message);
        }
    }

    /// Keeps a message that somebody has to look at yet.
    fn keep(&mut self, message: Value) {
        let is_question = message.get("id").is_some() && message.get("method").is_some();
        if message["method"] != "textDocument/publishDiagnostics" && !is_question {
            self.waiting.push_back(message);
        }
    }

    /// The result of a request that must succeed.
    fn request(&mut self, method: &str, parameters: Value) -> Value {
        let answer = self.ask(method, parameters);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// The next notification of a method.
    fn notification(&mut self, method: &str) -> Value {
        if let Some(at) = self.waiting.iter().position(|m| m["method"] == method) {
            return self.waiting.remove(at).unwrap_or_default()["params"].clone();
        }
        loop {
            let message = self.receive();
            if message["method"] == method {
                return message["params"].clone();
            }
            self.keep(message);
        }
    }

    /// Waits until the server has asked for something.
    fn asked_for(&mut self, method: &str) -> Value {
        loop {
            if let Some(at) = self.asked.iter().position(|m| m["method"] == method) {
                return self.asked.remove(at)["params"].clone();
            }
            let message = self.receive();
            self.keep(message);
        }
    }

    /// The diagnostics of a document's version, as soon as they hold as expected.
    fn diagnostics_when(&mut self, uri: &str, version: i64, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let end = Instant::now() + PATIENCE;
        loop {
            assert!(Instant::now() < end, "still {:?}", self.published.get(uri));
            if let Some((v, found)) = self.published.get(uri)
                && *v == json!(version)
                && holds(found)
            {
                return found.clone();
            }
            let message = self.receive();
            self.keep(message);
        }
    }

    /// The diagnostics of a document's version.
    fn diagnostics(&mut self, uri: &str, version: i64) -> Vec<Value> {
        self.diagnostics_when(uri, version, |_| true)
    }

    /// Waits until exactly these rules speak of a document.
    fn codes_when(&mut self, uri: &str, version: i64, expected: &[&str]) -> Vec<Value> {
        self.diagnostics_when(uri, version, |found| codes(found) == expected)
    }

    fn uri(&self, name: &str) -> String {
        let path = self.folder.join(name);
        let uri = tower_lsp::ls_types::Uri::from_file_path(path).expect("an address").to_string();
        if name.is_empty() && !uri.ends_with('/') { uri + "/" } else { uri }
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        std::fs::write(&path, content).expect("written");
        path
    }

    fn open(&mut self, name: &str, text: &str) -> String {
        let uri = self.uri(name);
        let document = json!({ "uri": uri, "languageId": "python", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
        uri
    }

    /// Opens a text in which `|` is where the cursor stands.
    fn open_at(&mut self, name: &str, text: &str) -> (String, Value) {
        let before = text.split('|').next().unwrap_or_default();
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or_default().encode_utf16().count();
        let uri = self.open(name, &text.replacen('|', "", 1));
        (uri, json!({ "line": line, "character": column }))
    }

    fn change(&mut self, uri: &str, version: i64, changes: Value) {
        let parameters =
            json!({ "textDocument": { "uri": uri, "version": version }, "contentChanges": changes });
        self.notify("textDocument/didChange", parameters);
    }

    fn files_changed(&mut self) {
        self.notify("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    }

    /// A request at a position.
    fn at(&mut self, method: &str, uri: &str, place: &Value) -> Value {
        self.request(method, json!({ "textDocument": { "uri": uri }, "position": place }))
    }

    /// A request about a document.
    fn of(&mut self, method: &str, uri: &str) -> Value {
        self.request(method, json!({ "textDocument": { "uri": uri } }))
    }

    fn hover(&mut self, uri: &str, place: &Value) -> Option<String> {
        self.at("textDocument/hover", uri, place)["contents"]["value"].as_str().map(str::to_owned)
    }

    /// Takes a notification as read that may or may not have come.
    fn allow(&mut self, method: &str) {
        self.waiting.retain(|m| m["method"] != method);
    }
}

impl Drop for TestClient {
    fn drop(&mut self) {
        let Some(server) = self.server.take() else { return };
        if std::thread::panicking() {
            return;
        }
        let answer = self.ask("shutdown", Value::Null);
        assert_eq!(answer["result"], Value::Null, "{answer}");
        assert!(answer.get("error").is_none(), "{answer}");
        self.notify("exit", Value::Null);
        // The input stays open: the server has to end nevertheless.
        assert_eq!(server.join().expect("no panic").expect("no error"), 0);
        assert!(self.waiting.is_empty(), "nobody asked for {:?}", self.waiting);
    }
}

fn position(line: u32, character: u32) -> Value {
    json!({ "line": line, "character": character })
}

/// The codes of diagnostics, in order.
fn codes(found: &[Value]) -> Vec<&str> {
    found.iter().filter_map(|d| d["code"].as_str()).collect()
}

/// The labels of completions, in order.
fn labels(answer: &Value) -> Vec<&str> {
    answer["items"].as_array().into_iter().flatten().filter_map(|i| i["label"].as_str()).collect()
}
