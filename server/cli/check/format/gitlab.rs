//! GitLab's report of code quality.

use std::collections::HashSet;

use image_rules::Severity;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Shown, document};
use crate::error::CliError;
use crate::paint::Output;

pub(super) fn write(out: &mut Output, findings: &[Shown<'_>]) -> Result<(), CliError> {
    let mut seen = HashSet::new();
    let all: Vec<Value> = findings
        .iter()
        .map(|shown| {
            let severity = match shown.finding.severity {
                Severity::Error => "major",
                Severity::Warning => "minor",
                Severity::Hint => "info",
            };
            let place = |position: image_python::json::Position| json!({ "line": position.line, "column": position.column });
            json!({
                "description": shown.finding.message,
                "check_name": shown.rule.code,
                "severity": severity,
                "fingerprint": fingerprint(shown, &mut seen),
                "location": {
                    "path": shown.path,
                    "positions": { "begin": place(shown.range.start), "end": place(shown.range.end) },
                },
            })
        })
        .collect();
    document(out, &all)
}

/// The same for the same finding of another run, whatever line it moved to; different for each of one run.
fn fingerprint(shown: &Shown<'_>, seen: &mut HashSet<String>) -> String {
    for turn in 0_u64.. {
        let mut hash = Sha256::new();
        for part in [shown.path.as_str(), shown.rule.code, shown.finding.message.as_str(), &turn.to_string()]
        {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        let text: String = hash.finalize().iter().take(16).map(|b| format!("{b:02x}")).collect();
        if seen.insert(text.clone()) {
            return text;
        }
    }
    String::new()
}
