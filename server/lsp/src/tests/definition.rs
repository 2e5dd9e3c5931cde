use serde_json::{Value, json};

use super::{TestClient, position};

fn definition(client: &mut TestClient, name: &str, text: &str) -> Vec<(String, Value)> {
    let (uri, place) = client.open_at(name, text);
    let found = client.at("textDocument/definition", &uri, &place);
    let own = client.uri("");
    let all = found.as_array().cloned().unwrap_or_default();
    all.iter()
        .map(|l| (l["uri"].as_str().unwrap_or_default().replace(&own, ""), l["range"]["start"].clone()))
        .collect()
}

#[test]
fn names_lead_to_where_they_get_their_value() {
    let mut client = TestClient::start();
    client.write("pkg/__init__.py", "");
    client.write("pkg/settings.py", "import flyte\nVERSION = '1'\nbase = flyte.Image.from_base('x')\n");
    client.write("between.py", "from pkg.settings import base as start\n");
    for (name, text, file, place) in [
        (
            "a.py",
            "import flyte\nbase = flyte.Image.from_base('x')\nimage = ba|se.clone(name='n')\n",
            "a.py",
            position(1, 0),
        ),
        (
            "b.py",
            "from pkg.settings import base\nimage = ba|se.clone(name='n')\n",
            "pkg/settings.py",
            position(2, 0),
        ),
        (
            "c.py",
            "from between import start\nimage = sta|rt.clone(name='n')\n",
            "pkg/settings.py",
            position(2, 0),
        ),
        (
            "d.py",
            "import pkg.settings\nimage = pkg.settings.ba|se.clone(name='n')\n",
            "pkg/settings.py",
            position(2, 0),
        ),
        ("e.py", "from pkg import settings as s\nx = s.VERS|ION\n", "pkg/settings.py", position(1, 0)),
        ("pkg/f.py", "from .settings import base as b|ase2\n", "pkg/settings.py", position(2, 0)),
        ("pkg/g.py", "from .settings import ba|se as base2\n", "pkg/settings.py", position(2, 0)),
    ] {
        assert_eq!(definition(&mut client, name, text), [(file.to_owned(), place)], "{text}");
    }
    assert_eq!(definition(&mut client, "z.py", "import os\nx = os.pa|th\n"), []);
}

#[test]
fn paths_lead_to_files() {
    let mut client = TestClient::start();
    client.write("requirements.txt", "six\n");
    let text = "import flyte\nimage = flyte.Image.from_debian_base(name='n').with_requirements('requ|irements.txt')\n";
    assert_eq!(definition(&mut client, "a.py", text), [("requirements.txt".to_owned(), position(0, 0))]);
}

#[test]
fn a_line_of_the_dockerfile_leads_to_its_call() {
    let mut client = TestClient::start();
    let text = "import flyte\nimage = (\n    flyte.Image.from_debian_base(name='n', python_version=(3, 12))\n    .with_apt_packages('git')\n    .with_commands(['echo a'])\n)\n";
    let uri = client.open("a.py", text);
    let shown = client.request(
        "workspace/executeCommand",
        json!({ "command": "imageLsp.showDockerfile", "arguments": [{ "uri": uri, "name": "image" }] }),
    );
    let dockerfile = shown["text"].as_str().expect("a text");
    for (needle, line) in [("echo a", 4), ("apt-get install", 3), ("# syntax", 2)] {
        let number =
            dockerfile.lines().collect::<Vec<_>>().iter().rposition(|l| l.contains(needle)).expect("there");
        let place = json!({ "line": number, "character": 0 });
        let preview = shown["uri"].as_str().expect("an address").to_owned();
        let found = client.at("textDocument/definition", &preview, &place);
        assert_eq!(found[0]["uri"], uri, "{needle}");
        assert_eq!(found[0]["range"]["start"]["line"], line, "{needle}: {found}");
    }
}
