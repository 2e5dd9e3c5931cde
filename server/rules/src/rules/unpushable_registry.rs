//! IMG205 unpushable-registry

use image_model::value::Value;

use crate::knowledge::FOREIGN_REGISTRIES;
use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG205",
    name: "unpushable-registry",
    severity: Severity::Warning,
    what: "Finds registries that belong to somebody else: `ghcr.io/flyteorg`, `docker.io/library` and the like.",
    why: "The image is built, and the push is denied; or, with the remote builder, the pod cannot pull what never came there.",
    proof: Proof::Later("The registry answers 403 at the push."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", registry=\"ghcr.io/flyteorg\").with_pip_packages(\"httpx\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", registry=\"ghcr.io/acme\").with_pip_packages(\"httpx\")\n",
    fix: "There is none: where your images go is yours to say.",
    check: Check::Call(|checker, _, call| {
        for given in call.given("registry") {
            let Value::Str(text) = &given.value else { continue };
            let text = text.trim_end_matches('/');
            let owner = FOREIGN_REGISTRIES.iter().find(|(registry, _)| {
                text == *registry || text.strip_prefix(registry).is_some_and(|rest| rest.starts_with('/'))
            });
            if let Some((registry, owner)) = owner {
                let message = format!("{registry} is {owner}: the push is denied after the build; use a registry of your own");
                checker.push(checker.at(&RULE, given, &[], message));
            }
        }
    }),
    ..Rule::BASE
};
