//! JSON, as a document and as lines. docs/json.md describes the fields.

use std::io::Write as _;

use image_python::json::Range;
use serde::Serialize;

use super::{Shown, document};
use crate::error::CliError;
use crate::paint::Output;

#[derive(Serialize)]
struct FindingJson<'a> {
    code: &'static str,
    name: &'static str,
    severity: &'static str,
    message: &'a str,
    path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cell: Option<usize>,
    range: Range,
    url: Option<&'static str>,
    related: Vec<RelatedJson<'a>>,
    fix: Option<FixJson<'a>>,
}

#[derive(Serialize)]
struct RelatedJson<'a> {
    path: &'a str,
    range: Range,
    message: &'a str,
}

#[derive(Serialize)]
struct FixJson<'a> {
    applicability: &'static str,
    message: &'a str,
    edits: Vec<EditJson<'a>>,
}

#[derive(Serialize)]
struct EditJson<'a> {
    path: &'a str,
    range: Range,
    content: &'a str,
}

fn finding<'a>(shown: &'a Shown<'_>) -> FindingJson<'a> {
    let edit = |(path, range, content): &'a (String, Range, &str)| EditJson { path, range: *range, content };
    let related =
        |(path, range, message): &'a (String, Range, &str)| RelatedJson { path, range: *range, message };
    FindingJson {
        code: shown.rule.code,
        name: shown.rule.name,
        severity: shown.finding.severity.name(),
        message: &shown.finding.message,
        path: &shown.path,
        cell: shown.cell,
        range: shown.range,
        url: None,
        related: shown.related.iter().map(related).collect(),
        fix: shown.fix().map(|fix| FixJson {
            applicability: fix.applicability.name(),
            message: &fix.message,
            edits: shown.edits.iter().map(edit).collect(),
        }),
    }
}

pub(super) fn write(out: &mut Output, findings: &[Shown<'_>]) -> Result<(), CliError> {
    document(out, &findings.iter().map(finding).collect::<Vec<_>>())
}

pub(super) fn write_lines(out: &mut Output, findings: &[Shown<'_>]) -> Result<(), CliError> {
    for shown in findings {
        serde_json::to_writer(&mut *out, &finding(shown)).map_err(std::io::Error::from)?;
        writeln!(out)?;
    }
    Ok(())
}
