//! From text to a tree: tree-sitter parses, [`lower`] turns its tree into [`ast`].
//!
//! Files with syntax errors give a tree with [`ast::Expression::Broken`] in it: everything around the damage is
//! still there.

pub mod ast;
mod input;
mod lower;
pub mod names;
mod pieces;
mod recover;
mod shift;
mod strings;

use ast::Span;

pub use pieces::{parse, update};

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
