use serde_json::{Value, json};

use super::TestClient;

fn rename(client: &mut TestClient, uri: &str, place: &Value, new: &str) -> Value {
    client.ask(
        "textDocument/rename",
        json!({ "textDocument": { "uri": uri }, "position": place, "newName": new }),
    )
}

#[test]
fn an_image_gets_another_name_everywhere() {
    let mut client = TestClient::start();
    let other = "from a import base\nimage = base.clone(name='n')\n\ndef f(base):\n    return base\n";
    client.write("b.py", other);
    client.write("c.py", "from a import base as other\nimage = other.clone(name='n')\n");
    let (uri, place) = client
        .open_at("a.py", "import flyte\nba|se = flyte.Image.from_base('x')\nimage = base.clone(name='n')\n");
    let prepared = client.at("textDocument/prepareRename", &uri, &place);
    assert_eq!(
        (&prepared["placeholder"], &prepared["range"]["end"]["character"]),
        (&json!("base"), &json!(4))
    );
    let answer = rename(&mut client, &uri, &place, "start");
    let changes = &answer["result"]["changes"];
    let of = |name: &str, client: &TestClient| changes[client.uri(name)].as_array().map(Vec::len);
    assert_eq!((of("a.py", &client), of("b.py", &client), of("c.py", &client)), (Some(2), Some(2), Some(1)));
    let edited = |name: &str, text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        for edit in changes[client.uri(name)].as_array().into_iter().flatten() {
            let (start, end) = (&edit["range"]["start"], &edit["range"]["end"]);
            let number = |v: &Value| usize::try_from(v.as_u64().unwrap_or(0)).unwrap_or(0);
            lines[number(&start["line"])].replace_range(
                number(&start["character"])..number(&end["character"]),
                edit["newText"].as_str().unwrap_or(""),
            );
        }
        lines.join("\n")
    };
    assert_eq!(
        edited("b.py", other),
        "from a import start\nimage = start.clone(name='n')\n\ndef f(base):\n    return base"
    );
    assert_eq!(edited("c.py", "from a import base as other\nx"), "from a import start as other\nx");
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let mut client = TestClient::start();
    let (uri, place) =
        client.open_at("a.py", "import flyte\nim|age = flyte.Image.from_base('x')\nother = 1\n");
    for (new, why) in
        [("a b", "is no name"), ("class", "is no name"), ("", "is no name"), ("other", "is taken")]
    {
        let answer = rename(&mut client, &uri, &place, new);
        assert!(answer["error"]["message"].as_str().is_some_and(|m| m.contains(why)), "{answer}");
    }
    let (uri, place) = client.open_at("b.py", "import os\npl|ain = os.getcwd()\n");
    assert_eq!(client.at("textDocument/prepareRename", &uri, &place), Value::Null);
    // In a file with an image, but not in what makes it; what is in it can be renamed.
    let text = "import flyte\nTAG = 'x'\nother = 1\nimage = flyte.Image.from_base(TAG)\n";
    let (uri, place) = client.open_at("d.py", &text.replace("other", "oth|er"));
    assert_eq!(client.at("textDocument/prepareRename", &uri, &place), Value::Null);
    let (uri, place) = client.open_at("e.py", &text.replace("TAG =", "TA|G ="));
    assert_eq!(client.at("textDocument/prepareRename", &uri, &place)["placeholder"], "TAG");
    let (uri, place) = client.open_at("c.py", "import fl|yte\nx = flyte.Image.from_base('x')\n");
    assert_eq!(client.at("textDocument/prepareRename", &uri, &place), Value::Null);
}
