//! Operators, comparisons, subscripts, and changes of containers.

use std::sync::Arc;

use super::exception::Exception;
use super::value::{Kind, Place, Value, again};
use super::{Evaluator, bounds};
use crate::syntax::ast::Operator;

impl Evaluator<'_> {
    /// `left operator right`
    pub(crate) fn binary(
        &mut self,
        operator: Operator,
        left: &Value,
        right: &Value,
        place: Place,
    ) -> Result<Value, Exception> {
        let rests_on = left.rests_on | right.rests_on;
        let value = self.binary_value(operator, left, right, place)?;
        Ok(Value { origin: Some(place), ..value }.resting_on(rests_on))
    }

    pub(super) fn binary_value(
        &mut self,
        operator: Operator,
        left: &Value,
        right: &Value,
        place: Place,
    ) -> Result<Value, Exception> {
        for side in [left, right] {
            if let Kind::Unknown(why) = &side.kind {
                self.may_raise("an operation on something unknown");
                return Ok(again(why).into());
            }
        }
        let too_long = |this: &Self| this.unknown("it is too long to follow", Some(place));
        Ok(match (operator, &left.kind, &right.kind) {
            (Operator::Add, Kind::Str(a), Kind::Str(b)) if a.len() + b.len() <= bounds::SIZE => {
                Value::str(format!("{a}{b}"))
            }
            (Operator::Add, Kind::Bytes(a), Kind::Bytes(b)) => {
                Kind::Bytes([&**a, &**b].concat().into()).into()
            }
            (Operator::Add, Kind::Tuple(a), Kind::Tuple(b)) if a.len() + b.len() <= bounds::SIZE => {
                Value::tuple([&**a, &**b].concat())
            }
            (Operator::Add, Kind::List(_), Kind::List(_)) => match (left.sequence(), right.sequence()) {
                (Some(Ok(a)), Some(Ok(b))) if a.len() + b.len() <= bounds::SIZE => {
                    Value::list([a, b].concat())
                }
                (Some(Err(why)), _) | (_, Some(Err(why))) => again(&why).into(),
                _ => too_long(self),
            },
            (Operator::Modulo, Kind::Str(template), _) => self.percent(template, right, place),
            (Operator::Multiply, Kind::Str(s), Kind::Int(n))
            | (Operator::Multiply, Kind::Int(n), Kind::Str(s)) => match repeats(*n, s.len()) {
                Some(n) => Value::str(s.repeat(n)),
                None => too_long(self),
            },
            (Operator::Multiply, Kind::Tuple(_) | Kind::List(_), Kind::Int(n)) => {
                self.repeat(left, *n, place)
            }
            (Operator::Multiply, Kind::Int(n), Kind::Tuple(_) | Kind::List(_)) => {
                self.repeat(right, *n, place)
            }
            (Operator::Divide, Kind::Path(p), Kind::Str(s)) => Value::path(p.join(s)),
            (Operator::Divide, Kind::Path(p), Kind::Path(q)) => Value::path(p.join(q.as_str())),
            (Operator::Divide, Kind::Str(s), Kind::Path(q)) => {
                Value::path(image_model::path::PyPath::new(s).join(q.as_str()))
            }
            (Operator::Or, Kind::Dict(_), Kind::Dict(_)) => {
                let merged = Value::dict(match &left.kind {
                    Kind::Dict(d) if d.poison.borrow().is_none() => d.entries.borrow().clone(),
                    _ => return Ok(self.unknown("a dictionary that is not known", Some(place))),
                });
                self.update_dict(&merged, right);
                merged
            }
            _ => match (number(left), number(right)) {
                (Some(a), Some(b)) => match arithmetic(operator, a, b) {
                    Ok(Some(value)) => value,
                    Ok(None) => self.unknown("this arithmetic is not followed", Some(place)),
                    Err(message) => return Err(Exception::new("ZeroDivisionError", message, place)),
                },
                _ => {
                    let (a, b) = (left.type_name(), right.type_name());
                    let plain = |v: &Value| {
                        matches!(
                            v.kind,
                            Kind::None
                                | Kind::Str(_)
                                | Kind::Int(_)
                                | Kind::Float(_)
                                | Kind::List(_)
                                | Kind::Tuple(_)
                                | Kind::Dict(_)
                        )
                    };
                    if operator == Operator::Add && plain(left) && plain(right) {
                        return Err(Exception::new("TypeError", add_error(left, right, a, b), place));
                    }
                    self.may_raise("an operation");
                    self.unknown(format!("this operation on {a} and {b} is not followed"), Some(place))
                }
            },
        })
    }

    pub(super) fn repeat(&mut self, sequence: &Value, n: i64, place: Place) -> Value {
        match sequence.sequence() {
            Some(Ok(items)) => match repeats(n, items.len()) {
                Some(n) => {
                    let repeated: Vec<Value> = std::iter::repeat_n(&items, n).flatten().cloned().collect();
                    if matches!(sequence.kind, Kind::List(_)) {
                        Value::list(repeated)
                    } else {
                        Value::tuple(repeated)
                    }
                }
                None => self.unknown("it is too long to follow", Some(place)),
            },
            Some(Err(why)) => again(&why).into(),
            None => self.unknown("it is no sequence", Some(place)),
        }
    }

    /// `container[index]`
    pub(crate) fn subscript(
        &mut self,
        container: &Value,
        index: &Value,
        place: Place,
    ) -> Result<Value, Exception> {
        if let Kind::Unknown(why) = &container.kind {
            self.may_raise("a subscript of something unknown");
            return Ok(Value::unknown_again(why, container.origin.or(Some(place))).resting_on(0));
        }
        if let Kind::External(name) = &container.kind {
            let name = Arc::clone(name);
            return Ok(self.external_subscript(&name, index, place));
        }
        if let Kind::Unknown(why) = &index.kind {
            self.may_raise("a subscript");
            return Ok(Value::unknown_again(why, index.origin).resting_on(0));
        }
        match (&container.kind, &index.kind) {
            (Kind::Dict(dict), _) => {
                if let Some(why) = &*dict.poison.borrow() {
                    return Ok(Value::unknown_again(why, container.origin).resting_on(0));
                }
                let Some(key) = index.key() else {
                    return Ok(self.unknown("a key that is not known", Some(place)));
                };
                let found = dict.entries.borrow().get(&key).cloned();
                found.ok_or_else(|| {
                    let (shown, _) = self.to_model(index);
                    Exception::new("KeyError", shown.repr().unwrap_or_default(), place)
                })
            }
            (Kind::VersionInfo(major, minor), Kind::Int(i @ 0..=1)) => {
                Ok(Value::int(i64::from(if *i == 0 { *major } else { *minor })))
            }
            (Kind::VersionInfo(major, minor), Kind::Slice(parts)) => {
                let stop = match &parts[1] {
                    Some(Value { kind: Kind::Int(n @ 0..=2), .. }) => *n,
                    _ => {
                        return Ok(self.unknown(
                            "only the first two numbers of sys.version_info are known",
                            Some(place),
                        ));
                    }
                };
                let numbers = [Value::int(i64::from(*major)), Value::int(i64::from(*minor))];
                let start = match &parts[0] {
                    None => 0,
                    Some(Value { kind: Kind::Int(n @ 0..=2), .. }) => usize::try_from(*n).unwrap_or(0),
                    _ => return Ok(self.unknown("this slice is not followed", Some(place))),
                };
                let stop = usize::try_from(stop).unwrap_or(0).max(start);
                Ok(Value::tuple(numbers[start..stop].to_vec()))
            }
            (Kind::Str(s), _) => {
                let chars: Vec<char> = s.chars().collect();
                match self.pick(&chars, index, "string", place)? {
                    Some(Picked::One(c)) => Ok(Value::str(c.to_string())),
                    Some(Picked::Many(cs)) => Ok(Value::str(cs.into_iter().collect::<String>())),
                    None => Ok(self.unknown("this subscript is not followed", Some(place))),
                }
            }
            (Kind::Tuple(_) | Kind::List(_), _) => {
                let is_list = matches!(container.kind, Kind::List(_));
                let items = match container.sequence() {
                    Some(Ok(items)) => items,
                    Some(Err(why)) => {
                        return Ok(Value::unknown_again(&why, container.origin).resting_on(0));
                    }
                    None => Vec::new(),
                };
                match self.pick(&items, index, if is_list { "list" } else { "tuple" }, place)? {
                    Some(Picked::One(value)) => Ok(value),
                    Some(Picked::Many(values)) if is_list => Ok(Value::list(values)),
                    Some(Picked::Many(values)) => Ok(Value::tuple(values)),
                    None => Ok(self.unknown("this subscript is not followed", Some(place))),
                }
            }
            _ => {
                self.may_raise("a subscript");
                Ok(self.unknown(
                    format!("a subscript of {} is not followed", container.type_name()),
                    Some(place),
                ))
            }
        }
    }

    fn pick<T: Clone>(
        &self,
        items: &[T],
        index: &Value,
        kind: &str,
        place: Place,
    ) -> Result<Option<Picked<T>>, Exception> {
        let len = i64::try_from(items.len()).unwrap_or(i64::MAX);
        match &index.kind {
            Kind::Int(i) => {
                let at = if *i < 0 { i + len } else { *i };
                match usize::try_from(at).ok().and_then(|at| items.get(at)) {
                    Some(item) => Ok(Some(Picked::One(item.clone()))),
                    None => Err(Exception::new("IndexError", format!("{kind} index out of range"), place)),
                }
            }
            Kind::Slice(parts) => {
                let mut numbers = [None; 3];
                for (number, part) in numbers.iter_mut().zip(parts.iter()) {
                    *number = match part.as_ref().map(|p| &p.kind) {
                        None | Some(Kind::None) => None,
                        Some(Kind::Int(i)) => Some(*i),
                        Some(_) => return Ok(None),
                    };
                }
                let [start, stop, step] = numbers;
                let step = step.unwrap_or(1);
                if step == 0 {
                    return Err(Exception::new("ValueError", "slice step cannot be zero", place));
                }
                let clamp = |bound: Option<i64>, default: i64, low: i64, high: i64| match bound {
                    None => default,
                    Some(b) => (if b < 0 { b.saturating_add(len) } else { b }).clamp(low, high),
                };
                let (low, high) = if step > 0 { (0, len) } else { (-1, len - 1) };
                let (from, to) = if step > 0 { (0, len) } else { (len - 1, -1) };
                let (mut at, end) = (clamp(start, from, low, high), clamp(stop, to, low, high));
                let mut picked = Vec::new();
                while (step > 0 && at < end) || (step < 0 && at > end) {
                    picked.extend(usize::try_from(at).ok().and_then(|a| items.get(a)).cloned());
                    at = at.saturating_add(step);
                }
                Ok(Some(Picked::Many(picked)))
            }
            _ => Ok(None),
        }
    }
}

