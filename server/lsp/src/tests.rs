//! The server through its protocol, over streams in memory.

use std::collections::VecDeque;
use std::path::PathBuf;

use image_python::project::Ambient;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, DuplexStream, ReadHalf, WriteHalf};

/// A client. Every message that the server sends must be asked for, or [`TestClient::finish`] fails.
struct TestClient {
    input: WriteHalf<DuplexStream>,
    output: BufReader<ReadHalf<DuplexStream>>,
    waiting: VecDeque<Value>,
    next: i64,
    server: tokio::task::JoinHandle<()>,
    folder: tempfile::TempDir,
}

impl TestClient {
    async fn start(encodings: &[&str]) -> (Self, Value) {
        let folder = tempfile::tempdir().expect("a folder");
        let (near, far) = tokio::io::duplex(1 << 20);
        let (read, write) = tokio::io::split(far);
        let ambient = Ambient { current_directory: folder.path().to_path_buf(), ..Ambient::default() };
        let server = tokio::spawn(crate::serve(read, write, ambient));
        let (output, input) = tokio::io::split(near);
        let output = BufReader::new(output);
        let mut client = Self { input, output, waiting: VecDeque::new(), next: 0, server, folder };
        let parameters =
            json!({ "capabilities": { "general": { "positionEncodings": encodings } }, "processId": null });
        let answer = client.request("initialize", parameters).await;
        client.notify("initialized", json!({})).await;
        (client, answer)
    }

    async fn send(&mut self, message: Value) {
        let body = message.to_string();
        let head = format!("Content-Length: {}\r\n\r\n", body.len());
        self.input.write_all((head + &body).as_bytes()).await.expect("written");
    }

    async fn receive(&mut self) -> Value {
        let mut length = 0;
        loop {
            let mut line = String::new();
            self.output.read_line(&mut line).await.expect("a header");
            match line.trim().strip_prefix("Content-Length: ") {
                Some(n) => length = n.parse().expect("a number"),
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        let mut body = vec![0; length];
        self.output.read_exact(&mut body).await.expect("a body");
        serde_json::from_slice(&body).expect("JSON")
    }

    async fn notify(&mut self, method: &str, parameters: Value) {
        self.send(json!({ "jsonrpc": "2.0", "method": method, "params": parameters })).await;
    }

    async fn request(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let id = self.next;
        self.send(json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": parameters })).await;
        loop {
            let message = self.receive().await;
            if message["id"] == json!(id) {
                assert!(message.get("error").is_none(), "{message}");
                return message["result"].clone();
            }
            self.waiting.push_back(message);
        }
    }

    /// The diagnostics of a document's version.
    async fn diagnostics(&mut self, uri: &str, version: i64) -> Vec<Value> {
        loop {
            let message = match self.waiting.pop_front() {
                Some(message) => message,
                None => self.receive().await,
            };
            assert_eq!(message["method"], "textDocument/publishDiagnostics", "{message}");
            let parameters = &message["params"];
            if parameters["uri"] == uri && parameters["version"] == version {
                return parameters["diagnostics"].as_array().expect("a list").clone();
            }
        }
    }

    fn uri(&self, name: &str) -> String {
        format!("file://{}", self.folder.path().join(name).display())
    }

    fn write(&self, name: &str, content: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, content).expect("written");
        path
    }

    async fn open(&mut self, name: &str, text: &str) -> String {
        let uri = self.uri(name);
        let document = json!({ "uri": uri, "languageId": "python", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document })).await;
        uri
    }

    async fn change(&mut self, uri: &str, version: i64, changes: Value) {
        let parameters =
            json!({ "textDocument": { "uri": uri, "version": version }, "contentChanges": changes });
        self.notify("textDocument/didChange", parameters).await;
    }

    async fn hover(&mut self, uri: &str, line: u32, character: u32) -> Option<String> {
        let parameters =
            json!({ "textDocument": { "uri": uri }, "position": { "line": line, "character": character } });
        let answer = self.request("textDocument/hover", parameters).await;
        answer["contents"]["value"].as_str().map(str::to_owned)
    }

    /// Shuts down; the server must end although the input stays open.
    async fn finish(mut self) {
        let answer = self.request("shutdown", Value::Null).await;
        assert_eq!(answer, Value::Null);
        self.send(json!({ "jsonrpc": "2.0", "method": "exit" })).await;
        self.server.await.expect("the server ends");
    }
}

fn position(line: u32, character: u32) -> Value {
    json!({ "line": line, "character": character })
}

#[tokio::test]
async fn mistakes_come_and_go_while_typing() {
    let (mut client, answer) = TestClient::start(&["utf-16"]).await;
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
    assert_eq!(answer["serverInfo"]["name"], "image-lsp");
    let text = "import flyte\n# 😀é\nimage = flyte.Image.from_base(\"x\").with_pip_packages(\"y\")\n";
    let uri = client.open("a.py", text).await;
    let found = client.diagnostics(&uri, 1).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["code"], "IMG002");
    assert_eq!(found[0]["range"]["start"], position(2, 35));
    assert_eq!(found[0]["relatedInformation"][0]["location"]["range"]["start"], position(2, 8));
    // Two edits in one message, the second in the text that the first one left.
    let insert = json!({ "range": { "start": position(2, 34), "end": position(2, 34) }, "text": ".clone(name=\"n\", extendable=True)" });
    let comment = json!({ "range": { "start": position(1, 2), "end": position(1, 5) }, "text": "x" });
    client.change(&uri, 2, json!([insert, comment])).await;
    assert!(client.diagnostics(&uri, 2).await.is_empty());
    client.finish().await;
}

