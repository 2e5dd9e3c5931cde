//! Branches, loops and matches: what runs, and what may have run.

use super::call::Frame;
use super::statement::Flow;
use super::value::{Kind, Place, Value, again};
use super::{Evaluator, bounds};
use crate::syntax::ast::{Case, Id, Pattern, Span, Statement};
use image_model::error::Unknown;
use std::sync::Arc;

impl Evaluator<'_> {
    pub(super) fn if_statement(
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
    pub(super) fn all_branches(
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

    /// Executes a body that runs nobody knows how often: whatever it changes is unknown afterwards.
    pub(super) fn weakly(&mut self, body: &[Statement], frame: &Frame, why: Arc<Unknown>) -> Flow {
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

    pub(super) fn for_statement(
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

    pub(super) fn unknown_turns(
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

    pub(super) fn while_statement(
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

    pub(super) fn match_statement(
        &mut self,
        subject: Id,
        cases: &[Case],
        frame: &Frame,
        place: Place,
    ) -> Flow {
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

    pub(super) fn text_of_case(&self, case: &Case, frame: &Frame) -> String {
        match &case.pattern {
            Pattern::Value(id) => self.text(frame.place(self, *id)).to_owned(),
            _ => "…".to_owned(),
        }
    }

    /// Whether a pattern matches; `None` where that is not known.
    pub(super) fn matches(
        &mut self,
        pattern: &Pattern,
        subject: &Value,
        frame: &Frame,
        place: Place,
    ) -> Option<bool> {
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
