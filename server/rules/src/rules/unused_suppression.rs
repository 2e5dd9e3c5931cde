//! IMG901 unused-suppression

use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(crate) static RULE: Rule = Rule {
    code: "IMG901",
    name: "unused-suppression",
    severity: Severity::Warning,
    what: "Finds suppression comments that suppress nothing. Of rules that are off nobody knows, and of files that do not parse\n\
           nobody can tell: they are left alone.",
    why: "A comment that outlives its reason hides the next mistake on its line.",
    proof: Proof::Later("It is about image-lsp's own comments."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\")  # image-lsp: ignore[IMG103]\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\")\n",
    safety: FixSafety::Safe,
    fix: "It removes the code, or the comment.",
    check: Check::Own,
    ..Rule::BASE
};

/// What is said of codes; none stands for a comment without any.
pub(crate) fn message(codes: &[&str]) -> String {
    match codes {
        [] => "this comment suppresses nothing; remove it".to_owned(),
        [one] => format!("there is no {one} to suppress here; remove it"),
        many => format!("there is none of {} to suppress here; remove them", many.join(", ")),
    }
}
