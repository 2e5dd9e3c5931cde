//! From text to a tree: tree-sitter parses, [`lower`] turns its tree into [`ast`].
//!
//! Files with syntax errors give a tree with [`ast::Expression::Broken`] in it: everything around the damage is
//! still there.

pub mod ast;
mod input;
pub mod lower;
mod recover;
mod strings;

use std::path::Path;
use std::sync::Arc;

use ast::{Module, Span};

/// Parses a module.
///
/// # Errors
/// When the parser gives up, which it does for text over 4 GiB.
pub fn parse(path: Arc<Path>, text: Arc<str>) -> Result<Module, String> {
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&tree_sitter_python::LANGUAGE.into()).map_err(|e| e.to_string())?;
    let input = input::prepared(&text);
    let tree = parser.parse(input.as_bytes(), None).ok_or("the parser gave up")?;
    let around = recover::around_damage(&input, &tree, &mut parser);
    drop(input);
    Ok(match around {
        Some((repaired, damaged)) => lower::lower_around(path, text, &tree, &repaired, &damaged),
        None => lower::lower(path, text, &tree),
    })
}

/// The comments of a text, in order.
#[must_use]
pub fn comments(text: &str) -> Vec<Span> {
    let mut parser = tree_sitter::Parser::new();
    if parser.set_language(&tree_sitter_python::LANGUAGE.into()).is_err() {
        return Vec::new();
    }
    let Some(tree) = parser.parse(input::prepared(text).as_bytes(), None) else { return Vec::new() };
    let mut comments = Vec::new();
    let mut cursor = tree.walk();
    loop {
        let node = cursor.node();
        if node.kind() == "comment" {
            let byte = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
            comments.push(Span { start: byte(node.start_byte()), end: byte(node.end_byte()) });
        }
        if cursor.goto_first_child() || cursor.goto_next_sibling() {
            continue;
        }
        loop {
            if !cursor.goto_parent() {
                return comments;
            }
            if cursor.goto_next_sibling() {
                break;
            }
        }
    }
}
