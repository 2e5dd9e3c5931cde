use serde_json::{Value, json};

use super::{Setup, TestClient, position};

const TEXT: &str = "import flyte\nimage = flyte.Image.from_debian_base(python_version=(3, 12), name=\"n\").with_apt_packages(\"git\")\nother = flyte.Image.from_base(\"x\")\n";

fn hints(client: &mut TestClient, uri: &str, lines: u32) -> Value {
    let range = json!({ "start": position(0, 0), "end": position(lines, 0) });
    client.request("textDocument/inlayHint", json!({ "textDocument": { "uri": uri }, "range": range }))
}

#[test]
fn the_tag_stands_behind_the_chain() {
    let mut client = TestClient::start();
    let uri = client.open("a.py", TEXT);
    let all = hints(&mut client, &uri, 9);
    assert_eq!(all.as_array().map(Vec::len), Some(1), "{all}");
    assert_eq!(all[0]["position"], position(1, 95));
    let label = all[0]["label"].as_str().expect("a label");
    assert!(label.len() == "12345678…".len() && label.ends_with('…'), "{label}");
    assert!(
        all[0]["tooltip"].as_str().is_some_and(|t| t.starts_with(&format!("n:{}", &label[..8]))),
        "{all}"
    );
    assert_eq!(hints(&mut client, &uri, 1), json!([]));
}

#[test]
fn each_hint_can_be_switched() {
    let options = json!({ "inlayHints": { "tag": false, "base": true } });
    let mut client = TestClient::with(Setup { options, ..Setup::default() });
    let uri = client.open("a.py", TEXT);
    let all = hints(&mut client, &uri, 9);
    let labels: Vec<_> = all.as_array().into_iter().flatten().map(|h| h["label"].clone()).collect();
    assert_eq!(labels, [json!("ghcr.io/flyteorg/flyte:py3.12-v2.12.1"), json!("x")]);
}
