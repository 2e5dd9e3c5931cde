//! IMG105 missing-lock

use image_model::layer::LayerKind;

use crate::manifest::Role;
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
    check: Check::Manifest(|checker, used| {
        let (Role::Project, Some(by), Some(manifest)) = (used.role, &used.by, &used.read.manifest) else { return };
        let is_locked = !by.layer.get("uvlock").is_none();
        if by.layer.kind != LayerKind::UVProject || is_locked || !manifest.faults.is_empty() {
            return;
        }
        let message =
            format!("there is no uv.lock beside {}: each build resolves the project anew; run uv lock", used.shown);
        let found = checker.at_parameter(&RULE, by.call, "pyproject_file", message);
        let name = manifest.source.as_ref().and_then(|s| s.key(&["project", "name"]));
        checker.push(found.related(used.read.site(name.unwrap_or(0..0)), "the project that is not locked"));
    }),
    ..Rule::BASE
};
