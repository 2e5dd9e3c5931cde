use serde_json::json;

use super::TestClient;

#[test]
fn a_name_is_shown_with_where_it_is_written() {
    let mut client = TestClient::start();
    let text = "import flyte\nbase = flyte.Image.from_base('x')\nimage = ba|se.clone(name='n')\n\ndef f(base):\n    return base\n";
    let (uri, place) = client.open_at("a.py", text);
    let found = client.at("textDocument/documentHighlight", &uri, &place);
    let shown: Vec<_> = found
        .as_array()
        .into_iter()
        .flatten()
        .map(|h| (h["range"]["start"]["line"].clone(), h["kind"].clone()))
        .collect();
    assert_eq!(shown, [(json!(1), json!(3)), (json!(2), json!(2))]);
}
