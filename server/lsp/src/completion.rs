//! `textDocument/completion` and `completionItem/resolve`: flyte's constructors and methods, as far as the image allows
//! them; names of arguments; values; paths; codes of rules.

mod paths;
mod values;

use image_model::image::Image;
use image_model::methods::{self, Method, Parameter};
use image_model::signature::Kind;
use image_rules::rules;
use serde_json::json;
use tower_lsp::ls_types::{
    Command, CompletionItem, CompletionItemKind, CompletionList, CompletionResponse, CompletionTextEdit,
    Documentation, InsertTextFormat, MarkupContent, MarkupKind, Position, TextEdit, Uri,
};

use crate::documents::path_of;
use crate::manifest;
use crate::probe::{Call, Place, Receiver, parameter_of};
use crate::state::State;
use crate::{signature_help, wording};

/// What a position completes to.
pub(crate) fn at(uri: &Uri, position: Position, state: &State) -> Option<CompletionResponse> {
    if let Some(answer) = manifest::completion::at(uri, position, state) {
        return answer;
    }
    let path = state.documents.file_of(uri).or_else(|| path_of(uri))?;
    let place = Place::at(&path, uri, position, state)?;
    let items = if place.comment.is_some() { codes(&place) } else { in_code(&place, position, state) };
    (!items.is_empty()).then(|| {
        // What stands in a string is looked for anew with every folder.
        CompletionResponse::List(CompletionList { is_incomplete: place.string.is_some(), items })
    })
}

fn in_code(place: &Place, position: Position, state: &State) -> Vec<CompletionItem> {
    if place.string.is_none()
        && let Some(end) = place.attribute_of()
    {
        return place.receiver(end, state).map(|r| attributes(&r, state)).unwrap_or_default();
    }
    let Some(call) = place.call() else { return Vec::new() };
    let Some(receiver) = place.receiver(call.receiver_end, state) else { return Vec::new() };
    let Some(method) = methods::method(&call.method) else { return Vec::new() };
    if method.constructor && !receiver.is_class || !receiver.release.has(method.since) {
        return Vec::new();
    }
    let parameters: Vec<&'static Parameter> = method.parameters_of(&receiver.release).collect();
    let parameter = call.argument().and_then(|a| parameter_of(&parameters, a));
    let asked = values::Asked { place, call: &call, method, receiver: &receiver, position, state };
    let mut items = parameter.map(|p| values::of(p, &asked)).unwrap_or_default();
    if place.string.is_none()
        && call.argument().is_some_and(|a| a.keyword.is_none() && !place.is_in('{') && !place.is_in('['))
    {
        items.extend(keywords(&call, method, &parameters, state));
    }
    items
}

