//! The language server: documents, positions, one file per method.
//!
//! Four rules hold from the first request on:
//! 1. Changes of documents are applied in [`dispatch`], which sees messages in the order of the wire; a handler that
//!    awaits first would reorder edits.
//! 2. Every request is a task of its own: a few slow ones must not block edits and cancellations.
//! 3. A request from the server to the client is never awaited in a handler, which would deadlock.
//! 4. Work that takes time runs on a [`workers`] thread, with panics caught; its result counts only if the document is
//!    still the same. What takes long (the whole workspace; folders, git) has lines of its own.
//!
//! Must not know: the command line. LSP types stay within this crate.

mod analysis;
mod builds;
mod client;
mod code_actions;
mod code_lens;
mod commands;
mod completion;
mod cursor;
mod diagnose;
mod diagnostics;
mod dispatch;
mod documents;
mod folders;
mod folding;
mod foreign;
mod head;
mod hover;
mod initialize;
mod inlay_hints;
mod kept;
mod links;
mod manifest;
mod names;
mod preview;
mod probe;
mod published;
mod rule_page;
mod server;
mod settings;
mod signature_help;
mod state;
mod status;
mod symbols;
#[cfg(test)]
#[cfg(unix)]
mod tests;
mod transport;
mod trust;
mod verify;
mod view;
mod watch;
mod wording;
mod workers;
mod workspace;

use std::io::{Read, Write};
use std::net::TcpStream;

use image_build::Surroundings;
use image_python::project::Ambient;

/// Where the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transport {
    /// On standard input and output.
    Stdio,
    /// At a port of this machine, on which it listens.
    Socket(u16),
}

/// Serves until the client says `exit`, closes the input or is gone; the exit status that the protocol asks for.
/// `client` is the client's process, where it was named on the command line.
///
/// # Errors
/// When the system has no threads to give, and when there is nobody at the port.
pub fn serve(transport: Transport, client: Option<u32>, ambient: Ambient) -> std::io::Result<u8> {
    match transport {
        Transport::Stdio => serve_on(std::io::stdin(), unbuffered_output()?, client, ambient),
        Transport::Socket(port) => {
            let stream = TcpStream::connect(("127.0.0.1", port))?;
            stream.set_nodelay(true)?;
            serve_on(stream.try_clone()?, stream, client, ambient)
        }
    }
}

/// The surroundings of a build that begins now.
#[must_use]
pub fn surroundings(ambient: &Ambient) -> Surroundings {
    Surroundings {
        variables: ambient.variables.clone(),
        current_directory: ambient.current_directory.clone(),
        umask: umask(),
        now: std::time::SystemTime::now(),
    }
}

/// The permissions that the process's new files do not get, where the system tells without changing them.
fn umask() -> u32 {
    const USUAL: u32 = 0o022;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let value = status.lines().find_map(|line| line.strip_prefix("Umask:"));
    value.and_then(|value| u32::from_str_radix(value.trim(), 8).ok()).unwrap_or(USUAL)
}

/// Standard output without the library's buffer, which would send each line on its own.
fn unbuffered_output() -> std::io::Result<std::fs::File> {
    #[cfg(unix)]
    let output = std::os::fd::AsFd::as_fd(&std::io::stdout()).try_clone_to_owned()?;
    #[cfg(windows)]
    let output = std::os::windows::io::AsHandle::as_handle(&std::io::stdout()).try_clone_to_owned()?;
    Ok(std::fs::File::from(output))
}

/// Serves on any pair of streams.
fn serve_on(
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
    client: Option<u32>,
    ambient: Ambient,
) -> std::io::Result<u8> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let state = state::State::new(ambient)?;
    let status = runtime.block_on(dispatch::run(input, output, client, state));
    // Reading the input cannot be interrupted: do not wait for it.
    runtime.shutdown_background();
    status
}
