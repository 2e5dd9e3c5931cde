//! `textDocument/hover` in headers, requirements files and projects: dependencies, `requires-python`, keys.

use std::fmt::Write as _;

use image_manifests::manifest::{Dependency, Form, Format};
use image_manifests::requirement::Requirement;
use image_rules::requirements;
use tower_lsp::ls_types::{Hover, HoverContents, MarkupContent, MarkupKind, Position, Uri};

use super::lexer::{Place, place};
use super::{Document, Surroundings, keys, page};
use crate::state::State;

/// Images that are named; more are counted.
const IMAGES: usize = 5;

/// The hover at a position; `None` where it is not in a manifest.
pub(crate) fn at(uri: &Uri, position: Position, state: &State) -> Option<Hover> {
    let document = Document::at(uri, state)?;
    let byte = document.place(position)?;
    let (value, range) = match document.manifest.dependency_at(byte) {
        Some(dependency) => (of_dependency(dependency, &document, state), dependency.range.clone()),
        None => of_key(&document, byte)?,
    };
    Some(Hover {
        contents: HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value }),
        range: Some(document.range(range.start, range.end)),
    })
}

fn of_dependency(dependency: &Dependency, document: &Document, state: &State) -> String {
    let around = document.surroundings(state);
    let name = if dependency.name.is_empty() { dependency.text.as_str() } else { dependency.name.as_str() };
    let words = match dependency.form {
        Form::Requirement => requirements::in_words(&dependency.text),
        Form::Entry => dependency.text.clone(),
    };
    let mut out = format!("**{name}**");
    let _ = match words.as_str() {
        "" => write!(out, ", any version"),
        words => write!(out, ": {words}"),
    };
    let metadata = around.metadata(&dependency.name, state);
    if let Some(summary) = metadata.as_ref().map(|m| m.summary.as_str()).filter(|s| !s.is_empty()) {
        let _ = write!(out, "\n\n{summary}");
    }
    let facts = versions(dependency, &around);
    if !facts.is_empty() {
        let _ = write!(out, "\n\n{facts}");
    }
    if let Some(metadata) = metadata.filter(|m| !m.extras.is_empty()) {
        let _ = write!(out, "\n\nExtras: {}", metadata.extras.join(", "));
    }
    let images = images(document, state);
    if !images.is_empty() {
        let _ = write!(out, "\n\nUsed by {images}");
    }
    if let Some((label, page)) = page(dependency, &around, state) {
        let _ = write!(out, "\n\n[{label}]({page})");
    }
    out
}

/// What is installed and locked, and whether it is what is asked for.
fn versions(dependency: &Dependency, around: &Surroundings) -> String {
    let asked = Requirement::parse(&dependency.text).filter(|_| dependency.form == Form::Requirement);
    let fits = |version: &str| match asked.as_ref().and_then(|a| a.allows(version)) {
        Some(false) => ", **which is not what is asked for**",
        _ => "",
    };
    let mut told = Vec::new();
    match around.installed(&dependency.name) {
        Some((version, place)) => told.push(format!("Installed: {version} in `{place}`{}", fits(version))),
        None => {
            let place = around.installed.as_ref().filter(|_| !dependency.name.is_empty());
            told.extend(place.map(|(_, place)| format!("Not installed in `{place}`")));
        }
    }
    for version in around.locked(&dependency.name).iter().filter_map(|l| l.version.as_deref()) {
        told.push(format!("Locked: {version} in `{}`{}", around.lock_name(), fits(version)));
    }
    told.join("  \n")
}

/// The images that are made from the file.
fn images(document: &Document, state: &State) -> String {
    let mut names: Vec<String> = Vec::new();
    for (analysis, sites) in super::references::images_of(&document.path, state) {
        let report = &analysis.report;
        for (image, _) in sites {
            let name = report.images.get(image).map(|i| {
                let own = i.variants.first().and_then(|v| image_python::json::text(&v.image.name));
                i.names.first().cloned().or(own).unwrap_or_else(|| "an image".to_owned())
            });
            let file = report.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let told = name.map(|name| format!("`{name}` in {file}"));
            names.extend(told.filter(|t| !names.contains(t)));
        }
    }
    let more = names.len().saturating_sub(IMAGES);
    names.truncate(IMAGES);
    let rest = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{rest}", names.join(", "))
}

/// A key of a header.
fn of_key(document: &Document, byte: usize) -> Option<(String, std::ops::Range<usize>)> {
    if document.manifest.format != Format::Script {
        return None;
    }
    let header = document.manifest.header.as_ref()?;
    if header.opener.contains(&byte) || header.closer.as_ref().is_some_and(|c| c.contains(&byte)) {
        let count = document.manifest.dependencies.len();
        let range = header.opener.clone();
        return Some((format!("The header of a script (PEP 723), with {count} dependencies."), range));
    }
    let text = &header.content.text;
    let inside = header.content.from_file(byte)?;
    // To the end of the word: what it is can be told only then.
    let end = inside
        + text[inside..]
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
            .unwrap_or(text.len() - inside);
    let Place::Key { table, start } = place(text, end) else { return None };
    let word = text.get(start..end)?;
    let key = keys::of(&table).iter().find(|k| k.name == word)?;
    let about = if key.is_heeded { "" } else { "\n\nflyte does not apply it to the image." };
    Some((format!("`{}`\n\n{}{about}", key.name, key.what), header.content.range(start..end)))
}
