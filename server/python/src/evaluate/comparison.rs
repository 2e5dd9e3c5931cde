//! Comparisons.

use super::call::Frame;
use super::exception::Exception;
use super::operators::number;
use super::value::{Kind, Place, Value};
use super::{Evaluator, bounds};
use crate::syntax::ast::{Comparison, Id};
use std::cmp::Ordering;

impl Evaluator<'_> {
    /// `a < b <= c …`
    pub(crate) fn comparison(
        &mut self,
        first: Id,
        rest: &[(Comparison, Id)],
        frame: &Frame,
        place: Place,
    ) -> Result<Value, Exception> {
        let mut left = self.evaluate(first, frame)?;
        let mut rests_on = left.rests_on;
        let mut unknown = None;
        for (operator, id) in rest {
            let right = self.evaluate(*id, frame)?;
            rests_on |= right.rests_on;
            match self.compare(*operator, &left, &right) {
                Some(false) if unknown.is_none() => {
                    return Ok(Value::bool(false).at(place).resting_on(rests_on));
                }
                Some(_) => {}
                None => {
                    let reason = match (&left.kind, &right.kind) {
                        (Kind::Unknown(why), _) | (_, Kind::Unknown(why)) => why.reason.clone(),
                        _ => "this comparison is not followed".to_owned(),
                    };
                    unknown = Some(self.unknown(reason, Some(place)));
                }
            }
            left = right;
        }
        Ok(unknown.unwrap_or_else(|| Value { origin: Some(place), ..Value::bool(true) }).resting_on(rests_on))
    }

    pub(super) fn compare(&self, operator: Comparison, left: &Value, right: &Value) -> Option<bool> {
        self.compared.set(0);
        match operator {
            Comparison::Equal => self.equal(left, right),
            Comparison::NotEqual => self.equal(left, right).map(|e| !e),
            Comparison::Is => self.identical(left, right),
            Comparison::IsNot => self.identical(left, right).map(|i| !i),
            Comparison::In => self.contains(right, left),
            Comparison::NotIn => self.contains(right, left).map(|c| !c),
            Comparison::Less => self.order(left, right).map(|o| o == Ordering::Less),
            Comparison::LessEqual => self.order(left, right).map(|o| o != Ordering::Greater),
            Comparison::Greater => self.order(left, right).map(|o| o == Ordering::Greater),
            Comparison::GreaterEqual => self.order(left, right).map(|o| o != Ordering::Less),
        }
    }

    /// Containers that hold each other many times over are compared only so far.
    pub(super) fn count_comparison(&self) -> Option<()> {
        self.compared.set(self.compared.get() + 1);
        (self.compared.get() < bounds::COMPARED).then_some(())
    }

    /// `a == b`, as far as it is known.
    pub(crate) fn equal(&self, left: &Value, right: &Value) -> Option<bool> {
        self.count_comparison()?;
        match (&left.kind, &right.kind) {
            (Kind::Unknown(_) | Kind::External(_) | Kind::Instance(_), _)
            | (_, Kind::Unknown(_) | Kind::External(_) | Kind::Instance(_)) => None,
            (Kind::Tuple(_), Kind::Tuple(_)) | (Kind::List(_), Kind::List(_)) => {
                let (a, b) = (left.sequence()?.ok()?, right.sequence()?.ok()?);
                if a.len() != b.len() {
                    return Some(false);
                }
                let mut result = Some(true);
                for (x, y) in a.iter().zip(&b) {
                    match self.equal(x, y) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => result = None,
                    }
                }
                result
            }
            (Kind::VersionInfo(..), _) | (_, Kind::VersionInfo(..)) => match self.order(left, right) {
                Some(Ordering::Equal) | None => None,
                Some(_) => Some(false),
            },
            (Kind::Dict(_) | Kind::Set(_), Kind::Dict(_) | Kind::Set(_)) => None,
            (Kind::Image(a), Kind::Image(b)) if a == b => Some(true),
            (Kind::Image(_), Kind::Image(_)) => None,
            _ => match (number(left), number(right)) {
                #[expect(clippy::float_cmp, reason = "Python compares exactly, too")]
                (Some(a), Some(b)) => Some(a.float() == b.float()),
                _ => match (left.key(), right.key()) {
                    (Some(a), Some(b)) => Some(a == b),
                    _ if plain(left) && plain(right) => Some(false),
                    _ => None,
                },
            },
        }
    }

    pub(super) fn identical(&self, left: &Value, right: &Value) -> Option<bool> {
        match (&left.kind, &right.kind) {
            (Kind::Unknown(_) | Kind::External(_), _) | (_, Kind::Unknown(_) | Kind::External(_)) => None,
            (Kind::None, Kind::None) => Some(true),
            (Kind::Bool(a), Kind::Bool(b)) => Some(a == b),
            (Kind::None | Kind::Bool(_), _) | (_, Kind::None | Kind::Bool(_)) => Some(false),
            _ => None,
        }
    }

    pub(super) fn contains(&self, container: &Value, item: &Value) -> Option<bool> {
        match (&container.kind, &item.kind) {
            (Kind::Str(s), Kind::Str(part)) => Some(s.contains(&**part)),
            (Kind::Dict(dict), _) => {
                let key = item.key()?;
                if dict.poison.borrow().is_some() {
                    None
                } else {
                    Some(dict.entries.borrow().get(&key).is_some())
                }
            }
            (Kind::Set(set), _) if set.poison.borrow().is_some() => None,
            (Kind::Set(set), _) => {
                let key = item.key()?;
                Some(set.values.borrow().iter().any(|v| v.key().as_ref() == Some(&key)))
            }
            _ => {
                let mut result = Some(false);
                for value in container.sequence()?.ok()? {
                    match self.equal(&value, item) {
                        Some(true) => return Some(true),
                        Some(false) => {}
                        None => result = None,
                    }
                }
                result
            }
        }
    }

    pub(crate) fn order(&self, left: &Value, right: &Value) -> Option<Ordering> {
        self.count_comparison()?;
        match (&left.kind, &right.kind) {
            (Kind::Str(a), Kind::Str(b)) => Some(a.chars().cmp(b.chars())),
            (Kind::VersionInfo(major, minor), Kind::Tuple(_)) => version_order(*major, *minor, right),
            (Kind::Tuple(_), Kind::VersionInfo(major, minor)) => {
                version_order(*major, *minor, left).map(Ordering::reverse)
            }
            (Kind::Tuple(_), Kind::Tuple(_)) | (Kind::List(_), Kind::List(_)) => {
                let (a, b) = (left.sequence()?.ok()?, right.sequence()?.ok()?);
                for (x, y) in a.iter().zip(&b) {
                    match self.order(x, y)? {
                        Ordering::Equal => {}
                        other => return Some(other),
                    }
                }
                Some(a.len().cmp(&b.len()))
            }
            _ => number(left)?.float().partial_cmp(&number(right)?.float()),
        }
    }
}

/// A value of which equality with other plain values is decided by type and content.
fn plain(value: &Value) -> bool {
    matches!(
        value.kind,
        Kind::None
            | Kind::Bool(_)
            | Kind::Int(_)
            | Kind::Float(_)
            | Kind::Str(_)
            | Kind::Bytes(_)
            | Kind::Tuple(_)
            | Kind::List(_)
            | Kind::Dict(_)
            | Kind::Path(_)
    )
}

fn version_order(major: u32, minor: u32, other: &Value) -> Option<Ordering> {
    let items = other.sequence()?.ok()?;
    let numbers: Vec<i64> = items
        .iter()
        .map(|i| if let Kind::Int(n) = i.kind { Some(n) } else { None })
        .collect::<Option<_>>()?;
    let own = [i64::from(major), i64::from(minor)];
    for (mine, theirs) in own.iter().zip(&numbers) {
        match mine.cmp(theirs) {
            Ordering::Equal => {}
            other => return Some(other),
        }
    }
    // The version goes on after these two numbers.
    if numbers.len() <= 2 { Some(Ordering::Greater) } else { None }
}
