//! A text as a client shows it: where its bytes are for the client, and the other way round.

use std::path::Path;
use std::sync::Arc;

use image_manifests::position::{LineIndex, Unit};
use image_model::origin::Site;
use tower_lsp::ls_types::{Position, Range, Uri};

use crate::documents::{Cell, Open};

/// A file's text at one moment.
pub(crate) struct View {
    /// The file as it was open.
    pub(crate) open: Open,
    pub(crate) path: Arc<Path>,
    /// The file's text without a byte order mark; a notebook's as a module.
    pub(crate) text: Arc<str>,
    pub(crate) index: LineIndex,
    /// A notebook's code cells; empty for other files.
    pub(crate) cells: Arc<[Cell]>,
    /// What its columns count for the client.
    pub(crate) unit: Unit,
}

impl View {
    /// The byte of a position in the file, or in one of its cells. Past the end of a line it is the line's end.
    pub(crate) fn byte(&self, uri: &Uri, position: Position) -> usize {
        let mut line = position.line as usize;
        if let Some(cell) = self.cells.iter().find(|c| c.uri == *uri) {
            if line >= cell.lines {
                let last = cell.line + cell.lines.saturating_sub(1);
                return self.index.byte(&self.text, last, usize::MAX, self.unit);
            }
            line += cell.line;
        }
        self.index.byte(&self.text, line, position.character as usize, self.unit)
    }

    /// The range of a place in the file, as lines of the whole module.
    pub(crate) fn range(&self, start: usize, end: usize) -> Range {
        to_range(&self.text, &self.index, start, end, self.unit)
    }

    /// The document and the range of a place in the file.
    pub(crate) fn locate(&self, start: usize, end: usize) -> (Uri, Range) {
        let mut range = self.range(start, end);
        let Some(cell) = self.cells.iter().rev().find(|c| c.line <= range.start.line as usize) else {
            return (self.open.uri.clone(), range);
        };
        let (first, last) = (clamp(cell.line), clamp(cell.line + cell.lines.saturating_sub(1)));
        if range.end.line > last {
            // Nothing reaches over the end of a cell but its last line's break.
            let end = self.index.byte(&self.text, last as usize, usize::MAX, self.unit);
            range.end = self.range(end, end).start;
        }
        range.start.line -= first;
        range.end.line = range.end.line.saturating_sub(first).max(range.start.line);
        (cell.uri.clone(), range)
    }

    /// Whether a place is in the file itself.
    pub(crate) fn is_here(&self, site: &Site) -> bool {
        site.path == self.path
    }

    /// The range of a place of the file within one of its documents; `None` where it is in another cell.
    pub(crate) fn range_in(&self, uri: &Uri, start: usize, end: usize) -> Option<Range> {
        let (own, range) = self.locate(start, end);
        (self.cells.is_empty() || own == *uri).then_some(range)
    }
}

fn clamp(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// A place as the protocol has it.
pub(crate) fn to_range(text: &str, index: &LineIndex, start: usize, end: usize, unit: Unit) -> Range {
    let place = |byte| {
        let (line, character) = index.position(text, byte, unit);
        Position { line: clamp(line), character: clamp(character) }
    };
    Range { start: place(start), end: place(end) }
}
