use serde_json::{Value, json};

use super::{Setup, TestClient, position};

/// A flyte that only tells its version.
fn install(client: &TestClient, version: &str) {
    client.write(".venv/pyvenv.cfg", "version = 3.11.2\n");
    client.write(".venv/lib/python3.11/site-packages/flyte/__init__.py", "");
    client.write(
        ".venv/lib/python3.11/site-packages/flyte/_version.py",
        &format!("__version__ = '{version}'\n"),
    );
}

#[test]
fn another_flyte_is_noticed_while_the_server_runs() {
    let mut client = TestClient::start();
    install(&client, "2.12.0");
    let text = "import flyte\nimage = flyte.Image.from_base(\"x\").clone(platform=\"linux/amd64\")\n";
    let uri = client.open("a.py", text);
    // Its files are not those of the release.
    client.codes_when(&uri, 1, &["IMG903"]);
    let shown = client.hover(&uri, &position(1, 2)).expect("a hover");
    assert!(shown.contains("flyte 2.12.0 (installed in .venv)"), "{shown}");
    // Installed anew, and the client says that files have changed.
    install(&client, "2.5.1");
    client.files_changed();
    let speaks = |found: &[Value], text: &str| {
        found.iter().any(|d| d["message"].as_str().is_some_and(|m| m.contains(text)))
    };
    // What a patched release lacks is not claimed.
    let found = client.diagnostics_when(&uri, 1, |found| speaks(found, "flyte 2.5.1"));
    assert_eq!(super::codes(&found), ["IMG903"], "{found:?}");
    // Removed: the setting counts.
    std::fs::remove_dir_all(client.folder.join(".venv")).expect("removed");
    let settings = |version: &str| json!({ "settings": { "imageLsp": { "flyte-version": version } } });
    client.notify("workspace/didChangeConfiguration", settings("2.5.1"));
    client.diagnostics_when(&uri, 1, |found| speaks(found, "it came with 2.5.2"));
    client.notify("workspace/didChangeConfiguration", settings("2.5.2"));
    client.codes_when(&uri, 1, &[]);
    let shown = client.hover(&uri, &position(1, 2)).expect("a hover");
    assert!(shown.contains("flyte 2.5.2 (as set)"), "{shown}");
}

const TEXT: &str = "import flyte\nimage = flyte.Image.from_debian_base(name=\"Train\", python_version=(3, 12)).with_pip_packages([\"a\"])\n";

#[test]
fn settings_files_and_editors_say_what_is_found() {
    let mut client = TestClient::start();
    let uri = client.open("a.py", TEXT);
    client.codes_when(&uri, 1, &["IMG203", "IMG005"]);
    let settings =
        json!({ "settings": { "imageLsp": { "ignore": ["IMG203"], "severity": { "IMG005": "hint" } } } });
    client.notify("workspace/didChangeConfiguration", settings);
    let found = client.codes_when(&uri, 1, &["IMG005"]);
    assert_eq!(found[0]["severity"], 4);
    // The file goes before the editor.
    client.write("image-lsp.toml", "ignore = [\"IMG005\"]\n");
    client.files_changed();
    client.codes_when(&uri, 1, &["IMG203"]);
    client.write("image-lsp.toml", "ignore = 3\n");
    client.files_changed();
    let told = client.notification("window/logMessage");
    assert!(told["message"].as_str().is_some_and(|m| m.contains("image-lsp.toml")), "{told}");
}

#[test]
fn options_and_live_configuration_are_taken() {
    let options = json!({ "imageLsp": { "ignore": ["IMG203"] } });
    let mut client = TestClient::with(Setup { options, ..Setup::default() });
    let uri = client.open("a.py", TEXT);
    client.codes_when(&uri, 1, &["IMG005"]);
    drop(client);
    let capabilities = json!({ "workspace": { "configuration": true } });
    let mut client = TestClient::with(Setup { capabilities, answers: false, ..Setup::default() });
    let answer = |client: &mut TestClient, value: Value| {
        client.asked_for("workspace/configuration");
        let id = client.last_question.take().expect("a question");
        client.send(&json!({ "jsonrpc": "2.0", "id": id, "result": [value] }));
    };
    let uri = client.open("a.py", TEXT);
    answer(&mut client, json!({ "ignore": ["IMG005"] }));
    client.codes_when(&uri, 1, &["IMG203"]);
    client.notify("workspace/didChangeConfiguration", json!({ "settings": null }));
    answer(&mut client, json!({ "ignore": ["IMG203"] }));
    client.codes_when(&uri, 1, &["IMG005"]);
}

#[test]
fn changes_are_registered_for_where_the_client_takes_that() {
    for (dynamic, expected) in [(true, vec!["files", "settings"]), (false, vec!["files"])] {
        let mut client = TestClient::able(json!({ "workspace": {
            "configuration": true,
            "didChangeWatchedFiles": { "dynamicRegistration": true },
            "didChangeConfiguration": { "dynamicRegistration": dynamic }
        } }));
        let asked = client.asked_for("client/registerCapability");
        let ids: Vec<_> =
            asked["registrations"].as_array().into_iter().flatten().map(|r| r["id"].clone()).collect();
        assert_eq!(ids, expected, "{asked}");
    }
}
