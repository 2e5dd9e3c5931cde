//! Headers of scripts, requirements files and projects.

use serde_json::{Value, json};

use super::{Setup, TestClient, codes, labels, position};

const APP: &str = "import flyte\nfrom pathlib import Path\n\nhere = Path(__file__).parent\nimage = flyte.Image.from_debian_base(python_version=(3, 12), name=\"train\").with_requirements(here / \"requirements.txt\")\n";
const SCRIPT_APP: &str = "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"train.py\", name=\"train\", python_version=(3, 12))\n";

/// A client in whose workspace packages are installed and locked.
fn with_packages() -> TestClient {
    let client = TestClient::start();
    client.write(".venv/pyvenv.cfg", "version = 3.12.1\n");
    client.write(".venv/bin/python", "");
    let site = ".venv/lib/python3.12/site-packages";
    let metadata = "Metadata-Version: 2.4\nName: httpx\nVersion: 0.28.1\nSummary: The next generation HTTP client.\nProject-URL: Homepage, https://example.org/httpx\nProvides-Extra: http2\nProvides-Extra: socks\n\n";
    client.write(&format!("{site}/httpx-0.28.1.dist-info/METADATA"), metadata);
    client.write(&format!("{site}/anyio-4.1.0.dist-info/METADATA"), "Name: anyio\nVersion: 4.1.0\n\n");
    client.write("uv.lock", "version = 1\n\n[[package]]\nname = \"httpx\"\nversion = \"0.27.0\"\n");
    client
}

fn edited(text: &str, edits: &Value) -> String {
    let mut lines: Vec<usize> = vec![0];
    lines.extend(text.match_indices('\n').map(|(at, _)| at + 1));
    let at = |p: &Value| {
        let line = lines[usize::try_from(p["line"].as_u64().expect("a line")).expect("small")];
        line + usize::try_from(p["character"].as_u64().expect("a column")).expect("small")
    };
    let mut all: Vec<(usize, usize, &str)> = edits
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| (at(&e["range"]["start"]), at(&e["range"]["end"]), e["newText"].as_str().expect("a text")))
        .collect();
    all.sort_by_key(|e| std::cmp::Reverse(e.0));
    let mut out = text.to_owned();
    for (start, end, new) in all {
        out.replace_range(start..end, new);
    }
    out
}

#[test]
fn a_requirements_file_shows_what_images_make_of_it() {
    let mut client = TestClient::start();
    client.write("app.py", APP);
    client.write("base.txt", "httpx\n");
    // The module that uses it is not open.
    let uri = client.open("requirements.txt", "-r base.txt\nhttpx=1\n");
    let found = client.codes_when(&uri, 1, &["IMG601", "IMG602"]);
    assert_eq!(found[0]["relatedInformation"][0]["location"]["uri"], client.uri("app.py"));
    // It follows every change, before it is saved.
    let change = json!({ "range": { "start": position(1, 5), "end": position(1, 6) }, "text": "==" });
    client.change(&uri, 2, json!([change]));
    client.codes_when(&uri, 2, &["IMG601"]);
    client.change(&uri, 3, json!([{ "text": "httpx\n" }]));
    client.codes_when(&uri, 3, &[]);
    // The module follows, too, open or not.
    let app = client.open("app.py", &APP.replace("requirements.txt", "other.txt"));
    client.codes_when(&app, 1, &["IMG101"]);
    client.change(&uri, 4, json!([{ "text": "httpx=1\n" }]));
    client.diagnostics(&uri, 4);
    client.change(&app, 2, json!([{ "text": APP }]));
    client.codes_when(&uri, 4, &["IMG602"]);
    client.codes_when(&app, 2, &["IMG602"]);
    // Closed again, it is what is on the disk that counts.
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": app } }));
    client.codes_when(&uri, 4, &["IMG602"]);
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
}

#[test]
fn words_are_no_requirements() {
    let mut client = TestClient::start();
    client.write("app.py", &APP.replace("requirements.txt", "needs.txt"));
    let uri = client.open("notes.txt", "these are words\n");
    client.diagnostics(&uri, 1);
    assert_eq!(client.hover(&uri, &position(0, 2)), None);
    assert!(client.at("textDocument/completion", &uri, &position(0, 2)).is_null());
    // What an image is made from is one, whatever its name.
    let uri = client.open("needs.txt", "httpx=1\n");
    client.codes_when(&uri, 1, &["IMG602"]);
    assert!(client.hover(&uri, &position(0, 2)).is_some());
}

