//! Errors of the command line, rendered in one place, each with a line that says what to do next.

use std::io::Write as _;

use image_build::BuildError;
use image_rules::settings::SettingsError;
use thiserror::Error;

/// What ends a command.
#[derive(Debug, Error)]
pub(crate) enum CliError {
    #[error("{0}")]
    Usage(String),
    #[error("{path}: {message}")]
    Unreadable { path: String, message: String },
    #[error("{path} has no image called {name}")]
    NoSuchImage { path: String, name: String, available: Vec<String> },
    #[error("{path} has several images")]
    Several { path: String, available: Vec<String> },
    #[error("{path} has no images")]
    NoImages { path: String },
    #[error("the Dockerfile of {name} is not known: {reason}")]
    NoDockerfile { name: String, reason: String },
    #[error("there is no rule {0}")]
    NoSuchRule(String),
    #[error("{path} was not changed: {message}")]
    NotFixed { path: String, message: String },
    #[error("{0}")]
    Settings(SettingsError),
    #[error("watching failed: {0}")]
    Watch(String),
    #[error("{0}")]
    Build(BuildError),
    #[error("{0}")]
    Ask(image_build::flyte::AskError),
    #[error("writing failed: {0}")]
    Write(#[from] std::io::Error),
    #[error("the language server failed: {0}")]
    Server(std::io::Error),
}

impl CliError {
    pub(crate) fn exit_code(&self) -> u8 {
        match self {
            CliError::NoDockerfile { .. } | CliError::Build(_) => 1,
            CliError::Write(_) | CliError::Server(_) => 101,
            _ => 2,
        }
    }

    /// What to do next.
    fn help(&self) -> Option<String> {
        let names = |names: &[String]| {
            if names.is_empty() {
                "it has none with a name".to_owned()
            } else {
                format!("it has {}", names.join(", "))
            }
        };
        Some(match self {
            CliError::Usage(_) => "see image-lsp --help".to_owned(),
            CliError::Unreadable { .. } => "check the path and that it is UTF-8 text".to_owned(),
            CliError::NoSuchImage { available, .. } => names(available),
            CliError::Several { path, available } => {
                let example = available.first().map_or("NAME", String::as_str);
                format!("choose one, as in {path}::{example}; {}", names(available))
            }
            CliError::NoImages { .. } => {
                "images are found where flyte.Image is called, directly or in a function that the module calls".to_owned()
            }
            CliError::NoDockerfile { .. } => "image-lsp inspect shows what is known".to_owned(),
            CliError::NotFixed { .. } => "run it once more".to_owned(),
            CliError::Settings(_) => "docs/settings.md lists the settings; image-lsp config-schema prints their schema".to_owned(),
            CliError::Build(error) => return error.advice(),
            CliError::Ask(error) => return error.advice(),
            CliError::Watch(_) => "leave --watch out".to_owned(),
            CliError::NoSuchRule(_) => "image-lsp explain --all lists them".to_owned(),
            CliError::Write(_) | CliError::Server(_) => return None,
        })
    }
}

/// Writes an error to standard error.
pub(crate) fn render(error: &CliError) {
    render_text(&error.to_string(), error.help().as_deref());
}

/// Writes an error and what to do to standard error.
pub(crate) fn render_text(error: &str, help: Option<&str>) {
    let mut err = anstream::stderr().lock();
    let (bold, reset) = (anstyle::Style::new().bold(), anstyle::Reset);
    let red = anstyle::AnsiColor::Red.on_default().bold();
    // Nothing is left to do when even this fails.
    let _ = writeln!(err, "{red}error{reset}{bold}: {error}{reset}");
    if let Some(help) = help {
        let _ = writeln!(err, "  help: {help}");
    }
}

/// Writes a warning about a path to standard error.
pub(crate) fn warn(path: &str, message: &str) {
    let mut err = anstream::stderr().lock();
    let yellow = anstyle::AnsiColor::Yellow.on_default().bold();
    let _ = writeln!(err, "{yellow}warning{}: {path}: {message}", anstyle::Reset);
}

/// Writes what is told on request to standard error.
pub(crate) fn note(message: &str) {
    let mut err = anstream::stderr().lock();
    let _ = writeln!(err, "{message}");
}
