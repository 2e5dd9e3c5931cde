//! `check`: formats, fixes, suppressions, settings, and every odd file that it may meet.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::{image_lsp, image_lsp_with, json, text};

/// Two mistakes with a safe fix, one with an unsafe one.
const BAD: &str = "import flyte\n\nimage = (\n    flyte.Image.from_debian_base(name='Train')  # the name\n    .with_pip_packages(['httpx', 'rich'])  # the packages\n)\nother = flyte.Image.from_base('debian:12').with_apt_packages('git')\n";
const FIXED: &str = "import flyte\n\nimage = (\n    flyte.Image.from_debian_base(name='train')  # the name\n    .with_pip_packages('httpx', 'rich')  # the packages\n)\nother = flyte.Image.from_base('debian:12').with_apt_packages('git')\n";

pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (path, text) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    folder
}

pub(crate) fn check(folder: &Path, arguments: &[&str]) -> Output {
    let all: Vec<&str> = ["check"].into_iter().chain(arguments.iter().copied()).collect();
    image_lsp(folder, &all)
}

pub(crate) fn codes(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let all: Vec<&str> = arguments.iter().copied().chain(["--output-format", "json"]).collect();
    let output = check(folder, &all);
    let findings: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {output:?}"));
    let code = |f: &Value| f["code"].as_str().unwrap_or_default().to_owned();
    findings.as_array().expect("a list").iter().map(code).collect()
}

pub(crate) fn read(folder: &Path, path: &str) -> String {
    std::fs::read_to_string(folder.join(path)).expect("readable")
}

#[test]
fn every_format_tells_the_same() {
    let folder = folder(&[("a.py", BAD)]);
    let shown = |format: &str| {
        let output = check(folder.path(), &["--output-format", format]);
        assert_eq!(output.status.code(), Some(1), "{format}: {output:?}");
        if format != "sarif" {
            return text(&output.stdout);
        }
        // The rules' pages are tested where they are made.
        let mut log = json(&output);
        let rules = log["runs"][0]["tool"]["driver"]["rules"].take();
        assert_eq!(rules.as_array().map(Vec::len), Some(image_rules::rules::ALL.len()));
        serde_json::to_string_pretty(&log).expect("JSON")
    };
    for format in ["full", "concise", "json", "json-lines", "sarif", "github", "gitlab", "junit", "agent"] {
        insta::assert_snapshot!(format!("check_{format}"), shown(format));
    }
    for (format, clean) in
        [("json", "[]\n"), ("agent", "no findings\n"), ("concise", "No mistakes found.\n"), ("github", "")]
    {
        let empty =
            image_lsp_with(folder.path(), &["check", "-", "--output-format", format], "import flyte\n");
        assert_eq!((empty.status.code(), text(&empty.stdout).as_str()), (Some(0), clean), "{format}");
    }
    let statistics = text(&check(folder.path(), &["--statistics"]).stdout);
    assert_eq!(
        statistics,
        "1  IMG002  [ ] layer-on-frozen-image\n1  IMG005  [*] list-instead-of-arguments\n1  IMG203  [*] invalid-image-name\n"
    );
}

#[test]
fn an_agent_is_known_by_its_variable() {
    let folder = folder(&[("a.py", BAD)]);
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_image-lsp"))
        .args(["check", "a.py"])
        .current_dir(folder.path())
        .env_clear()
        .env("AI_AGENT", "some")
        .output()
        .expect("the program");
    assert!(text(&output.stdout).starts_with("a.py:4:39: error IMG203 "), "{output:?}");
}

