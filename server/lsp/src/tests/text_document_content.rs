use serde_json::json;

use super::TestClient;

#[test]
fn a_preview_follows_the_text() {
    let mut client = TestClient::able(json!({ "workspace": { "textDocumentContent": {} } }));
    let text = "import flyte\nimages = {'gpu': flyte.Image.from_debian_base(name='n', python_version=(3, 12)).with_commands(['echo a'])}\n";
    let uri = client.open("a b/ä.py", text);
    let name = "images[\"gpu\"]";
    let arguments = json!([{ "uri": uri, "name": name }]);
    let shown = client.request(
        "workspace/executeCommand",
        json!({ "command": "imageLsp.showDockerfile", "arguments": arguments }),
    );
    let preview = shown["uri"].as_str().expect("an address").to_owned();
    let content = client.request("workspace/textDocumentContent", json!({ "uri": preview }));
    assert_eq!(content["text"], shown["text"]);
    client.change(&uri, 2, json!([{ "text": text.replace("echo a", "echo b") }]));
    assert_eq!(client.asked_for("workspace/textDocumentContent/refresh"), json!({ "uri": preview }));
    let content = client.request("workspace/textDocumentContent", json!({ "uri": preview }));
    assert!(content["text"].as_str().is_some_and(|t| t.contains("echo b")), "{content}");
    client.change(&uri, 3, json!([{ "text": "import flyte\n" }]));
    client.asked_for("workspace/textDocumentContent/refresh");
    let content = client.request("workspace/textDocumentContent", json!({ "uri": preview }));
    assert!(content["text"].as_str().is_some_and(|t| t.starts_with("# There is no image")), "{content}");
    let answer =
        client.ask("workspace/textDocumentContent", json!({ "uri": "image-lsp-dockerfile:/nothing" }));
    assert_eq!(answer["error"]["code"], -32602);
}

#[test]
fn without_a_dockerfile_the_preview_says_why() {
    let mut client = TestClient::able(json!({ "workspace": { "textDocumentContent": {} } }));
    let text = "import flyte\na = flyte.Image.from_base(unheard())\nb = flyte.Image.from_base('x').with_commands(['a'])\n";
    let uri = client.open("a.py", text);
    for (name, why) in [
        ("a", "# There is no Dockerfile:\n# it is not known because"),
        ("b", "# There is no Dockerfile:\n# ValueError when it is imported"),
    ] {
        let arguments = json!([{ "uri": uri, "name": name }]);
        let shown = client.request(
            "workspace/executeCommand",
            json!({ "command": "imageLsp.showDockerfile", "arguments": arguments }),
        );
        assert!(shown["text"].as_str().is_some_and(|t| t.starts_with(why)), "{shown}");
    }
}
