//! Statements.

use std::rc::Rc;
use std::sync::Arc;

use image_model::error::Unknown;

use super::call::Frame;
use super::exception::Exception;
use super::scope::Scope;
use super::value::{Kind, Place, Value, again};
use super::{Evaluator, bounds};
use crate::syntax::ast::{Expression, Id, Statement, StatementKind};

/// How a statement ends.
pub(crate) enum Flow {
    Next,
    Break,
    Continue,
    Return(Value),
    Raise(Exception),
}

impl From<Result<(), Exception>> for Flow {
    fn from(result: Result<(), Exception>) -> Self {
        match result {
            Ok(()) => Flow::Next,
            Err(exception) => Flow::Raise(exception),
        }
    }
}

impl Evaluator<'_> {
    /// A module's statements. An exception that nothing catches is noted, and the next statement is looked at all the
    /// same: the user is still typing this one.
    pub(crate) fn execute_module(&mut self, body: &[Statement], module: usize, scope: &Rc<Scope>) {
        let frame = Frame::of_module(module, Rc::clone(scope));
        for statement in body {
            self.limit = (self.steps + bounds::STEPS).min(bounds::ALL_STEPS);
            if let Flow::Raise(exception) = self.execute(statement, &frame) {
                if exception.uncertain {
                    continue;
                }
                self.note_import_error(&exception.raised, exception.place);
                let why =
                    format!("{} is raised here: {}", exception.raised.exception, exception.raised.message);
                self.forget(std::slice::from_ref(statement), &frame, &why, exception.place);
            }
        }
    }

    pub(crate) fn block(&mut self, body: &[Statement], frame: &Frame) -> Flow {
        for statement in body {
            match self.execute(statement, frame) {
                Flow::Next => {}
                other => return other,
            }
        }
        Flow::Next
    }

    pub(super) fn execute(&mut self, statement: &Statement, frame: &Frame) -> Flow {
        if !self.step() || self.depth >= bounds::DEPTH {
            let place = Place { module: frame.module, span: statement.span };
            self.forget(
                std::slice::from_ref(statement),
                frame,
                "the evaluation stopped after too many steps",
                place,
            );
            return Flow::Next;
        }
        self.depth += 1;
        let flow = self.dispatch(statement, frame);
        self.depth -= 1;
        flow
    }

    pub(super) fn dispatch(&mut self, statement: &Statement, frame: &Frame) -> Flow {
        let place = Place { module: frame.module, span: statement.span };
        match &statement.kind {
            StatementKind::Expression(value) => match self.evaluate(*value, frame) {
                Ok(_) => Flow::Next,
                Err(exception) => Flow::Raise(exception),
            },
            StatementKind::Assign { targets, value } => self.assign_all(targets, *value, frame).into(),
            StatementKind::Annotated { target, value } => match value {
                Some(value) => self.assign_all(std::slice::from_ref(target), *value, frame).into(),
                None => Flow::Next,
            },
            StatementKind::Augmented { target, operator, value } => {
                self.augmented(*target, *operator, *value, frame).into()
            }
            StatementKind::If { branches, otherwise } => self.if_statement(branches, otherwise, frame),
            StatementKind::For { target, iterable, body, otherwise } => {
                self.for_statement(*target, *iterable, body, otherwise, frame)
            }
            StatementKind::While { test, body, otherwise } => {
                self.while_statement(*test, body, otherwise, frame)
            }
            StatementKind::Try { body, handlers, otherwise, finally } => {
                self.try_statement(body, handlers, otherwise, finally, frame, place)
            }
            StatementKind::With { items, body } => {
                let mut swallows = false;
                for (manager, target) in items {
                    let callee =
                        self.text(frame.place(self, *manager)).split('(').next().unwrap_or("").to_owned();
                    swallows |= !(callee == "open" || callee.ends_with(".open"));
                    let result = self.evaluate(*manager, frame).and_then(|manager| match target {
                        Some(target) => {
                            let entered = self.entered(&manager, place);
                            self.assign(*target, entered, frame)
                        }
                        None => Ok(()),
                    });
                    if let Err(exception) = result {
                        return Flow::Raise(exception);
                    }
                }
                match self.block(body, frame) {
                    // What the manager does with an exception is its own affair.
                    Flow::Raise(exception) if swallows => {
                        self.forget(
                            body,
                            frame,
                            "an exception is raised in this `with` statement",
                            exception.place,
                        );
                        Flow::Next
                    }
                    other => other,
                }
            }
            StatementKind::Function { function, decorators } => {
                self.define_function(*function, decorators, frame, place).into()
            }
            StatementKind::Class { name, bases, body, decorators } => {
                self.define_class(name, bases, body, decorators, frame, place).into()
            }
            StatementKind::Return(value) => match value {
                Some(value) => match self.evaluate(*value, frame) {
                    Ok(value) => Flow::Return(value),
                    Err(exception) => Flow::Raise(exception),
                },
                None => Flow::Return(Value::none()),
            },
            StatementKind::Raise(value) => Flow::Raise(self.raised(*value, frame, place)),
            StatementKind::Import(aliases) => {
                self.import(aliases, frame.module, &frame.scope);
                Flow::Next
            }
            StatementKind::From { level, module, names } => {
                self.import_from(*level, module, names, frame.module, &frame.scope).into()
            }
            StatementKind::Delete(targets) => {
                for target in targets {
                    self.delete(*target, frame);
                }
                Flow::Next
            }
            StatementKind::Assert { test, message } => self.assert_statement(*test, *message, frame),
            StatementKind::Match { subject, cases } => self.match_statement(*subject, cases, frame, place),
            StatementKind::Scope | StatementKind::Pass | StatementKind::Broken => Flow::Next,
            StatementKind::Break => Flow::Break,
            StatementKind::Continue => Flow::Continue,
        }
    }

    /// What `with manager as target` gives to the target.
    pub(super) fn entered(&mut self, manager: &Value, place: Place) -> Value {
        match &manager.kind {
            Kind::Unknown(why) => {
                let reason = why.reason.clone();
                self.unknown(reason, Some(place))
            }
            _ => self.unknown("what a `with` statement gives is not followed", Some(place)),
        }
    }

    pub(super) fn assign_all(&mut self, targets: &[Id], value: Id, frame: &Frame) -> Result<(), Exception> {
        let value = self.evaluate(value, frame)?;
        for target in targets {
            self.assign(*target, value.clone(), frame)?;
        }
        Ok(())
    }

    pub(super) fn augmented(
        &mut self,
        target: Id,
        operator: crate::syntax::ast::Operator,
        value: Id,
        frame: &Frame,
    ) -> Result<(), Exception> {
        let old = self.evaluate(target, frame)?;
        let operand = self.evaluate(value, frame)?;
        let place = frame.place(self, target);
        // A list is extended in place: every other name of it sees that.
        if let (Kind::List(list), crate::syntax::ast::Operator::Add) = (&old.kind, operator) {
            let list = Rc::clone(list);
            match self.iterate(&operand, place)? {
                Ok(items) => self.change_items(&old, &list, |values| values.extend(items)),
                Err(why) => self.poison(&old, &why),
            }
            return self.assign(target, old, frame);
        }
        if let (Kind::Dict(_), crate::syntax::ast::Operator::Or) = (&old.kind, operator) {
            self.update_dict(&old, &operand);
            return self.assign(target, old, frame);
        }
        if matches!(old.kind, Kind::Set(_)) {
            let why =
                Arc::new(Unknown { reason: "a set that is changed is not followed".into(), site: None });
            self.poison(&old, &why);
            return self.assign(target, old, frame);
        }
        let result = self.binary(operator, &old, &operand, place)?;
        self.assign(target, result, frame)
    }

    /// Assigns to a target: a name, an attribute, an item, or several of them.
    pub(crate) fn assign(&mut self, target: Id, value: Value, frame: &Frame) -> Result<(), Exception> {
        let module = Arc::clone(&self.modules[frame.module].module);
        let Some(expression) = module.expressions.get(target as usize) else { return Ok(()) };
        let place = frame.place(self, target);
        match expression {
            Expression::Name(name) => {
                let scope = frame.scope_of(name);
                self.assign_name(name, value, &scope, place);
                Ok(())
            }
            Expression::Tuple(items) | Expression::List(items) => self.unpack(items, &value, frame, place),
            Expression::Starred(inner) => self.assign(*inner, value, frame),
            Expression::Attribute { value: object, name, .. } => {
                let object = self.evaluate(*object, frame)?;
                self.set_attribute(&object, name, value);
                Ok(())
            }
            Expression::Subscript { value: object, index } => {
                let object = self.evaluate(*object, frame)?;
                let index = self.evaluate(*index, frame)?;
                self.set_item(&object, &index, value);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Binds a name. In a loop over something unknown the value is unknown afterwards.
    pub(crate) fn assign_name(&mut self, name: &Arc<str>, value: Value, scope: &Rc<Scope>, place: Place) {
        let value = match &self.weak {
            Some(why) => Value::unknown_again(why, value.origin.or(Some(place))).resting_on(value.rests_on),
            None => value,
        };
        scope.set(name, value);
    }

    pub(super) fn unpack(
        &mut self,
        targets: &[Id],
        value: &Value,
        frame: &Frame,
        place: Place,
    ) -> Result<(), Exception> {
        let module = Arc::clone(&self.modules[frame.module].module);
        let is_starred =
            |id: &Id| matches!(module.expressions.get(*id as usize), Some(Expression::Starred(_)));
        let items = match self.iterate(value, place)? {
            Ok(items) => items,
            Err(why) => {
                for target in targets {
                    self.assign(*target, again(&why).into(), frame)?;
                }
                return Ok(());
            }
        };
        let items: Vec<Value> = items.into_iter().map(|i| i.resting_on(value.rests_on)).collect();
        let star = targets.iter().position(is_starred);
        let (least, fits) = match star {
            Some(_) => (targets.len() - 1, items.len() + 1 >= targets.len()),
            None => (targets.len(), items.len() == targets.len()),
        };
        if !fits {
            let message = if items.len() < least {
                let bound = if star.is_some() { "at least " } else { "" };
                format!("not enough values to unpack (expected {bound}{least}, got {})", items.len())
            } else {
                format!("too many values to unpack (expected {least})")
            };
            return Err(Exception::new("ValueError", message, place));
        }
        let after = star.map_or(0, |s| targets.len() - s - 1);
        for (i, target) in targets.iter().enumerate() {
            let item = match star {
                Some(s) if i == s => Value::list(items[s..items.len() - after].to_vec()),
                Some(s) if i > s => items[items.len() - (targets.len() - i)].clone(),
                _ => items[i].clone(),
            };
            self.assign(*target, item, frame)?;
        }
        Ok(())
    }

    pub(super) fn delete(&mut self, target: Id, frame: &Frame) {
        let module = Arc::clone(&self.modules[frame.module].module);
        match module.expressions.get(target as usize) {
            Some(Expression::Name(name)) if self.weak.is_none() => frame.scope_of(name).remove(name),
            Some(Expression::Name(name)) => {
                let place = frame.place(self, target);
                self.assign_name(name, Value::none(), &frame.scope_of(name), place);
            }
            Some(Expression::Tuple(items)) => {
                for item in items {
                    self.delete(*item, frame);
                }
            }
            Some(Expression::Subscript { value, index }) => {
                let (Ok(object), Ok(index)) = (self.evaluate(*value, frame), self.evaluate(*index, frame))
                else {
                    return;
                };
                self.delete_item(&object, &index);
            }
            Some(Expression::Attribute { value, .. }) => {
                if let Ok(object) = self.evaluate(*value, frame) {
                    let why = Arc::new(Unknown { reason: "an attribute was deleted".into(), site: None });
                    self.poison(&object, &why);
                }
            }
            _ => {}
        }
    }

    pub(super) fn weak_because(&self, reason: &str, place: Place) -> Arc<Unknown> {
        Arc::new(Unknown { reason: reason.to_owned(), site: Some(self.site(place)) })
    }
}
