//! `textDocument/documentSymbol` and `workspace/symbol`: images and their layers.

use image_manifests::position::LineIndex;
use image_python::inspect::{FileReport, ImageReport};
use tower_lsp::ls_types::{
    DocumentSymbol, DocumentSymbolResponse, Location, OneOf, SymbolInformation, SymbolKind, Uri,
    WorkspaceSymbol,
};

use crate::analysis::Analysis;
use crate::code_lens::{short, statement_start};
use crate::manifest;
use crate::state::State;
use crate::view::to_range;
use crate::workspace;

/// The images of a document, with their layers below them.
pub(crate) fn of(uri: &Uri, analysis: &Analysis, state: &State) -> DocumentSymbolResponse {
    let own =
        analysis.report.images.iter().filter(|i| analysis.is_here(&i.site) && !i.intermediate && !i.imported);
    let mut symbols: Vec<DocumentSymbol> = own.filter_map(|i| symbol(uri, i, analysis, state)).collect();
    symbols.splice(0..0, manifest::symbols::of(uri, state).unwrap_or_default());
    shown(symbols, uri, state)
}

/// Symbols as the client takes them: nested, or one after the other.
pub(crate) fn shown(symbols: Vec<DocumentSymbol>, uri: &Uri, state: &State) -> DocumentSymbolResponse {
    if state.client().nested_symbols {
        return DocumentSymbolResponse::Nested(symbols);
    }
    let mut flat = Vec::new();
    for symbol in symbols {
        flat.push(information(&symbol, uri, None));
        for child in symbol.children.iter().flatten() {
            flat.push(information(child, uri, Some(symbol.name.clone())));
        }
    }
    DocumentSymbolResponse::Flat(flat)
}

#[expect(deprecated, reason = "the field has to be given")]
fn information(symbol: &DocumentSymbol, uri: &Uri, container_name: Option<String>) -> SymbolInformation {
    SymbolInformation {
        name: symbol.name.clone(),
        kind: symbol.kind,
        tags: None,
        deprecated: None,
        location: Location { uri: uri.clone(), range: symbol.range },
        container_name,
    }
}

#[expect(deprecated, reason = "the field has to be given")]
fn symbol(uri: &Uri, image: &ImageReport, analysis: &Analysis, state: &State) -> Option<DocumentSymbol> {
    let module = state.sources().module(&analysis.report.path, &state.snapshot()).ok();
    let start = module.map_or(image.site.start, |m| statement_start(&m, image.site.start));
    let range = analysis.range_in(uri, start, image.site.end)?;
    let selection_range = analysis.range_in(uri, image.site.start, image.site.end)?;
    let variant = image.variants.first()?;
    let calls = variant
        .image
        .calls
        .iter()
        .filter(|c| analysis.is_here(&c.site) && c.site.start >= start && c.site.end <= image.site.end);
    let children: Vec<DocumentSymbol> = calls
        .filter_map(|call| {
            let range = analysis.range_in(uri, call.site.start, call.site.end)?;
            let name_end = call.site.start + call.method.len();
            let text = analysis.text.get(name_end + 1..call.site.end.saturating_sub(1)).unwrap_or_default();
            let detail: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
            Some(DocumentSymbol {
                name: call.method.to_owned(),
                detail: Some(detail).filter(|d| !d.is_empty()),
                kind: SymbolKind::METHOD,
                tags: None,
                deprecated: None,
                range,
                selection_range: analysis.range_in(uri, call.site.start, name_end)?,
                children: None,
            })
        })
        .collect();
    Some(DocumentSymbol {
        name: name_of(image),
        detail: variant.uri.as_deref().map(short),
        kind: SymbolKind::OBJECT,
        tags: None,
        deprecated: None,
        range,
        selection_range,
        children: Some(children).filter(|c| !c.is_empty()),
    })
}

/// A name for a person: what holds the image, else its own name.
fn name_of(image: &ImageReport) -> String {
    let own = || image.variants.first().and_then(|v| image_python::json::text(&v.image.name));
    image.names.first().cloned().or_else(own).unwrap_or_else(|| "image".to_owned())
}

/// The images of the workspace whose name, address or methods hold a text. Takes long.
pub(crate) fn in_workspace(query: &str, state: &State) -> Vec<WorkspaceSymbol> {
    let query = query.to_lowercase();
    let reports = workspace::reports(state);
    let mut symbols: Vec<WorkspaceSymbol> = reports.iter().flat_map(|r| of_file(r, &query, state)).collect();
    symbols.sort_by(|a, b| a.name.cmp(&b.name));
    symbols
}

fn of_file(report: &FileReport, query: &str, state: &State) -> Vec<WorkspaceSymbol> {
    let text = state.text_of(&report.path).unwrap_or_default();
    let index = LineIndex::new(&text);
    let Some(uri) = state.uri(&report.path) else { return Vec::new() };
    let location = |start: usize, end: usize| {
        let range = to_range(&text, &index, start, end, state.documents.unit());
        OneOf::Left(Location { uri: uri.clone(), range })
    };
    let mut symbols = Vec::new();
    let own = report.images.iter().filter(|i| i.site.path == report.path && !i.intermediate && !i.imported);
    for image in own {
        let name = name_of(image);
        let address = image.variants.first().and_then(|v| v.uri.clone()).unwrap_or_default();
        let symbol = |name: String, kind, location, container_name| WorkspaceSymbol {
            name,
            kind,
            tags: None,
            container_name,
            location,
            data: None,
        };
        if name.to_lowercase().contains(query) || address.to_lowercase().contains(query) {
            let place = location(image.site.start, image.site.end);
            symbols.push(symbol(
                name.clone(),
                SymbolKind::OBJECT,
                place,
                Some(short(&address)).filter(|a| !a.is_empty()),
            ));
        }
        let calls = image.variants.first().map(|v| v.image.calls.as_slice()).unwrap_or_default();
        let wanted = |c: &&std::sync::Arc<image_model::origin::CallSite>| {
            !query.is_empty() && c.site.path == report.path && c.method.contains(query)
        };
        for call in calls.iter().filter(wanted) {
            let place = location(call.site.start, call.site.end);
            symbols.push(symbol(call.method.to_owned(), SymbolKind::METHOD, place, Some(name.clone())));
        }
    }
    symbols
}
