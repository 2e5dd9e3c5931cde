//! IMG005 list-instead-of-arguments

use image_model::error::Cause;

use super::called;
use crate::rule::{Check, Rule, Severity, definition_errors};

pub(super) static RULE: Rule = Rule {
    code: "IMG005",
    name: "list-instead-of-arguments",
    severity: Severity::Error,
    since: "0.1.0",
    what: "Finds a list, or a tuple with a list in it, where flyte wants separate arguments.",
    why: "Layers must be hashable, so flyte raises TypeError (`… field 'packages' contains a list …`) when the module is\nimported.",
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages([\"httpx\", \"pandas\"])\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"httpx\", \"pandas\")\n",
    fix: "There is none yet.",
    covers: |error| matches!(error.raised.cause, Cause::List { .. }),
    check: Check::Variant(|variant, findings| {
        definition_errors(&RULE, variant, findings, |error| {
            format!(
                "a list where {} takes separate values: flyte raises {} when the module is imported; pass the items one by one, or unpack the list with *",
                called(error),
                error.raised.exception
            )
        })
    }),
};
