//! Going on after damage: an open bracket or a half-typed header makes the parser take what follows for part of it.
//!
//! A piece is a line at the left edge with all lines after it that are further in. The piece in which the first error
//! lies is blanked, and the text parsed again, until there is no error left or too many were found. What stands outside
//! of the blanked pieces is taken from that tree.

use std::ops::Range;

use tree_sitter::{Node, Parser, Tree};

/// Pieces that are blanked before it is given up: a file with more damage is no Python.
const PIECES: usize = 8;

/// The tree of a range of a text without its damaged pieces, and the pieces. `None` where that is no better. The parser
/// looks at that range alone.
pub(super) fn around_damage(
    text: &str,
    within: Range<usize>,
    tree: &Tree,
    parser: &mut Parser,
) -> Option<(Tree, Vec<Range<usize>>)> {
    if !tree.root_node().has_error() {
        return None;
    }
    let mut blanked: Vec<u8> = text.as_bytes().to_vec();
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let mut error = first_error_at(tree.root_node())?;
    for _ in 0..PIECES {
        let piece = piece_at(text, within.clone(), error);
        // Nothing is left beside the damage, or blanking it was of no use.
        let is_all = text[within.start..piece.start].trim().is_empty() && piece.end == within.end;
        if pieces.contains(&piece) || is_all {
            return None;
        }
        for byte in &mut blanked[piece.clone()] {
            if !matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
        pieces.push(piece);
        let again = parser.parse(&blanked, None)?;
        if !again.root_node().has_error() {
            return Some((again, pieces));
        }
        error = first_error_at(again.root_node())?;
    }
    None
}

/// Where the first error begins.
fn first_error_at(root: Node<'_>) -> Option<usize> {
    let mut node = root;
    loop {
        if node.is_error() || node.is_missing() {
            return Some(node.start_byte());
        }
        let mut cursor = node.walk();
        let next = node.children(&mut cursor).find(|child| child.has_error() || child.is_missing());
        node = next?;
    }
}

/// The piece that a byte lies in.
fn piece_at(text: &str, within: Range<usize>, byte: usize) -> Range<usize> {
    let begins =
        |line: &str| line.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '@' | '"' | '\''));
    let mut start = within.start;
    let mut at = within.start;
    // A definition belongs to its decorators.
    let mut decorated = false;
    for line in text[within.clone()].split_inclusive('\n') {
        if begins(line) {
            if at > byte && !decorated {
                return start..at;
            }
            if !decorated {
                start = at;
            }
            decorated = line.starts_with('@');
        }
        at += line.len();
    }
    start..within.end
}
