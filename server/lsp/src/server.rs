//! The protocol's methods, each handed to its own file.

use std::panic::AssertUnwindSafe;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use image_manifests::position::Unit;
use tower_lsp::jsonrpc::Result;
use tower_lsp::ls_types::{
    CodeAction, CodeActionKind, CodeActionOptions, CodeActionParams, CodeActionProviderCapability,
    CodeActionResponse, DidChangeConfigurationParams, DidChangeTextDocumentParams,
    DidChangeWatchedFilesParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
    DidSaveTextDocumentParams, Hover, HoverParams, HoverProviderCapability, InitializeParams,
    InitializeResult, InitializedParams, MessageType, PositionEncodingKind, SaveOptions, ServerCapabilities,
    ServerInfo, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
    TextDocumentSyncSaveOptions, Uri,
};
use tower_lsp::{Client, LanguageServer};

use crate::documents::{Analysis, Documents};
use crate::{code_actions, diagnostics, hover, watch};

pub(crate) struct Backend {
    client: Client,
    watches: AtomicBool,
    documents: Arc<Documents>,
}

/// Runs an analysis off the runtime. `None` when it fails, which the log says and nothing else.
async fn analyse(client: &Client, documents: &Arc<Documents>, path: PathBuf) -> Option<Arc<Analysis>> {
    let documents = Arc::clone(documents);
    let work = move || std::panic::catch_unwind(AssertUnwindSafe(|| documents.analyse(&path)));
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(analysis)) => analysis,
        _ => {
            let message = "image-lsp: an analysis failed; this is a defect, please report the file";
            client.log_message(tower_lsp::ls_types::MessageType::ERROR, message).await;
            None
        }
    }
}

impl Backend {
    pub(crate) fn new(client: Client, documents: Arc<Documents>) -> Self {
        Self { client, documents, watches: AtomicBool::new(false) }
    }

    /// Looks at the disk again, and at every open document.
    fn diagnose_all(&self) {
        self.documents.look_again();
        for (uri, _, _) in self.documents.all() {
            self.diagnose(&uri);
        }
    }

    /// Finds the mistakes of a document and of the open ones that read it, and publishes them.
    fn diagnose(&self, uri: &Uri) {
        let Some(path) = Documents::path(uri) else { return };
        let mut wanted = self.documents.readers_of(&path);
        if !wanted.contains(&path) {
            wanted.push(path);
        }
        for (uri, path, version) in self.documents.all().into_iter().filter(|(_, p, _)| wanted.contains(p)) {
            let (client, documents) = (self.client.clone(), Arc::clone(&self.documents));
            tokio::spawn(async move {
                let Some(analysis) = analyse(&client, &documents, path.clone()).await else { return };
                // An older state than the editor's is not worth showing.
                if documents.version(&path) == Some(version) {
                    for complaint in documents.take_complaints() {
                        client.log_message(MessageType::WARNING, format!("image-lsp: {complaint}")).await;
                    }
                    let found = diagnostics::of(&analysis, &documents);
                    documents.note_published(&path, &analysis);
                    client.publish_diagnostics(uri, found, Some(version)).await;
                }
            });
        }
    }
}

