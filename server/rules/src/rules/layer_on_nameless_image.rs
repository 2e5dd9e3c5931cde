//! IMG003 layer-on-nameless-image

use image_model::error::Cause;

use super::called;
use crate::rule::{Check, Rule, Severity, definition_errors};

pub(super) static RULE: Rule = Rule {
    code: "IMG003",
    name: "layer-on-nameless-image",
    severity: Severity::Error,
    since: "0.1.0",
    what: "Finds a layer on an extendable image that has no name.",
    why: "The address of a changed image is made of its name: `with_*` raises ValueError (`Cannot add additional layer … to an\nimage without name`) when the module is imported.",
    example: "import flyte\n\nimage = flyte.Image.from_base(\"debian:12\").clone(extendable=True).with_apt_packages(\"git\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_base(\"debian:12\").clone(name=\"tools\", extendable=True).with_apt_packages(\"git\")\n",
    fix: "There is none yet.",
    covers: |error| matches!(error.raised.cause, Cause::Nameless),
    check: Check::Variant(|variant, findings| {
        definition_errors(&RULE, variant, findings, |error| {
            format!(
                "{} on an image without a name: flyte raises {} when the module is imported; give `clone` a `name=`",
                called(error),
                error.raised.exception
            )
        })
    }),
};