enum Picked<T> {
    One(T),
    Many(Vec<T>),
}

/// How often something is repeated, within bounds.
fn repeats(n: i64, len: usize) -> Option<usize> {
    let n = usize::try_from(n.max(0)).ok()?;
    (n.checked_mul(len.max(1))? <= bounds::SIZE).then_some(n)
}

#[derive(Clone, Copy)]
pub(super) enum Number {
    Int(i64),
    Float(f64),
}

impl Number {
    #[expect(
        clippy::cast_precision_loss,
        reason = "only compared; Python's exact comparison differs beyond 2^53"
    )]
    pub(super) fn float(self) -> f64 {
        match self {
            Number::Int(i) => i as f64,
            Number::Float(f) => f,
        }
    }
}

pub(super) fn number(value: &Value) -> Option<Number> {
    match value.kind {
        Kind::Int(i) => Some(Number::Int(i)),
        Kind::Bool(b) => Some(Number::Int(i64::from(b))),
        Kind::Float(f) => Some(Number::Float(f)),
        _ => None,
    }
}

fn add_error(left: &Value, right: &Value, a: &str, b: &str) -> String {
    match (&left.kind, &right.kind) {
        (Kind::Str(_), _) => format!("can only concatenate str (not \"{b}\") to str"),
        (Kind::List(_), _) => format!("can only concatenate list (not \"{b}\") to list"),
        (Kind::Tuple(_), _) => format!("can only concatenate tuple (not \"{b}\") to tuple"),
        _ => format!("unsupported operand type(s) for +: '{a}' and '{b}'"),
    }
}

