//! IMG307 dropped-registry-secret

use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG307",
    name: "dropped-registry-secret",
    severity: Severity::Warning,
    what: "Finds `registry_secret=` where flyte ignores it: `from_debian_base` without `registry` and `name`.",
    why: "The constructor passes it on only when it makes a clone, for a registry or a name. Without, the secret is dropped\n\
          silently, and the pod cannot pull a private image.",
    proof: Proof::Later("Nothing fails: the image has no secret."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(registry_secret=\"pull\").with_pip_packages(\"httpx\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(registry_secret=\"pull\", name=\"train\").with_pip_packages(\"httpx\")\n",
    fix: "There is none: give the image a name or a registry.",
    check: Check::Variant(|checker, variant| {
        if variant.image.opaque.is_some() || !variant.image.registry_secret.is_none() {
            return;
        }
        for call in &variant.image.calls {
            for given in call.given("registry_secret").filter(|g| g.value.truthy() == Ok(true)) {
                let message = "flyte drops this secret, since neither registry nor name is given: pods cannot pull a private image; \
                               give one of them";
                checker.push(checker.at(&RULE, given, &[], message));
            }
        }
    }),
    ..Rule::BASE
};
