//! What flyte says of a module, and what the rules do: where it raises nothing, those for its errors are silent.

use image_manifests::fs::OsFileSystem;
use image_python::evaluate::Sources;
use image_python::inspect::FileReport;
use image_rules::Finding;
use image_rules::settings::Settings;
use serde_json::Value;

use crate::compare::Setting;

/// What flyte says of the module: errors by stage.
pub fn errors(answer: &Value) -> Vec<(&'static str, String)> {
    let shown = |error: &Value| {
        let text = |key| error.get(key).and_then(Value::as_str).unwrap_or_default();
        format!("{}: {}", text("type"), text("message"))
    };
    let mut found = Vec::new();
    if let Some(error) = answer.get("import_error").filter(|e| !e.is_null()) {
        found.push(("import", shown(error)));
    }
    for image in answer["images"].as_object().into_iter().flat_map(|images| images.values()) {
        for (key, stage) in [
            ("uri", "hash"),
            ("validate", "validate"),
            ("dockerfile", "build"),
            ("deploy", "build"),
            ("flags", "build"),
            ("remote", "build"),
        ] {
            if let Some(error) = image.get(key).and_then(|a| a.get("error")) {
                found.push((stage, shown(error)));
            }
        }
    }
    found
}

/// What the rules find in a module.
pub fn check(report: &FileReport) -> Vec<Finding> {
    image_rules::check(report, &Sources::default(), &OsFileSystem, &Settings::default())
}

/// The findings of rules for what flyte raises.
pub fn of_flyte(setting: &Setting<'_>) -> Vec<String> {
    let (report, _) = setting.inspect();
    // A branch that this interpreter does not take may be wrong all the same.
    if report.images.iter().flat_map(|i| &i.variants).any(|v| !v.when.is_empty()) {
        return Vec::new();
    }
    let own = check(&report).into_iter().filter(|f| is_of_flyte(f.rule.code));
    own.map(|f| format!("{}: {}", f.rule.code, f.message)).collect()
}

/// Rules for errors that flyte raises: where flyte raises none, they have to be silent.
pub fn is_of_flyte(code: &str) -> bool {
    (code.starts_with("IMG0") && !matches!(code, "IMG007" | "IMG008")) || matches!(code, "IMG101" | "IMG102")
}
