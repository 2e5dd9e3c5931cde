use serde_json::{Value, json};

use super::TestClient;

const TEXT: &str = "import flyte\nbase = flyte.Image.from_base('x')\nimage = (\n    flyte.Image.from_debian_base(name='n', python_version=(3, 12))\n    .with_apt_packages(\n        'git',\n        'curl',\n    )\n)\n";

#[test]
fn images_hold_their_methods() {
    let mut client = TestClient::able(json!({
        "textDocument": { "documentSymbol": { "hierarchicalDocumentSymbolSupport": true } }
    }));
    let uri = client.open("a.py", TEXT);
    let found = client.of("textDocument/documentSymbol", &uri);
    assert_eq!((&found[0]["name"], &found[0]["detail"]), (&json!("base"), &json!("x")));
    assert_eq!((&found[1]["name"], &found[1]["range"]["start"]["line"]), (&json!("image"), &json!(2)));
    let children: Vec<&Value> = found[1]["children"].as_array().into_iter().flatten().collect();
    let names: Vec<_> = children.iter().map(|c| c["name"].as_str().unwrap_or_default()).collect();
    assert_eq!(names, ["from_debian_base", "with_apt_packages"]);
    assert_eq!(children[1]["detail"], "'git', 'curl',");
}

#[test]
fn older_clients_get_a_flat_list() {
    let mut client = TestClient::start();
    let uri = client.open("a.py", TEXT);
    let found = client.of("textDocument/documentSymbol", &uri);
    let shown: Vec<_> = found
        .as_array()
        .into_iter()
        .flatten()
        .map(|s| (s["name"].as_str().unwrap_or(""), s["containerName"].as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            ("base", None),
            ("from_base", Some("base")),
            ("image", None),
            ("from_debian_base", Some("image")),
            ("with_apt_packages", Some("image"))
        ]
    );
}
