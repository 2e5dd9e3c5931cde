//! `textDocument/documentLink`: files that images are made from, and the pages of registries.

use image_model::origin::Site;
use image_model::value::Value;
use tower_lsp::ls_types::{DocumentLink, Uri};

use crate::analysis::Analysis;
use crate::names::file_at;
use crate::state::State;

/// Registries whose images have pages, and where those are.
const REGISTRIES: &[(&str, &str)] = &[
    ("ghcr.io/", "https://ghcr.io/"),
    ("quay.io/", "https://quay.io/repository/"),
    ("docker.io/", "https://hub.docker.com/r/"),
    ("public.ecr.aws/", "https://gallery.ecr.aws/"),
];

/// The links of a document.
pub(crate) fn of(uri: &Uri, analysis: &Analysis, state: &State) -> Vec<DocumentLink> {
    let mut links: Vec<DocumentLink> = Vec::new();
    let calls = analysis.report.images.iter().flat_map(|i| &i.variants).flat_map(|v| &v.image.calls);
    for given in calls.flat_map(|c| &c.arguments).filter(|g| analysis.is_here(&g.site)) {
        let items: Vec<(&Value, Option<&Site>)> = match &given.value {
            Value::List(values) | Value::Tuple(values) => {
                values.iter().zip(given.origin.items.iter().map(|o| o.site.as_ref())).collect()
            }
            value => vec![(value, given.origin.site.as_ref())],
        };
        for (value, site) in items {
            let site = site.filter(|s| analysis.is_here(s)).unwrap_or(&given.site);
            let target = match (given.parameter, value) {
                ("image_uri" | "base_image", Value::Str(address)) => {
                    page(address).and_then(|p| p.parse().ok())
                }
                _ => file_at(analysis, site.start + 1, state).and_then(Uri::from_file_path),
            };
            let range = analysis.range_in(uri, site.start, site.end);
            if let (Some(target), Some(range)) = (target, range)
                && !links.iter().any(|l| l.range == range)
            {
                let tooltip = Some("Open what the image is made from".to_owned());
                links.push(DocumentLink { range, target: Some(target), tooltip, data: None });
            }
        }
    }
    links
}

/// The page of an image's repository.
fn page(address: &str) -> Option<String> {
    let name = address.split('@').next().unwrap_or(address);
    let name = match name.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => name,
    };
    let plain = |n: &str| n.chars().all(|c| c.is_ascii_alphanumeric() || "._-/".contains(c)) && !n.is_empty();
    if !plain(name) {
        return None;
    }
    if let Some((registry, page)) = REGISTRIES.iter().find(|(r, _)| name.starts_with(r)) {
        return Some(format!("{page}{}", &name[registry.len()..]));
    }
    let first = name.split('/').next().unwrap_or_default();
    if name.contains('/') && (first.contains('.') || first == "localhost") {
        return None;
    }
    Some(match name.split_once('/') {
        None => format!("https://hub.docker.com/_/{name}"),
        Some(("library", name)) => format!("https://hub.docker.com/_/{name}"),
        Some(_) => format!("https://hub.docker.com/r/{name}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_those_of_repositories() {
        for (address, expected) in [
            ("python:3.12-slim", Some("https://hub.docker.com/_/python")),
            ("nvidia/cuda@sha256:00", Some("https://hub.docker.com/r/nvidia/cuda")),
            ("ghcr.io/flyteorg/flyte:py3.12", Some("https://ghcr.io/flyteorg/flyte")),
            ("registry.example:5000/a/b:1", None),
            ("a b", None),
        ] {
            assert_eq!(page(address).as_deref(), expected, "{address}");
        }
    }
}
