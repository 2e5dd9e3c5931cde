//! `textDocument/documentSymbol` of headers, requirements files and projects: the lists and their dependencies.

use std::collections::BTreeMap;
use std::ops::Range;

use image_manifests::manifest::{Dependency, Format};
use tower_lsp::ls_types::{DocumentSymbol, SymbolKind, Uri};

use super::Document;
use crate::state::State;

/// The symbols of a manifest; of a script its header alone. `None` where it is no manifest.
pub(crate) fn of(uri: &Uri, state: &State) -> Option<Vec<DocumentSymbol>> {
    let document = Document::at(uri, state)?;
    let manifest = &document.manifest;
    let dependencies = || manifest.dependencies.iter().map(|d| dependency(d, &document)).collect::<Vec<_>>();
    Some(match (&manifest.header, manifest.format) {
        (Some(header), _) => {
            let selection = header.opener.clone();
            vec![symbol(
                "script header",
                SymbolKind::NAMESPACE,
                header.range(),
                selection,
                &document,
                dependencies(),
            )]
        }
        (None, Format::Requirements) => dependencies(),
        (None, _) => {
            let mut lists: BTreeMap<(usize, &str), Vec<&Dependency>> = BTreeMap::new();
            let mut first: BTreeMap<&str, usize> = BTreeMap::new();
            for found in &manifest.dependencies {
                let start = *first.entry(&found.list).or_insert(found.range.start);
                lists.entry((start, &found.list)).or_default().push(found);
            }
            let list = |((_, name), all): ((usize, &str), Vec<&Dependency>)| {
                let start = all.first().map_or(0, |d| d.range.start);
                let end = all.last().map_or(start, |d| d.range.end);
                let children = all.iter().map(|d| dependency(d, &document)).collect();
                symbol(name, SymbolKind::ARRAY, start..end, start..end, &document, children)
            };
            lists.into_iter().map(list).collect()
        }
    })
}

fn dependency(found: &Dependency, document: &Document) -> DocumentSymbol {
    let name = if found.name.is_empty() { found.text.as_str() } else { found.name.as_str() };
    let name = if name.is_empty() { "?" } else { name };
    let range = found.range.clone();
    let mut symbol = symbol(name, SymbolKind::PACKAGE, range, found.name_range.clone(), document, Vec::new());
    symbol.detail = Some(found.text.clone()).filter(|text| *text != symbol.name);
    symbol
}

#[expect(deprecated, reason = "the field has to be given")]
fn symbol(
    name: &str,
    kind: SymbolKind,
    range: Range<usize>,
    selection: Range<usize>,
    document: &Document,
    children: Vec<DocumentSymbol>,
) -> DocumentSymbol {
    DocumentSymbol {
        name: name.to_owned(),
        detail: None,
        kind,
        tags: None,
        deprecated: None,
        range: document.range(range.start, range.end),
        selection_range: document.range(selection.start, selection.end),
        children: Some(children).filter(|c| !c.is_empty()),
    }
}
