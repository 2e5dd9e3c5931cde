use serde_json::{Value, json};

use super::{TestClient, codes, position};

fn cell(client: &TestClient, number: usize) -> String {
    format!("vscode-notebook-cell://{}#c{number}", client.folder.join("n.ipynb").display())
}

fn document(uri: &str, text: &str) -> Value {
    json!({ "uri": uri, "languageId": "python", "version": 1, "text": text })
}

fn open(client: &mut TestClient) -> Vec<String> {
    let cells: Vec<String> = (0..3).map(|n| cell(client, n)).collect();
    let kinds = [2, 1, 2];
    let notebook = json!({
        "uri": client.uri("n.ipynb"),
        "notebookType": "jupyter-notebook",
        "version": 1,
        "cells": cells.iter().zip(kinds).map(|(u, kind)| json!({ "kind": kind, "document": u })).collect::<Vec<_>>(),
    });
    let texts = [
        "%pip install flyte\nimport flyte\nbase = flyte.Image.from_base('x')\n",
        "# words",
        "image = base.with_pip_packages('z', 'y')",
    ];
    let documents: Vec<Value> = cells.iter().zip(texts).map(|(u, t)| document(u, t)).collect();
    client.notify(
        "notebookDocument/didOpen",
        json!({ "notebookDocument": notebook, "cellTextDocuments": documents }),
    );
    cells
}

/// Waits until exactly these rules speak of a cell.
fn wait(client: &mut TestClient, uri: &str, expected: &[&str]) -> Vec<Value> {
    loop {
        if let Some((_, found)) = client.published.get(uri)
            && codes(found) == expected
        {
            return found.clone();
        }
        let message = client.receive();
        client.keep(message);
    }
}

#[test]
fn cells_are_one_module_and_each_has_its_own_mistakes() {
    let mut client = TestClient::start();
    let cells = open(&mut client);
    let found = wait(&mut client, &cells[2], &["IMG002"]);
    assert_eq!(found[0]["range"]["start"], position(0, 13));
    assert_eq!(found[0]["relatedInformation"][0]["location"]["uri"], cells[0]);
    assert_eq!(found[0]["relatedInformation"][0]["location"]["range"]["start"], position(2, 7));
    assert!(client.hover(&cells[2], &position(0, 2)).is_some());
    assert!(client.hover(&cells[0], &position(2, 1)).is_some_and(|s| s.starts_with("**`x`**")));
    assert_eq!(client.hover(&cells[1], &position(0, 1)), None);
    let place = client.at("textDocument/definition", &cells[2], &position(0, 9));
    assert_eq!((&place[0]["uri"], &place[0]["range"]["start"]), (&json!(cells[0]), &position(2, 0)));
    let lenses = client.of("textDocument/codeLens", &cells[0]);
    assert_eq!(lenses.as_array().map(Vec::len), Some(1), "{lenses}");
    let parameters = json!({
        "textDocument": { "uri": cells[2] },
        "range": { "start": position(0, 13), "end": position(0, 14) },
        "context": { "diagnostics": [] }
    });
    let actions = client.request("textDocument/codeAction", parameters);
    let fix = &actions[0]["edit"]["changes"];
    assert!(fix.get(&cells[0]).or(fix.get(&cells[2])).is_some(), "{actions}");
}

#[test]
fn cells_change_come_and_go() {
    let mut client = TestClient::start();
    let cells = open(&mut client);
    wait(&mut client, &cells[2], &["IMG002"]);
    let change = |version: i64, cells: Value, client: &mut TestClient| {
        let notebook = json!({ "uri": client.uri("n.ipynb"), "version": version });
        client.notify(
            "notebookDocument/didChange",
            json!({ "notebookDocument": notebook, "change": { "cells": cells } }),
        );
    };
    let range = json!({ "start": position(2, 33), "end": position(2, 33) });
    let edit = json!({ "document": { "uri": cells[0], "version": 2 }, "changes": [{ "range": range, "text": ".clone(name='n', extendable=True)" }] });
    change(2, json!({ "textContent": [edit] }), &mut client);
    wait(&mut client, &cells[2], &[]);
    let new = cell(&client, 9);
    let structure = json!({
        "array": { "start": 2, "deleteCount": 1, "cells": [{ "kind": 2, "document": new }] },
        "didOpen": [document(&new, "image = flyte.Image.from_base('x').with_commands(['a'])")],
        "didClose": [{ "uri": cells[2] }]
    });
    change(3, json!({ "structure": structure }), &mut client);
    wait(&mut client, &new, &["IMG002"]);
    let far = json!({ "array": { "start": 900, "deleteCount": 900 } });
    change(4, json!({ "structure": far }), &mut client);
    let closed = json!({ "notebookDocument": { "uri": client.uri("n.ipynb") }, "cellTextDocuments": [{ "uri": new }] });
    client.notify("notebookDocument/didClose", closed);
    wait(&mut client, &new, &[]);
    assert_eq!(client.hover(&new, &position(0, 2)), None);
}

#[test]
fn commands_know_cells_and_flyte_runs_no_notebooks() {
    let mut client = TestClient::start();
    client.notify("imageLsp/didChangeWorkspaceTrust", json!({ "trusted": true }));
    let cells = open(&mut client);
    wait(&mut client, &cells[2], &["IMG002"]);
    let ask = |client: &mut TestClient, command: &str, argument: Value| {
        client.ask("workspace/executeCommand", json!({ "command": command, "arguments": [argument] }))
    };
    // Whichever cell is asked about.
    for cell in [&cells[0], &cells[2]] {
        let status = ask(&mut client, "imageLsp.status", json!({ "uri": cell }));
        let image = &status["result"]["images"][0];
        assert_eq!((&image["name"], &image["document"]), (&json!("base"), &json!(cells[0])), "{status}");
        assert_eq!(image["range"]["start"], position(2, 7));
    }
    for (command, more) in
        [("imageLsp.verify", json!({})), ("imageLsp.build", json!({ "builder": "remote" }))]
    {
        let mut argument = json!({ "uri": cells[0], "name": "base" });
        argument.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        let answer = ask(&mut client, command, argument);
        let said = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(said.contains("n.ipynb is a notebook, and flyte runs modules only"), "{command}: {answer}");
    }
}

#[test]
fn a_requirements_file_is_looked_at_for_an_open_notebook() {
    let mut client = TestClient::start();
    let cell = cell(&client, 0);
    let text = "import flyte\nimage = flyte.Image.from_debian_base(name='n', python_version=(3, 12)).with_requirements('requirements.txt')\n";
    client.write("n.ipynb", "{}");
    let notebook = json!({
        "uri": client.uri("n.ipynb"),
        "notebookType": "jupyter-notebook",
        "version": 1,
        "cells": [{ "kind": 2, "document": cell }],
    });
    client.notify(
        "notebookDocument/didOpen",
        json!({ "notebookDocument": notebook, "cellTextDocuments": [document(&cell, text)] }),
    );
    let uri = client.open("requirements.txt", "httpx=1\n");
    let found = client.codes_when(&uri, 1, &["IMG602"]);
    assert_eq!(found[0]["relatedInformation"][0]["location"]["uri"], json!(cell));
    client.change(&uri, 2, json!([{ "text": "httpx\n" }]));
    client.codes_when(&uri, 2, &[]);
}
