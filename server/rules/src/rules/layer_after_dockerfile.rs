//! IMG001 layer-after-dockerfile

use image_model::error::Cause;

use super::called;
use crate::rule::{Check, Rule, Severity, definition_errors};

pub(super) static RULE: Rule = Rule {
    code: "IMG001",
    name: "layer-after-dockerfile",
    severity: Severity::Error,
    since: "0.1.0",
    what: "Finds a layer on an image that comes from `Image.from_dockerfile`, also through `clone(extendable=True)`.",
    why: "flyte does not look into the Dockerfile, so it cannot know what a layer would build on: `with_*` raises\nValueError when the module is imported.",
    example: "import flyte\n\nimage = flyte.Image.from_dockerfile(\"Dockerfile\", registry=\"ghcr.io/acme\", name=\"train\").with_apt_packages(\"git\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_dockerfile(\"Dockerfile\", registry=\"ghcr.io/acme\", name=\"train\")\n",
    fix: "There is none: the layer has to be written into the Dockerfile.",
    covers: |error| matches!(error.raised.cause, Cause::FromDockerfile),
    check: Check::Variant(|variant, findings| {
        definition_errors(&RULE, variant, findings, |error| {
            format!(
                "{} on an image that is built from a Dockerfile: flyte raises {} when the module is imported; write it into the Dockerfile",
                called(error),
                error.raised.exception
            )
        })
    }),
};
