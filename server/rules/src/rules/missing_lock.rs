//! IMG105 missing-lock

use image_model::layer::LayerKind;

use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG105",
    name: "missing-lock",
    severity: Severity::Warning,
    what: "Finds `with_uv_project` on a project without uv.lock. A missing poetry.lock is an error, IMG101.",
    why: "uv then resolves the project anew in every build: two builds of one tag can hold different packages. The lock that\n\
          flyte's own call of uv may leave behind changes the tag of the next run.",
    proof: Proof::Later("Nothing fails."),
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_uv_project(Path(__file__).parent / \"project/pyproject.toml\")\n",
    files: &[
        ("project/pyproject.toml", "[project]\nname = \"train\"\nversion = \"1\"\ndependencies = []\n"),
        ("locked/pyproject.toml", "[project]\nname = \"train\"\nversion = \"1\"\nrequires-python = \">=3.10\"\ndependencies = []\n"),
        ("locked/uv.lock", "version = 1\nrequires-python = \">=3.10\"\n\n[[package]]\nname = \"train\"\nversion = \"1\"\nsource = { virtual = \".\" }\n"),
    ],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_uv_project(Path(__file__).parent / \"locked/pyproject.toml\")\n",
    fix: "There is none: run `uv lock` in the project.",
    check: Check::Variant(|checker, variant| {
        let world = checker.world(variant);
        for layer in variant.image.layers.iter().filter(|l| l.kind == LayerKind::UVProject) {
            let Some(call) = &layer.site else { continue };
            let Ok(project) = layer.get("pyproject").path_for("exists") else { continue };
            if !layer.get("uvlock").is_none() || !world.exists(project) {
                continue;
            }
            let message = format!("there is no uv.lock beside {project}: each build resolves the project anew; run uv lock");
            checker.push(checker.at_parameter(&RULE, call, "pyproject_file", message));
        }
    }),
    ..Rule::BASE
};
