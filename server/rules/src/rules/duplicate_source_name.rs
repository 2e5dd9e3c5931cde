//! IMG009 duplicate-source-name

use image_model::error::Cause;
use image_python::inspect::Stage;

use super::raises;
use crate::checker::definition_errors;
use crate::rule::{Check, Proof, Rule, caused_by};

pub(super) static RULE: Rule = Rule {
    code: "IMG009",
    name: "duplicate-source-name",
    what: "Finds `with_source_file([…])` with files of the same name.",
    why: "They would overwrite each other in the image. flyte raises ValueError when the module is imported.",
    proof: Proof::Flyte {
        stage: Stage::Import,
        error: "ValueError: Multiple files with the same name would overwrite each other at destination '.': ['main.py']",
    },
    example: "import flyte\nfrom pathlib import Path\n\nhere = Path(__file__).parent\nimage = flyte.Image.from_debian_base(name=\"train\").with_source_file([here / \"a/main.py\", here / \"b/main.py\"])\n",
    files: &[("a/main.py", "a = 1\n"), ("b/main.py", "b = 1\n")],
    instead: "import flyte\nfrom pathlib import Path\n\nhere = Path(__file__).parent\nimage = (\n    flyte.Image.from_debian_base(name=\"train\")\n    .with_source_file(here / \"a/main.py\", dst=\"a/\")\n    .with_source_file(here / \"b/main.py\", dst=\"b/\")\n)\n",
    fix: "There is none: where the files should go is yours to say.",
    covers: caused_by!(Cause::DuplicateSource),
    check: Check::Variant(|checker, variant| {
        definition_errors(checker, &RULE, variant, |error, found| {
            found.message(format!(
                "files of the same name would overwrite each other: {} ({}); copy them to different folders with dst",
                raises(error),
                error.raised.message
            ))
        });
    }),
    ..Rule::BASE
};
