//! IMG006 unknown-argument

use image_model::error::Cause;
use image_model::methods::{Method, method, methods_of};
use image_model::origin::Site;
use image_model::release::Release;
use image_python::inspect::{Stage, StageError, Variant};
use image_python::syntax::ast::{Expression, Passing};

use super::{called, raises};
use crate::checker::{Checker, definition_errors};
use crate::finding::{Edit, Finding, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule};
use crate::settings::distance;

pub(super) static RULE: Rule = Rule {
    code: "IMG006",
    name: "unknown-argument",
    what: "Finds methods and arguments that the flyte in use does not have, arguments that are given twice, and calls with\n\
           too many positional arguments. It names the release that has them.",
    why: "Python raises AttributeError or TypeError when the module is imported.",
    proof: Proof::Flyte {
        stage: Stage::Import,
        error: "TypeError: Image.from_uv_script() got an unexpected keyword argument 'arch'",
    },
    example: "import flyte\n\nimage = flyte.Image.from_uv_script(__file__, name=\"train\", arch=(\"linux/amd64\",))\n",
    instead: "# /// script\n# requires-python = \">=3.12\"\n# dependencies = [\"flyte\"]\n# ///\nimport flyte\n\nimage = flyte.Image.from_uv_script(__file__, name=\"train\", platform=(\"linux/amd64\",))\n",
    safety: FixSafety::Safe,
    fix: "Names that were changed, and names that are misspelt by a letter or two, are replaced. There is none for others.",
    covers: |error| match error.raised.cause {
        Cause::MissingMethod { .. } | Cause::GivenTwice { .. } => true,
        // Commands as arguments have a rule of their own.
        Cause::UnknownArgument { ref name } => name.is_some() || error.method != Some("with_commands"),
        _ => false,
    },
    check: Check::File(|checker| {
        for variant in checker.report.images.iter().flat_map(|i| &i.variants) {
            let release = &variant.environment.release;
            definition_errors(checker, &RULE, variant, |error, found| {
                found.message(message(error, release)).fix(fix(checker, variant, error))
            });
        }
        // Secrets are made by calls of their own.
        for error in checker.report.errors.iter().filter(|e| (RULE.covers)(e)) {
            let message = format!("{}: {}", raises(error), error.raised.message);
            checker.push(Finding::new(&RULE, error.site.clone(), message));
        }
    }),
    ..Rule::BASE
};

/// Arguments that flyte gave another name, and names that people expect: method, their name, flyte's.
const RENAMED: &[(&str, &str, &str)] = &[
    ("from_uv_script", "arch", "platform"),
    ("from_debian_base", "arch", "platform"),
    ("from_debian_base", "python", "python_version"),
    ("from_base", "image", "image_uri"),
    ("from_base", "base_image", "image_uri"),
    ("from_dockerfile", "dockerfile", "file"),
    ("with_pip_packages", "extra_index_url", "extra_index_urls"),
    ("with_requirements", "requirements", "file"),
    ("with_uv_project", "pyproject", "pyproject_file"),
    ("with_poetry_project", "pyproject", "pyproject_file"),
];

fn message(error: &StageError, release: &Release) -> String {
    let flyte = format!("flyte {}", release.version);
    let raises = raises(error);
    match &error.raised.cause {
        Cause::MissingMethod { since: Some(since) } => {
            format!("{flyte} has no {}: it came with {since}; {raises}; use flyte>={since}", called(error))
        }
        Cause::MissingMethod { since: None } => {
            let wanted = wanted(error);
            let near = near_method(wanted, release).map_or_else(String::new, |m| format!("; did you mean {m}?"));
            format!("no release of flyte has Image.{wanted}: {raises}{near}")
        }
        Cause::UnknownArgument { name: Some(name) } => {
            let own = error.method.and_then(method);
            match own.and_then(|m| m.parameter(name)).filter(|p| !release.has(p.since)) {
                Some(p) => format!(
                    "{} of {flyte} has no argument {name}: it came with {since}; {raises}; use flyte>={since}",
                    called(error),
                    since = p.since
                ),
                None => {
                    let advice = own
                        .and_then(|m| near_parameter(m, name, release))
                        .map_or_else(|| "leave it out".to_owned(), |known| format!("did you mean {known}?"));
                    format!("{} has no argument {name}: {raises}; {advice}", called(error))
                }
            }
        }
        Cause::GivenTwice { name } => format!("the argument {name} is given twice: {raises}; leave one out"),
        _ => format!("{raises}: {}", error.raised.message),
    }
}

fn wanted(error: &StageError) -> &str {
    error.raised.message.rsplit('\'').nth(1).unwrap_or_default()
}

fn near_method(wanted: &str, release: &Release) -> Option<&'static str> {
    near(wanted, methods_of(release).map(|m| m.name))
}

fn near_parameter(method: &'static Method, name: &str, release: &Release) -> Option<&'static str> {
    let renamed = RENAMED.iter().find(|(m, old, _)| *m == method.name && *old == name);
    renamed
        .map(|(_, _, new)| *new)
        .or_else(|| near(name, method.parameters_of(release).map(|p| p.name)))
}

/// The one name that differs by a letter or two.
fn near(wanted: &str, names: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let mut close = names.map(|n| (distance(n, wanted), n)).filter(|(d, n)| *d <= 2 && n.len() > 4);
    let best = close.next()?;
    let rest: Vec<_> = close.collect();
    let all = rest.into_iter().chain([best]);
    let nearest = all.clone().map(|(d, _)| d).min()?;
    let mut nearest = all.filter(|(d, _)| *d == nearest);
    let (_, name) = nearest.next()?;
    nearest.next().is_none().then_some(name)
}

fn fix(checker: &Checker<'_>, variant: &Variant, error: &StageError) -> Option<Fix> {
    let release = &variant.environment.release;
    match &error.raised.cause {
        Cause::MissingMethod { since: None } => {
            let name = wanted(error);
            let near = near_method(name, release)?;
            let site = Site { end: error.site.start + name.len(), ..error.site.clone() };
            let source = checker.source(&site.path)?;
            (source.text(site.range()) == name)
                .then(|| Fix::safe(format!("call {near}"), vec![Edit::replace(&site, near)]))?
        }
        Cause::UnknownArgument { name: Some(name) } => {
            let own = error.method.and_then(method)?;
            let near = near_parameter(own, name, release)?;
            let call = variant.image.calls.last().filter(|c| c.method == own.name)?;
            let source = checker.source(&call.site.path)?;
            let call = source.call(call)?;
            // It is there already: two of them would be no better.
            if call.keyword(near).is_some() || !replaces(&call.arguments.iter().map(|a| &a.passing).collect::<Vec<_>>(), own, near, release) {
                return None;
            }
            let start = call.keyword(name)?.span.range().start;
            let value = source.expression(call.keyword(name)?.value)?;
            // The value would be wrong under the right name, too.
            if near == "python_version" && !matches!(value, Expression::Tuple(_)) {
                return None;
            }
            let site = Site { path: std::sync::Arc::clone(&error.site.path), start, end: start + name.len() };
            Fix::safe(format!("call it {near}"), vec![Edit::replace(&site, near)])
        }
        _ => None,
    }
}

/// Whether a parameter is not filled by position already.
fn replaces(passed: &[&Passing], method: &'static Method, parameter: &str, release: &Release) -> bool {
    let positional = passed.iter().filter(|p| **p == &Passing::Position).count();
    let place = method.parameters_of(release).position(|p| p.name == parameter);
    place.is_some_and(|place| place >= positional) && !passed.contains(&&Passing::Star)
}
