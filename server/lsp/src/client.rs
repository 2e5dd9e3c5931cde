//! What the client can do, asked once.

use serde_json::Value;

/// What the client can do. Everything is `false` until it says otherwise.
#[derive(Debug, Default, Clone)]
pub(crate) struct Client {
    /// It watches files when asked to.
    pub(crate) watches: bool,
    /// It gives settings when asked to.
    pub(crate) configuration: bool,
    /// It takes a registration for their changes.
    pub(crate) configuration_changes: bool,
    /// It can be told to ask for lenses again.
    pub(crate) lens_refresh: bool,
    /// It can be told to ask for hints again.
    pub(crate) hint_refresh: bool,
    /// It can be told to ask for diagnostics again.
    pub(crate) diagnostic_refresh: bool,
    /// It asks for diagnostics itself.
    pub(crate) pulls: bool,
    /// It knows versions of documents and new files in edits.
    pub(crate) document_changes: bool,
    /// It shows a document when asked to.
    pub(crate) shows_documents: bool,
    /// It asks for the text of virtual documents.
    pub(crate) text_document_content: bool,
    /// It shows work-done progress.
    pub(crate) progress: bool,
    /// It takes snippets in completions.
    pub(crate) snippets: bool,
    /// It resolves edits of code actions lazily.
    pub(crate) action_resolve: bool,
    /// It shows nested symbols.
    pub(crate) nested_symbols: bool,
    /// It shows links to documentation at codes.
    pub(crate) code_description: bool,
    /// It knows that a folded `<details>` is HTML: it allows that tag in Markdown.
    pub(crate) html_details: bool,
    /// It takes the log of builds.
    pub(crate) build_log: bool,
    /// Commands that the client runs itself.
    pub(crate) commands: Vec<String>,
}

impl Client {
    /// Reads the capabilities of `initialize`.
    pub(crate) fn of(capabilities: &Value) -> Self {
        let has = |pointer: &str| capabilities.pointer(pointer).and_then(Value::as_bool).unwrap_or(false);
        let is = |pointer: &str| capabilities.pointer(pointer).is_some_and(|v| !v.is_null());
        let texts = |pointer: &str| -> Vec<String> {
            let list = capabilities.pointer(pointer).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        Self {
            watches: has("/workspace/didChangeWatchedFiles/dynamicRegistration"),
            configuration: has("/workspace/configuration"),
            configuration_changes: has("/workspace/didChangeConfiguration/dynamicRegistration"),
            lens_refresh: has("/workspace/codeLens/refreshSupport"),
            hint_refresh: has("/workspace/inlayHint/refreshSupport"),
            diagnostic_refresh: has("/workspace/diagnostics/refreshSupport"),
            pulls: is("/textDocument/diagnostic"),
            document_changes: has("/workspace/workspaceEdit/documentChanges"),
            shows_documents: has("/window/showDocument/support"),
            text_document_content: is("/workspace/textDocumentContent"),
            progress: has("/window/workDoneProgress"),
            snippets: has("/textDocument/completion/completionItem/snippetSupport"),
            action_resolve: texts("/textDocument/codeAction/resolveSupport/properties")
                .contains(&"edit".to_owned()),
            nested_symbols: has("/textDocument/documentSymbol/hierarchicalDocumentSymbolSupport"),
            code_description: has("/textDocument/publishDiagnostics/codeDescriptionSupport")
                || has("/textDocument/diagnostic/codeDescriptionSupport"),
            html_details: texts("/general/markdown/allowedTags").contains(&"details".to_owned()),
            build_log: has("/experimental/imageLsp/buildLog"),
            commands: texts("/experimental/imageLsp/commands"),
        }
    }

    /// Whether the client runs a command itself.
    pub(crate) fn runs(&self, command: &str) -> bool {
        self.commands.iter().any(|c| c == command)
    }
}
