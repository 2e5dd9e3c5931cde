//! Every parameter of every method, given values of right and of wrong kinds: where flyte raises, an error is found; where
//! it does not, none of its errors is, and what is predicted is what flyte makes of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use image_rules::Severity;
use serde_json::{Value, json};

use crate::alarms::{self, errors, is_of_flyte};
use crate::compare::{Setting, Verdict, compare};
use crate::goldens::RELEASE;
use crate::oracle::{self, Oracle};

const VALUES: &[&str] = &[
    "None",
    "''",
    "'x'",
    "3",
    "3.12",
    "True",
    "[]",
    "['x']",
    "('x',)",
    "[3, 12]",
    "{'A': 1}",
    "{'A': 'b'}",
    "Path('x')",
    "HERE / 'r.txt'",
    "flyte.Secret('k')",
];

/// What images with layers begin with.
const START: &str = "flyte.Image.from_debian_base(name='n', registry='r.example/a', python_version=(3, 12))";

/// The arguments that a method has besides the one in question; one without a name is positional.
fn others(method: &str) -> &'static [(&'static str, &'static str)] {
    match method {
        "from_debian_base" => &[("name", "'n'"), ("python_version", "(3, 12)")],
        "from_base" => &[("image_uri", "'debian:12'")],
        "from_ref_name" => &[("name", "'cpu'")],
        "from_dockerfile" => {
            &[("file", "HERE / 'Dockerfile'"), ("registry", "'r.example/a'"), ("name", "'n'")]
        }
        "from_uv_script" => &[("script", "HERE / 's.py'"), ("name", "'n'"), ("python_version", "(3, 12)")],
        "from_pixi_script" => &[("script", "HERE / 'px.py'"), ("name", "'n'")],
        "clone" => &[("name", "'m'")],
        "with_apt_packages" => &[("", "'git'")],
        "with_pip_packages" => &[("", "'httpx'")],
        "with_commands" => &[("commands", "['ls']")],
        "with_env_vars" => &[("env_vars", "{'A': 'b'}")],
        "with_requirements" => &[("file", "HERE / 'r.txt'")],
        "with_workdir" => &[("workdir", "'/x'")],
        "with_dockerignore" => &[("path", "HERE / 'r.txt'")],
        "with_source_folder" => &[("src", "HERE / 'src'")],
        "with_source_file" => &[("src", "HERE / 'r.txt'")],
        "with_uv_project" | "with_poetry_project" => {
            &[("pyproject_file", "HERE / 'project' / 'pyproject.toml'")]
        }
        "with_pixi_project" => &[("manifest_file", "HERE / 'project' / 'pixi.toml'")],
        _ => &[],
    }
}

const FILES: &[(&str, &str)] = &[
    ("Dockerfile", "FROM scratch\n"),
    ("r.txt", "httpx\n"),
    ("s.py", "# /// script\n# dependencies = [\"flyte\"]\n# ///\n"),
    (
        "px.py",
        "# /// script\n# dependencies = [\"flyte\"]\n# [tool.pixi.workspace]\n# channels = [\"conda-forge\"]\n# platforms = \
         [\"linux-64\", \"linux-aarch64\"]\n# ///\n",
    ),
    ("src/a.txt", "a"),
    ("project/pyproject.toml", "[project]\nname = \"p\"\nversion = \"1\"\nrequires-python = \">=3.10\"\n"),
    (
        "project/uv.lock",
        "version = 1\nrequires-python = \">=3.10\"\n\n[[package]]\nname = \"p\"\nversion = \"1\"\nsource = { virtual = \".\" }\n",
    ),
    ("project/poetry.lock", ""),
    (
        "project/pixi.toml",
        "[workspace]\nname = \"p\"\nchannels = [\"conda-forge\"]\nplatforms = [\"linux-64\"]\n",
    ),
    ("project/pixi.lock", "version: 6\n"),
];

/// Where flyte raises and no error is found, with the reason: method, parameter, how flyte's error begins. Empty: any.
const REASONS: &[(&str, &str, &str)] = &[
    // Not for users.
    ("clone", "addl_layer", ""),
    // The remote builder, which nobody has chosen.
    ("from_dockerfile", "", "ImageBuildError: Custom Dockerfile is not supported"),
    // A base that is empty at run time, from an unset variable say: inspect shows the error.
    ("from_base", "image_uri", "ImageBuildError: Image has no base image URI"),
    ("from_dockerfile", "name", "ImageBuildError: Image has no name"),
    // The name is looked for in a configuration that there is none of.
    ("from_ref_name", "name", "InvalidImageNameError: Image name"),
    ("from_ref_name", "name", "ImageBuildError: Image has no base image URI"),
    // The oracle asks the remote builder before the bundle is settled.
    ("with_code_bundle", "", "ImageBuildError: CodeBundleLayer requires a root_dir"),
];

struct Try {
    method: String,
    parameter: String,
    value: &'static str,
    expression: String,
}

