//! The protocol's methods, each handed to its own file.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tower_lsp::jsonrpc::{Error, ErrorCode, Result};
use tower_lsp::ls_types::*;
use tower_lsp::{Client, LanguageServer};

use crate::analysis::Analysis;
use crate::diagnose::Session;
use crate::published::identity;
use crate::state::State;
use crate::transport::Outgoing;
use crate::{
    builds, code_actions, code_lens, commands, completion, diagnose, diagnostics, folding, hover, initialize,
    inlay_hints, links, manifest, names, preview, rule_page, signature_help, symbols, verify, watch,
    workspace,
};

/// How long it takes until a slow request shows its progress.
const SLOW: Duration = Duration::from_millis(300);
/// The protocol's number for a request that was right and cannot be done.
const REQUEST_FAILED: i64 = -32803;
/// How long a client has to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long it is waited for more changes after one.
const SETTLE: Duration = Duration::from_millis(200);

pub(crate) struct Server {
    session: Session,
}

/// The answer to a request whose work failed: a defect, which is told and ends nothing.
fn failed() -> Error {
    let message = "image-lsp: this request failed; it is a defect, please report the file";
    Error { code: ErrorCode::InternalError, message: message.into(), data: None }
}

fn refused(message: String) -> Error {
    Error { code: ErrorCode::ServerError(REQUEST_FAILED), message: message.into(), data: None }
}

impl Server {
    pub(crate) fn new(client: Client, state: Arc<State>, outgoing: Outgoing) -> Self {
        let handle = tokio::runtime::Handle::current();
        Self { session: Session { client, state, handle, outgoing } }
    }

    pub(crate) fn session(&self) -> Session {
        self.session.clone()
    }

    fn state(&self) -> &Arc<State> {
        &self.session.state
    }

    /// Does something on a worker.
    async fn work<T: Send + 'static>(&self, work: impl FnOnce(&State) -> T + Send + 'static) -> Result<T> {
        let state = Arc::clone(self.state());
        self.state().workers.run(move || work(&state)).await.map_err(|_| failed())
    }

    /// Does something that takes long, with progress where the client shows it.
    async fn work_long<T: Send + 'static>(
        &self,
        title: &'static str,
        work: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Result<T> {
        let state = Arc::clone(self.state());
        let job = self.state().workers.run_long(move || work(&state));
        tokio::pin!(job);
        if let Ok(result) = tokio::time::timeout(SLOW, &mut job).await {
            return result.map_err(|_| failed());
        }
        let progress = self.begin_progress(title).await;
        let result = job.await;
        if let Some(progress) = progress {
            progress.finish().await;
        }
        result.map_err(|_| failed())
    }

    /// Shows progress that nobody waits for: a client that does not answer gets none.
    async fn begin_progress(
        &self,
        title: &'static str,
    ) -> Option<tower_lsp::OngoingProgress<tower_lsp::Unbounded, tower_lsp::NotCancellable>> {
        static NUMBER: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(1);
        if !self.state().client().progress {
            return None;
        }
        let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let token = NumberOrString::Number(number);
        let created = self.session.client.create_work_done_progress(token.clone());
        match tokio::time::timeout(SLOW, created).await {
            Ok(Ok(())) => Some(self.session.client.progress(token, title).begin().await),
            _ => None,
        }
    }

    /// Does something with what is known of a document; nothing for what is no open file.
    async fn with<T: Send + 'static>(
        &self,
        uri: &Uri,
        work: impl FnOnce(&Analysis, &State) -> T + Send + 'static,
    ) -> Result<Option<T>> {
        let Some(path) = self.state().documents.file_of(uri) else { return Ok(None) };
        let session = self.session();
        self.work(move |state| {
            let analysis = state.analyse(&path)?;
            diagnose::recheck_folders(&session);
            // Something was noticed just now: the diagnostics may be others.
            if !state.published.is_shown(&path, &analysis) {
                diagnose::look_at(&session, path);
            }
            Some(work(&analysis, state))
        })
        .await
    }

    /// Whether an address is that of a file which is looked at as what images are made from alone.
    fn is_manifest(&self, uri: &Uri) -> bool {
        self.state().documents.file_of(uri).is_some_and(|path| manifest::is_manifest(&path))
    }

    /// The text of a virtual document. Protocol 3.18, `workspace/textDocumentContent`.
    pub(crate) async fn text_document_content(&self, parameters: Value) -> Result<Value> {
        let address = parameters.get("uri").and_then(Value::as_str).unwrap_or_default().to_owned();
        let text = self.work(move |state| content(&address, state)).await?;
        text.map(|text| json!({ "text": text })).ok_or_else(|| Error {
            code: ErrorCode::InvalidParams,
            message: "there is no such document".into(),
            data: None,
        })
    }

    /// Asks the client for its settings.
    fn fetch_settings(&self) {
        let session = self.session();
        self.session.handle.spawn(async move {
            let items = vec![ConfigurationItem { scope_uri: None, section: Some("imageLsp".to_owned()) }];
            let asked = session.client.configuration(items);
            if let Ok(Ok(values)) = tokio::time::timeout(PATIENCE, asked).await
                && let Some(value) = values.first().filter(|v| v.is_object())
            {
                session.state.set_editor_settings(value);
                diagnose::disk_changed(&session);
            }
        });
    }
}

