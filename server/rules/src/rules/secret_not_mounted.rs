//! IMG314 secret-not-mounted

use std::ops::Range;

use image_model::origin::{CallSite, Given};
use image_model::secret::Secret;
use image_model::value::Value;
use image_python::inspect::Variant;

use super::texts;
use crate::checker::Checker;
use crate::finding::{Edit, Fix};
use crate::knowledge;
use crate::requirement::variables;
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG314",
    name: "secret-not-mounted",
    severity: Severity::Warning,
    what: "Finds `${NAME}` in a requirement, and `$NAME` or `${NAME}` in an index URL, without a secret or environment variable\n\
           of that name in the layer or before; and `$NAME` in a requirement, which never expands.",
    why: "flyte quotes requirements for the shell, and uv expands only `${NAME}`. A variable that is not set is empty: the index\n\
          or the repository refuses, and the build fails.",
    proof: Proof::Later("The build fails where the credential is missing."),
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"acme\", index_url=\"https://ci:$PYPI_TOKEN@pypi.acme.org/simple\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\n    \"acme\", index_url=\"https://ci:$PYPI_TOKEN@pypi.acme.org/simple\", secret_mounts=[\"PYPI_TOKEN\"]\n)\n",
    safety: FixSafety::Unsafe,
    fix: "It mounts a secret of that name, or puts the name in braces.",
    check: Check::Call(|checker, variant, call| {
        if knowledge::base(variant).is_none() || call.is_open {
            return;
        }
        let Some(known) = known(variant, call) else { return };
        let quotes = variant.environment.release.behaviours.quotes_packages;
        for given in &call.arguments {
            let is_requirement = given.parameter == "packages" && call.method == "with_pip_packages";
            let is_address = matches!(given.parameter, "index_url" | "extra_index_urls");
            if !is_requirement && !is_address {
                continue;
            }
            for (items, text) in texts(given) {
                for (name, range) in variables(text, true) {
                    let bare = !text[range.clone()].starts_with("${");
                    if is_requirement && bare && quotes {
                        let message = format!("${name} never expands here: flyte quotes the requirement, and uv expands only ${{{name}}}");
                        let fix = brace(checker, given, &items, name, range);
                        checker.push(checker.at(&RULE, given, &items, message).fix(fix));
                    } else if !known.iter().any(|k| k == name) {
                        let message = format!(
                            "no secret or environment variable called {name} is there when this runs: it is empty, and the build \
                             fails; mount it with secret_mounts"
                        );
                        checker.push(checker.at(&RULE, given, &items, message).fix(mount(checker, call, name)));
                    }
                }
            }
        }
    }),
    ..Rule::BASE
};

/// The variables that are set when a call's layer is built; `None` where they are not all known.
fn known(variant: &Variant, call: &CallSite) -> Option<Vec<String>> {
    let mut names: Vec<String> = ["PATH", "HOME", "VIRTUALENV", "VIRTUAL_ENV", "UV_PYTHON", "PYTHONPATH"].map(str::to_owned).to_vec();
    for given in call.given("secret_mounts") {
        let all = match &given.value {
            Value::List(items) | Value::Tuple(items) => items.to_vec(),
            Value::None => Vec::new(),
            one => vec![one.clone()],
        };
        for value in all {
            names.push(Secret::of(&value).ok()?.as_env_var.str().ok()?);
        }
    }
    for before in variant.image.calls.iter().take_while(|c| c.site != call.site) {
        for given in before.given("env_vars") {
            let Value::Dict(pairs) = &given.value else { return None };
            for (key, _) in pairs.iter() {
                names.push(key.str().ok()?);
            }
        }
        if before.method == "clone" && before.given("addl_layer").next().is_some() {
            return None;
        }
    }
    Some(names)
}

fn brace(checker: &Checker<'_>, given: &Given, items: &[usize], name: &str, range: Range<usize>) -> Option<Fix> {
    let literal = checker.literal(given, items)?;
    Fix::unsafe_(format!("write ${{{name}}}"), vec![Edit::replace(&literal.part(range), format!("${{{name}}}"))])
}

fn mount(checker: &Checker<'_>, call: &CallSite, name: &str) -> Option<Fix> {
    if call.given("secret_mounts").next().is_some() || name.chars().any(|c| c.is_ascii_lowercase()) {
        return None;
    }
    let source = checker.source(&call.site.path)?;
    let written = source.call(call)?;
    let value = format!("[{}]", source.string(name));
    Fix::unsafe_(format!("mount the secret {name}"), vec![written.add_keyword("secret_mounts", &value)])
}
