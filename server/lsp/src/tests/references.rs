use serde_json::json;

use super::TestClient;

fn references(client: &mut TestClient, name: &str, text: &str, declarations: bool) -> Vec<String> {
    let (uri, place) = client.open_at(name, text);
    let parameters = json!({
        "textDocument": { "uri": uri },
        "position": place,
        "context": { "includeDeclaration": declarations }
    });
    let found = client.request("textDocument/references", parameters);
    let own = client.uri("");
    let shown = |l: &serde_json::Value| {
        let file = l["uri"].as_str().unwrap_or_default().replace(&own, "");
        format!("{file}:{}:{}", l["range"]["start"]["line"], l["range"]["start"]["character"])
    };
    found.as_array().into_iter().flatten().map(shown).collect()
}

#[test]
fn a_name_is_found_in_every_file() {
    let mut client = TestClient::start();
    client
        .write("b.py", "from a import base\nimage = base.clone(name='n')\n\ndef f(base):\n    return base\n");
    client.write("c.py", "import a\nimage = a.base.clone(name='n')\nother = a.image\n");
    client.write("d.py", "from a import base as other\nbase = 1\n");
    client.write("e.py", "from unheard import base\nx = base\n");
    let text = "import flyte\nba|se = flyte.Image.from_base('x')\nimage = base.clone(name='n')\n";
    assert_eq!(
        references(&mut client, "a.py", text, true),
        ["a.py:1:0", "a.py:2:8", "b.py:0:14", "b.py:1:8", "c.py:1:10", "d.py:0:14"]
    );
    assert_eq!(references(&mut client, "a.py", text, false), ["a.py:2:8", "b.py:1:8", "c.py:1:10"]);
}

#[test]
fn a_file_is_found_in_every_image() {
    let mut client = TestClient::start();
    client.write("requirements.txt", "six\n");
    client.write("b.py", "import flyte\nfrom pathlib import Path\nx = flyte.Image.from_debian_base(name='n').with_requirements(Path(__file__).parent / 'requirements.txt')\n");
    let text = "import flyte\nimage = flyte.Image.from_debian_base(name='n').with_requirements('requ|irements.txt')\n";
    assert_eq!(references(&mut client, "a.py", text, true), ["a.py:1:65", "b.py:2:61"]);
}
