use serde_json::{Value, json};

use super::{TestClient, position};

fn run(client: &mut TestClient, command: &str, argument: Value) -> Value {
    client.ask("workspace/executeCommand", json!({ "command": command, "arguments": [argument] }))
}

const TEXT: &str = "import flyte\nimage = (\n    flyte.Image.from_debian_base(name='n', python_version=(3, 12))\n    .with_apt_packages('git')\n    .with_commands(['echo a'])\n)\n";

#[test]
fn a_dockerfile_is_shown_with_the_layer_under_the_cursor() {
    let mut client = TestClient::able(
        json!({ "window": { "showDocument": { "support": true } }, "workspace": { "textDocumentContent": {} } }),
    );
    let uri = client.open("a.py", TEXT);
    let range = json!({ "start": position(4, 12), "end": position(4, 12) });
    let answer =
        run(&mut client, "imageLsp.showDockerfile", json!({ "uri": uri, "range": range }))["result"].clone();
    let text = answer["text"].as_str().expect("a text");
    let line =
        answer["selection"]["start"]["line"].as_u64().and_then(|l| usize::try_from(l).ok()).expect("a line");
    assert!(text.lines().nth(line).is_some_and(|l| l.contains("echo a")), "{answer}");
    // Both ways: each layer's lines, and the call that they come from.
    let layer = answer["layers"]
        .as_array()
        .and_then(|l| l.iter().find(|l| l["method"] == "with_apt_packages"))
        .expect("a layer");
    assert_eq!(
        (&layer["source"]["uri"], &layer["source"]["range"]["start"]["line"]),
        (&json!(uri), &json!(3))
    );
    let shown = client.asked_for("window/showDocument");
    assert_eq!((&shown["uri"], &shown["selection"]), (&answer["uri"], &answer["selection"]));
}

#[test]
fn clients_without_virtual_documents_get_a_file_that_follows() {
    let mut client = TestClient::able(json!({ "window": { "showDocument": { "support": true } } }));
    let uri = client.open("a.py", TEXT);
    let answer =
        run(&mut client, "imageLsp.showDockerfile", json!({ "uri": uri, "name": "image" }))["result"].clone();
    let shown = client.asked_for("window/showDocument");
    let file = shown["uri"].as_str().and_then(|u| u.strip_prefix("file://")).expect("a file").to_owned();
    assert_eq!(std::fs::read_to_string(&file).ok().as_deref(), answer["text"].as_str());
    client.change(&uri, 2, json!([{ "text": TEXT.replace("echo a", "echo b") }]));
    client.diagnostics(&uri, 2);
    // The diagnostics come first, the file right after them.
    while !std::fs::read_to_string(&file).is_ok_and(|t| t.contains("echo b")) {
        client.hover(&uri, &position(1, 2));
    }
    let line =
        answer["text"].as_str().and_then(|t| t.lines().position(|l| l.contains("echo a"))).expect("a line");
    let found = client.at(
        "textDocument/definition",
        shown["uri"].as_str().unwrap_or(""),
        &json!({ "line": line, "character": 0 }),
    );
    assert_eq!(found[0]["range"]["start"]["line"], 4);
}

#[test]
fn what_is_known_of_an_image_is_given_as_inspect_gives_it() {
    let mut client = TestClient::start();
    let uri = client.open("a.py", TEXT);
    let answer =
        run(&mut client, "imageLsp.inspect", json!({ "uri": uri, "name": "image" }))["result"].clone();
    assert_eq!((&answer["names"], &answer["kind"]), (&json!(["image"]), &json!("flyte.Image")));
    assert!(answer["variants"][0]["uri"].as_str().is_some_and(|u| u.starts_with("n:")), "{answer}");
    let page = run(&mut client, "imageLsp.explainRule", json!({ "rule": "IMG103" }))["result"].clone();
    assert!(page.as_str().is_some_and(|p| p.contains("(IMG103)")), "{page}");
    let info = run(&mut client, "imageLsp.debugInfo", json!({ "uri": uri }))["result"].clone();
    assert!(info.as_str().is_some_and(|i| i.contains("flyte: 2.12.1")), "{info}");
}

