//! IMG208 empty-layer

use image_model::origin::{CallSite, Site};
use image_model::value::Value;

use super::receiver_end;
use crate::checker::Checker;
use crate::finding::{Edit, Finding, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule, Severity};

pub(super) static RULE: Rule = Rule {
    code: "IMG208",
    name: "empty-layer",
    severity: Severity::Warning,
    what: "Finds layers that install or run nothing: `with_pip_packages()`, `with_apt_packages()`, `with_commands([])`.",
    why: "`uv pip install` without a package fails in the build. With an empty layer of apt packages or commands in an\n\
          environment, `flyte deploy` fails before the build, with `ValueError: not enough values to unpack`.",
    proof: Proof::Uv { error: "the following required arguments were not provided" },
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages().with_apt_packages(\"git\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_apt_packages(\"git\")\n",
    safety: FixSafety::Safe,
    fix: "It takes the call away.",
    check: Check::Call(|checker, _, call| {
        if call.is_open {
            return;
        }
        let none = |parameter| call.given(parameter).next().is_none();
        let empty = match call.method {
            // An option may name what is to be installed.
            "with_pip_packages" => none("packages") && none("extra_args"),
            "with_apt_packages" => none("packages"),
            "with_commands" => call.given("commands").any(|g| match &g.value {
                Value::List(items) | Value::Tuple(items) => items.is_empty(),
                _ => false,
            }),
            _ => false,
        };
        if empty {
            let message = format!("this {} is empty: the build fails; leave it out", call.method);
            checker.push(Finding::new(&RULE, call.site.clone(), message).fix(remove(checker, call)));
        }
    }),
    ..Rule::BASE
};

/// Takes a link out of its chain, unless a star or a comment is in it.
fn remove(checker: &Checker<'_>, call: &CallSite) -> Option<Fix> {
    let source = checker.source(&call.site.path)?;
    let written = source.call(call)?;
    let start = receiver_end(&source, call)?;
    let site = Site { start, end: call.expression.end, ..call.expression.clone() };
    let has_star = !written.arguments.is_empty() && call.method != "with_commands";
    if has_star || source.text(site.range()).contains('#') {
        return None;
    }
    Fix::safe("leave the layer out", vec![Edit::replace(&site, "")])
}
