//! Statements.

use std::sync::Arc;

use tree_sitter::Node;

use super::expression::binary_operator;
use super::kinds::{Field, Kind};
use super::{Lowering, MAX_DEPTH, Scope, span};
use crate::syntax::ast::{
    Alias, Body, Case, Expression, Handler, Id, Operator, Pattern, Statement, StatementKind,
};

impl Lowering<'_> {
    /// The statements of a block or a module; what is no Python becomes [`StatementKind::Broken`].
    pub(super) fn block(&mut self, node: Node<'_>) -> Vec<Statement> {
        let mut statements = Vec::new();
        if self.depth >= MAX_DEPTH {
            return vec![Statement { kind: StatementKind::Broken, span: span(node) }];
        }
        self.depth += 1;
        for child in self.children(node) {
            self.statement(child, &mut statements);
        }
        self.depth -= 1;
        statements
    }

    /// A statement of the module; a block that strays there may be several.
    pub(super) fn top_level(&mut self, node: Node<'_>) -> Vec<Statement> {
        let mut statements = Vec::new();
        self.depth += 1;
        self.statement(node, &mut statements);
        self.depth -= 1;
        statements
    }

    fn field_block(&mut self, node: Node<'_>, field: Field) -> Vec<Statement> {
        self.field(node, field).map(|b| self.block(b)).unwrap_or_default()
    }

    fn field_value(&mut self, node: Node<'_>, field: Field) -> Id {
        match self.field(node, field) {
            Some(child) => self.expression(child),
            None => self.add(Expression::Broken("it is no Python"), span(node)),
        }
    }

    fn statement(&mut self, node: Node<'_>, out: &mut Vec<Statement>) {
        let kind = match Kind::of(node) {
            Kind::ExpressionStatement => {
                let children = self.children(node);
                match children.as_slice() {
                    [one] => match Kind::of(*one) {
                        Kind::Assignment => self.assignment(*one),
                        Kind::Augmented => self.augmented(*one),
                        _ => StatementKind::Expression(self.expression(*one)),
                    },
                    many => {
                        let items = many.iter().map(|c| self.expression(*c)).collect();
                        StatementKind::Expression(self.add(Expression::Tuple(items), span(node)))
                    }
                }
            }
            Kind::If => self.if_statement(node),
            Kind::For => {
                let target = self.field_value(node, Field::Left);
                self.binds(target);
                let iterable = self.field_value(node, Field::Right);
                let body = self.field_block(node, Field::Body);
                StatementKind::For { target, iterable, body, otherwise: self.otherwise(node) }
            }
            Kind::While => {
                let test = self.field_value(node, Field::Condition);
                let body = self.field_block(node, Field::Body);
                StatementKind::While { test, body, otherwise: self.otherwise(node) }
            }
            Kind::Try => self.try_statement(node),
            Kind::With => self.with_statement(node),
            Kind::Function => self.function_definition(node, Vec::new()),
            Kind::Class => self.class_definition(node, Vec::new()),
            Kind::Decorated => self.decorated(node),
            Kind::Return => StatementKind::Return(self.first_expression(node)),
            Kind::Raise => StatementKind::Raise(self.first_expression(node)),
            Kind::Import => {
                let aliases = self.aliases(node);
                for alias in &aliases {
                    let bound = alias.alias.clone().unwrap_or_else(|| {
                        alias.name.split('.').next().map_or_else(|| Arc::clone(&alias.name), Arc::from)
                    });
                    self.assigns(&bound);
                }
                StatementKind::Import(aliases)
            }
            Kind::ImportFrom => self.import_from(node),
            Kind::FutureImport => StatementKind::Pass,
            Kind::Delete => {
                let targets = self.children(node).into_iter().map(|c| self.expression(c)).collect();
                StatementKind::Delete(targets)
            }
            Kind::Global | Kind::Nonlocal => {
                let names: Vec<Arc<str>> = self.children(node).into_iter().map(|c| self.name(c)).collect();
                self.scope().globals.extend(names);
                StatementKind::Scope
            }
            Kind::Assert => {
                let mut parts = self.children(node).into_iter();
                match parts.next() {
                    Some(test) => {
                        let test = self.expression(test);
                        StatementKind::Assert { test, message: parts.next().map(|m| self.expression(m)) }
                    }
                    None => StatementKind::Broken,
                }
            }
            Kind::Match => self.match_statement(node),
            Kind::Pass | Kind::TypeAlias => StatementKind::Pass,
            Kind::Break => StatementKind::Break,
            Kind::Continue => StatementKind::Continue,
            Kind::Block => {
                // A stray indented block: its statements still count.
                let inner = self.block(node);
                out.extend(inner);
                return;
            }
            _ => self.damaged(node),
        };
        out.push(Statement { kind, span: span(node) });
    }

    /// Something between statements that is no Python. What looks like an expression in it is kept, so that a chain
    /// that is being typed still gives an image.
    fn damaged(&mut self, node: Node<'_>) -> StatementKind {
        if node.is_error() {
            let children = self.children(node);
            let wanted =
                |c: &Node<'_>| matches!(Kind::of(*c), Kind::Call | Kind::Attribute | Kind::Assignment);
            if let Some(child) = children.into_iter().find(wanted) {
                if Kind::of(child) == Kind::Assignment {
                    return self.assignment(child);
                }
                return StatementKind::Expression(self.expression(child));
            }
        }
        StatementKind::Broken
    }

    fn first_expression(&mut self, node: Node<'_>) -> Option<Id> {
        let children = self.children(node);
        children.first().map(|c| self.expression(*c))
    }

    fn otherwise(&mut self, node: Node<'_>) -> Vec<Statement> {
        let clause = self.fields(node, Field::Alternative).into_iter().find(|c| Kind::of(*c) == Kind::Else);
        clause.map(|c| self.field_block(c, Field::Body)).unwrap_or_default()
    }

    /// Notes the names that a target binds.
    fn binds(&mut self, target: Id) {
        let mut pending = vec![target];
        while let Some(id) = pending.pop() {
            match self.expressions.get(id as usize) {
                Some(Expression::Name(name)) => {
                    let name = Arc::clone(name);
                    self.assigns(&name);
                }
                Some(Expression::Tuple(items) | Expression::List(items)) => pending.extend(items),
                Some(Expression::Starred(inner)) => pending.push(*inner),
                _ => {}
            }
        }
    }

    fn assignment(&mut self, node: Node<'_>) -> StatementKind {
        let mut targets = Vec::new();
        let mut here = node;
        loop {
            let target = self.field_value(here, Field::Left);
            self.binds(target);
            let annotated = self.field(here, Field::Type).is_some();
            let Some(right) = self.field(here, Field::Right) else {
                return StatementKind::Annotated { target, value: None };
            };
            if annotated {
                return StatementKind::Annotated { target, value: Some(self.expression(right)) };
            }
            targets.push(target);
            match Kind::of(right) {
                Kind::Assignment => here = right,
                Kind::Augmented => return StatementKind::Broken,
                _ => return StatementKind::Assign { targets, value: self.expression(right) },
            }
        }
    }

    fn augmented(&mut self, node: Node<'_>) -> StatementKind {
        let target = self.field_value(node, Field::Left);
        self.binds(target);
        let operator = self.field(node, Field::Operator).map_or("", |o| self.source(o));
        let operator = binary_operator(operator.trim_end_matches('=')).unwrap_or(Operator::MatrixMultiply);
        StatementKind::Augmented { target, operator, value: self.field_value(node, Field::Right) }
    }

    fn if_statement(&mut self, node: Node<'_>) -> StatementKind {
        let test = self.field_value(node, Field::Condition);
        let mut branches = vec![(test, self.field_block(node, Field::Consequence))];
        let mut otherwise = Vec::new();
        for clause in self.fields(node, Field::Alternative) {
            if Kind::of(clause) == Kind::Elif {
                let test = self.field_value(clause, Field::Condition);
                branches.push((test, self.field_block(clause, Field::Consequence)));
            } else {
                otherwise = self.field_block(clause, Field::Body);
            }
        }
        StatementKind::If { branches, otherwise }
    }

    fn try_statement(&mut self, node: Node<'_>) -> StatementKind {
        let body = self.field_block(node, Field::Body);
        let (mut handlers, mut otherwise, mut finally) = (Vec::new(), Vec::new(), Vec::new());
        for clause in self.children(node) {
            match Kind::of(clause) {
                Kind::Except => handlers.push(self.handler(clause)),
                Kind::Else => otherwise = self.field_block(clause, Field::Body),
                Kind::Finally => {
                    if let Some(block) =
                        self.children(clause).into_iter().find(|c| Kind::of(*c) == Kind::Block)
                    {
                        finally = self.block(block);
                    }
                }
                _ => {}
            }
        }
        StatementKind::Try { body, handlers, otherwise, finally }
    }

    fn handler(&mut self, clause: Node<'_>) -> Handler {
        let mut catches = None;
        let mut name = None;
        let mut body = Vec::new();
        for child in self.children(clause) {
            match Kind::of(child) {
                Kind::Block => body = self.block(child),
                Kind::AsPattern => {
                    let parts = self.children(child);
                    catches = parts.first().map(|p| self.expression(*p));
                    name = parts.get(1).map(|p| self.name(*p));
                }
                Kind::Identifier if catches.is_some() => name = Some(self.name(child)),
                _ if catches.is_none() => catches = Some(self.expression(child)),
                _ => {}
            }
        }
        if let Some(name) = &name {
            self.assigns(name);
        }
        Handler { catches, name, body }
    }

    fn with_statement(&mut self, node: Node<'_>) -> StatementKind {
        let mut items = Vec::new();
        let clauses: Vec<Node<'_>> =
            self.children(node).into_iter().filter(|c| Kind::of(*c) == Kind::WithClause).collect();
        let managers: Vec<Node<'_>> = clauses.into_iter().flat_map(|c| self.children(c)).collect();
        for item in managers {
            let Some(value) = self.field(item, Field::Value) else { continue };
            if Kind::of(value) == Kind::AsPattern {
                let parts = self.children(value);
                let Some(manager) = parts.first().map(|p| self.expression(*p)) else { continue };
                let target = parts.get(1).and_then(|t| self.children(*t).first().copied());
                let target = target.map(|t| self.expression(t));
                if let Some(target) = target {
                    self.binds(target);
                }
                items.push((manager, target));
            } else {
                items.push((self.expression(value), None));
            }
        }
        StatementKind::With { items, body: self.field_block(node, Field::Body) }
    }

    fn function_definition(&mut self, node: Node<'_>, decorators: Vec<Id>) -> StatementKind {
        let Some(name) = self.field(node, Field::Name) else { return StatementKind::Broken };
        let name = self.name(name);
        self.assigns(&name);
        let parameters = self.field(node, Field::Parameters).map(|p| self.parameters(p)).unwrap_or_default();
        self.scopes.push(Scope::default());
        let body = self.field_block(node, Field::Body);
        let is_async = self.source(node).starts_with("async");
        let function = self.function(name, parameters, Body::Block(body), node, is_async);
        StatementKind::Function { function, decorators }
    }

    fn class_definition(&mut self, node: Node<'_>, decorators: Vec<Id>) -> StatementKind {
        let Some(name) = self.field(node, Field::Name) else { return StatementKind::Broken };
        let name = self.name(name);
        self.assigns(&name);
        let bases = self.field(node, Field::Superclasses).map(|s| self.arguments(s)).unwrap_or_default();
        // Names bound in a class body are not names of the function around it.
        self.scopes.push(Scope::default());
        let body = self.field_block(node, Field::Body);
        if self.scopes.len() > 1 {
            self.scopes.pop();
        }
        StatementKind::Class { name, bases, body, decorators }
    }

    fn decorated(&mut self, node: Node<'_>) -> StatementKind {
        let mut decorators = Vec::new();
        for child in self.children(node) {
            if Kind::of(child) == Kind::Decorator
                && let Some(inner) = self.children(child).first()
            {
                decorators.push(self.expression(*inner));
            }
        }
        match self.field(node, Field::Definition) {
            Some(definition) if Kind::of(definition) == Kind::Class => {
                self.class_definition(definition, decorators)
            }
            Some(definition) => self.function_definition(definition, decorators),
            None => StatementKind::Broken,
        }
    }

    fn alias(&mut self, node: Node<'_>) -> Alias {
        let (name, alias) = if self.field(node, Field::Alias).is_some() {
            (self.field(node, Field::Name).unwrap_or(node), self.field(node, Field::Alias))
        } else {
            (node, None)
        };
        Alias { name: dotted(self.source(name)), alias: alias.map(|a| self.name(a)), span: span(node) }
    }

    fn aliases(&mut self, node: Node<'_>) -> Vec<Alias> {
        self.fields(node, Field::Name).into_iter().map(|n| self.alias(n)).collect()
    }

    fn import_from(&mut self, node: Node<'_>) -> StatementKind {
        let source = self.field(node, Field::ModuleName).map_or("", |m| self.source(m));
        let text: String = source.chars().filter(|c| !c.is_whitespace()).collect();
        let module = text.trim_start_matches('.');
        let level = u32::try_from(text.len() - module.len()).unwrap_or(0);
        let names = self.aliases(node);
        for alias in &names {
            let bound = alias.alias.clone().unwrap_or_else(|| Arc::clone(&alias.name));
            self.assigns(&bound);
        }
        StatementKind::From { level, module: module.into(), names }
    }

    fn match_statement(&mut self, node: Node<'_>) -> StatementKind {
        let subjects = self.fields(node, Field::Subject);
        let subject = match subjects.as_slice() {
            [one] => self.expression(*one),
            many => {
                let items = many.iter().map(|s| self.expression(*s)).collect();
                self.add(Expression::Tuple(items), span(node))
            }
        };
        let mut cases = Vec::new();
        let clauses = self.field(node, Field::Body).map(|b| self.children(b)).unwrap_or_default();
        for clause in clauses.into_iter().filter(|c| Kind::of(*c) == Kind::CaseClause) {
            let patterns: Vec<Node<'_>> =
                self.children(clause).into_iter().filter(|c| Kind::of(*c) == Kind::CasePattern).collect();
            let pattern = match patterns.as_slice() {
                [one] => self.pattern(*one),
                many => Pattern::Sequence(many.iter().map(|p| self.pattern(*p)).collect()),
            };
            let guard = self.field(clause, Field::Guard).and_then(|g| self.first_expression(g));
            cases.push(Case { pattern, guard, body: self.field_block(clause, Field::Consequence) });
        }
        StatementKind::Match { subject, cases }
    }

    /// A pattern that is not followed; every name in it may be bound by it.
    fn other_pattern(&mut self, node: Node<'_>) -> Pattern {
        let mut names = Vec::new();
        let mut cursor = node.walk();
        loop {
            if Kind::of(cursor.node()) == Kind::Identifier {
                let name = self.name(cursor.node());
                self.assigns(&name);
                names.push(name);
            }
            if cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return Pattern::Other(names);
                }
            }
        }
    }

    fn pattern(&mut self, node: Node<'_>) -> Pattern {
        if self.depth >= MAX_DEPTH {
            return self.other_pattern(node);
        }
        self.depth += 1;
        let pattern = match Kind::of(node) {
            Kind::CasePattern => match self.children(node).as_slice() {
                [] if self.source(node) == "_" => Pattern::Capture(None),
                [one] => self.pattern(*one),
                _ => self.other_pattern(node),
            },
            Kind::DottedName if self.source(node) == "_" => Pattern::Capture(None),
            Kind::DottedName => match self.children(node).as_slice() {
                [one] => {
                    let name = self.name(*one);
                    self.assigns(&name);
                    Pattern::Capture(Some(name))
                }
                [first, rest @ ..] => {
                    let name = self.name(*first);
                    let mut value = self.add(Expression::Name(name), span(*first));
                    for part in rest {
                        let name = self.name(*part);
                        value = self
                            .add(Expression::Attribute { value, name, name_span: span(*part) }, span(node));
                    }
                    Pattern::Value(value)
                }
                [] => self.other_pattern(node),
            },
            Kind::UnionPattern => {
                Pattern::Either(self.children(node).into_iter().map(|p| self.pattern(p)).collect())
            }
            Kind::AsPattern => match self.children(node).as_slice() {
                [inner, name] => {
                    let name = self.name(*name);
                    self.assigns(&name);
                    Pattern::As(Box::new(self.pattern(*inner)), name)
                }
                _ => self.other_pattern(node),
            },
            Kind::ListPattern | Kind::TuplePattern => {
                Pattern::Sequence(self.children(node).into_iter().map(|p| self.pattern(p)).collect())
            }
            Kind::String
            | Kind::ConcatenatedString
            | Kind::Integer
            | Kind::Float
            | Kind::True
            | Kind::False
            | Kind::None => Pattern::Value(self.expression(node)),
            _ => self.other_pattern(node),
        };
        self.depth -= 1;
        pattern
    }
}

/// A dotted name without the spaces that Python allows in it.
fn dotted(text: &str) -> Arc<str> {
    if text.contains(char::is_whitespace) {
        text.chars().filter(|c| !c.is_whitespace()).collect::<String>().into()
    } else {
        text.into()
    }
}
