//! `imageLsp.status`: what an editor shows beside a file, and what it offers to choose from: the server, the environment,
//! the release of flyte and how well it is known, and the images of the file.

use image_model::release::Coverage;
use image_python::inspect::ImageReport;
use image_python::project::Facts;
use serde_json::{Value, json};
use tower_lsp::ls_types::Uri;

use crate::analysis::Analysis;
use crate::code_lens::is_shown;
use crate::preview;
use crate::state::State;

/// The status of the file in `uri`; without one, or where it is none, that of the server alone.
pub(crate) fn of(argument: &Value, state: &State) -> Value {
    let mut answer = json!({ "version": env!("CARGO_PKG_VERSION"), "trusted": state.trust.is_given() });
    let uri: Option<Uri> = argument.get("uri").and_then(|u| serde_json::from_value(u.clone()).ok());
    let Some(path) = uri.and_then(|uri| state.documents.file_of(&uri)) else { return answer };
    let fs = state.snapshot();
    let analysis = state.analyse(&path);
    let found = analysis.is_none().then(|| state.facts(&path, &fs));
    // Those of the analysis know the header of a script.
    if let Some(facts) = analysis.as_ref().map(|a| &a.facts).or(found.as_ref()) {
        of_facts(&mut answer, facts);
    }
    answer["settings"] = json!(state.settings(&path, &fs).path.as_ref().map(|p| p.display().to_string()));
    answer["images"] = analysis.map(|analysis| images(&analysis)).unwrap_or_default().into();
    answer
}

fn of_facts(answer: &mut Value, facts: &Facts) {
    let release = &facts.environment.release;
    answer["flyte"] = json!({
        "version": release.version,
        "source": facts.release_source.name(),
        "from": facts.release_from,
        "coverage": coverage(&release.coverage),
        "acts_as": release.acts_as,
    });
    answer["python"] = facts.interpreter.as_ref().map_or(Value::Null, |found| {
        let version = found.version.map(|(major, minor)| format!("{major}.{minor}"));
        json!({ "path": found.path.display().to_string(), "name": found.shown, "version": version })
    });
    let config = facts.config.as_ref().filter(|config| !config.is_missing);
    answer["config"] = json!(config.map(|config| config.path.display().to_string()));
}

/// `known`, `assumed`, or `unknown`.
fn coverage(coverage: &Coverage) -> &'static str {
    match coverage {
        Coverage::Known | Coverage::SameFiles => "known",
        Coverage::Older => "unknown",
        Coverage::Modified(_) | Coverage::Newer | Coverage::Unlisted | Coverage::Unreadable => "assumed",
    }
}

/// The images of a file, of a notebook those of all its cells.
fn images(analysis: &Analysis) -> Vec<Value> {
    let report = &analysis.report;
    let shown = report.images.iter().filter(|image| is_shown(image, analysis));
    let of_image = |image: &ImageReport| {
        let (document, range) = analysis.locate(image.site.start, image.site.end);
        let address = image.variants.first().and_then(|v| v.uri.clone());
        let name = preview::name_of(image, report)?;
        Some(json!({ "name": name, "document": document, "range": range, "uri": address }))
    };
    shown.filter_map(of_image).collect()
}
