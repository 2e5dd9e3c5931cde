//! IMG602 invalid-requirement-line

use image_manifests::manifest::{Form, Format};
use image_manifests::requirement::{fault, specifiers_fault};
use image_model::layer::LayerKind;

use crate::checker::Checker;
use crate::manifest::{Role, Used, quoted, tool};
use crate::rule::{Check, Proof, Rule};

pub(super) static RULE: Rule = Rule {
    code: "IMG602",
    name: "invalid-requirement-line",
    what: "Finds lines that uv refuses in the requirements file of an image, and requirements that it refuses in the\n\
           pyproject.toml of one. pip takes some of them: requirements over several lines, `>=1.*`. Also finds manifests\n\
           of projects that are no TOML, those of Poetry and pixi too.",
    why: "The image is built with uv, whose `uv pip install` and `uv sync` end with an error. So do Poetry and pixi.",
    proof: Proof::Uv { error: "Couldn't parse requirement" },
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_requirements(Path(__file__).parent / \"requirements.txt\")\n",
    files: &[("requirements.txt", "httpx=0.27\n"), ("good.txt", "httpx==0.27\n")],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_requirements(Path(__file__).parent / \"good.txt\")\n",
    check: Check::Manifest(|checker, used| match used.role {
        Role::Requirements => requirements(checker, used),
        Role::Project | Role::PixiProject => project(checker, used),
        _ => {}
    }),
    ..Rule::BASE
};

fn requirements(checker: &Checker<'_>, used: &Used<'_>) {
    for entry in used.read.manifest.as_ref().iter().flat_map(|m| &m.entries) {
        let Some(fault) = &entry.fault else { continue };
        let range = entry.range.start + fault.range.start..entry.range.start + fault.range.end;
        let range = if range.is_empty() { entry.range.clone() } else { range };
        checker.push(used.finding(&RULE, range, format!("uv refuses this line: {}", fault.message)));
    }
}

fn project(checker: &Checker<'_>, used: &Used<'_>) {
    let (Some(by), Some(manifest)) = (&used.by, &used.read.manifest) else { return };
    let is_named = Format::of(&used.read.path) == Some(manifest.format);
    if let Some(fault) = manifest.faults.first() {
        // IMG102 tells of those with another name: it is the argument that is wrong.
        if is_named {
            let message = format!("{} cannot read this file: {}", tool(by.layer.kind), fault.message);
            checker.push(used.finding(&RULE, fault.range.clone(), message));
        }
        return;
    }
    if by.layer.kind != LayerKind::UVProject {
        return;
    }
    for dependency in manifest.dependencies.iter().filter(|d| d.form == Form::Requirement) {
        if let Some(fault) = fault(&dependency.text).filter(|f| !f.message.starts_with("relative path")) {
            let message = format!("uv refuses {}: {}", quoted(&dependency.text), fault.message);
            checker.push(used.finding(&RULE, dependency.part(fault.range), message));
        }
    }
    if let Some(required) = &manifest.requires_python
        && let Some(fault) = specifiers_fault(&required.value)
    {
        let message = format!("requires-python = {:?} is no version specifier: {fault}", required.value);
        checker.push(used.finding(&RULE, required.range.clone(), message));
    }
}
