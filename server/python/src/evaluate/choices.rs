//! Decisions that nobody can take: each opens another outcome of the file.

use std::sync::Arc;

use image_model::error::Unknown;
use image_model::origin::Site;

use super::value::{Kind, Place, Value};
use super::{Evaluator, bounds};

/// A decision taken on the way to an outcome.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Condition {
    /// The condition as the code has it.
    pub text: String,
    /// Where it stands.
    pub site: Site,
    /// How often it had been asked before.
    pub turn: usize,
    /// Whether it holds in this outcome.
    pub holds: bool,
}

impl Condition {
    /// The condition in words of the code: negated where it does not hold.
    #[must_use]
    pub fn shown(&self) -> String {
        if self.holds {
            return self.text.clone();
        }
        match self.text.strip_prefix("not ") {
            Some(rest) if !rest.contains(" and ") && !rest.contains(" or ") => rest.to_owned(),
            _ if self.text.chars().all(|c| c.is_alphanumeric() || "_.".contains(c)) => {
                format!("not {}", self.text)
            }
            _ => format!("not ({})", self.text),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Decision {
    pub(crate) place: Place,
    text: String,
    turn: usize,
    pub(crate) taken: bool,
}

impl Decision {
    pub(crate) fn condition(&self, site: Site) -> Condition {
        Condition { text: self.text.clone(), site, turn: self.turn, holds: self.taken }
    }
}

impl Evaluator<'_> {
    /// Whether a decision can open another outcome. In a body that runs nobody knows how often, in a function that
    /// nothing calls, and past the bound it cannot: then all branches are looked at, and nothing is certain.
    pub(crate) fn can_fork(&self) -> bool {
        self.weak.is_none() && !self.speculative && self.decisions.len() < bounds::OUTCOMES * 2
    }

    /// Takes a decision: the planned one, or `likely`. `None` where it cannot be taken.
    pub(crate) fn decide(&mut self, place: Place, text: &str, likely: bool) -> Option<bool> {
        if !self.can_fork() {
            return None;
        }
        let taken = self.plan.get(self.decisions.len()).copied().unwrap_or(likely);
        let turn = self.decisions.iter().filter(|d| d.place == place).count();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.decisions.push(Decision { place, text, turn, taken });
        Some(taken)
    }

    /// The truth of a condition, decided where it is not known or where it rests on the environment. `None` where it
    /// cannot be decided.
    pub(crate) fn decide_truth(&mut self, value: &Value, place: Place) -> Option<bool> {
        match self.truth(value) {
            Ok(truth) if value.rests_on == 0 => Some(truth),
            Ok(truth) => {
                let text = self.text(place).to_owned();
                let taken = self.decide(place, &text, truth)?;
                if taken != truth {
                    self.contradicted |= value.rests_on;
                }
                Some(taken)
            }
            Err(why) if matches!(value.kind, Kind::Unknown(_)) => self.decide_unknown(&why, place),
            Err(_) => {
                let text = self.text(place).to_owned();
                self.decide(place, &text, true)
            }
        }
    }

    /// One unknown value is decided once: asked again it answers the same.
    fn decide_unknown(&mut self, why: &Arc<Unknown>, place: Place) -> Option<bool> {
        let key = Arc::as_ptr(why);
        if let Some(taken) = self.decided_unknowns.get(&key) {
            return Some(*taken);
        }
        let text = self.text(place).to_owned();
        let taken = self.decide(place, &text, true)?;
        self.decided_unknowns.insert(key, taken);
        self.kept.push(Arc::clone(why));
        Some(taken)
    }

    /// `bool(value)`, or why it is not known.
    pub(crate) fn truth(&self, value: &Value) -> Result<bool, Arc<Unknown>> {
        if value.rests_on & self.contradicted != 0 {
            return Err(Arc::new(Unknown {
                reason: "it depends on an environment variable that is otherwise in this case".to_owned(),
                site: None,
            }));
        }
        Ok(match &value.kind {
            Kind::None => false,
            Kind::Bool(b) => *b,
            Kind::Int(i) => *i != 0,
            Kind::Float(f) => *f != 0.0,
            Kind::Str(s) => !s.is_empty(),
            Kind::Bytes(b) => !b.is_empty(),
            Kind::Tuple(items) => !items.is_empty(),
            Kind::List(items) if items.once => true,
            Kind::List(items) | Kind::Set(items) => match &*items.poison.borrow() {
                Some(why) => return Err(Arc::clone(why)),
                None => !items.values.borrow().is_empty(),
            },
            Kind::Dict(dict) => match &*dict.poison.borrow() {
                Some(why) => return Err(Arc::clone(why)),
                None => !dict.entries.borrow().pairs.is_empty(),
            },
            Kind::Unknown(why) => return Err(Arc::clone(why)),
            Kind::Instance(instance) => {
                let changed = ["__bool__", "__len__"].iter().any(|m| instance.class.find(m).is_some());
                if changed || instance.class.opaque.is_some() {
                    return Err(Arc::new(Unknown {
                        reason: format!("the truth of a {} is not followed", instance.class.name),
                        site: None,
                    }));
                }
                true
            }
            Kind::External(name) => match &**name {
                "typing.TYPE_CHECKING" | "typing_extensions.TYPE_CHECKING" => false,
                _ => {
                    return Err(Arc::new(Unknown { reason: format!("{name} is not known"), site: None }));
                }
            },
            _ => true,
        })
    }
}
