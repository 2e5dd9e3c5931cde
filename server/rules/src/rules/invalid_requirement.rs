//! IMG209 invalid-requirement

use image_model::origin::Given;

use super::packages;
use crate::checker::Checker;
use crate::finding::{Edit, Fix};
use crate::requirement::{Trouble, trouble};
use crate::rule::{Check, FixSafety, Proof, Rule};
use crate::source::written_here;

pub(super) static RULE: Rule = Rule {
    code: "IMG209",
    name: "invalid-requirement",
    what: "Finds arguments of `with_pip_packages` that are no PEP 508 requirement, address, path or option:\n\
           `\"numpy pandas\"`, `\"numpy=1\"`.",
    why: "flyte quotes each argument for the shell, so that uv gets it as one requirement, and refuses it in the build.",
    proof: Proof::Uv { error: "Failed to parse" },
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"numpy pandas\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"numpy\", \"pandas\")\n",
    safety: FixSafety::Safe,
    fix: "Several requirements become several arguments, and `=` becomes `==`.",
    check: Check::Call(|checker, variant, call| {
        // Before flyte quoted them, several words were several requirements.
        let quotes = variant.environment.release.behaviours.quotes_packages;
        for (given, text) in packages(call) {
            let Some(trouble) = trouble(text) else { continue };
            if !quotes && matches!(trouble, Trouble::Several(_)) {
                continue;
            }
            let why = match &trouble {
                Trouble::Several(words) => format!("{} requirements in one argument", words.len()),
                Trouble::SingleEquals(_) => "= is no operator".to_owned(),
                Trouble::Invalid(why) => (*why).to_owned(),
            };
            let advice = match &trouble {
                Trouble::Several(_) => "make each an argument of its own",
                Trouble::SingleEquals(_) => "write ==",
                Trouble::Invalid(_) => "write it as PEP 508 has it",
            };
            let message = format!("{text:?} is no requirement, {why}: uv refuses it in the build; {advice}");
            let fix = fix(checker, given, &trouble);
            checker.push(checker.at(&RULE, given, &[], message).fix(fix));
        }
    }),
    ..Rule::BASE
};

fn fix(checker: &Checker<'_>, given: &Given, trouble: &Trouble) -> Option<Fix> {
    let site = written_here(given, &[])?;
    let source = checker.source(&site.path)?;
    let literal = source.literal(site)?;
    match trouble {
        Trouble::SingleEquals(at) => {
            let part = literal.part(*at..*at);
            Fix::safe("write ==", vec![Edit::replace(&part, "=")])
        }
        Trouble::Several(words) => {
            let text = source.text(site.range());
            let quote = text.chars().next()?;
            let parts: Vec<String> = words.iter().map(|w| format!("{quote}{w}{quote}")).collect();
            let bare = given.site == *site && !text.starts_with("\"\"\"") && !text.starts_with("'''");
            bare.then(|| Fix::safe("split it into arguments", vec![Edit::replace(site, parts.join(", "))]))?
        }
        Trouble::Invalid(_) => None,
    }
}
