//! `textDocument/codeAction` and `codeAction/resolve`: fixes, fix-all, suppressions, commands on images. Fixes come from
//! the same edits as the command line's.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use image_manifests::position::LineIndex;
use image_model::methods;
use image_model::origin::Site;
use image_python::notebook::is_notebook;
use image_rules::apply::fix;
use image_rules::{Applicability, Edit, Finding, add_argument, suppress};
use serde_json::{Value, json};
use similar::{DiffOp, TextDiff};
use tower_lsp::ls_types::{
    CodeAction, CodeActionKind, CodeActionOrCommand, CodeActionParams, Command, CreateFile,
    CreateFileOptions, DocumentChangeOperation, DocumentChanges, OneOf,
    OptionalVersionedTextDocumentIdentifier, ResourceOp, TextDocumentEdit, TextEdit, Uri, WorkspaceEdit,
};

use crate::analysis::Analysis;
use crate::code_lens::argument;
use crate::commands;
use crate::cursor;
use crate::diagnostics::{diagnostic, place, with_others};
use crate::manifest::{self, Document, is_manifest};
use crate::state::State;
use crate::view::{View, to_range};

/// The kind of the action that applies all safe fixes of a file.
pub(crate) const FIX_ALL: &str = "source.fixAll.imageLsp";
/// The kind of the action that builds an image.
const BUILD: &str = "source.buildImage.imageLsp";
/// The kind of the action that shows a Dockerfile.
const SHOW: &str = "source.showDockerfile.imageLsp";
/// The kind of actions that write the same in another way.
pub(crate) const REWRITE: &str = "refactor.rewrite";

/// The kinds that there are.
pub(crate) const KINDS: [&str; 5] = ["quickfix", FIX_ALL, BUILD, SHOW, REWRITE];

/// What can be done in a range.
pub(crate) fn at(
    parameters: &CodeActionParams,
    analysis: &Analysis,
    state: &State,
) -> Vec<CodeActionOrCommand> {
    let wanted = |kind: &str| is_wanted(parameters, kind);
    let findings = with_others(analysis, state.said_of(&analysis.report.path));
    let mut actions = on_findings(parameters, &findings, analysis, &wanted, state);
    if wanted(REWRITE) {
        actions.extend(pin_python(parameters, analysis, state));
    }
    actions.extend(
        on_image(parameters, analysis, state)
            .into_iter()
            .filter(|a| a.kind.as_ref().is_some_and(|k| wanted(k.as_str()))),
    );
    actions.into_iter().map(CodeActionOrCommand::CodeAction).collect()
}

/// What can be done in a range of a requirements file, a project or a script's header. On a worker only.
pub(crate) fn in_manifest(parameters: &CodeActionParams, state: &State) -> Vec<CodeActionOrCommand> {
    let wanted = |kind: &str| is_wanted(parameters, kind);
    let mut actions = Vec::new();
    let document = Document::at(&parameters.text_document.uri, state);
    if let Some(document) = document.filter(|d| is_manifest(&d.path)) {
        let findings = state.said_of(&document.path);
        actions.extend(on_findings(parameters, &findings, document.view(), &wanted, state));
    }
    if wanted(REWRITE) {
        actions.extend(manifest::actions::rewrites(parameters, state));
    }
    actions.into_iter().map(CodeActionOrCommand::CodeAction).collect()
}

fn is_wanted(parameters: &CodeActionParams, kind: &str) -> bool {
    let is_of = |only: &CodeActionKind| {
        kind == only.as_str() || kind.strip_prefix(only.as_str()).is_some_and(|r| r.starts_with('.'))
    };
    parameters.context.only.as_deref().is_none_or(|all| all.iter().any(is_of))
}

/// Fixes and suppressions of what was found in a range.
fn on_findings(
    parameters: &CodeActionParams,
    findings: &[Finding],
    view: &View,
    wanted: &dyn Fn(&str) -> bool,
    state: &State,
) -> Vec<CodeAction> {
    let uri = &parameters.text_document.uri;
    let mut actions = Vec::new();
    if wanted("quickfix") {
        let (start, end) = (view.byte(uri, parameters.range.start), view.byte(uri, parameters.range.end));
        let touches =
            |f: &&Finding| place(f, view).is_some_and(|site| site.start <= end && start <= site.end);
        let here: Vec<&Finding> = findings.iter().filter(touches).collect();
        actions.extend(here.iter().filter_map(|finding| quick_fix(finding, view, state)));
        actions.extend(here.iter().filter_map(|finding| suppression(finding, view, state)));
        if state.client().action_resolve {
            actions.iter_mut().for_each(|action| action.edit = None);
        }
    }
    let safe = |f: &Finding| f.fix.as_ref().is_some_and(|x| x.applicability == Applicability::Safe);
    if wanted(FIX_ALL)
        && !is_notebook(&view.path)
        && findings.iter().any(|f| view.is_here(&f.site) && safe(f))
    {
        actions.push(CodeAction {
            title: "Fix all mistakes of images that can be fixed for certain".to_owned(),
            kind: Some(CodeActionKind::new(FIX_ALL)),
            edit: if state.client().action_resolve { None } else { fix_all(&view.path, state) },
            data: Some(json!({ "uri": uri, "what": "all" })),
            ..CodeAction::default()
        });
    }
    actions
}

