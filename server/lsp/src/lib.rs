//! The language server: documents, positions, one file per method.
//!
//! Four rules keep tower-lsp's scheduler from doing harm, and hold from the first request on:
//! 1. Changes of documents are applied in [`ordered`], which sees messages in the order of the wire; a handler that
//!    awaits first would reorder edits.
//! 2. Many requests may run at once: a few slow ones must not block edits and cancellations.
//! 3. A request from the server to the client is never awaited in a handler, which would deadlock.
//! 4. Work that takes time runs on a snapshot, off the runtime, with panics caught; its result counts only if the
//!    document is still the same.
//!
//! Must not know: the command line. LSP types stay within this crate.

mod code_actions;
mod diagnostics;
mod documents;
mod hover;
mod ordered;
mod server;
mod settings;
#[cfg(test)]
mod tests;
mod watch;

use image_python::project::Ambient;
use tower_lsp::{LspService, Server};

use ordered::Ordered;
use server::Backend;

/// How many messages are handled at once.
const CONCURRENCY: usize = 1024;

/// Serves on standard input and output until the client says `exit` or closes the input.
///
/// # Errors
/// When the runtime cannot be started.
pub fn serve_stdio(ambient: Ambient) -> std::io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(async {
        serve(tokio::io::stdin(), tokio::io::stdout(), ambient).await;
    });
    // Reading standard input cannot be interrupted: do not wait for it.
    runtime.shutdown_background();
    Ok(0)
}

/// Serves on any pair of streams.
pub(crate) async fn serve<I, O>(input: I, output: O, ambient: Ambient)
where
    I: tokio::io::AsyncRead + Unpin,
    O: tokio::io::AsyncWrite,
{
    let documents = documents::Documents::new(ambient);
    let shared = std::sync::Arc::clone(&documents);
    let (service, socket) = LspService::new(move |client| Backend::new(client, shared));
    Server::new(input, output, socket)
        .concurrency_level(CONCURRENCY)
        .serve(Ordered::new(service, documents))
        .await;
}