#[test]
fn codes_of_rules_complete_in_a_header_as_well() {
    let mut client = TestClient::start();
    let (uri, place) =
        client.open_at("s.py", "# /// script\n# dependencies = [\"flyte\"]  # image-lsp: ignore[|\n# ///\n");
    let answer = client.at("textDocument/completion", &uri, &place);
    assert!(labels(&answer).contains(&"IMG507"), "{answer}");
}

#[test]
fn nothing_is_said_of_a_requirements_file_that_no_image_uses() {
    let mut client = TestClient::start();
    client.write(
        "app.py",
        "import flyte\n\nimage = flyte.Image.from_debian_base(python_version=(3, 12), name=\"n\")\n",
    );
    let uri = client.open("requirements.txt", "-r base.txt\nhttpx=1\n");
    assert!(client.diagnostics(&uri, 1).is_empty());
}

#[test]
fn the_header_of_a_script_shows_what_images_make_of_it() {
    let mut client = TestClient::start();
    client.write("app.py", SCRIPT_APP);
    let script = "# /// script\n# requires-python = \">=3.13\"\n# dependencies = [\n#     \"pandas\",\n# ]\n# ///\nprint(1)\n";
    let uri = client.open("train.py", script);
    let found = client.codes_when(&uri, 1, &["IMG309", "IMG504"]);
    assert_eq!(found[0]["range"]["start"], position(1, 20));
    // The fix of one, and all safe fixes.
    let range = json!({ "start": position(2, 4), "end": position(2, 4) });
    let asked = json!({ "textDocument": { "uri": uri }, "range": range, "context": { "diagnostics": [] } });
    let actions = client.request("textDocument/codeAction", asked);
    let fix =
        actions.as_array().into_iter().flatten().find(|a| a["title"] == "Add flyte to the dependencies");
    let edits = &fix.expect("a fix")["edit"]["changes"][&uri];
    assert!(edited(script, edits).contains("#     \"pandas\",\n#     \"flyte\",\n# ]"), "{actions}");
    let all = actions.as_array().into_iter().flatten().find(|a| a["kind"] == "source.fixAll.imageLsp");
    let edits = &all.expect("fix-all")["edit"]["changes"][&uri];
    assert!(edited(script, edits).contains("\"flyte\",\n# ]"), "{actions}");
}

#[test]
fn a_project_shows_its_stale_lock_where_it_stands() {
    let mut client = TestClient::start();
    let app = APP.replace(
        "with_requirements(here / \"requirements.txt\")",
        "with_uv_project(here / \"pyproject.toml\")",
    );
    client.write("app.py", &app);
    client.write("uv.lock", "version = 1\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"x\"\nversion = \"1\"\nsource = { virtual = \".\" }\n");
    let project = "[project]\nname = \"x\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = [\n    \"httpx\",\n]\n";
    let uri = client.open("pyproject.toml", project);
    let found = client.codes_when(&uri, 1, &["IMG106"]);
    assert_eq!(found[0]["range"]["start"], position(5, 4));
    assert!(found[0]["message"].as_str().is_some_and(|m| m.contains("requires httpx")), "{found:?}");
    // The lock is changed on the disk.
    client.write("uv.lock", "version = 1\nrequires-python = \">=3.11\"\n\n[[package]]\nname = \"x\"\nversion = \"1\"\nsource = { virtual = \".\" }\n\n[package.metadata]\nrequires-dist = [{ name = \"httpx\" }]\n");
    client.files_changed();
    client.codes_when(&uri, 1, &[]);
    client.change(&uri, 2, json!([{ "text": project.replace("\"httpx\"", "\"httpx>1\"") }]));
    client.codes_when(&uri, 2, &["IMG106"]);
}

