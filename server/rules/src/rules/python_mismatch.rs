//! IMG309 python-mismatch

use std::str::FromStr;

use image_model::origin::CallSite;
use image_model::value::Value;
use image_python::inspect::Variant;
use pep440_rs::{Version, VersionSpecifiers};

use crate::checker::Checker;
use crate::finding::{Edit, Finding, Fix};
use crate::knowledge;
use crate::manifest::{Role, Used};
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
    check: Check::Manifest(check),
    ..Rule::BASE
};

fn check(checker: &Checker<'_>, used: &Used<'_>) {
    let (Some(by), Some(manifest)) = (&used.by, &used.read.manifest) else { return };
    let (variant, call) = (by.variant, by.call);
    let what = match used.role {
        Role::Project => "project",
        // IMG505 tells of the others.
        Role::UvScript if !variant.image.python_is_default => "script",
        _ => return,
    };
    let (Some(required), Some((major, minor))) = (&manifest.requires_python, python(variant)) else { return };
    let Ok(specifiers) = VersionSpecifiers::from_str(&required.value) else { return };
    if !knowledge::is_default(variant) || allows(&specifiers, (major, minor)) {
        return;
    }
    let which = if variant.image.python_is_default { "the Python that runs the file, " } else { "" };
    let message = format!(
        "the image has {which}Python {major}.{minor}, but the {what} {} requires Python {}; set python_version",
        used.shown, required.value
    );
    let version = variant.image.calls.iter().flat_map(|c| c.given("python_version")).last();
    let found = match version {
        Some(given) => checker.at(&RULE, given, &[], message),
        None => Finding::new(&RULE, call.site.clone(), message),
    };
    let found = found.related(used.read.site(required.range.clone()), "it is required here");
    checker.push(found.fix(set_python(checker, variant, &specifiers)));
}

/// The image's Python, where it is known.
pub(super) fn python(variant: &Variant) -> Option<(u64, u64)> {
    let Value::Tuple(items) = &variant.image.python_version else { return None };
    let [Value::Int(major), Value::Int(minor), ..] = &**items else { return None };
    Some((u64::try_from(*major).ok()?, u64::try_from(*minor).ok()?))
}

/// Whether some patch release of a version is allowed.
pub(super) fn allows(specifiers: &VersionSpecifiers, (major, minor): (u64, u64)) -> bool {
    (0..40).any(|patch| specifiers.contains(&Version::new([major, minor, patch])))
}

/// The fix that gives the image a Python that is allowed.
pub(super) fn set_python(checker: &Checker<'_>, variant: &Variant, specifiers: &VersionSpecifiers) -> Option<Fix> {
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
