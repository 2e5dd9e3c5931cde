use proptest::prelude::*;
use serde_json::json;
use tower_lsp::ls_types::{Position, Range, TextDocumentContentChangeEvent, TextDocumentItem};

use image_manifests::position::Unit;

use crate::documents::{Documents, path_of};

/// A text as a client keeps it: its own arithmetic, by the protocol's words. Lines end with \n, \r\n and \r.
fn offset(text: &str, position: Position, unit: Unit) -> usize {
    let mut starts = vec![0];
    let bytes = text.as_bytes();
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' || *byte == b'\r' && bytes.get(at + 1) != Some(&b'\n') {
            starts.push(at + 1);
        }
    }
    let Some(start) = starts.get(position.line as usize).copied() else { return text.len() };
    let end = starts.get(position.line as usize + 1).copied().unwrap_or(text.len());
    let line = text[start..end].trim_end_matches(['\r', '\n']);
    let mut left = position.character as usize;
    for (at, c) in line.char_indices() {
        let width = match unit {
            Unit::Bytes => c.len_utf8(),
            Unit::Utf16 => c.len_utf16(),
            Unit::Characters => 1,
        };
        if left == 0 {
            return start + at;
        }
        left = left.saturating_sub(width);
    }
    start + line.len()
}

fn position() -> impl Strategy<Value = Position> {
    // Columns within characters of several units are no places: clients do not send them.
    (0_u32..8, prop_oneof![0_u32..1, 1_u32..20, Just(u32::MAX)])
        .prop_map(|(line, character)| Position { line, character })
}

const PIECES: &[&str] =
    &["a", "é", "😀", "\n", "\r\n", "\r", "x = 1", "\u{2028}", "\u{b}", "\u{85}", "", "\t", "中"];

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES), 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, ..ProptestConfig::default() })]
    #[test]
    fn the_server_has_the_clients_text(
        start in text(),
        edits in prop::collection::vec((position(), position(), text(), any::<bool>()), 0..12),
        unit in prop::sample::select(&[Unit::Bytes, Unit::Utf16, Unit::Characters][..]),
    ) {
        let documents = Documents::new();
        documents.set_unit(unit);
        let uri: tower_lsp::ls_types::Uri = "file:///w/a.py".parse().expect("an address");
        let path = path_of(&uri).expect("a path");
        let mut own = start.clone();
        documents.open(TextDocumentItem { uri: uri.clone(), language_id: "python".into(), version: 0, text: start });
        for (version, (a, b, new, whole)) in (1..).zip(edits) {
            let (a, b) = if (a.line, a.character) <= (b.line, b.character) { (a, b) } else { (b, a) };
            let (from, to) = (offset(&own, a, unit), offset(&own, b, unit));
            let range = (!whole || version % 4 != 0).then_some(Range { start: a, end: b });
            match range {
                Some(_) => own.replace_range(from..to.max(from), &new),
                None => own.clone_from(&new),
            }
            let change = TextDocumentContentChangeEvent { range, range_length: None, text: new };
            documents.change(&uri, version, vec![change]);
            prop_assert_eq!(&*documents.texts()[&path], own.as_str());
            prop_assert_eq!(documents.get(&path).map(|o| o.version), Some(version));
        }
    }
}

#[test]
fn several_edits_of_one_message_are_applied_in_order() {
    let mut client = super::TestClient::start();
    let text = "import flyte\n# 😀é\nimage = flyte.Image.from_base(\"x\").with_pip_packages(\"y\")\n";
    let uri = client.open("a.py", text);
    let found = client.codes_when(&uri, 1, &["IMG002"]);
    assert_eq!(found[0]["range"]["start"], super::position(2, 35));
    let insert = json!({ "range": { "start": super::position(2, 34), "end": super::position(2, 34) }, "text": ".clone(name=\"n\", extendable=True)" });
    let comment =
        json!({ "range": { "start": super::position(1, 2), "end": super::position(1, 5) }, "text": "x" });
    client.change(&uri, 2, json!([insert, comment]));
    client.codes_when(&uri, 2, &[]);
    // What is not open is not changed.
    client.change("file:///not/open.py", 3, json!([{ "text": "" }]));
    let outside =
        json!({ "range": { "start": super::position(99, 9), "end": super::position(7, 1) }, "text": "y" });
    client.change(&uri, 3, json!([outside]));
    client.codes_when(&uri, 3, &[]);
}

#[test]
fn every_encoding_is_taken() {
    let line = "x = \"😀é\"; image = flyte.Image.from_base(\"x\").with_pip_packages(\"y\")\n";
    let column = line.find("with_pip").expect("there");
    for (offered, taken, at) in [
        (json!(["utf-8", "utf-16"]), "utf-8", column),
        (json!(["utf-16"]), "utf-16", line[..column].encode_utf16().count()),
        (json!(["utf-32"]), "utf-32", line[..column].chars().count()),
        (json!([]), "utf-16", line[..column].encode_utf16().count()),
    ] {
        let mut client = super::TestClient::able(json!({ "general": { "positionEncodings": offered } }));
        assert_eq!(client.capabilities["positionEncoding"], taken);
        let uri = client.open("a.py", &format!("import flyte\n{line}"));
        let found = client.codes_when(&uri, 1, &["IMG002"]);
        assert_eq!(found[0]["range"]["start"], json!({ "line": 1, "character": at }), "{taken}");
    }
}
