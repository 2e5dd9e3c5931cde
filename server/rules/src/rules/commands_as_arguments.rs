//! IMG008 commands-as-arguments

use image_model::error::Cause;
use image_model::origin::CallSite;
use image_model::value::Value;
use image_python::inspect::Stage;
use image_python::syntax::ast::Passing;

use super::raises;
use crate::checker::{Checker, call_of, definition_errors};
use crate::finding::{Edit, Finding, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule};

pub(super) static RULE: Rule = Rule {
    code: "IMG008",
    name: "commands-as-arguments",
    what: "Finds `with_commands(\"a\", \"b\")`: commands as separate arguments, where flyte takes a list.",
    why: "The second argument of `with_commands` is `secret_mounts`: the second command never runs, it becomes the name of a\n\
          secret. The tag is the same as with both commands. With more than two, Python raises TypeError.",
    proof: Proof::Flyte {
        stage: Stage::Build,
        error: "ValueError: Invalid environment variable name: ECHO B, must match",
    },
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_commands(\"echo a\", \"echo b\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_commands([\"echo a\", \"echo b\"])\n",
    safety: FixSafety::Safe,
    fix: "It puts the commands into a list.",
    covers: |error| {
        error.method == Some("with_commands") && error.raised.cause == Cause::UnknownArgument { name: None }
    },
    check: Check::Variant(|checker, variant| {
        definition_errors(checker, &RULE, variant, |error, found| {
            let message = format!("with_commands takes one list of commands: {}; put them into a list", raises(error));
            let fix = call_of(variant, error).and_then(|call| wrap(checker, call));
            found.message(message).fix(fix)
        });
        for call in variant.image.calls.iter().filter(|c| c.method == "with_commands") {
            second(checker, call);
        }
    }),
    ..Rule::BASE
};

fn second(checker: &Checker<'_>, call: &CallSite) {
    let text = |parameter| call.given(parameter).find(|g| !g.keyword && matches!(g.value, Value::Str(_)));
    let (Some(_), Some(second)) = (text("commands"), text("secret_mounts")) else { return };
    let mut finding: Finding = checker.at(
        &RULE,
        second,
        &[],
        "this command never runs: the second argument of with_commands is secret_mounts, and flyte takes it for the name of \
         a secret; put all commands into one list",
    );
    finding.fix = wrap(checker, call);
    checker.push(finding);
}

/// Puts the positional arguments into a list.
fn wrap(checker: &Checker<'_>, call: &CallSite) -> Option<Fix> {
    let source = checker.source(&call.site.path)?;
    let written = source.call(call)?;
    let mut positional = written.arguments.iter().filter(|a| matches!(a.passing, Passing::Position | Passing::Star));
    let first = positional.next()?.span.range();
    let last = positional.next_back().map_or(first.clone(), |a| a.span.range());
    let path = &call.site.path;
    Fix::safe(
        "put the commands into a list",
        vec![Edit::insert(path, first.start, "["), Edit::insert(path, last.end, "]")],
    )
}
