//! `try`, `raise` and `assert`: what stops, and what is not certain after it.

use super::call::Frame;
use super::exception::{Exception, catches};
use super::statement::Flow;
use super::value::{Kind, Place, Value};
use super::{Attempt, Evaluator};
use crate::syntax::ast::{Expression, Handler, Id, Statement, StatementKind};
use std::rc::Rc;
use std::sync::Arc;

impl Evaluator<'_> {
    pub(super) fn try_statement(
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
    pub(super) fn interrupted(
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

    pub(super) fn handle(&mut self, exception: Exception, handlers: &[Handler], frame: &Frame) -> Flow {
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

    pub(super) fn run_handler(&mut self, exception: &Exception, handler: &Handler, frame: &Frame) -> Flow {
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

    pub(super) fn raised(&mut self, value: Option<Id>, frame: &Frame, place: Place) -> Exception {
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

    pub(super) fn assert_statement(&mut self, test: Id, message: Option<Id>, frame: &Frame) -> Flow {
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
}
