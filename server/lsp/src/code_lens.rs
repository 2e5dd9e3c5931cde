//! `textDocument/codeLens`: above each image its tag, what a change rebuilds, and commands that the client can run.

use image_python::inspect::ImageReport;
use image_python::syntax::ast::Module;
use serde_json::json;
use tower_lsp::ls_types::{CodeLens, Command, Range, Uri};

use crate::analysis::Analysis;
use crate::commands;
use crate::hover::layers;
use crate::preview;
use crate::state::State;

/// The lenses of a document.
pub(crate) fn of(uri: &Uri, analysis: &Analysis, state: &State) -> Vec<CodeLens> {
    if analysis.settings.code_lens == Some(false) {
        return Vec::new();
    }
    let fs = state.snapshot();
    let module = state.sources().module(&analysis.report.path, &fs).ok();
    let own = analysis.report.images.iter().filter(|i| is_shown(i, analysis));
    own.flat_map(|image| of_image(uri, image, module.as_deref(), analysis, state)).collect()
}

/// Whether an image has lenses and hints: it is made in this file, and not only a step on the way.
pub(crate) fn is_shown(image: &ImageReport, analysis: &Analysis) -> bool {
    analysis.is_here(&image.site) && !image.intermediate && !image.imported
}

fn of_image(
    uri: &Uri,
    image: &ImageReport,
    module: Option<&Module>,
    analysis: &Analysis,
    state: &State,
) -> Vec<CodeLens> {
    let start = module.map_or(image.site.start, |m| statement_start(m, image.site.start));
    let Some(range) = analysis.range_in(uri, start, start) else { return Vec::new() };
    let lens = |title: String, command: &str, argument: Option<serde_json::Value>| CodeLens {
        range,
        command: Some(Command { title, command: command.to_owned(), arguments: argument.map(|a| vec![a]) }),
        data: None,
    };
    let argument = argument(uri, image, analysis, range);
    let mut lenses = Vec::new();
    let (title, known) = title(image, analysis, state);
    lenses.push(lens(title, "", None));
    if let Some(impact) = state.heads.get(&analysis.report.path).and_then(|h| h.impact(image)) {
        lenses.push(lens(impact.words(), "", None));
    }
    let can = |command: &str| commands::can_run(command, state);
    let is_built = image.variants.iter().any(|v| v.dockerfile.is_some());
    if is_built && can(commands::BUILD) {
        lenses.push(lens("Build".to_owned(), commands::BUILD, Some(argument.clone())));
    }
    if is_built && can(commands::SHOW_DOCKERFILE) {
        lenses.push(lens("Dockerfile".to_owned(), commands::SHOW_DOCKERFILE, Some(argument.clone())));
    }
    if let Some(known) = known.filter(|_| can(commands::COPY_URI)) {
        let mut argument = argument;
        argument["text"] = json!(known);
        lenses.push(lens("Copy URI".to_owned(), commands::COPY_URI, Some(argument)));
    }
    lenses
}

/// What commands on an image get.
pub(crate) fn argument(
    uri: &Uri,
    image: &ImageReport,
    analysis: &Analysis,
    range: Range,
) -> serde_json::Value {
    json!({ "uri": uri, "name": preview::name_of(image, &analysis.report), "range": range })
}

/// `train:0f3a… · 7 layers`, and the whole address.
fn title(image: &ImageReport, analysis: &Analysis, state: &State) -> (String, Option<String>) {
    let Some(variant) = image.variants.first() else { return (String::new(), None) };
    let more = match image.variants.len() {
        0 | 1 => String::new(),
        n => format!(" · one of {n} outcomes"),
    };
    let layers = layers(variant.layers.len());
    if let Some(uri) = &variant.uri {
        return (format!("{} · {layers}{more}", short(uri)), Some(uri.clone()));
    }
    if let Some(error) = variant.errors.first() {
        return (format!("no image: {}", error.raised.exception), None);
    }
    let name = image.names.first().map(String::as_str).unwrap_or_default();
    if variant.unknowns.iter().any(image_model::folders::is_being_read) {
        let last = state.published.last_uri(&analysis.report.path, name);
        let was = last.map_or_else(String::new, |uri| format!("was {}, ", short(&uri)));
        return (format!("{was}tag is being worked out · {layers}"), None);
    }
    (format!("tag not known · {layers}"), None)
}

/// An address with the digits of its tag cut to eight.
pub(crate) fn short(uri: &str) -> String {
    match uri.rsplit_once(':') {
        Some((name, tag)) if tag.len() == 32 && tag.bytes().all(|b| b.is_ascii_hexdigit()) => {
            format!("{name}:{}…", &tag[..8])
        }
        _ => uri.to_owned(),
    }
}

/// Where the innermost statement around a byte begins.
pub(crate) fn statement_start(module: &Module, byte: usize) -> usize {
    let mut block = module.statements();
    block.retain(|s| s.span.range().contains(&byte));
    block.iter().map(|s| s.span.range().start).max().unwrap_or(byte)
}
