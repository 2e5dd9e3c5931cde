//! Expressions.

use std::rc::Rc;
use std::sync::Arc;

use super::call::Frame;
use super::exception::Exception;
use super::value::{Entries, Kind, Place, Value, again};
use super::{Evaluator, bounds};
use crate::syntax::ast::{Clause, Comprehension, Expression, Id, UnaryOperator};

impl Evaluator<'_> {
    /// Evaluates an expression. The spine of a chain is walked with a loop.
    pub(crate) fn evaluate(&mut self, id: Id, frame: &Frame) -> Result<Value, Exception> {
        if self.depth >= bounds::DEPTH {
            let place = frame.place(self, id);
            return Ok(self.unknown("it is nested too deeply", Some(place)));
        }
        self.depth += 1;
        let result = self.chain(id, frame);
        self.depth -= 1;
        result
    }

    fn chain(&mut self, id: Id, frame: &Frame) -> Result<Value, Exception> {
        let module = Arc::clone(&self.modules[frame.module].module);
        let mut spine = Vec::new();
        let mut inner = id;
        loop {
            let next = match module.expressions.get(inner as usize) {
                Some(Expression::Call { function, .. }) => *function,
                Some(Expression::Attribute { value, .. } | Expression::Subscript { value, .. }) => *value,
                Some(Expression::Binary(_, left, _) | Expression::Logical(_, left, _)) => *left,
                _ => break,
            };
            spine.push(inner);
            inner = next;
        }
        let mut value = self.leaf(inner, frame)?;
        while let Some(link) = spine.pop() {
            value = self.link(link, value, frame)?;
        }
        Ok(value)
    }

    fn link(&mut self, id: Id, operand: Value, frame: &Frame) -> Result<Value, Exception> {
        let module = Arc::clone(&self.modules[frame.module].module);
        let place = frame.place(self, id);
        if !self.step() {
            return Ok(self.unknown("the evaluation stopped after too many steps", Some(place)));
        }
        match module.expressions.get(id as usize) {
            Some(Expression::Attribute { name, .. }) => self.attribute(&operand, name, place),
            Some(Expression::Call { function, arguments }) => {
                let mut call = self.arguments(arguments, frame)?;
                let start = match module.expressions.get(*function as usize) {
                    Some(Expression::Attribute { name_span, .. }) => name_span.start,
                    _ => place.span.start,
                };
                call.site = Some(Place {
                    module: frame.module,
                    span: crate::syntax::ast::Span { start, ..place.span },
                });
                if let Some(value) = self.scope_call(&operand, frame, place) {
                    return Ok(value);
                }
                let value = self.call_value(&operand, call, place)?;
                Ok(Value { origin: value.origin.or(Some(place)), ..value })
            }
            Some(Expression::Subscript { index, .. }) => {
                let index = self.evaluate(*index, frame)?;
                let rests_on = operand.rests_on | index.rests_on;
                Ok(self.subscript(&operand, &index, place)?.resting_on(rests_on))
            }
            Some(Expression::Binary(operator, _, right)) => {
                let right = self.evaluate(*right, frame)?;
                self.binary(*operator, &operand, &right, place)
            }
            Some(Expression::Logical(is_and, _, right)) => {
                self.logical(*is_and, operand, *right, frame, place)
            }
            _ => Ok(self.unknown("it is no Python", Some(place))),
        }
    }

    /// `and` and `or`: the left operand decides, as far as its truth is known or assumed.
    fn logical(
        &mut self,
        is_and: bool,
        left: Value,
        right: Id,
        frame: &Frame,
        place: Place,
    ) -> Result<Value, Exception> {
        match self.truth(&left) {
            Ok(truth) if truth != is_and => Ok(left),
            Ok(_) => {
                let rests_on = left.rests_on;
                Ok(self.evaluate(right, frame)?.resting_on(rests_on))
            }
            Err(why) => {
                let rests_on = left.rests_on | self.evaluate(right, frame)?.rests_on;
                Ok(Value::unknown_again(&why, Some(place)).resting_on(rests_on))
            }
        }
    }

    fn leaf(&mut self, id: Id, frame: &Frame) -> Result<Value, Exception> {
        let module = Arc::clone(&self.modules[frame.module].module);
        let place = frame.place(self, id);
        if !self.step() {
            return Ok(self.unknown("the evaluation stopped after too many steps", Some(place)));
        }
        let Some(expression) = module.expressions.get(id as usize) else {
            return Ok(self.unknown("it is no Python", Some(place)));
        };
        let kind = match expression {
            Expression::Broken(reason) => return Ok(self.unknown(*reason, Some(place))),
            Expression::None => Kind::None,
            Expression::True => Kind::Bool(true),
            Expression::False => Kind::Bool(false),
            Expression::Ellipsis => Kind::Ellipsis,
            Expression::Int(i) => Kind::Int(*i),
            Expression::BigInt => return Ok(self.unknown("it is a number beyond 64 bits", Some(place))),
            Expression::Imaginary => return Ok(self.unknown("complex numbers are not followed", Some(place))),
            Expression::Float(f) => Kind::Float(*f),
            Expression::Str(s) => Kind::Str(Arc::clone(s)),
            Expression::Bytes(b) => Kind::Bytes(Arc::clone(b)),
            Expression::Format(parts) => {
                let value = self.format_string(parts, frame, place)?;
                return Ok(Value { origin: Some(place), ..value });
            }
            Expression::Name(name) => return Ok(self.name(name, frame, place)),
            Expression::Tuple(items) => {
                return Ok(match self.items(items, frame, place)? {
                    Ok(values) => Value { origin: Some(place), ..Value::tuple(values) },
                    Err(unknown) => unknown,
                });
            }
            Expression::List(items) => {
                return Ok(match self.items(items, frame, place)? {
                    Ok(values) => Value { origin: Some(place), ..Value::list(values) },
                    Err(unknown) => unknown,
                });
            }
            Expression::Set(items) => {
                return Ok(match self.items(items, frame, place)? {
                    Ok(values) => Value { origin: Some(place), ..self.set_of(values, place) },
                    Err(unknown) => unknown,
                });
            }
            Expression::Dict(pairs) => {
                let value = self.dictionary(pairs, frame, place)?;
                return Ok(Value { origin: Some(place), ..value });
            }
            Expression::Starred(inner) => return self.evaluate(*inner, frame),
            Expression::Unary(operator, operand) => {
                let operand = self.evaluate(*operand, frame)?;
                return Ok(self.unary(*operator, &operand, place));
            }
            Expression::Compare(first, rest) => {
                let rest = rest.clone();
                return self.comparison(*first, &rest, frame, place);
            }
            Expression::Conditional { test, then, otherwise } => {
                return self.conditional(*test, *then, *otherwise, frame, place);
            }
            Expression::Slice(start, stop, step) => {
                let mut parts = [None, None, None];
                for (part, id) in parts.iter_mut().zip([start, stop, step]) {
                    if let Some(id) = id {
                        *part = Some(self.evaluate(*id, frame)?);
                    }
                }
                Kind::Slice(Rc::new(parts))
            }
            Expression::Lambda(index) => return self.lambda(*index, frame, place),
            Expression::Comprehension { kind, element, value, clauses } => {
                let comprehension = (*kind, *element, *value);
                return self.comprehension(comprehension, clauses, frame, place);
            }
            Expression::Walrus { target, value } => {
                let value = self.evaluate(*value, frame)?;
                if let Some(Expression::Name(name)) = module.expressions.get(*target as usize) {
                    self.assign_name(name, value.clone(), &frame.walrus_scope(name), place);
                }
                return Ok(value);
            }
            Expression::Await(inner) => {
                let _ = self.evaluate(*inner, frame)?;
                return Ok(self.unknown("what is awaited is not followed", Some(place)));
            }
            Expression::Yield => return Ok(self.unknown("what a yield gives is not followed", Some(place))),
            // Links of a chain are taken care of above.
            _ => return Ok(self.unknown("it is no Python", Some(place))),
        };
        Ok(Value::from(kind).at(place))
    }

    /// The items of a display, stars unpacked; or the unknown value that the whole becomes.
    fn items(
        &mut self,
        ids: &[Id],
        frame: &Frame,
        place: Place,
    ) -> Result<Result<Vec<Value>, Value>, Exception> {
        let module = Arc::clone(&self.modules[frame.module].module);
        let mut values = Vec::with_capacity(ids.len());
        let mut unknown = None;
        for id in ids {
            if let Some(Expression::Starred(inner)) = module.expressions.get(*id as usize) {
                let starred = self.evaluate(*inner, frame)?;
                match self.iterate(&starred, place)? {
                    Ok(items) => values.extend(items.into_iter().map(|i| i.resting_on(starred.rests_on))),
                    Err(why) => unknown = Some(Value::unknown_again(&why, Some(place)).resting_on(0)),
                }
            } else {
                values.push(self.evaluate(*id, frame)?);
            }
        }
        if values.len() > bounds::SIZE {
            unknown = Some(self.unknown("it has too many items", Some(place)));
        }
        Ok(unknown.map_or(Ok(values), Err))
    }

    /// A set without its duplicates.
    pub(crate) fn set_of(&mut self, values: Vec<Value>, place: Place) -> Value {
        let mut seen = std::collections::HashSet::new();
        let mut kept = Vec::new();
        for value in values {
            match value.key() {
                Some(key) => {
                    if seen.insert(key) {
                        kept.push(value);
                    }
                }
                None => return self.unknown("a set of things that are not known", Some(place)),
            }
        }
        Value::set(kept)
    }

    fn dictionary(
        &mut self,
        pairs: &[(Option<Id>, Id)],
        frame: &Frame,
        place: Place,
    ) -> Result<Value, Exception> {
        let mut entries = Entries::default();
        let mut unknown = None;
        for (key, value) in pairs {
            match key {
                Some(key) => {
                    let name = self.evaluate(*key, frame)?;
                    let value = self.evaluate(*value, frame)?;
                    match name.key() {
                        Some(key) => entries.set(key, name, value),
                        None => {
                            unknown =
                                Some(self.unknown("a dictionary with a key that is not known", Some(place)))
                        }
                    }
                }
                None => {
                    let spread = self.evaluate(*value, frame)?;
                    match &spread.kind {
                        Kind::Dict(dict) if dict.poison.borrow().is_none() => {
                            for (name, value) in dict.entries.borrow().pairs.clone() {
                                if let Some(key) = name.key() {
                                    entries.set(key, name, value.resting_on(spread.rests_on));
                                }
                            }
                        }
                        _ => {
                            unknown =
                                Some(self.unknown("a dictionary with ** of something not known", Some(place)))
                        }
                    }
                }
            }
        }
        Ok(unknown.unwrap_or_else(|| Value::dict(entries)))
    }

    fn conditional(
        &mut self,
        test: Id,
        then: Id,
        otherwise: Id,
        frame: &Frame,
        place: Place,
    ) -> Result<Value, Exception> {
        let condition = self.evaluate(test, frame)?;
        let test_place = frame.place(self, test);
        match self.decide_truth(&condition, test_place) {
            Some(true) => self.evaluate(then, frame),
            Some(false) => self.evaluate(otherwise, frame),
            None => {
                let _ = self.evaluate(then, frame)?;
                let _ = self.evaluate(otherwise, frame)?;
                Ok(self.unknown("it depends on a condition that is not known", Some(place)))
            }
        }
    }

    fn unary(&mut self, operator: UnaryOperator, operand: &Value, place: Place) -> Value {
        let rests_on = operand.rests_on;
        let value = match (operator, &operand.kind) {
            (UnaryOperator::Not, _) => match self.truth(operand) {
                Ok(truth) => Value::bool(!truth),
                Err(why) => self.unknown(why.reason.clone(), Some(place)),
            },
            (UnaryOperator::Negative, Kind::Int(i)) => match i.checked_neg() {
                Some(n) => Value::int(n),
                None => self.unknown("it is a number beyond 64 bits", Some(place)),
            },
            (UnaryOperator::Negative, Kind::Float(f)) => Kind::Float(-f).into(),
            (UnaryOperator::Positive, Kind::Int(_) | Kind::Float(_)) => operand.clone(),
            (UnaryOperator::Invert, Kind::Int(i)) => Value::int(!i),
            (UnaryOperator::Negative | UnaryOperator::Positive, Kind::Bool(b)) => {
                let n = i64::from(*b);
                Value::int(if operator == UnaryOperator::Negative { -n } else { n })
            }
            (_, Kind::Unknown(why)) => again(why).into(),
            _ => self.unknown("this operation is not followed", Some(place)),
        };
        Value { origin: Some(place), ..value }.resting_on(rests_on)
    }

    fn comprehension(
        &mut self,
        (kind, element, value): (Comprehension, Id, Option<Id>),
        clauses: &[Clause],
        frame: &Frame,
        place: Place,
    ) -> Result<Value, Exception> {
        let inner = frame.nested();
        let mut results: Vec<(Value, Option<Value>)> = Vec::new();
        let mut state = Comprehending { element, value, clauses, unknown: None, rests_on: 0 };
        self.clause(0, &mut state, &inner, &mut results, place)?;
        let rests_on = state.rests_on;
        if let Some(unknown) = state.unknown {
            return Ok(Value { origin: Some(place), ..unknown });
        }
        let result = match kind {
            Comprehension::List => Value::list(results.into_iter().map(|(v, _)| v).collect()),
            Comprehension::Generator => Value::iterator(results.into_iter().map(|(v, _)| v).collect()),
            Comprehension::Set => self.set_of(results.into_iter().map(|(v, _)| v).collect(), place),
            Comprehension::Dict => {
                let mut entries = Entries::default();
                for (name, value) in results {
                    match (name.key(), value) {
                        (Some(key), Some(value)) => entries.set(key, name, value),
                        _ => {
                            return Ok(self.unknown("a dictionary with a key that is not known", Some(place)));
                        }
                    }
                }
                Value::dict(entries)
            }
        };
        Ok(Value { origin: Some(place), ..result }.resting_on(rests_on))
    }

    fn clause(
        &mut self,
        place_in: usize,
        state: &mut Comprehending<'_>,
        frame: &Frame,
        results: &mut Vec<(Value, Option<Value>)>,
        place: Place,
    ) -> Result<(), Exception> {
        if state.unknown.is_some() {
            return Ok(());
        }
        let Some(clause) = state.clauses.get(place_in) else {
            let element = self.evaluate(state.element, frame)?;
            let value = match state.value {
                Some(value) => Some(self.evaluate(value, frame)?),
                None => None,
            };
            results.push((element, value));
            return Ok(());
        };
        match clause {
            Clause::For { target, iterable } => {
                let iterable = self.evaluate(*iterable, frame)?;
                state.rests_on |= iterable.rests_on;
                match self.iterate(&iterable, place)? {
                    Ok(items) if items.len() <= bounds::TURNS => {
                        for item in items {
                            if results.len() > bounds::TURNS {
                                state.unknown = Some(self.unknown("it is too long to follow", Some(place)));
                                return Ok(());
                            }
                            self.assign(*target, item.resting_on(iterable.rests_on), frame)?;
                            self.clause(place_in + 1, state, frame, results, place)?;
                        }
                    }
                    Ok(_) => state.unknown = Some(self.unknown("it is too long to follow", Some(place))),
                    Err(why) => {
                        let value = Value::unknown_again(&why, Some(place)).resting_on(0);
                        state.unknown = Some(value);
                    }
                }
            }
            Clause::If(test) => {
                let value = self.evaluate(*test, frame)?;
                state.rests_on |= value.rests_on;
                match self.truth(&value) {
                    Ok(true) => self.clause(place_in + 1, state, frame, results, place)?,
                    Ok(false) => {}
                    Err(why) => {
                        state.unknown = Some(Value::unknown_again(&why, Some(place)).resting_on(0));
                    }
                }
            }
        }
        Ok(())
    }
}

struct Comprehending<'a> {
    element: Id,
    value: Option<Id>,
    clauses: &'a [Clause],
    unknown: Option<Value>,
    rests_on: u64,
}