/// The names of arguments that are not given yet.
fn keywords(
    call: &Call,
    method: &'static Method,
    parameters: &[&'static Parameter],
    state: &State,
) -> Vec<CompletionItem> {
    let taken = call.positional();
    let free = parameters.iter().enumerate().filter(|(number, p)| {
        let by_position = p.kind == Kind::Positional && *number < taken;
        p.kind != Kind::Many && !by_position && !call.keywords().any(|k| k == p.name)
    });
    free.map(|(_, p)| CompletionItem {
        label: format!("{}=", p.name),
        kind: Some(CompletionItemKind::VARIABLE),
        detail: Some(signature_help::parameter(p)),
        sort_text: Some(format!("1{}", p.name)),
        data: Some(json!({ "method": method.name, "parameter": p.name })),
        command: asks_on(state),
        ..CompletionItem::default()
    })
    .collect()
}

/// Makes the client ask for the value at once, if it can.
fn asks_on(state: &State) -> Option<Command> {
    const AGAIN: &str = "editor.action.triggerSuggest";
    state.client().runs(AGAIN).then(|| Command {
        title: "Complete".to_owned(),
        command: AGAIN.to_owned(),
        arguments: None,
    })
}

/// Constructors of the class, or the methods that an image allows.
fn attributes(receiver: &Receiver, state: &State) -> Vec<CompletionItem> {
    let wanted = methods::methods_of(&receiver.release).filter(|m| match &receiver.image {
        None => m.constructor,
        Some(image) => !m.constructor && allows(image, m, receiver),
    });
    wanted
        .map(|method| {
            let snippets = state.client().snippets;
            CompletionItem {
                label: method.name.to_owned(),
                kind: Some(if method.constructor {
                    CompletionItemKind::CONSTRUCTOR
                } else {
                    CompletionItemKind::METHOD
                }),
                detail: signature_help::label(method.name, &receiver.release),
                insert_text: snippets.then(|| format!("{}($0)", method.name)),
                insert_text_format: snippets.then_some(InsertTextFormat::SNIPPET),
                sort_text: Some(format!(
                    "{}{}",
                    u8::from(method.name.starts_with("with_local")),
                    method.name
                )),
                data: Some(json!({ "method": method.name })),
                ..CompletionItem::default()
            }
        })
        .collect()
}

/// Whether an image takes what a method adds. Where it is not known, it does.
fn allows(image: &Image, method: &Method, receiver: &Receiver) -> bool {
    if method.name == "clone" {
        return true;
    }
    let is = |value: &image_model::value::Value, wanted: bool| {
        value.truthy().map_or(true, |truth| truth == wanted)
    };
    let extendable = !receiver.release.behaviours.needs_extendable || is(&image.extendable, true);
    extendable && is(&image.name, true) && image.dockerfile.truthy() != Ok(true)
}

/// Codes of rules in a suppression comment.
fn codes(place: &Place) -> Vec<CompletionItem> {
    let Some(start) = place.comment else { return Vec::new() };
    let comment = &place.text[start..place.byte];
    let Some(at) = comment.find("image-lsp:") else { return Vec::new() };
    let rest = comment[at + "image-lsp:".len()..].trim_start();
    if !rest.contains('[') {
        let words = ["ignore", "ignore-file"].into_iter().filter(|w| w.starts_with(rest));
        return words
            .map(|w| CompletionItem {
                label: w.to_owned(),
                kind: Some(CompletionItemKind::KEYWORD),
                ..CompletionItem::default()
            })
            .collect();
    }
    if rest.contains(']') {
        return Vec::new();
    }
    let all = rules::ALL.iter();
    all.map(|rule| CompletionItem {
        label: rule.code.to_owned(),
        kind: Some(CompletionItemKind::VALUE),
        detail: Some(rule.name.to_owned()),
        filter_text: Some(format!("{} {}", rule.code, rule.name)),
        data: Some(json!({ "rule": rule.code })),
        ..CompletionItem::default()
    })
    .collect()
}

/// A completion of a value that takes the place of some bytes before the position. All of it is on one line.
fn replacing(label: String, text: String, bytes: usize, asked: &values::Asked<'_>) -> CompletionItem {
    let typed = &asked.place.text[asked.place.byte - bytes..asked.place.byte];
    let width = match asked.state.documents.unit() {
        image_manifests::position::Unit::Bytes => typed.len(),
        image_manifests::position::Unit::Utf16 => typed.encode_utf16().count(),
        image_manifests::position::Unit::Characters => typed.chars().count(),
    };
    let width = u32::try_from(width).unwrap_or(0);
    let start = Position { character: asked.position.character.saturating_sub(width), ..asked.position };
    let range = tower_lsp::ls_types::Range { start, end: asked.position };
    CompletionItem {
        filter_text: Some(text.clone()),
        label,
        text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text: text })),
        ..CompletionItem::default()
    }
}

/// Adds what a client shows of an item when it is chosen.
pub(crate) fn resolve(mut item: CompletionItem, state: &State) -> CompletionItem {
    manifest::completion::resolve(&mut item, state);
    let data = item.data.clone().unwrap_or_default();
    let field = |name: &str| data.get(name).and_then(|v| v.as_str());
    let value = match (field("method"), field("parameter"), field("rule")) {
        (Some(method), Some(parameter), _) => Some(wording::of_parameter(method, parameter).to_owned()),
        (Some(method), None, _) => Some(wording::of_method(method).to_owned()),
        (_, _, Some(code)) => rules::find(code).map(|r| r.markdown()),
        _ => None,
    };
    if let Some(value) = value.filter(|v| !v.is_empty()) {
        item.documentation =
            Some(Documentation::MarkupContent(MarkupContent { kind: MarkupKind::Markdown, value }));
    }
    item
}
