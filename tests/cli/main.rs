//! The program from outside: arguments, output, exit status.

#![expect(clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(missing_docs, reason = "tests")]

mod build;
mod check;
mod declared;
mod manifests;
mod releases_page;
mod server;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn image_lsp(folder: &Path, arguments: &[&str]) -> Output {
    image_lsp_with(folder, arguments, "")
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_image-lsp"));
    command.args(arguments).current_dir(folder).env_clear().env("HOME", "/nonexistent");
    command
}

fn image_lsp_with(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = command(folder, arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    child.stdin.take().expect("a pipe").write_all(input.as_bytes()).expect("written");
    child.wait_with_output().expect("output")
}

fn examples() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/examples"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("UTF-8")
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[test]
fn inspect_shows_every_image_of_the_examples() {
    let output = image_lsp(examples(), &["inspect", ".", "--output-format", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let document = json(&output);
    assert_eq!(document["schema_version"], 1);
    let images = document["images"].as_array().expect("images");
    let names: Vec<&str> = images.iter().filter_map(|i| i["names"][0].as_str()).collect();
    assert_eq!(
        names,
        ["dependencies", "installed", "env.image", "gateway", "model", "cpu", "image", "image"]
    );
    for image in images {
        assert_ne!(image["certainty"], "unknown", "{image}");
        let variant = &image["variants"][0];
        for key in
            ["uri", "tag", "registry", "name", "platform", "extendable", "modified", "layers", "errors"]
        {
            assert!(!variant[key].is_null(), "{key} of {image}");
        }
        assert_eq!(
            variant["uri"].as_str().map(|u| u.ends_with(variant["tag"].as_str().unwrap_or("?"))),
            Some(true)
        );
    }
    // Places are one-based, in characters; paths as given.
    assert_eq!(images[3]["path"], "serving/app.py");
    assert_eq!(images[3]["range"]["start"], serde_json::json!({ "line": 9, "column": 11 }));
}

#[test]
fn dockerfile_prints_the_same_bytes_as_inspect() {
    let all = json(&image_lsp(examples(), &["inspect", "serving/app.py::model", "--output-format", "json"]));
    let expected = all["images"][0]["variants"][0]["dockerfile"].as_str().expect("a Dockerfile");
    let output = image_lsp(examples(), &["dockerfile", "serving/app.py::model"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), expected));
    let lines = &all["images"][0]["variants"][0]["layers"][0]["dockerfile_lines"];
    let line = usize::try_from(lines[0].as_u64().expect("a line")).expect("small");
    assert!(expected.lines().nth(line - 1).expect("there").contains("uv pip install"), "{lines}");
}

#[test]
fn text_has_no_colours_where_there_is_no_terminal() {
    let output = image_lsp(examples(), &["inspect", "report.py"]);
    let shown = text(&output.stdout);
    assert!(shown.starts_with("ghcr.io/acme/report:"), "{shown}");
    assert!(!shown.contains('\u{1b}') && shown.contains("    FROM python:3.12-slim-bookworm"), "{shown}");
    let coloured = image_lsp(examples(), &["inspect", "report.py", "--color", "always"]);
    assert!(text(&coloured.stdout).contains('\u{1b}'));
}

#[test]
fn one_bad_path_does_not_stop_the_others() {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("good.py"), "import flyte\na = flyte.Image.from_base('x')\n")
        .expect("written");
    std::fs::write(folder.path().join("latin.py"), b"import flyte\n# \xe9\n").expect("written");
    let output =
        image_lsp(folder.path(), &["inspect", "nope.py", "latin.py", "good.py", "--output-format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    let document = json(&output);
    assert_eq!(document["images"][0]["variants"][0]["uri"], "x");
    let problems: Vec<&str> =
        document["problems"].as_array().expect("a list").iter().filter_map(|p| p["path"].as_str()).collect();
    assert_eq!(problems, ["nope.py", "latin.py"]);
    let shown = text(&output.stderr);
    assert!(shown.contains("latin.py: not UTF-8 text") && shown.contains("help: "), "{shown}");
}

#[test]
fn check_finds_mistakes_and_says_so_by_its_status() {
    let folder = tempfile::tempdir().expect("a folder");
    let bad = "import flyte\nimage = flyte.Image.from_base('é').with_pip_packages('y')\nother = flyte.Image.from_debian_base(name='n').with_requirements('no.txt')\n";
    std::fs::write(folder.path().join("bad.py"), bad).expect("written");
    let output = image_lsp(folder.path(), &["check", "--output-format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let findings = json(&output);
    let shown: Vec<(&str, u64, u64)> = findings
        .as_array()
        .expect("a list")
        .iter()
        .map(|f| {
            let start = &f["range"]["start"];
            (
                f["code"].as_str().unwrap_or(""),
                start["line"].as_u64().unwrap_or(0),
                start["column"].as_u64().unwrap_or(0),
            )
        })
        .collect();
    assert_eq!(shown, [("IMG203", 2, 31), ("IMG002", 2, 36), ("IMG101", 3, 66)]);
    assert_eq!(findings[1]["related"][0]["range"]["start"]["column"], 9);
    assert_eq!(image_lsp(folder.path(), &["check", "--exit-zero"]).status.code(), Some(0));
    assert_eq!(image_lsp(examples(), &["check", "."]).status.code(), Some(0));
    let stdin = image_lsp_with(
        folder.path(),
        &["check", "-", "--stdin-filename", "x.py", "--output-format", "json"],
        bad,
    );
    assert_eq!((stdin.status.code(), json(&stdin)[0]["path"].as_str()), (Some(1), Some("x.py")));
    let full = image_lsp(folder.path(), &["check", "bad.py"]);
    assert!(
        text(&full.stdout).contains("error[IMG002]: ") && text(&full.stdout).contains("--> bad.py:2:36"),
        "{full:?}"
    );
}

#[test]
fn wrong_usage_is_told_with_what_to_do() {
    for (arguments, status, shown) in [
        (&["frobnicate"][..], 2, "unrecognized subcommand"),
        (&[], 2, "help: see image-lsp --help"),
        (&["dockerfile", "serving/app.py"], 2, "choose one, as in serving/app.py::gateway"),
        (&["dockerfile", "serving/app.py::nope"], 2, "it has gateway, model"),
        (&["inspect", "serving/app.py::nope"], 2, "has no image called nope"),
        (&["dockerfile", "shared/__init__.py"], 2, "has no images"),
        (&["explain", "IMG999"], 2, "there is no rule IMG999"),
    ] {
        let output = image_lsp(examples(), arguments);
        let all = text(&output.stderr);
        assert_eq!(output.status.code(), Some(status), "{arguments:?}: {all}");
        assert!(all.contains(shown), "{arguments:?}: {all}");
    }
}

#[test]
fn explain_and_debug_info_answer() {
    let one = text(&image_lsp(examples(), &["explain", "layer-on-frozen-image"]).stdout);
    assert!(one.starts_with("# layer-on-frozen-image (IMG002)") && one.contains("## Fix safety"), "{one}");
    let all = json(&image_lsp(examples(), &["explain", "--all", "--output-format", "json"]));
    assert_eq!(all.as_array().map(Vec::len), Some(image_rules::rules::ALL.len()));
    let info = text(&image_lsp(examples(), &["debug-info"]).stdout);
    for line in ["image-lsp", "python", "flyte", "working directory", "root_dir"] {
        assert!(info.lines().any(|l| l.starts_with(line)), "{line} in\n{info}");
    }
}

#[test]
fn a_closed_pipe_ends_it_silently() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_image-lsp"))
        .args(["inspect", "."])
        .current_dir(examples())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    drop(child.stdout.take());
    let output = child.wait_with_output().expect("output");
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
}

#[test]
fn the_language_server_answers_and_leaves() {
    for arguments in [&["--stdio", "--clientProcessId=1"][..], &["server", "--stdio"]] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_image-lsp"))
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut input = child.stdin.take().expect("a pipe");
        let mut output = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
        let mut send = |body: &str| {
            write!(input, "Content-Length: {}\r\n\r\n{body}", body.len()).expect("written");
            input.flush().expect("flushed");
        };
        send(r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"capabilities":{}}}"#);
        assert!(answer(&mut output).contains("\"hoverProvider\":true"));
        send(r#"{"jsonrpc":"2.0","id":2,"method":"shutdown"}"#);
        assert!(answer(&mut output).contains("\"result\":null"));
        // The input stays open: the server leaves all the same.
        send(r#"{"jsonrpc":"2.0","method":"exit"}"#);
        assert_eq!(child.wait().expect("an end").code(), Some(0));
    }
}

/// The body of the server's next message.
fn answer(output: &mut impl std::io::BufRead) -> String {
    let mut head = String::new();
    output.read_line(&mut head).expect("a header");
    let length = head.trim().strip_prefix("Content-Length: ").and_then(|n| n.parse().ok()).expect("a length");
    output.read_line(&mut head).expect("an empty line");
    let mut body = vec![0; length];
    output.read_exact(&mut body).expect("a body");
    text(&body)
}

/// An environment whose flyte consists of the given files of its site-packages; a path that ends in `/` is a folder.
fn environment(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let site = folder.path().join("lib/python3.11/site-packages");
    std::fs::create_dir_all(&site).expect("a folder");
    std::fs::write(folder.path().join("pyvenv.cfg"), "version = 3.11.2\n").expect("written");
    for (path, content) in files {
        let path = site.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        if content.is_empty() && path.extension().is_none() {
            std::fs::create_dir_all(path).expect("a folder");
        } else {
            std::fs::write(path, content).expect("written");
        }
    }
    folder
}

#[test]
fn odd_environments_say_what_was_taken_and_why() {
    let package = ("flyte/__init__.py", "#");
    let newest = image_model::release::newest();
    /// The files, the version that is found, and what is told.
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a [&'a str]);
    let cases: &[Case<'_>] = &[
        (
            &[package, ("flyte/_version.py", "version = '2.13.0.dev3+g1234'\n")],
            "2.13.0.dev3+g1234",
            &["is taken to do what"],
        ),
        (
            &[package, ("flyte/_version.py", "version = '3.0.0'\n")],
            "3.0.0",
            &["is taken to do what", "the newest known"],
        ),
        (&[package, ("flyte/_version.py", "version = '2.5.2'\n")], "2.5.2", &["its files differ: _image.py"]),
        (&[package, ("flyte/_version.py", "version = 'main'\n")], "main", &["main is no version"]),
        (&[package, ("flyte/_version.py", "version = '1.0.0'\n")], "1.0.0", &[]),
        // Broken metadata, a version file that cannot be read.
        (
            &[package, ("flyte/_version.py/x", "#"), ("flyte-2.4.0.dist-info/METADATA/x", "#")],
            "2.4.0",
            &["_version.py cannot be read"],
        ),
        (&[package], "unknown", &["neither flyte's _version.py nor metadata tells"]),
        // Two at once.
        (
            &[
                package,
                ("flyte/_version.py", "version = '2.5.2'\n"),
                ("flyte-2.5.1.dist-info/METADATA", "Version: 2.5.1\n"),
                ("flyte-2.5.2.dist-info/METADATA", "Version: 2.5.2\n"),
            ],
            "2.5.2",
            &["the metadata of flyte 2.5.1 and of 2.5.2"],
        ),
        // A folder of that name is no flyte.
        (&[("flyte/readme.txt", "#")], newest, &["it has no __init__.py"]),
        (
            &[("flyte-2.5.1.dist-info/RECORD", "#")],
            newest,
            &["metadata of flyte 2.5.1, but not flyte itself"],
        ),
    ];
    let project = tempfile::tempdir().expect("a folder");
    let python = "import flyte\nimage = flyte.Image.from_base('x')\n";
    std::fs::write(project.path().join("a.py"), python).expect("written");
    for (files, version, notes) in cases {
        let environment = environment(files);
        let place = environment.path().display().to_string();
        let arguments = ["inspect", "a.py", "--output-format", "json", "--python", &place];
        let image = json(&image_lsp(project.path(), &arguments))["images"][0].clone();
        assert_eq!(image["flyte_version"], *version, "{files:?}");
        let told = image["flyte_notes"].to_string();
        for note in *notes {
            assert!(told.contains(note), "{note} in {told}");
        }
        let found = json(&image_lsp(
            project.path(),
            &["check", "a.py", "--output-format", "json", "--python", &place],
        ));
        let is_hint = found[0]["code"] == "IMG903" && found[0]["severity"] == "hint";
        assert_eq!(is_hint, *version != newest, "{files:?}: {found}");
        let info = text(&image_lsp(project.path(), &["debug-info", "--python", &place]).stdout);
        assert!(info.lines().any(|l| l.starts_with("flyte ") && l.contains(version)), "{info}");
    }
}

#[test]
fn a_script_with_its_own_flyte_is_worked_out_for_it() {
    let project = tempfile::tempdir().expect("a folder");
    let script = "# /// script\n# dependencies = [\"flyte==2.2.3\"]\n# ///\nimport flyte\nimage = flyte.Image.from_debian_base(name='x', python_version=(3, 12)).with_pip_packages('y')\n";
    std::fs::write(project.path().join("script.py"), script).expect("written");
    let plain = script.lines().skip(3).collect::<Vec<_>>().join("\n");
    std::fs::write(project.path().join("plain.py"), plain).expect("written");
    std::fs::write(project.path().join("requirements.txt"), "flyte==2.0.0\n").expect("written");
    let output = image_lsp(project.path(), &["inspect", ".", "--output-format", "json"]);
    let images = json(&output)["images"].clone();
    let of = |name: &str| {
        let image = images.as_array().into_iter().flatten().find(|i| i["path"] == name).expect("an image");
        let dockerfile = image["variants"][0]["dockerfile"].as_str().unwrap_or_default().to_owned();
        (image["flyte_version"].clone(), image["flyte_version_from"].clone(), dockerfile)
    };
    let (version, from, dockerfile) = of("script.py");
    assert_eq!((version.as_str(), from.as_str()), (Some("2.2.3"), Some("required by the script's header")));
    assert!(dockerfile.contains("FROM ghcr.io/flyteorg/flyte:py3.12-v2.2.3\n"), "{dockerfile}");
    let (version, from, dockerfile) = of("plain.py");
    assert_eq!((version.as_str(), from.as_str()), (Some("2.0.0"), Some("required by requirements.txt")));
    assert!(dockerfile.ends_with("WORKDIR /root\nSHELL [\"/bin/bash\", \"-c\"]\n"), "{dockerfile}");
    // The command line is asked first.
    let arguments = ["inspect", "script.py", "--flyte-version", "2.12.1", "--output-format", "json"];
    let image = json(&image_lsp(project.path(), &arguments))["images"][0].clone();
    assert_eq!(
        (image["flyte_version"].as_str(), image["flyte_version_from"].as_str()),
        (Some("2.12.1"), Some("as given"))
    );
}
