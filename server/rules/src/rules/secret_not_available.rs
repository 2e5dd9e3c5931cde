//! IMG212 secret-not-available

use std::path::Path;

use image_model::secret::Secret;
use image_model::value::Value;

use crate::rule::{Check, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG212",
    name: "secret-not-available",
    severity: Severity::Warning,
    opt_in: true,
    what: "Finds secrets that the local builder would not find on this machine: neither in an environment variable nor in\n\
           `/etc/secrets`.",
    why: "flyte raises FileNotFoundError when it starts the build. The rule is off by default, since it tells of the machine,\n\
          not of the code.",
    proof: Proof::Later("flyte asks for an engine first: `FileNotFoundError: Secret not found in Env Var NO_SUCH_TOKEN or file /etc/secrets/no_such_token`."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"httpx\", secret_mounts=\"no_such_token\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"httpx\")\n",
    fix: "There is none: set the variable, or write the file.",
    check: Check::Call(|checker, _, call| {
        if checker.report.facts.configured_builder() == Some("remote") {
            return;
        }
        for given in call.given("secret_mounts") {
            let all: Vec<(Vec<usize>, &Value)> = match &given.value {
                Value::List(items) | Value::Tuple(items) => items.iter().enumerate().map(|(i, v)| (vec![i], v)).collect(),
                value => vec![(Vec::new(), value)],
            };
            for (place, value) in all {
                let Ok((variable, file)) = Secret::of(value).and_then(|s| s.sources()) else { continue };
                let set = checker.report.facts.variables.contains_key(&variable);
                if !set && !checker.fs.exists(Path::new(&file)) {
                    let message = format!(
                        "the secret is not on this machine: the local builder looks for the environment variable {variable}, \
                         then for {file}"
                    );
                    checker.push(checker.at(&RULE, given, &place, message));
                }
            }
        }
    }),
    ..Rule::BASE
};
