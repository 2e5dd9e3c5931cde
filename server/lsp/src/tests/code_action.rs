use serde_json::{Value, json};

use super::{TestClient, codes, position};

/// What can be done in a line.
fn actions(client: &mut TestClient, uri: &str, line: u32, only: Value) -> Vec<Value> {
    let parameters = json!({
        "textDocument": { "uri": uri },
        "range": { "start": position(line, 0), "end": position(line, 200) },
        "context": { "diagnostics": [], "only": only }
    });
    client.request("textDocument/codeAction", parameters).as_array().cloned().unwrap_or_default()
}

fn titles(actions: &[Value]) -> Vec<&str> {
    actions.iter().filter_map(|a| a["title"].as_str()).collect()
}

const TEXT: &str = "import flyte\n# 😀\nimage = flyte.Image.from_debian_base(name=\"Train\", python_version=(3, 12)).with_pip_packages([\"a\"])\nx = flyte.Image.from_base(\"debian:12\").with_apt_packages(\"git\")\n";

#[test]
fn fixes_suppressions_and_fix_all_are_offered() {
    let mut client = TestClient::start();
    assert_eq!(client.capabilities["codeActionProvider"]["resolveProvider"], true);
    let uri = client.open("a.py", TEXT);
    client.diagnostics_when(&uri, 1, |found| found.len() == 3);
    let here = actions(&mut client, &uri, 2, json!(["quickfix"]));
    assert_eq!(
        titles(&here),
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
    assert_eq!(here[2]["edit"]["changes"][&uri][0]["newText"], "  # image-lsp: ignore[IMG203]");
    let harm = actions(&mut client, &uri, 3, json!(["quickfix"]));
    assert_eq!(
        (&harm[0]["title"], &harm[0]["isPreferred"]),
        (&json!("Clone it with extendable=True (look it over)"), &json!(false))
    );
    let all = actions(&mut client, &uri, 0, json!(["source.fixAll"]));
    assert_eq!((all.len(), &all[0]["kind"]), (1, &json!("source.fixAll.imageLsp")));
    let edits = all[0]["edit"]["changes"][&uri].as_array().expect("edits").clone();
    assert_eq!(edits.len(), 1);
    assert_eq!(
        edits[0]["newText"],
        "image = flyte.Image.from_debian_base(name=\"train\", python_version=(3, 12)).with_pip_packages(\"a\")\n"
    );
    assert!(actions(&mut client, &uri, 0, json!(["source.organizeImports"])).is_empty());
}

#[test]
fn work_is_put_off_for_clients_that_resolve() {
    let mut client = TestClient::able(json!({
        "textDocument": { "codeAction": { "resolveSupport": { "properties": ["edit"] } } },
        "workspace": { "workspaceEdit": { "documentChanges": true } }
    }));
    let uri = client.open("a.py", TEXT);
    client.diagnostics_when(&uri, 1, |found| found.len() == 3);
    let here = actions(&mut client, &uri, 2, json!(["quickfix", "source.fixAll"]));
    assert!(here.len() == 5 && here.iter().all(|a| a.get("edit").is_none()), "{here:?}");
    let fix = client.request("codeAction/resolve", here[0].clone());
    let change = &fix["edit"]["documentChanges"][0];
    assert_eq!(
        (&change["textDocument"]["version"], &change["edits"][0]["newText"]),
        (&json!(1), &json!("train"))
    );
    let suppress = client.request("codeAction/resolve", here[3].clone());
    assert_eq!(
        suppress["edit"]["documentChanges"][0]["edits"][0]["newText"],
        "  # image-lsp: ignore[IMG005]"
    );
    let all = client.request("codeAction/resolve", here[4].clone());
    assert!(all["edit"]["documentChanges"][0]["edits"].is_array(), "{all}");
    // The mistake is gone: so is the edit.
    client.change(&uri, 2, json!([{ "text": "import flyte\n" }]));
    let gone = client.request("codeAction/resolve", here[0].clone());
    assert_eq!(gone.get("edit"), None);
    let odd = client.request("codeAction/resolve", json!({ "title": "x", "data": { "uri": 3 } }));
    assert_eq!(odd["title"], "x");
}

#[test]
fn images_can_be_shown_built_and_pinned() {
    let text = "import flyte\nimage = flyte.Image.from_debian_base(name=\"n\")\n";
    let offered = |client: &mut TestClient| {
        client.write(".venv/pyvenv.cfg", "version = 3.12.4\n");
        let uri = client.open("a.py", text);
        let parameters = json!({
            "textDocument": { "uri": uri },
            "range": { "start": position(1, 25), "end": position(1, 25) },
            "context": { "diagnostics": [] }
        });
        client.request("textDocument/codeAction", parameters)
    };
    let mut client = TestClient::start();
    let here = offered(&mut client);
    let here = here.as_array().expect("actions");
    let show = here.iter().find(|a| a["title"] == "Show Dockerfile").expect("offered");
    assert_eq!(
        (&show["kind"], &show["command"]["command"]),
        (&json!("source.showDockerfile.imageLsp"), &json!("imageLsp.showDockerfile"))
    );
    let pin = here.iter().find(|a| a["title"] == "Pin python_version to (3, 12)").expect("offered");
    let uri = client.uri("a.py");
    assert_eq!(pin["edit"]["changes"][&uri][0]["newText"], ", python_version=(3, 12)");
    let build = here.iter().find(|a| a["title"] == "Build image").expect("offered");
    assert_eq!(build["kind"], "source.buildImage.imageLsp");
    assert_eq!(build["command"]["arguments"][0]["name"], "image");
}

#[test]
fn a_new_file_is_made_only_by_clients_that_can() {
    for can in [true, false] {
        let mut client =
            TestClient::able(json!({ "workspace": { "workspaceEdit": { "documentChanges": can } } }));
        client.write("src/.git/HEAD", "x");
        let text = "import flyte\nfrom pathlib import Path\nimage = flyte.Image.from_debian_base(name=\"n\", python_version=(3, 12)).with_source_folder(Path(\"src\"))\n";
        let uri = client.open("a.py", text);
        client.diagnostics_when(&uri, 1, |found| codes(found) == ["IMG103", "IMG107"]);
        let here = actions(&mut client, &uri, 2, json!(["quickfix"]));
        let fix = here.iter().find(|a| a["title"].as_str().is_some_and(|t| t.contains(".dockerignore")));
        assert_eq!(fix.is_some(), can, "{here:?}");
        if let Some(fix) = fix {
            assert_eq!(fix["edit"]["documentChanges"][0]["kind"], "create");
        }
    }
}
