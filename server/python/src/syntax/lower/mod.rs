//! tree-sitter's tree becomes the evaluator's.
//!
//! Chains (`a.b().c()…`, `x + y + …`) are walked with a loop, everything else with a bounded recursion: no input
//! overflows the stack.

mod expression;
mod kinds;
mod statement;

use std::collections::{HashMap, HashSet};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tree_sitter::{Node, Tree};

use super::ast::{Expression, Function, Id, Module, Span, Statement};
use kinds::{Field, Kind};

/// Constructs nested deeper than this are [`Expression::Broken`].
const MAX_DEPTH: u32 = 150;

/// Turns a damaged file into a module: the damaged pieces as they are, everything else from a tree without them.
pub(super) fn lower_around(
    path: Arc<Path>,
    text: Arc<str>,
    tree: &Tree,
    repaired: &Tree,
    damaged: &[Range<usize>],
) -> Module {
    let mut lowering = Lowering::new(&text);
    lowering.first_error = first_error(tree.root_node());
    let inside = |s: &Statement| {
        let own = s.span.range();
        damaged.iter().any(|piece| piece.start <= own.start && own.end <= piece.end)
    };
    let mut body: Vec<Statement> = lowering.block(tree.root_node()).into_iter().filter(inside).collect();
    body.extend(lowering.block(repaired.root_node()));
    body.sort_by_key(|s| s.span);
    let Lowering { expressions, spans, functions, first_error, .. } = lowering;
    Module { path, text: Arc::clone(&text), expressions, spans, body, functions, first_error }
}

/// Turns a parsed file into a module.
#[must_use]
pub fn lower(path: Arc<Path>, text: Arc<str>, tree: &Tree) -> Module {
    let mut lowering = Lowering::new(&text);
    let root = tree.root_node();
    if root.has_error() {
        lowering.first_error = first_error(root);
    }
    let body = lowering.block(root);
    let Lowering { expressions, spans, functions, first_error, .. } = lowering;
    Module { path, text: Arc::clone(&text), expressions, spans, body, functions, first_error }
}

/// The first error in the order of the text.
fn first_error(root: Node<'_>) -> Option<Span> {
    let mut cursor = root.walk();
    loop {
        let node = cursor.node();
        if node.is_error() || node.is_missing() {
            return Some(span(node));
        }
        if node.has_error() && cursor.goto_first_child() {
            continue;
        }
        while !cursor.goto_next_sibling() {
            if !cursor.goto_parent() {
                return None;
            }
        }
    }
}

fn span(node: Node<'_>) -> Span {
    let clamp = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
    Span { start: clamp(node.start_byte()), end: clamp(node.end_byte()) }
}

/// What is collected for the function that is being lowered.
#[derive(Default)]
struct Scope {
    is_generator: bool,
    mentions_image: bool,
    globals: Vec<Arc<str>>,
    locals: Vec<Arc<str>>,
    /// The same, to look names up.
    assigned: HashSet<Arc<str>>,
}

struct Lowering<'t> {
    text: &'t str,
    expressions: Vec<Expression>,
    spans: Vec<Span>,
    functions: Vec<Arc<Function>>,
    names: HashMap<&'t str, Arc<str>>,
    scopes: Vec<Scope>,
    depth: u32,
    first_error: Option<Span>,
}

impl<'t> Lowering<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            expressions: Vec::with_capacity(text.len() / 12),
            spans: Vec::with_capacity(text.len() / 12),
            functions: Vec::new(),
            names: HashMap::new(),
            scopes: vec![Scope::default()],
            depth: 0,
            first_error: None,
        }
    }

    fn add(&mut self, expression: Expression, span: Span) -> Id {
        let id = u32::try_from(self.expressions.len()).unwrap_or(u32::MAX);
        self.expressions.push(expression);
        self.spans.push(span);
        id
    }

    fn source(&self, node: Node<'_>) -> &'t str {
        self.text.get(node.byte_range()).unwrap_or("")
    }

    /// A name, allocated once per module.
    fn name(&mut self, node: Node<'_>) -> Arc<str> {
        let text = self.source(node);
        Arc::clone(self.names.entry(text).or_insert_with(|| Arc::from(text)))
    }

    fn scope(&mut self) -> &mut Scope {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        let last = self.scopes.len() - 1;
        &mut self.scopes[last]
    }

    fn assigns(&mut self, name: &Arc<str>) {
        let scope = self.scope();
        if scope.assigned.insert(Arc::clone(name)) {
            scope.locals.push(Arc::clone(name));
        }
    }

    /// The named children that are neither comments nor continuations.
    fn children<'a>(&self, node: Node<'a>) -> Vec<Node<'a>> {
        let mut cursor = node.walk();
        node.named_children(&mut cursor)
            .filter(|child| !matches!(Kind::of(*child), Kind::Comment | Kind::LineContinuation))
            .collect()
    }

    fn field<'a>(&self, node: Node<'a>, field: Field) -> Option<Node<'a>> {
        node.child_by_field_id(kinds::field_id(field))
    }

    fn fields<'a>(&self, node: Node<'a>, field: Field) -> Vec<Node<'a>> {
        let mut cursor = node.walk();
        let wanted = kinds::field_id(field);
        let mut found = Vec::new();
        if cursor.goto_first_child() {
            loop {
                if cursor.field_id().is_some_and(|id| id.get() == wanted) {
                    found.push(cursor.node());
                }
                if !cursor.goto_next_sibling() {
                    break;
                }
            }
        }
        found
    }
}
