//! IMG402 floating-base

use image_model::value::Value;

use crate::knowledge;
use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG402",
    name: "floating-base",
    severity: Severity::Warning,
    opt_in: true,
    what: "Finds base images without a tag, or with `:latest`.",
    why: "The base changes while the tag of the image stays: two builds of one tag are different images.",
    proof: Proof::Later("Nothing fails."),
    example: "import flyte\n\nimage = flyte.Image.from_base(\"debian:latest\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_base(\"debian:12.11\")\n",
    fix: "There is none: which version is wanted is yours to say.",
    check: Check::Call(|checker, _, call| {
        for given in call.given("image_uri").chain(call.given("base_image")) {
            let Value::Str(text) = &given.value else { continue };
            let (_, tag) = knowledge::parts(text);
            if !text.contains('@') && matches!(tag, "" | "latest") && !text.is_empty() {
                let message = format!("{text} is another image whenever it is pushed anew; name a version or a digest");
                checker.push(checker.at(&RULE, given, &[], message));
            }
        }
    }),
    ..Rule::BASE
};
