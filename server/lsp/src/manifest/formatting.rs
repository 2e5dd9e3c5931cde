//! `textDocument/formatting` and `rangeFormatting`: the TOML of a script's header, and nothing else of the script.
//!
//! What it means stays the same, and every comment: else nothing is changed.

use image_manifests::header;
use image_manifests::manifest::Format;
use image_manifests::toml_format::format;
use tower_lsp::ls_types::{Range, TextEdit, Uri};

use super::Document;
use crate::state::State;

/// The edits that format a header, if a range touches it.
pub(crate) fn edits(uri: &Uri, within: Option<Range>, state: &State) -> Option<Vec<TextEdit>> {
    let document = Document::at(uri, state)?;
    if document.manifest.format != Format::Script {
        return None;
    }
    let header = document.manifest.header.as_ref().filter(|h| h.trouble.is_none())?;
    let own = header.range();
    if let Some(within) = within {
        let (start, end) = (document.byte(uri, within.start), document.byte(uri, within.end));
        if end < own.start || own.end < start {
            return Some(Vec::new());
        }
    }
    let Some(formatted) = format(&header.content.text) else { return Some(Vec::new()) };
    let line_end = if document.text.contains("\r\n") { "\r\n" } else { "\n" };
    let new_text = header::written(&formatted, line_end);
    if document.text.get(own.clone()) == Some(&*new_text) {
        return Some(Vec::new());
    }
    Some(vec![TextEdit { range: document.range(own.start, own.end), new_text }])
}
