//! IMG902 unknown-rule

use crate::checker::Checker;
use crate::finding::Finding;
use crate::rule::{Check, Proof, Rule, Severity};
use crate::settings::distance;

pub(crate) static RULE: Rule = Rule {
    code: "IMG902",
    name: "unknown-rule",
    severity: Severity::Warning,
    what: "Finds suppression comments and settings that name no rule.",
    why: "They do nothing: the finding that was meant is still there, or a rule that was meant is still off.",
    proof: Proof::Later("It is about image-lsp's own comments and settings."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\")  # image-lsp: ignore[IMG999]\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\")\n",
    fix: "There is none: which rule was meant is yours to say.",
    check: Check::Own,
    ..Rule::BASE
};

/// What is said of a code that no rule has.
pub(crate) fn message(code: &str) -> String {
    let upper = code.to_ascii_uppercase();
    let near = super::ALL.iter().min_by_key(|r| distance(r.code, &upper).min(distance(r.name, code)));
    let near = near.filter(|r| distance(r.code, &upper) <= 1 || distance(r.name, code) <= 3);
    let near = near.map_or_else(String::new, |r| format!("; did you mean {} ({})?", r.code, r.name));
    format!("there is no rule {code}{near}")
}

/// What settings name and no rule is called.
pub(crate) fn in_settings(checker: &Checker<'_>, findings: &mut Vec<Finding>) {
    let Some(severity) = checker.settings.severity(&RULE) else { return };
    for (code, site) in &checker.settings.unknown_rules {
        findings.push(Finding { severity, ..Finding::new(&RULE, site.clone(), message(code)) });
    }
}