/// The text of a virtual document: a Dockerfile, or a rule's page.
fn content(address: &str, state: &State) -> Option<String> {
    if let Some(text) = rule_page::text(address) {
        return Some(text);
    }
    let (path, name) = preview::parse(address)?;
    let analysis = state.analyse(&path)?;
    let text = preview::document(&analysis, &name).0;
    state.previews.note(address, &text);
    Some(text)
}

/// A full report, or that it is the one that the client has.
fn report(found: Vec<Diagnostic>, previous: Option<&str>) -> (String, Option<Vec<Diagnostic>>) {
    let id = identity(&found);
    let same = previous == Some(id.as_str());
    (id, (!same).then_some(found))
}

impl LanguageServer for Server {
    async fn initialize(&self, parameters: InitializeParams) -> Result<InitializeResult> {
        Ok(initialize::initialize(&parameters, self.state()))
    }

    async fn initialized(&self, _: InitializedParams) {
        let can = self.state().client();
        let mut registrations = Vec::new();
        if can.watches {
            registrations.push(watch::registration());
        }
        diagnose::poll(&self.session);
        if can.configuration_changes {
            registrations.push(watch::configuration());
        }
        if can.configuration {
            self.fetch_settings();
        }
        if !registrations.is_empty() {
            let client = self.session.client.clone();
            // A refusal changes little: the disk is looked at again with every request.
            self.session.handle.spawn(async move {
                let _ = tokio::time::timeout(PATIENCE, client.register_capability(registrations)).await;
            });
        }
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    async fn did_save(&self, parameters: DidSaveTextDocumentParams) {
        self.state().heads.look_again();
        if let Some(path) = self.state().documents.file_of(&parameters.text_document.uri) {
            diagnose::changed(&self.session, &path);
            verify::saved(&self.session, path);
        }
    }

    async fn did_change_watched_files(&self, _: DidChangeWatchedFilesParams) {
        diagnose::disk_changed(&self.session);
    }

    async fn did_change_configuration(&self, parameters: DidChangeConfigurationParams) {
        if self.state().client().configuration && !parameters.settings.is_object() {
            self.fetch_settings();
            return;
        }
        self.state().set_editor_settings(&parameters.settings);
        diagnose::disk_changed(&self.session);
    }

    async fn did_change_workspace_folders(&self, parameters: DidChangeWorkspaceFoldersParams) {
        let paths = |folders: &[WorkspaceFolder]| -> Vec<_> {
            folders.iter().filter_map(|f| crate::documents::path_of(&f.uri)).collect()
        };
        let event = parameters.event;
        self.state().change_roots(paths(&event.added), &paths(&event.removed));
        diagnose::disk_changed(&self.session);
    }

    async fn hover(&self, parameters: HoverParams) -> Result<Option<Hover>> {
        let place = parameters.text_document_position_params;
        let uri = place.text_document.uri.clone();
        let asked = uri.clone();
        let of_manifest = self.work(move |s| manifest::hover::at(&asked, place.position, s)).await?;
        if of_manifest.is_some() {
            return Ok(of_manifest);
        }
        let found =
            self.with(&place.text_document.uri, move |a, s| hover::at(a, &uri, place.position, s)).await?;
        Ok(found.flatten())
    }

    async fn completion(&self, parameters: CompletionParams) -> Result<Option<CompletionResponse>> {
        let place = parameters.text_document_position;
        self.work(move |state| completion::at(&place.text_document.uri, place.position, state)).await
    }

    async fn completion_resolve(&self, item: CompletionItem) -> Result<CompletionItem> {
        self.work(move |state| completion::resolve(item, state)).await
    }

    async fn signature_help(&self, parameters: SignatureHelpParams) -> Result<Option<SignatureHelp>> {
        let place = parameters.text_document_position_params;
        self.work(move |state| signature_help::at(&place.text_document.uri, place.position, state)).await
    }

    async fn goto_definition(
        &self,
        parameters: GotoDefinitionParams,
    ) -> Result<Option<GotoDefinitionResponse>> {
        let place = parameters.text_document_position_params;
        let found = self
            .work(move |state| names::definition(&place.text_document.uri, place.position, state))
            .await?;
        Ok((!found.is_empty()).then_some(GotoDefinitionResponse::Array(found)))
    }

    async fn references(&self, parameters: ReferenceParams) -> Result<Option<Vec<Location>>> {
        let place = parameters.text_document_position;
        let declarations = parameters.context.include_declaration;
        let find =
            move |s: &State| names::references(&place.text_document.uri, place.position, declarations, s);
        self.work_long("Looking for references", find).await.map(Some)
    }

    async fn document_highlight(
        &self,
        parameters: DocumentHighlightParams,
    ) -> Result<Option<Vec<DocumentHighlight>>> {
        let place = parameters.text_document_position_params;
        self.work(move |s| Some(names::highlights(&place.text_document.uri, place.position, s))).await
    }

    async fn prepare_rename(
        &self,
        place: TextDocumentPositionParams,
    ) -> Result<Option<PrepareRenameResponse>> {
        let found =
            self.work(move |s| names::prepare_rename(&place.text_document.uri, place.position, s)).await?;
        Ok(found
            .map(|(range, placeholder)| PrepareRenameResponse::RangeWithPlaceholder { range, placeholder }))
    }

    async fn rename(&self, parameters: RenameParams) -> Result<Option<WorkspaceEdit>> {
        let place = parameters.text_document_position;
        let new = parameters.new_name;
        let rename = move |s: &State| names::rename(&place.text_document.uri, place.position, &new, s);
        self.work_long("Renaming", rename).await?.map_err(refused)
    }

    async fn document_symbol(
        &self,
        parameters: DocumentSymbolParams,
    ) -> Result<Option<DocumentSymbolResponse>> {
        let uri = parameters.text_document.uri.clone();
        if self.is_manifest(&uri) {
            let find = move |s: &State| Some(symbols::shown(manifest::symbols::of(&uri, s)?, &uri, s));
            return self.work(find).await;
        }
        self.with(&parameters.text_document.uri, move |a, s| symbols::of(&uri, a, s)).await
    }

    async fn symbol(&self, parameters: WorkspaceSymbolParams) -> Result<Option<WorkspaceSymbolResponse>> {
        let find = move |s: &State| symbols::in_workspace(&parameters.query, s);
        let found = self.work_long("Looking for images", find).await?;
        Ok(Some(WorkspaceSymbolResponse::Nested(found)))
    }

    async fn document_link(&self, parameters: DocumentLinkParams) -> Result<Option<Vec<DocumentLink>>> {
        let uri = parameters.text_document.uri.clone();
        let of_manifest = {
            let uri = uri.clone();
            self.work(move |s| manifest::links::of(&uri, s)).await?
        };
        if self.is_manifest(&uri) {
            return Ok(of_manifest);
        }
        let found = self.with(&parameters.text_document.uri, move |a, s| links::of(&uri, a, s)).await?;
        Ok(found.map(|mut links| {
            links.splice(0..0, of_manifest.unwrap_or_default());
            links
        }))
    }

    async fn folding_range(&self, parameters: FoldingRangeParams) -> Result<Option<Vec<FoldingRange>>> {
        let uri = parameters.text_document.uri.clone();
        self.with(&parameters.text_document.uri, move |a, s| folding::folds(&uri, a, s)).await
    }

    async fn selection_range(&self, parameters: SelectionRangeParams) -> Result<Option<Vec<SelectionRange>>> {
        let uri = parameters.text_document.uri.clone();
        let select = move |a: &Analysis, s: &State| {
            parameters.positions.iter().map(|p| folding::selection(&uri, *p, a, s)).collect()
        };
        self.with(&parameters.text_document.uri, select).await
    }

    async fn code_lens(&self, parameters: CodeLensParams) -> Result<Option<Vec<CodeLens>>> {
        let uri = parameters.text_document.uri.clone();
        self.with(&parameters.text_document.uri, move |a, s| code_lens::of(&uri, a, s)).await
    }

    async fn inlay_hint(&self, parameters: InlayHintParams) -> Result<Option<Vec<InlayHint>>> {
        let uri = parameters.text_document.uri.clone();
        self.with(&parameters.text_document.uri, move |a, _| inlay_hints::of(&uri, parameters.range, a)).await
    }

    async fn code_action(&self, parameters: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let uri = parameters.text_document.uri.clone();
        let parameters = Arc::new(parameters);
        let asked = Arc::clone(&parameters);
        let mut of_manifest = self.work(move |s| code_actions::in_manifest(&asked, s)).await?;
        if self.is_manifest(&uri) {
            return Ok(Some(of_manifest));
        }
        let found = self.with(&uri, move |a, s| code_actions::at(&parameters, a, s)).await?;
        Ok(found.map(|actions| {
            of_manifest.splice(0..0, actions);
            of_manifest
        }))
    }

    async fn formatting(&self, parameters: DocumentFormattingParams) -> Result<Option<Vec<TextEdit>>> {
        let uri = parameters.text_document.uri;
        self.work(move |s| manifest::formatting::edits(&uri, None, s)).await
    }

    async fn range_formatting(
        &self,
        parameters: DocumentRangeFormattingParams,
    ) -> Result<Option<Vec<TextEdit>>> {
        let uri = parameters.text_document.uri;
        self.work(move |s| manifest::formatting::edits(&uri, Some(parameters.range), s)).await
    }

    async fn will_rename_files(&self, parameters: RenameFilesParams) -> Result<Option<WorkspaceEdit>> {
        let rename = move |s: &State| manifest::rename_files::edits(&parameters, s);
        self.work_long("Renaming", rename).await
    }

    async fn code_action_resolve(&self, action: CodeAction) -> Result<CodeAction> {
        self.work(move |state| code_actions::resolve(action, state)).await
    }

    async fn diagnostic(
        &self,
        parameters: DocumentDiagnosticParams,
    ) -> Result<DocumentDiagnosticReportResult> {
        let uri = parameters.text_document.uri.clone();
        let found = if self.is_manifest(&uri) {
            let find = move |s: &State| {
                let document = manifest::Document::of(&s.documents.file_of(&uri)?, s)?;
                Some(diagnostics::of_manifest(&document, &s.said_of(&document.path), s))
            };
            self.work(find).await?
        } else {
            let find = move |a: &Analysis, s: &State| {
                let others = s.said_of(&a.report.path);
                diagnostics::by_document(a, others, s).remove(&uri).unwrap_or_default()
            };
            self.with(&parameters.text_document.uri, find).await?
        };
        let found = found.unwrap_or_default();
        let (id, full) = report(found, parameters.previous_result_id.as_deref());
        let report = match full {
            Some(items) => DocumentDiagnosticReport::Full(RelatedFullDocumentDiagnosticReport {
                full_document_diagnostic_report: FullDocumentDiagnosticReport { result_id: Some(id), items },
                ..RelatedFullDocumentDiagnosticReport::default()
            }),
            None => DocumentDiagnosticReport::Unchanged(RelatedUnchangedDocumentDiagnosticReport {
                related_documents: None,
                unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id: id },
            }),
        };
        Ok(DocumentDiagnosticReportResult::Report(report))
    }

