use serde_json::json;

use super::TestClient;

#[test]
fn a_mistake_has_its_place_what_belongs_to_it_and_data() {
    let mut client = TestClient::start();
    let uri =
        client.open("a.py", "import flyte\nimage = flyte.Image.from_base(\"x\").with_pip_packages(\"y\")\n");
    let found = client.codes_when(&uri, 1, &["IMG002"]);
    assert_eq!((&found[0]["source"], &found[0]["severity"]), (&json!("image-lsp"), &json!(1)));
    assert_eq!(found[0]["relatedInformation"][0]["location"]["range"]["start"], super::position(1, 8));
    assert_eq!(found[0]["data"], json!({ "rule": "IMG002", "fixable": true }));
    // No link that the client could not follow.
    assert_eq!(found[0].get("codeDescription"), None);
}

#[test]
fn what_can_go_is_shown_faded_and_codes_lead_to_their_pages() {
    let mut client = TestClient::able(json!({
        "workspace": { "textDocumentContent": {} },
        "textDocument": { "publishDiagnostics": { "codeDescriptionSupport": true } }
    }));
    let uri = client.open("a.py", "import flyte\nx = 1  # image-lsp: ignore[IMG002]\n");
    let found = client.codes_when(&uri, 1, &["IMG901"]);
    assert_eq!(found[0]["tags"], json!([1]));
    let page = found[0]["codeDescription"]["href"].as_str().expect("a link").to_owned();
    let text = client.request("workspace/textDocumentContent", json!({ "uri": page }));
    assert!(text["text"].as_str().is_some_and(|t| t.contains("(IMG901)")), "{text}");
}

#[test]
fn a_change_in_another_open_file_is_seen_at_once() {
    let mut client = TestClient::start();
    client.write(
        "settings.py",
        "import flyte\nbase = flyte.Image.from_base(\"x\").clone(name=\"n\", extendable=True)\n",
    );
    let main = client.open("main.py", "from settings import base\nimage = base.with_pip_packages(\"y\")\n");
    client.codes_when(&main, 1, &[]);
    let other = client.open("settings.py", "import flyte\nbase = flyte.Image.from_base(\"x\")\n");
    client.codes_when(&main, 1, &["IMG002"]);
    let text = "import flyte\nbase = flyte.Image.from_base(\"x\").clone(name=\"n\", extendable=True)\n";
    client.change(&other, 2, json!([{ "text": text }]));
    client.codes_when(&main, 1, &[]);
    client.change(&other, 3, json!([{ "text": "import flyte\nbase = flyte.Image.from_base(\"x\")\n" }]));
    client.codes_when(&main, 1, &["IMG002"]);
    // Closed unsaved: what is on the disk counts.
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": other } }));
    client.codes_when(&main, 1, &[]);
}

#[test]
fn files_that_are_no_python_count_open_or_not() {
    for watches in [true, false] {
        let mut client = TestClient::able(json!({
            "workspace": { "didChangeWatchedFiles": { "dynamicRegistration": watches } }
        }));
        if watches {
            let registration = client.asked_for("client/registerCapability");
            assert_eq!(registration["registrations"][0]["method"], "workspace/didChangeWatchedFiles");
        }
        let text = "import flyte\nfrom pathlib import Path\nimage = flyte.Image.from_debian_base(name=\"n\", python_version=(3, 12)).with_requirements(Path(__file__).parent / \"requirements.txt\")\n";
        let uri = client.open("a.py", text);
        client.codes_when(&uri, 1, &["IMG101"]);
        let path = client.write("requirements.txt", "six==1.16\n");
        if watches {
            client.files_changed();
        }
        client.codes_when(&uri, 1, &[]);
        std::fs::remove_file(&path).expect("removed");
        if watches {
            client.files_changed();
        }
        client.codes_when(&uri, 1, &["IMG101"]);
        // Open and not saved yet.
        client.open("requirements.txt", "six==1.16\n");
        client.codes_when(&uri, 1, &[]);
    }
}

#[test]
fn each_folder_of_a_workspace_counts_for_itself() {
    let mut client = TestClient::start();
    client.write("b/requirements.txt", "six==1.16\n");
    let text = "import flyte\nimage = flyte.Image.from_debian_base(name=\"n\", python_version=(3, 12)).with_requirements(\"requirements.txt\")\n";
    let uri = client.open("b/sub/a.py", text);
    // Run from the workspace's folder: it is nowhere.
    client.codes_when(&uri, 1, &["IMG101"]);
    let folder = json!({ "uri": client.uri("b"), "name": "b" });
    client.notify(
        "workspace/didChangeWorkspaceFolders",
        json!({ "event": { "added": [folder], "removed": [] } }),
    );
    client.codes_when(&uri, 1, &["IMG103"]);
    client.notify(
        "workspace/didChangeWorkspaceFolders",
        json!({ "event": { "added": [], "removed": [folder] } }),
    );
    client.codes_when(&uri, 1, &["IMG101"]);
}

#[test]
fn flytes_configuration_counts_as_it_is_now() {
    let mut client = TestClient::start();
    client.write(".flyte/config.yaml", "image:\n  image_refs:\n    cpu: ghcr.io/a/cpu:1\n");
    let uri = client.open("a.py", "import flyte\nimage = flyte.Image.from_ref_name('gpu')\n");
    client.codes_when(&uri, 1, &["IMG310"]);
    // The client watches nothing: the server looks itself.
    client.write(".flyte/config.yaml", "image:\n  image_refs:\n    gpu: ghcr.io/a/gpu:1\n");
    client.codes_when(&uri, 1, &[]);
    assert!(
        client.hover(&uri, &super::position(1, 2)).is_some_and(|s| s.starts_with("**`ghcr.io/a/gpu:1`**"))
    );
}