#[tokio::test]
async fn hover_shows_address_assumptions_and_dockerfile() {
    let (mut client, answer) = TestClient::start(&["utf-8", "utf-16"]).await;
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-8");
    let text = "import flyte\nimage = flyte.Image.from_debian_base(python_version=(3, 12), name=\"n\").with_pip_packages(\"httpx\")\nenv = flyte.TaskEnvironment(name=\"e\", image=image)\n";
    let uri = client.open("a.py", text).await;
    assert!(client.diagnostics(&uri, 1).await.is_empty());
    for (line, character) in [(1, 2), (1, 40), (1, 90), (2, 47)] {
        let shown = client
            .hover(&uri, line, character)
            .await
            .unwrap_or_else(|| panic!("nothing at {line}:{character}"));
        assert!(shown.starts_with("**`n:"), "{shown}");
        assert!(shown.contains("assuming that flyte is 2.12.1"), "{shown}");
        assert!(shown.contains("```dockerfile\n# syntax=docker/dockerfile:1.10\n"), "{shown}");
        assert!(shown.contains("uv pip install --python $UV_PYTHON httpx\n"), "{shown}");
    }
    assert_eq!(client.hover(&uri, 0, 2).await, None);
    client.finish().await;
}

#[tokio::test]
async fn a_change_in_another_open_file_is_seen() {
    let (mut client, _) = TestClient::start(&[]).await;
    let settings = "import flyte\nbase = flyte.Image.from_base(\"x\").clone(name=\"n\", extendable=True)\n";
    client.write("settings.py", settings);
    let main =
        client.open("main.py", "from settings import base\nimage = base.with_pip_packages(\"y\")\n").await;
    assert!(client.diagnostics(&main, 1).await.is_empty());
    let other = client.open("settings.py", "import flyte\nbase = flyte.Image.from_base(\"x\")\n").await;
    assert!(client.diagnostics(&other, 1).await.is_empty());
    client
        .change(
            &main,
            2,
            json!([{ "text": "from settings import base\nimage = base.with_pip_packages(\"z\")\n" }]),
        )
        .await;
    let found = client.diagnostics(&main, 2).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["code"], "IMG002");
    client.finish().await;
}

