//! IMG012 missing-argument

use image_model::error::Cause;
use image_python::inspect::{Stage, StageError};

use super::{called, raises};
use crate::checker::definition_errors;
use crate::finding::Finding;
use crate::rule::{Check, Proof, Rule, caused_by};

pub(super) static RULE: Rule = Rule {
    code: "IMG012",
    name: "missing-argument",
    what: "Finds calls without an argument that flyte requires: `from_uv_script` without `name`, `from_dockerfile` without\n\
           `registry` or `name`.",
    why: "Python raises TypeError when the module is imported.",
    proof: Proof::Flyte {
        stage: Stage::Import,
        error: "TypeError: Image.from_uv_script() missing 1 required keyword-only argument: 'name'",
    },
    example: "import flyte\n\nimage = flyte.Image.from_uv_script(__file__)\n",
    instead: "# /// script\n# requires-python = \">=3.12\"\n# dependencies = [\"flyte\"]\n# ///\nimport flyte\n\nimage = flyte.Image.from_uv_script(__file__, name=\"train\")\n",
    fix: "There is none: the value is yours to choose.",
    covers: caused_by!(Cause::MissingArguments { .. }),
    check: Check::File(|checker| {
        for variant in checker.report.images.iter().flat_map(|i| &i.variants) {
            definition_errors(checker, &RULE, variant, |error, found| found.message(message(error)));
        }
        // Secrets are made by calls of their own.
        for error in checker.report.errors.iter().filter(|e| (RULE.covers)(e)) {
            checker.push(Finding::new(&RULE, error.site.clone(), message(error)));
        }
    }),
    ..Rule::BASE
};

fn message(error: &StageError) -> String {
    let names = match &error.raised.cause {
        Cause::MissingArguments { names } => names.join(" and "),
        _ => String::new(),
    };
    format!("{} needs {names}: {}", called(error), raises(error))
}
