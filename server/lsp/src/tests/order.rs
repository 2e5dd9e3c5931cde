use serde_json::{Value, json};

use super::{TestClient, position};

/// Each request sees the text as it was when it was sent, whatever comes after it.
#[test]
fn five_hundred_edits_and_requests_keep_their_order() {
    let mut client = TestClient::start();
    let uri = client.open("a.py", "import flyte\nimage = flyte.Image.from_base(\"x0\")\n");
    let mut asked = Vec::new();
    for number in 1..=500_i64 {
        let range = json!({ "start": position(1, 31), "end": position(1, 31 + (number - 1).to_string().len() as u32 + 1) });
        let text = format!("x{number}");
        client.change(&uri, number + 1, json!([{ "range": range, "text": text }]));
        if number % 2 == 0 {
            let parameters = json!({ "textDocument": { "uri": uri }, "position": position(1, 2) });
            asked.push((number, client.ask_later("textDocument/hover", parameters)));
        }
    }
    for (number, id) in asked {
        let answer = client.answer(id);
        let shown = answer["result"]["contents"]["value"].as_str().unwrap_or_default().to_owned();
        let seen: i64 = shown
            .strip_prefix("**`x")
            .and_then(|s| s.split('`').next())
            .and_then(|s| s.parse().ok())
            .unwrap_or_else(|| panic!("{answer}"));
        // Never an older text; a newer one may be there already when the work begins.
        assert!(seen >= number, "asked at {number}, answered with {seen}");
    }
    client.diagnostics(&uri, 501);
    assert_eq!(client.hover(&uri, &position(1, 2)).map(|s| s.starts_with("**`x500`")), Some(true));
}

#[test]
fn a_refresh_is_answered_only_after_a_pull() {
    let mut client = TestClient::with(super::Setup {
        capabilities: json!({
            "textDocument": { "diagnostic": {} },
            "workspace": { "diagnostics": { "refreshSupport": true } }
        }),
        answers: false,
        ..super::Setup::default()
    });
    let uri =
        client.open("a.py", "import flyte\nimage = flyte.Image.from_base(\"x\").with_pip_packages(\"y\")\n");
    client.files_changed();
    client.asked_for("workspace/diagnostic/refresh");
    let question = client.last_question.take().expect("a question");
    let pulled = client.of("textDocument/diagnostic", &uri);
    client.send(&json!({ "jsonrpc": "2.0", "id": question, "result": null }));
    assert_eq!(super::codes(pulled["items"].as_array().expect("items")), ["IMG002"]);
    client.files_changed();
    let again = client.of("textDocument/diagnostic", &uri);
    assert_eq!(again["resultId"], pulled["resultId"]);
    assert_ne!(again["resultId"], Value::Null);
}
