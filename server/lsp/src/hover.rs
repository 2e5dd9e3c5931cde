//! `textDocument/hover`: the image under the cursor, with its address, what it rests on, and its Dockerfile.

use std::fmt::Write as _;

use image_manifests::position::Unit;
use image_model::origin::Site;
use image_python::inspect::{Certainty, ImageReport, Variant};
use image_python::json;
use tower_lsp::ls_types::{Hover, HoverContents, MarkupContent, MarkupKind, Position};

use crate::documents::{Analysis, to_byte, to_range};

/// Lines of a Dockerfile that a hover shows; the rest is counted.
const LINES: usize = 80;

pub(crate) fn at(analysis: &Analysis, position: Position, unit: Unit) -> Option<Hover> {
    let byte = to_byte(&analysis.text, &analysis.index, position, unit);
    let (image, site) = under(analysis, byte)?;
    let value = markdown(image, analysis);
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }),
        range: Some(to_range(&analysis.text, &analysis.index, &site, unit)),
    })
}

/// The image under a byte: one whose expression or use is the smallest around it, or one that the name there holds.
fn under(analysis: &Analysis, byte: usize) -> Option<(&ImageReport, Site)> {
    let here = |site: &&Site| *site.path == *analysis.report.path && site.start <= byte && byte <= site.end;
    let word = word_at(&analysis.text, byte);
    if let Some((name, start)) = word
        && let Some(image) = analysis.report.images.iter().rev().find(|i| i.names.iter().any(|n| n == name))
    {
        let site = Site { path: analysis.report.path.clone(), start, end: start + name.len() };
        return Some((image, site));
    }
    let places = analysis.report.images.iter().flat_map(|image| {
        let uses = image.uses.iter();
        uses.chain([&image.site]).map(move |site| (image, site))
    });
    places
        .filter(|(_, site)| here(site))
        .min_by_key(|(image, site)| (image.intermediate, site.end - site.start))
        .map(|(image, site)| (image, site.clone()))
}

/// The dotted name around a byte, and where it begins.
fn word_at(text: &str, byte: usize) -> Option<(&str, usize)> {
    let part = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
    let before = text.get(..byte)?;
    let after = text.get(byte..)?;
    let start =
        before.rfind(|c| !part(c)).map_or(0, |i| i + before[i..].chars().next().map_or(1, char::len_utf8));
    let end = byte + after.find(|c: char| !part(c) || c == '.').unwrap_or(after.len());
    text.get(start..end).filter(|w| !w.is_empty()).map(|w| (w, start))
}

fn markdown(image: &ImageReport, analysis: &Analysis) -> String {
    let mut out = String::new();
    for (number, variant) in image.variants.iter().enumerate() {
        if number > 0 {
            out.push_str("\n---\n\n");
        }
        write_variant(&mut out, image, variant, analysis);
    }
    out
}

fn write_variant(out: &mut String, image: &ImageReport, variant: &Variant, analysis: &Analysis) {
    let head = match (&variant.uri, variant.errors.first()) {
        (Some(uri), _) => format!("**`{uri}`**"),
        (None, Some(error)) => {
            format!("**No image:** {} when it is {}", error.raised.exception, stage(error.stage))
        }
        (None, None) => "**The tag of this image is not known**".to_owned(),
    };
    // Writing to a string does not fail.
    let _ = writeln!(out, "{head}\n");
    if !variant.when.is_empty() {
        let conditions: Vec<String> = variant.when.iter().map(|c| format!("`{}`", c.shown())).collect();
        let _ = writeln!(out, "when {}\n", conditions.join(" and "));
    }
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
    facts.push(match variant.layers.len() {
        0 => "no layers".to_owned(),
        1 => "1 layer".to_owned(),
        n => format!("{n} layers"),
    });
    let version = &analysis.facts.environment.release.version;
    facts.push(format!("flyte {version} ({})", analysis.facts.release_from));
    let _ = writeln!(out, "{}\n", facts.join(" · "));
    if image.certainty == Certainty::Exact {
        let _ = writeln!(out, "Exact: it follows from the code and its files alone.\n");
    }
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
        let _ = writeln!(
            out,
            "- {} when it is {}: {}",
            error.raised.exception,
            stage(error.stage),
            error.raised.message
        );
    }
    if let Some(dockerfile) = &variant.dockerfile {
        let lines: Vec<&str> = dockerfile.text.lines().collect();
        let shown = lines[..lines.len().min(LINES)].join("\n");
        let _ = writeln!(out, "\n```dockerfile\n{shown}\n```");
        if lines.len() > LINES {
            let _ = writeln!(out, "\n… and {} more lines", lines.len() - LINES);
        }
    }
}

fn stage(stage: image_python::inspect::Stage) -> &'static str {
    use image_python::inspect::Stage;
    match stage {
        Stage::Import => "imported",
        Stage::Hash => "hashed",
        Stage::Validate => "checked",
        Stage::Build => "built",
    }
}