/// Building and showing the image under the cursor.
fn on_image(parameters: &CodeActionParams, analysis: &Analysis, state: &State) -> Vec<CodeAction> {
    let uri = &parameters.text_document.uri;
    let byte = analysis.byte(uri, parameters.range.start);
    let link = cursor::link_at(analysis, byte).map(|l| l.image);
    let Some(image) = link.or_else(|| cursor::image_at(analysis, byte).map(|(image, _)| image)) else {
        return Vec::new();
    };
    if image.variants.iter().all(|v| v.dockerfile.is_none()) {
        return Vec::new();
    }
    let action = |title: &str, kind: &'static str, command: &str| {
        commands::can_run(command, state).then(|| CodeAction {
            title: title.to_owned(),
            kind: Some(CodeActionKind::new(kind)),
            command: Some(Command {
                title: title.to_owned(),
                command: command.to_owned(),
                arguments: Some(vec![argument(uri, image, analysis, parameters.range)]),
            }),
            ..CodeAction::default()
        })
    };
    let build = action("Build image", BUILD, commands::BUILD);
    build.into_iter().chain(action("Show Dockerfile", SHOW, commands::SHOW_DOCKERFILE)).collect()
}

/// `python_version=` for a constructor that takes it from the interpreter.
fn pin_python(parameters: &CodeActionParams, analysis: &Analysis, state: &State) -> Option<CodeAction> {
    let byte = analysis.byte(&parameters.text_document.uri, parameters.range.start);
    let call = cursor::link_at(analysis, byte)?.call;
    methods::method(call.method).filter(|m| m.constructor)?.parameter("python_version")?;
    if call.is_open || call.given("python_version").next().is_some() {
        return None;
    }
    let (major, minor) = analysis.facts.environment.python_version?;
    let module = state.sources().module(&analysis.report.path, &state.snapshot()).ok()?;
    let edit = add_argument(module, call, "python_version", &format!("({major}, {minor})"))?;
    Some(CodeAction {
        title: format!("Pin python_version to ({major}, {minor})"),
        kind: Some(CodeActionKind::new(REWRITE)),
        edit: Some(workspace_edit(&[edit], state)?),
        ..CodeAction::default()
    })
}

fn data(finding: &Finding, view: &View, what: &str) -> Value {
    let (start, end) = (finding.site.start, finding.site.end);
    json!({ "uri": view.open.uri, "what": what, "rule": finding.rule.code, "start": start, "end": end })
}

fn quick_fix(finding: &Finding, view: &View, state: &State) -> Option<CodeAction> {
    let fix = finding.fix.as_ref()?;
    let mut title: String = fix.message.clone();
    if let Some(first) = title.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if fix.applicability == Applicability::Unsafe {
        title.push_str(" (look it over)");
    }
    let site = place(finding, view)?;
    Some(CodeAction {
        title,
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostic(finding, site, view, state).1]),
        edit: Some(workspace_edit(&fix.edits, state)?),
        is_preferred: Some(fix.applicability == Applicability::Safe),
        data: Some(data(finding, view, "fix")),
        ..CodeAction::default()
    })
}

fn suppression(finding: &Finding, view: &View, state: &State) -> Option<CodeAction> {
    if !view.is_here(&finding.site) || matches!(finding.rule.code, "IMG901" | "IMG902") {
        return None;
    }
    let edit = suppress(finding, &view.text);
    Some(CodeAction {
        title: format!("Suppress {} ({}) here", finding.rule.code, finding.rule.name),
        kind: Some(CodeActionKind::QUICKFIX),
        diagnostics: Some(vec![diagnostic(finding, &finding.site, view, state).1]),
        edit: Some(workspace_edit(&[edit], state)?),
        is_preferred: Some(false),
        data: Some(data(finding, view, "suppress")),
        ..CodeAction::default()
    })
}

/// The edits of an action whose work was put off. On a worker only.
pub(crate) fn resolve(mut action: CodeAction, state: &State) -> CodeAction {
    let data = action.data.clone().unwrap_or_default();
    let uri = data.get("uri").and_then(|u| serde_json::from_value::<Uri>(u.clone()).ok());
    let Some(path) = uri.as_ref().and_then(|u| state.documents.file_of(u)) else { return action };
    let what = data.get("what").and_then(Value::as_str).unwrap_or_default();
    if action.edit.is_none() {
        action.edit = if what == "all" { fix_all(&path, state) } else { edit_of(&data, what, &path, state) };
    }
    action
}

/// What is found in a file, and its text. On a worker only.
fn found_in(path: &Path, state: &State) -> Option<(Vec<Finding>, Arc<str>)> {
    if is_manifest(path) {
        return Some((state.said_of(path), state.text_of(path)?));
    }
    let analysis = state.analyse(path)?;
    Some((with_others(&analysis, state.said_of(path)), Arc::clone(&analysis.text)))
}

