//! IMG010 invalid-secret

use image_model::error::Cause;
use image_python::inspect::{Stage, StageError};

use super::raises;
use crate::checker::{Checker, call_of};
use crate::finding::Finding;
use crate::rule::{Check, Proof, Rule, caused_by};

pub(super) static RULE: Rule = Rule {
    code: "IMG010",
    name: "invalid-secret",
    what: "Finds `Secret(mount=…)` with another path than the one that is supported, and keys and `as_env_var` that no\n\
           environment variable can be called.",
    why: "flyte raises ValueError: for `Secret(…)` when the module is imported, for a key given as text when the Dockerfile\n\
          is written.",
    proof: Proof::Flyte {
        stage: Stage::Import,
        error: "ValueError: Invalid environment variable name: pypi-token, must match ^[A-Z_][A-Z0-9_]*$",
    },
    example: "import flyte\n\ntoken = flyte.Secret(\"token\", as_env_var=\"pypi-token\")\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"acme\", secret_mounts=[token])\n",
    instead: "import flyte\n\ntoken = flyte.Secret(\"token\", as_env_var=\"PYPI_TOKEN\")\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"acme\", secret_mounts=[token])\n",
    fix: "There is none: what reads the variable has to know its name.",
    covers: caused_by!(Cause::Secret),
    check: Check::File(|checker| {
        for error in checker.report.errors.iter().filter(|e| e.raised.cause == Cause::Secret) {
            checker.push(finding(error, Finding::new(&RULE, error.site.clone(), "")));
        }
        for variant in checker.report.images.iter().flat_map(|i| &i.variants) {
            for error in variant.errors.iter().filter(|e| e.raised.cause == Cause::Secret) {
                let given = call_of(variant, error).and_then(|c| c.given("secret_mounts").next());
                // Commands as arguments: the name of the secret is a command.
                let is_command = given.is_some_and(|g| !g.keyword) && at_commands(checker, error);
                if !is_command {
                    let empty = || Finding::new(&RULE, error.site.clone(), "");
                    let found = given.map_or_else(empty, |g| checker.at(&RULE, g, &[], ""));
                    checker.push(finding(error, found));
                }
            }
        }
    }),
    ..Rule::BASE
};

fn at_commands(checker: &Checker<'_>, error: &StageError) -> bool {
    let calls = checker.report.images.iter().flat_map(|i| &i.variants).flat_map(|v| &v.image.calls);
    calls.into_iter().any(|c| c.method == "with_commands" && c.site == error.site)
}

fn finding(error: &StageError, found: Finding) -> Finding {
    let advice = if error.raised.message.starts_with("Only") {
        "leave mount out, or use as_env_var"
    } else {
        "use capital letters, digits and underscores"
    };
    found.message(format!("{}: {}; {advice}", raises(error), error.raised.message))
}
