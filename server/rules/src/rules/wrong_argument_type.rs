//! IMG007 wrong-argument-type

use image_model::error::Cause;
use image_model::origin::{CallSite, Given, Site};
use image_model::value::Value;
use image_python::inspect::{StageError, Variant};
use image_python::syntax::ast::Expression;

use super::raises;
use crate::checker::{Checker, call_of};
use crate::finding::{Edit, Finding, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule};
use crate::source::written_here;

pub(super) static RULE: Rule = Rule {
    code: "IMG007",
    name: "wrong-argument-type",
    what: "Finds values of a type that flyte cannot use, or silently misreads: `python_version=\"3.12\"` or `3.12`, text where\n\
           `with_source_folder` needs a Path, numbers among packages or environment variables, a list for\n\
           `with_uv_project(extra_index_urls=…)`, an `image=` that is no image.",
    why: "Most of them raise TypeError or AttributeError when the module is imported, when the tag is computed or in the remote\n\
          builder. A version as text does not raise: its letters are taken apart, and the image is based on `py3..`, which\n\
          nobody can pull.",
    proof: Proof::Dockerfile { line: "FROM ghcr.io/flyteorg/flyte:py3..-v", then: "there is no such image" },
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(python_version=\"3.12\", name=\"train\").with_pip_packages(\"httpx\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(python_version=(3, 12), name=\"train\").with_pip_packages(\"httpx\")\n",
    safety: FixSafety::Safe,
    fix: "Literals are written in the type that flyte wants; text for a path is wrapped in `Path(…)` where `Path` is imported.",
    covers: |error| match error.raised.cause {
        Cause::List { field } => field != "packages",
        Cause::Other => {
            matches!(error.raised.exception, "TypeError" | "AttributeError" | "IndexError")
                && !error.raised.message.starts_with("init()")
        }
        _ => false,
    },
    check: Check::File(|checker| {
        for variant in checker.report.images.iter().flat_map(|i| &i.variants) {
            for error in variant.errors.iter().filter(|e| (RULE.covers)(e)) {
                raised(checker, variant, error);
            }
            for call in &variant.image.calls {
                misread(checker, call);
            }
        }
        of_environments(checker);
    }),
    ..Rule::BASE
};

/// What flyte takes for a parameter.
#[derive(Clone, Copy, PartialEq)]
enum Wanted {
    Text,
    Path,
    Version,
    Mapping,
    Tuple,
    Image,
}

impl Wanted {
    fn of(method: &str, parameter: &str) -> Option<Self> {
        Some(match (method, parameter) {
            (_, "python_version") => Self::Version,
            ("with_source_folder" | "with_source_file", "src") | ("from_dockerfile", "file") => Self::Path,
            ("with_env_vars", "env_vars") => Self::Mapping,
            ("with_uv_project", "extra_index_urls") => Self::Tuple,
            ("with_pip_packages" | "with_apt_packages", "packages") | ("with_commands", "commands") => Self::Text,
            (_, "workdir" | "registry" | "name" | "index_url" | "extra_args" | "image_uri" | "flyte_version") => Self::Text,
            ("TaskEnvironment", "image") => Self::Image,
            _ => return None,
        })
    }

    fn takes(self, value: &Value) -> bool {
        if matches!(value, Value::Unknown(_) | Value::None) {
            return true;
        }
        match self {
            Self::Text => match value {
                Value::Str(_) => true,
                Value::List(items) | Value::Tuple(items) => items.iter().all(|i| self.takes(i)),
                _ => false,
            },
            Self::Path => matches!(value, Value::Path(_) | Value::List(_)),
            Self::Version => match value {
                Value::Tuple(items) | Value::List(items) => items.len() >= 2,
                _ => false,
            },
            Self::Mapping => matches!(value, Value::Dict(_)),
            Self::Tuple => matches!(value, Value::Tuple(_)),
            Self::Image => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Path => "a Path",
            Self::Version => "a tuple such as (3, 12)",
            Self::Mapping => "a dictionary",
            Self::Tuple => "a tuple",
            Self::Image => "an image",
        }
    }
}

/// flyte raises: the argument of the wrong type is to blame, where there is one.
fn raised(checker: &Checker<'_>, variant: &Variant, error: &StageError) {
    let call = call_of(variant, error);
    let wrong = call.and_then(|call| {
        let wrong = |g: &&Given| Wanted::of(call.method, g.parameter).is_some_and(|w| !w.takes(&g.value));
        call.arguments.iter().find(wrong).map(|g| (call, g))
    });
    let (exception, when) = (error.raised.exception, raises(error));
    let Some((call, given)) = wrong else {
        let message = format!("{when}: {}", error.raised.message);
        checker.push(Finding::new(&RULE, error.site.clone(), message));
        return;
    };
    let Some(wanted) = Wanted::of(call.method, given.parameter) else { return };
    let items = wrong_item(wanted, &given.value);
    let message = format!(
        "{} of {} takes {}, not {}: {when} ({exception}: {})",
        given.parameter,
        call.method,
        wanted.name(),
        shown(&given.value, &items),
        error.raised.message
    );
    let fix = fix(checker, call, given, wanted, &items);
    checker.push(checker.at(&RULE, given, &items, message).fix(fix));
}

/// The item of a list that is to blame.
fn wrong_item(wanted: Wanted, value: &Value) -> Vec<usize> {
    match value {
        Value::List(items) | Value::Tuple(items) if wanted == Wanted::Text => {
            items.iter().position(|i| !wanted.takes(i)).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

fn shown(value: &Value, items: &[usize]) -> String {
    let value = match (value, items) {
        (Value::List(all) | Value::Tuple(all), [item]) => all.get(*item).unwrap_or(value),
        _ => value,
    };
    match value {
        Value::Str(_) => "text".to_owned(),
        Value::List(_) => "a list".to_owned(),
        Value::Tuple(_) => "such a tuple".to_owned(),
        Value::Float(f) => format!("the number {f}"),
        Value::Int(i) => format!("the number {i}"),
        Value::Bool(_) => "True or False".to_owned(),
        Value::Dict(_) => "a dictionary".to_owned(),
        Value::Path(_) => "a Path".to_owned(),
        other => format!("a value of type {}", other.type_name()),
    }
}

/// flyte does not raise, and does something else than what is meant.
fn misread(checker: &Checker<'_>, call: &CallSite) {
    for given in call.given("python_version") {
        if let Value::Str(text) = &given.value {
            let letters: Vec<char> = text.chars().collect();
            if letters.len() < 2 {
                continue;
            }
            let message = format!(
                "python_version is text, of which flyte takes the first two letters: the image is based on Python {}.{}, \
                 which does not exist; write a tuple{}",
                letters[0],
                letters[1],
                tuple(text).map_or_else(String::new, |t| format!(" such as {t}"))
            );
            let fix = fix(checker, call, given, Wanted::Version, &[]);
            checker.push(checker.at(&RULE, given, &[], message).fix(fix));
        }
    }
    if call.method == "with_uv_project" {
        for given in call.given("extra_index_urls").filter(|g| matches!(g.value, Value::Str(_))) {
            let message = "extra_index_urls of with_uv_project is text, which flyte takes apart: each letter becomes an \
                           index; write a tuple";
            let fix = fix(checker, call, given, Wanted::Tuple, &[]);
            checker.push(checker.at(&RULE, given, &[], message).fix(fix));
        }
    }
    for given in call.given("env_vars").filter(|_| call.method == "with_env_vars") {
        let Value::Dict(pairs) = &given.value else { continue };
        for (i, (key, value)) in pairs.iter().enumerate() {
            let number = matches!(value, Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::None);
            if let (Value::Str(key), true) = (key, number) {
                let message = format!(
                    "the value of the environment variable {key} is {}, not text: the remote builder raises TypeError, and \
                     the local one writes what Python prints; write text",
                    shown(value, &[])
                );
                let fix = written_here(given, &[2 * i + 1]).and_then(|site| as_text(checker, site, value));
                checker.push(checker.at(&RULE, given, &[2 * i + 1], message).fix(fix));
            }
        }
    }
}

/// A version as a tuple.
fn tuple(version: &str) -> Option<String> {
    let mut parts = version.split('.').map(str::parse::<u8>);
    let (major, minor) = (parts.next()?.ok()?, parts.next()?.ok()?);
    Some(format!("({major}, {minor})"))
}

/// A literal number in quotes.
fn as_text(checker: &Checker<'_>, site: &Site, value: &Value) -> Option<Fix> {
    let source = checker.source(&site.path)?;
    let text = source.text(site.range());
    let plain = match value {
        Value::Int(_) | Value::Float(_) => text.chars().all(|c| c.is_ascii_digit() || matches!(c, '.' | '-')),
        Value::Bool(_) => matches!(text, "True" | "False"),
        _ => false,
    };
    plain.then(|| Fix::safe("write it as text", vec![Edit::replace(site, source.string(text))]))?
}

fn fix(checker: &Checker<'_>, call: &CallSite, given: &Given, wanted: Wanted, items: &[usize]) -> Option<Fix> {
    let site = written_here(given, items)?;
    let source = checker.source(&site.path)?;
    let text = source.text(site.range());
    match wanted {
        Wanted::Version => {
            let version = match &given.value {
                Value::Str(version) => version.to_string(),
                Value::Float(_) => text.to_owned(),
                _ => return None,
            };
            // A constant may be used elsewhere, as text.
            let is_here = given.site.path == site.path && given.site.start <= site.start && site.end <= given.site.end;
            let literal = matches!(source.at(site.range())?.1, Expression::Str(_) | Expression::Float(_));
            let tuple = tuple(&version).filter(|_| is_here && literal)?;
            Fix::safe(format!("write {tuple}"), vec![Edit::replace(site, tuple)])
        }
        Wanted::Path => {
            let path = super::path_name(&source)?;
            let is_here = given.site.path == site.path && given.site.start <= site.start;
            let literal = matches!(source.at(site.range())?.1, Expression::Str(_)) && is_here;
            literal.then(|| Fix::safe("make it a Path", vec![Edit::replace(site, format!("{path}({text})"))]))?
        }
        Wanted::Tuple => {
            let argument = source.call(call)?.keyword("extra_index_urls")?.value;
            let range = source.range(argument);
            let site = Site { path: std::sync::Arc::clone(&given.site.path), start: range.start, end: range.end };
            let text = source.text(range.clone());
            let new = match source.expression(argument)? {
                Expression::List(list) => {
                    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
                    let comma = if list.len() == 1 && !inner.trim_end().ends_with(',') { "," } else { "" };
                    format!("({inner}{comma})")
                }
                Expression::Str(_) => format!("({text},)"),
                _ => format!("tuple({text})"),
            };
            Fix::safe("make it a tuple", vec![Edit::replace(&site, new)])
        }
        Wanted::Text => {
            let value = match (&given.value, items) {
                (Value::List(all) | Value::Tuple(all), [item]) => all.get(*item)?,
                (value, _) => value,
            };
            as_text(checker, site, value)
        }
        Wanted::Mapping | Wanted::Image => None,
    }
}

/// Errors of environments, which are at no image.
fn of_environments(checker: &Checker<'_>) {
    for error in checker.report.errors.iter().filter(|e| e.raised.message.starts_with("Expected image to be")) {
        let message = format!("image is neither an image nor text: {}", raises(error));
        checker.push(Finding::new(&RULE, error.site.clone(), message));
    }
}
