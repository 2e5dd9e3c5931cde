//! `textDocument/publishDiagnostics`

use image_model::origin::Site;
use image_rules::{Finding, Related, Severity};
use tower_lsp::ls_types::{
    Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag, Location, NumberOrString,
    Uri,
};

use crate::documents::{Analysis, Documents, to_range};

/// The findings of a file that stand in it, or that something in it leads to.
pub(crate) fn of(analysis: &Analysis, documents: &Documents) -> Vec<Diagnostic> {
    let own = analysis.findings.iter().filter_map(|finding| Some((finding, place(finding, analysis)?)));
    own.map(|(finding, site)| diagnostic(finding, site, analysis, documents)).collect()
}

/// Where a finding is shown in a file: its own place, or in another file's stead what belongs to it here.
pub(crate) fn place<'f>(finding: &'f Finding, analysis: &Analysis) -> Option<&'f Site> {
    let path = &analysis.report.path;
    if finding.site.path == *path {
        return Some(&finding.site);
    }
    finding.related.iter().map(|r| &r.site).find(|s| s.path == *path)
}

pub(crate) fn diagnostic(
    finding: &Finding,
    site: &Site,
    analysis: &Analysis,
    documents: &Documents,
) -> Diagnostic {
    let elsewhere = (finding.site != *site).then(|| Related {
        site: finding.site.clone(),
        message: "it is here that flyte is asked for it".to_owned(),
    });
    let others = finding.related.iter().filter(|r| r.site != *site).cloned().chain(elsewhere);
    let related: Vec<DiagnosticRelatedInformation> = others
        .filter_map(|related| {
            let uri = Uri::from_file_path(&related.site.path)?;
            let range = documents.range_in(&related.site);
            Some(DiagnosticRelatedInformation { location: Location { uri, range }, message: related.message })
        })
        .collect();
    // What can go without loss is shown faded.
    let unnecessary = matches!(finding.rule.code, "IMG208" | "IMG901");
    Diagnostic {
        range: to_range(&analysis.text, &analysis.index, site, documents.unit()),
        severity: Some(match finding.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Hint => DiagnosticSeverity::HINT,
        }),
        code: Some(NumberOrString::String(finding.rule.code.to_owned())),
        source: Some("image-lsp".to_owned()),
        message: finding.message.clone(),
        related_information: if related.is_empty() { None } else { Some(related) },
        tags: unnecessary.then(|| vec![DiagnosticTag::UNNECESSARY]),
        ..Diagnostic::default()
    }
}
