//! IMG405 prereleases-for-all

use image_model::value::Value;

use super::packages;
use crate::finding::Finding;
use crate::requirement;
use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG405",
    name: "prereleases-for-all",
    severity: Severity::Warning,
    opt_in: true,
    what: "Finds `pre=True` on a layer with requirements that are not pinned.",
    why: "It allows pre-releases of all packages and of everything that they need, not only of the one that it is meant for.",
    proof: Proof::Later("Nothing fails."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"flyte==2.13.0b1\", \"pandas\", pre=True)\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"flyte==2.13.0b1\").with_pip_packages(\"pandas\")\n",
    fix: "There is none: a requirement that names a pre-release needs no `pre=True`.",
    check: Check::Call(|checker, _, call| {
        for given in call.given("pre").filter(|g| g.value == Value::Bool(true)) {
            let loose: Vec<&str> = packages(call)
                .map(|(_, text)| text)
                .filter(|text| requirement::name(text).is_some() && !requirement::is_pinned(text))
                .collect();
            if !loose.is_empty() {
                let message = format!("pre=True allows pre-releases of {} and of all that they need", loose.join(", "));
                checker.push(Finding::new(&RULE, given.site.clone(), message));
            }
        }
    }),
    ..Rule::BASE
};
