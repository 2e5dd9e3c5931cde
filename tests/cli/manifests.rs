//! `check` of scripts, requirements files and projects: what is found where, mended and suppressed.

use serde_json::Value;

use crate::check::{check, codes, folder, read};
use crate::{image_lsp_with, json, text};

const APP: &str = "import flyte\nfrom pathlib import Path\n\nhere = Path(__file__).parent\nimage = flyte.Image.from_debian_base(python_version=(3, 12), name=\"train\").with_requirements(here / \"requirements.txt\")\n";
const SCRIPT_APP: &str = "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"train.py\", name=\"train\", python_version=(3, 12))\n";

#[test]
fn mistakes_are_told_in_the_file_that_has_them() {
    let folder = folder(&[("app.py", APP), ("requirements.txt", "\u{feff}httpx\n-r base.txt\nsix=1\n")]);
    let findings = json(&check(folder.path(), &[".", "--output-format", "json"]));
    let told: Vec<(&str, &str, u64, u64)> = findings
        .as_array()
        .expect("a list")
        .iter()
        .map(|f| {
            let start = &f["range"]["start"];
            let number = |v: &Value| v.as_u64().expect("a number");
            let word =
                |v: &'_ Value| -> &str { Box::leak(v.as_str().expect("a text").to_owned().into_boxed_str()) };
            (word(&f["code"]), word(&f["path"]), number(&start["line"]), number(&start["column"]))
        })
        .collect();
    assert_eq!(told, [("IMG601", "requirements.txt", 2, 1), ("IMG602", "requirements.txt", 3, 4)]);
    assert_eq!(findings[0]["related"][0]["path"], "app.py");
    // The file alone is looked at by way of the modules that use it.
    assert_eq!(codes(folder.path(), &["requirements.txt"]), ["IMG601", "IMG602"]);
    assert_eq!(codes(folder.path(), &["app.py"]), ["IMG601", "IMG602"]);
    let full = text(&check(folder.path(), &["."]).stdout);
    assert!(full.contains("requirements.txt:3:4") && full.contains("six=1"), "{full}");
}

#[test]
fn files_that_no_image_uses_are_left_alone() {
    let folder = folder(&[
        (
            "app.py",
            "import flyte\n\nimage = flyte.Image.from_debian_base(python_version=(3, 12), name=\"n\")\n",
        ),
        ("requirements.txt", "-r base.txt\nsix=1\n"),
        ("pyproject.toml", "[project\n"),
        ("script.py", "# /// script\n# dependencies = [\"a b\", \"a\", \"a\"]\n# ///\n"),
        ("words.txt", "these are words\n"),
    ]);
    assert_eq!(codes(folder.path(), &["."]), [""; 0]);
    for file in ["requirements.txt", "pyproject.toml", "words.txt", "script.py"] {
        assert_eq!(codes(folder.path(), &[file]), [""; 0], "{file}");
    }
}

#[test]
fn projects_are_read_as_what_the_image_takes_them_for() {
    let broken = "[project\n";
    let good = "[project]\nname = \"x\"\nversion = \"1\"\ndependencies = [\"a b\"]\n";
    let project = |call: &str| {
        format!(
            "import flyte\nfrom pathlib import Path\n\nhere = Path(__file__).parent\nimage = flyte.Image.from_debian_base(python_version=(3, 12), name=\"n\").{call}\n"
        )
    };
    for (call, expected) in [
        ("with_uv_project(here / \"requirements.txt\")", vec!["IMG102"]),
        ("with_uv_project(here / \"other.toml\")", vec!["IMG105", "IMG602"]),
        // The project is copied whole: uv finds its pyproject.toml by its name.
        ("with_uv_project(here / \"requirements.txt\", project_install_mode=\"install_project\")", vec![]),
        ("with_uv_project(here / \"wrong.txt\", project_install_mode=\"install_project\")", vec![]),
        ("with_uv_project(here / \"broken/pyproject.toml\")", vec!["IMG602"]),
        ("with_poetry_project(here / \"requirements.txt\", here / \"poetry.lock\")", vec!["IMG102"]),
        ("with_poetry_project(here / \"other.toml\", here / \"poetry.lock\")", vec![]),
        ("with_poetry_project(here / \"broken/pyproject.toml\", here / \"poetry.lock\")", vec!["IMG602"]),
        ("with_pixi_project(here / \"broken/pixi.toml\")", vec!["IMG602"]),
        ("with_pixi_project(here / \"broken/pyproject.toml\")", vec!["IMG602"]),
        ("with_pixi_project(here / \"broken\")", vec!["IMG602"]),
    ] {
        let app = project(call);
        let files = [
            ("app.py", &*app),
            ("requirements.txt", "httpx==0.27\n"),
            ("wrong.txt", "six=1\nhttpx==1\nhttpx==2\n"),
            ("other.toml", good),
            ("poetry.lock", ""),
            ("broken/pyproject.toml", broken),
            ("broken/pixi.toml", broken),
        ];
        let folder = folder(&files);
        let mut found = codes(folder.path(), &["app.py"]);
        found.retain(|code| !matches!(&**code, "IMG104" | "IMG301"));
        assert_eq!(found, expected, "{call}");
    }
}

