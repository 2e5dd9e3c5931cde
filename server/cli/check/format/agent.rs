//! One line a finding, for programs that read text: everything that is needed to act, and nothing else.

use std::io::Write as _;

use super::Shown;
use crate::error::CliError;
use crate::paint::Output;

pub(super) fn write(out: &mut Output, findings: &[Shown<'_>]) -> Result<(), CliError> {
    for shown in findings {
        let fix = shown
            .fix()
            .map_or_else(String::new, |f| format!(" [{} fix: {}]", f.applicability.name(), f.message));
        let severity = shown.finding.severity.name();
        writeln!(out, "{}: {severity} {} {}{fix}", shown.place(), shown.rule.code, shown.finding.message)?;
    }
    if findings.is_empty() {
        writeln!(out, "no findings")?;
    }
    Ok(())
}
