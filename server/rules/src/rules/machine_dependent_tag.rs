//! IMG104 machine-dependent-tag

use image_model::layer::LayerKind;
use image_python::inspect::Variant;

use crate::checker::Checker;
use crate::finding::Finding;
use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG104",
    name: "machine-dependent-tag",
    severity: Severity::Hint,
    what: "Finds images whose tag another machine may not reproduce: source folders with several sub-folders, code bundles of\n\
           the loaded modules, and dates in a script's `exclude-newer`.",
    why: "flyte hashes the sub-folders of a folder in the order in which the file system lists them, which differs between\n\
          machines, file systems and checkouts: CI builds again what a developer has built, under another tag.",
    proof: Proof::Later("Nothing fails; the image is built and pushed once more than needed."),
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_source_folder(Path(__file__).parent / \"src\")\n",
    files: &[("src/a/x.py", "a = 1\n"), ("src/b/x.py", "b = 1\n")],
    instead: "import flyte\nfrom pathlib import Path\n\nsrc = Path(__file__).parent / \"src\"\nimage = (\n    flyte.Image.from_debian_base(name=\"train\")\n    .with_source_folder(src / \"a\", dst=\"src/a\")\n    .with_source_folder(src / \"b\", dst=\"src/b\")\n)\n",
    fix: "There is none.",
    check: Check::Variant(check),
    ..Rule::BASE
};

fn check(checker: &Checker<'_>, variant: &Variant) {
    let world = checker.world(variant);
    for layer in &variant.image.layers {
        let Some(call) = &layer.site else { continue };
        if variant.image.depends_on_order(layer, &world) {
            let message = format!(
                "the tag depends on the order in which this file system lists the sub-folders of what {} copies: another \
                 machine may get another tag; copy each sub-folder by itself, or exclude all but one in .dockerignore",
                call.method
            );
            let parameter = if layer.kind == LayerKind::CopyConfig { "src" } else { "pyproject_file" };
            checker.push(checker.at_parameter(&RULE, call, parameter, message));
        }
        if layer.kind == LayerKind::UVScript
            && variant.unknowns.iter().any(|u| u.reason.starts_with("exclude-newer is a TOML date"))
        {
            let message = "exclude-newer is a TOML date in the script's header: flyte hashes its address in memory, so that every \
                           run gets another tag; write the date in quotes";
            checker.push(checker.at_parameter(&RULE, call, "script", message));
        }
    }
    // Bundles are taken out of the image as it is deployed: the call tells of them.
    for call in variant.image.calls.iter().filter(|c| c.method == "with_code_bundle") {
        let style = call.given("copy_style").next().map(|g| g.value.clone());
        if style.is_none_or(|s| s == "loaded_modules".into()) {
            let message = "with --copy-style none the tag covers the modules that happen to be loaded when flyte is run; use \
                           copy_style=\"all\", or with_source_folder";
            checker.push(Finding::new(&RULE, call.site.clone(), message));
        }
    }
}
