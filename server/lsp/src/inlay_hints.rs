//! `textDocument/inlayHint`: the tag behind an image, the base behind a constructor.

use image_python::json;
use tower_lsp::ls_types::{InlayHint, InlayHintKind, InlayHintLabel, InlayHintTooltip, Position, Range, Uri};

use crate::analysis::Analysis;
use crate::code_lens::is_shown;

/// The hints in a range of a document.
pub(crate) fn of(uri: &Uri, range: Range, analysis: &Analysis) -> Vec<InlayHint> {
    let settings = &analysis.settings;
    let mut hints = Vec::new();
    for image in analysis.report.images.iter().filter(|i| is_shown(i, analysis)) {
        let Some(variant) = image.variants.first() else { continue };
        if settings.inlay_base == Some(true)
            && let (Some(origin), Some(base)) = (&variant.image.origin, json::text(&variant.image.base_image))
            && analysis.is_here(&origin.site)
        {
            hints.extend(hint(uri, origin.site.end, base.clone(), format!("Base image `{base}`"), analysis));
        }
        if settings.inlay_tag != Some(false)
            && variant.modified
            && let (Some(tag), Some(address)) = (&variant.tag, &variant.uri)
        {
            let short = if tag.len() > 12 { format!("{}…", &tag[..8.min(tag.len())]) } else { tag.clone() };
            let tooltip = format!("`{address}`");
            hints.extend(hint(uri, image.site.end, short, tooltip, analysis));
        }
    }
    let inside = |p: &Position| range.start <= *p && *p <= range.end;
    hints.retain(|h| inside(&h.position));
    hints.dedup_by_key(|h| h.position);
    hints
}

fn hint(uri: &Uri, byte: usize, label: String, tooltip: String, analysis: &Analysis) -> Option<InlayHint> {
    let position = analysis.range_in(uri, byte, byte)?.start;
    Some(InlayHint {
        position,
        label: InlayHintLabel::String(label),
        kind: Some(InlayHintKind::TYPE),
        text_edits: None,
        tooltip: Some(InlayHintTooltip::String(tooltip.replace('`', ""))),
        padding_left: Some(true),
        padding_right: None,
        data: None,
    })
}