/// The edit of a fix or a suppression; `None` where the finding is gone.
fn edit_of(data: &Value, what: &str, path: &Path, state: &State) -> Option<WorkspaceEdit> {
    let (findings, text) = found_in(path, state)?;
    let is = |f: &&Finding| {
        let number =
            |name: &str| data.get(name).and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        data.get("rule").and_then(Value::as_str) == Some(f.rule.code)
            && number("start") == Some(f.site.start)
            && number("end") == Some(f.site.end)
    };
    let finding = findings.iter().find(is)?;
    match what {
        "fix" => workspace_edit(&finding.fix.as_ref()?.edits, state),
        "suppress" => workspace_edit(&[suppress(finding, &text)], state),
        _ => None,
    }
}

/// All safe fixes of a file, worked out to the end. What others say of it is asked of them anew each time.
fn fix_all(path: &Path, state: &State) -> Option<WorkspaceEdit> {
    let own =
        |findings: Vec<Finding>| findings.into_iter().filter(|f| &*f.site.path == path).collect::<Vec<_>>();
    let (findings, _) = found_in(path, state)?;
    let mut speakers = state.foreign.speakers(path);
    if !is_manifest(path) {
        speakers.push(path.to_owned());
    }
    let read = |path: &Path| state.text_of(path).map(|t| t.to_string());
    let check = |texts: &BTreeMap<PathBuf, Arc<str>>| {
        let mut all: Vec<Finding> = speakers.iter().flat_map(|s| own(state.check_over(s, texts))).collect();
        image_rules::order(&mut all);
        all
    };
    let fixed = fix(own(findings), Applicability::Safe, &read, &check);
    let mut edits = Vec::new();
    for (path, text) in &fixed.texts {
        let before = state.text_of(path).unwrap_or_default();
        edits.extend(difference(path, &before, text));
    }
    workspace_edit(&edits, state)
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
pub(crate) fn workspace_edit(edits: &[Edit], state: &State) -> Option<WorkspaceEdit> {
    let mut by_file: BTreeMap<Arc<Path>, Vec<&Edit>> = BTreeMap::new();
    for edit in edits {
        by_file.entry(Arc::clone(&edit.path)).or_default().push(edit);
    }
    let mut operations = Vec::new();
    for (path, edits) in by_file {
        let edits: Vec<&Edit> =
            edits.into_iter().filter(|e| e.end > e.start || !e.content.is_empty()).collect();
        if is_notebook(&path) {
            operations.extend(in_cells(&edits, state));
            continue;
        }
        let uri = state.uri(&path)?;
        let known = state.text_of(&path);
        if known.is_none() {
            let options = CreateFileOptions { overwrite: None, ignore_if_exists: Some(true) };
            let create = CreateFile { uri: uri.clone(), options: Some(options), annotation_id: None };
            operations.push(DocumentChangeOperation::Op(ResourceOp::Create(create)));
        }
        let text = known.unwrap_or_default();
        let index = LineIndex::new(&text);
        let text_edits = edits.iter().map(|edit| {
            let range = to_range(&text, &index, edit.start, edit.end, state.documents.unit());
            OneOf::Left(TextEdit { range, new_text: edit.content.clone() })
        });
        let edits: Vec<_> = text_edits.collect();
        if edits.is_empty() {
            continue;
        }
        let version = state.documents.get(&path).map(|o| o.version);
        let text_document = OptionalVersionedTextDocumentIdentifier { uri, version };
        operations.push(DocumentChangeOperation::Edit(TextDocumentEdit { text_document, edits }));
    }
    if operations.is_empty() {
        return None;
    }
    if state.client().document_changes { Some(versioned(operations)) } else { plain(operations) }
}

/// Edits of a notebook, by cell.
fn in_cells(edits: &[&Edit], state: &State) -> Vec<DocumentChangeOperation> {
    let mut cells: BTreeMap<Uri, Vec<OneOf<TextEdit, tower_lsp::ls_types::AnnotatedTextEdit>>> =
        BTreeMap::new();
    for edit in edits {
        let site = Site { path: Arc::clone(&edit.path), start: edit.start, end: edit.end };
        if let Some(location) = state.locate(&site) {
            let edit = TextEdit { range: location.range, new_text: edit.content.clone() };
            cells.entry(location.uri).or_default().push(OneOf::Left(edit));
        }
    }
    let operation = |(uri, edits)| {
        let text_document = OptionalVersionedTextDocumentIdentifier { uri, version: None };
        DocumentChangeOperation::Edit(TextDocumentEdit { text_document, edits })
    };
    cells.into_iter().map(operation).collect()
}

/// The same for clients that know neither versions nor new files; `None` where there is a new file.
fn plain(operations: Vec<DocumentChangeOperation>) -> Option<WorkspaceEdit> {
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
fn versioned(operations: Vec<DocumentChangeOperation>) -> WorkspaceEdit {
    WorkspaceEdit {
        document_changes: Some(DocumentChanges::Operations(operations)),
        ..WorkspaceEdit::default()
    }
}