impl LanguageServer for Backend {
    async fn initialize(&self, parameters: InitializeParams) -> Result<InitializeResult> {
        let offered = parameters.capabilities.general.and_then(|g| g.position_encodings).unwrap_or_default();
        let (unit, encoding) = if offered.contains(&PositionEncodingKind::UTF8) {
            (Unit::Bytes, PositionEncodingKind::UTF8)
        } else if offered.contains(&PositionEncodingKind::UTF32)
            && !offered.contains(&PositionEncodingKind::UTF16)
        {
            (Unit::Characters, PositionEncodingKind::UTF32)
        } else {
            (Unit::Utf16, PositionEncodingKind::UTF16)
        };
        self.documents.set_unit(unit);
        if let Some(settings) = &parameters.initialization_options {
            self.documents.set_editor_settings(settings);
        }
        let watching = parameters.capabilities.workspace.as_ref().and_then(|w| w.did_change_watched_files);
        let dynamic = watching.and_then(|w| w.dynamic_registration).unwrap_or(false);
        self.watches.store(dynamic, Ordering::Relaxed);
        let edits = parameters.capabilities.workspace.as_ref().and_then(|w| w.workspace_edit.as_ref());
        self.documents.set_document_changes(edits.and_then(|e| e.document_changes).unwrap_or(false));
        let folder = parameters.workspace_folders.as_ref().and_then(|folders| folders.first());
        if let Some(folder) = folder.and_then(|f| Documents::path(&f.uri)) {
            self.documents.set_folder(folder);
        }
        let synchronisation = TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::INCREMENTAL),
            save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
            ..TextDocumentSyncOptions::default()
        };
        Ok(InitializeResult {
            capabilities: ServerCapabilities {
                position_encoding: Some(encoding),
                text_document_sync: Some(TextDocumentSyncCapability::Options(synchronisation)),
                code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
                    code_action_kinds: Some(vec![
                        CodeActionKind::QUICKFIX,
                        CodeActionKind::new(code_actions::FIX_ALL),
                    ]),
                    resolve_provider: Some(true),
                    ..CodeActionOptions::default()
                })),
                hover_provider: Some(HoverProviderCapability::Simple(true)),
                ..ServerCapabilities::default()
            },
            server_info: Some(ServerInfo {
                name: "image-lsp".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
            ..InitializeResult::default()
        })
    }

    async fn initialized(&self, _: InitializedParams) {
        if self.watches.load(Ordering::Relaxed) {
            let client = self.client.clone();
            // A refusal changes little: facts are looked at again with every request.
            tokio::spawn(async move { client.register_capability(vec![watch::registration()]).await });
        }
    }

    async fn did_change_watched_files(&self, _: DidChangeWatchedFilesParams) {
        self.diagnose_all();
    }

    async fn did_change_configuration(&self, parameters: DidChangeConfigurationParams) {
        self.documents.set_editor_settings(&parameters.settings);
        self.diagnose_all();
    }

    async fn shutdown(&self) -> Result<()> {
        Ok(())
    }

    async fn did_open(&self, parameters: DidOpenTextDocumentParams) {
        self.diagnose(&parameters.text_document.uri);
    }

    async fn did_change(&self, parameters: DidChangeTextDocumentParams) {
        self.diagnose(&parameters.text_document.uri);
    }

    async fn did_save(&self, parameters: DidSaveTextDocumentParams) {
        self.diagnose(&parameters.text_document.uri);
    }

    async fn did_close(&self, parameters: DidCloseTextDocumentParams) {
        let client = self.client.clone();
        let uri = parameters.text_document.uri;
        tokio::spawn(async move { client.publish_diagnostics(uri, Vec::new(), None).await });
    }

    async fn code_action(&self, parameters: CodeActionParams) -> Result<Option<CodeActionResponse>> {
        let Some(path) = Documents::path(&parameters.text_document.uri) else { return Ok(None) };
        let analysis = analyse(&self.client, &self.documents, path).await;
        Ok(analysis.map(|analysis| code_actions::at(&parameters, &analysis, &self.documents)))
    }

    async fn code_action_resolve(&self, action: CodeAction) -> Result<CodeAction> {
        let (documents, unresolved) = (Arc::clone(&self.documents), action.clone());
        let work =
            move || std::panic::catch_unwind(AssertUnwindSafe(|| code_actions::resolve(action, &documents)));
        match tokio::task::spawn_blocking(work).await {
            Ok(Ok(action)) => Ok(action),
            _ => Ok(unresolved),
        }
    }

    async fn hover(&self, parameters: HoverParams) -> Result<Option<Hover>> {
        let place = parameters.text_document_position_params;
        let Some(path) = Documents::path(&place.text_document.uri) else { return Ok(None) };
        let analysis = analyse(&self.client, &self.documents, path.clone()).await;
        // Another flyte since the diagnostics were published: they may be others now.
        if analysis.as_ref().is_some_and(|a| self.documents.is_outdated(&path, a)) {
            self.diagnose(&place.text_document.uri);
        }
        Ok(analysis.and_then(|a| hover::at(&a, place.position, self.documents.unit())))
    }
}