#[tokio::test]
async fn odd_messages_do_no_harm() {
    let (mut client, _) = TestClient::start(&[]).await;
    let uri = client.open("a.py", "import flyte\nx = (\n").await;
    assert!(client.diagnostics(&uri, 1).await.is_empty());
    let outside = json!({ "range": { "start": position(99, 9), "end": position(7, 1) }, "text": "y" });
    client.change(&uri, 2, json!([outside])).await;
    assert!(client.diagnostics(&uri, 2).await.is_empty());
    assert_eq!(client.hover(&uri, 500, 500).await, None);
    assert_eq!(client.hover("untitled:Untitled-1", 0, 0).await, None);
    client.change("file:///not/open.py", 3, json!([{ "text": "" }])).await;
    client.finish().await;
}

/// A flyte that only tells its version.
fn install(client: &TestClient, version: &str) {
    let site = client.folder.path().join(".venv/lib/python3.11/site-packages/flyte");
    std::fs::create_dir_all(&site).expect("a folder");
    client.write(".venv/pyvenv.cfg", "version = 3.11.2\n");
    client.write(".venv/lib/python3.11/site-packages/flyte/__init__.py", "");
    client.write(
        ".venv/lib/python3.11/site-packages/flyte/_version.py",
        &format!("__version__ = '{version}'\n"),
    );
}

#[tokio::test]
async fn another_flyte_is_noticed_while_the_server_runs() {
    let (mut client, _) = TestClient::start(&[]).await;
    install(&client, "2.12.0");
    let text = "import flyte\nimage = flyte.Image.from_base(\"x\").clone(platform=\"linux/amd64\")\n";
    let uri = client.open("a.py", text).await;
    let codes = |found: &[Value]| found.iter().map(|d| d["code"].clone()).collect::<Vec<_>>();
    // Its files are not those of the release.
    assert_eq!(codes(&client.diagnostics(&uri, 1).await), ["IMG903"]);
    let shown = client.hover(&uri, 1, 2).await.expect("a hover");
    assert!(shown.contains("flyte 2.12.0 (installed in .venv)"), "{shown}");
    // Installed anew, and the client says that files have changed.
    install(&client, "2.5.1");
    let changes = json!({ "changes": [{ "uri": client.uri(".venv/pyvenv.cfg"), "type": 2 }] });
    client.notify("workspace/didChangeWatchedFiles", changes).await;
    let found = client.diagnostics(&uri, 1).await;
    // What a patched release lacks is not claimed.
    assert_eq!(codes(&found), ["IMG903"], "{found:?}");
    assert!(found[0]["message"].as_str().is_some_and(|m| m.starts_with("flyte 2.5.1")), "{found:?}");
    // Removed: the setting counts.
    std::fs::remove_dir_all(client.folder.path().join(".venv")).expect("removed");
    let settings = |version: &str| json!({ "settings": { "imageLsp": { "flyte-version": version } } });
    client.notify("workspace/didChangeConfiguration", settings("2.5.1")).await;
    let found = client.diagnostics(&uri, 1).await;
    assert_eq!(codes(&found), ["IMG006"], "{found:?}");
    assert!(found[0]["message"].as_str().is_some_and(|m| m.contains("it came with 2.5.2")), "{found:?}");
    client.notify("workspace/didChangeConfiguration", settings("2.5.2")).await;
    assert!(client.diagnostics(&uri, 1).await.is_empty());
    let shown = client.hover(&uri, 1, 2).await.expect("a hover");
    assert!(shown.contains("flyte 2.5.2 (as set)"), "{shown}");
    client.finish().await;
}

/// What can be done in a range, by title.
async fn actions(client: &mut TestClient, uri: &str, line: u32, only: Value) -> Vec<Value> {
    let parameters = json!({
        "textDocument": { "uri": uri },
        "range": { "start": position(line, 0), "end": position(line, 200) },
        "context": { "diagnostics": [], "only": only }
    });
    client.request("textDocument/codeAction", parameters).await.as_array().cloned().unwrap_or_default()
}

