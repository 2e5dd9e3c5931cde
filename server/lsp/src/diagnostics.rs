//! `textDocument/publishDiagnostics`, `textDocument/diagnostic` and `workspace/diagnostic`: the findings of a file.

use std::collections::BTreeMap;

use image_model::origin::Site;
use image_rules::{Finding, Related, Severity};
use tower_lsp::ls_types::{
    CodeDescription, Diagnostic, DiagnosticRelatedInformation, DiagnosticSeverity, DiagnosticTag,
    NumberOrString, Uri,
};

use crate::analysis::Analysis;
use crate::manifest::{Document, is_manifest};
use crate::state::State;
use crate::view::View;

/// Rules about what can go without loss: shown faded.
const UNNECESSARY: &[&str] = &["IMG208", "IMG901"];
/// Rules about what still works and is on its way out: struck through.
const DEPRECATED: &[&str] = &["IMG701", "IMG702", "IMG703"];

/// The findings that stand in a file, or that something in it leads to, by document: a notebook's by its cells. Every
/// document of the file is there, so that what is gone goes from the screen.
pub(crate) fn by_document(
    analysis: &Analysis,
    others: Vec<Finding>,
    state: &State,
) -> BTreeMap<Uri, Vec<Diagnostic>> {
    let mut documents: BTreeMap<Uri, Vec<Diagnostic>> = BTreeMap::new();
    if analysis.cells.is_empty() {
        documents.insert(analysis.open.uri.clone(), Vec::new());
    }
    documents.extend(analysis.cells.iter().map(|c| (c.uri.clone(), Vec::new())));
    for finding in &with_others(analysis, others) {
        let Some(site) = place(finding, analysis) else { continue };
        let (uri, diagnostic) = diagnostic(finding, site, analysis, state);
        documents.entry(uri).or_default().push(diagnostic);
    }
    let others = state.verifications.of(analysis, state);
    for (uri, diagnostic) in state.builds.failures.of(analysis, state).into_iter().chain(others) {
        documents.entry(uri).or_default().push(diagnostic);
    }
    documents
}

/// The findings of a module, and what other modules say of its header, each once.
pub(crate) fn with_others(analysis: &Analysis, others: Vec<Finding>) -> Vec<Finding> {
    let mut all = analysis.findings.clone();
    all.extend(others);
    image_rules::order(&mut all);
    all
}

/// What is said of a requirements file or a project.
pub(crate) fn of_manifest(document: &Document, said: &[Finding], state: &State) -> Vec<Diagnostic> {
    let view = document.view();
    let shown = |finding: &Finding| {
        let site = place(finding, view)?;
        Some(diagnostic(finding, site, view, state).1)
    };
    said.iter().filter_map(shown).collect()
}

/// Where a finding is shown in a file: its own place, or in another file's stead what belongs to it here.
pub(crate) fn place<'f>(finding: &'f Finding, view: &View) -> Option<&'f Site> {
    if view.is_here(&finding.site) {
        return Some(&finding.site);
    }
    finding.related.iter().map(|r| &r.site).find(|s| view.is_here(s))
}

/// A finding at a place of the file: the document it is shown in, and how.
pub(crate) fn diagnostic(finding: &Finding, site: &Site, view: &View, state: &State) -> (Uri, Diagnostic) {
    let elsewhere = (finding.site != *site).then(|| Related {
        site: finding.site.clone(),
        message: if is_manifest(&finding.site.path) || image_rules::is_about_manifests(finding.rule) {
            "it is written here".to_owned()
        } else {
            "it is here that flyte is asked for it".to_owned()
        },
    });
    let others = finding.related.iter().filter(|r| r.site != *site).cloned().chain(elsewhere);
    let related: Vec<DiagnosticRelatedInformation> = others
        .filter_map(|related| {
            let location = state.locate(&related.site)?;
            Some(DiagnosticRelatedInformation { location, message: related.message })
        })
        .collect();
    let code = finding.rule.code;
    let mut tags = Vec::new();
    if UNNECESSARY.contains(&code) {
        tags.push(DiagnosticTag::UNNECESSARY);
    }
    if DEPRECATED.contains(&code) {
        tags.push(DiagnosticTag::DEPRECATED);
    }
    let (uri, range) = view.locate(site.start, site.end);
    let diagnostic = Diagnostic {
        range,
        severity: Some(match finding.severity {
            Severity::Error => DiagnosticSeverity::ERROR,
            Severity::Warning => DiagnosticSeverity::WARNING,
            Severity::Hint => DiagnosticSeverity::HINT,
        }),
        code: Some(NumberOrString::String(code.to_owned())),
        code_description: documentation(finding, state),
        source: Some("image-lsp".to_owned()),
        message: finding.message.clone(),
        related_information: if related.is_empty() { None } else { Some(related) },
        tags: if tags.is_empty() { None } else { Some(tags) },
        data: Some(serde_json::json!({ "rule": code, "fixable": finding.fix.is_some() })),
    };
    (uri, diagnostic)
}

/// The link behind the code: the rule's page, which the server has itself.
fn documentation(finding: &Finding, state: &State) -> Option<CodeDescription> {
    let client = state.client();
    if !client.code_description || !client.text_document_content {
        return None;
    }
    let address = crate::rule_page::address(finding.rule);
    Some(CodeDescription { href: address.parse().ok()? })
}
