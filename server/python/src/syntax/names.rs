//! Names of a module: where each stands, and which of them mean the same thing.
//!
//! A name means the same within its scope: the module, a function that assigns it or has it as a parameter, a class
//! body, a comprehension.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::ast::{Alias, Clause, Expression, Id, Module, Span, Statement, StatementKind};

/// What a name belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The module.
    Module,
    /// A function, a class or a comprehension, by its place.
    Inner(Span),
}

/// A name in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: Arc<str>,
    /// Its bytes.
    pub range: Range<usize>,
    /// What it belongs to.
    pub scope: Scope,
    /// How it stands there.
    pub role: Role,
}

/// How a name stands somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Role {
    /// It is used.
    Use,
    /// It gets a value here.
    Binding,
    /// An import binds it.
    Import(Import),
}

/// What an import binds a name to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Import {
    /// The dots before the module.
    pub level: u32,
    /// The module; of `import a.b as c` it is `a.b`, of `import a.b` it is `a`.
    pub module: Arc<str>,
    /// The name in it, and where it stands, for `from … import …`.
    pub member: Option<(Arc<str>, Range<usize>)>,
}

/// An attribute of a name: `module.name`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// What stands before the last dot: `a.b`.
    pub of: String,
    /// The attribute.
    pub name: Arc<str>,
    /// Its bytes.
    pub range: Range<usize>,
}

/// The names of a module in the order of the text.
#[must_use]
pub fn names(module: &Module) -> Vec<Name> {
    let mut found = Found { module, bindings: HashSet::new(), names: Vec::new(), scopes: scopes(module) };
    found.collect();
    found.names.sort_by_key(|n| n.range.start);
    found.names
}

/// The attributes of dotted names in a module.
#[must_use]
pub fn attributes(module: &Module) -> Vec<Attribute> {
    let all = module.expressions.iter().zip(&module.spans).filter(|(_, span)| span.start != u32::MAX);
    all.filter_map(|(expression, _)| {
        let Expression::Attribute { value, name, name_span } = expression else { return None };
        Some(Attribute { of: dotted(module, *value)?, name: Arc::clone(name), range: name_span.range() })
    })
    .collect()
}

/// A dotted name; `None` for anything else.
fn dotted(module: &Module, id: Id) -> Option<String> {
    match module.expressions.get(id as usize)? {
        Expression::Name(name) => Some(name.to_string()),
        Expression::Attribute { value, name, .. } => Some(format!("{}.{name}", dotted(module, *value)?)),
        _ => None,
    }
}

/// A scope other than the module: its place, the names it binds, and how it is looked up.
struct Inner {
    span: Span,
    names: HashSet<Arc<str>>,
    /// A class body: functions in it do not see its names.
    is_class: bool,
}

fn scopes(module: &Module) -> Vec<Inner> {
    let mut scopes = Vec::new();
    for function in module.functions.iter().filter(|f| f.span.start != u32::MAX) {
        let parameters = function.parameters.iter().map(|p| Arc::clone(&p.name));
        let mut names: HashSet<Arc<str>> = parameters.chain(function.locals.iter().cloned()).collect();
        names.retain(|n| !function.globals.contains(n));
        scopes.push(Inner { span: function.span, names, is_class: false });
    }
    for statement in module.statements() {
        if let StatementKind::Class { body, .. } = &statement.kind {
            let names = body.iter().flat_map(|s| bound(module, s)).collect();
            scopes.push(Inner { span: statement.span, names, is_class: true });
        }
    }
    for (expression, span) in module.expressions.iter().zip(&module.spans) {
        if let Expression::Comprehension { clauses, .. } = expression {
            let targets = clauses.iter().filter_map(|c| match c {
                Clause::For { target, .. } => Some(*target),
                Clause::If(_) => None,
            });
            let names = targets.flat_map(|t| targets_of(module, t)).map(|(name, _)| name).collect();
            scopes.push(Inner { span: *span, names, is_class: false });
        }
    }
    // The innermost first.
    scopes.sort_by_key(|s| s.span.end - s.span.start);
    scopes
}

/// The names in a target of an assignment, with their expressions.
fn targets_of(module: &Module, target: Id) -> Vec<(Arc<str>, Id)> {
    let mut pending = vec![target];
    let mut found = Vec::new();
    while let Some(id) = pending.pop() {
        match module.expressions.get(id as usize) {
            Some(Expression::Name(name)) => found.push((Arc::clone(name), id)),
            Some(Expression::Tuple(items) | Expression::List(items)) => pending.extend(items),
            Some(Expression::Starred(inner)) => pending.push(*inner),
            _ => {}
        }
    }
    found
}

/// The expressions that a statement assigns to.
fn targets(statement: &Statement) -> Vec<Id> {
    match &statement.kind {
        StatementKind::Assign { targets, .. } => targets.clone(),
        StatementKind::Annotated { target, .. }
        | StatementKind::Augmented { target, .. }
        | StatementKind::For { target, .. } => vec![*target],
        StatementKind::With { items, .. } => items.iter().filter_map(|(_, target)| *target).collect(),
        _ => Vec::new(),
    }
}

