//! IMG213 dockerfile-with-remote-builder

use crate::finding::Finding;
use crate::rule::{Check, Proof, Rule};

pub(super) static RULE: Rule = Rule {
    code: "IMG213",
    name: "dockerfile-with-remote-builder",
    what: "Finds `from_dockerfile` while flyte's configuration chooses the remote builder.",
    why: "The remote builder takes no Dockerfile and raises ImageBuildError at the build.",
    proof: Proof::Flyte {
        stage: image_python::inspect::Stage::Build,
        error: "ImageBuildError: Custom Dockerfile is not supported with remote image builder.",
    },
    example: "import flyte\nfrom pathlib import Path\n\nimage = flyte.Image.from_dockerfile(\n    Path(__file__).parent / \"Dockerfile\", registry=\"ghcr.io/acme\", name=\"train\"\n)\n",
    files: &[("config.yaml", "image:\n  builder: remote\n"), ("Dockerfile", "FROM debian:12\n")],
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", registry=\"ghcr.io/acme\").with_apt_packages(\"git\")\n",
    fix: "There is none: use the local builder, or say in Python what the Dockerfile says.",
    check: Check::Call(|checker, _, call| {
        if call.method == "from_dockerfile" && checker.report.facts.configured_builder() == Some("remote") {
            let message = "the configured builder is the remote one, which takes no Dockerfile: flyte raises ImageBuildError at \
                           the build";
            checker.push(Finding::new(&RULE, call.site.clone(), message));
        }
    }),
    ..Rule::BASE
};