fn tries(signatures: &Value) -> Vec<Try> {
    let mut all = Vec::new();
    for (method, parameters) in signatures.as_object().expect("signatures") {
        if method.starts_with("with_local") {
            continue;
        }
        for parameter in parameters.as_array().expect("parameters") {
            let name = parameter[0].as_str().expect("a name");
            let takes_many = parameter[1] == "VAR_POSITIONAL";
            for value in VALUES {
                let expression = expression(method, name, takes_many, value);
                all.push(Try { method: method.clone(), parameter: name.to_owned(), value, expression });
            }
        }
    }
    all
}

fn expression(method: &str, parameter: &str, takes_many: bool, value: &str) -> String {
    let mut arguments = if takes_many { value.to_owned() } else { String::new() };
    let rest =
        others(method).iter().filter(|(name, _)| *name != parameter && !(takes_many && name.is_empty()));
    for (name, other) in rest {
        let equals = if name.is_empty() { "" } else { "=" };
        let _ = write!(arguments, "{}{name}{equals}{other}", if arguments.is_empty() { "" } else { ", " });
    }
    if !takes_many {
        let _ = write!(arguments, "{}{parameter}={value}", if arguments.is_empty() { "" } else { ", " });
    }
    let start = if method.starts_with("from_") { "flyte.Image" } else { START };
    format!("{start}.{method}({arguments})")
}

/// Whether neither flyte nor a rule says anything of one of them; else both do. `Err`: what is wrong with the rules, or with
/// the prediction.
fn trouble(
    number: usize,
    one: &Try,
    folder: &Path,
    environment: &Path,
    oracle: &mut Oracle,
) -> Result<bool, String> {
    let file = format!("m{number}.py");
    let module = format!(
        "import flyte\nfrom pathlib import Path\n\nHERE = Path(__file__).parent\nimage = {}\n",
        one.expression
    );
    std::fs::write(folder.join(&file), module).expect("written");
    let request = json!({ "dir": folder, "file": file, "root": folder, "later": true });
    let answer = oracle.ask(&request);
    let env = BTreeMap::new();
    let root = Some(folder.display().to_string());
    let setting =
        Setting { dir: folder, file: &file, root, env: &env, python: Some(environment), release: None };
    let found = alarms::check(&setting.inspect().0);
    let speaks = found.iter().any(|f| f.severity == Severity::Error || f.rule.code == "IMG208");
    let explained = |error: &str| {
        REASONS.iter().any(|(method, parameter, start)| {
            *method == one.method
                && (parameter.is_empty() || *parameter == one.parameter)
                && error.starts_with(start)
        })
    };
    let what = format!("{}({}={})", one.method, one.parameter, one.value);
    match errors(&answer).iter().find(|(_, error)| !explained(error)) {
        Some((stage, error)) if !speaks => {
            return Err(format!("{what}: flyte raises ({stage}), and no rule speaks: {error}"));
        }
        None => {
            // What IMG007 says of text that is taken apart raises nothing.
            let is_misread = matches!(&*one.parameter, "python_version" | "extra_index_urls");
            let must_raise = |code: &str| is_of_flyte(code) || (code == "IMG007" && !is_misread);
            let alarm = found.iter().find(|f| f.severity == Severity::Error && must_raise(f.rule.code));
            if let Some(alarm) = alarm {
                return Err(format!("{what}: a false alarm: {} {}", alarm.rule.code, alarm.message));
            }
        }
        // How it says so of values that make no sense is its own.
        Some(_) => return Ok(false),
    }
    let wrong = compare(&answer, &setting).into_iter().find_map(|(_, verdict)| match verdict {
        Verdict::Wrong(difference) => Some(difference.detail),
        _ => None,
    });
    match wrong {
        Some(detail) => Err(format!("{what}: predicted otherwise: {detail}")),
        None => Ok(!speaks),
    }
}

/// All of them, by two of flyte at once.
pub(crate) fn arguments_of_any_kind_agree() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().canonicalize().expect("there");
    for (path, text) in FILES {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }
    let environment = oracle::environment(RELEASE);
    let signatures = Oracle::start(&environment).ask(&json!({ "signatures": true }));
    let all = tries(&signatures["signatures"]);
    let half = |first: usize| {
        let mut oracle = Oracle::start(&environment);
        let own = all.iter().enumerate().skip(first).step_by(2);
        own.map(|(number, one)| (one, trouble(number, one, &folder, &environment, &mut oracle)))
            .collect::<Vec<_>>()
    };
    let outcomes = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        let mut outcomes = half(0);
        outcomes.extend(other.join().expect("the other half"));
        outcomes
    });
    let mut wrong: Vec<&str> =
        outcomes.iter().filter_map(|(_, o)| o.as_ref().err().map(String::as_str)).collect();
    // A method that is never used as it should be says nothing of the rules.
    let is_quiet = |method: &str| outcomes.iter().any(|(one, o)| one.method == method && *o == Ok(true));
    let methods: BTreeSet<&str> = all.iter().map(|one| one.method.as_str()).collect();
    let loud = methods.iter().filter(|method| !is_quiet(method));
    wrong.extend(loud);
    println!("{} arguments of {} kinds, {} wrong", all.len() / VALUES.len(), VALUES.len(), wrong.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all.len() > 900, "{}", all.len());
}