/// The names that a statement binds itself.
fn bound(module: &Module, statement: &Statement) -> Vec<Arc<str>> {
    match &statement.kind {
        StatementKind::Class { name, .. } => vec![Arc::clone(name)],
        StatementKind::Function { function, .. } => {
            module.functions.get(*function as usize).map(|f| Arc::clone(&f.name)).into_iter().collect()
        }
        _ => {
            targets(statement).into_iter().flat_map(|t| targets_of(module, t)).map(|(name, _)| name).collect()
        }
    }
}

struct Found<'m> {
    module: &'m Module,
    bindings: HashSet<Id>,
    names: Vec<Name>,
    scopes: Vec<Inner>,
}

impl Found<'_> {
    fn collect(&mut self) {
        let module = self.module;
        for statement in module.statements() {
            let targets = targets(statement);
            self.bindings.extend(targets.into_iter().flat_map(|t| targets_of(module, t)).map(|(_, id)| id));
            match &statement.kind {
                StatementKind::Import(aliases) => aliases.iter().for_each(|a| self.import(a)),
                StatementKind::From { level, module, names } => {
                    names.iter().for_each(|a| self.import_from(*level, module, a));
                }
                StatementKind::Class { name, .. } => self.definition("class", name, statement.span),
                StatementKind::Function { function, .. } => {
                    if let Some(function) = module.functions.get(*function as usize) {
                        let name = Arc::clone(&function.name);
                        self.definition("def", &name, function.span);
                    }
                }
                _ => {}
            }
        }
        for (number, (expression, span)) in module.expressions.iter().zip(&module.spans).enumerate() {
            let Expression::Name(name) = expression else { continue };
            if span.start == u32::MAX {
                continue;
            }
            let is_binding = u32::try_from(number).is_ok_and(|id| self.bindings.contains(&id));
            let role = if is_binding { Role::Binding } else { Role::Use };
            self.add(name, span.range(), None, role);
        }
    }

    fn add(&mut self, name: &Arc<str>, range: Range<usize>, except: Option<Span>, role: Role) {
        let scope = self.scope_of(name, range.start, except);
        self.names.push(Name { name: Arc::clone(name), range, scope, role });
    }

    /// The innermost scope around a byte that binds a name.
    fn scope_of(&self, name: &Arc<str>, byte: usize, except: Option<Span>) -> Scope {
        let mut in_function = false;
        for inner in &self.scopes {
            if !inner.span.range().contains(&byte) || Some(inner.span) == except {
                continue;
            }
            if inner.names.contains(name) && !(inner.is_class && in_function) {
                return Scope::Inner(inner.span);
            }
            in_function |= !inner.is_class;
        }
        Scope::Module
    }

    /// The name of a function or class, which belongs to what is around it.
    fn definition(&mut self, word: &str, name: &Arc<str>, span: Span) {
        let Some(text) = self.module.text.get(span.range()) else { return };
        let Some(at) = text.find(word).map(|at| at + word.len()) else { return };
        let Some(offset) = text[at..].find(&**name) else { return };
        let start = span.start as usize + at + offset;
        self.add(name, start..start + name.len(), Some(span), Role::Binding);
    }

    fn import(&mut self, alias: &Alias) {
        let first = alias.name.split('.').next().unwrap_or_default();
        let (name, range) = match &alias.alias {
            Some(name) => (Arc::clone(name), alias.span.range().end - name.len()..alias.span.range().end),
            None => (Arc::from(first), alias.span.range().start..alias.span.range().start + first.len()),
        };
        let module = if alias.alias.is_some() { Arc::clone(&alias.name) } else { Arc::from(first) };
        self.add(&name, range, None, Role::Import(Import { level: 0, module, member: None }));
    }

    fn import_from(&mut self, level: u32, module: &Arc<str>, alias: &Alias) {
        let span = alias.span.range();
        let member = (Arc::clone(&alias.name), span.start..(span.start + alias.name.len()).min(span.end));
        let (name, range) = match &alias.alias {
            Some(name) => (Arc::clone(name), span.end - name.len().min(span.len())..span.end),
            None => (Arc::clone(&alias.name), member.1.clone()),
        };
        let import = Import { level, module: Arc::clone(module), member: Some(member) };
        self.add(&name, range, None, Role::Import(import));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::parse;
    use std::path::Path;

    fn of(all: &[Name], name: &str) -> Vec<(usize, Scope)> {
        all.iter().filter(|n| &*n.name == name).map(|n| (n.range.start, n.scope)).collect()
    }

    #[test]
    fn a_name_means_the_same_in_its_scope() {
        let text = "from m import image as base, other\nimage = base.clone()\ndef f(image):\n    return image\ndef g():\n    \
                    return image\nx = [image for image in y]\nclass C:\n    image = image\n    def h(self):\n        return image\n";
        let module = parse(Path::new("/m.py").into(), text.into()).expect("parsed");
        let all = names(&module);
        let module_wide: Vec<&str> = of(&all, "image")
            .into_iter()
            .filter(|(_, scope)| *scope == Scope::Module)
            .map(|(at, _)| text[..at].rsplit('\n').next().unwrap_or_default())
            .collect();
        assert_eq!(module_wide, ["", "    return ", "        return "]);
        assert_eq!(of(&all, "base").len(), 2);
        let import = all.iter().find(|n| matches!(n.role, Role::Import(_))).expect("an import");
        assert_eq!(&text[import.range.clone()], "base");
        assert_eq!(attributes(&module).iter().map(|a| a.of.as_str()).collect::<Vec<_>>(), ["base"]);
    }
}
