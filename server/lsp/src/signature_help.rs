//! `textDocument/signatureHelp`: the parameters of flyte's methods, as the release in use has them.

use image_model::methods::{self, Default, Method, Parameter};
use image_model::release::Release;
use image_model::signature::Kind;
use tower_lsp::ls_types::{
    Documentation, MarkupContent, MarkupKind, ParameterInformation, ParameterLabel, Position, SignatureHelp,
    SignatureInformation, Uri,
};

use crate::documents::path_of;
use crate::probe::{self, Place};
use crate::state::State;
use crate::wording;

/// The signature of the call around a position.
pub(crate) fn at(uri: &Uri, position: Position, state: &State) -> Option<SignatureHelp> {
    let path = state.documents.file_of(uri).or_else(|| path_of(uri))?;
    let place = Place::at(&path, uri, position, state)?;
    let call = place.call()?;
    let image = place.receiver(call.receiver_end, state)?;
    let method = methods::method(&call.method)?;
    let release = &image.release;
    if method.constructor && !image.is_class || !release.has(method.since) {
        return None;
    }
    let parameters: Vec<&'static Parameter> = method.parameters_of(release).collect();
    let argument = call.argument();
    let active = argument
        .and_then(|a| probe::parameter_of(&parameters, a))
        .and_then(|p| parameters.iter().position(|q| q.name == p.name));
    Some(SignatureHelp {
        signatures: vec![signature(method, release)],
        active_signature: Some(0),
        // Past the last one none is active, which protocol 3.17 says by a number beyond.
        active_parameter: Some(
            active.map_or(u32::try_from(parameters.len()).unwrap_or(0), |n| u32::try_from(n).unwrap_or(0)),
        ),
    })
}

fn signature(method: &'static Method, release: &Release) -> SignatureInformation {
    let mut text = format!("{}(", method.name);
    let mut informations = Vec::new();
    let mut keyword_only = false;
    for (number, p) in method.parameters_of(release).enumerate() {
        if number > 0 {
            text.push_str(", ");
        }
        if p.kind == Kind::KeywordOnly && !keyword_only {
            keyword_only = true;
            if !method.parameters_of(release).any(|p| p.kind == Kind::Many) {
                text.push_str("*, ");
            }
        }
        // Offsets count UTF-16 units; names and defaults are ASCII.
        let start = u32::try_from(text.len()).unwrap_or(0);
        text.push_str(&parameter(p));
        let end = u32::try_from(text.len()).unwrap_or(0);
        informations.push(ParameterInformation {
            label: ParameterLabel::LabelOffsets([start, end]),
            documentation: Some(Documentation::MarkupContent(MarkupContent {
                kind: MarkupKind::Markdown,
                value: wording::of_parameter(method.name, p.name).to_owned(),
            })),
        });
    }
    text.push_str(") -> Image");
    SignatureInformation {
        label: text,
        documentation: Some(Documentation::MarkupContent(MarkupContent {
            kind: MarkupKind::Markdown,
            value: wording::of_method(method.name).to_owned(),
        })),
        parameters: Some(informations),
        active_parameter: None,
    }
}

/// A method's signature as one line; `None` for what is no method of a release.
pub(crate) fn label(method: &str, release: &Release) -> Option<String> {
    let method = methods::method(method)?;
    Some(signature(method, release).label)
}

/// A parameter as Python writes it, with its default.
pub(crate) fn parameter(parameter: &Parameter) -> String {
    let name = parameter.name;
    let default = match parameter.default {
        _ if parameter.kind == Kind::Many => return format!("*{name}"),
        Default::Required => return name.to_owned(),
        Default::None => "None".to_owned(),
        Default::False => "False".to_owned(),
        Default::True => "True".to_owned(),
        Default::Text(text) => format!("\"{text}\""),
    };
    format!("{name}={default}")
}