#[test]
fn fixes_are_shown_written_and_come_to_an_end() {
    let folder = folder(&[("a.py", BAD)]);
    let diff = check(folder.path(), &["--diff"]);
    assert_eq!(diff.status.code(), Some(1));
    assert!(
        text(&diff.stdout).contains("-    flyte.Image.from_debian_base(name='Train')  # the name\n"),
        "{diff:?}"
    );
    assert!(
        text(&diff.stdout).contains("+    flyte.Image.from_debian_base(name='train')  # the name\n"),
        "{diff:?}"
    );
    assert_eq!(read(folder.path(), "a.py"), BAD);
    let fixed = check(folder.path(), &["--fix", "--output-format", "concise"]);
    assert_eq!(fixed.status.code(), Some(1));
    assert!(text(&fixed.stdout).contains("Fixed 2 mistakes."), "{fixed:?}");
    assert_eq!(read(folder.path(), "a.py"), FIXED);
    assert!(check(folder.path(), &["--diff"]).stdout.is_empty());
    let rest = check(folder.path(), &["--fix", "--unsafe-fixes", "--output-format", "concise"]);
    assert_eq!(
        (rest.status.code(), text(&rest.stdout).as_str()),
        (Some(0), "Fixed 1 mistake.\nNothing is left.\n")
    );
    assert!(
        read(folder.path(), "a.py")
            .contains(".clone(name='debian', extendable=True).with_apt_packages('git')")
    );
    let again = check(folder.path(), &["--fix", "--unsafe-fixes"]);
    assert_eq!((again.status.code(), text(&again.stdout).as_str()), (Some(0), "No mistakes found.\n"));
}

#[test]
fn standard_input_is_fixed_to_standard_output() {
    let folder = folder(&[]);
    let output = image_lsp_with(folder.path(), &["check", "-", "--fix", "--stdin-filename", "a.py"], BAD);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(1), FIXED));
    assert!(text(&output.stderr).contains("IMG002"), "{output:?}");
}

#[test]
fn line_ends_marks_and_permissions_are_kept() {
    use std::os::unix::fs::PermissionsExt as _;
    for (name, line_end) in [("crlf", "\r\n"), ("lf", "\n")] {
        for mark in ["", "\u{feff}"] {
            let before = format!("{mark}{}", BAD.replace('\n', line_end));
            let folder = folder(&[("a.py", &before)]);
            let path = folder.path().join("a.py");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).expect("set");
            std::os::unix::fs::symlink("a.py", folder.path().join("link.py")).expect("linked");
            check(folder.path(), &["--fix", "link.py"]);
            assert_eq!(
                read(folder.path(), "a.py"),
                format!("{mark}{}", FIXED.replace('\n', line_end)),
                "{name} {mark:?}"
            );
            assert_eq!(std::fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o750);
            assert!(std::fs::symlink_metadata(folder.path().join("link.py")).expect("there").is_symlink());
        }
    }
}

#[test]
fn a_mark_does_not_move_places() {
    let folder = folder(&[("a.py", &format!("\u{feff}{BAD}"))]);
    let findings = json(&check(folder.path(), &["--output-format", "json"]));
    assert_eq!(findings[0]["range"]["start"], serde_json::json!({ "line": 4, "column": 39 }));
}

#[test]
fn suppressions_hold_for_their_line_or_statement() {
    let line = BAD.replace("# the name", "# image-lsp: ignore[IMG203] it is a house name");
    let folder = folder(&[("a.py", &line)]);
    assert_eq!(codes(folder.path(), &[]), ["IMG005", "IMG002"]);
    for (place, comment, left) in [
        ("\nimage = (", "\n# image-lsp: ignore[IMG203, IMG005]\nimage = (", &["IMG002"][..]),
        ("\nimage = (", "\n# image-lsp: ignore\nimage = (", &["IMG002"]),
        (
            "    .with_pip",
            "    # image-lsp: ignore[list-instead-of-arguments]\n    .with_pip",
            &["IMG203", "IMG002"],
        ),
        ("import flyte\n", "# image-lsp: ignore-file[IMG005]\nimport flyte\n", &["IMG203", "IMG002"]),
        ("import flyte\n", "# image-lsp: ignore-file\nimport flyte\n", &[]),
        ("# the name", "# image-lsp: ignore[IMG203, IMG101]", &["IMG901", "IMG005", "IMG002"]),
        ("# the name", "# image-lsp: ignore[IMG999]", &["IMG203", "IMG902", "IMG005", "IMG002"]),
        (
            "import flyte\n",
            "text = '# image-lsp: ignore-file'\nimport flyte\n",
            &["IMG203", "IMG005", "IMG002"],
        ),
    ] {
        std::fs::write(folder.path().join("a.py"), BAD.replacen(place, comment, 1)).expect("written");
        assert_eq!(codes(folder.path(), &[]), left, "{comment}");
    }
    std::fs::write(
        folder.path().join("a.py"),
        BAD.replace("# the name", "# image-lsp: ignore[IMG203, IMG101]"),
    )
    .expect("written");
    check(folder.path(), &["--fix"]);
    assert!(read(folder.path(), "a.py").contains("# image-lsp: ignore[IMG203]\n"));
}

