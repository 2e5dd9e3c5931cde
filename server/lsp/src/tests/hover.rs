use serde_json::json;

use super::{TestClient, position};

const CHAIN: &str = "import flyte\nfrom pathlib import Path\nimage = (\n    flyte.Image.from_debian_base(python_version=(3, 12), name=\"n\")\n    \
                     .with_apt_packages(\"git\")\n    .with_pip_packages(\"httpx>=0.27,<1\", \"torch==2.*; sys_platform == 'linux'\")\n    \
                     .with_requirements(\"requirements.txt\")\n    .with_source_folder(Path(\"data\"))\n)\nenv = flyte.TaskEnvironment(name=\"e\", image=image)\n";

#[test]
fn an_image_is_shown_wherever_it_stands() {
    let mut client = TestClient::start();
    client.write("requirements.txt", "six\n");
    client.write("data/a.txt", "a");
    let uri = client.open("a.py", CHAIN);
    client.diagnostics(&uri, 1);
    for (line, character) in [(2, 2), (9, 47)] {
        let mut shown = client.hover(&uri, &position(line, character)).expect("a hover");
        while shown.contains("being worked out") {
            shown = client.hover(&uri, &position(line, character)).expect("a hover");
        }
        assert!(shown.starts_with("**`n:"), "{shown}");
        assert!(
            shown.contains("base `ghcr.io/flyteorg/flyte:py3.12-v2.12.1` · Python 3.12 · linux/amd64"),
            "{shown}"
        );
        assert!(shown.contains(" layers"), "{shown}");
        assert!(shown.contains("assuming that flyte is 2.12.1"), "{shown}");
        assert!(shown.contains("```dockerfile\n# syntax=docker/dockerfile:1.10\n"), "{shown}");
    }
    assert_eq!(client.hover(&uri, &position(0, 2)), None);
}

#[test]
fn a_method_shows_its_lines_and_the_tag_so_far() {
    let mut client = TestClient::start();
    client.write("requirements.txt", "six\n");
    client.write("data/a.txt", "a");
    let uri = client.open("a.py", CHAIN);
    let mut shown = client.hover(&uri, &position(4, 8)).expect("a hover");
    while !shown.contains("```dockerfile") {
        // The folder is being read.
        shown = client.hover(&uri, &position(4, 8)).expect("a hover");
    }
    assert!(
        shown.starts_with("```python\nwith_apt_packages(*packages, secret_mounts=None) -> Image\n```"),
        "{shown}"
    );
    assert!(shown.contains("apt-get install"), "{shown}");
    assert!(shown.contains("Tag up to here: `"), "{shown}");
    // The tag up to the last layer but those that are missing is that of the image that ends there.
    let other = client.open("b.py", "import flyte\nimage = flyte.Image.from_debian_base(python_version=(3, 12), name=\"n\").with_apt_packages(\"git\")\n");
    let whole = client.hover(&other, &position(1, 2)).expect("a hover");
    let tag = shown.rsplit("Tag up to here: `").next().and_then(|t| t.split('`').next()).expect("a tag");
    assert!(whole.starts_with(&format!("**`n:{tag}`**")), "{shown}\n{whole}");
}

#[test]
fn packages_paths_and_rules_are_explained() {
    let mut client = TestClient::start();
    client.write("requirements.txt", "six\n");
    client.write("data/a.txt", "12345");
    let uri = client.open("a.py", CHAIN);
    let shown = client.hover(&uri, &position(5, 28)).expect("a hover");
    assert!(shown.starts_with("**httpx**: 0.27 or later, before 1\n"), "{shown}");
    let shown = client.hover(&uri, &position(5, 44)).expect("a hover");
    assert!(shown.starts_with("**torch**: any 2, only where sys_platform == 'linux'\n"), "{shown}");
    let shown = client.hover(&uri, &position(6, 30)).expect("a hover");
    let place = client.folder.join("requirements.txt");
    assert!(shown.starts_with(&format!("`{}`, 4 bytes", place.display())), "{shown}");
    assert!(shown.contains("where flyte is run"), "{shown}");
    client.diagnostics_when(&uri, 1, |_| true);
    let mut shown = client.hover(&uri, &position(7, 32)).expect("a hover");
    while !shown.contains("1 file in the build context, 5 bytes") {
        assert!(shown.contains(", a folder"), "{shown}");
        shown = client.hover(&uri, &position(7, 32)).expect("a hover");
    }
    let missing =
        client.open("b.py", &CHAIN.replace("requirements.txt", "nothing.txt").replace("(3, 12)", "VERSION"));
    let shown = client.hover(&missing, &position(6, 30)).expect("a hover");
    assert!(shown.contains("**It is not there.**"), "{shown}");
    let (uri, place) = client.open_at("c.py", "import flyte\nx = 1  # image-lsp: ignore[IMG0|02]\n");
    let shown = client.hover(&uri, &place).expect("a hover");
    assert!(shown.starts_with("# layer-on-frozen-image (IMG002)"), "{shown}");
}

#[test]
fn a_long_dockerfile_is_cut_and_folded_where_the_client_can() {
    let commands: String = (0..90).map(|n| format!("\"echo {n}\", ")).collect();
    let text = format!(
        "import flyte\nimage = flyte.Image.from_debian_base(name=\"n\", python_version=(3, 12)).with_commands([{commands}])\n"
    );
    let mut client = TestClient::start();
    let uri = client.open("a.py", &text);
    let shown = client.hover(&uri, &position(1, 2)).expect("a hover");
    assert!(shown.contains("more lines") && !shown.contains("<details>"), "{shown}");
    let mut client = TestClient::able(json!({
        "general": { "markdown": { "parser": "marked", "allowedTags": ["details", "summary"] } },
        "workspace": { "textDocumentContent": {} }
    }));
    let uri = client.open("a.py", &text);
    let shown = client.hover(&uri, &position(1, 2)).expect("a hover");
    assert!(shown.contains("<details><summary>Dockerfile, "), "{shown}");
    assert!(shown.contains("[Open the Dockerfile](image-lsp-dockerfile:/"), "{shown}");
}
