//! `initialize`: what the client can do, and what the server offers it.

use std::path::PathBuf;

use image_manifests::position::Unit;
use tower_lsp::ls_types::{
    CodeActionKind, CodeActionOptions, CodeActionProviderCapability, CodeLensOptions, CompletionOptions,
    DiagnosticOptions, DiagnosticServerCapabilities, DocumentLinkOptions, ExecuteCommandOptions,
    FileOperationFilter, FileOperationPattern, FileOperationPatternKind, FileOperationRegistrationOptions,
    FoldingRangeProviderCapability, HoverProviderCapability, InitializeParams, InitializeResult,
    NotebookCellSelector, NotebookDocumentSyncOptions, NotebookSelector, OneOf, PositionEncodingKind,
    RenameOptions, SaveOptions, SelectionRangeProviderCapability, ServerCapabilities, ServerInfo,
    SignatureHelpOptions, TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
    TextDocumentSyncSaveOptions, WorkDoneProgressOptions, WorkspaceFileOperationsServerCapabilities,
    WorkspaceFoldersServerCapabilities, WorkspaceServerCapabilities,
};

use crate::documents::path_of;
use crate::state::State;
use crate::{code_actions, commands};

/// Takes the client's side, and gives the server's. What the client can do was read before.
pub(crate) fn initialize(parameters: &InitializeParams, state: &State) -> InitializeResult {
    let (unit, encoding) = encoding(parameters);
    state.documents.set_unit(unit);
    state.change_roots(roots(parameters), &[]);
    if let Some(settings) = &parameters.initialization_options {
        state.trust.take(settings.get("workspaceTrusted"));
        state.set_editor_settings(settings);
    }
    InitializeResult {
        capabilities: offered(encoding, parameters, state),
        server_info: Some(ServerInfo {
            name: "image-lsp".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        }),
        ..InitializeResult::default()
    }
}

/// Bytes where the client can count them: the cheapest. Else what every client counts.
fn encoding(parameters: &InitializeParams) -> (Unit, PositionEncodingKind) {
    let general = parameters.capabilities.general.as_ref();
    let offered = general.and_then(|g| g.position_encodings.as_deref()).unwrap_or_default();
    if offered.contains(&PositionEncodingKind::UTF8) {
        (Unit::Bytes, PositionEncodingKind::UTF8)
    } else if offered.contains(&PositionEncodingKind::UTF32)
        && !offered.contains(&PositionEncodingKind::UTF16)
    {
        (Unit::Characters, PositionEncodingKind::UTF32)
    } else {
        (Unit::Utf16, PositionEncodingKind::UTF16)
    }
}

/// The workspace folders; for clients that know none, the one root.
#[expect(deprecated, reason = "older clients give nothing else")]
fn roots(parameters: &InitializeParams) -> Vec<PathBuf> {
    if let Some(folders) = &parameters.workspace_folders {
        return folders.iter().filter_map(|f| path_of(&f.uri)).collect();
    }
    let root = parameters.root_uri.as_ref().and_then(path_of);
    root.or_else(|| parameters.root_path.as_ref().map(PathBuf::from)).into_iter().collect()
}

/// The files that images are made from, and folders that can hold some.
fn renames() -> WorkspaceFileOperationsServerCapabilities {
    let filter = |glob: &str, matches| FileOperationFilter {
        scheme: Some("file".to_owned()),
        pattern: FileOperationPattern { glob: glob.to_owned(), matches: Some(matches), options: None },
    };
    let filters = vec![
        filter("**/*.{txt,toml,lock,py}", FileOperationPatternKind::File),
        filter("**", FileOperationPatternKind::Folder),
    ];
    WorkspaceFileOperationsServerCapabilities {
        will_rename: Some(FileOperationRegistrationOptions { filters }),
        ..WorkspaceFileOperationsServerCapabilities::default()
    }
}

fn offered(
    encoding: PositionEncodingKind,
    parameters: &InitializeParams,
    state: &State,
) -> ServerCapabilities {
    // Neovim 0.12, told to ask again, asks for the workspace alone where that is offered, and then leaves out the
    // documents that it has asked for: what follows from other files would stay as it was.
    let asks_twice = parameters.client_info.as_ref().is_none_or(|client| client.name != "Neovim");
    let synchronisation = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::INCREMENTAL),
        save: Some(TextDocumentSyncSaveOptions::SaveOptions(SaveOptions { include_text: Some(false) })),
        ..TextDocumentSyncOptions::default()
    };
    let letters = |signs: &str| Some(signs.chars().map(String::from).collect());
    let diagnostics = DiagnosticOptions {
        identifier: Some("image-lsp".to_owned()),
        inter_file_dependencies: true,
        workspace_diagnostics: asks_twice,
        ..DiagnosticOptions::default()
    };
    ServerCapabilities {
        position_encoding: Some(encoding),
        text_document_sync: Some(TextDocumentSyncCapability::Options(synchronisation)),
        notebook_document_sync: Some(OneOf::Left(NotebookDocumentSyncOptions {
            notebook_selector: vec![NotebookSelector::ByCells {
                notebook: None,
                cells: vec![NotebookCellSelector { language: "python".to_owned() }],
            }],
            save: Some(false),
        })),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(CompletionOptions {
            trigger_characters: letters(".\"'/(=[{,<>~;"),
            resolve_provider: Some(true),
            ..CompletionOptions::default()
        }),
        signature_help_provider: Some(SignatureHelpOptions {
            trigger_characters: letters("(,"),
            retrigger_characters: letters("=,"),
            ..SignatureHelpOptions::default()
        }),
        definition_provider: Some(OneOf::Left(true)),
        references_provider: Some(OneOf::Left(true)),
        document_highlight_provider: Some(OneOf::Left(true)),
        document_symbol_provider: Some(OneOf::Left(true)),
        workspace_symbol_provider: Some(OneOf::Left(true)),
        code_action_provider: Some(CodeActionProviderCapability::Options(CodeActionOptions {
            code_action_kinds: Some(code_actions::KINDS.iter().map(|k| CodeActionKind::new(k)).collect()),
            resolve_provider: Some(true),
            ..CodeActionOptions::default()
        })),
        code_lens_provider: Some(CodeLensOptions { resolve_provider: Some(false) }),
        document_link_provider: Some(DocumentLinkOptions {
            resolve_provider: Some(false),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        }),
        rename_provider: Some(OneOf::Right(RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: WorkDoneProgressOptions::default(),
        })),
        document_formatting_provider: Some(OneOf::Left(true)),
        document_range_formatting_provider: Some(OneOf::Left(true)),
        folding_range_provider: Some(FoldingRangeProviderCapability::Simple(true)),
        selection_range_provider: Some(SelectionRangeProviderCapability::Simple(true)),
        inlay_hint_provider: Some(OneOf::Left(true)),
        // A client that asks itself is not told besides.
        diagnostic_provider: state
            .client()
            .pulls
            .then_some(DiagnosticServerCapabilities::Options(diagnostics)),
        execute_command_provider: Some(ExecuteCommandOptions {
            commands: commands::COMMANDS.map(str::to_owned).to_vec(),
            ..ExecuteCommandOptions::default()
        }),
        workspace: Some(WorkspaceServerCapabilities {
            workspace_folders: Some(WorkspaceFoldersServerCapabilities {
                supported: Some(true),
                change_notifications: Some(OneOf::Left(true)),
            }),
            file_operations: Some(renames()),
        }),
        ..ServerCapabilities::default()
    }
}
