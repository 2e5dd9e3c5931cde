//! IMG401 unpinned-requirement

use std::path::Path;

use image_python::inspect::Variant;
use image_python::project::installed_version;

use super::packages;
use crate::checker::Checker;
use crate::finding::Fix;
use crate::requirement;
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG401",
    name: "unpinned-requirement",
    severity: Severity::Warning,
    opt_in: true,
    what: "Finds requirements that allow more than one version.",
    why: "The tag does not change when a new version comes out: two images of one tag can hold different packages, depending on\n\
          when they were built.",
    proof: Proof::Later("Nothing fails."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"httpx\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"httpx==0.28.1\")\n",
    safety: FixSafety::Unsafe,
    fix: "It pins to the version that is installed in the project's environment.",
    check: Check::Call(|checker, variant, call| {
        for (given, text) in packages(call) {
            let Some(name) = requirement::name(text) else { continue };
            if requirement::is_pinned(text) || requirement::trouble(text).is_some() {
                continue;
            }
            let fix = || {
                let version = installed(checker, variant, &name)?;
                let literal = checker.literal(given, &[])?;
                let plain = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '[' | ']'));
                plain.then(|| Fix::unsafe_(format!("pin to {version}"), vec![literal.with(&format!("{text}=={version}"))?]))?
            };
            let message = format!("{text} allows more than one version: which one is installed depends on when the image is built");
            checker.push(checker.at(&RULE, given, &[], message).fix(fix()));
        }
    }),
    ..Rule::BASE
};

/// The version of a package in the environment in which flyte is installed.
fn installed(checker: &Checker<'_>, variant: &Variant, name: &str) -> Option<String> {
    let folder = variant.environment.site_packages.as_ref()?;
    installed_version(Path::new(folder), name, checker.fs)
}
