use std::io::Write;

use serde_json::{Value, json};

use super::{Setup, TestClient, position};

#[test]
fn requests_before_initialize_are_refused_and_notifications_dropped() {
    let mut client = TestClient::unready(&Setup::default());
    let answer = client.ask("textDocument/hover", json!({}));
    assert_eq!(answer["error"]["code"], -32002);
    let text = "import flyte\nimage = flyte.Image.from_base(\"x\").with_pip_packages(\"y\")\n";
    let uri = client.open("a.py", text);
    let parameters = json!({ "processId": null, "capabilities": {}, "rootUri": client.uri("") });
    let answer = client.request("initialize", parameters.clone());
    assert_eq!(answer["capabilities"]["positionEncoding"], "utf-16");
    client.notify("initialized", json!({}));
    // The document was opened too early: it is not open.
    assert_eq!(client.hover(&uri, &position(1, 2)), None);
    assert_eq!(client.ask("initialize", parameters)["error"]["code"], -32600);
}

#[test]
fn after_shutdown_nothing_is_done_but_exit() {
    let mut client = TestClient::start();
    assert_eq!(client.request("shutdown", Value::Null), Value::Null);
    assert_eq!(client.ask("textDocument/hover", json!({}))["error"]["code"], -32600);
    client.notify("exit", Value::Null);
    let server = client.server.take().expect("a server");
    assert_eq!(server.join().expect("no panic").expect("no error"), 0);
}

#[test]
fn exit_without_shutdown_and_a_closed_input_are_failures() {
    for closes in [false, true] {
        let mut client = TestClient::start();
        if closes {
            client.output.shutdown(std::net::Shutdown::Write).expect("closed");
        } else {
            client.notify("exit", Value::Null);
        }
        let server = client.server.take().expect("a server");
        assert_eq!(server.join().expect("no panic").expect("no error"), 1);
    }
}

#[test]
fn the_server_ends_with_its_client() {
    let mut gone = std::process::Command::new("true").spawn().expect("a process");
    gone.wait().expect("its end");
    let mut client = TestClient::unready(&Setup::default());
    client.request("initialize", json!({ "processId": gone.id(), "capabilities": {} }));
    let server = client.server.take().expect("a server");
    assert_eq!(server.join().expect("no panic").expect("no error"), 1);
}

#[test]
fn whatever_is_sent_the_next_request_is_answered() {
    let mut client = TestClient::start();
    let uri = client.open("a.py", "import flyte\nimage = flyte.Image.from_base(\"x\")\n");
    let error = |client: &mut TestClient, body: &str| {
        client.send_text(body);
        let answer = client.receive();
        (answer["id"].clone(), answer["error"]["code"].clone())
    };
    client.diagnostics(&uri, 1);
    assert_eq!(error(&mut client, "{"), (Value::Null, json!(-32700)));
    assert_eq!(error(&mut client, ""), (Value::Null, json!(-32700)));
    assert_eq!(error(&mut client, "[]"), (Value::Null, json!(-32600)));
    assert_eq!(error(&mut client, "{\"jsonrpc\":\"2.0\",\"id\":7}"), (json!(7), json!(-32600)));
    assert_eq!(
        error(&mut client, "{\"jsonrpc\":\"1.0\",\"id\":8,\"method\":\"x\"}"),
        (json!(8), json!(-32600))
    );
    let unknown = "{\"jsonrpc\":\"2.0\",\"id\":\"s\",\"method\":\"textDocument/unheardOf\"}";
    assert_eq!(error(&mut client, unknown), (json!("s"), json!(-32601)));
    let wrong = json!({ "jsonrpc": "2.0", "id": 9, "method": "textDocument/hover", "params": { "position": "here" } });
    assert_eq!(error(&mut client, &wrong.to_string()), (json!(9), json!(-32602)));
    for number in [json!(-1), json!(1e300), json!(u64::MAX), json!("1")] {
        let place = json!({ "line": number, "character": 0 });
        let parameters = json!({ "textDocument": { "uri": uri }, "position": place });
        assert_eq!(client.ask("textDocument/hover", parameters)["error"]["code"], -32602, "{place}");
    }
    client.output.write_all(b"nonsense\r\n\r\nContent-Length: x\r\n\r\n").expect("written");
    client.notify("$/unheardOf", json!({}));
    client.notify("unheard/of", json!({}));
    client.notify("textDocument/didChange", json!({ "textDocument": 3 }));
    let far = position(u32::MAX, u32::MAX);
    assert_eq!(client.hover(&uri, &far), None);
    assert_eq!(client.ask("$/unheardOf", json!({}))["error"]["code"], -32601);
}

