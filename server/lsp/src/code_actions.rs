//! `textDocument/codeAction` and `codeAction/resolve`: fixes, fix-all and suppressions, from the same edits as the command
//! line's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_manifests::position::LineIndex;
use image_model::origin::Site;
use image_rules::apply::fix;
use image_rules::{Applicability, Edit, Finding, suppress};
use serde_json::json;
use similar::{DiffOp, TextDiff};
use tower_lsp::ls_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, CreateFile, CreateFileOptions,
    DocumentChangeOperation, DocumentChanges, OneOf, OptionalVersionedTextDocumentIdentifier, ResourceOp,
    TextDocumentEdit, TextEdit, Uri, WorkspaceEdit,
};

use crate::diagnostics::{diagnostic, place};
use crate::documents::{Analysis, Documents, to_range};

/// The kind of the action that applies all safe fixes of a file.
pub(crate) const FIX_ALL: &str = "source.fixAll.imageLsp";

/// What can be done in a range.
pub(crate) fn at(
    parameters: &CodeActionParams,
    analysis: &Analysis,
    documents: &Documents,
) -> Vec<CodeActionOrCommand> {
    let wanted = |kind: &str| {
        let only = parameters.context.only.as_deref();
        only.is_none_or(|only| {
            only.iter().any(|o| {
                kind == o.as_str() || kind.strip_prefix(o.as_str()).is_some_and(|r| r.starts_with('.'))
            })
        })
    };
    let mut actions = Vec::new();
    if wanted("quickfix") {
        let (start, end) = (parameters.range.start, parameters.range.end);
        let touches = |finding: &&Finding| {
            place(finding, analysis).is_some_and(|site| {
                let range = to_range(&analysis.text, &analysis.index, site, documents.unit());
                range.start <= end && start <= range.end
            })
        };
        let here: Vec<&Finding> = analysis.findings.iter().filter(touches).collect();
        actions.extend(here.iter().filter_map(|finding| quick_fix(finding, analysis, documents)));
        actions.extend(here.iter().filter_map(|finding| suppression(finding, analysis, documents)));
    }
    let safe = |f: &Finding| f.fix.as_ref().is_some_and(|x| x.applicability == Applicability::Safe);
    if wanted(FIX_ALL) && analysis.findings.iter().any(|f| f.site.path == analysis.report.path && safe(f)) {
        actions.push(CodeAction {
            title: "Fix all mistakes of images that can be fixed for certain".to_owned(),
            kind: Some(CodeActionKind::new(FIX_ALL)),
            data: Some(json!({ "uri": parameters.text_document.uri })),
            ..CodeAction::default()
        });
    }
    actions.into_iter().map(CodeActionOrCommand::CodeAction).collect()
}

fn quick_fix(finding: &Finding, analysis: &Analysis, documents: &Documents) -> Option<CodeAction> {
    let fix = finding.fix.as_ref()?;
    let mut title: String = fix.message.clone();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if fix.applicability == Applicability::Unsafe {
        title.push_str(" (look it over)");
    }
    let site = place(finding, analysis)?;
    Some(CodeAction {
        title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostic(finding, site, analysis, documents)]),
        edit: Some(workspace_edit(&fix.edits, documents)?),
        is_preferred: Some(fix.applicability == Applicability::Safe),
        ..CodeAction::default()
    })
}

fn suppression(finding: &Finding, analysis: &Analysis, documents: &Documents) -> Option<CodeAction> {
    if finding.site.path != analysis.report.path || matches!(finding.rule.code, "IMG901" | "IMG902") {
        return None;
    }
    let edit = suppress(finding, &analysis.text);
    Some(CodeAction {
        title: format!("Suppress {} ({}) here", finding.rule.code, finding.rule.name),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostic(finding, &finding.site, analysis, documents)]),
        edit: Some(workspace_edit(&[edit], documents)?),
        is_preferred: Some(false),
        ..CodeAction::default()
    })
}

/// The edits of an action whose work was put off.
pub(crate) fn resolve(mut action: CodeAction, documents: &Documents) -> CodeAction {
    let uri = action.data.as_ref().and_then(|d| serde_json::from_value::<Uri>(d.get("uri")?.clone()).ok());
    let path = uri.as_ref().and_then(Documents::path);
    if let Some(path) = path {
        action.edit = fix_all(&path, documents);
    }
    action
}

