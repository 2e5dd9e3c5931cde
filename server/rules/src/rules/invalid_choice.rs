//! IMG211 invalid-choice

use image_model::value::Value;

use crate::finding::Fix;
use crate::rule::{Check, FixSafety, Proof, Rule};
use crate::settings::distance;

pub(super) static RULE: Rule = Rule {
    code: "IMG211",
    name: "invalid-choice",
    what: "Finds values of `project_install_mode` and `copy_style` that flyte does not know.",
    why: "The local builder takes every other `project_install_mode` than `dependencies_only` for `install_project`, and copies\n\
          the whole project; for `with_uv_project` the remote builder raises ValueError. An unknown `copy_style` copies nothing.",
    proof: Proof::Dockerfile { line: "uv sync --active --inexact --no-editable", then: "the project itself is installed, which `dependency_only` does not say" },
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_uv_project(\n    Path(__file__).parent / \"pyproject.toml\", project_install_mode=\"dependency_only\"\n)\n",
    files: &[
        ("pyproject.toml", "[project]\nname = \"train\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = [\"flyte\"]\n"),
        ("uv.lock", "version = 1\nrequires-python = \">=3.10\"\n\n[[package]]\nname = \"train\"\nversion = \"1\"\nsource = { virtual = \".\" }\n\n[package.metadata]\nrequires-dist = [{ name = \"flyte\" }]\n"),
    ],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_uv_project(\n    Path(__file__).parent / \"pyproject.toml\", project_install_mode=\"dependencies_only\"\n)\n",
    safety: FixSafety::Safe,
    fix: "Values that are misspelt by up to three letters are corrected. There is none for others.",
    check: Check::Call(|checker, _, call| {
        for given in &call.arguments {
            let choices = match given.parameter {
                "project_install_mode" => ["dependencies_only", "install_project"],
                "copy_style" => ["loaded_modules", "all"],
                _ => continue,
            };
            let (text, value) = match &given.value {
                Value::Str(text) if choices.contains(&&**text) => continue,
                Value::Str(text) => (&**text, format!("{text:?}")),
                Value::Unknown(_) => continue,
                Value::None => ("", "None".to_owned()),
                other => ("", format!("a value of type {}", other.type_name())),
            };
            let does = match (given.parameter, call.method) {
                ("copy_style", _) => "flyte does not know it",
                (_, "with_uv_project") => {
                    "the local builder takes it for install_project, the remote one raises ValueError"
                }
                _ => "flyte takes it for install_project",
            };
            let message =
                format!("{} is {} or {}, not {value}: {does}", given.parameter, choices[0], choices[1]);
            let near = choices.into_iter().find(|c| {
                let (a, b) = (text.to_lowercase().replace(['-', ' '], "_"), *c);
                distance(&a, b) <= 3.min(b.len() / 3)
            });
            let fix = near.and_then(|near| {
                Fix::safe(format!("write {near}"), vec![checker.literal(given, &[])?.with(near)?])
            });
            checker.push(checker.at(&RULE, given, &[], message).fix(fix));
        }
    }),
    ..Rule::BASE
};
