//! SARIF 2.1.0, for code scanning.

use image_python::json::Range;
use image_rules::{Rule, Severity, rules};
use serde_json::{Value, json};

use super::{Shown, document, level};
use crate::error::CliError;
use crate::paint::Output;

pub(super) fn write(out: &mut Output, findings: &[Shown<'_>]) -> Result<(), CliError> {
    let log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "image-lsp",
                "semanticVersion": env!("CARGO_PKG_VERSION"),
                "rules": rules::ALL.iter().map(|rule| rule_metadata(rule)).collect::<Vec<_>>(),
            }},
            "columnKind": "unicodeCodePoints",
            "results": findings.iter().map(result).collect::<Vec<_>>(),
        }],
    });
    document(out, &log)
}

fn rule_metadata(rule: &Rule) -> Value {
    json!({
        "id": rule.code,
        "name": rule.name,
        "shortDescription": { "text": rule.summary() },
        "fullDescription": { "text": rule.what.replace('\n', " ") },
        "help": { "text": rule.why.replace('\n', " "), "markdown": rule.markdown() },
        "defaultConfiguration": { "enabled": !rule.opt_in, "level": level(rule.severity) },
        "properties": {
            "tags": ["flyte", "container-image"],
            "problem.severity": match rule.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Hint => "recommendation",
            },
        },
    })
}

fn region(range: &Range) -> Value {
    json!({
        "startLine": range.start.line,
        "startColumn": range.start.column,
        "endLine": range.end.line,
        "endColumn": range.end.column,
    })
}

fn location(path: &str, range: &Range) -> Value {
    json!({ "physicalLocation": { "artifactLocation": { "uri": uri(path) }, "region": region(range) } })
}

fn result(shown: &Shown<'_>) -> Value {
    let index = rules::ALL.iter().position(|r| r.code == shown.rule.code);
    let mut result = json!({
        "ruleId": shown.rule.code,
        "ruleIndex": index,
        "level": level(shown.finding.severity),
        "message": { "text": shown.finding.message },
        "locations": [location(&shown.path, &shown.range)],
    });
    if !shown.related.is_empty() {
        let related = shown.related.iter().enumerate().map(|(id, (path, range, message))| {
            let mut place = location(path, range);
            place["id"] = json!(id);
            place["message"] = json!({ "text": message });
            place
        });
        result["relatedLocations"] = related.collect();
    }
    if let Some(fix) = shown.fix() {
        let mut changes: Vec<(&str, Vec<Value>)> = Vec::new();
        for (path, range, content) in &shown.edits {
            let replacement =
                json!({ "deletedRegion": region(range), "insertedContent": { "text": content } });
            match changes.iter_mut().find(|(known, _)| known == path) {
                Some((_, all)) => all.push(replacement),
                None => changes.push((path, vec![replacement])),
            }
        }
        let changes: Vec<Value> = changes
            .into_iter()
            .map(|(path, all)| json!({ "artifactLocation": { "uri": uri(path) }, "replacements": all }))
            .collect();
        result["fixes"] = json!([{ "description": { "text": fix.message }, "artifactChanges": changes }]);
    }
    result
}

/// A path as a URI: relative where the path is.
fn uri(path: &str) -> String {
    let mut out = String::new();
    for byte in path.replace('\\', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte as char)
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    if path.starts_with('/') { format!("file://{out}") } else { out }
}
