//! Methods of Python's own types.

use std::rc::Rc;
use std::sync::Arc;

use image_manifests::pytext;

use super::call::Call;
use super::exception::Exception;
use super::value::{Entries, Kind, Place, Value, again};
use super::{Evaluator, bounds};

impl Evaluator<'_> {
    /// `object.name(…)`
    pub(crate) fn call_method(
        &mut self,
        object: &Value,
        name: &str,
        call: Call,
        place: Place,
    ) -> Result<Value, Exception> {
        if let Kind::Image(id) = object.kind {
            return self.call_image_method(id, name, &call, place);
        }
        let rests_on = call.positional().iter().fold(object.rests_on, |bits, v| bits | v.rests_on);
        let unknown_argument = call.positional().iter().find_map(|v| match &v.kind {
            Kind::Unknown(why) => Some(Arc::clone(why)),
            _ => None,
        });
        let value = match &object.kind {
            _ if !call.is_closed() => None,
            Kind::Str(s) => {
                if let Some(why) = unknown_argument {
                    return Ok(Value::unknown_again(&why, Some(place)).resting_on(rests_on));
                }
                self.str_method(s, name, &call, place)?
            }
            Kind::List(_) => self.list_method(object, name, &call, place)?,
            Kind::Dict(_) => self.dict_method(object, name, &call, place)?,
            Kind::Set(_) => self.set_method(object, name, &call),
            Kind::Path(path) => {
                let path = path.clone();
                self.path_method(&path, name, &call, place)?
            }
            Kind::Environment(environment) if name == "clone_with" => {
                let environment = Rc::clone(environment);
                return self.clone_environment(&environment, &call, place);
            }
            Kind::Bytes(b) if name == "decode" => {
                String::from_utf8(b.to_vec()).ok().map(|s| Value::str(s).resting_on(rests_on))
            }
            _ => None,
        };
        match value {
            Some(value) => Ok(Value { origin: value.origin.or(Some(place)), ..value }.resting_on(rests_on)),
            None => {
                // What is not followed may change the object.
                if matches!(object.kind, Kind::List(_) | Kind::Dict(_) | Kind::Set(_) | Kind::Instance(_)) {
                    let why = Arc::new(image_model::error::Unknown {
                        reason: format!("it was changed by .{name}(), which is not followed"),
                        site: Some(self.site(place)),
                    });
                    self.poison(object, &why);
                }
                let reason = format!("the method {name} of {} is not followed", object.type_name());
                Ok(self.unknown_call(&call, &reason, place))
            }
        }
    }

    fn str_method(
        &mut self,
        s: &Arc<str>,
        name: &str,
        call: &Call,
        place: Place,
    ) -> Result<Option<Value>, Exception> {
        let text = |i: usize| match call.positional().get(i).map(|v| &v.kind) {
            Some(Kind::Str(t)) => Some(Arc::clone(t)),
            _ => None,
        };
        let number = |i: usize| match call.positional().get(i).map(|v| &v.kind) {
            Some(Kind::Int(n)) => Some(*n),
            _ => None,
        };
        let count = call.positional().len() + call.arguments.keywords.len();
        let strip_set = |i: usize| -> Option<Vec<char>> {
            match call.positional().get(i).map(|v| &v.kind) {
                None | Some(Kind::None) => Some(Vec::new()),
                Some(Kind::Str(t)) => Some(t.chars().collect()),
                _ => None,
            }
        };
        let strips = |set: Vec<char>| {
            move |c: char| if set.is_empty() { pytext::is_space(c) } else { set.contains(&c) }
        };
        let strings = |items: Vec<&str>| Value::list(items.into_iter().map(Value::str).collect());
        Ok(match (name, count) {
            ("upper", 0) => Some(Value::str(s.to_uppercase())),
            ("lower" | "casefold", 0) if name == "lower" || s.is_ascii() => {
                Some(Value::str(s.to_lowercase()))
            }
            ("capitalize", 0) if s.is_ascii() => {
                let mut lower = s.to_ascii_lowercase();
                if let Some(first) = lower.get_mut(0..1) {
                    first.make_ascii_uppercase();
                }
                Some(Value::str(lower))
            }
            ("strip", 0 | 1) => strip_set(0).map(|set| Value::str(s.trim_matches(strips(set)))),
            ("lstrip", 0 | 1) => strip_set(0).map(|set| Value::str(s.trim_start_matches(strips(set)))),
            ("rstrip", 0 | 1) => strip_set(0).map(|set| Value::str(s.trim_end_matches(strips(set)))),
            ("removeprefix", 1) => text(0).map(|p| Value::str(s.strip_prefix(&*p).unwrap_or(s))),
            ("removesuffix", 1) => text(0).map(|p| Value::str(s.strip_suffix(&*p).unwrap_or(s))),
            ("startswith" | "endswith", 1) => {
                let options: Option<Vec<Arc<str>>> = match call.positional().first().map(|v| &v.kind) {
                    Some(Kind::Str(t)) => Some(vec![Arc::clone(t)]),
                    Some(Kind::Tuple(items)) => items
                        .iter()
                        .map(|i| if let Kind::Str(t) = &i.kind { Some(Arc::clone(t)) } else { None })
                        .collect(),
                    _ => None,
                };
                options.map(|options| {
                    Value::bool(
                        options.iter().any(|o| {
                            if name == "startswith" { s.starts_with(&**o) } else { s.ends_with(&**o) }
                        }),
                    )
                })
            }
            ("replace", 2 | 3) => match (text(0), text(1), number(2)) {
                (Some(a), Some(b), None) if count == 2 && s.len() * b.len().max(1) < bounds::SIZE => {
                    Some(Value::str(s.replace(&*a, &b)))
                }
                (Some(a), Some(b), Some(n)) if n >= 0 && !a.is_empty() => {
                    Some(Value::str(s.replacen(&*a, &b, usize::try_from(n).unwrap_or(0))))
                }
                _ => None,
            },
            ("split" | "rsplit", 0) => {
                Some(strings(s.split(pytext::is_space).filter(|p| !p.is_empty()).collect()))
            }
            ("split", 1 | 2) => match (text(0), number(1)) {
                (Some(sep), _) if sep.is_empty() => {
                    return Err(Exception::new("ValueError", "empty separator", place));
                }
                (Some(sep), None) if count == 1 => Some(strings(s.split(&*sep).collect())),
                (Some(sep), Some(n)) if n >= 0 => {
                    Some(strings(s.splitn(usize::try_from(n).unwrap_or(0) + 1, &*sep).collect()))
                }
                _ => None,
            },
            ("rsplit", 1 | 2) => match (text(0), number(1)) {
                (Some(sep), _) if sep.is_empty() => {
                    return Err(Exception::new("ValueError", "empty separator", place));
                }
                (Some(sep), None) if count == 1 => Some(strings(s.split(&*sep).collect())),
                (Some(sep), Some(n)) if n >= 0 => {
                    let mut parts: Vec<&str> =
                        s.rsplitn(usize::try_from(n).unwrap_or(0) + 1, &*sep).collect();
                    parts.reverse();
                    Some(strings(parts))
                }
                _ => None,
            },
            ("splitlines", 0) => Some(strings(pytext::split_lines(s))),
            ("partition", 1) => text(0).filter(|sep| !sep.is_empty()).map(|sep| {
                let (a, b, c) = s.split_once(&*sep).map_or((&**s, "", ""), |(a, c)| (a, &*sep, c));
                Value::tuple(vec![Value::str(a), Value::str(b), Value::str(c)])
            }),
            ("rpartition", 1) => text(0).filter(|sep| !sep.is_empty()).map(|sep| {
                let (a, b, c) = s.rsplit_once(&*sep).map_or(("", "", &**s), |(a, c)| (a, &*sep, c));
                Value::tuple(vec![Value::str(a), Value::str(b), Value::str(c)])
            }),
            ("join", 1) => return self.join(s, &call.positional()[0], place).map(Some),
            ("format", _) => Some(self.format_method(s, call, place)),
            ("zfill", 1) => number(0).filter(|n| (0..10_000).contains(n)).map(|n| {
                let width = usize::try_from(n).unwrap_or(0);
                let (sign, digits) = match s.chars().next() {
                    Some(c @ ('+' | '-')) => (c.to_string(), &s[1..]),
                    _ => (String::new(), &**s),
                };
                let missing = width.saturating_sub(s.chars().count());
                Value::str(format!("{sign}{}{digits}", "0".repeat(missing)))
            }),
            ("find", 1) => text(0).map(|t| match s.find(&*t) {
                Some(at) => Value::size(s[..at].chars().count()),
                None => Value::int(-1),
            }),
            ("count", 1) => text(0).filter(|t| !t.is_empty()).map(|t| Value::size(s.matches(&*t).count())),
            ("isdigit" | "isdecimal" | "isnumeric", 0) if s.is_ascii() => {
                Some(Value::bool(!s.is_empty() && s.chars().all(|c| c.is_ascii_digit())))
            }
            ("isupper", 0) if s.is_ascii() => Some(Value::bool(
                s.chars().any(|c| c.is_ascii_uppercase()) && !s.chars().any(|c| c.is_ascii_lowercase()),
            )),
            ("islower", 0) if s.is_ascii() => Some(Value::bool(
                s.chars().any(|c| c.is_ascii_lowercase()) && !s.chars().any(|c| c.is_ascii_uppercase()),
            )),
            ("encode", 0) => Some(Kind::Bytes(s.as_bytes().into()).into()),
            _ => None,
        })
    }

    fn join(&mut self, separator: &str, items: &Value, place: Place) -> Result<Value, Exception> {
        let items = match self.iterate(items, place)? {
            Ok(items) => items,
            Err(why) => return Ok(again(&why).into()),
        };
        let mut text = String::new();
        let mut rests_on = 0;
        for (i, item) in items.iter().enumerate() {
            rests_on |= item.rests_on;
            if i > 0 {
                text.push_str(separator);
            }
            match &item.kind {
                Kind::Str(s) => text.push_str(s),
                Kind::Unknown(why) => return Ok(Value::unknown_again(why, item.origin).resting_on(rests_on)),
                Kind::External(_) | Kind::Instance(_) => {
                    return Ok(self.unknown("what is joined here is not followed", Some(place)));
                }
                _ => {
                    let message =
                        format!("sequence item {i}: expected str instance, {} found", item.type_name());
                    return Err(Exception::new("TypeError", message, place));
                }
            }
            if text.len() > bounds::SIZE {
                return Ok(self.unknown("it is too long to follow", Some(place)));
            }
        }
        Ok(Value::str(text).resting_on(rests_on))
    }

    fn list_method(
        &mut self,
        object: &Value,
        name: &str,
        call: &Call,
        place: Place,
    ) -> Result<Option<Value>, Exception> {
        let Kind::List(items) = &object.kind else { return Ok(None) };
        let items = Rc::clone(items);
        let first = call.positional().first().cloned();
        let poisoned = items.poison.borrow().clone();
        match (name, first, call.positional().len()) {
            ("append", Some(value), 1) => {
                self.change_items(object, &items, |values| values.push(value));
            }
            ("extend", Some(value), 1) => match self.iterate(&value, place)? {
                Ok(more) => {
                    let rests_on = value.rests_on;
                    self.change_items(object, &items, |values| {
                        values.extend(more.into_iter().map(|v| v.resting_on(rests_on)));
                    });
                }
                Err(why) => self.poison(object, &why),
            },
            ("insert", Some(Value { kind: Kind::Int(at), .. }), 2) => {
                let value = call.positional()[1].clone();
                self.change_items(object, &items, |values| {
                    let len = i64::try_from(values.len()).unwrap_or(i64::MAX);
                    let at = (if at < 0 { at.saturating_add(len) } else { at }).clamp(0, len);
                    values.insert(usize::try_from(at).unwrap_or(0), value);
                });
            }
            ("clear", None, 0) => self.change_items(object, &items, Vec::clear),
            ("reverse", None, 0) => self.change_items(object, &items, |values| values.reverse()),
            ("copy", None, 0) => {
                return Ok(Some(match object.sequence() {
                    Some(Ok(values)) => Value::list(values),
                    _ => again(&poisoned.unwrap_or_else(|| self.reason("a list that is not known"))).into(),
                }));
            }
            ("pop", None, 0) if poisoned.is_none() && self.weak.is_none() => {
                let mut last = None;
                self.change_items(object, &items, |values| last = values.pop());
                return match last {
                    Some(value) => Ok(Some(value)),
                    None => Err(Exception::new("IndexError", "pop from empty list", place)),
                };
            }
            ("sort", None, 0) if call.arguments.keywords.is_empty() && poisoned.is_none() => {
                let values = items.values.borrow().clone();
                match self.sorted(values) {
                    Some(sorted) => self.change_items(object, &items, |values| *values = sorted),
                    None => return Ok(None),
                }
            }
            ("count" | "index", ..) => {
                return Ok(Some(self.unknown("this method is not followed", Some(place))));
            }
            _ => return Ok(None),
        }
        Ok(Some(Value::none()))
    }

    fn reason(&self, text: &str) -> Arc<image_model::error::Unknown> {
        Arc::new(image_model::error::Unknown { reason: text.to_owned(), site: None })
    }

    /// Strings or numbers in order.
    pub(crate) fn sorted(&self, mut values: Vec<Value>) -> Option<Vec<Value>> {
        if values.iter().all(|v| matches!(v.kind, Kind::Str(_))) {
            values.sort_by(|a, b| match (&a.kind, &b.kind) {
                (Kind::Str(a), Kind::Str(b)) => a.chars().cmp(b.chars()),
                _ => std::cmp::Ordering::Equal,
            });
            return Some(values);
        }
        if values.len() > 2000 {
            return None;
        }
        self.compared.set(0);
        // Anything else is sorted only where every pair has a known order.
        for (i, a) in values.iter().enumerate() {
            for b in &values[i + 1..] {
                self.order(a, b)?;
            }
        }
        values.sort_by(|a, b| self.order(a, b).unwrap_or(std::cmp::Ordering::Equal));
        Some(values)
    }

    fn dict_method(
        &mut self,
        object: &Value,
        name: &str,
        call: &Call,
        place: Place,
    ) -> Result<Option<Value>, Exception> {
        let Kind::Dict(dict) = &object.kind else { return Ok(None) };
        let dict = Rc::clone(dict);
        let poisoned = dict.poison.borrow().clone();
        if let (Some(why), true) =
            (&poisoned, matches!(name, "get" | "items" | "keys" | "values" | "copy" | "pop" | "setdefault"))
        {
            return Ok(Some(Value::unknown_again(why, object.origin).resting_on(0)));
        }
        let pairs = || dict.entries.borrow().pairs.clone();
        let key = call.positional().first().map(Value::key);
        let default = call.positional().get(1).cloned();
        Ok(Some(match (name, key) {
            ("items", None) => {
                Value::list(pairs().into_iter().map(|(k, v)| Value::tuple(vec![k, v])).collect())
            }
            ("keys", None) => Value::list(pairs().into_iter().map(|(k, _)| k).collect()),
            ("values", None) => Value::list(pairs().into_iter().map(|(_, v)| v).collect()),
            ("copy", None) => Value::dict(dict.entries.borrow().clone()),
            ("clear", None) => {
                self.change_dict(object, &dict, |entries| *entries = Entries::default());
                Value::none()
            }
            ("get", Some(Some(key))) => {
                let found = dict.entries.borrow().get(&key).cloned();
                found.or(default).unwrap_or_else(Value::none)
            }
            ("setdefault", Some(Some(key))) => {
                let found = dict.entries.borrow().get(&key).cloned();
                match found {
                    Some(value) => value,
                    None => {
                        let (name, value) =
                            (call.positional()[0].clone(), default.unwrap_or_else(Value::none));
                        let stored = value.clone();
                        self.change_dict(object, &dict, |entries| entries.set(key, name, stored));
                        value
                    }
                }
            }
            ("pop", Some(Some(key))) if self.weak.is_none() => {
                let mut removed = None;
                self.change_dict(object, &dict, |entries| removed = entries.remove(&key));
                match removed.or(default) {
                    Some(value) => value,
                    None => {
                        let (shown, _) = self.to_model(&call.positional()[0]);
                        return Err(Exception::new("KeyError", shown.repr().unwrap_or_default(), place));
                    }
                }
            }
            ("update", _) => {
                if let Some(other) = call.positional().first() {
                    self.update_dict(object, other);
                }
                for (name, value) in &call.arguments.keywords {
                    self.set_item(object, &Value::str(name.as_str()), value.clone());
                }
                Value::none()
            }
            ("get" | "setdefault" | "pop", Some(None)) => {
                return Ok(Some(self.unknown("a key that is not known", Some(place))));
            }
            _ => return Ok(None),
        }))
    }

    fn set_method(&mut self, object: &Value, name: &str, call: &Call) -> Option<Value> {
        let Kind::Set(items) = &object.kind else { return None };
        let items = Rc::clone(items);
        match (name, call.positional()) {
            ("add", [value]) if value.key().is_some() => {
                let value = value.clone();
                self.change_items(object, &items, |values| {
                    if !values.iter().any(|v| v.key() == value.key()) {
                        values.push(value);
                    }
                });
                Some(Value::none())
            }
            _ => None,
        }
    }
}
