//! `textDocument/codeAction` in headers, requirements files and projects: other ways to write a dependency.

use image_manifests::manifest::{Dependency, Form, Format};
use image_manifests::pins::normalised;
use image_manifests::requirement::{as_series, parts};
use image_model::origin::Site;
use image_rules::Edit;
use tower_lsp::ls_types::{CodeAction, CodeActionKind, CodeActionParams};

use super::Document;
use crate::code_actions::{REWRITE, workspace_edit};
use crate::state::State;

/// What can be written another way in a range.
pub(crate) fn rewrites(parameters: &CodeActionParams, state: &State) -> Vec<CodeAction> {
    let Some(document) = Document::at(&parameters.text_document.uri, state) else { return Vec::new() };
    let Some(byte) = document.place(parameters.range.start) else { return Vec::new() };
    let mut actions = Vec::new();
    if let Some(dependency) = document.manifest.dependency_at(byte) {
        actions.extend(pins(dependency, &document, state));
        actions.extend(normalise(dependency, &document, state));
    }
    actions.extend(series(&document, byte, state));
    actions
}

fn action(title: String, edit: Edit, state: &State) -> Option<CodeAction> {
    Some(CodeAction {
        title,
        kind: Some(CodeActionKind::new(REWRITE)),
        edit: Some(workspace_edit(&[edit], state)?),
        ..CodeAction::default()
    })
}

fn site(document: &Document, range: std::ops::Range<usize>) -> Site {
    Site { path: std::sync::Arc::clone(&document.path), start: range.start, end: range.end }
}

/// Pins to what is installed and locked.
fn pins(dependency: &Dependency, document: &Document, state: &State) -> Vec<CodeAction> {
    if dependency.form != Form::Requirement || dependency.name.is_empty() {
        return Vec::new();
    }
    let around = document.surroundings(state);
    let mut versions: Vec<(String, String)> = Vec::new();
    if let Some((version, _)) = around.installed(&dependency.name) {
        versions.push((version.to_owned(), "the installed version".to_owned()));
    }
    if let [locked] = around.locked(&dependency.name)
        && let Some(version) = &locked.version
        && !versions.iter().any(|(v, _)| v == version)
    {
        versions.push((version.clone(), format!("the version in {}", around.lock_name())));
    }
    let Some(parts) = parts(&dependency.text).filter(|p| p.address.is_none()) else { return Vec::new() };
    let start = parts.extras.last().map_or(parts.name.end, |extra| {
        dependency.text[extra.end..].find(']').map_or(extra.end, |at| extra.end + at + 1)
    });
    let end =
        dependency.text.find(';').map_or(dependency.text.len(), |at| dependency.text[..at].trim_end().len());
    let Some(inner) = dependency.inner.clone().filter(|_| start <= end) else { return Vec::new() };
    let place = site(document, inner.start + start..inner.start + end);
    let is_new = |version: &String| dependency.text[start..end].trim() != format!("=={version}");
    let all = versions.into_iter().filter(|(version, _)| is_new(version));
    all.filter_map(|(version, what)| {
        let edit = Edit::replace(&place, format!("=={version}"));
        action(format!("Pin {} to {version}, {what}", dependency.name), edit, state)
    })
    .collect()
}

/// The name as indexes write it.
fn normalise(dependency: &Dependency, document: &Document, state: &State) -> Option<CodeAction> {
    let written = document.text.get(dependency.name_range.clone())?;
    if dependency.name.is_empty()
        || dependency.inner.is_none()
        || written == dependency.name
        || normalised(written) != dependency.name
    {
        return None;
    }
    let edit = Edit::replace(&site(document, dependency.name_range.clone()), dependency.name.clone());
    action(format!("Write {} in its normal form", dependency.name), edit, state)
}

/// `==3.12` of a Python as `>=3.12,<3.13`.
fn series(document: &Document, byte: usize, state: &State) -> Option<CodeAction> {
    if !matches!(document.manifest.format, Format::Script | Format::Project) {
        return None;
    }
    let required = document.manifest.requires_python.as_ref()?;
    if byte < required.range.start || required.range.end < byte {
        return None;
    }
    let series = as_series(&required.value)?;
    let edit = Edit::replace(&site(document, required.inner.clone()?), series.clone());
    action(format!("Write {series}, which takes every patch release"), edit, state)
}
