use serde_json::json;

use super::TestClient;

#[test]
fn a_selection_grows_from_the_word_to_the_file() {
    let mut client = TestClient::start();
    let text =
        "import flyte\nimage = flyte.Image.from_debian_base(name='n').with_apt_packages('g|it', 'curl')\n";
    let (uri, place) = client.open_at("a.py", text);
    let text = text.replacen('|', "", 1);
    let found = client.request(
        "textDocument/selectionRange",
        json!({ "textDocument": { "uri": uri }, "positions": [place, place] }),
    );
    assert_eq!(found[0], found[1]);
    let mut shown = Vec::new();
    let mut here = &found[0];
    while here.is_object() {
        let column =
            |side: &str| usize::try_from(here["range"][side]["character"].as_u64().unwrap_or(0)).unwrap_or(0);
        if here["range"]["start"]["line"] == here["range"]["end"]["line"] {
            shown.push(text.lines().nth(1).unwrap_or("")[column("start")..column("end")].to_owned());
        }
        here = &here["parent"];
    }
    assert_eq!(shown[0], "'git'");
    assert!(shown.iter().any(|s| s == "with_apt_packages('git', 'curl')"), "{shown:?}");
    assert!(shown.iter().any(|s| s.starts_with("flyte.Image") && s.ends_with("'curl')")), "{shown:?}");
    assert!(shown.last().is_some_and(|s| s.starts_with("image = ")), "{shown:?}");
}
