//! `textDocument/hover`: the image under the cursor, a method and its lines, a package, a path, a rule.

mod argument;

use std::fmt::Write as _;

use image_model::folders::is_being_read;
use image_python::inspect::{Certainty, ImageReport, Stage, Variant};
use image_python::json;
use tower_lsp::ls_types::{Hover, HoverContents, MarkupContent, MarkupKind, Position, Uri};

use crate::analysis::Analysis;
use crate::cursor::{self, Link, Target};
use crate::state::State;
use crate::{preview, wording};

/// Lines of a Dockerfile that a hover shows; the rest is a click away.
const LINES: usize = 60;

/// The hover at a position.
pub(crate) fn at(analysis: &Analysis, uri: &Uri, position: Position, state: &State) -> Option<Hover> {
    let byte = analysis.byte(uri, position);
    let (value, range) = match cursor::at(analysis, byte)? {
        Target::Rule(rule, range) => (rule.markdown(), range),
        Target::Method(link, range) => (method(link, analysis), range),
        Target::Argument(link, given, value, range) => {
            (argument::markdown(link, given, value, analysis, state), range)
        }
        Target::Image(image, range) => (markdown(image, analysis, state), range),
    };
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }),
        range: analysis.range_in(uri, range.start, range.end),
    })
}

/// An image in all its outcomes.
fn markdown(image: &ImageReport, analysis: &Analysis, state: &State) -> String {
    let mut out = String::new();
    for (number, variant) in image.variants.iter().enumerate() {
        if number > 0 {
            out.push_str("\n---\n\n");
        }
        write_variant(&mut out, image, variant, number == 0, analysis, state);
    }
    out
}

fn write_variant(
    out: &mut String,
    image: &ImageReport,
    variant: &Variant,
    is_first: bool,
    analysis: &Analysis,
    state: &State,
) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{}\n", head(image, variant, analysis, state));
    if !variant.when.is_empty() {
        let conditions: Vec<String> = variant.when.iter().map(|c| format!("`{}`", c.shown())).collect();
        let _ = writeln!(out, "when {}\n", conditions.join(" and "));
    }
    let _ = writeln!(out, "{}\n", facts(variant).join(" · "));
    let version = &analysis.facts.environment.release.version;
    let mut second = vec![format!("flyte {version} ({})", analysis.facts.release_from)];
    if image.certainty == Certainty::Exact {
        second.insert(0, "exact: it follows from the code and its files alone".to_owned());
    }
    if is_first && let Some(impact) = state.heads.get(&analysis.report.path).and_then(|h| h.impact(image)) {
        second.push(impact.words());
    }
    let _ = writeln!(out, "{}\n", second.join(" · "));
    for text in &variant.assumptions {
        let _ = writeln!(out, "- assuming that {text}");
    }
    for note in analysis.facts.release_notes.iter().filter(|note| !variant.assumptions.contains(note)) {
        let _ = writeln!(out, "- {note}");
    }
    for unknown in &variant.unknowns {
        let _ = writeln!(out, "- not known because {}", unknown.reason);
    }
    for error in &variant.errors {
        let raised = &error.raised;
        let _ = writeln!(out, "- {} when it is {}: {}", raised.exception, stage(error.stage), raised.message);
    }
    dockerfile(out, image, variant, analysis, state);
}

fn head(image: &ImageReport, variant: &Variant, analysis: &Analysis, state: &State) -> String {
    match (&variant.uri, variant.errors.first()) {
        (Some(uri), _) => format!("**`{uri}`**"),
        (None, Some(error)) => {
            format!("**No image:** {} when it is {}", error.raised.exception, stage(error.stage))
        }
        (None, None) if variant.unknowns.iter().any(is_being_read) => {
            let last = image.names.first().and_then(|n| state.published.last_uri(&analysis.report.path, n));
            match last {
                Some(uri) => format!("**Was `{uri}`**, is being worked out anew"),
                None => "**The tag of this image is being worked out**".to_owned(),
            }
        }
        (None, None) => "**The tag of this image is not known**".to_owned(),
    }
}

