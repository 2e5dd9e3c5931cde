//! How a build ended, for people.

use std::io::Write;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use image_build::{BuildError, Built, Failure};
use image_model::origin::Site;
use image_python::json::Places;

use crate::paint::{DIM, GOOD, Output, in_style};

/// The address on standard output: the command's result.
pub(super) fn finished(built: &Built) -> std::io::Result<()> {
    if let Some(run) = &built.started {
        writeln!(anstream::stderr().lock(), "started the run {}", in_style(GOOD, &run.name))?;
    } else if !built.existed {
        let digest = built.digest.as_ref().map(|d| format!(" {}", in_style(DIM, d))).unwrap_or_default();
        writeln!(anstream::stderr().lock(), "{}{digest}", in_style(GOOD, "built"))?;
    }
    let mut out = Output::new();
    writeln!(out, "{}", built.started.as_ref().map_or(&built.uri, |run| &run.url))?;
    out.finish()
}

/// What went wrong, with the source and the last lines of the log, on standard error.
pub(super) fn failed(error: &BuildError, places: &mut Places<'_>) -> std::io::Result<()> {
    let mut err = anstream::stderr().lock();
    match error {
        BuildError::Refused(refusals) => {
            for refusal in refusals {
                let text = snippet(&refusal.message, refusal.rule, refusal.site.as_ref(), None, places);
                writeln!(err, "{text}")?;
            }
        }
        BuildError::Failed(failure) => {
            for line in &failure.log {
                writeln!(err, "  {} {line}", in_style(DIM, "│"))?;
            }
            let message = named(failure);
            let advice = failure.advice.as_deref();
            let text = snippet(&message, None, failure.site.as_ref(), advice, places);
            let text = match own_dockerfile(failure, places) {
                Some(dockerfile) => dockerfile,
                None => text,
            };
            writeln!(err, "{text}")?;
        }
        other if other.site().is_some() => {
            let advice = other.advice();
            let text = snippet(&other.to_string(), None, other.site(), advice.as_deref(), places);
            writeln!(err, "{text}")?;
        }
        other => {
            drop(err);
            let advice = other.advice();
            crate::error::render_text(&other.to_string(), advice.as_deref());
        }
    }
    Ok(())
}

/// The message, with the line of the Dockerfile that failed.
fn named(failure: &Failure) -> String {
    match failure.lines {
        Some((line, _)) => format!("{} (line {line} of the Dockerfile)", failure.message),
        None => failure.message.clone(),
    }
}

/// The place in the user's own Dockerfile.
fn own_dockerfile(failure: &Failure, places: &mut Places<'_>) -> Option<String> {
    let (path, (first, last)) = (failure.dockerfile.as_ref()?, failure.lines?);
    let (text, index) = places.text(path);
    let unit = image_manifests::position::Unit::Characters;
    let start = index.byte(text, first.checked_sub(1)?, 0, unit);
    let end = index.byte(text, last, 0, unit);
    let end = start + text.get(start..end)?.trim_end().len();
    let site = Site { path: path.as_path().into(), start, end };
    Some(snippet(&failure.message, None, Some(&site), failure.advice.as_deref(), places))
}

fn snippet(
    message: &str,
    rule: Option<&str>,
    site: Option<&Site>,
    advice: Option<&str>,
    places: &mut Places<'_>,
) -> String {
    let mut title = Level::ERROR.primary_title(message);
    if let Some(rule) = rule {
        title = title.id(rule);
    }
    let source = site.map(|site| (places.path(&site.path), places.text(&site.path).0.clone(), site.range()));
    let mut group: Group<'_> = Group::with_title(title);
    if let Some((path, text, range)) = &source {
        let range = range.start.min(text.len())..range.end.min(text.len());
        let annotation = AnnotationKind::Primary.span(range);
        group = group.element(Snippet::source(text.as_str()).path(path.as_str()).annotation(annotation));
    }
    if let Some(advice) = advice {
        group = group.element(Level::HELP.message(advice));
    }
    Renderer::styled().render(&[group]).to_string()
}

/// Bytes for people.
pub(super) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match UNITS.into_iter().find(|(_, unit)| bytes >= *unit) {
        Some((name, unit)) => format!("{}.{} {name}", bytes / unit, bytes % unit * 10 / unit),
        None => format!("{bytes} bytes"),
    }
}
