//! `textDocument/publishDiagnostics`

use image_rules::{Finding, Severity};
use tower_lsp::ls_types::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, Location, NumberOrString, Uri,
};

use crate::documents::{Analysis, Documents, to_range};

/// The findings of a file that stand in it.
pub(crate) fn of(analysis: &Analysis, documents: &Documents) -> Vec<Diagnostic> {
    image_rules::check(&analysis.report)
        .iter()
        .filter(|finding| finding.site.path == analysis.report.path)
        .map(|finding| diagnostic(finding, analysis, documents))
        .collect()
}

fn diagnostic(finding: &Finding, analysis: &Analysis, documents: &Documents) -> Diagnostic {
    let related: Vec<DiagnosticRelatedInformation> = finding
        .related
        .iter()
        .filter_map(|related| {
            let uri = Uri::from_file_path(&related.site.path)?;
            let range = documents.range_in(&related.site);
            Some(DiagnosticRelatedInformation {
                location: Location { uri, range },
                message: related.message.clone(),
            })
        })
        .collect();
    Diagnostic {
        range: to_range(&analysis.text, &analysis.index, &finding.site, documents.unit()),
        severity: Some(match finding.rule.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Hint => DiagnosticSeverity::HINT,
        }),
        code: Some(NumberOrString::String(finding.rule.code.to_owned())),
        source: Some("image-lsp".to_owned()),
        message: finding.message.clone(),
        related_information: if related.is_empty() { None } else { Some(related) },
        ..Diagnostic::default()
    }
}
