//! IMG005 list-instead-of-arguments

use image_model::error::Cause;
use image_model::origin::Site;
use image_python::inspect::Stage;
use image_python::syntax::ast::{Expression, Passing};

use super::{called, raises};
use crate::checker::{Checker, call_of, definition_errors};
use crate::finding::{Edit, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule, caused_by};

pub(super) static RULE: Rule = Rule {
    code: "IMG005",
    name: "list-instead-of-arguments",
    what: "Finds a list, or a tuple with a list in it, where flyte wants separate arguments.",
    why: "Layers must be hashable, so flyte raises TypeError when the module is imported.",
    proof: Proof::Flyte {
        stage: Stage::Import,
        error: "TypeError: PipPackages field 'packages' contains a list at index 0: ['httpx', 'pandas'].",
    },
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages([\"httpx\", \"pandas\"])\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_pip_packages(\"httpx\", \"pandas\")\n",
    safety: FixSafety::Safe,
    fix: "It takes the brackets away, or unpacks the list with `*`.",
    covers: caused_by!(Cause::List { field: "packages" }),
    check: Check::Variant(|checker, variant| {
        definition_errors(checker, &RULE, variant, |error, found| {
            let message = format!(
                "a list where {} takes separate values: {}; pass the items one by one, or unpack the list with *",
                called(error),
                raises(error)
            );
            let fix = call_of(variant, error).and_then(|call| unpack(checker, &call.expression, &error.site));
            found.message(message).fix(fix)
        });
    }),
    ..Rule::BASE
};

/// Takes the brackets of every list among the positional arguments away, or puts a star before it.
fn unpack(checker: &Checker<'_>, expression: &Site, blamed: &Site) -> Option<Fix> {
    let source = checker.source(&expression.path)?;
    let call = source.call_at(expression)?;
    let (index, argument) = call.argument_at(blamed)?;
    if argument.passing != Passing::Position {
        return None;
    }
    let own = argument.span.range();
    let path = &expression.path;
    let site = |start, end| Site { path: std::sync::Arc::clone(path), start, end };
    let edits = match source.expression(argument.value)? {
        Expression::List(items) if source.text(own.clone()).starts_with('[') => match items.last() {
            None => vec![call.remove(index)?],
            Some(last) => {
                let end = source.range(*last).end;
                let tail = source.text(end..own.end - 1);
                // Two commas in a row are no Python: the list's own goes where the call has one.
                let comma = tail.find(',').filter(|_| source.text(own.end..call.close).trim_start().starts_with(','));
                let mut edits = vec![
                    Edit::replace(&site(own.start, own.start + 1), ""),
                    Edit::replace(&site(own.end - 1, own.end), ""),
                ];
                if let Some(comma) = comma {
                    edits.push(Edit::replace(&site(end + comma, end + comma + 1), ""));
                }
                edits
            }
        },
        Expression::Name(_)
        | Expression::Attribute { .. }
        | Expression::Call { .. }
        | Expression::Subscript { .. }
        | Expression::Comprehension { .. }
        | Expression::List(_) => vec![Edit::insert(path, own.start, "*")],
        Expression::Binary(..) => vec![Edit::insert(path, own.start, "*(") , Edit::insert(path, own.end, ")")],
        _ => return None,
    };
    Fix::safe("unpack the list", edits)
}
