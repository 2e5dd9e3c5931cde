use serde_json::json;

use super::{TestClient, codes};

fn puller() -> TestClient {
    TestClient::able(json!({ "textDocument": { "diagnostic": {} } }))
}

const WRONG: &str = "import flyte\nimage = flyte.Image.from_base(\"x\").with_pip_packages(\"y\")\n";

#[test]
fn what_is_known_already_is_not_sent_again() {
    let mut client = puller();
    let uri = client.open("a.py", WRONG);
    let first = client.of("textDocument/diagnostic", &uri);
    assert_eq!(
        (&first["kind"], codes(first["items"].as_array().expect("items"))),
        (&json!("full"), vec!["IMG002"])
    );
    let again = |client: &mut TestClient| {
        let parameters = json!({ "textDocument": { "uri": uri }, "previousResultId": first["resultId"] });
        client.request("textDocument/diagnostic", parameters)
    };
    assert_eq!(again(&mut client), json!({ "kind": "unchanged", "resultId": first["resultId"] }));
    client.change(&uri, 2, json!([{ "text": "import flyte\n" }]));
    let now = again(&mut client);
    assert_eq!((&now["kind"], &now["items"]), (&json!("full"), &json!([])));
    // Nothing is pushed besides.
    assert!(client.published.is_empty());
}

#[test]
fn the_workspace_is_looked_through() {
    let mut client = puller();
    client.write("a.py", WRONG);
    client.write("sub/b.py", "import flyte\nimage = flyte.Image.from_base(\"x\")\n");
    client.write("c.py", "print('no image')\n");
    client.write("image-lsp.toml", "exclude = [\"left\"]\n");
    client.write("left/d.py", WRONG);
    let whole = client.request("workspace/diagnostic", json!({ "previousResultIds": [] }));
    let items = whole["items"].as_array().expect("items");
    let shown: Vec<(String, usize)> = items
        .iter()
        .map(|i| {
            (i["uri"].as_str().unwrap_or_default().to_owned(), i["items"].as_array().map_or(0, Vec::len))
        })
        .collect();
    assert_eq!(shown, [(client.uri("a.py"), 1), (client.uri("sub/b.py"), 0)]);
    let known: Vec<_> = items.iter().map(|i| json!({ "uri": i["uri"], "value": i["resultId"] })).collect();
    // Nothing is new: the answer waits until something is.
    let id = client.ask_later("workspace/diagnostic", json!({ "previousResultIds": known }));
    let uri = client.open("sub/b.py", WRONG);
    let again = client.answer(id)["result"].clone();
    let items = again["items"].as_array().cloned().unwrap_or_default();
    let kinds: Vec<_> = items.iter().map(|i| (&i["uri"], &i["kind"])).collect();
    assert_eq!(kinds, [(&json!(client.uri("a.py")), &json!("unchanged")), (&json!(uri), &json!("full"))]);
}

#[test]
fn the_workspace_comes_one_by_one_where_the_client_takes_it_so() {
    let mut client = puller();
    client.write("a.py", WRONG);
    client.write("b.py", WRONG);
    let parameters = json!({ "previousResultIds": [], "partialResultToken": "t" });
    let last = client.request("workspace/diagnostic", parameters);
    assert_eq!(last["items"], json!([]));
    for name in ["a.py", "b.py"] {
        let part = client.notification("$/progress");
        assert_eq!(part["token"], "t");
        assert_eq!(part["value"]["items"][0]["uri"], client.uri(name));
        assert_eq!(codes(part["value"]["items"][0]["items"].as_array().expect("items")), ["IMG002"]);
    }
}
