//! Which interpreter is asked.

use std::path::PathBuf;

use image_python::project::Facts;

use super::error::AskError;

/// The interpreter of a project.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Python {
    /// The program.
    pub program: PathBuf,
    /// Where it comes from, in words: `.venv`.
    pub from: String,
}

impl Python {
    /// The interpreter that the facts of a file name.
    ///
    /// # Errors
    /// [`AskError::NoPython`]
    pub fn of(facts: &Facts) -> Result<Self, AskError> {
        let found = facts.interpreter.as_ref().ok_or(AskError::NoPython)?;
        let names = ["bin/python", "bin/python3", "Scripts/python.exe", "python.exe"];
        let inside = names.iter().map(|name| found.path.join(name)).find(|path| path.is_file());
        let program = inside.unwrap_or_else(|| found.path.clone());
        Ok(Self { program, from: found.shown.clone() })
    }
}
