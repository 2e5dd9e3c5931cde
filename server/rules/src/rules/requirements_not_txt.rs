//! IMG004 requirements-not-txt

use image_model::error::Cause;
use image_python::inspect::{Stage, StageError, Variant};

use super::{method_name, raises};
use crate::checker::{Checker, call_of, definition_errors};
use crate::finding::{Edit, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule, caused_by};

pub(super) static RULE: Rule = Rule {
    code: "IMG004",
    name: "requirements-not-txt",
    what: "Finds `with_requirements` on a file whose suffix is not `.txt`. For projects and locks it names the method to use.",
    why: "flyte asks for the suffix `.txt` and raises ValueError when the module is imported.",
    proof: Proof::Flyte {
        stage: Stage::Import,
        error: "ValueError: Requirements file ",
    },
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_requirements(Path(__file__).parent / \"pyproject.toml\")\n",
    files: &[("pyproject.toml", "[project]\nname = \"train\"\nversion = \"1\"\ndependencies = []\n"), ("uv.lock", "version = 1\nrequires-python = \">=3.10\"\n\n[[package]]\nname = \"train\"\nversion = \"1\"\nsource = { virtual = \".\" }\n")],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_uv_project(Path(__file__).parent / \"pyproject.toml\")\n",
    safety: FixSafety::Unsafe,
    fix: "For pyproject.toml and uv.lock it uses `with_uv_project`, for poetry.lock `with_poetry_project`.",
    covers: caused_by!(Cause::NotTxt { .. }),
    check: Check::Variant(|checker, variant| {
        definition_errors(checker, &RULE, variant, |error, found| {
            let path = match &error.raised.cause {
                Cause::NotTxt { path } => path.as_str(),
                _ => "",
            };
            let advice = match instead(path) {
                Some((method, _)) => format!("use {method} with the project's pyproject.toml"),
                None => "name the file .txt, or list its packages in one that is".to_owned(),
            };
            let message = format!("{path} is no .txt file: {}; {advice}", raises(error));
            found.message(message).fix(fix(checker, variant, error, path))
        });
    }),
    ..Rule::BASE
};

/// The method for a file, and the file that the method takes.
fn instead(path: &str) -> Option<(&'static str, Option<&'static str>)> {
    match path.rsplit('/').next().unwrap_or(path) {
        "pyproject.toml" => Some(("with_uv_project", None)),
        "uv.lock" => Some(("with_uv_project", Some("uv.lock"))),
        "poetry.lock" => Some(("with_poetry_project", Some("poetry.lock"))),
        _ => None,
    }
}

fn fix(checker: &Checker<'_>, variant: &Variant, error: &StageError, path: &str) -> Option<Fix> {
    let (method, lock) = instead(path)?;
    let call = call_of(variant, error)?;
    let source = checker.source(&call.site.path)?;
    // The other arguments mean the same only where they are passed by name, and poetry takes fewer.
    let others = call.arguments.iter().filter(|g| g.parameter != "file");
    let fits = |parameter: &str| image_model::methods::method(method).is_some_and(|m| m.parameter(parameter).is_some());
    if !others.into_iter().all(|g| g.keyword && fits(g.parameter)) {
        return None;
    }
    let mut edits = vec![Edit::replace(&method_name(call), method)];
    if let Some(file) = call.given("file").next()
        && file.keyword
    {
        let argument = source.call(call)?.keyword("file")?.span.range();
        edits.push(Edit::replace(
            &image_model::origin::Site { start: argument.start, end: argument.start + "file".len(), ..call.site.clone() },
            "pyproject_file",
        ));
    }
    if let Some(lock) = lock {
        let literal = checker.literal(call.given("file").next()?, &[])?;
        let folder = literal.value().strip_suffix(lock)?;
        edits.push(literal.with(&format!("{folder}pyproject.toml"))?);
    }
    Fix::unsafe_(format!("use {method}"), edits)
}
