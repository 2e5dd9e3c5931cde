//! The program from outside: arguments, output, exit status.

#![expect(clippy::expect_used, reason = "tests")]
#![allow(missing_docs, reason = "tests")]

mod releases_page;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn image_lsp(folder: &Path, arguments: &[&str]) -> Output {
    image_lsp_with(folder, arguments, "")
}

fn image_lsp_with(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_image-lsp"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", "/nonexistent")
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
    assert_eq!(shown, [("IMG002", 2, 36), ("IMG101", 3, 66)]);
    assert_eq!(findings[0]["related"][0]["range"]["start"]["column"], 9);
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
