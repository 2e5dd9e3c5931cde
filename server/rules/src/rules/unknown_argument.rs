//! IMG006 unknown-argument

use image_model::error::Cause;
use image_model::methods::{method, methods_of};
use image_model::release::Release;
use image_python::inspect::StageError;

use super::called;
use crate::rule::{Check, Rule, Severity, definition_errors};

pub(super) static RULE: Rule = Rule {
    code: "IMG006",
    name: "unknown-argument",
    severity: Severity::Error,
    since: "0.1.0",
    what: "Finds methods and arguments that the flyte in use does not have, and calls with too many positional arguments. It\n\
           names the release that has them.",
    why: "Python raises AttributeError or TypeError when the module is imported.",
    example: "import flyte\n\nimage = flyte.Image.from_base(\"debian:12\").clone(name=\"train\", tag=\"v1\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_base(\"debian:12\").clone(name=\"train\")\n",
    fix: "There is none yet.",
    covers: |error| matches!(error.raised.cause, Cause::MissingMethod { .. } | Cause::UnknownArgument { .. }),
    check: Check::Variant(|variant, findings| {
        let release = variant.release.clone();
        definition_errors(&RULE, variant, findings, |error| message(error, &release));
    }),
};

fn message(error: &StageError, release: &Release) -> String {
    let flyte = format!("flyte {}", release.version);
    let raises = format!("Python raises {} when the module is imported", error.raised.exception);
    match &error.raised.cause {
        Cause::MissingMethod { since: Some(since) } => {
            format!("{flyte} has no {}: it came with {since}; {raises}; use flyte>={since}", called(error))
        }
        Cause::MissingMethod { since: None } => {
            let wanted = error.raised.message.rsplit('\'').nth(1).unwrap_or_default();
            let near = methods_of(release).map(|m| m.name).find(|name| is_near(name, wanted));
            let near = near.map_or_else(String::new, |name| format!("; did you mean {name}?"));
            format!("no release of flyte has Image.{wanted}: {raises}{near}")
        }
        Cause::UnknownArgument { name: Some(name) } => {
            let parameter = error.method.and_then(method).and_then(|m| m.parameter(name));
            match parameter.filter(|p| !release.has(p.since)) {
                Some(p) => format!(
                    "{} of {flyte} has no argument {name}: it came with {since}; {raises}; use flyte>={since}",
                    called(error),
                    since = p.since
                ),
                None => format!("{} has no argument {name}: {raises}; leave it out", called(error)),
            }
        }
        _ => format!("{raises}: {}", error.raised.message),
    }
}

/// Whether two names differ by one or two letters, or by a plural.
fn is_near(name: &str, wanted: &str) -> bool {
    let shorter = name.len().min(wanted.len());
    let same = name.bytes().zip(wanted.bytes()).take_while(|(a, b)| a == b).count();
    let back = name.bytes().rev().zip(wanted.bytes().rev()).take_while(|(a, b)| a == b).count();
    name.len().abs_diff(wanted.len()) <= 2 && same + back + 2 >= shorter && same > 5
}