#[test]
fn modules_that_use_a_project_may_lie_outside_of_it() {
    let app = APP.replace(
        "with_requirements(here / \"requirements.txt\")",
        "with_uv_project(here / \"train/pyproject.toml\")",
    );
    let files = [("repository/app.py", &*app), ("repository/train/pyproject.toml", "[project\n")];
    for (name, from, expected) in [
        // The folder that the program runs in holds both.
        ("train/pyproject.toml", "repository", &["IMG602"][..]),
        // Nothing says that the module belongs to it.
        ("pyproject.toml", "repository/train", &[]),
    ] {
        let folder = folder(&files);
        assert_eq!(codes(&folder.path().join(from), &[name]), expected, "{from}");
        // What one change goes through is a repository: hooks name the files of it that changed.
        std::fs::create_dir(folder.path().join("repository/.git")).expect("made");
        assert_eq!(codes(&folder.path().join(from), &[name]), ["IMG602"], "{from}");
    }
}

#[test]
fn notebooks_use_files_and_excluded_modules_do_not_count() {
    let notebook = serde_json::json!({ "cells": [{ "cell_type": "code", "metadata": {}, "outputs": [], "source": APP.replace("Path(__file__).parent", "Path(\".\")") }], "metadata": {}, "nbformat": 4, "nbformat_minor": 5 }).to_string();
    let folder =
        folder(&[("pyproject.toml", ""), ("app.ipynb", &*notebook), ("requirements.txt", "six=1\n")]);
    assert_eq!(codes(folder.path(), &["requirements.txt"]), ["IMG602"]);
    std::fs::write(folder.path().join("image-lsp.toml"), "exclude = [\"*.ipynb\"]\n").expect("written");
    assert_eq!(codes(folder.path(), &["requirements.txt"]), [""; 0]);
}

#[test]
fn headers_that_name_flyte_are_looked_at() {
    for (header, expected) in [
        ("# dependencies = [\"flyte\", \"a b\"]\n", "IMG507"),
        ("# dependencies = [\"flyte\", \"flyte>2\"]\n", "IMG508"),
        ("# # why\n# dependencies = [\"flyte\"]\n", "IMG503"),
        ("# dependencies = [\"flyte\"\n", "IMG502"),
        ("# requires-python = \"3.12\"\n# dependencies = [\"flyte\"]\n", "IMG507"),
    ] {
        let folder = folder(&[("s.py", &format!("# /// script\n{header}# ///\nprint(1)\n"))]);
        assert_eq!(codes(folder.path(), &["."]), [expected], "{header}");
    }
}

