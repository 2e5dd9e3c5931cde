//! tree-sitter's tree becomes the evaluator's.
//!
//! Chains (`a.b().c()…`, `x + y + …`) are walked with a loop, everything else with a bounded recursion: no input
//! overflows the stack.

mod expression;
mod kinds;
mod statement;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use tree_sitter::Node;

use super::ast::{Expression, Function, Id, Piece, Span, Statement};
use kinds::{Field, Kind};

/// Constructs nested deeper than this are [`Expression::Broken`].
const MAX_DEPTH: u32 = 150;

/// Adds to a module what parsed pieces of its text hold.
pub(super) struct Lower<'t> {
    lowering: Lowering<'t>,
    body: Vec<Statement>,
    pieces: Vec<Piece>,
}

impl<'t> Lower<'t> {
    /// Adds to expressions and functions that are there already: the new ones come after them.
    pub(super) fn onto(
        text: &'t str,
        expressions: Vec<Expression>,
        spans: Vec<Span>,
        functions: Vec<Arc<Function>>,
    ) -> Self {
        let lowering = Lowering { expressions, spans, functions, ..Lowering::new(text) };
        Self { lowering, body: Vec::new(), pieces: Vec::new() }
    }

    /// Begins a piece at a byte.
    pub(super) fn begin(&mut self, start: usize) {
        self.finish();
        let (expressions, functions) = (self.lowering.expressions.len(), self.lowering.functions.len());
        self.pieces.push(Piece {
            start,
            statements: self.body.len(),
            expressions: expressions..expressions,
            functions: functions..functions,
            error: None,
        });
    }

    fn finish(&mut self) {
        if let Some(piece) = self.pieces.last_mut() {
            piece.expressions.end = self.lowering.expressions.len();
            piece.functions.end = self.lowering.functions.len();
        }
    }

    /// Adds a statement to the piece.
    pub(super) fn statement(&mut self, node: Node<'_>) {
        self.body.extend(self.lowering.top_level(node));
    }

    /// Adds a damaged tree to the piece.
    pub(super) fn damaged(&mut self, root: Node<'_>) {
        let statements = self.lowering.block(root);
        self.body.extend(statements);
        if let Some(piece) = self.pieces.last_mut() {
            piece.error = piece.error.or_else(|| first_error(root));
        }
    }

    /// The statements, their pieces (with the count of their statements), and all expressions and functions.
    pub(super) fn end(mut self) -> Lowered {
        self.finish();
        let starts: Vec<usize> = self.pieces.iter().map(|p| p.statements).chain([self.body.len()]).collect();
        for (piece, ends) in self.pieces.iter_mut().zip(starts.windows(2)) {
            piece.statements = ends[1] - ends[0];
        }
        let Lowering { expressions, spans, functions, .. } = self.lowering;
        Lowered { body: self.body, pieces: self.pieces, expressions, spans, functions }
    }
}

/// What [`Lower`] made.
pub(super) struct Lowered {
    pub(super) body: Vec<Statement>,
    pub(super) pieces: Vec<Piece>,
    pub(super) expressions: Vec<Expression>,
    pub(super) spans: Vec<Span>,
    pub(super) functions: Vec<Arc<Function>>,
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
}

impl<'t> Lowering<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            expressions: Vec::new(),
            spans: Vec::new(),
            functions: Vec::new(),
            names: HashMap::new(),
            scopes: vec![Scope::default()],
            depth: 0,
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
