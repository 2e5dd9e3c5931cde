//! IMG310 unknown-image-ref

use image_model::error::Cause;

use crate::finding::Finding;
use crate::rule::{Check, Proof, Rule, Severity, caused_by};

pub(super) static RULE: Rule = Rule {
    code: "IMG310",
    name: "unknown-image-ref",
    severity: Severity::Warning,
    what: "Finds `from_ref_name(\"x\")` where flyte's configuration file has no image of that name.",
    why: "flyte looks the name up when it deploys, and raises InvalidImageNameError. `--image x=…` on the command line would\n\
          give the name a meaning, which is why this is a warning.",
    proof: Proof::Flyte { stage: image_python::inspect::Stage::Build, error: "InvalidImageNameError: Image name 'gpu' not found in config. Available: ['cpu']" },
    example: "import flyte\n\nimage = flyte.Image.from_ref_name(\"gpu\")\n",
    files: &[("config.yaml", "image:\n  image_refs:\n    cpu: ghcr.io/acme/cpu:1\n")],
    instead: "import flyte\n\nimage = flyte.Image.from_ref_name(\"cpu\")\n",
    fix: "There is none.",
    covers: caused_by!(Cause::UnknownReference { .. }),
    check: Check::Variant(|checker, variant| {
        let Some(config) = &checker.report.facts.config else { return };
        for error in variant.errors.iter().filter(|e| (RULE.covers)(e)) {
            let Cause::UnknownReference { name, available } = &error.raised.cause else { continue };
            let has = if available.is_empty() { "it has none".to_owned() } else { format!("it has {}", available.join(", ")) };
            let message = format!(
                "{} has no image called {name}: flyte raises {} when it deploys; {has}",
                config.path.display(),
                error.raised.exception
            );
            let given = variant.image.origin.as_ref().and_then(|o| o.given("name").next());
            checker.push(match given {
                Some(given) => checker.at(&RULE, given, &[], message),
                None => Finding::new(&RULE, error.site.clone(), message),
            });
        }
    }),
    ..Rule::BASE
};
