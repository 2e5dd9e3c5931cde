//! IMG003 layer-on-nameless-image

use image_model::error::Cause;
use image_python::inspect::{Stage, Variant};

use super::layer_on_frozen_image::name;
use super::{called, raises, receiver_end};
use crate::checker::{Checker, definition_errors};
use crate::finding::{Edit, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule, caused_by};

pub(super) static RULE: Rule = Rule {
    code: "IMG003",
    name: "layer-on-nameless-image",
    what: "Finds layers on extendable images without a name, such as `from_base(uri).clone(extendable=True)`.",
    why: "The image that gets the layers is a new one and needs a name to be pushed under. flyte raises ValueError when the\n\
          module is imported.",
    proof: Proof::Flyte {
        stage: Stage::Import,
        error: "ValueError: Cannot add additional layer PipPackages(packages=('flyte',)) to an image without name. Please first clone().",
    },
    example: "import flyte\n\nimage = flyte.Image.from_base(\"debian:12\").clone(extendable=True).with_pip_packages(\"flyte\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_base(\"debian:12\").clone(extendable=True, name=\"debian\").with_pip_packages(\"flyte\")\n",
    safety: FixSafety::Unsafe,
    fix: "It gives the clone a name taken from the base image: choose a better one.",
    covers: caused_by!(Cause::Nameless),
    check: Check::Variant(|checker, variant| {
        definition_errors(checker, &RULE, variant, |error, found| {
            let message = format!(
                "{} on an image without a name: {}; give it one, with .clone(name=\"…\")",
                called(error),
                raises(error)
            );
            found.message(message).fix(fix(checker, variant))
        });
    }),
    ..Rule::BASE
};

fn fix(checker: &Checker<'_>, variant: &Variant) -> Option<Fix> {
    let [.., before, failing] = variant.image.calls.as_slice() else { return None };
    let source = checker.source(&failing.site.path)?;
    let name = source.string(&name(variant));
    if before.method == "clone" && before.site.path == failing.site.path {
        let call = source.call(before)?;
        if before.given("name").next().is_none() && !before.is_open {
            return Fix::unsafe_("give the clone a name", vec![call.add_keyword("name", &name)]);
        }
    }
    let at = receiver_end(&source, failing)?;
    let edit = Edit::insert(&failing.site.path, at, format!(".clone(name={name})"));
    Fix::unsafe_("clone it with a name", vec![edit])
}
