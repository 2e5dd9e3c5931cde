//! IMG001 layer-after-dockerfile

use image_model::error::Cause;
use image_python::inspect::Stage;

use super::{called, raises};
use crate::checker::definition_errors;
use crate::rule::{Check, Proof, Rule, caused_by};

pub(super) static RULE: Rule = Rule {
    code: "IMG001",
    name: "layer-after-dockerfile",
    what: "Finds `with_…` methods, and `clone` with a layer, on images that come from `from_dockerfile`, also through\n\
           `clone(extendable=True)`.",
    why: "flyte cannot add layers to a Dockerfile of one's own and raises ValueError when the module is imported, on the\n\
          machine that deploys and again in the container.",
    proof: Proof::Flyte {
        stage: Stage::Import,
        error: "ValueError: Cannot add additional layers to a non-extendable image.",
    },
    files: &[("Dockerfile", "FROM debian:12\n")],
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_dockerfile(\n    Path(__file__).parent / \"Dockerfile\", registry=\"ghcr.io/acme\", name=\"train\"\n).with_pip_packages(\"httpx\")\n",
    instead: "import flyte\nfrom pathlib import Path\n\n# with `RUN pip install httpx` in the Dockerfile\nimage = flyte.Image.from_dockerfile(\n    Path(__file__).parent / \"Dockerfile\", registry=\"ghcr.io/acme\", name=\"train\"\n)\n",
    fix: "There is none: what the layer does belongs into the Dockerfile.",
    covers: caused_by!(Cause::FromDockerfile),
    check: Check::Variant(|checker, variant| {
        definition_errors(checker, &RULE, variant, |error, found| {
            found.message(format!(
                "{} on an image that is built from a Dockerfile: {}; write what it does into the Dockerfile",
                called(error),
                raises(error)
            ))
        });
    }),
    ..Rule::BASE
};
