//! IMG106 stale-lock

use image_manifests::uv_stale;
use image_model::layer::LayerKind;

use crate::manifest::Role;
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
    check: Check::Manifest(|checker, used| {
        let (Role::Project, Some(by)) = (used.role, &used.by) else { return };
        if by.layer.kind != LayerKind::UVProject {
            return;
        }
        let Ok(lock) = by.layer.get("uvlock").path_for("exists") else { return };
        let Ok(text) = checker.fs.read_shared(&checker.world(by.variant).resolve(lock)) else { return };
        let folder = used.read.path.parent();
        let other_settings = folder.is_some_and(|folder| checker.fs.exists(&folder.join("uv.toml")));
        if let Some(found) = uv_stale::difference(&used.read.text, &text, other_settings) {
            let message = format!("{lock} was not made for this project: {}; run uv lock", found.message);
            checker.push(used.finding(&RULE, found.range, message));
        }
    }),
    ..Rule::BASE
};