/// Base, Python, platforms, layers.
fn facts(variant: &Variant) -> Vec<String> {
    let mut facts: Vec<String> = Vec::new();
    if let Some(base) = json::text(&variant.image.base_image) {
        facts.push(format!("base `{base}`"));
    }
    if let Some(python) = json::python_version(&variant.image.python_version) {
        facts.push(format!("Python {python}"));
    }
    if let Ok(platforms) = variant.image.platform.joined(", ") {
        facts.push(platforms);
    }
    facts.push(layers(variant.layers.len()));
    facts
}

/// So many layers, in words.
pub(crate) fn layers(count: usize) -> String {
    match count {
        0 => "no layers".to_owned(),
        1 => "1 layer".to_owned(),
        n => format!("{n} layers"),
    }
}

fn dockerfile(out: &mut String, image: &ImageReport, variant: &Variant, analysis: &Analysis, state: &State) {
    let Some(dockerfile) = &variant.dockerfile else { return };
    let lines: Vec<&str> = dockerfile.text.lines().collect();
    let shown = fenced(&lines[..lines.len().min(LINES)]);
    let rest = match lines.len().saturating_sub(LINES) {
        0 => String::new(),
        n => format!("\n… and {n} more lines\n"),
    };
    let client = state.client();
    let link = match preview::address(&analysis.report.path, image, &analysis.report) {
        Some(uri) if client.text_document_content => format!("\n[Open the Dockerfile]({uri})\n"),
        _ => String::new(),
    };
    let _ = if client.html_details {
        let summary = format!("Dockerfile, {} lines", lines.len());
        writeln!(out, "\n<details><summary>{summary}</summary>\n\n{shown}\n{rest}\n</details>\n{link}")
    } else {
        writeln!(out, "\n{shown}\n{rest}{link}")
    };
}

/// Lines as a block of Markdown, whatever stands in them.
fn fenced(lines: &[&str]) -> String {
    let longest = lines.iter().flat_map(|l| l.split(|c| c != '`')).map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}dockerfile\n{}\n{fence}", lines.join("\n"))
}

/// What a method adds, and the tag up to it.
fn method(link: Link<'_>, analysis: &Analysis) -> String {
    let Link { call, variant, .. } = link;
    let release = &analysis.facts.environment.release;
    let signature = crate::signature_help::label(call.method, release).unwrap_or_default();
    let mut out = format!("```python\n{signature}\n```\n{}\n", wording::of_method(call.method));
    let own: Vec<usize> = link.layers().collect();
    for number in &own {
        let layer = &variant.layers[*number];
        let _ = writeln!(out, "\nLayer {} of {}: `{}`\n", number + 1, variant.layers.len(), layer.kind);
        match (&variant.dockerfile, layer.dockerfile_lines) {
            (Some(dockerfile), Some((first, last))) => {
                let lines: Vec<&str> =
                    dockerfile.text.lines().skip(first - 1).take(last + 1 - first).collect();
                let _ = writeln!(out, "{}\n", fenced(&lines));
            }
            (Some(_), None) => out.push_str("It adds no lines to the Dockerfile.\n"),
            (None, _) => {}
        }
        if let Some(tag) = &layer.tag_so_far {
            let _ = writeln!(out, "Tag up to here: `{tag}`");
        }
    }
    if own.is_empty() {
        if let Some(base) = json::text(&variant.image.base_image) {
            let _ = writeln!(out, "\nBase: `{base}`");
        }
        for error in variant.errors.iter().filter(|e| e.method == Some(call.method)) {
            let _ = writeln!(out, "\n{}: {}", error.raised.exception, error.raised.message);
        }
    }
    out
}

/// When flyte raises, in words that go on after "when it is".
pub(crate) fn stage(stage: Stage) -> &'static str {
    match stage {
        Stage::Import => "imported",
        Stage::Hash => "hashed",
        Stage::Validate => "checked",
        Stage::Build => "built",
    }
}