#[test]
fn fixes_reach_the_header_of_a_script() {
    let script = "#!/x\n# /// script\n# dependencies = [\n#     \"httpx>=0.27\",  # a client\n#     'HTTPX<1',\n# ]\n# ///\nprint(1)  # more\n";
    let folder = folder(&[("app.py", SCRIPT_APP), ("train.py", script)]);
    let output = check(folder.path(), &[".", "--fix"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(
        read(folder.path(), "train.py"),
        "#!/x\n# /// script\n# dependencies = [\n#     \"httpx>=0.27,<1\",  # a client\n#     \"flyte\",\n# ]\n# ///\nprint(1)  # more\n"
    );
    assert_eq!(read(folder.path(), "app.py"), SCRIPT_APP);
}

#[test]
fn a_script_that_is_named_is_looked_at_by_way_of_its_images() {
    let script = "# /// script\n# dependencies = [\"httpx\"]\n# ///\n";
    let folder = folder(&[("app.py", SCRIPT_APP), ("train.py", script), ("other.py", script)]);
    assert_eq!(codes(folder.path(), &["train.py"]), ["IMG504"]);
    assert_eq!(codes(folder.path(), &["other.py"]), [""; 0]);
    // What its own header and its image have in common is told once, as what it is to the image.
    let misread = "# /// script\n# # why\n# dependencies = [\"flyte\"]\n# ///\n";
    std::fs::write(folder.path().join("train.py"), misread).expect("written");
    for paths in [&["."][..], &["train.py"], &["app.py", "train.py"]] {
        let all: Vec<&str> = paths.iter().copied().chain(["--output-format", "json"]).collect();
        let findings = json(&check(folder.path(), &all));
        let told: Vec<&Value> = findings.as_array().expect("a list").iter().map(|f| &f["severity"]).collect();
        assert_eq!(told, ["error"], "{paths:?}");
    }
}

#[test]
fn a_header_is_put_where_there_is_none() {
    let folder = folder(&[("app.py", SCRIPT_APP), ("train.py", "#!/usr/bin/env python\nprint(1)\n")]);
    assert_eq!(codes(folder.path(), &["."]), ["IMG501"]);
    check(folder.path(), &[".", "--fix", "--unsafe-fixes"]);
    assert_eq!(
        read(folder.path(), "train.py"),
        "#!/usr/bin/env python\n# /// script\n# requires-python = \">=3.12\"\n# dependencies = [\n#     \"flyte\",\n# ]\n# ///\nprint(1)\n"
    );
    assert_eq!(codes(folder.path(), &["."]), [""; 0]);
}

#[test]
fn comments_suppress_in_these_files_as_well() {
    let script = "# /// script\n# dependencies = [\n#     \"flyte\",\n#     \"a b\",  # image-lsp: ignore[IMG507] on purpose\n#     \"c d\",\n# ]\n# ///\n";
    let folder = folder(&[
        ("app.py", APP),
        (
            "requirements.txt",
            "# image-lsp: ignore[IMG601]\n-r base.txt\nsix=1  # image-lsp: ignore[IMG602]\nidna=1\n",
        ),
        ("s.py", script),
    ]);
    let shown = text(&check(folder.path(), &[".", "--output-format", "concise", "--quiet"]).stdout);
    let places: Vec<&str> = shown.lines().filter_map(|l| l.split(": ").next()).collect();
    assert_eq!(places, ["requirements.txt:4:5", "s.py:5:10"]);
    let output = check(folder.path(), &[".", "--add-suppressions"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(read(folder.path(), "requirements.txt").ends_with("idna=1  # image-lsp: ignore[IMG602]\n"));
    assert_eq!(codes(folder.path(), &["."]), [""; 0], "{}", read(folder.path(), "s.py"));
}

#[test]
fn a_script_from_standard_input_is_mended_alone() {
    let folder = folder(&[("requirements.txt", "six=1\n"), ("app.py", "")]);
    let output = image_lsp_with(
        folder.path(),
        &["check", "-", "--stdin-filename", "app.py", "--output-format", "json"],
        APP,
    );
    let findings = json(&output);
    assert_eq!(findings[0]["path"], "requirements.txt");
    let script = "# /// script\n# dependencies = [\"flyte\", \"a\", \"a>1\"]\n# ///\n";
    let output = image_lsp_with(folder.path(), &["check", "-", "--fix", "--stdin-filename", "s.py"], script);
    assert_eq!(text(&output.stdout), "# /// script\n# dependencies = [\"flyte\", \"a>1\"]\n# ///\n");
}

#[test]
fn any_bytes_are_a_file_to_check() {
    let app =
        |method: &str, file: &str| APP.replace("with_requirements", method).replace("requirements.txt", file);
    let folder =
        folder(&[("a.py", APP), ("b.py", &app("with_uv_project", "pyproject.toml")), ("c.py", SCRIPT_APP)]);
    for bytes in [
        &b"\xff\xfe-\x00r\x00"[..],
        b"\x00\x01\x02",
        b"# /// script\n# \xff\n# ///",
        b"[[[\n\"",
        b"\\\n\\\n--hash",
        b"",
    ] {
        for file in ["requirements.txt", "pyproject.toml", "uv.lock", "train.py"] {
            std::fs::write(folder.path().join(file), bytes).expect("written");
        }
        let output = check(folder.path(), &[".", "--output-format", "json"]);
        assert!(matches!(output.status.code(), Some(0..=2)), "{output:?}");
        let stderr = text(&output.stderr);
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
}

#[test]
fn what_pixi_scripts_refuse_is_told_in_their_header() {
    let app =
        SCRIPT_APP.replace("from_uv_script", "from_pixi_script").replace(", python_version=(3, 12)", "");
    let script = "# /// script\n# dependencies = [\"flyte\", \"idna; os_name == 'nt'\"]\n#\n# [tool.pixi.workspace]\n# channels = [\"conda-forge\"]\n# platforms = [\"linux-64\"]\n# ///\n";
    let python = [(".venv/pyvenv.cfg", "version = 3.12.1\n"), (".venv/bin/python", "")];
    let folder = folder(&[&python[..], &[("app.py", &*app), ("train.py", script)]].concat());
    let shown = text(&check(folder.path(), &[".", "--output-format", "concise", "--quiet"]).stdout);
    let lines: Vec<&str> = shown.lines().collect();
    // An image is for two platforms where nothing else is said.
    assert!(
        lines[0].starts_with("app.py:4:21: IMG201 ") && lines[0].contains("['linux-aarch64']"),
        "{shown}"
    );
    assert!(
        lines[1].starts_with("train.py:2:28: ") && lines[1].contains("no environment markers"),
        "{shown}"
    );
}
