//! IMG601 unmounted-reference

use image_manifests::requirements_txt::Kind;
use image_model::layer::LayerKind;

use crate::manifest::{By, Role};
use crate::rule::{Check, Proof, Rule};

pub(super) static RULE: Rule = Rule {
    code: "IMG601",
    name: "unmounted-reference",
    what: "Finds lines in the requirements file of an image that name another local file or folder: `-r`, `-c`, `-e`, paths,\n\
           `file:` addresses, `--find-links`.",
    why: "Only the one file is mounted into the build: what it names is not there.",
    proof: Proof::Uv { error: "No such file or directory" },
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_requirements(Path(__file__).parent / \"requirements.txt\")\n",
    files: &[("requirements.txt", "-r base.txt\nhttpx\n"), ("base.txt", "pandas\n")],
    instead: "import flyte\nfrom pathlib import Path\n\nhere = Path(__file__).parent\nimage = flyte.Image.from_debian_base(name=\"train\").with_requirements(here / \"base.txt\").with_pip_packages(\"httpx\")\n",
    fix: "There is none: write the requirements into the one file, or call `with_requirements` for each.",
    check: Check::Manifest(|checker, used| {
        let (Role::Requirements, Some(by), Some(manifest)) = (used.role, &used.by, &used.read.manifest) else { return };
        if copies_before(by) {
            return;
        }
        for entry in manifest.entries.iter().filter(|e| e.fault.is_none() && e.is_local(&used.read.text)) {
            let value = used.read.text.get(entry.value.clone()).unwrap_or_default();
            let advice = match entry.kind {
                Kind::Include => "; call with_requirements for that file, too",
                Kind::Constraint => "; write the versions into this file",
                Kind::Editable | Kind::Unnamed => "; build a wheel, or use with_uv_project",
                _ => "",
            };
            let message = format!("{value} is not there in the build: of a requirements file only the file itself is mounted{advice}");
            checker.push(used.finding(&RULE, entry.range.clone(), message));
        }
    }),
    ..Rule::BASE
};

/// Whether an earlier layer puts files into the image: what the line names may be among them.
fn copies_before(by: &By<'_>) -> bool {
    let layers = &by.variant.image.layers;
    let before = layers.iter().take_while(|l| !std::ptr::eq(&***l, by.layer));
    let mut kinds = before.filter(|l| l.site.is_some()).map(|l| l.kind);
    kinds.any(|k| matches!(k, LayerKind::CopyConfig | LayerKind::DockerLines | LayerKind::CodeBundleLayer | LayerKind::Commands))
}
