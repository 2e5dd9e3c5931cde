use std::sync::Arc;

use image_manifests::fs::OsFileSystem;
use image_python::evaluate::Sources;
use image_python::inspect::inspect;
use image_python::project::{Ambient, Facts, Options};
use serde_json::json;

use super::{TestClient, position};

const TEXT: &str = "import flyte\nfrom pathlib import Path\nimage = flyte.Image.from_debian_base(name='n', python_version=(3, 12)).with_apt_packages('git').with_source_folder(Path('src'))\n";

/// The address that the hover shows, as soon as it is known.
fn address(client: &mut TestClient, uri: &str) -> String {
    loop {
        let shown = client.hover(uri, &position(2, 2)).expect("a hover");
        if let Some(address) = shown.strip_prefix("**`").and_then(|s| s.split('`').next()) {
            return address.to_owned();
        }
        assert!(shown.contains("being worked out"), "{shown}");
        client.asked_for("workspace/codeLens/refresh");
    }
}

/// The address as it is without anything kept and with every folder read at once.
fn expected(client: &TestClient, text: &str) -> String {
    let path = client.write("other.py", text);
    let ambient = Ambient { current_directory: client.folder.clone(), ..Ambient::default() };
    let facts = Facts::find(&path, &Options::default(), &ambient, &OsFileSystem);
    let report = inspect(&path, &Sources::default(), &OsFileSystem, &Arc::new(facts)).expect("a report");
    report.images[0].variants[0].uri.clone().expect("an address")
}

fn client_capabilities() -> serde_json::Value {
    json!({ "workspace": { "codeLens": { "refreshSupport": true } } })
}

#[test]
fn a_folder_is_read_behind_the_typists_back() {
    for size in [10, 300_000] {
        let mut client = TestClient::able(client_capabilities());
        for number in 0..4 {
            client.write(&format!("src/{number}.bin"), &"x".repeat(size));
        }
        let uri = client.open("a.py", TEXT);
        let first = address(&mut client, &uri);
        assert_eq!(first, expected(&client, TEXT));
        // Typing in the folder's own layer and before it.
        for (version, text) in
            [(2, TEXT.replace("'git'", "'curl'")), (3, TEXT.replace("'src')", "'src'), dst='/x'"))]
        {
            client.change(&uri, version, json!([{ "text": text }]));
            client.diagnostics(&uri, version);
            assert_eq!(address(&mut client, &uri), expected(&client, &text), "{size}");
        }
        client.change(&uri, 4, json!([{ "text": TEXT }]));
        client.diagnostics(&uri, 4);
        // A file in it is another one: open in the editor, then on the disk.
        client.write("src/3.bin", "other");
        client.files_changed();
        let second = loop {
            let now = address(&mut client, &uri);
            if now != first {
                break now;
            }
        };
        assert_eq!(second, expected(&client, TEXT), "{size}");
    }
}

#[test]
fn a_change_that_nobody_tells_is_noticed() {
    let mut client = TestClient::able(client_capabilities());
    client.write("src/a.bin", "one");
    let uri = client.open("a.py", TEXT);
    let first = address(&mut client, &uri);
    client.write("src/b.bin", "two");
    // Nobody types, and the client says nothing: lenses are asked for anew.
    client.asked.clear();
    client.asked_for("workspace/codeLens/refresh");
    let second = loop {
        let now = address(&mut client, &uri);
        if now != first {
            break now;
        }
    };
    assert_eq!(second, expected(&client, TEXT));
}

#[test]
fn until_it_is_read_the_last_tag_is_shown_as_such() {
    let mut client = TestClient::able(client_capabilities());
    client.write("src/a.bin", &"x".repeat(400_000));
    let uri = client.open("a.py", TEXT);
    let first = address(&mut client, &uri);
    // The first look after a change before the folder has no answer yet, unless reading was faster.
    client.change(&uri, 2, json!([{ "text": TEXT.replace("'git'", "'curl'") }]));
    let shown = client.hover(&uri, &position(2, 2)).expect("a hover");
    let is_old = shown.starts_with(&format!("**Was `{first}`**, is being worked out anew"));
    assert!(is_old || shown.starts_with("**`n:"), "{shown}");
    assert_ne!(address(&mut client, &uri), first);
}
