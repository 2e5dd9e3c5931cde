//! IMG305 path-overridden

use image_model::value::Value;

use crate::finding::Fix;
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG305",
    name: "path-overridden",
    severity: Severity::Warning,
    what: "Finds `PATH` set without `$PATH` in it.",
    why: "The image's virtual environment is found by `PATH`: without it `python` is another one, or none, and the pod fails.",
    proof: Proof::Later("Nothing fails before the pod starts."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_env_vars({\"PATH\": \"/usr/local/cuda/bin\"})\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_env_vars({\"PATH\": \"/usr/local/cuda/bin:$PATH\"})\n",
    safety: FixSafety::Safe,
    fix: "It appends `:$PATH`.",
    check: Check::Call(|checker, _, call| {
        for given in call.given("env_vars").filter(|_| call.method == "with_env_vars") {
            let Value::Dict(pairs) = &given.value else { continue };
            for (i, (key, value)) in pairs.iter().enumerate() {
                let (Value::Str(key), Value::Str(text)) = (key, value) else { continue };
                let keeps = text.contains("$PATH") || text.contains("${PATH");
                if &**key != "PATH" || keeps || text.contains("/opt/venv/bin") {
                    continue;
                }
                let message = "PATH without $PATH loses the image's virtual environment: tasks find another Python, or none; append \
                               :$PATH";
                let fix = || {
                    let literal = checker.literal(given, &[2 * i + 1])?;
                    Fix::safe("append $PATH", vec![literal.with(&format!("{text}:$PATH"))?])
                };
                checker.push(checker.at(&RULE, given, &[2 * i + 1], message).fix(fix()));
            }
        }
    }),
    ..Rule::BASE
};
