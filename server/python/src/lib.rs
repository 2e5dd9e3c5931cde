//! Python modules evaluated without being run, and the project around them.
//!
//! Knows: Python's syntax (tree-sitter), what a module's names hold, where imports lead, which Python and which flyte
//! a project uses, and with all that the images of a file.
//!
//! Must not know: rules, editors, engines, output formats.
//!
//! Invariants: the user's code is never executed or imported; nothing reads the process's environment on its own;
//! every evaluation ends; no input makes it panic or overflow the stack.

pub mod evaluate;
pub mod files;
#[cfg(test)]
mod grammars;
pub mod inspect;
pub mod json;
mod named;
pub mod notebook;
pub mod project;
pub mod syntax;
#[cfg(test)]
mod tests;
