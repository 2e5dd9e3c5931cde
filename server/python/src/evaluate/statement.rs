//! Statements.

use std::rc::Rc;
use std::sync::Arc;

use image_model::error::Unknown;

use super::call::Frame;
use super::exception::{Exception, catches};
use super::scope::Scope;
use super::value::{Kind, Place, Value, again};
use super::{Attempt, Evaluator, bounds};
use crate::syntax::ast::{Case, Expression, Handler, Id, Pattern, Span, Statement, StatementKind};

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

    fn execute(&mut self, statement: &Statement, frame: &Frame) -> Flow {
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

    fn dispatch(&mut self, statement: &Statement, frame: &Frame) -> Flow {
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
                for (manager, target) in items {
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
                self.block(body, frame)
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
    fn entered(&mut self, manager: &Value, place: Place) -> Value {
        match &manager.kind {
            Kind::Unknown(why) => {
                let reason = why.reason.clone();
                self.unknown(reason, Some(place))
            }
            _ => self.unknown("what a `with` statement gives is not followed", Some(place)),
        }
    }

    fn assign_all(&mut self, targets: &[Id], value: Id, frame: &Frame) -> Result<(), Exception> {
        let value = self.evaluate(value, frame)?;
        for target in targets {
            self.assign(*target, value.clone(), frame)?;
        }
        Ok(())
    }

    fn augmented(
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

    fn unpack(
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

    fn delete(&mut self, target: Id, frame: &Frame) {
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

    fn if_statement(
        &mut self,
        branches: &[(Id, Vec<Statement>)],
        otherwise: &[Statement],
        frame: &Frame,
    ) -> Flow {
        for (i, (test, body)) in branches.iter().enumerate() {
            let value = match self.evaluate(*test, frame) {
                Ok(value) => value,
                Err(exception) => return Flow::Raise(exception),
            };
            let place = frame.place(self, *test);
            match self.decide_truth(&value, place) {
                Some(true) => return self.block(body, frame),
                Some(false) => {}
                None => {
                    // All branches are looked at; what they leave behind is unknown.
                    let why = self.weak_because("it depends on a condition that is not known", place);
                    let bodies: Vec<&[Statement]> = branches[i..].iter().map(|(_, b)| b.as_slice()).collect();
                    for (later, _) in &branches[i + 1..] {
                        let _ = self.evaluate(*later, frame);
                    }
                    return self.all_branches(&bodies, otherwise, frame, why);
                }
            }
        }
        self.block(otherwise, frame)
    }

    /// Executes branches of which one runs, nobody knows which.
    fn all_branches(
        &mut self,
        bodies: &[&[Statement]],
        last: &[Statement],
        frame: &Frame,
        why: Arc<Unknown>,
    ) -> Flow {
        let before = match &self.weak {
            Some(outer) => Some(Arc::clone(outer)),
            None => self.weak.replace(Arc::clone(&why)),
        };
        let mut returns = false;
        for body in bodies.iter().copied().chain([last]) {
            returns |= matches!(self.block(body, frame), Flow::Return(_));
        }
        self.weak = before;
        // A branch that returns may not be the one that runs: what follows is looked at, and its result is unknown.
        if returns && self.weak.is_none() {
            self.weak = Some(why);
            self.returns_unknown = true;
        }
        Flow::Next
    }

    fn weak_because(&self, reason: &str, place: Place) -> Arc<Unknown> {
        Arc::new(Unknown { reason: reason.to_owned(), site: Some(self.site(place)) })
    }

    /// Executes a body that runs nobody knows how often: whatever it changes is unknown afterwards.
    fn weakly(&mut self, body: &[Statement], frame: &Frame, why: Arc<Unknown>) -> Flow {
        let before = match &self.weak {
            Some(outer) => Some(Arc::clone(outer)),
            None => self.weak.replace(why),
        };
        // Twice: what the first turn leaves behind is what the second one begins with.
        let first = self.block(body, frame);
        let second = self.block(body, frame);
        self.weak = before;
        match (first, second) {
            (Flow::Return(value), _) | (_, Flow::Return(value)) => {
                let place =
                    value.origin.unwrap_or(Place { module: frame.module, span: Span { start: 0, end: 0 } });
                Flow::Return(
                    self.unknown("it is returned from a loop over something that is not known", Some(place)),
                )
            }
            _ => Flow::Next,
        }
    }

    fn for_statement(
        &mut self,
        target: Id,
        iterable: Id,
        body: &[Statement],
        otherwise: &[Statement],
        frame: &Frame,
    ) -> Flow {
        let place = frame.place(self, iterable);
        let value = match self.evaluate(iterable, frame) {
            Ok(value) => value,
            Err(exception) => return Flow::Raise(exception),
        };
        let items = match self.iterate(&value, place) {
            Err(exception) => return Flow::Raise(exception),
            Ok(Ok(items)) if items.len() <= bounds::TURNS && value.rests_on & self.contradicted == 0 => items,
            Ok(Ok(_)) => {
                let why = self.weak_because("it is changed in a loop that is too long to follow", place);
                return self.unknown_turns(target, body, otherwise, frame, why);
            }
            Ok(Err(unknown)) => {
                let why = self.weak_because(
                    &format!("it is changed in a loop over something unknown: {}", unknown.reason),
                    place,
                );
                return self.unknown_turns(target, body, otherwise, frame, why);
            }
        };
        for item in items {
            if let Err(exception) = self.assign(target, item.resting_on(value.rests_on), frame) {
                return Flow::Raise(exception);
            }
            match self.block(body, frame) {
                Flow::Next | Flow::Continue => {}
                Flow::Break => return Flow::Next,
                other => return other,
            }
            if self.steps >= self.limit {
                break;
            }
        }
        self.block(otherwise, frame)
    }

    fn unknown_turns(
        &mut self,
        target: Id,
        body: &[Statement],
        otherwise: &[Statement],
        frame: &Frame,
        why: Arc<Unknown>,
    ) -> Flow {
        let _ = self.assign(target, again(&why).into(), frame);
        match self.weakly(body, frame, Arc::clone(&why)) {
            Flow::Next => self.weakly(otherwise, frame, why),
            other => other,
        }
    }

    fn while_statement(
        &mut self,
        test: Id,
        body: &[Statement],
        otherwise: &[Statement],
        frame: &Frame,
    ) -> Flow {
        let place = frame.place(self, test);
        for _ in 0..bounds::TURNS {
            let value = match self.evaluate(test, frame) {
                Ok(value) => value,
                Err(exception) => return Flow::Raise(exception),
            };
            match self.truth(&value) {
                Ok(true) if value.rests_on == 0 => {}
                Ok(false) if value.rests_on == 0 => return self.block(otherwise, frame),
                _ => {
                    let why = self.weak_because("it is changed in a loop whose end is not known", place);
                    return self.weakly(body, frame, why);
                }
            }
            match self.block(body, frame) {
                Flow::Next | Flow::Continue => {}
                Flow::Break => return Flow::Next,
                other => return other,
            }
            if self.steps >= self.limit {
                break;
            }
        }
        let why = self.weak_because("it is changed in a loop that is too long to follow", place);
        self.weakly(body, frame, why)
    }

    fn try_statement(
        &mut self,
        body: &[Statement],
        handlers: &[Handler],
        otherwise: &[Statement],
        finally: &[Statement],
        frame: &Frame,
        place: Place,
    ) -> Flow {
        if !handlers.is_empty() {
            self.attempts.push(Attempt::default());
        }
        let flow = self.block(body, frame);
        let attempt =
            if handlers.is_empty() { Attempt::default() } else { self.attempts.pop().unwrap_or_default() };
        let completed = !matches!(flow, Flow::Raise(_));
        let mut interrupted = false;
        let mut flow = match flow {
            Flow::Raise(exception) => self.handle(exception, handlers, frame),
            other => match &attempt.may_raise {
                Some(what) if self.can_fork() => {
                    let text = format!("{what} succeeds");
                    match self.decide(place, &text, true) {
                        Some(false) => {
                            interrupted = true;
                            self.interrupted(body, &attempt, handlers, frame, place)
                        }
                        _ => other,
                    }
                }
                Some(_) => {
                    // Nothing that the body or a handler leaves behind is certain.
                    let why =
                        self.weak_because("it is assigned where an exception may come in between", place);
                    self.forget(body, frame, &why.reason.clone(), place);
                    for handler in handlers {
                        let _ = self.weakly(&handler.body, frame, Arc::clone(&why));
                    }
                    other
                }
                None => other,
            },
        };
        if matches!(flow, Flow::Next) && completed && !interrupted {
            flow = self.block(otherwise, frame);
        }
        match self.block(finally, frame) {
            Flow::Next => flow,
            other => other,
        }
    }

    /// The body of a `try` stopped somewhere, with an exception that is not known.
    fn interrupted(
        &mut self,
        body: &[Statement],
        attempt: &Attempt,
        handlers: &[Handler],
        frame: &Frame,
        place: Place,
    ) -> Flow {
        let reason = "it is assigned where an exception may come in between";
        self.forget(body, frame, reason, place);
        let why = self.weak_because(reason, place);
        for changed in &attempt.changed {
            self.poison(changed, &why);
        }
        let raised = image_model::error::Raised {
            exception: "Exception",
            message: String::new(),
            cause: image_model::error::Cause::Other,
        };
        let exception = Exception { uncertain: true, ..Exception::from_raised(raised, place) };
        // With one handler it is that one which catches; with several nobody knows, and each is an outcome.
        if let [only] = handlers {
            return self.run_handler(&exception, only, frame);
        }
        self.handle(exception, handlers, frame)
    }

    fn handle(&mut self, exception: Exception, handlers: &[Handler], frame: &Frame) -> Flow {
        for handler in handlers {
            let caught = match handler.catches {
                None => Some(true),
                Some(clause) => match self.evaluate(clause, frame) {
                    Ok(clause) => catches(&exception, &clause),
                    Err(_) => None,
                },
            };
            let caught = caught.unwrap_or_else(|| {
                let place = handler.catches.map_or(exception.place, |c| frame.place(self, c));
                let text = format!("{} is raised", self.text(place));
                self.decide(place, &text, true).unwrap_or(true)
            });
            if caught {
                return self.run_handler(&exception, handler, frame);
            }
        }
        Flow::Raise(exception)
    }

    fn run_handler(&mut self, exception: &Exception, handler: &Handler, frame: &Frame) -> Flow {
        if let Some(name) = &handler.name {
            let value = self.unknown("what an exception holds is not followed", Some(exception.place));
            self.assign_name(name, value, &frame.scope_of(name), exception.place);
        }
        self.block(&handler.body, frame)
    }

    /// Makes everything that statements assign unknown.
    pub(crate) fn forget(&mut self, statements: &[Statement], frame: &Frame, reason: &str, place: Place) {
        let why = self.weak_because(reason, place);
        let mut targets: Vec<Id> = Vec::new();
        let mut names: Vec<Arc<str>> = Vec::new();
        let mut pending: Vec<&Statement> = statements.iter().collect();
        while let Some(statement) = pending.pop() {
            match &statement.kind {
                StatementKind::Assign { targets: t, .. } => targets.extend(t),
                StatementKind::Annotated { target, value: Some(_) }
                | StatementKind::Augmented { target, .. } => {
                    targets.push(*target);
                }
                StatementKind::For { target, body, otherwise, .. } => {
                    targets.push(*target);
                    pending.extend(body.iter().chain(otherwise));
                }
                StatementKind::While { body, otherwise, .. } => pending.extend(body.iter().chain(otherwise)),
                StatementKind::If { branches, otherwise } => {
                    pending.extend(branches.iter().flat_map(|(_, b)| b).chain(otherwise));
                }
                StatementKind::Try { body, handlers, otherwise, finally } => {
                    let inner = handlers.iter().flat_map(|h| &h.body);
                    pending.extend(body.iter().chain(inner).chain(otherwise).chain(finally));
                }
                StatementKind::With { items, body } => {
                    targets.extend(items.iter().filter_map(|(_, t)| *t));
                    pending.extend(body);
                }
                StatementKind::Match { cases, .. } => pending.extend(cases.iter().flat_map(|c| &c.body)),
                StatementKind::Class { name, .. } => names.push(Arc::clone(name)),
                StatementKind::Function { function, .. } => {
                    let module = &self.modules[frame.module].module;
                    names.extend(module.functions.get(*function as usize).map(|f| Arc::clone(&f.name)));
                }
                StatementKind::Import(aliases) => names.extend(aliases.iter().map(|a| {
                    a.alias.clone().unwrap_or_else(|| a.name.split('.').next().unwrap_or("").into())
                })),
                StatementKind::From { names: aliases, .. } => {
                    names.extend(
                        aliases.iter().map(|a| a.alias.clone().unwrap_or_else(|| Arc::clone(&a.name))),
                    );
                }
                _ => {}
            }
        }
        let module = Arc::clone(&self.modules[frame.module].module);
        while let Some(target) = targets.pop() {
            match module.expressions.get(target as usize) {
                Some(Expression::Name(name)) => names.push(Arc::clone(name)),
                Some(Expression::Tuple(items) | Expression::List(items)) => targets.extend(items),
                Some(Expression::Starred(inner)) => targets.push(*inner),
                Some(Expression::Attribute { value, .. } | Expression::Subscript { value, .. }) => {
                    if let Some(Expression::Name(name)) = module.expressions.get(*value as usize)
                        && let Some(object) = frame.scope.lookup(name)
                    {
                        self.poison(&object, &why);
                    }
                }
                _ => {}
            }
        }
        for name in names {
            let value = Value::unknown_again(&why, Some(place)).resting_on(0);
            self.assign_name(&name, value, &frame.scope_of(&name), place);
        }
    }

    fn raised(&mut self, value: Option<Id>, frame: &Frame, place: Place) -> Exception {
        let Some(value) = value else {
            return Exception { uncertain: true, ..Exception::new("Exception", "", place) };
        };
        let evaluated = match self.evaluate(value, frame) {
            Ok(value) => value,
            Err(exception) => return exception,
        };
        // `raise X` without a call.
        let evaluated = match &evaluated.kind {
            Kind::External(_) | Kind::Class(_) => {
                match self.call_value(&evaluated, Default::default(), place) {
                    Ok(value) => value,
                    Err(exception) => return exception,
                }
            }
            _ => evaluated,
        };
        match &evaluated.kind {
            Kind::Instance(instance) if instance.class.exception.is_some() => {
                let class = Rc::clone(&instance.class);
                let message = instance.attributes.borrow().get("__message__").and_then(|v| match &v.kind {
                    Kind::Str(s) => Some(s.to_string()),
                    _ => None,
                });
                let base =
                    class.exception.as_deref().and_then(super::exception::builtin).unwrap_or("Exception");
                let own = if class.attributes.parent.is_none() { None } else { Some(class) };
                Exception { class: own, ..Exception::new(base, message.unwrap_or_default(), place) }
            }
            _ => Exception { uncertain: true, ..Exception::new("Exception", "", place) },
        }
    }

    fn assert_statement(&mut self, test: Id, message: Option<Id>, frame: &Frame) -> Flow {
        let value = match self.evaluate(test, frame) {
            Ok(value) => value,
            Err(exception) => return Flow::Raise(exception),
        };
        match self.truth(&value) {
            Ok(false) if value.rests_on == 0 => {
                let place = frame.place(self, test);
                let text = match message.map(|m| self.evaluate(m, frame)) {
                    Some(Ok(Value { kind: Kind::Str(s), .. })) => s.to_string(),
                    _ => String::new(),
                };
                Flow::Raise(Exception::new("AssertionError", text, place))
            }
            Ok(_) => Flow::Next,
            Err(_) => {
                self.may_raise("assert");
                Flow::Next
            }
        }
    }

    fn match_statement(&mut self, subject: Id, cases: &[Case], frame: &Frame, place: Place) -> Flow {
        let subject = match self.evaluate(subject, frame) {
            Ok(value) => value,
            Err(exception) => return Flow::Raise(exception),
        };
        for (i, case) in cases.iter().enumerate() {
            let mut matched = self.matches(&case.pattern, &subject, frame, place);
            if let (Some(true) | None, Some(guard)) = (matched, case.guard) {
                let value = match self.evaluate(guard, frame) {
                    Ok(value) => value,
                    Err(exception) => return Flow::Raise(exception),
                };
                matched = match (matched, self.truth(&value)) {
                    (_, Ok(false)) if value.rests_on == 0 => Some(false),
                    (Some(true), Ok(true)) if value.rests_on == 0 => Some(true),
                    _ => None,
                };
            }
            let taken = match matched {
                Some(certain) if subject.rests_on == 0 => certain,
                _ => {
                    let likely = matched.unwrap_or(true);
                    let text = format!("match … case {}", self.text_of_case(case, frame));
                    match self.decide(place, &text, likely) {
                        Some(taken) => {
                            if matched.is_some() && taken != likely {
                                self.contradicted |= subject.rests_on;
                            }
                            taken
                        }
                        None => {
                            let why = self.weak_because("it depends on a match that is not known", place);
                            let bodies: Vec<&[Statement]> =
                                cases[i..].iter().map(|c| c.body.as_slice()).collect();
                            return self.all_branches(&bodies, &[], frame, why);
                        }
                    }
                }
            };
            if taken {
                return self.block(&case.body, frame);
            }
        }
        Flow::Next
    }

    fn text_of_case(&self, case: &Case, frame: &Frame) -> String {
        match &case.pattern {
            Pattern::Value(id) => self.text(frame.place(self, *id)).to_owned(),
            _ => "…".to_owned(),
        }
    }

    /// Whether a pattern matches; `None` where that is not known.
    fn matches(&mut self, pattern: &Pattern, subject: &Value, frame: &Frame, place: Place) -> Option<bool> {
        match pattern {
            Pattern::Capture(name) => {
                if let Some(name) = name {
                    self.assign_name(name, subject.clone(), &frame.scope_of(name), place);
                }
                Some(true)
            }
            Pattern::Value(id) => {
                let value = self.evaluate(*id, frame).ok()?;
                self.equal(subject, &value)
            }
            Pattern::Either(patterns) => {
                let mut unsure = false;
                for pattern in patterns {
                    match self.matches(pattern, subject, frame, place) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => unsure = true,
                    }
                }
                if unsure { None } else { Some(false) }
            }
            Pattern::As(inner, name) => {
                let matched = self.matches(inner, subject, frame, place);
                self.assign_name(name, subject.clone(), &frame.scope_of(name), place);
                matched
            }
            Pattern::Sequence(patterns) => {
                let items = match subject.sequence() {
                    Some(Ok(items)) => items,
                    Some(Err(_)) => return None,
                    None if matches!(
                        subject.kind,
                        Kind::Unknown(_) | Kind::External(_) | Kind::Instance(_)
                    ) =>
                    {
                        return None;
                    }
                    None => return Some(false),
                };
                let open = patterns.iter().any(|p| matches!(p, Pattern::Other(_)));
                if items.len() != patterns.len() && !open {
                    return Some(false);
                }
                let mut result = Some(true);
                for (pattern, item) in patterns.iter().zip(&items) {
                    match self.matches(pattern, item, frame, place) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => result = None,
                    }
                }
                result
            }
            Pattern::Other(names) => {
                for name in names {
                    let value = self.unknown("what this pattern binds is not followed", Some(place));
                    self.assign_name(name, value, &frame.scope_of(name), place);
                }
                None
            }
        }
    }
}
