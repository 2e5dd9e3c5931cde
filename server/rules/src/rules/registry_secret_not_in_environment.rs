//! IMG313 registry-secret-not-in-environment

use image_model::value::Value;
use image_python::inspect::Use;

use crate::checker::Checker;
use crate::finding::{Finding, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG313",
    name: "registry-secret-not-in-environment",
    severity: Severity::Warning,
    what: "Finds images with `registry_secret=`, in an environment whose `secrets` do not name the same secret.",
    why: "The secret of the image is for the build. For the pod to pull the image, the environment has to have it, too.",
    proof: Proof::Later("The image is built, and the pod fails with ImagePullBackOff."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", registry=\"ghcr.io/acme\", registry_secret=\"pull\")\nenv = flyte.TaskEnvironment(name=\"train\", image=image)\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", registry=\"ghcr.io/acme\", registry_secret=\"pull\")\nenv = flyte.TaskEnvironment(name=\"train\", image=image, secrets=\"pull\")\n",
    safety: FixSafety::Unsafe,
    fix: "Where the environment has no secrets it gives it the secret.",
    check: Check::File(|checker| {
        for image in &checker.report.images {
            for variant in &image.variants {
                let Value::Secret(secret) = &variant.image.registry_secret else { continue };
                let Ok(key) = secret.key.str() else { continue };
                for environment in image.environments.iter().filter(|e| names(&e.secrets, &key) == Some(false)) {
                    let message = format!(
                        "the image's registry_secret {key} is not among the secrets of this environment: its pods cannot pull the \
                         image; add it to secrets"
                    );
                    let mut found = Finding::new(&RULE, environment.image.clone(), message);
                    let given = variant.image.calls.iter().flat_map(|c| c.given("registry_secret")).last();
                    if let Some(given) = given {
                        found = found.related(given.site.clone(), "the secret is given here");
                    }
                    checker.push(found.fix(fix(checker, environment, &key)));
                }
            }
        }
    }),
    ..Rule::BASE
};

/// Whether secrets name a key; `None` where they are not known.
fn names(secrets: &Value, key: &str) -> Option<bool> {
    match secrets {
        Value::None => Some(false),
        Value::Str(text) => Some(&**text == key),
        Value::Secret(secret) => Some(secret.key.str().ok()? == key),
        Value::List(items) | Value::Tuple(items) => {
            let all: Option<Vec<bool>> = items.iter().map(|item| names(item, key)).collect();
            Some(all?.contains(&true))
        }
        _ => None,
    }
}

fn fix(checker: &Checker<'_>, environment: &Use, key: &str) -> Option<Fix> {
    let source = checker.source(&environment.call.path)?;
    let call = source.call_at(&environment.call)?;
    if call.keyword("secrets").is_some() {
        return None;
    }
    Fix::unsafe_("add the secret", vec![call.add_keyword("secrets", &source.string(key))])
}
