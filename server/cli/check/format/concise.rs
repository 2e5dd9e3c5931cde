//! One line a finding, for people.

use std::io::Write as _;

use image_rules::{Applicability, Severity};

use super::{Shown, Summary};
use crate::error::CliError;
use crate::paint::{self, Output};

pub(super) fn write(
    out: &mut Output,
    findings: &[Shown<'_>],
    summary: Option<&Summary>,
) -> Result<(), CliError> {
    for shown in findings {
        let style = match shown.finding.severity {
            Severity::Error => paint::BAD,
            Severity::Warning => paint::UNSURE,
            Severity::Hint => paint::DIM,
        };
        let fix = match shown.fix().map(|f| f.applicability) {
            Some(Applicability::Safe) => "[*] ",
            _ => "",
        };
        let code = paint::in_style(style, shown.rule.code);
        writeln!(
            out,
            "{}: {code} {fix}{}",
            paint::in_style(paint::NAME, shown.place()),
            shown.finding.message
        )?;
    }
    if let Some(summary) = summary {
        for sentence in summary.sentences() {
            writeln!(out, "{sentence}")?;
        }
    }
    Ok(())
}