#[test]
fn tags_follow_headers_and_projects_that_are_not_saved() {
    let mut client = TestClient::start();
    let header = "# /// script\n# dependencies = [\"flyte\"]\n# ///\n";
    for (module, name, before, after) in [
        (APP.to_owned(), "requirements.txt", "httpx\n", "httpx==1\n"),
        (SCRIPT_APP.to_owned(), "train.py", header, &*header.replace("\"flyte\"", "\"flyte\", \"six\"")),
        (
            APP.replace(
                "with_requirements(here / \"requirements.txt\")",
                "with_uv_project(here / \"pyproject.toml\")",
            ),
            "pyproject.toml",
            "[project]\nname = \"x\"\n",
            "[project]\nname = \"x\"\nversion = \"1\"\n",
        ),
        (
            APP.replace(
                "with_requirements(here / \"requirements.txt\")",
                "with_uv_project(here / \"pyproject.toml\")",
            ),
            "uv.lock",
            "version = 1\n",
            "version = 1\nrevision = 2\n",
        ),
        (
            APP.replace(
                "with_requirements(here / \"requirements.txt\")",
                "with_poetry_project(here / \"pyproject.toml\")",
            ),
            "poetry.lock",
            "# a\n",
            "# b\n",
        ),
        (
            APP.replace(
                "with_requirements(here / \"requirements.txt\")",
                "with_pixi_project(here / \"pixi.toml\")",
            ),
            "pixi.toml",
            "[workspace]\nname = \"x\"\nchannels = []\nplatforms = [\"linux-64\"]\n",
            "[workspace]\nname = \"y\"\nchannels = []\nplatforms = [\"linux-64\"]\n",
        ),
        (
            APP.replace(
                "with_requirements(here / \"requirements.txt\")",
                "with_pixi_project(here / \"pixi.toml\")",
            ),
            "pixi.lock",
            "version: 6\n",
            "version: 6 \n",
        ),
    ] {
        for (file, text) in [
            ("pyproject.toml", "[project]\nname = \"x\"\n"),
            ("uv.lock", "version = 1\n"),
            ("pixi.toml", "[workspace]\nname = \"x\"\nchannels = []\nplatforms = [\"linux-64\"]\n"),
            ("pixi.lock", "version: 6\n"),
            ("poetry.lock", "# a\n"),
            (name, before),
        ] {
            client.write(file, text);
        }
        let app = client.open("app.py", &module);
        let tag = |client: &mut TestClient| {
            client.of("textDocument/codeLens", &app)[0]["command"]["title"].to_string()
        };
        let on_disk = tag(&mut client);
        assert!(on_disk.contains("train:"), "{on_disk}");
        let uri = client.open(name, before);
        assert_eq!(tag(&mut client), on_disk);
        client.change(&uri, 2, json!([{ "text": after }]));
        assert_ne!(tag(&mut client), on_disk, "{name}");
        client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
        assert_eq!(tag(&mut client), on_disk, "{name}");
        client.notify("textDocument/didClose", json!({ "textDocument": { "uri": app } }));
    }
}

