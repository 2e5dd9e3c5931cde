//! Workflow commands of GitHub Actions, which become annotations.

use std::io::Write as _;

use image_rules::Severity;

use super::Shown;
use crate::error::CliError;
use crate::paint::Output;

pub(super) fn write(out: &mut Output, findings: &[Shown<'_>]) -> Result<(), CliError> {
    for shown in findings {
        let kind = match shown.finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Hint => "notice",
        };
        let range = shown.range;
        let title = format!("image-lsp ({})", shown.rule.code);
        write!(out, "::{kind} title={},file={}", property(&title), property(&shown.path))?;
        // A notebook's file has other lines than its cells.
        if shown.cell.is_none() {
            write!(out, ",line={},endLine={}", range.start.line, range.end.line)?;
            // Columns hold only within one line.
            if range.start.line == range.end.line {
                write!(out, ",col={},endColumn={}", range.start.column, range.end.column)?;
            }
        }
        let text = format!("{}: {} {}", shown.place(), shown.rule.code, shown.finding.message);
        writeln!(out, "::{}", data(&text))?;
    }
    Ok(())
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