#[test]
fn addresses_that_are_no_files_get_silence() {
    let mut client = TestClient::start();
    for uri in [
        "untitled:Untitled-1",
        "vscode-notebook-cell:/w/a.ipynb#W0sZmlsZQ%3D%3D",
        "file:///c%3A/Users/a/b.py",
        "file:///C:/Users/a/b.py",
        "file://host/share/a.py",
        "git:/w/a.py?x",
    ] {
        let text = "import flyte\nx = flyte.Image.from_base(\"x\").with_pip_packages(\"y\")\n";
        let document = json!({ "uri": uri, "languageId": "python", "version": 1, "text": text });
        client.notify("textDocument/didOpen", json!({ "textDocument": document }));
        if !uri.starts_with("file:") {
            assert_eq!(client.hover(uri, &position(1, 1)), None, "{uri}");
            assert_eq!(client.of("textDocument/codeLens", uri), Value::Null, "{uri}");
        }
        for method in ["documentSymbol", "foldingRange", "documentLink"] {
            client.of(&format!("textDocument/{method}"), uri);
        }
        client.change(uri, 2, json!([{ "text": "" }]));
        client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    }
    let answer = client.ask(
        "textDocument/hover",
        json!({ "textDocument": { "uri": "no address" }, "position": position(0, 0) }),
    );
    assert_eq!(answer["error"]["code"], -32602);
}

#[test]
fn a_file_that_is_deleted_while_it_is_open_stays_open() {
    let mut client = TestClient::start();
    let text = "import flyte\nimage = flyte.Image.from_base(\"x\").with_pip_packages(\"y\")\n";
    let path = client.write("a.py", text);
    let uri = client.open("a.py", text);
    client.codes_when(&uri, 1, &["IMG002"]);
    std::fs::remove_file(path).expect("removed");
    client.files_changed();
    client.codes_when(&uri, 1, &["IMG002"]);
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
    assert_eq!(client.hover(&uri, &position(1, 2)), None);
}

#[test]
fn what_happens_is_told_on_request() {
    let mut client = TestClient::start();
    client.notify("$/setTrace", json!({ "value": "verbose" }));
    client.request("workspace/symbol", json!({ "query": "" }));
    let told = client.notification("$/logTrace");
    let told = if told["message"].as_str().is_some_and(|m| m.starts_with("workspace/symbol")) {
        told
    } else {
        client.notification("$/logTrace")
    };
    assert!(told["verbose"].as_str().is_some_and(|v| v.contains("ms")), "{told}");
    client.notify("$/setTrace", json!({ "value": "off" }));
    client.request("workspace/symbol", json!({ "query": "" }));
    client.allow("$/logTrace");
}

#[test]
fn a_request_can_be_cancelled() {
    let mut client = TestClient::start();
    for number in 0..300 {
        let text = format!("import flyte\nimage{number} = flyte.Image.from_debian_base(name='n')\n");
        client.write(&format!("m{number}.py"), &text);
    }
    let id = client.ask_later("workspace/symbol", json!({ "query": "image" }));
    client.notify("$/cancelRequest", json!({ "id": id }));
    let answer = client.answer(id);
    // It was cancelled, or done already.
    assert!(answer["error"]["code"] == -32800 || answer["result"].is_array(), "{answer}");
}

#[test]
fn a_client_that_never_answers_holds_nothing_up() {
    let capabilities = json!({
        "workspace": {
            "configuration": true,
            "codeLens": { "refreshSupport": true },
            "inlayHint": { "refreshSupport": true },
            "didChangeWatchedFiles": { "dynamicRegistration": true }
        },
        "window": { "workDoneProgress": true, "showDocument": { "support": true } }
    });
    let mut client = TestClient::with(Setup { capabilities, answers: false, ..Setup::default() });
    let uri =
        client.open("a.py", "import flyte\nimage = flyte.Image.from_base(\"x\").with_pip_packages(\"y\")\n");
    client.codes_when(&uri, 1, &["IMG002"]);
    client.files_changed();
    client.codes_when(&uri, 1, &["IMG002"]);
    assert!(client.hover(&uri, &position(1, 2)).is_some());
    client.request("workspace/symbol", json!({ "query": "" }));
}

#[test]
fn everything_that_is_offered_is_declared() {
    let client = TestClient::able(json!({ "textDocument": { "diagnostic": {} } }));
    let offered = &client.capabilities;
    for name in [
        "hoverProvider",
        "completionProvider",
        "signatureHelpProvider",
        "definitionProvider",
        "referencesProvider",
        "documentHighlightProvider",
        "documentSymbolProvider",
        "workspaceSymbolProvider",
        "codeActionProvider",
        "codeLensProvider",
        "documentLinkProvider",
        "renameProvider",
        "foldingRangeProvider",
        "selectionRangeProvider",
        "inlayHintProvider",
        "diagnosticProvider",
        "executeCommandProvider",
        "notebookDocumentSync",
    ] {
        assert!(!offered[name].is_null(), "{name}");
    }
    assert_eq!(offered["textDocumentSync"]["change"], 2);
    assert_eq!(offered["workspace"]["textDocumentContent"]["schemes"][0], "image-lsp-dockerfile");
    assert_eq!(offered["workspace"]["workspaceFolders"]["changeNotifications"], true);
}