#[test]
fn the_status_names_the_release_and_the_images() {
    let mut client = TestClient::start();
    let version = env!("CARGO_PKG_VERSION");
    let alone = run(&mut client, "imageLsp.status", json!({}))["result"].clone();
    assert_eq!(alone, json!({ "version": version, "trusted": false }));
    client.write("image-lsp.toml", "flyte-version = \"2.9.0\"\n");
    let uri = client.open("a.py", &format!("{TEXT}other = image.with_apt_packages('curl')\n"));
    let status = run(&mut client, "imageLsp.status", json!({ "uri": uri }))["result"].clone();
    let flyte = &status["flyte"];
    assert_eq!(
        (&flyte["version"], &flyte["source"], &flyte["coverage"]),
        (&json!("2.9.0"), &json!("setting"), &json!("known")),
        "{status}"
    );
    assert!(status["settings"].as_str().is_some_and(|s| s.ends_with("image-lsp.toml")), "{status}");
    let images = status["images"].as_array().cloned().unwrap_or_default();
    let names: Vec<_> = images.iter().map(|i| i["name"].as_str().unwrap_or_default()).collect();
    assert_eq!(names, ["image", "other"], "{status}");
    assert!(images[0]["uri"].as_str().is_some_and(|u| u.starts_with("n:")), "{status}");
    assert_eq!(
        (&images[1]["document"], &images[1]["range"]["start"]),
        (&json!(uri), &position(6, 8)),
        "{status}"
    );
}

#[test]
fn a_dockerfile_that_is_followed_is_not_shown_again() {
    let mut client = TestClient::able(
        json!({ "window": { "showDocument": { "support": true } }, "workspace": { "textDocumentContent": {} } }),
    );
    let uri = client.open("a.py", TEXT);
    let quiet = json!({ "uri": uri, "name": "image", "show": false });
    let answer = run(&mut client, "imageLsp.showDockerfile", quiet)["result"].clone();
    assert!(answer["text"].as_str().is_some_and(|t| t.contains("echo a")), "{answer}");
    // The first that is asked for is that of the second request.
    let range = json!({ "start": position(4, 12), "end": position(4, 12) });
    run(&mut client, "imageLsp.showDockerfile", json!({ "uri": uri, "range": range }));
    assert!(client.asked_for("window/showDocument")["selection"].is_object());
}

#[test]
fn wrong_arguments_are_told() {
    let mut client = TestClient::start();
    let uri = client.open("a.py", TEXT);
    for (command, argument, why) in [
        ("imageLsp.showDockerfile", json!({}), "`uri` is missing"),
        ("imageLsp.showDockerfile", json!({ "uri": uri, "name": "other" }), "no such image"),
        ("imageLsp.showDockerfile", json!({ "uri": "untitled:x" }), "no file"),
        ("imageLsp.showDockerfile", json!(3), "`uri` is missing"),
        ("imageLsp.inspect", json!({ "uri": "file:///not/open.py" }), "not open"),
        ("imageLsp.explainRule", json!({ "rule": "IMG000" }), "no rule IMG000"),
        ("imageLsp.unheardOf", Value::Null, "no command"),
    ] {
        let answer = run(&mut client, command, argument);
        assert!(answer["error"]["message"].as_str().is_some_and(|m| m.contains(why)), "{answer}");
    }
}

#[test]
fn a_build_without_an_engine_says_so_and_shows_no_failure_in_the_code() {
    let mut client = TestClient::able(
        json!({ "window": { "workDoneProgress": true }, "experimental": { "imageLsp": { "buildLog": true } } }),
    );
    client.write("image-lsp.toml", "[build]\nengine-host = \"unix:///nonexistent/engine.sock\"\n");
    let uri = client.open("a.py", TEXT);
    let answer = run(&mut client, "imageLsp.build", json!({ "uri": uri, "name": "image" }));
    let message = answer["error"]["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with("the engine at unix:///nonexistent/engine.sock cannot be reached"),
        "{answer}"
    );
    assert_eq!(answer["error"]["code"], -32803);
    let created = client.asked_for("window/workDoneProgress/create");
    for kind in ["begin", "report", "end"] {
        let progress = client.notification("$/progress");
        assert_eq!((&progress["token"], &progress["value"]["kind"]), (&created["token"], &json!(kind)));
    }
    assert!(client.diagnostics(&uri, 1).iter().all(|d| d["source"] != "image build"));
}

#[test]
fn a_build_uses_the_token_that_it_is_given() {
    let mut client = TestClient::start();
    client.write("image-lsp.toml", "[build]\nengine-host = \"nowhere\"\n");
    let uri = client.open("a.py", TEXT);
    let command = json!({
        "command": "imageLsp.build", "arguments": [{ "uri": uri, "name": "image" }], "workDoneToken": "mine"
    });
    let answer = client.ask("workspace/executeCommand", command);
    assert!(
        answer["error"]["message"].as_str().is_some_and(|m| m.contains("no address of an engine")),
        "{answer}"
    );
    for kind in ["begin", "report", "end"] {
        let progress = client.notification("$/progress");
        assert_eq!((&progress["token"], &progress["value"]["kind"]), (&json!("mine"), &json!(kind)));
    }
}
