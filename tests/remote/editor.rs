//! The language server: builds by the remote builder, comparisons, and what is left when it is killed.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::control_plane::{BUILT, ControlPlane, RUN, Scenario};
use crate::project::Project;

const PATIENCE: Duration = Duration::from_secs(60);
const FILE: &str = "import flyte\n\nimage = (\n    flyte.Image.from_debian_base(name='train', python_version=(3, 12))\n    .with_apt_packages('git')\n    .with_pip_packages('torch==99')\n)\n";

/// A client that answers nothing on its own but the making of progress.
struct Editor {
    server: Child,
    output: ChildStdin,
    input: Receiver<Value>,
    met: VecDeque<Value>,
    number: i64,
}

/// What `verify` found, not what is assumed of a release that is not known.
fn is_difference(diagnostic: &Value) -> bool {
    diagnostic["code"] == "IMG903" && diagnostic["severity"] == 2
}

fn receive(input: &mut impl BufRead) -> Option<Value> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok().filter(|read| *read > 0)?;
        match line.trim().strip_prefix("Content-Length: ") {
            Some(n) => length = n.parse().ok()?,
            None if line.trim().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).ok()?;
    serde_json::from_slice(&body).ok()
}

impl Editor {
    fn start(project: &Project, options: Value) -> Self {
        let mut command = project.command(&["--stdio"]);
        let mut server = command.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
        let output = server.stdin.take().expect("a stream");
        let mut reader = BufReader::new(server.stdout.take().expect("a stream"));
        let (tell, input) = channel();
        std::thread::spawn(move || {
            while let Some(message) = receive(&mut reader) {
                if tell.send(message).is_err() {
                    return;
                }
            }
        });
        let mut editor = Self { server, output, input, met: VecDeque::new(), number: 0 };
        let capabilities = json!({
            "window": { "workDoneProgress": true, "showDocument": { "support": true } },
            "experimental": { "imageLsp": { "buildLog": true } },
        });
        let root = format!("file://{}", project.path().display());
        let folders = json!([{ "uri": root, "name": "p" }]);
        let asked = json!({ "processId": null, "capabilities": capabilities, "workspaceFolders": folders, "initializationOptions": options });
        let id = editor.request("initialize", asked);
        editor.answer_to(id);
        editor.notify("initialized", json!({}));
        editor
    }

