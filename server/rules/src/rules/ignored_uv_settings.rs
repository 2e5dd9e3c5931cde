//! IMG506 ignored-uv-settings

use std::path::PathBuf;

use image_manifests::pins::normalised;
use toml_edit::Item;

use crate::checker::Checker;
use crate::finding::Finding;
use crate::manifest::{By, Role, Used};
use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG506",
    name: "ignored-uv-settings",
    severity: Severity::Warning,
    what: "Finds settings of uv in the header of an image's script, and a lock beside the script, which flyte does not apply:\n\
           sources of packages, indexes, overrides, constraints, what versions are taken.",
    why: "flyte hands the dependencies alone to `uv pip install`. The image gets other packages than `uv run` installs.",
    proof: Proof::Later("Nothing fails."),
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(Path(__file__).parent / \"train.py\", name=\"train\")\n",
    files: &[
        ("train.py", "# /// script\n# dependencies = [\"flyte\"]\n#\n# [tool.uv]\n# exclude-newer = \"2026-01-01T00:00:00Z\"\n# ///\nprint(\"training\")\n"),
        ("good.py", "# /// script\n# dependencies = [\"flyte\"]\n# ///\nprint(\"training\")\n"),
    ],
    instead: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_uv_script(\n    Path(__file__).parent / \"good.py\",\n    name=\"train\",\n    extra_args=\"--exclude-newer 2026-01-01T00:00:00Z\",\n)\n",
    fix: "There is none: pass `index_url`, `extra_index_urls`, `pre` or `extra_args`, or write the versions out.",
    check: Check::Manifest(check),
    ..Rule::BASE
};

/// Settings that decide what is installed, and what takes their place.
const SETTINGS: &[(&str, &str)] = &[
    ("index", "pass index_url or extra_index_urls"),
    ("index-url", "pass index_url"),
    ("extra-index-url", "pass extra_index_urls"),
    ("find-links", "pass extra_args=\"--find-links …\""),
    ("no-index", "pass extra_args=\"--no-index\""),
    ("index-strategy", "pass extra_args=\"--index-strategy …\""),
    ("resolution", "pass extra_args=\"--resolution …\""),
    ("prerelease", "pass pre=True, or extra_args=\"--prerelease …\""),
    ("override-dependencies", "write the versions into the dependencies"),
    ("constraint-dependencies", "write the versions into the dependencies"),
    ("exclude-dependencies", "write the versions into the dependencies"),
    ("exclude-newer", "pass extra_args=\"--exclude-newer …\""),
    ("exclude-newer-package", "write the versions into the dependencies"),
    ("no-binary", "pass extra_args=\"--no-binary …\""),
    ("no-binary-package", "pass extra_args=\"--no-binary …\""),
    ("no-build", "pass extra_args=\"--no-build …\""),
    ("no-build-package", "pass extra_args=\"--no-build …\""),
    ("torch-backend", "pass extra_args=\"--torch-backend …\""),
];

fn check(checker: &Checker<'_>, used: &Used<'_>) {
    let (Role::UvScript, Some(by), Some(manifest)) = (used.role, &used.by, &used.read.manifest) else { return };
    let (Some(header), Some(source)) = (&manifest.header, &manifest.source) else { return };
    let extra_args = by.layer.get("extra_args").str().unwrap_or_default().to_string();
    let is_given = |setting: &str| match setting {
        "index" | "index-url" | "extra-index-url" => {
            ["index_url", "extra_index_urls"].iter().any(|f| by.layer.get(f).truthy() != Ok(false))
        }
        "prerelease" if by.layer.get("pre").truthy() != Ok(false) => true,
        _ => false,
    };
    for (setting, instead) in SETTINGS {
        if source.at(&["tool", "uv", setting]).is_none() || is_given(setting) || extra_args.contains(&format!("--{setting}")) {
            continue;
        }
        let Some(range) = source.key(&["tool", "uv", setting]) else { continue };
        let message = format!("flyte does not apply {setting}: the image gets other packages than uv run; {instead}");
        checker.push(used.finding(&RULE, header.content.range(range), message));
    }
    let sources = source.at(&["tool", "uv", "sources"]).and_then(Item::as_table_like);
    for (name, _) in sources.iter().flat_map(|t| t.iter()) {
        let project = normalised(name);
        if !manifest.dependencies.iter().any(|d| d.name == project) {
            continue;
        }
        let Some(range) = source.key(&["tool", "uv", "sources", name]) else { continue };
        let message = format!("flyte does not apply sources: the image gets {project} from the index; write {project} @ … into the dependencies");
        checker.push(used.finding(&RULE, header.content.range(range), message));
    }
    lock(checker, used, by);
}

/// The lock that `uv lock --script` writes.
fn lock(checker: &Checker<'_>, used: &Used<'_>, by: &By<'_>) {
    let mut path = used.read.path.as_os_str().to_owned();
    path.push(".lock");
    if checker.fs.is_file(&PathBuf::from(path)) {
        let message = format!("flyte does not use {}.lock: the image gets the newest packages that the header allows", used.shown);
        checker.push(Finding::new(&RULE, by.site(), message));
    }
}
