//! For people: each finding with its source, and what to do.

use std::io::Write as _;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use image_manifests::position::Unit;
use image_python::json::Places;
use image_rules::{Applicability, Severity};

use super::{Shown, Summary};
use crate::error::CliError;
use crate::paint::Output;

/// Lines longer than this are not shown whole.
const WIDTH: usize = 140;

pub(super) fn write(
    out: &mut Output,
    findings: &[Shown<'_>],
    places: &mut Places<'_>,
    summary: Option<&Summary>,
) -> Result<(), CliError> {
    // Escapes are always written; the stream drops them where there is no terminal.
    let renderer = Renderer::styled().term_width(WIDTH);
    for shown in findings {
        let text = one(shown, places, &renderer);
        writeln!(out, "{text}\n")?;
    }
    if let Some(summary) = summary {
        for sentence in summary.sentences() {
            writeln!(out, "{sentence}")?;
        }
    }
    Ok(())
}

fn one(shown: &Shown<'_>, places: &mut Places<'_>, renderer: &Renderer) -> String {
    let finding = shown.finding;
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Hint => Level::HELP.with_name("hint"),
    };
    // What to do stands behind the last semicolon: it gets a line of its own.
    let (message, advice) = match finding.message.rsplit_once("; ") {
        Some((message, advice)) => (message, Some(advice)),
        None => (finding.message.as_str(), None),
    };
    let text = places.text(&finding.site.path).0.clone();
    let name = match shown.cell {
        Some(cell) => format!("{}:cell {cell}", shown.path),
        None => shown.path.clone(),
    };
    let clamp = |range: Range<usize>, text: &str| boundary(text, range.start)..boundary(text, range.end);
    // In a notebook the lines are those of the cell.
    let cut = if shown.cell.is_some() { start_of_cell(shown, places) } else { 0 };
    let source = text.get(cut..).unwrap_or(&text);
    let shift = |range: Range<usize>| range.start.saturating_sub(cut)..range.end.saturating_sub(cut);
    let mut snippet = Snippet::source(source).path(name).annotation(
        AnnotationKind::Primary.span(shift(clamp(finding.site.range(), &text))).label(shown.rule.name),
    );
    let mut others: Vec<(String, String, Range<usize>, &str)> = Vec::new();
    for related in &finding.related {
        if related.site.path == finding.site.path {
            let span = shift(clamp(related.site.range(), &text));
            snippet = snippet.annotation(AnnotationKind::Context.span(span).label(related.message.as_str()));
        } else {
            let text = places.text(&related.site.path).0.clone();
            let span = clamp(related.site.range(), &text);
            others.push((places.path(&related.site.path), text, span, &related.message));
        }
    }
    let mut group: Group<'_> = level.primary_title(message).id(shown.rule.code).element(snippet);
    for (path, text, span, message) in &others {
        group = group.element(
            Snippet::source(text.as_str())
                .path(path.as_str())
                .annotation(AnnotationKind::Context.span(span.clone()).label(*message)),
        );
    }
    if let Some(advice) = advice {
        group = group.element(Level::HELP.message(advice));
    }
    let fix = shown.fix().map(|fix| {
        let flags = match fix.applicability {
            Applicability::Safe => "--fix",
            Applicability::Unsafe => "--fix --unsafe-fixes",
        };
        format!("{flags} can do this: {}", fix.message)
    });
    if let Some(fix) = &fix {
        group = group.element(Level::NOTE.with_name("fix").message(fix.as_str()));
    }
    renderer.render(&[group]).to_string()
}

/// The nearest place that is no part of a character.
fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// Where the cell of a finding begins.
fn start_of_cell(shown: &Shown<'_>, places: &mut Places<'_>) -> usize {
    let site = &shown.finding.site;
    let whole = places.range(site).start.line;
    let (text, index) = places.text(&site.path);
    let first = whole.saturating_sub(shown.range.start.line);
    index.byte(text, first, 0, Unit::Characters)
}