/// Arithmetic of two numbers; `None` where it is not followed.
fn arithmetic(operator: Operator, left: Number, right: Number) -> Result<Option<Value>, &'static str> {
    if let (Number::Int(a), Number::Int(b)) = (left, right) {
        return integer_arithmetic(operator, a, b);
    }
    let (a, b) = (left.float(), right.float());
    let value = match operator {
        Operator::Add => a + b,
        Operator::Subtract => a - b,
        Operator::Multiply => a * b,
        Operator::Divide if b == 0.0 => return Err("float division by zero"),
        Operator::Divide => a / b,
        _ => return Ok(None),
    };
    Ok(Some(Kind::Float(value).into()))
}

fn integer_arithmetic(operator: Operator, a: i64, b: i64) -> Result<Option<Value>, &'static str> {
    let value = match operator {
        Operator::Add => a.checked_add(b),
        Operator::Subtract => a.checked_sub(b),
        Operator::Multiply => a.checked_mul(b),
        Operator::Divide if b == 0 => return Err("division by zero"),
        #[expect(clippy::cast_precision_loss, reason = "exact below 2^53, refused beyond")]
        Operator::Divide if a.unsigned_abs() < 1 << 53 && b.unsigned_abs() < 1 << 53 => {
            return Ok(Some(Kind::Float(a as f64 / b as f64).into()));
        }
        Operator::FloorDivide | Operator::Modulo if b == 0 => {
            return Err("integer division or modulo by zero");
        }
        Operator::FloorDivide => {
            a.checked_div_euclid(b).map(|q| if b < 0 && a.rem_euclid(b) != 0 { q - 1 } else { q })
        }
        Operator::Modulo => a.checked_rem_euclid(b).map(|r| if b < 0 && r != 0 { r + b } else { r }),
        Operator::Power => u32::try_from(b).ok().and_then(|e| a.checked_pow(e)),
        Operator::And => Some(a & b),
        Operator::Or => Some(a | b),
        Operator::Xor => Some(a ^ b),
        Operator::LeftShift => u32::try_from(b).ok().filter(|s| *s < 62).and_then(|s| a.checked_mul(1 << s)),
        Operator::RightShift => u32::try_from(b).ok().map(|s| a >> s.min(63)),
        _ => None,
    };
    Ok(value.map(Value::int))
}
