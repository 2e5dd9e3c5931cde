//! IMG107 large-context

use std::path::Path;
use std::sync::Arc;

use image_model::context::Item;
use image_model::layer::Layer;
use image_python::inspect::Variant;

use crate::checker::Checker;
use crate::finding::{Edit, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG107",
    name: "large-context",
    severity: Severity::Hint,
    what: "Finds source folders that are large (over 50 MB, or what `large-context` says), or that hold .git, virtual\n\
           environments or caches which no .dockerignore excludes.",
    why: "All of it is hashed for the tag, sent to the engine and copied into the image. Importing a module writes to\n\
          `__pycache__`, which then changes the tag.",
    proof: Proof::Later("Nothing fails; builds are slow, and images large."),
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_source_folder(Path(__file__).parent / \"src\")\n",
    files: &[("src/x.py", "x = 1\n"), ("src/.venv/pyvenv.cfg", "home = /usr\n"), ("docker/.dockerignore", ".venv\n")],
    instead: "import flyte\nfrom pathlib import Path\n\nhere = Path(__file__).parent\nimage = (\n    flyte.Image.from_debian_base(name=\"train\")\n    .with_dockerignore(here / \"docker/.dockerignore\")\n    .with_source_folder(here / \"src\")\n)\n",
    safety: FixSafety::Unsafe,
    fix: "It adds the folder to the ignore file that holds for the image: that of `with_dockerignore`, or the `.dockerignore` in\n\
          flyte's root folder.",
    check: Check::Variant(check),
    ..Rule::BASE
};

/// Folders that no image needs.
const USELESS: &[&str] =
    &[".git", ".venv", "venv", "__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", "node_modules", ".tox"];

fn check(checker: &Checker<'_>, variant: &Variant) {
    let Some(dockerfile) = &variant.dockerfile else { return };
    let world = checker.world(variant);
    for item in &dockerfile.context {
        let Item::Folder { source, .. } = item else { continue };
        let Ok(files) = variant.environment.folders.get().files(item, &world) else { continue };
        let mut size = 0_u64;
        let mut useless: Option<&str> = None;
        for (target, _, bytes) in files.iter() {
            size += bytes;
            let found = USELESS.iter().copied().find(|u| target.split('/').rev().skip(1).any(|part| part == *u));
            useless = useless.or(found);
        }
        let limit = checker.settings.large_context();
        let (message, fix) = match useless {
            Some(folder) => (
                format!("{source} holds {folder}, which is hashed and copied into the image; exclude it in a .dockerignore"),
                exclude(checker, variant, folder),
            ),
            None if size > limit => (
                format!(
                    "{source} has {}: all of it is hashed, sent to the engine and copied into the image; exclude what is not \
                     needed in a .dockerignore",
                    shown(size)
                ),
                None,
            ),
            None => continue,
        };
        let given = variant.image.layers.iter().filter_map(|l| copies(l, source.as_str())).next();
        let Some((call, parameter)) = given else { continue };
        checker.push(checker.at_parameter(&RULE, call, parameter, message).fix(fix));
    }
}

/// The call that copies a folder, and the parameter that names it.
fn copies<'l>(layer: &'l Layer, folder: &str) -> Option<(&'l image_model::origin::CallSite, &'static str)> {
    let call = layer.site.as_deref()?;
    let of = |field: &str| layer.get(field).path_for("exists").ok().cloned();
    if of("src").is_some_and(|p| p.as_str() == folder) {
        return Some((call, "src"));
    }
    let project = of("pyproject").is_some_and(|p| p.parent().as_str() == folder);
    project.then_some((call, "pyproject_file"))
}

fn shown(size: u64) -> String {
    match size {
        size if size >= 1_000_000_000 => format!("{}.{} GB", size / 1_000_000_000, size / 100_000_000 % 10),
        size => format!("{} MB", size / 1_000_000),
    }
}

fn exclude(checker: &Checker<'_>, variant: &Variant, name: &str) -> Option<Fix> {
    let world = checker.world(variant);
    // The context is filtered by one ignore file, wherever the copied folder lies.
    let path: Arc<Path> = match variant.image.dockerignore() {
        Ok(Some(path)) => world.resolve(&path).into(),
        _ => Path::new(variant.environment.root_dir.as_ref()?).join(".dockerignore").into(),
    };
    let text = checker.fs.read_text(&path).unwrap_or_default();
    let start = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    let line = if name == "__pycache__" || name.ends_with("_cache") { format!("**/{name}") } else { name.to_owned() };
    Fix::unsafe_(format!("exclude {name} in .dockerignore"), vec![Edit::insert(&path, text.len(), format!("{start}{line}\n"))])
}
