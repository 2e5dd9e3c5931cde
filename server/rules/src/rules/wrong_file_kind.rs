//! IMG102 wrong-file-kind

use image_manifests::manifest::Format;
use image_model::error::Cause;
use image_model::layer::{Layer, LayerKind};
use image_model::layers::{Form, needed};
use image_model::path::PyPath;
use image_model::value::Value;
use image_model::world::World;
use image_python::inspect::{Stage, Variant};

use crate::checker::Checker;
use crate::finding::Finding;
use crate::manifest::tool;
use crate::rule::{Check, Proof, Rule, caused_by};

pub(super) static RULE: Rule = Rule {
    code: "IMG102",
    name: "wrong-file-kind",
    what: "Finds a folder where a file is needed or the reverse, a script that is not `.py`, a pixi manifest with a name\n\
           that pixi does not know, and a requirements file where a pyproject.toml is needed.",
    why: "Nothing fails when the module is imported. flyte raises IsADirectoryError when the tag is computed, or ValueError\n\
          or ImageBuildError before the build, after the check whether the image exists. What is no pyproject.toml fails\n\
          in the build, if `uv export` does not fail before.",
    proof: Proof::Flyte { stage: Stage::Validate, error: "ImageBuildError: Source folder /" },
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_source_folder(Path(__file__))\n",
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_source_file(Path(__file__))\n",
    fix: "There is none: whether the path or the method is wrong is yours to say.",
    covers: caused_by!(Cause::WrongKind { .. }),
    check: Check::Variant(check),
    ..Rule::BASE
};

fn check(checker: &Checker<'_>, variant: &Variant) {
    let world = checker.world(variant);
    let dockerfile = match &variant.image.dockerfile {
        Value::Path(path) => Some(path),
        _ => None,
    };
    if let (Some(path), Some(call)) = (dockerfile, &variant.image.origin)
        && world.is_dir(path)
    {
        let given = call.given("file").next();
        let message = format!("{path} is a folder, not a Dockerfile: flyte raises IsADirectoryError when the tag is computed");
        let found = given.map(|g| checker.at(&RULE, g, &[], message.clone()));
        checker.push(found.unwrap_or_else(|| Finding::new(&RULE, call.site.clone(), message)));
    }
    for layer in &variant.image.layers {
        let Some(call) = &layer.site else { continue };
        for needed in needed(layer) {
            if !world.exists(&needed.path) {
                continue;
            }
            let Some(wrong) = wrong(&needed.path, needed.is_folder, world.is_dir(&needed.path), needed.form) else {
                continue;
            };
            let message = format!("{} {wrong}: the image of {} cannot be built", needed.path, call.method);
            let found = match call.given(needed.parameter).find(|g| names(&g.value, &needed.path)) {
                Some(given) => checker.at(&RULE, given, &[], message),
                None => Finding::new(&RULE, call.site.clone(), message),
            };
            checker.push(found);
        }
        if let Some(message) = no_project(checker, layer, &world) {
            checker.push(checker.at_parameter(&RULE, call, "pyproject_file", message));
        }
    }
}

/// What is wrong with a file of another name that is mounted as the project's pyproject.toml.
fn no_project(checker: &Checker<'_>, layer: &Layer, world: &World<'_>) -> Option<String> {
    let is_project = matches!(layer.kind, LayerKind::UVProject | LayerKind::PoetryProject);
    if !is_project || !layer.dependencies_only().ok()? {
        return None;
    }
    let path = layer.get("pyproject").path_for("exists").ok()?;
    if path.name() == "pyproject.toml" {
        return None;
    }
    let read = checker.manifest_as(Some(Format::Project), &world.resolve(path))?;
    let fault = read.manifest.as_ref()?.faults.first()?;
    let instead = if path.suffix() == ".txt" { "; use with_requirements for a requirements file" } else { "" };
    let tool = tool(layer.kind);
    Some(format!("{tool} cannot read {path} as the project's pyproject.toml: {}{instead}", fault.message))
}

/// Of several files in a list the argument is the list.
fn names(value: &Value, path: &PyPath) -> bool {
    match value {
        Value::Path(given) => given == path,
        Value::Str(given) => PyPath::new(given) == *path,
        _ => true,
    }
}

fn wrong(path: &PyPath, wants_folder: bool, is_folder: bool, form: Form) -> Option<String> {
    match (wants_folder, is_folder) {
        (true, false) => return Some("is a file, not a folder; use with_source_file for it".to_owned()),
        (false, true) => return Some("is a folder, not a file".to_owned()),
        _ => {}
    }
    match form {
        Form::Suffix(suffix) if path.suffix() != suffix => Some(format!("is a script that does not end in {suffix}")),
        Form::Names(names) if !names.contains(&path.name()) => {
            Some(format!("is not called {}", names.join(" or ")))
        }
        _ => None,
    }
}