/// All safe fixes of a file, worked out to the end.
fn fix_all(path: &Path, documents: &Documents) -> Option<WorkspaceEdit> {
    let analysis = documents.analyse(path)?;
    let own =
        |findings: Vec<Finding>| findings.into_iter().filter(|f| &*f.site.path == path).collect::<Vec<_>>();
    let read = |path: &Path| documents.text_of(path);
    let check = |texts: &BTreeMap<PathBuf, Arc<str>>| own(documents.check_over(path, texts));
    let fixed = fix(own(analysis.findings.clone()), Applicability::Safe, &read, &check);
    let mut edits = Vec::new();
    for (path, text) in &fixed.texts {
        let before = documents.text_of(path).unwrap_or_default();
        edits.extend(difference(path, &before, text));
    }
    workspace_edit(&edits, documents)
}

/// The lines that differ, as edits.
fn difference(path: &Path, before: &str, after: &str) -> Vec<Edit> {
    let diff = TextDiff::from_lines(before, after);
    let offsets = |text: &str| {
        let mut at = 0;
        let mut all = vec![0];
        for line in text.split_inclusive('\n') {
            at += line.len();
            all.push(at);
        }
        all
    };
    let (old, new) = (offsets(before), offsets(after));
    let place = |all: &[usize], line: usize, end: usize| all.get(line).copied().unwrap_or(end);
    let path: Arc<Path> = path.into();
    let changed = diff.ops().iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    changed
        .map(|op| {
            let (o, n) = (op.old_range(), op.new_range());
            let content = &after[place(&new, n.start, after.len())..place(&new, n.end, after.len())];
            Edit {
                path: Arc::clone(&path),
                start: place(&old, o.start, before.len()),
                end: place(&old, o.end, before.len()),
                content: content.to_owned(),
            }
        })
        .collect()
}

/// Edits as the protocol has them. `None` where there are none, or a file cannot be named.
fn workspace_edit(edits: &[Edit], documents: &Documents) -> Option<WorkspaceEdit> {
    let mut by_file: BTreeMap<Arc<Path>, Vec<&Edit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(Arc::clone(&edit.path)).or_default().push(edit);
    }
    let mut operations = Vec::new();
    for (path, edits) in by_file {
        let uri = Uri::from_file_path(&path)?;
        let known = documents.text_of(&path);
        if known.is_none() {
            let options = CreateFileOptions { overwrite: None, ignore_if_exists: Some(true) };
            let create = CreateFile { uri: uri.clone(), options: Some(options), annotation_id: None };
            operations.push(DocumentChangeOperation::Op(ResourceOp::Create(create)));
        }
        let text = known.unwrap_or_default();
        let index = LineIndex::new(&text);
        let text_edits = edits.iter().filter(|e| e.end > e.start || !e.content.is_empty()).map(|edit| {
            let site = Site { path: Arc::clone(&edit.path), start: edit.start, end: edit.end };
            let range = to_range(&text, &index, &site, documents.unit());
            OneOf::Left(TextEdit { range, new_text: edit.content.clone() })
        });
        let edits: Vec<_> = text_edits.collect();
        if edits.is_empty() {
            continue;
        }
        let text_document =
            OptionalVersionedTextDocumentIdentifier { uri, version: documents.version(&path) };
        operations.push(DocumentChangeOperation::Edit(TextDocumentEdit { text_document, edits }));
    }
    if operations.is_empty() {
        return None;
    }
    documents.as_client_takes(operations)
}

/// The same for clients that know neither versions nor new files; `None` where there is a new file.
pub(crate) fn plain(operations: Vec<DocumentChangeOperation>) -> Option<WorkspaceEdit> {
    let mut changes = std::collections::HashMap::new();
    for operation in operations {
        let DocumentChangeOperation::Edit(edit) = operation else { return None };
        let edits = edit.edits.into_iter().filter_map(|e| match e {
            OneOf::Left(edit) => Some(edit),
            OneOf::Right(_) => None,
        });
        changes.insert(edit.text_document.uri, edits.collect());
    }
    Some(WorkspaceEdit { changes: Some(changes), ..WorkspaceEdit::default() })
}

/// Operations for clients that know them.
pub(crate) fn versioned(operations: Vec<DocumentChangeOperation>) -> WorkspaceEdit {
    WorkspaceEdit {
        document_changes: Some(DocumentChanges::Operations(operations)),
        ..WorkspaceEdit::default()
    }
}
