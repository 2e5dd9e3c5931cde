//! `textDocument/documentLink` in headers, requirements files and projects: pages of projects, files.

use image_manifests::fs::FileSystem;
use image_manifests::manifest::Format;
use image_manifests::requirements_txt::Kind;
use tower_lsp::ls_types::{DocumentLink, Uri};

use super::{Document, page};
use crate::state::State;

/// The links of a document; none where it is no manifest.
pub(crate) fn of(uri: &Uri, state: &State) -> Option<Vec<DocumentLink>> {
    let document = Document::at(uri, state)?;
    let around = document.surroundings(state);
    let mut links = Vec::new();
    for dependency in document.manifest.dependencies.iter().filter(|d| !d.name.is_empty()) {
        let Some((label, page)) = page(dependency, &around, state) else { continue };
        let Ok(target) = page.parse::<Uri>() else { continue };
        links.push(DocumentLink {
            range: document.range(dependency.name_range.start, dependency.name_range.end),
            target: Some(target),
            tooltip: Some(format!("{label} of {}", dependency.name)),
            data: None,
        });
    }
    if document.manifest.format == Format::Requirements {
        links.extend(files(&document, state));
    }
    Some(links)
}

/// The files that a requirements file takes in.
fn files(document: &Document, state: &State) -> Vec<DocumentLink> {
    let fs = state.snapshot();
    let folder = document.path.parent().map(std::path::Path::to_path_buf).unwrap_or_default();
    let entries = document.manifest.entries.iter();
    let wanted =
        entries.filter(|e| matches!(e.kind, Kind::Include | Kind::Constraint) && e.is_local(&document.text));
    wanted
        .filter_map(|entry| {
            let path = folder.join(document.text.get(entry.value.clone())?);
            let target = fs.is_file(&path).then(|| Uri::from_file_path(path))??;
            Some(DocumentLink {
                range: document.range(entry.value.start, entry.value.end),
                target: Some(target),
                tooltip: Some("Open the requirements file".to_owned()),
                data: None,
            })
        })
        .collect()
}