    fn send(&mut self, message: &Value) {
        let body = message.to_string();
        write!(self.output, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("written");
        self.output.flush().expect("written");
    }

    fn notify(&mut self, method: &str, parameters: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": parameters }));
    }

    fn request(&mut self, method: &str, parameters: Value) -> i64 {
        self.number += 1;
        let id = self.number;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters }));
        id
    }

    /// The first message that fits, of those that came and those that come.
    fn wait(&mut self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        if let Some(place) = self.met.iter().position(&fits) {
            return self.met.remove(place).expect("a message");
        }
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let message =
                self.input.recv_timeout(left).unwrap_or_else(|_| panic!("no {what}: {:?}", self.met));
            if message["method"] == "window/workDoneProgress/create" {
                self.reply(&message["id"], Value::Null);
            }
            if fits(&message) {
                return message;
            }
            self.met.push_back(message);
        }
    }

    fn reply(&mut self, id: &Value, result: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "result": result }));
    }

    fn answer_to(&mut self, id: i64) -> Value {
        self.wait(&format!("answer to {id}"), |m| m["id"] == id && m.get("method").is_none())
    }

    fn asked(&mut self, method: &str) -> Value {
        self.wait(method, |m| m["method"] == method)
    }

    fn open(&mut self, project: &Project, path: &str) -> String {
        let text = std::fs::read_to_string(project.path().join(path)).expect("a file");
        let uri = format!("file://{}", project.path().join(path).display());
        let document = json!({ "uri": uri, "languageId": "python", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
        uri
    }

    fn command(&mut self, command: &str, argument: Value) -> i64 {
        self.request("workspace/executeCommand", json!({ "command": command, "arguments": [argument] }))
    }

    /// The diagnostics IMG903 of a document, once they are there or gone.
    fn differences(&mut self, uri: &str, are_there: bool) -> Value {
        let published = self.wait("diagnostics", |m| {
            let found = m["params"]["diagnostics"].as_array();
            m["method"] == "textDocument/publishDiagnostics"
                && m["params"]["uri"] == uri
                && found.is_some_and(|all| all.iter().any(is_difference) == are_there)
        });
        published["params"]["diagnostics"].clone()
    }
}

impl Drop for Editor {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn trusted() -> Value {
    json!({ "workspaceTrusted": true })
}

/// A project whose image the editor has been told to build: the request's number.
fn building(plane: &ControlPlane) -> (Project, Editor, i64) {
    let project = Project::on(plane, &[("m.py", FILE)]);
    let mut editor = Editor::start(&project, trusted());
    let uri = editor.open(&project, "m.py");
    let id = editor.command("imageLsp.build", json!({ "uri": uri, "name": "image" }));
    (project, editor, id)
}

#[test]
fn an_image_is_built_by_the_backend_and_its_run_is_shown() {
    let plane = ControlPlane::start(Scenario::Works);
    let (project, mut editor, id) = building(&plane);
    let question = editor.asked("window/showMessageRequest");
    assert_eq!(question["params"]["actions"][0]["title"], "Open the run", "{question}");
    editor.reply(&question["id"].clone(), json!({ "title": "Open the run" }));
    let shown = editor.asked("window/showDocument");
    let page = shown["params"]["uri"].as_str().expect("an address").to_owned();
    assert!(page.ends_with(&format!("/runs/{RUN}")) && shown["params"]["external"] == true, "{shown}");
    let answer = editor.answer_to(id);
    assert_eq!(answer["result"], json!({ "uri": BUILT, "digest": null, "status": "built" }), "{answer}");
    let progress = |m: &Value| {
        m["method"] == "$/progress" && m["params"]["value"]["message"] == "Submitting a new build..."
    };
    editor.wait("flyte's own step", progress);
    assert_eq!(project.processes(editor.server.id()), Vec::<String>::new());
}

#[test]
fn what_fails_is_told_with_its_message_and_help() {
    let plane = ControlPlane::start(Scenario::Denied);
    let (_project, mut editor, id) = building(&plane);
    let answer = editor.answer_to(id);
    let message = answer["error"]["message"].as_str().expect("a message");
    assert!(message.contains("permission denied") && message.contains("ask for the right"), "{answer}");
}

#[test]
fn whoever_cancels_is_asked_whether_the_run_is_to_end() {
    let plane = ControlPlane::start(Scenario::Slow);
    let (project, mut editor, id) = building(&plane);
    let token = editor.asked("window/workDoneProgress/create")["params"]["token"].clone();
    plane.wait_for("WatchActionDetails");
    let page = editor.asked("window/showMessageRequest");
    editor.reply(&page["id"].clone(), Value::Null);
    editor.notify("window/workDoneProgress/cancel", json!({ "token": token }));
    assert_eq!(editor.answer_to(id)["result"]["status"], "cancelled");
    let question = editor.asked("window/showMessageRequest");
    assert_eq!(question["params"]["actions"][0]["title"], "Abort the run", "{question}");
    assert_eq!(plane.count("AbortRun"), 0);
    editor.reply(&question["id"].clone(), json!({ "title": "Abort the run" }));
    let told = editor.asked("window/showMessage");
    assert_eq!(
        (told["params"]["message"].as_str(), plane.count("AbortRun")),
        (Some(format!("the run {RUN} is aborted").as_str()), 1)
    );
    project.assert_nothing_is_left(editor.server.id());
}

#[test]
fn a_cancelled_request_ends_the_child_too() {
    let plane = ControlPlane::start(Scenario::Slow);
    let (project, mut editor, id) = building(&plane);
    plane.wait_for("WatchActionDetails");
    editor.notify("$/cancelRequest", json!({ "id": id }));
    assert_eq!(editor.answer_to(id)["error"]["code"], -32800);
    editor.wait("question", |m| m["params"]["actions"][0]["title"] == "Abort the run");
    project.assert_nothing_is_left(editor.server.id());
}

#[test]
fn nothing_is_left_when_the_server_is_killed() {
    let plane = ControlPlane::start(Scenario::Slow);
    let (project, mut editor, _) = building(&plane);
    plane.wait_for("WatchActionDetails");
    assert!(!project.processes(editor.server.id()).is_empty());
    editor.server.kill().expect("killed");
    editor.server.wait().expect("its end");
    let began = Instant::now();
    while !project.processes(editor.server.id()).is_empty() {
        assert!(began.elapsed() < Duration::from_secs(10));
        std::thread::yield_now();
    }
}

#[test]
fn code_runs_in_trusted_workspaces_alone() {
    let plane = ControlPlane::start(Scenario::Works);
    let python = format!("open('ran', 'a').write('.')\n{FILE}");
    let project = Project::on(&plane, &[("m.py", &python), ("image-lsp.toml", "verify-on-save = true\n")]);
    let mut editor = Editor::start(&project, Value::Null);
    let uri = editor.open(&project, "m.py");
    // What is answered after it shows that it was seen.
    editor.notify("textDocument/didSave", json!({ "textDocument": { "uri": uri } }));
    for command in ["imageLsp.verify", "imageLsp.build"] {
        let id = editor.command(command, json!({ "uri": uri, "name": "image" }));
        let answer = editor.answer_to(id);
        let message = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(message.starts_with("this workspace is not trusted"), "{command} {answer}");
    }
    editor.notify("imageLsp/didChangeWorkspaceTrust", json!({ "trusted": true }));
    assert!(!project.path().join("ran").exists());
    let id = editor.command("imageLsp.verify", json!({ "uri": uri }));
    let answer = editor.answer_to(id);
    assert_eq!(answer["result"]["images"][0]["verdict"], "equal", "{answer}");
    // Once: whatever had begun before would have run by now, too.
    assert_eq!(std::fs::read_to_string(project.path().join("ran")).expect("a file"), ".");
}

#[test]
fn differences_are_diagnostics_until_the_file_is_edited() {
    let project = Project::new(&[("m.py", FILE), ("image-lsp.toml", "verify-on-save = true\n")]);
    // The prediction is that of another release than the installed one: its files are copied and changed.
    let python = project.changed_flyte();
    let options = json!({ "workspaceTrusted": true, "python": python });
    let mut editor = Editor::start(&project, options);
    let uri = editor.open(&project, "m.py");
    editor.notify("textDocument/didSave", json!({ "textDocument": { "uri": uri } }));
    let found = editor.differences(&uri, true);
    let own: Vec<&Value> = found.as_array().into_iter().flatten().filter(|d| is_difference(d)).collect();
    assert_eq!(own.len(), 1, "{found}");
    assert_eq!(own[0]["range"]["start"]["line"], 4, "{found}");
    assert!(own[0]["message"].as_str().is_some_and(|t| t.contains("please report it")), "{found}");
    let change = json!([{ "text": FILE.replace("git", "gi") }]);
    editor.notify(
        "textDocument/didChange",
        json!({ "textDocument": { "uri": uri, "version": 2 }, "contentChanges": change }),
    );
    let left = editor.wait("diagnostics", |m| {
        m["method"] == "textDocument/publishDiagnostics" && m["params"]["version"] == 2
    });
    let left = left["params"]["diagnostics"].as_array().cloned().unwrap_or_default();
    assert!(!left.iter().any(is_difference), "{left:?}");
    // flyte reads the disk.
    let id = editor.command("imageLsp.verify", json!({ "uri": uri }));
    let answer = editor.answer_to(id);
    assert!(answer["error"]["message"].as_str().is_some_and(|t| t.starts_with("save ")), "{answer}");
}

#[test]
fn a_comparison_can_be_cancelled() {
    let project = Project::new(&[("m.py", &format!("{FILE}open('here', 'w').close()\nwhile True: pass\n"))]);
    let mut editor = Editor::start(&project, trusted());
    let uri = editor.open(&project, "m.py");
    let id = editor.command("imageLsp.verify", json!({ "uri": uri }));
    let token = editor.asked("window/workDoneProgress/create")["params"]["token"].clone();
    let began = Instant::now();
    while !project.path().join("here").exists() {
        assert!(began.elapsed() < PATIENCE, "it does not start");
        std::thread::yield_now();
    }
    editor.notify("window/workDoneProgress/cancel", json!({ "token": token }));
    assert_eq!(editor.answer_to(id)["error"]["message"], "cancelled");
    project.assert_nothing_is_left(editor.server.id());
}

#[test]
fn what_a_run_says_is_marked_in_the_code() {
    let said = "Because there is no version of torch==99 and you require torch==99, we can conclude that your requirements are unsatisfiable.";
    let plane = ControlPlane::start(Scenario::Fails(said));
    let (_project, mut editor, id) = building(&plane);
    assert!(editor.answer_to(id)["error"]["message"].as_str().is_some_and(|t| t.contains("torch==99")));
    let published = editor.wait("diagnostics", |m| {
        m["method"] == "textDocument/publishDiagnostics"
            && m["params"]["diagnostics"]
                .as_array()
                .is_some_and(|all| all.iter().any(|d| d["source"] == "image build"))
    });
    let all = published["params"]["diagnostics"].as_array().cloned().unwrap_or_default();
    let own = all.iter().find(|d| d["source"] == "image build").expect("a diagnostic");
    let range = json!({ "start": { "line": 5, "character": 23 }, "end": { "line": 5, "character": 34 } });
    assert_eq!(own["range"], range, "{own}");
}