    async fn workspace_diagnostic(
        &self,
        parameters: WorkspaceDiagnosticParams,
    ) -> Result<WorkspaceDiagnosticReportResult> {
        let previous: Arc<HashMap<Uri, String>> =
            Arc::new(parameters.previous_result_ids.into_iter().map(|p| (p.uri, p.value)).collect());
        let mut changes = self.state().changes.subscribe();
        let items = loop {
            changes.mark_unchanged();
            let known = Arc::clone(&previous);
            let find = move |state: &State| workspace_reports(&known, state);
            let items = self.work_long("Looking for mistakes in images", find).await?;
            let is_new = |item: &_| matches!(item, WorkspaceDocumentDiagnosticReport::Full(_));
            // Clients ask again and again. As long as they know everything, the answer waits for a change.
            if previous.is_empty() || items.len() != previous.len() || items.iter().any(is_new) {
                break items;
            }
            if changes.changed().await.is_err() {
                break items;
            }
            tokio::time::sleep(SETTLE).await;
        };
        let Some(token) = parameters.partial_result_params.partial_result_token else {
            return Ok(WorkspaceDiagnosticReportResult::Report(WorkspaceDiagnosticReport { items }));
        };
        for item in items {
            let value = json!({ "items": [item] });
            self.session.notify("$/progress", json!({ "token": token, "value": value }));
        }
        let items = Vec::new();
        Ok(WorkspaceDiagnosticReportResult::Report(WorkspaceDiagnosticReport { items }))
    }

