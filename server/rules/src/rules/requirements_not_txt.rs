//! IMG004 requirements-not-txt

use image_model::error::Cause;

use crate::rule::{Check, Rule, Severity, definition_errors};

pub(super) static RULE: Rule = Rule {
    code: "IMG004",
    name: "requirements-not-txt",
    severity: Severity::Error,
    since: "0.1.0",
    what: "Finds `with_requirements` on a file whose suffix is not exactly `.txt`.",
    why: "`with_requirements` raises ValueError (`Requirements file … must have a .txt extension`) when the module is imported.",
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_requirements(\"requirements.in\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"httpx\")\n",
    fix: "There is none yet.",
    covers: |error| matches!(error.raised.cause, Cause::NotTxt { .. }),
    check: Check::Variant(|variant, findings| definition_errors(&RULE, variant, findings, not_txt)),
};

fn not_txt(error: &image_python::inspect::StageError) -> String {
    let Cause::NotTxt { path } = &error.raised.cause else { return String::new() };
    let instead = match path.rsplit('/').next().unwrap_or(path) {
        "pyproject.toml" | "uv.lock" => "use with_uv_project for a project",
        "poetry.lock" => "use with_poetry_project for a project",
        "pixi.toml" | "pixi.lock" => "use with_pixi_project for a project",
        _ => "rename the file",
    };
    format!(
        "{path} is no .txt file: flyte raises {} when the module is imported; {instead}",
        error.raised.exception
    )
}
