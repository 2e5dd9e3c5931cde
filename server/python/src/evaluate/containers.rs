//! Containers: what a loop over them gives, and their changes in place.

use super::exception::Exception;
use super::value::{Dict, Items, Kind, Place, Value};
use super::{Evaluator, bounds};
use image_model::error::Unknown;
use std::rc::Rc;
use std::sync::Arc;

impl Evaluator<'_> {
    /// The items that a loop over a value gives, or why they are not known.
    pub(crate) fn iterate(
        &mut self,
        value: &Value,
        place: Place,
    ) -> Result<Result<Vec<Value>, Arc<Unknown>>, Exception> {
        if value.rests_on & self.contradicted != 0 {
            let reason = "it depends on an environment variable that is otherwise in this case".to_owned();
            return Ok(Err(Arc::new(Unknown { reason, site: Some(self.site(place)) })));
        }
        if let Kind::List(items) = &value.kind
            && items.once
            && items.poison.borrow().is_none()
        {
            if let Some(why) = self.weak.clone() {
                self.poison(value, &why);
                return Ok(Err(why));
            }
            self.note_change(value);
            return Ok(Ok(std::mem::take(&mut *items.values.borrow_mut())));
        }
        if let Some(items) = value.sequence() {
            return Ok(items);
        }
        Ok(match &value.kind {
            Kind::Str(s) => Ok(s.chars().map(|c| Value::str(c.to_string())).collect()),
            Kind::Dict(dict) => match &*dict.poison.borrow() {
                Some(why) => Err(Arc::clone(why)),
                None => Ok(dict.entries.borrow().pairs.iter().map(|(k, _)| k.clone()).collect()),
            },
            Kind::Set(set) => match &*set.poison.borrow() {
                Some(why) => Err(Arc::clone(why)),
                None if set.values.borrow().len() < 2 => Ok(set.values.borrow().clone()),
                None => {
                    let reason = "the order of a set differs from run to run".to_owned();
                    Err(Arc::new(Unknown { reason, site: Some(self.site(place)) }))
                }
            },
            Kind::Unknown(why) => {
                self.may_raise("a loop over something unknown");
                Err(Arc::clone(why))
            }
            Kind::None | Kind::Int(_) | Kind::Float(_) | Kind::Bool(_) => {
                let message = format!("'{}' object is not iterable", value.type_name());
                return Err(Exception::new("TypeError", message, place));
            }
            _ => {
                self.may_raise("a loop");
                let reason = "what a loop over this gives is not followed".to_owned();
                Err(Arc::new(Unknown { reason, site: Some(self.site(place)) }))
            }
        })
    }

    pub(super) fn note_change(&mut self, container: &Value) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.changed.push(container.clone());
        }
    }

    /// Changes a list in place; in a loop over something unknown its content is unknown afterwards.
    pub(crate) fn change_items(
        &mut self,
        container: &Value,
        items: &Rc<Items>,
        change: impl FnOnce(&mut Vec<Value>),
    ) {
        self.note_change(container);
        if let Some(why) = self.weak.clone() {
            self.poison(container, &why);
            return;
        }
        if items.poison.borrow().is_none() {
            change(&mut items.values.borrow_mut());
            if items.values.borrow().len() > bounds::SIZE {
                let why = Arc::new(Unknown { reason: "it has too many items".to_owned(), site: None });
                self.poison(container, &why);
            }
        }
    }

    /// Changes a dictionary in place.
    pub(crate) fn change_dict(
        &mut self,
        container: &Value,
        dict: &Rc<Dict>,
        change: impl FnOnce(&mut super::value::Entries),
    ) {
        self.note_change(container);
        if let Some(why) = self.weak.clone() {
            self.poison(container, &why);
            return;
        }
        if dict.poison.borrow().is_none() {
            change(&mut dict.entries.borrow_mut());
        }
    }

    /// Makes the content of a container, and of what it holds, unknown.
    pub(crate) fn poison(&mut self, value: &Value, why: &Arc<Unknown>) {
        let mut pending = vec![value.clone()];
        let mut count = 0;
        while let Some(value) = pending.pop() {
            count += 1;
            if count > 10_000 {
                return;
            }
            match &value.kind {
                Kind::List(items) | Kind::Set(items) if items.poison.borrow().is_none() => {
                    *items.poison.borrow_mut() = Some(Arc::clone(why));
                    pending.extend(items.values.borrow().iter().cloned());
                }
                Kind::Dict(dict) if dict.poison.borrow().is_none() => {
                    *dict.poison.borrow_mut() = Some(Arc::clone(why));
                    pending.extend(dict.entries.borrow().pairs.iter().map(|(_, v)| v.clone()));
                }
                Kind::Instance(instance) if instance.poison.borrow().is_none() => {
                    *instance.poison.borrow_mut() = Some(Arc::clone(why));
                    pending.extend(instance.attributes.borrow().values().cloned());
                }
                Kind::Tuple(items) => pending.extend(items.iter().cloned()),
                _ => {}
            }
        }
    }

    /// `container[index] = value`
    pub(crate) fn set_item(&mut self, container: &Value, index: &Value, value: Value) {
        match &container.kind {
            Kind::Dict(dict) => match index.key() {
                Some(key) => {
                    let (name, dict) = (index.clone(), Rc::clone(dict));
                    self.change_dict(container, &dict, |entries| entries.set(key, name, value));
                }
                None => self.poison_changed(container, "it was changed at a key that is not known"),
            },
            Kind::List(items) => {
                let len = i64::try_from(items.values.borrow().len()).unwrap_or(0);
                let place = match index.kind {
                    Kind::Int(i) => usize::try_from(if i < 0 { i + len } else { i }).ok(),
                    _ => None,
                };
                match place.filter(|p| *p < items.values.borrow().len()) {
                    Some(place) => {
                        let items = Rc::clone(items);
                        self.change_items(container, &items, |values| values[place] = value);
                    }
                    None => self.poison_changed(container, "it was changed at a place that is not known"),
                }
            }
            Kind::External(name) if &**name == "os.environ" => self.environment_changed(index, Some(&value)),
            _ => self.poison_changed(container, "it was changed in a way that is not followed"),
        }
    }

    pub(crate) fn delete_item(&mut self, container: &Value, index: &Value) {
        match (&container.kind, index.key()) {
            (Kind::Dict(dict), Some(key)) => {
                let dict = Rc::clone(dict);
                self.change_dict(container, &dict, |entries| {
                    entries.remove(&key);
                });
            }
            (Kind::External(name), _) if &**name == "os.environ" => self.environment_changed(index, None),
            _ => self.poison_changed(container, "something was deleted from it"),
        }
    }

    pub(super) fn poison_changed(&mut self, container: &Value, reason: &str) {
        let site = container.origin.map(|p| self.site(p));
        let why = Arc::new(Unknown { reason: reason.to_owned(), site });
        self.note_change(container);
        self.poison(container, &why);
    }

    /// `container.update(other)`
    pub(crate) fn update_dict(&mut self, container: &Value, other: &Value) {
        let Kind::Dict(dict) = &container.kind else { return };
        match &other.kind {
            Kind::Dict(source) if source.poison.borrow().is_none() => {
                let pairs = source.entries.borrow().pairs.clone();
                let rests_on = other.rests_on;
                let dict = Rc::clone(dict);
                self.change_dict(container, &dict, |entries| {
                    for (name, value) in pairs {
                        if let Some(key) = name.key() {
                            entries.set(key, name, value.resting_on(rests_on));
                        }
                    }
                });
            }
            _ => self.poison_changed(container, "it was updated from something that is not known"),
        }
    }
}
