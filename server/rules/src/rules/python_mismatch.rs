//! IMG309 python-mismatch

use std::str::FromStr;

use image_manifests::script::uv_block;
use image_model::layer::LayerKind;
use image_model::origin::CallSite;
use image_model::value::Value;
use image_python::inspect::Variant;
use pep440_rs::{Version, VersionSpecifiers};
use toml_edit::Document;

use crate::checker::Checker;
use crate::finding::{Edit, Finding, Fix};
use crate::knowledge;
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};
use crate::source::written_here;

pub(super) static RULE: Rule = Rule {
    code: "IMG309",
    name: "python-mismatch",
    severity: Severity::Warning,
    what: "Finds images whose Python is outside the `requires-python` of the project or script that they install.",
    why: "`uv sync` refuses a project in the build. For a script flyte does not look at `requires-python`: what the code needs\n\
          of the newer Python is missing when the task runs.",
    proof: Proof::Uv { error: "incompatible with" },
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\", python_version=(3, 10)).with_uv_project(Path(__file__).parent / \"pyproject.toml\")\n",
    files: &[
        ("pyproject.toml", "[project]\nname = \"train\"\nversion = \"1\"\nrequires-python = \">=3.12\"\ndependencies = [\"flyte\"]\n"),
        ("uv.lock", "version = 1\nrequires-python = \">=3.12\"\n\n[[package]]\nname = \"train\"\nversion = \"1\"\nsource = { virtual = \".\" }\n\n[package.metadata]\nrequires-dist = [{ name = \"flyte\" }]\n"),
    ],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\", python_version=(3, 12)).with_uv_project(Path(__file__).parent / \"pyproject.toml\")\n",
    safety: FixSafety::Safe,
    fix: "It sets `python_version` to the oldest version that the project allows and flyte has an image for.",
    check: Check::Variant(check),
    ..Rule::BASE
};

fn check(checker: &Checker<'_>, variant: &Variant) {
    if !knowledge::is_default(variant) {
        return;
    }
    let Some(python) = python(variant) else { return };
    let world = checker.world(variant);
    for layer in &variant.image.layers {
        let Some(call) = &layer.site else { continue };
        let (field, what) = match layer.kind {
            LayerKind::UVProject | LayerKind::PoetryProject => ("pyproject", "project"),
            LayerKind::UVScript if !variant.image.python_is_default => ("script", "script"),
            _ => continue,
        };
        let Ok(path) = layer.get(field).path_for("exists") else { continue };
        let Ok(text) = checker.fs.read_text(&world.resolve(path)) else { continue };
        let Some(required) = required(&text, what) else { continue };
        let Ok(specifiers) = VersionSpecifiers::from_str(&required) else { continue };
        if allows(&specifiers, python) {
            continue;
        }
        let (major, minor) = python;
        let which = if variant.image.python_is_default { "the Python that runs the file, " } else { "" };
        let message = format!(
            "the image has {which}Python {major}.{minor}, but the {what} {path} requires Python {required}; set python_version"
        );
        let version = variant.image.calls.iter().flat_map(|c| c.given("python_version")).last();
        let found = match version {
            Some(given) => checker.at(&RULE, given, &[], message),
            None => Finding::new(&RULE, call.site.clone(), message),
        };
        checker.push(found.fix(fix(checker, variant, &specifiers)));
    }
}

fn python(variant: &Variant) -> Option<(u64, u64)> {
    let Value::Tuple(items) = &variant.image.python_version else { return None };
    let [Value::Int(major), Value::Int(minor), ..] = &**items else { return None };
    Some((u64::try_from(*major).ok()?, u64::try_from(*minor).ok()?))
}

fn required(text: &str, what: &str) -> Option<String> {
    if what == "script" {
        let block = uv_block(text)?;
        let document = Document::parse(block).ok()?;
        return document.get("requires-python")?.as_str().map(str::to_owned);
    }
    let document = Document::parse(text).ok()?;
    document.get("project")?.get("requires-python")?.as_str().map(str::to_owned)
}

/// Whether some patch release of a version is allowed.
fn allows(specifiers: &VersionSpecifiers, (major, minor): (u64, u64)) -> bool {
    (0..40).any(|patch| specifiers.contains(&Version::new([major, minor, patch])))
}

fn fix(checker: &Checker<'_>, variant: &Variant, specifiers: &VersionSpecifiers) -> Option<Fix> {
    let minor = (10..=14).find(|minor| allows(specifiers, (3, *minor)))?;
    let tuple = format!("(3, {minor})");
    let message = format!("set python_version to {tuple}");
    let given = variant.image.calls.iter().flat_map(|c| c.given("python_version")).last();
    if let Some(given) = given {
        let site = written_here(given, &[])?;
        let is_tuple = checker.source(&site.path)?.text(site.range()).starts_with('(');
        return is_tuple.then(|| Fix::safe(message, vec![Edit::replace(site, tuple)]))?;
    }
    let origin: &CallSite = variant.image.origin.as_deref()?;
    let source = checker.source(&origin.site.path)?;
    let call = source.call(origin)?;
    let positional = !call.arguments.is_empty() && origin.method == "from_debian_base" && !origin.arguments.iter().all(|g| g.keyword);
    if positional || origin.is_open {
        return None;
    }
    Fix::safe(message, vec![call.add_keyword("python_version", &tuple)])
}