    async fn execute_command(&self, parameters: ExecuteCommandParams) -> Result<Option<Value>> {
        let argument = parameters.arguments.into_iter().next().unwrap_or_default();
        let command = parameters.command;
        if command == commands::BUILD {
            let token = parameters.work_done_progress_params.work_done_token;
            return builds::run(&self.session, argument, token).await.map(Some);
        }
        if command == commands::VERIFY {
            let token = parameters.work_done_progress_params.work_done_token;
            return verify::run(&self.session, argument, token).await.map(Some);
        }
        let is_debug_info = command == commands::DEBUG_INFO;
        let answer = self.work(move |state| commands::run(&command, &argument, state)).await??;
        if let Some((uri, selection)) = answer.show.filter(|_| self.state().client().shows_documents)
            && let Ok(uri) = uri.parse::<Uri>()
        {
            let client = self.session.client.clone();
            let show = ShowDocumentParams { uri, external: Some(false), take_focus: Some(true), selection };
            self.session.handle.spawn(async move {
                let _ = tokio::time::timeout(PATIENCE, client.show_document(show)).await;
            });
        }
        match answer.value {
            Value::String(text) if is_debug_info => {
                Ok(Some(Value::String(text + &builds::engines(&self.session).await)))
            }
            other => Ok(Some(other)),
        }
    }
}

/// The reports of every file of the workspace.
fn workspace_reports(
    previous: &HashMap<Uri, String>,
    state: &State,
) -> Vec<WorkspaceDocumentDiagnosticReport> {
    let of_file = |(uri, version, found): (Uri, Option<i32>, Vec<Diagnostic>)| {
        let (id, full) = report(found, previous.get(&uri).map(String::as_str));
        let version = version.map(i64::from);
        match full {
            Some(items) => WorkspaceDocumentDiagnosticReport::Full(WorkspaceFullDocumentDiagnosticReport {
                uri,
                version,
                full_document_diagnostic_report: FullDocumentDiagnosticReport { result_id: Some(id), items },
            }),
            None => {
                WorkspaceDocumentDiagnosticReport::Unchanged(WorkspaceUnchangedDocumentDiagnosticReport {
                    uri,
                    version,
                    unchanged_document_diagnostic_report: UnchangedDocumentDiagnosticReport { result_id: id },
                })
            }
        }
    };
    workspace::diagnostics(state).into_iter().map(of_file).collect()
}
