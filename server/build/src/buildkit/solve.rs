//! The request that starts a build, and the details of an answer that it failed.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard_buildkit_proto::google::rpc;
use bollard_buildkit_proto::moby::buildkit::v1::{CacheOptions, CacheOptionsEntry, Exporter, SolveRequest};
use prost::Message;
use serde_json::Value;
use tonic::Status;

use crate::engine::{Engine, Store};
use crate::plan::Plan;
use crate::solve_options::SolveOptions;

/// The exporter of docker's engines, whichever store they have.
const EXPORTER: &str = "moby";

/// What docker's own client would ask for. Source: github.com/docker/buildx 0.29, `toSolveOpt`.
pub(super) fn request(
    plan: &Plan,
    engine: &Engine,
    options: &SolveOptions,
    builtin: bool,
    session: &str,
    reference: &str,
) -> SolveRequest {
    let mut attributes: HashMap<String, String> =
        options.attributes.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    attributes.insert("filename".to_owned(), plan.file_name());
    attributes.insert("platform".to_owned(), plan.platforms.join(","));
    if builtin {
        // A frontend that is named by the request keeps the engine's own one from looking at the first line.
        attributes.insert("cmdline".to_owned(), "dockerfile.v0".to_owned());
    }
    if engine.store == Store::Containerd && options.attestations {
        attributes.insert("attest:provenance".to_owned(), "mode=min,inline-only=true".to_owned());
    }
    let mut exporter = HashMap::from([("name".to_owned(), plan.uri.clone())]);
    if options.push && engine.store == Store::Containerd {
        exporter.insert("push".to_owned(), "true".to_owned());
    }
    let entries = |all: &[crate::solve_options::Cache]| -> Vec<CacheOptionsEntry> {
        all.iter()
            .map(|c| CacheOptionsEntry {
                r#type: c.kind.clone(),
                attrs: c.attributes.clone().into_iter().collect(),
            })
            .collect()
    };
    SolveRequest {
        r#ref: reference.to_owned(),
        session: session.to_owned(),
        frontend: "dockerfile.v0".to_owned(),
        frontend_attrs: attributes,
        // Older engines read the first two.
        exporter_deprecated: EXPORTER.to_owned(),
        exporter_attrs_deprecated: exporter.clone(),
        exporters: vec![Exporter { r#type: EXPORTER.to_owned(), attrs: exporter }],
        cache: Some(CacheOptions {
            imports: entries(&options.cache_from),
            exports: entries(&options.cache_to),
            ..CacheOptions::default()
        }),
        entitlements: options.entitlements.clone(),
        ..SolveRequest::default()
    }
}

/// What an answer says besides its text.
#[derive(Debug, Default)]
pub(super) struct Details {
    /// First and last line of the Dockerfile, one-based.
    pub(super) lines: Option<(usize, usize)>,
    /// The step.
    pub(super) vertex: Option<String>,
}

/// Reads the details. They are JSON in envelopes of protobuf.
pub(super) fn details(status: &Status) -> Details {
    let mut details = Details::default();
    let Ok(all) = rpc::Status::decode(status.details()) else { return details };
    for any in all.details {
        let Ok(value) = serde_json::from_slice::<Value>(&any.value) else { continue };
        if any.type_url.contains("errdefs.Source") {
            // The frontend's own file is no line of ours.
            let text =
                value.pointer("/info/data").and_then(Value::as_str).and_then(|d| STANDARD.decode(d).ok());
            let is_empty = text.is_some_and(|t| t.is_empty());
            let line =
                |range: &Value, end: &str| range.pointer(&format!("/{end}/line")).and_then(Value::as_u64);
            let ranges = value.get("ranges").and_then(Value::as_array).cloned().unwrap_or_default();
            let first = ranges.iter().filter_map(|r| line(r, "start")).min();
            let last = ranges.iter().filter_map(|r| line(r, "end")).max();
            if let (Some(first), Some(last), false) = (first, last, is_empty) {
                details.lines = usize::try_from(first).ok().zip(usize::try_from(last).ok());
            }
        } else if any.type_url.contains("errdefs.Vertex") {
            details.vertex = value.get("digest").and_then(Value::as_str).map(str::to_owned);
        }
    }
    details
}