#[tokio::test]
async fn fixes_suppressions_and_fix_all_are_offered() {
    let (mut client, answer) = TestClient::start(&["utf-16"]).await;
    assert_eq!(answer["capabilities"]["codeActionProvider"]["resolveProvider"], true);
    let text = "import flyte\n# 😀\nimage = flyte.Image.from_debian_base(name=\"Train\").with_pip_packages([\"a\"])\nx = flyte.Image.from_base(\"debian:12\").with_apt_packages(\"git\")\n";
    let uri = client.open("a.py", text).await;
    assert_eq!(client.diagnostics(&uri, 1).await.len(), 3);
    let here = actions(&mut client, &uri, 2, json!(["quickfix"])).await;
    let titles: Vec<&str> = here.iter().filter_map(|a| a["title"].as_str()).collect();
    assert_eq!(
        titles,
        [
            "Write train",
            "Unpack the list",
            "Suppress IMG203 (invalid-image-name) here",
            "Suppress IMG005 (list-instead-of-arguments) here"
        ]
    );
    assert_eq!(
        (&here[0]["isPreferred"], &here[0]["diagnostics"][0]["code"]),
        (&json!(true), &json!("IMG203"))
    );
    let edit = &here[0]["edit"]["changes"][&uri][0];
    assert_eq!((edit["newText"].as_str(), &edit["range"]["start"]), (Some("train"), &position(2, 43)));
    let comment = &here[2]["edit"]["changes"][&uri][0];
    assert_eq!(comment["newText"], "  # image-lsp: ignore[IMG203]");
    let harm = actions(&mut client, &uri, 3, json!(["quickfix"])).await;
    assert_eq!(
        (&harm[0]["title"], &harm[0]["isPreferred"]),
        (&json!("Clone it with extendable=True (look it over)"), &json!(false))
    );
    let all = actions(&mut client, &uri, 0, json!(["source.fixAll"])).await;
    assert_eq!((all.len(), &all[0]["kind"], all[0].get("edit")), (1, &json!("source.fixAll.imageLsp"), None));
    let resolved = client.request("codeAction/resolve", all[0].clone()).await;
    let edits = resolved["edit"]["changes"][&uri].as_array().expect("edits").clone();
    assert_eq!(edits.len(), 1);
    assert_eq!(
        edits[0]["newText"],
        "image = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"a\")\n"
    );
    assert!(actions(&mut client, &uri, 0, json!(["source.organizeImports"])).await.is_empty());
    client.finish().await;
}

#[tokio::test]
async fn settings_files_and_editors_say_what_is_found() {
    let (mut client, _) = TestClient::start(&[]).await;
    let text =
        "import flyte\nimage = flyte.Image.from_debian_base(name=\"Train\").with_pip_packages([\"a\"])\n";
    let uri = client.open("a.py", text).await;
    let codes = |found: Vec<Value>| {
        found.iter().map(|d| d["code"].as_str().unwrap_or("").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(codes(client.diagnostics(&uri, 1).await), ["IMG203", "IMG005"]);
    let settings =
        json!({ "settings": { "imageLsp": { "ignore": ["IMG203"], "severity": { "IMG005": "hint" } } } });
    client.notify("workspace/didChangeConfiguration", settings).await;
    let found = client.diagnostics(&uri, 1).await;
    assert_eq!((found[0]["severity"].as_u64(), codes(found)), (Some(4), vec!["IMG005".to_owned()]));
    // The file goes before the editor.
    client.write("image-lsp.toml", "ignore = [\"IMG005\"]\n");
    client.notify("workspace/didChangeWatchedFiles", json!({ "changes": [] })).await;
    assert_eq!(codes(client.diagnostics(&uri, 1).await), ["IMG203"]);
    client.finish().await;
}
