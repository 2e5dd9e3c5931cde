//! IMG002 layer-on-frozen-image

use image_model::error::Cause;

use super::called;
use crate::rule::{Check, Rule, Severity, definition_errors};

pub(super) static RULE: Rule = Rule {
    code: "IMG002",
    name: "layer-on-frozen-image",
    severity: Severity::Error,
    since: "0.1.0",
    what: "Finds a layer on an image that takes none: one of `from_base` or `from_ref_name`, or a clone of it without\n`extendable=True`.",
    why: "`with_*` raises ValueError (`Cannot add additional layers to a non-extendable image`) when the module is imported.",
    example: "import flyte\n\nimage = flyte.Image.from_base(\"debian:12\").with_apt_packages(\"git\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_base(\"debian:12\").clone(name=\"tools\", extendable=True).with_apt_packages(\"git\")\n",
    fix: "There is none yet.",
    covers: |error| matches!(error.raised.cause, Cause::NotExtendable),
    check: Check::Variant(|variant, findings| {
        definition_errors(&RULE, variant, findings, |error| {
            format!(
                "{} on an image that takes no layers: flyte raises {} when the module is imported; put `.clone(name=\"…\", extendable=True)` before it",
                called(error),
                error.raised.exception
            )
        })
    }),
};
