//! `textDocument/foldingRange` and `textDocument/selectionRange`: chains, their links, script headers.

use std::ops::Range;

use tower_lsp::ls_types::{FoldingRange, FoldingRangeKind, Position, SelectionRange, Uri};

use crate::analysis::Analysis;
use crate::code_lens::statement_start;
use crate::state::State;

/// What can be folded in a document: chains of several lines, calls of several lines in them, script headers.
pub(crate) fn folds(uri: &Uri, analysis: &Analysis, state: &State) -> Vec<FoldingRange> {
    let module = state.sources().module(&analysis.report.path, &state.snapshot()).ok();
    let mut places: Vec<(Range<usize>, Option<FoldingRangeKind>)> = Vec::new();
    for image in analysis.report.images.iter().filter(|i| analysis.is_here(&i.site)) {
        let start = module.as_deref().map_or(image.site.start, |m| statement_start(m, image.site.start));
        places.push((start..image.site.end, None));
        for call in image.variants.iter().flat_map(|v| &v.image.calls).filter(|c| analysis.is_here(&c.site)) {
            places.push((call.site.range(), None));
        }
    }
    places.extend(headers(&analysis.text).into_iter().map(|r| (r, Some(FoldingRangeKind::Comment))));
    let mut folds: Vec<FoldingRange> = Vec::new();
    for (range, kind) in places {
        let Some(range) = analysis.range_in(uri, range.start, range.end) else { continue };
        let (first, last) = (range.start.line, range.end.line);
        if first < last && !folds.iter().any(|f| (f.start_line, f.end_line) == (first, last)) {
            folds.push(FoldingRange { start_line: first, end_line: last, kind, ..FoldingRange::default() });
        }
    }
    folds.sort_by_key(|f| (f.start_line, f.end_line));
    folds
}

/// The headers of scripts (PEP 723): from `# /// name` to `# ///`.
fn headers(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let (mut open, mut at) = (None, 0);
    for line in text.split_inclusive('\n') {
        let content = line.trim_end();
        match open {
            None if content.starts_with("# /// ") => open = Some(at),
            Some(start) if content == "# ///" => {
                found.push(start..at + content.len());
                open = None;
            }
            Some(_) if !content.starts_with('#') => open = None,
            _ => {}
        }
        at += line.len();
    }
    found
}

/// From the word at a position outwards: item, argument, call, chain up to there, image, statement.
pub(crate) fn selection(uri: &Uri, position: Position, analysis: &Analysis, state: &State) -> SelectionRange {
    let byte = analysis.byte(uri, position);
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut add = |range: Range<usize>| {
        if range.start <= byte && byte <= range.end {
            ranges.push(range);
        }
    };
    if let Ok(module) = state.sources().module(&analysis.report.path, &state.snapshot()) {
        for span in module.spans.iter().filter(|s| s.start != u32::MAX) {
            add(span.range());
        }
        for statement in module.statements() {
            add(statement.span.range());
        }
    }
    for call in analysis.report.images.iter().flat_map(|i| &i.variants).flat_map(|v| &v.image.calls) {
        if analysis.is_here(&call.site) {
            add(call.site.range());
            call.arguments.iter().for_each(|g| add(g.site.range()));
        }
    }
    add(0..analysis.text.len());
    ranges.sort_by_key(|r| (r.end - r.start, r.start));
    ranges.dedup();
    let mut nested: Option<SelectionRange> = None;
    let mut outer: Option<Range<usize>> = None;
    for range in ranges.into_iter().rev() {
        // Each has to lie in the one around it.
        if outer.as_ref().is_some_and(|o| range.start < o.start || range.end > o.end) {
            continue;
        }
        let Some(shown) = analysis.range_in(uri, range.start, range.end) else { continue };
        outer = Some(range);
        nested = Some(SelectionRange { range: shown, parent: nested.map(Box::new) });
    }
    let here = tower_lsp::ls_types::Range { start: position, end: position };
    nested.unwrap_or(SelectionRange { range: here, parent: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_begin_and_end() {
        let text = "#!/x\n# /// script\n# dependencies = []\n# ///\nx = 1\n# /// open\nx = 2\n";
        let found: Vec<&str> = headers(text).into_iter().map(|r| &text[r]).collect();
        assert_eq!(found, ["# /// script\n# dependencies = []\n# ///"]);
    }
}
