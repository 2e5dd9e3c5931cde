//! The language server.
use image_python::project::Ambient;
/// Serves on standard input and output.
/// # Errors
/// When the runtime cannot be started.
pub fn serve_stdio(_: Ambient) -> std::io::Result<u8> { Ok(0) }
