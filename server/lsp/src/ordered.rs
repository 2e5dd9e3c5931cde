//! The service around the service: it applies changes of documents in the order of the wire.

use std::sync::Arc;
use std::task::{Context, Poll};

use tower::Service;
use tower_lsp::jsonrpc::{Request, Response};
use tower_lsp::ls_types::{
    DidChangeTextDocumentParams, DidCloseTextDocumentParams, DidOpenTextDocumentParams,
};

use crate::documents::Documents;

/// Applies a message to the documents, then hands it on.
pub(crate) struct Ordered<S> {
    inner: S,
    documents: Arc<Documents>,
}

impl<S> Ordered<S> {
    pub(crate) fn new(inner: S, documents: Arc<Documents>) -> Self {
        Self { inner, documents }
    }

    fn apply(&self, request: &Request) {
        fn parameters<T: serde::de::DeserializeOwned>(request: &Request) -> Option<T> {
            serde_json::from_value(serde_json::to_value(request.params()?).ok()?).ok()
        }
        match request.method() {
            "textDocument/didOpen" => {
                if let Some(p) = parameters::<DidOpenTextDocumentParams>(request) {
                    let document = p.text_document;
                    self.documents.open(document.uri, document.version, &document.text);
                }
            }
            "textDocument/didChange" => {
                if let Some(p) = parameters::<DidChangeTextDocumentParams>(request) {
                    self.documents.change(&p.text_document.uri, p.text_document.version, p.content_changes);
                }
            }
            "textDocument/didClose" => {
                if let Some(p) = parameters::<DidCloseTextDocumentParams>(request) {
                    self.documents.close(&p.text_document.uri);
                }
            }
            _ => {}
        }
    }
}

impl<S> Service<Request> for Ordered<S>
where
    S: Service<Request, Response = Option<Response>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        self.apply(&request);
        self.inner.call(request)
    }
}
