//! IMG011 direct-instantiation

use image_model::error::Cause;
use image_model::methods::method;
use image_python::inspect::{Stage, StageError};
use image_python::syntax::ast::Passing;

use super::raises;
use crate::checker::{Checker, definition_errors};
use crate::finding::{Edit, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule, caused_by};

pub(super) static RULE: Rule = Rule {
    code: "IMG011",
    name: "direct-instantiation",
    what: "Finds `flyte.Image(…)`.",
    why: "Images are made by the `from_…` methods. flyte raises TypeError when the module is imported.",
    proof: Proof::Flyte {
        stage: Stage::Import,
        error: "TypeError: Direct instantiation of Image not allowed, please use one of the various from_...() methods instead",
    },
    example: "import flyte\n\nimage = flyte.Image(name=\"train\", registry=\"ghcr.io/acme\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", registry=\"ghcr.io/acme\")\n",
    safety: FixSafety::Unsafe,
    fix: "It uses `from_base` for one address, `from_debian_base` where the arguments are its own.",
    covers: caused_by!(Cause::DirectInstantiation),
    check: Check::Variant(|checker, variant| {
        definition_errors(checker, &RULE, variant, |error, found| {
            let message = format!(
                "an image is made by one of the from_… methods, such as from_debian_base(): {}",
                raises(error)
            );
            found.message(message).fix(fix(checker, error))
        });
    }),
    ..Rule::BASE
};

fn fix(checker: &Checker<'_>, error: &StageError) -> Option<Fix> {
    let source = checker.source(&error.site.path)?;
    let call = source.call_at(&error.site)?;
    let at = source.range(call.function).end;
    let own = method("from_debian_base")?;
    let keywords = call.arguments.iter().all(|a| match &a.passing {
        Passing::Keyword(name) => own.parameter(name).is_some(),
        _ => false,
    });
    let constructor = match call.arguments {
        _ if keywords => ".from_debian_base",
        [one] if one.passing == Passing::Position => ".from_base",
        _ => return None,
    };
    let message = format!("use {}", &constructor[1..]);
    Fix::unsafe_(message, vec![Edit::insert(&error.site.path, at, constructor)])
}
