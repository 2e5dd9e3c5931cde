//! `build` without an engine: what is said before one is asked, and what would be built. Builds are in `tests/engine`.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::check::folder;
use crate::{command, image_lsp, text};

const PLAIN: &str = "import flyte\n\nimage = flyte.Image.from_debian_base(name='train', registry='r.io', python_version=(3, 12)).with_requirements('r.txt').with_commands(['a'])\n";

fn build(folder: &Path, arguments: &[&str]) -> Output {
    let all: Vec<&str> = ["build"].into_iter().chain(arguments.iter().copied()).collect();
    image_lsp(folder, &all)
}

/// The last event.
fn last(output: &Output) -> Value {
    let lines = text(&output.stdout);
    serde_json::from_str(lines.lines().last().unwrap_or_else(|| panic!("{output:?}"))).expect("JSON")
}

#[test]
fn a_dry_run_writes_what_would_be_built() {
    let folder = folder(&[("m.py", PLAIN), ("r.txt", "six\n")]);
    let output = build(folder.path(), &["m.py", "--dry-run", "--context-dir", "out"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), "out\n"), "{output:?}");
    let written = std::fs::read(folder.path().join("out/Dockerfile")).expect("a Dockerfile");
    assert_eq!(text(&written), text(&image_lsp(folder.path(), &["dockerfile", "m.py"]).stdout));
    assert_eq!(std::fs::read(folder.path().join("out/r.txt")).expect("a file"), b"six\n");
    // Nothing is written over.
    let output = build(folder.path(), &["m.py", "--dry-run", "--context-dir", "out"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stderr).contains("out is not empty"), "{output:?}");
}

#[test]
fn without_an_engine_it_says_where_it_looked() {
    let folder = folder(&[("m.py", PLAIN), ("r.txt", "six\n")]);
    let nowhere = "unix:///nonexistent/engine.sock";
    let output = build(folder.path(), &["m.py", "--engine-host", nowhere, "--progress", "json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let failed = last(&output);
    assert_eq!(failed["event"], "failed");
    assert_eq!(
        failed["message"],
        format!("the engine at {nowhere} cannot be reached: there is no such socket")
    );
    let output = build(folder.path(), &["m.py", "--engine-host", nowhere]);
    assert!(output.stdout.is_empty() && text(&output.stderr).contains("\n  help: "), "{output:?}");
}

#[test]
fn what_flyte_refuses_is_refused_with_its_rule_and_place() {
    let folder = folder(&[("m.py", PLAIN)]);
    let output = build(folder.path(), &["m.py", "--progress", "json"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let failed = last(&output);
    assert_eq!(
        (&failed["rule"], &failed["path"]),
        (&Value::from("IMG101"), &Value::from("m.py")),
        "{failed}"
    );
    assert_eq!(failed["range"]["start"]["line"], 3);
}

#[test]
fn what_rules_doubt_is_a_warning_before_anything_is_built() {
    let folder = folder(&[("m.py", &PLAIN.replace("'train'", "'Train'")), ("r.txt", "six\n")]);
    let output =
        build(folder.path(), &["m.py", "--engine-host", "unix:///nonexistent", "--progress", "json"]);
    let first: Value =
        serde_json::from_str(text(&output.stdout).lines().next().expect("a line")).expect("JSON");
    assert_eq!(
        (&first["event"], &first["rule"]),
        (&Value::from("warning"), &Value::from("IMG203")),
        "{first}"
    );
    assert_eq!((&first["path"], &first["range"]["start"]["line"]), (&Value::from("m.py"), &Value::from(3)));
    let output = build(folder.path(), &["m.py", "--engine-host", "unix:///nonexistent"]);
    assert!(text(&output.stderr).contains("warning[IMG203]: m.py:3: "), "{output:?}");
}

#[test]
fn an_image_that_is_not_known_is_not_built() {
    let folder = folder(&[(
        "m.py",
        "import flyte\nimage = flyte.Image.from_base(x()).clone(name='a', extendable=True).with_commands(['a'])\n",
    )]);
    let failed = last(&build(folder.path(), &["m.py", "--progress", "json"]));
    let message = failed["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("what would be built is not known, because "), "{failed}");
    assert!(failed["advice"].as_str().is_some_and(|a| a.contains("flyte build")), "{failed}");
}

#[test]
fn what_is_used_as_it_is_needs_no_engine() {
    let folder = folder(&[("m.py", "import flyte\nimage = flyte.Image.from_base('debian:12')\n")]);
    let output = build(folder.path(), &["m.py"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), "debian:12\n"), "{output:?}");
}

#[test]
fn one_image_has_to_be_meant() {
    let folder = folder(&[("m.py", &format!("{PLAIN}other = image.with_commands(['b'])\n")), ("r.txt", "")]);
    let for_an_engine = ["m.py::other", "--builder", "remote", "--platform", "linux/amd64"];
    let for_the_backend = ["m.py::other", "--no-wait"];
    for arguments in [&["m.py"][..], &["m.py::nosuch"], &["none.py"], &for_an_engine, &for_the_backend] {
        let output = build(folder.path(), arguments);
        assert_eq!(output.status.code(), Some(2), "{output:?}");
        assert!(text(&output.stderr).contains("\n  help: "), "{output:?}");
    }
}

#[test]
fn a_name_means_the_image_of_the_environment_and_the_others_are_said() {
    let python =
        format!("{PLAIN}import os\nif os.environ.get('GPU'):\n    image = image.with_commands(['gpu'])\n");
    let folder = folder(&[("m.py", &python), ("r.txt", "six\n")]);
    let unset = "image is another image when os.environ.get('GPU'): that of m.py:6:13";
    let set = "image is another image when not (os.environ.get('GPU')): that of m.py:3:9";
    for (variables, has_gpu, when) in [(&[][..], false, unset), (&[("GPU", "1")], true, set)] {
        let run = |arguments: &[&str]| {
            let run = command(folder.path(), arguments).envs(variables.iter().copied()).output();
            let output = run.expect("output");
            assert!(text(&output.stderr).contains(when), "{output:?}");
            text(&output.stdout)
        };
        for path in ["m.py", "m.py::image"] {
            assert_eq!(run(&["dockerfile", path]).contains("gpu"), has_gpu, "{path}");
        }
        let context = tempfile::tempdir().expect("a folder");
        let written =
            run(&["build", "m.py", "--dry-run", "--context-dir", &context.path().display().to_string()]);
        let dockerfile = std::fs::read_to_string(Path::new(written.trim()).join("Dockerfile"));
        assert_eq!(dockerfile.expect("a Dockerfile").contains("gpu"), has_gpu);
    }
}
