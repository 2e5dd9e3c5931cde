//! JUnit's XML, which CI systems show as failed tests.

use std::fmt::Write as _;
use std::io::Write as _;

use image_rules::Severity;

use super::Shown;
use crate::error::CliError;
use crate::paint::Output;

pub(super) fn write(out: &mut Output, findings: &[Shown<'_>]) -> Result<(), CliError> {
    let failed = |s: &&Shown<'_>| s.finding.severity != Severity::Hint;
    let (tests, failures) = (findings.len().max(1), findings.iter().filter(failed).count());
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"image-lsp\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\">")?;
    if findings.is_empty() {
        writeln!(out, "  <testsuite name=\"image-lsp\" tests=\"1\" failures=\"0\" errors=\"0\">")?;
        writeln!(out, "    <testcase name=\"no mistakes found\" classname=\"image-lsp\"/>\n  </testsuite>")?;
    }
    for file in findings.chunk_by(|a, b| a.path == b.path) {
        let failures = file.iter().filter(failed).count();
        let name = file.first().map_or("", |s| s.path.as_str());
        writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\" package=\"org.image-lsp\">",
            escaped(name),
            file.len()
        )?;
        for shown in file {
            let (start, class) = (shown.range.start, name.strip_suffix(".py").unwrap_or(name));
            writeln!(
                out,
                "    <testcase name=\"{}\" classname=\"{}\" file=\"{}\" line=\"{}\" column=\"{}\">",
                shown.rule.code,
                escaped(class),
                escaped(name),
                start.line,
                start.column
            )?;
            let text = escaped(&format!("{}: {}", shown.place(), shown.finding.message));
            if failed(&shown) {
                let message = escaped(&shown.finding.message);
                writeln!(
                    out,
                    "      <failure type=\"{}\" message=\"{message}\">{text}</failure>",
                    shown.rule.name
                )?;
            } else {
                writeln!(out, "      <system-out>{text}</system-out>")?;
            }
            writeln!(out, "    </testcase>")?;
        }
        writeln!(out, "  </testsuite>")?;
    }
    Ok(writeln!(out, "</testsuites>")?)
}

/// Text for XML 1.0, which has no place for most control characters.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\t' | '\n' | '\r' => {
                let _ = write!(out, "&#{};", c as u32);
            }
            c if (c as u32) < 0x20 || matches!(c as u32, 0xFFFE | 0xFFFF) => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}
