//! From text to a tree: tree-sitter parses, [`lower`] turns its tree into [`ast`].
//!
//! Files with syntax errors give a tree with [`ast::Expression::Broken`] in it: everything around the damage is
//! still there.

pub mod ast;
pub mod lower;
mod strings;

use std::path::Path;
use std::sync::Arc;

use ast::Module;

/// Parses a module.
///
/// # Errors
/// When the parser gives up, which it does for text over 4 GiB.
pub fn parse(path: Arc<Path>, text: Arc<str>) -> Result<Module, String> {
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&tree_sitter_python::LANGUAGE.into()).map_err(|e| e.to_string())?;
    let tree = parser.parse(text.as_bytes(), None).ok_or("the parser gave up")?;
    Ok(lower::lower(path, text, &tree))
}