#[test]
fn a_dependency_shows_what_is_installed_and_locked_and_used() {
    let mut client = with_packages();
    client.write("app.py", APP);
    client.write("requirements.txt", "httpx\n");
    let app = client.open("app.py", APP);
    client.diagnostics(&app, 1);
    let uri = client.open("requirements.txt", "HTTPX[http2]<0.28 ; sys_platform == 'linux'\nnowhere\n");
    client.diagnostics(&uri, 1);
    let shown = client.hover(&uri, &position(0, 3)).expect("a hover");
    for part in [
        "**httpx**: with http2, before 0.28, only where",
        "The next generation HTTP client.",
        "Installed: 0.28.1 in `.venv`, **which is not what is asked for**",
        "Locked: 0.27.0 in `uv.lock`",
        "Extras: http2, socks",
        "Used by `image` in app.py",
        "[Homepage](https://example.org/httpx)",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert!(client.hover(&uri, &position(1, 2)).is_some_and(|h| h.contains("Not installed in `.venv`")));
    let links = client.of("textDocument/documentLink", &uri);
    assert_eq!(links[0]["target"], "https://example.org/httpx");
    assert_eq!(links[0]["range"], json!({ "start": position(0, 0), "end": position(0, 5) }));
    // Go to definition leads into the lock, and references to images.
    let place = client.at("textDocument/definition", &uri, &position(0, 1));
    assert_eq!(place[0]["uri"], client.uri("uv.lock"));
    assert_eq!(place[0]["range"]["start"], position(3, 8));
}

#[test]
fn references_lead_from_the_file_to_images_and_to_other_files() {
    let mut client = TestClient::start();
    client.write("app.py", APP);
    client.write("pyproject.toml", "[project]\nname = \"x\"\ndependencies = [\"HTTPX>1\"]\n");
    let uri = client.open("requirements.txt", "# what it needs\nhttpx\n");
    let of = |client: &mut TestClient, place: Value| {
        let context = json!({ "includeDeclaration": true });
        let asked = json!({ "textDocument": { "uri": uri }, "position": place, "context": context });
        let found = client.request("textDocument/references", asked);
        let all = found.as_array().cloned().unwrap_or_default();
        all.iter()
            .map(|l| (l["uri"].as_str().unwrap_or_default().to_owned(), l["range"]["start"].clone()))
            .collect::<Vec<_>>()
    };
    assert_eq!(of(&mut client, position(0, 3)), [(client.uri("app.py"), position(4, 93))]);
    let named = of(&mut client, position(1, 2));
    assert_eq!(named, [(client.uri("pyproject.toml"), position(2, 17)), (uri.clone(), position(1, 0))]);
    // And back.
    let app = client.open("app.py", APP);
    let place = client.at("textDocument/definition", &app, &position(4, 100));
    assert_eq!(place[0]["uri"], uri);
}

#[test]
fn completion_knows_packages_operators_versions_extras_and_markers() {
    let mut client = with_packages();
    let app = "import flyte\n\nimage = flyte.Image.from_debian_base(python_version=(3, 12), name=\"n\").with_pip_packages(\"polars\")\n";
    let uri = client.open("app.py", app);
    client.diagnostics(&uri, 1);
    let cases: [(&str, &[&str], &[&str]); 11] = [
        ("|", &["polars", "httpx", "anyio"], &[]),
        ("ht|", &["httpx"], &["anyio", "polars"]),
        ("anyio\n|", &["httpx"], &["anyio"]),
        ("httpx |", &["==", ">=", "~="], &["httpx"]),
        ("httpx>|", &[">="], &["==", "0.28.1x"]),
        ("httpx==|", &["0.28.1", "0.27.0"], &[">="]),
        ("httpx>=0.1,<|", &["0.28.1", "<="], &[]),
        ("httpx[|", &["http2", "socks"], &[]),
        ("httpx; |", &["python_version", "sys_platform"], &[]),
        ("httpx; sys_platform == '|", &["linux", "win32"], &["python_version"]),
        ("--|", &["--index-url", "--extra-index-url"], &["httpx"]),
    ];
    for (number, (text, expected, absent)) in cases.into_iter().enumerate() {
        let (uri, place) = client.open_at(&format!("requirements{number}.txt"), text);
        let answer = client.at("textDocument/completion", &uri, &place);
        let found = labels(&answer);
        assert!(expected.iter().all(|e| found.contains(e)), "{text:?}: {found:?}");
        assert!(absent.iter().all(|e| !found.contains(e)), "{text:?}: {found:?}");
    }
    // So are names in files that are not open, once they were looked at.
    client.write("deps/requirements-dev.txt", "somewhere-else\n");
    client.write("notes.txt", "only words\n");
    let (uri, place) = client.open_at("last-requirements.txt", "some|");
    let mut answer = client.at("textDocument/completion", &uri, &place);
    while answer.is_null() {
        answer = client.at("textDocument/completion", &uri, &place);
    }
    assert_eq!(labels(&answer), ["somewhere-else"]);
    // What a package is comes when it is chosen.
    let (uri, place) = client.open_at("more-requirements.txt", "httpx|");
    let answer = client.at("textDocument/completion", &uri, &place);
    let item = &answer["items"][0];
    assert_eq!(item["detail"], "installed 0.28.1 · locked 0.27.0");
    let resolved = client.request("completionItem/resolve", item.clone());
    assert!(
        resolved["documentation"]["value"].as_str().is_some_and(|d| d.contains("next generation")),
        "{resolved}"
    );
}

#[test]
fn completion_knows_the_keys_of_a_header() {
    let mut client = with_packages();
    let cases: [(&str, &[&str], &[&str]); 8] = [
        ("# |", &["dependencies", "requires-python"], &["exclude-newer"]),
        ("# dependencies = []\n# req|", &["requires-python"], &["dependencies"]),
        ("# dependencies = [\"ht|\"]", &["httpx"], &["requires-python"]),
        ("# dependencies = [\n#     |\n# ]", &["httpx"], &[]),
        ("# requires-python = \"|\"", &[">=3.12"], &[]),
        ("# [tool.|]", &["tool.uv", "tool.uv.sources"], &["tool.uv.index"]),
        ("# [tool.uv]\n# ex|", &["exclude-newer"], &["dependencies"]),
        ("# dependencies = [\"httpx>=|\"]", &["0.28.1"], &[]),
    ];
    for (number, (text, expected, absent)) in cases.into_iter().enumerate() {
        let (uri, place) =
            client.open_at(&format!("s{number}.py"), &format!("# /// script\n{text}\n# ///\n"));
        let answer = client.at("textDocument/completion", &uri, &place);
        let found = labels(&answer);
        assert!(expected.iter().all(|e| found.contains(e)), "{text:?}: {found:?}");
        assert!(absent.iter().all(|e| !found.contains(e)), "{text:?}: {found:?}");
    }
    // A header that nothing closes yet is one.
    let (uri, place) = client.open_at("open.py", "# /// script\n# dep|\n");
    let answer = client.at("textDocument/completion", &uri, &place);
    assert_eq!(labels(&answer), ["dependencies", "requires-python"]);
    let shown = client.open("h.py", "# /// script\n# requires-python = \">=3.12\"\n# ///\n");
    assert!(client.hover(&shown, &position(1, 5)).is_some_and(|h| h.contains("does not look at it")));
    assert!(client.hover(&shown, &position(0, 5)).is_some_and(|h| h.contains("PEP 723")));
}

#[test]
fn symbols_are_dependencies_by_list() {
    let setup = Setup {
        capabilities: json!({ "textDocument": { "documentSymbol": { "hierarchicalDocumentSymbolSupport": true } } }),
        ..Setup::default()
    };
    let mut client = TestClient::with(setup);
    let names = |found: &Value| -> Vec<String> {
        let all = found.as_array().cloned().unwrap_or_default();
        all.iter().filter_map(|s| s["name"].as_str().map(str::to_owned)).collect()
    };
    let uri = client.open("requirements.txt", "-r x.txt\nHTTPX>1\n./own\n");
    assert_eq!(names(&client.of("textDocument/documentSymbol", &uri)), ["httpx", "./own"]);
    let uri = client
        .open("pyproject.toml", "[project]\ndependencies = [\"a\"]\n[dependency-groups]\ndev = [\"b\"]\n");
    let found = client.of("textDocument/documentSymbol", &uri);
    assert_eq!(names(&found), ["project.dependencies", "dependency-groups.dev"]);
    assert_eq!(names(&found[1]["children"]), ["b"]);
    let uri = client.open("s.py", "# /// script\n# dependencies = [\"flyte\"]\n# ///\n");
    let found = client.of("textDocument/documentSymbol", &uri);
    assert_eq!(
        (names(&found), names(&found[0]["children"])),
        (vec!["script header".to_owned()], vec!["flyte".to_owned()])
    );
}

#[test]
fn the_toml_of_a_header_is_formatted_and_nothing_else() {
    let mut client = TestClient::start();
    let text = "#!/x\n# /// script\n# dependencies=['flyte' ,\"b\"  ] # why\n#\n#\n#\n# [tool.uv]\n# offline=true\n# ///\nx  =  1\n";
    let uri = client.open("s.py", text);
    let options = json!({ "tabSize": 4, "insertSpaces": true });
    let edits = client
        .request("textDocument/formatting", json!({ "textDocument": { "uri": uri }, "options": options }));
    let after = "#!/x\n# /// script\n# dependencies = ['flyte', \"b\"]  # why\n#\n# [tool.uv]\n# offline = true\n# ///\nx  =  1\n";
    assert_eq!(edited(text, &edits), after);
    let range = |start: u32, end: u32| json!({ "textDocument": { "uri": uri }, "options": options, "range": { "start": position(start, 0), "end": position(end, 0) } });
    let outside = client.request("textDocument/rangeFormatting", range(9, 10));
    assert_eq!(outside, json!([]));
    let inside = client.request("textDocument/rangeFormatting", range(2, 3));
    assert_eq!(edited(text, &inside), after);
    client.change(&uri, 2, json!([{ "text": after }]));
    let again = client
        .request("textDocument/formatting", json!({ "textDocument": { "uri": uri }, "options": options }));
    assert_eq!(again, json!([]));
    let plain = client.open("p.py", "x  =  1\n");
    let none = client
        .request("textDocument/formatting", json!({ "textDocument": { "uri": plain }, "options": options }));
    assert_eq!(none, Value::Null);
}

#[test]
fn dependencies_can_be_written_another_way() {
    let mut client = with_packages();
    let text = "HTTP_X>=0.1 ; os_name == 'posix'\nhttpx[http2]>=0.1 ; os_name == 'posix'\n";
    let uri = client.open("requirements.txt", text);
    let at = |client: &mut TestClient, uri: &str, line: u32, column: u32| -> Vec<(String, Value)> {
        let range = json!({ "start": position(line, column), "end": position(line, column) });
        let asked = json!({ "textDocument": { "uri": uri }, "range": range, "context": { "diagnostics": [], "only": ["refactor"] } });
        let found = client.request("textDocument/codeAction", asked);
        let all = found.as_array().cloned().unwrap_or_default();
        all.into_iter()
            .map(|a| (a["title"].as_str().unwrap_or_default().to_owned(), a["edit"]["changes"][uri].clone()))
            .collect()
    };
    let found = at(&mut client, &uri, 0, 1);
    assert_eq!(found[0].0, "Write http-x in its normal form");
    assert!(edited(text, &found[0].1).starts_with("http-x>=0.1 ;"));
    let found = at(&mut client, &uri, 1, 1);
    let titles: Vec<&str> = found.iter().map(|(t, _)| t.as_str()).collect();
    assert_eq!(
        titles,
        ["Pin httpx to 0.28.1, the installed version", "Pin httpx to 0.27.0, the version in uv.lock"]
    );
    assert!(edited(text, &found[0].1).contains("httpx[http2]==0.28.1 ; os_name"));
    let text = "# /// script\n# requires-python = \"==3.12\"\n# dependencies = [\"httpx\"]\n# ///\n";
    let uri = client.open("s.py", text);
    let found = at(&mut client, &uri, 1, 22);
    assert_eq!(found[0].0, "Write >=3.12,<3.13, which takes every patch release");
    assert!(edited(text, &found[0].1).contains("\">=3.12,<3.13\""));
}

#[test]
fn a_file_that_gets_another_name_takes_its_images_along() {
    let mut client = TestClient::start();
    client.write("app.py", APP);
    client.write("sub/plain.py", "import flyte\n\nimage = flyte.Image.from_debian_base(python_version=(3, 12), name=\"n\").with_requirements(\"requirements.txt\")\n");
    client.write("requirements.txt", "-r base.txt\n");
    client.write("base.txt", "httpx\n");
    let rename = |client: &mut TestClient, old: &str, new: &str| {
        let files = json!([{ "oldUri": client.uri(old), "newUri": client.uri(new) }]);
        client.request("workspace/willRenameFiles", json!({ "files": files }))["changes"].clone()
    };
    let changes = rename(&mut client, "requirements.txt", "deps/needs.txt");
    assert!(edited(APP, &changes[client.uri("app.py")]).contains("here / \"deps/needs.txt\""), "{changes}");
    assert!(changes[client.uri("sub/plain.py")].to_string().contains("deps/needs.txt"), "{changes}");
    assert_eq!(edited("-r base.txt\n", &changes[client.uri("requirements.txt")]), "-r ../base.txt\n");
    let changes = rename(&mut client, "base.txt", "common.txt");
    assert_eq!(edited("-r base.txt\n", &changes[client.uri("requirements.txt")]), "-r common.txt\n");
    assert_eq!(rename(&mut client, "other.txt", "more-requirements.txt"), Value::Null);
    // What names the file may stand elsewhere.
    let constant = "import flyte\n\nNEEDS = \"needs.txt\"\nimage = flyte.Image.from_debian_base(python_version=(3, 12), name=\"n\").with_requirements(NEEDS)\n";
    client.write("constant.py", constant);
    client.write("needs.txt", "httpx\n");
    let changes = rename(&mut client, "needs.txt", "asks.txt");
    assert!(
        edited(constant, &changes[client.uri("constant.py")]).contains("NEEDS = \"asks.txt\""),
        "{changes}"
    );
}

#[test]
fn pulled_diagnostics_have_other_files_as_well() {
    let mut client = TestClient::able(json!({ "textDocument": { "diagnostic": {} } }));
    client.write("app.py", APP);
    client.write("requirements.txt", "httpx=1\n");
    let report = client.request("workspace/diagnostic", json!({ "previousResultIds": [] }));
    let of = |name: &str| {
        let uri = client.uri(name);
        let all = report["items"].as_array().cloned().unwrap_or_default();
        let own = all.iter().find(|i| i["uri"] == uri).cloned().unwrap_or_default();
        own["items"].as_array().cloned().unwrap_or_default()
    };
    assert_eq!(codes(&of("requirements.txt")), ["IMG602"]);
    assert_eq!(codes(&of("app.py")), ["IMG602"]);
}

#[test]
fn what_is_pulled_is_of_the_text_as_it_is() {
    let mut client = TestClient::able(json!({ "textDocument": { "diagnostic": {} } }));
    client.write("app.py", APP);
    let uri = client.open("requirements.txt", "httpx=1\n-r base.txt\n");
    let places = |client: &mut TestClient| -> Vec<(String, Value)> {
        let report = client.of("textDocument/diagnostic", &uri);
        let all = report["items"].as_array().cloned().unwrap_or_default();
        all.iter()
            .map(|d| (d["code"].as_str().unwrap_or_default().to_owned(), d["range"]["start"].clone()))
            .collect()
    };
    while places(&mut client).len() < 2 {}
    client.change(&uri, 2, json!([{ "text": "# more\nhttpx==1\n-r base.txt\n" }]));
    assert_eq!(places(&mut client), [("IMG601".to_owned(), position(2, 0))]);
}

#[test]
fn a_manifest_that_is_no_toml_is_told_while_it_is_typed() {
    let mut client = TestClient::start();
    client.write(
        "app.py",
        &APP.replace(
            "with_requirements(here / \"requirements.txt\")",
            "with_pixi_project(here / \"pixi.toml\")",
        ),
    );
    let uri = client.open("pixi.toml", "[workspace]\nchannels = []\n");
    client.codes_when(&uri, 1, &[]);
    client.change(&uri, 2, json!([{ "text": "[workspace\nchannels = []\n" }]));
    let found = client.codes_when(&uri, 2, &["IMG602"]);
    assert_eq!(found[0]["relatedInformation"][0]["location"]["uri"], client.uri("app.py"));
    client.change(&uri, 3, json!([{ "text": "[workspace]\nchannels = []\n" }]));
    client.codes_when(&uri, 3, &[]);
}

#[test]
fn odd_manifests_do_no_harm() {
    let mut client = TestClient::start();
    client.write("app.py", APP);
    for (name, text) in [
        ("requirements.txt", "\u{0}\u{1F600}==\r\r\n\\\n--hash\n"),
        ("pyproject.toml", "[[[\n= = =\n\"\n"),
        ("uv.lock", "[[package]]\nname = \n\u{0}"),
        ("pixi.toml", "[dependencies\n"),
        ("s.py", "# /// script\n# [[[\n# \"\u{1F600}\n# ///\n# ///\n"),
        ("t.py", "# /// script\n"),
    ] {
        let uri = client.open(name, text);
        for line in 0..4 {
            for column in [0, 3, 99] {
                let place = position(line, column);
                client.at("textDocument/hover", &uri, &place);
                client.at("textDocument/completion", &uri, &place);
                client.at("textDocument/definition", &uri, &place);
            }
        }
        client.of("textDocument/documentSymbol", &uri);
        client.of("textDocument/documentLink", &uri);
        client.of("textDocument/foldingRange", &uri);
        client.of("textDocument/codeLens", &uri);
    }
}
