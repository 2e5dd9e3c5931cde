//! IMG002 layer-on-frozen-image

use image_model::error::Cause;
use image_model::value::Value;
use image_python::inspect::{Stage, Variant};

use super::{called, raises, receiver_end};
use crate::checker::{Checker, definition_errors};
use crate::finding::{Edit, Fix};
use crate::knowledge;
use crate::rule::{Check, FixSafety, Proof, Rule, caused_by};

pub(super) static RULE: Rule = Rule {
    code: "IMG002",
    name: "layer-on-frozen-image",
    what: "Finds layers on images that are not extendable: those of `from_base` and `from_ref_name`, their clones without\n\
           `extendable=True`, and `clone(extendable=False)`.",
    why: "An image that somebody else made gets its layers only in a clone with a name of its own. flyte raises ValueError\n\
          when the module is imported, since release 2.0.0b58.",
    proof: Proof::Flyte {
        stage: Stage::Import,
        error: "ValueError: Cannot add additional layers to a non-extendable image.",
    },
    example: "import flyte\n\nimage = flyte.Image.from_base(\"debian:12\").with_pip_packages(\"flyte\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_base(\"debian:12\").clone(name=\"debian\", extendable=True).with_pip_packages(\"flyte\")\n",
    safety: FixSafety::Unsafe,
    fix: "It makes a clone with `extendable=True`, and a name taken from the base image: choose a better one.",
    covers: caused_by!(Cause::NotExtendable),
    check: Check::Variant(|checker, variant| {
        definition_errors(checker, &RULE, variant, |error, found| {
            let message = format!(
                "{} on an image that is not extendable: {}; make it extendable first, with .clone(name=\"…\", \
                 extendable=True)",
                called(error),
                raises(error)
            );
            found.message(message).fix(fix(checker, variant))
        });
    }),
    ..Rule::BASE
};

/// Makes the last clone before the layer extendable, or puts one in.
fn fix(checker: &Checker<'_>, variant: &Variant) -> Option<Fix> {
    let [.., before, failing] = variant.image.calls.as_slice() else { return None };
    let source = checker.source(&failing.site.path)?;
    let has_name = variant.image.calls.iter().any(|c| c.given("name").next().is_some());
    if before.method == "clone" && before.site.path == failing.site.path {
        let call = source.call(before)?;
        if call.keyword("extendable").is_none() && before.given("extendable").next().is_none() {
            let mut edits = vec![call.add_keyword("extendable", "True")];
            if !has_name {
                edits = vec![call.add_keyword("name", &format!("{}, extendable=True", source.string(&name(variant))))];
            }
            return Fix::unsafe_("make the clone extendable", edits);
        }
    }
    let arguments = if has_name {
        "extendable=True".to_owned()
    } else {
        format!("name={}, extendable=True", source.string(&name(variant)))
    };
    let at = receiver_end(&source, failing)?;
    let edit = Edit::insert(&failing.site.path, at, format!(".clone({arguments})"));
    Fix::unsafe_("clone it with extendable=True", vec![edit])
}

/// A name for a clone: that of the base image.
pub(super) fn name(variant: &Variant) -> String {
    let given = variant.image.origin.as_ref().and_then(|o| o.arguments.first());
    let text = match given.map(|g| &g.value) {
        Some(Value::Str(text)) => knowledge::parts(text).0.rsplit('/').next().unwrap_or_default().to_lowercase(),
        _ => String::new(),
    };
    let clean: String = text.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')).collect();
    if clean.is_empty() { "image".to_owned() } else { clean }
}