#[test]
fn suppressions_are_added_once_for_each_line() {
    let multi = "import flyte\n\nimage = flyte.Image.from_base(\"\"\"Debian\n\"\"\").with_apt_packages(['git'])\nx = flyte.Image.from_base('Debian')\n";
    let folder = folder(&[("a.py", BAD), ("b.py", multi)]);
    let output = check(folder.path(), &["--add-suppressions"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        codes(folder.path(), &[]),
        [""; 0],
        "{}\n{}",
        read(folder.path(), "a.py"),
        read(folder.path(), "b.py")
    );
    let again = check(folder.path(), &["--add-suppressions"]);
    assert_eq!(text(&again.stdout), "Added 0 suppressions to 0 files.\n");
}

#[test]
fn settings_are_those_of_the_nearest_file() {
    let folder = folder(&[
        (
            "image-lsp.toml",
            "ignore = [\"IMG203\"]\n[severity]\nIMG005 = \"hint\"\nIMG402 = \"warning\"\n[per-file-ignores]\n\"tests/*\" = [\"IMG0\"]\n",
        ),
        ("a.py", BAD),
        ("tests/b.py", BAD),
        ("inner/pyproject.toml", "[tool.image-lsp]\nselect = [\"IMG2\"]\nexclude = [\"old\"]\n"),
        ("inner/c.py", BAD),
        ("inner/old/d.py", BAD),
    ]);
    assert_eq!(codes(folder.path(), &["a.py"]), ["IMG005", "IMG002"]);
    assert_eq!(codes(folder.path(), &["tests"]), [""; 0]);
    assert_eq!(codes(folder.path(), &["inner"]), ["IMG203"]);
    assert_eq!(codes(folder.path(), &["inner/old/d.py"]), ["IMG203"]);
    assert_eq!(codes(folder.path(), &["inner/old/d.py", "--force-exclude"]), [""; 0]);
    assert_eq!(codes(folder.path(), &["a.py", "--select", "IMG203"]), ["IMG203"]);
    assert_eq!(codes(folder.path(), &["a.py", "--ignore", "IMG005"]), ["IMG002"]);
    assert_eq!(codes(folder.path(), &["a.py", "--config", "inner/pyproject.toml"]), ["IMG203"]);
    let severity = json(&check(folder.path(), &["a.py", "--output-format", "json"]))[0]["severity"].clone();
    assert_eq!(severity, "hint");
}

#[test]
fn settings_that_are_wrong_are_told_with_their_place() {
    for (settings, told) in [
        ("select = [\"IMG1\"\n", "image-lsp.toml:1:"),
        ("selct = [\"IMG1\"]\n", "image-lsp.toml:1:1: there is no setting selct; did you mean select?"),
        ("select = \"IMG1\"\n", "image-lsp.toml:1:10: select takes a list of rules, not text"),
        (
            "[severity]\nIMG103 = \"bad\"\n",
            "image-lsp.toml:2:10: the severity of IMG103 is one of error, warning, hint, off, not bad",
        ),
        (
            "large-context = \"5 apples\"\n",
            "image-lsp.toml:1:17: large-context is a size such as \"50MB\", not 5 apples",
        ),
        (
            "check-existence = \"no\"\n",
            "image-lsp.toml:1:19: check-existence is one of off, engine, registry, not no",
        ),
        ("exclude = [\"a{\"]\n", "image-lsp.toml:1:11: "),
        ("[build]\nbuilder = 3\n", "image-lsp.toml:2:11: build.builder takes text, not a number"),
    ] {
        let folder = folder(&[("a.py", BAD), ("image-lsp.toml", settings)]);
        let output = check(folder.path(), &["--output-format", "concise"]);
        let shown = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{settings}: {shown}");
        assert!(shown.contains(told) && shown.contains("help: "), "{settings}: {shown}");
        // The files are checked all the same.
        assert!(text(&output.stdout).contains("IMG005"), "{settings}");
    }
    let folder = folder(&[("a.py", "import flyte\n"), ("image-lsp.toml", "ignore = [\"IMG998\"]\n")]);
    assert_eq!(codes(folder.path(), &[]), ["IMG902"]);
    assert_eq!(image_lsp(folder.path(), &["check", "--select", "NOPE"]).status.code(), Some(2));
}

#[test]
fn odd_files_are_checked_or_told() {
    let folder = folder(&[
        ("good.py", BAD),
        ("cr.py", &BAD.replace('\n', "\r")),
        (
            "tabs.py",
            "import flyte\nif True:\n\timage = flyte.Image.from_base('debian:12').with_apt_packages('git')\x0c\n",
        ),
        (
            "broken.py",
            &format!(
                "{BAD}\ndef f(:\n    x = = 3\n\nlater = flyte.Image.from_base('debian:12').with_apt_packages('git')\n"
            ),
        ),
        (
            "python2.py",
            "import flyte\nprint 'x'\nexec 'y'\nimage = flyte.Image.from_base('debian:12').with_apt_packages('git')\n",
        ),
        (".gitignore", "ignored.py\n"),
        ("ignored.py", BAD),
        ("empty.py", ""),
    ]);
    std::fs::write(folder.path().join("latin.py"), b"import flyte\nx = '\xe9'\n").expect("written");
    std::os::unix::fs::symlink(".", folder.path().join("loop")).expect("linked");
    std::os::unix::fs::symlink("nowhere.py", folder.path().join("dangling.py")).expect("linked");
    let pipe =
        std::process::Command::new("mkfifo").arg(folder.path().join("pipe.py")).status().expect("mkfifo");
    assert!(pipe.success());
    let named = check(folder.path(), &["pipe.py", "dangling.py", "good.py", "--output-format", "concise"]);
    assert_eq!(named.status.code(), Some(2));
    assert!(text(&named.stderr).contains("pipe.py: no regular file"), "{named:?}");
    assert!(
        text(&named.stderr).contains("dangling.py: no such file") && text(&named.stdout).contains("IMG005")
    );
    let big = format!(
        "import flyte\n{}image = flyte.Image.from_base('debian:12').with_apt_packages('git')\n",
        "# a comment that fills the file up to ten megabytes\n".repeat(200_000)
    );
    std::fs::write(folder.path().join("big.py"), big).expect("written");
    let output = check(folder.path(), &[".", "--output-format", "json"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output.stderr));
    assert!(text(&output.stderr).contains("latin.py: not UTF-8 text"), "{}", text(&output.stderr));
    let findings = json(&output);
    let of = |path: &str| {
        let own = findings.as_array().expect("a list").iter().filter(|f| f["path"] == path);
        own.map(|f| {
            (f["code"].as_str().unwrap_or_default(), f["range"]["start"]["line"].as_u64().unwrap_or(0))
        })
        .collect::<Vec<_>>()
    };
    assert_eq!(of("good.py"), [("IMG203", 4), ("IMG005", 5), ("IMG002", 7)]);
    assert_eq!(of("cr.py"), [("IMG203", 4), ("IMG005", 5), ("IMG002", 7)]);
    assert_eq!(of("tabs.py"), [("IMG002", 3)]);
    assert_eq!(of("broken.py"), [("IMG203", 4), ("IMG005", 5), ("IMG002", 7), ("IMG002", 12)]);
    assert_eq!(of("python2.py"), [("IMG002", 4)]);
    assert_eq!(of("big.py"), [("IMG002", 200_002)]);
    assert_eq!(of("ignored.py"), [] as [(&str, u64); 0]);
}

#[test]
fn notebooks_are_checked_by_cell() {
    let notebook = r##"{"cells": [
        {"cell_type": "markdown", "source": ["# Images"]},
        {"cell_type": "code", "source": ["%pip install flyte\n", "import flyte"]},
        {"cell_type": "code", "source": ["# an image\n", "image = flyte.Image.from_base('debian:12').with_apt_packages('git')"]}
    ], "metadata": {"kernelspec": {"language": "python"}}, "nbformat": 4, "nbformat_minor": 5}"##;
    let folder = folder(&[("a.ipynb", notebook), ("bad.ipynb", "{\"flyte\": ")]);
    let output = check(folder.path(), &["--output-format", "json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("bad.ipynb: it is no notebook"), "{output:?}");
    let found = json(&output)[0].clone();
    assert_eq!(
        (found["code"].as_str(), found["cell"].as_u64(), found["range"]["start"]["line"].as_u64()),
        (Some("IMG002"), Some(3), Some(2))
    );
    let concise = text(&check(folder.path(), &["a.ipynb", "--output-format", "concise"]).stdout);
    assert!(concise.starts_with("a.ipynb:cell 3:2:44: IMG002"), "{concise}");
    let full = text(&check(folder.path(), &["a.ipynb", "--output-format", "full"]).stdout);
    assert!(full.contains("--> a.ipynb:cell 3:2:44"), "{full}");
    check(folder.path(), &["a.ipynb", "--fix", "--unsafe-fixes"]);
    assert_eq!(read(folder.path(), "a.ipynb"), notebook);
}

#[test]
fn look_alikes_and_unknown_values_are_left_alone() {
    let negatives = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/negatives");
    assert_eq!(codes(&negatives, &["--flyte-version", "2.12.1"]), [""; 0]);
}

#[test]
fn a_value_of_another_module_is_shown_with_the_call() {
    let folder = folder(&[
        ("constants.py", "PACKAGES = ['numpy pandas']\nNAME = 'Train'\n"),
        (
            "helpers.py",
            "import flyte\n\n\ndef image(name):\n    return flyte.Image.from_debian_base(name=name)\n",
        ),
        (
            "app.py",
            "import flyte\nfrom constants import NAME, PACKAGES\nfrom helpers import image\n\na = flyte.Image.from_debian_base(name='a').with_pip_packages(*PACKAGES)\nb = image(NAME)\n",
        ),
    ]);
    let findings = json(&check(folder.path(), &["app.py", "--output-format", "json"]));
    let places: Vec<(&str, &str, u64, &str)> = findings
        .as_array()
        .expect("a list")
        .iter()
        .map(|f| {
            let related = &f["related"][0];
            (
                f["code"].as_str().unwrap_or_default(),
                f["path"].as_str().unwrap_or_default(),
                f["range"]["start"]["line"].as_u64().unwrap_or(0),
                related["path"].as_str().unwrap_or_default(),
            )
        })
        .collect();
    assert_eq!(
        places,
        [("IMG209", "app.py", 5, "constants.py"), ("IMG203", "helpers.py", 5, "constants.py")]
    );
}

#[test]
fn watching_checks_again_when_a_file_changes() {
    use std::io::BufRead as _;
    let folder = folder(&[("a.py", "import flyte\n")]);
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_image-lsp"))
        .args(["check", "--watch", "--output-format", "concise"])
        .current_dir(folder.path())
        .env_clear()
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("the program");
    let mut said = std::io::BufReader::new(child.stderr.take().expect("a pipe")).lines();
    let mut found = std::io::BufReader::new(child.stdout.take().expect("a pipe")).lines();
    assert_eq!(found.next().expect("a line").expect("text"), "No mistakes found.");
    assert_eq!(said.next().expect("a line").expect("text"), "Watching for changes.");
    std::fs::write(folder.path().join("a.py"), BAD).expect("written");
    // A run may come between the emptying of the file and its writing.
    let again = found.map(|l| l.expect("text")).find(|l| l.contains("IMG203"));
    assert_eq!(again.as_deref().and_then(|l| l.get(..16)), Some("a.py:4:39: IMG20"));
    child.kill().expect("it runs");
    child.wait().expect("an end");
}

#[test]
fn folders_of_other_packages_are_left_out_unless_named() {
    let folder =
        folder(&[("site-packages/a.py", BAD), ("node_modules/b.py", BAD), ("c.py", "import flyte\n")]);
    assert_eq!(codes(folder.path(), &[]), [""; 0]);
    assert_eq!(codes(folder.path(), &["site-packages"]).len(), 3);
    assert_eq!(codes(folder.path(), &["site-packages", "--exclude", "*.py"]), [""; 0]);
}

#[test]
fn rules_for_all_files_together_look_at_all_of_them() {
    let image = |package: &str| {
        format!(
            "import flyte\nimage = flyte.Image.from_debian_base(name='same').with_pip_packages('{package}')\n"
        )
    };
    let folder =
        folder(&[("a.py", &image("httpx")), ("b.py", &image("rich")), (".python-version", "3.12\n")]);
    assert_eq!(codes(folder.path(), &["--select", "IMG404"]), ["IMG404", "IMG404"]);
    assert_eq!(codes(folder.path(), &["a.py", "--select", "IMG404"]), [""; 0]);
}
