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
use crate::source::{Source, written_here};

pub(super) static RULE: Rule = Rule {
    code: "IMG007",
    name: "wrong-argument-type",
    what: "Finds values of a type that flyte cannot use, or silently misreads: `python_version=\"3.12\"` or `3.12`, text where\n\
           `with_source_folder` needs a Path, numbers among packages or environment variables, a list for\n\
           `python_version`, `platform` or `with_uv_project(extra_index_urls=…)`, an `image=` that is no image.",
    why: "Most of them raise TypeError or AttributeError when the module is imported, when the tag is computed or in the remote\n\
          builder. A list in `python_version` or `platform` raises TypeError at the start of every build: flyte keeps what was\n\
          built by the image's hash. A version as text does not raise: its letters are taken apart, and the image is based on\n\
          `py3..`, which nobody can pull.",
    proof: Proof::Dockerfile { line: "FROM ghcr.io/flyteorg/flyte:py3..-v", then: "there is no such image" },
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(python_version=\"3.12\", name=\"train\").with_pip_packages(\"httpx\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(python_version=(3, 12), name=\"train\").with_pip_packages(\"httpx\")\n",
    safety: FixSafety::Safe,
    fix: "Literals are written in the type that flyte wants; text for a path is wrapped in `Path(…)` where `Path` is imported.",
    covers: |error| match error.raised.cause {
        Cause::List { field } => field != "packages",
        Cause::Other => {
            matches!(error.raised.exception, "TypeError" | "AttributeError" | "IndexError" | "KeyError")
                && !error.raised.message.starts_with("init()")
        }
        _ => false,
    },
    check: Check::File(|checker| {
        for variant in checker.report.images.iter().flat_map(|i| &i.variants) {
            // What has no hash is told where nothing else is wrong with it.
            let mut told = false;
            for error in variant.errors.iter().filter(|e| (RULE.covers)(e)) {
                if !(told && is_of_hash(error)) {
                    raised(checker, variant, error);
                }
                told = true;
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
    /// Text, or several.
    Texts,
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
            ("with_uv_project", "extra_index_urls")
            | ("from_debian_base" | "from_uv_script" | "from_pixi_script", "platform") => Self::Tuple,
            ("with_pip_packages" | "with_apt_packages", "packages") | ("with_commands", "commands") => Self::Texts,
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
            Self::Text => matches!(value, Value::Str(_)),
            Self::Texts => match value {
                Value::Str(_) => true,
                Value::List(items) | Value::Tuple(items) => items.iter().all(|i| self.takes(i)),
                _ => false,
            },
            Self::Path => matches!(value, Value::Path(_) | Value::List(_)),
            Self::Version => matches!(value, Value::Tuple(items) if items.len() >= 2),
            Self::Mapping => matches!(value, Value::Dict(_)),
            Self::Tuple => matches!(value, Value::Tuple(_)),
            Self::Image => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Text | Self::Texts => "text",
            Self::Path => "a Path",
            Self::Version => "a tuple such as (3, 12)",
            Self::Mapping => "a dictionary",
            Self::Tuple => "a tuple",
            Self::Image => "an image",
        }
    }
}

/// The image is refused before anything is written.
fn is_of_hash(error: &StageError) -> bool {
    error.raised.message.starts_with("unhashable type")
}

/// flyte raises: the argument of the wrong type is to blame, where there is one.
fn raised(checker: &Checker<'_>, variant: &Variant, error: &StageError) {
    let call = call_of(variant, error);
    let wrong = call.and_then(|call| {
        let wrong = |g: &&Given| Wanted::of(call.method, g.parameter).is_some_and(|w| !w.takes(&g.value));
        call.arguments.iter().find(wrong).map(|g| (call, g))
    });
    let exception = error.raised.exception;
    let when = if is_of_hash(error) { format!("every build raises {exception}") } else { raises(error) };
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
        Value::List(items) | Value::Tuple(items) if wanted == Wanted::Texts => {
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

/// flyte does not raise where the image is defined, and later does something else than what is meant, or raises.
fn misread(checker: &Checker<'_>, call: &CallSite) {
    for given in &call.arguments {
        match (call.method, given.parameter) {
            (_, "python_version") => version_as_text(checker, call, given),
            ("with_uv_project", "extra_index_urls") => addresses_as_text(checker, call, given),
            (_, "platform") => no_platform(checker, call, given),
            ("from_base", "image_uri") => no_address(checker, given),
            (_, "pre") => no_truth(checker, call, given),
            ("with_env_vars", "env_vars") => no_variables(checker, given),
            _ => {}
        }
    }
}

fn version_as_text(checker: &Checker<'_>, call: &CallSite, given: &Given) {
    let Value::Str(text) = &given.value else { return };
    let mut letters = text.chars();
    let (Some(first), Some(second)) = (letters.next(), letters.next()) else { return };
    let message = format!(
        "python_version is text, of which flyte takes the first two letters: the image is based on Python {first}.{second}, \
         which does not exist; write a tuple{}",
        tuple(text).map_or_else(String::new, |t| format!(" such as {t}"))
    );
    let fix = fix(checker, call, given, Wanted::Version, &[]);
    checker.push(checker.at(&RULE, given, &[], message).fix(fix));
}

fn addresses_as_text(checker: &Checker<'_>, call: &CallSite, given: &Given) {
    if matches!(given.value, Value::Str(_)) {
        let message = "extra_index_urls of with_uv_project is text, which flyte takes apart: each letter becomes an \
                       index; write a tuple";
        let fix = fix(checker, call, given, Wanted::Tuple, &[]);
        checker.push(checker.at(&RULE, given, &[], message).fix(fix));
    }
}

fn no_platform(checker: &Checker<'_>, call: &CallSite, given: &Given) {
    let items: Vec<usize> = match &given.value {
        // Where flyte makes no tuple of it, the list itself is told.
        Value::List(_) if Wanted::of(call.method, "platform").is_some() => return,
        Value::Tuple(items) | Value::List(items) => items.iter().position(is_one_thing).into_iter().collect(),
        _ => Vec::new(),
    };
    if is_one_thing(&given.value) || !items.is_empty() {
        let message = format!(
            "a platform is text such as \"linux/amd64\", not {}: every build raises TypeError",
            shown(&given.value, &items)
        );
        checker.push(checker.at(&RULE, given, &items, message));
    }
}

fn no_address(checker: &Checker<'_>, given: &Given) {
    let is_tuple = matches!(given.value, Value::Tuple(_)) && given.value.unhashable().is_none();
    if is_tuple || is_one_thing(&given.value) {
        let message = format!("image_uri is text, not {}: flyte raises when it is deployed", shown(&given.value, &[]));
        checker.push(checker.at(&RULE, given, &[], message));
    }
}

fn no_truth(checker: &Checker<'_>, call: &CallSite, given: &Given) {
    let is_truth = matches!(given.value, Value::Bool(_) | Value::Int(_) | Value::None | Value::Unknown(_));
    if !is_truth && given.value.unhashable().is_none() {
        let message = format!(
            "pre of {} is True or False, not {}: the remote builder raises TypeError",
            call.method,
            shown(&given.value, &[])
        );
        checker.push(checker.at(&RULE, given, &[], message));
    }
}

fn no_variables(checker: &Checker<'_>, given: &Given) {
    let Value::Dict(pairs) = &given.value else { return };
    for (i, (key, value)) in pairs.iter().enumerate() {
        match key {
            Value::Str(key) if is_number(value) => {
                let message = format!(
                    "the value of the environment variable {key} is {}, not text: the remote builder raises TypeError, and \
                     the local one writes what Python prints; write text",
                    shown(value, &[])
                );
                let fix = written_here(given, &[2 * i + 1]).and_then(|site| as_text(checker, site, value));
                checker.push(checker.at(&RULE, given, &[2 * i + 1], message).fix(fix));
            }
            _ if is_number(key) => {
                let message = format!(
                    "the name of an environment variable is {}, not text: the remote builder raises TypeError",
                    shown(key, &[])
                );
                checker.push(checker.at(&RULE, given, &[2 * i], message));
            }
            _ => {}
        }
    }
}

/// Known, and neither text nor nothing nor several values.
fn is_one_thing(value: &Value) -> bool {
    let is_other = matches!(value, Value::Str(_) | Value::Tuple(_) | Value::None | Value::Unknown(_));
    !is_other && value.unhashable().is_none()
}

/// What Python prints without quotes.
fn is_number(value: &Value) -> bool {
    matches!(value, Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::None)
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
        Wanted::Version if matches!(&given.value, Value::List(items) if items.len() >= 2) => {
            as_tuple(&source, call, given)
        }
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
        Wanted::Tuple => as_tuple(&source, call, given),
        Wanted::Text | Wanted::Texts => {
            let value = match (&given.value, items) {
                (Value::List(all) | Value::Tuple(all), [item]) => all.get(*item)?,
                (value, _) => value,
            };
            as_text(checker, site, value)
        }
        Wanted::Mapping | Wanted::Image => None,
    }
}

/// The argument as a tuple.
fn as_tuple(source: &Source, call: &CallSite, given: &Given) -> Option<Fix> {
    // What is no row of values is no tuple, either; nor would one with a list in it do.
    let is_row = match &given.value {
        Value::List(items) | Value::Tuple(items) => items.iter().all(|item| item.unhashable().is_none()),
        Value::Dict(_) => false,
        _ => true,
    };
    if !is_row {
        return None;
    }
    let argument = source.call(call)?.argument_at(&given.site)?.1.value;
    let range = source.range(argument);
    let text = source.text(range.clone());
    let new = match source.expression(argument)? {
        Expression::List(list) => {
            let inner = text.strip_prefix('[')?.strip_suffix(']')?;
            match list.as_slice() {
                [item] => {
                    let end = source.range(*item).end.checked_sub(range.start + 1)?;
                    format!("({})", with_comma(inner, end)?)
                }
                _ => format!("({inner})"),
            }
        }
        Expression::Str(_) => format!("({text},)"),
        _ => format!("tuple({text})"),
    };
    let site = Site { path: std::sync::Arc::clone(&given.site.path), start: range.start, end: range.end };
    Fix::safe("make it a tuple", vec![Edit::replace(&site, new)])
}

/// The inside of a list of one item, with a comma behind that item, which ends at a byte: behind its parentheses, and before
/// comments.
fn with_comma(inner: &str, item_end: usize) -> Option<String> {
    let mut place = item_end;
    let mut is_comment = false;
    for (at, letter) in inner.get(item_end..)?.char_indices() {
        match letter {
            '\n' => is_comment = false,
            '#' => is_comment = true,
            ',' if !is_comment => return Some(inner.to_owned()),
            ')' if !is_comment => place = item_end + at + 1,
            _ => {}
        }
    }
    let (before, behind) = inner.split_at_checked(place)?;
    Some(format!("{before},{behind}"))
}

/// Errors of environments, which are at no image.
fn of_environments(checker: &Checker<'_>) {
    for error in checker.report.errors.iter().filter(|e| e.raised.message.starts_with("Expected image to be")) {
        let message = format!("image is neither an image nor text: {}", raises(error));
        checker.push(Finding::new(&RULE, error.site.clone(), message));
    }
}
