//! IMG106 stale-lock

use image_manifests::uv_stale;
use image_model::layer::LayerKind;

use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG106",
    name: "stale-lock",
    severity: Severity::Warning,
    what: "Finds a uv.lock that was not made for the pyproject.toml beside it: other requirements, another\n\
           `requires-python`, another version.",
    why: "`uv sync` in the build then resolves the project anew, or refuses with `--locked` and `--frozen`: what is installed is\n\
          not what was locked.",
    proof: Proof::Uv { error: "needs to be updated" },
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_uv_project(Path(__file__).parent / \"pyproject.toml\")\n",
    files: &[
        ("pyproject.toml", "[project]\nname = \"train\"\nversion = \"1\"\nrequires-python = \">=3.11\"\ndependencies = []\n"),
        ("uv.lock", "version = 1\nrequires-python = \">=3.10\"\n\n[[package]]\nname = \"train\"\nversion = \"1\"\nsource = { virtual = \".\" }\n"),
        ("fresh/pyproject.toml", "[project]\nname = \"train\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = []\n"),
        ("fresh/uv.lock", "version = 1\nrequires-python = \">=3.10\"\n\n[[package]]\nname = \"train\"\nversion = \"1\"\nsource = { virtual = \".\" }\n"),
    ],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_uv_project(Path(__file__).parent / \"fresh/pyproject.toml\")\n",
    fix: "There is none: run `uv lock` in the project.",
    check: Check::Variant(|checker, variant| {
        let world = checker.world(variant);
        for layer in variant.image.layers.iter().filter(|l| l.kind == LayerKind::UVProject) {
            let Some(call) = &layer.site else { continue };
            let paths = (layer.get("pyproject").path_for("exists"), layer.get("uvlock").path_for("exists"));
            let (Ok(project), Ok(lock)) = paths else { continue };
            let read = |path| checker.fs.read_text(&world.resolve(path)).ok();
            let (Some(project_text), Some(lock_text)) = (read(project), read(lock)) else { continue };
            let Some(difference) = uv_stale::difference(&project_text, &lock_text) else { continue };
            let message = format!("{lock} was not made for {project}: {difference}; run uv lock");
            let parameter = if call.given("uvlock").next().is_some() { "uvlock" } else { "pyproject_file" };
            checker.push(checker.at_parameter(&RULE, call, parameter, message));
        }
    }),
    ..Rule::BASE
};
