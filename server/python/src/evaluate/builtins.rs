//! Functions of Python and its standard library that image definitions use.

use std::rc::Rc;
use std::sync::Arc;

use image_manifests::pytext;
use image_model::error::Unknown;
use image_model::world::Fact;

use super::call::{Call, Frame};
use super::exception::{self, Exception};
use super::value::{Class, Entries, Instance, Kind, Place, Value, again};
use super::{Evaluator, bounds};

impl Evaluator<'_> {
    /// Calls that see the names around them: nothing is known of those afterwards.
    pub(crate) fn scope_call(&mut self, function: &Value, frame: &Frame, place: Place) -> Option<Value> {
        let Kind::External(name) = &function.kind else { return None };
        if &**name == "builtins.super" {
            // What the base class's method does to the object is not followed.
            let why = Arc::new(Unknown {
                reason: "super() was called on it, which is not followed".to_owned(),
                site: Some(self.site(place)),
            });
            if let Some(object) = frame.first_parameter() {
                self.poison(&object, &why);
            }
            return Some(Kind::Unknown(why).into());
        }
        if !matches!(&**name, "builtins.exec" | "builtins.globals" | "builtins.locals" | "builtins.vars") {
            return None;
        }
        let reason = format!("{}() was called, which can change any name", &name["builtins.".len()..]);
        if &**name == "builtins.exec" || &**name == "builtins.globals" {
            let scope = self.modules.get(frame.module).map(|m| Rc::clone(&m.scope));
            for (name, _) in scope.iter().flat_map(|s| s.entries()) {
                let value = self.unknown(reason.clone(), Some(place));
                if let Some(scope) = &scope {
                    scope.set(&name, value);
                }
            }
        }
        Some(self.unknown(reason, Some(place)))
    }

    /// `name.attribute` of something external.
    pub(crate) fn external_attribute(&mut self, dotted: &Arc<str>, name: &Arc<str>, place: Place) -> Value {
        let full = format!("{dotted}.{name}");
        match full.as_str() {
            "sys.version_info" => match self.environment.python_version {
                Some((major, minor)) => {
                    let bit = self.assume_fact(Fact::PythonVersion);
                    Value::from(Kind::VersionInfo(major, minor)).resting_on(bit)
                }
                None => self.unknown("no Python interpreter was found", Some(place)),
            },
            "sys.platform" => self.assumed_text(full, |p| if p == "macos" { "darwin" } else { p }),
            "os.sep" => Value::str("/"),
            "os.linesep" => Value::str("\n"),
            "os.name" => Value::str("posix"),
            "string.ascii_lowercase" => Value::str("abcdefghijklmnopqrstuvwxyz"),
            _ => self.external_value(full, place),
        }
    }

    pub(super) fn assumed_text(&mut self, what: String, of: impl Fn(&'static str) -> &'static str) -> Value {
        let value = of(std::env::consts::OS);
        let bit = self.assume(format!("{what} is {}", pytext::repr_str(value)));
        Value::str(value).resting_on(bit)
    }

    /// `os.environ[…]`, and subscripts of types.
    pub(crate) fn external_subscript(&mut self, name: &str, index: &Value, place: Place) -> Value {
        if name == "os.environ"
            && let Kind::Str(variable) = &index.kind
        {
            return self.environment_variable(variable, None, place);
        }
        // `list[str]`, `Optional[int]`: the type stays what it is.
        if name.starts_with("typing.") || matches!(name, "builtins.list" | "builtins.dict" | "builtins.tuple")
        {
            return Value::external(name);
        }
        self.may_raise(name);
        self.unknown(format!("{name}[…] is not known"), Some(place))
    }

    /// The value of an environment variable: what it is where this program runs, else the code's default.
    pub(super) fn environment_variable(&mut self, name: &str, default: Option<Value>, place: Place) -> Value {
        if let Some(changed) = self.changed_variables.get(name).cloned() {
            return changed;
        }
        if self.environment_unknown {
            return self.unknown(
                "the code changes environment variables in a way that is not followed",
                Some(place),
            );
        }
        match self.facts.variables.get(name).cloned() {
            Some(value) => {
                let bit =
                    self.assume(format!("the environment variable {name} is {}", pytext::repr_str(&value)));
                Value { origin: Some(place), ..Value::str(value) }.resting_on(bit)
            }
            None => match default {
                Some(default) => {
                    let bit = self.assume(format!("the environment variable {name} is not set"));
                    default.resting_on(bit)
                }
                None => {
                    self.may_raise(&format!("os.environ[{}]", pytext::repr_str(name)));
                    self.unknown(format!("the environment variable {name} is not set here"), Some(place))
                }
            },
        }
    }

    /// `os.environ[name] = value` in the code.
    pub(crate) fn environment_changed(&mut self, name: &Value, value: Option<&Value>) {
        let Kind::Str(name) = &name.kind else { return };
        let value = match (value, &self.weak) {
            (Some(value), None) => value.clone(),
            _ => self.unknown(format!("the code changes the environment variable {name}"), None),
        };
        if name.starts_with("FLYTE_IMAGE_") {
            // flyte reads its configuration once, at the first use; whether that was before is not followed.
            self.environment.registry = None;
        }
        self.changed_variables.insert(name.to_string(), value);
    }

    /// Calls something external, by its dotted name.
    pub(crate) fn call_external(&mut self, name: &str, call: Call, place: Place) -> Result<Value, Exception> {
        if name == "builtins.object.__setattr__"
            && let Some(Value { kind: Kind::Image(id), .. }) = call.positional().first()
        {
            let what = call.positional().get(1).and_then(|v| self.str(v)).unwrap_or_default();
            self.tamper(*id, &what);
            return Ok(Value::none());
        }
        if let Some(result) = self.call_flyte(name, &call, place) {
            return result;
        }
        let rests_on = call.positional().iter().fold(0, |bits, v| bits | v.rests_on);
        let result = match name.strip_prefix("builtins.") {
            Some(builtin) => self.call_builtin(builtin, &call, place)?,
            None => self.call_library(name, &call, place)?,
        };
        Ok(match result {
            Some(value) => Value { origin: value.origin.or(Some(place)), ..value }.resting_on(rests_on),
            None if is_harmless(name) => {
                self.may_raise(name);
                self.unknown(format!("{name}() is not followed"), Some(place))
            }
            None => self.unknown_call(&call, &format!("{name}() is not followed"), place),
        })
    }

    pub(super) fn call_builtin(
        &mut self,
        name: &str,
        call: &Call,
        place: Place,
    ) -> Result<Option<Value>, Exception> {
        if let Some(class) = exception::builtin(name) {
            return Ok(Some(self.exception_object(class, call, place)));
        }
        if !call.is_closed() {
            return Ok(None);
        }
        let arguments = call.positional();
        if let Some(Value { kind: Kind::Unknown(why), .. }) = arguments.first()
            && !matches!(name, "print" | "isinstance" | "type" | "getattr" | "hasattr" | "open")
        {
            self.may_raise(name);
            return Ok(Some(again(why).into()));
        }
        Ok(match (name, arguments) {
            ("print", _) => Some(Value::none()),
            ("str", []) => Some(Value::str("")),
            ("str", [value]) => self.str(value).map(Value::str),
            ("repr", [value]) => self.repr(value).map(Value::str),
            ("int", [Value { kind: Kind::Str(s), .. }]) => {
                match pytext::strip(s).replace('_', "").parse::<i64>() {
                    Ok(i) => Some(Value::int(i)),
                    Err(_) if s.len() < 18 && !s.contains('_') => {
                        let message =
                            format!("invalid literal for int() with base 10: {}", pytext::repr_str(s));
                        return Err(Exception::new("ValueError", message, place));
                    }
                    Err(_) => None,
                }
            }
            ("int", [Value { kind: Kind::Int(i), .. }]) => Some(Value::int(*i)),
            ("int", [Value { kind: Kind::Bool(b), .. }]) => Some(Value::int(i64::from(*b))),
            ("float", [Value { kind: Kind::Float(f), .. }]) => Some(Kind::Float(*f).into()),
            ("bool", [value]) => self.truth(value).ok().map(Value::bool),
            ("len", [Value { kind: Kind::Str(s), .. }]) => Some(Value::size(s.chars().count())),
            ("len", [value]) => match &value.kind {
                Kind::Set(set) if set.poison.borrow().is_none() => {
                    Some(Value::size(set.values.borrow().len()))
                }
                Kind::List(items) if items.once => None,
                _ => match self.iterate(value, place) {
                    Ok(Ok(items)) => Some(Value::size(items.len())),
                    _ => None,
                },
            },
            ("list", []) => Some(Value::list(Vec::new())),
            ("tuple", []) => Some(Value::tuple(Vec::new())),
            ("set" | "frozenset", []) => Some(Value::set(Vec::new())),
            (
                "list" | "tuple" | "set" | "frozenset" | "sorted" | "reversed" | "enumerate" | "iter",
                [value, ..],
            ) => {
                return self.collect_items(name, value, call, place).map(Some);
            }
            ("dict", []) => {
                let dict = Value::dict(Entries::default());
                for (name, value) in &call.arguments.keywords {
                    self.set_item(&dict, &Value::str(name.as_str()), value.clone());
                }
                Some(dict)
            }
            ("dict", [value]) => self.dict_of(value, call, place)?,
            ("range", _) => self.range(arguments),
            ("zip", _) if call.arguments.keywords.is_empty() => return self.zip(arguments, place).map(Some),
            ("map", [function, value]) => {
                let items = match self.iterate(value, place)? {
                    Ok(items) if items.len() <= bounds::TURNS => items,
                    _ => return Ok(None),
                };
                let function = function.clone();
                let mut mapped = Vec::new();
                for item in items {
                    mapped.push(self.call_value(&function, Call::of(vec![item]), place)?);
                }
                Some(Value::iterator(mapped))
            }
            ("any" | "all", [value]) => match self.iterate(value, place)? {
                Ok(items) => {
                    let truths: Result<Vec<bool>, _> = items.iter().map(|i| self.truth(i)).collect();
                    truths.ok().map(|t| {
                        Value::bool(if name == "any" { t.contains(&true) } else { !t.contains(&false) })
                    })
                }
                Err(_) => None,
            },
            ("min" | "max" | "sum" | "abs" | "round", _) => None,
            ("isinstance", [value, class]) => self.is_instance(value, class).map(Value::bool),
            ("getattr", [object, Value { kind: Kind::Str(attribute), .. }]) => {
                let (object, attribute) = (object.clone(), Arc::clone(attribute));
                return self.attribute(&object, &attribute, place).map(Some);
            }
            ("getattr", [object, Value { kind: Kind::Str(attribute), .. }, default]) => {
                let (object, attribute, default) = (object.clone(), Arc::clone(attribute), default.clone());
                match self.has_image_attribute(&object, &attribute) {
                    Some(true) => return self.attribute(&object, &attribute, place).map(Some),
                    Some(false) => return Ok(Some(default)),
                    None => {}
                }
                let found = self.attribute(&object, &attribute, place)?;
                match (&object.kind, &found.kind) {
                    (Kind::Instance(i), Kind::Unknown(_))
                        if i.poison.borrow().is_none() && i.class.opaque.is_none() =>
                    {
                        Some(default)
                    }
                    (Kind::Unknown(_) | Kind::External(_), _) => None,
                    _ => Some(found),
                }
            }
            ("hasattr", [object, Value { kind: Kind::Str(attribute), .. }]) => {
                self.has_image_attribute(object, attribute).map(|has| {
                    let bit = self.assume_fact(Fact::FlyteVersion);
                    Value::bool(has).resting_on(bit)
                })
            }
            ("setattr", [object, Value { kind: Kind::Str(attribute), .. }, value]) => {
                let (object, attribute, value) = (object.clone(), Arc::clone(attribute), value.clone());
                self.set_attribute(&object, &attribute, value);
                Some(Value::none())
            }
            ("object", []) => None,
            ("exit" | "quit", _) => return Err(Exception::new("SystemExit", "", place)),
            _ => None,
        })
    }

    /// An exception object, as an instance of a class without a scope around it.
    pub(super) fn exception_object(&self, class: &'static str, call: &Call, place: Place) -> Value {
        let class = Class {
            name: class.into(),
            bases: Vec::new(),
            attributes: Rc::default(),
            fields: None,
            opaque: None,
            environment: None,
            exception: Some(class.into()),
        };
        let message = call.positional().first().and_then(|v| self.str(v));
        let mut attributes = std::collections::HashMap::new();
        if let Some(message) = message {
            attributes.insert("__message__".into(), Value::str(message));
        }
        let instance = Instance {
            class: Rc::new(class),
            attributes: std::cell::RefCell::new(attributes),
            poison: std::cell::RefCell::default(),
        };
        Value::from(Kind::Instance(Rc::new(instance))).at(place)
    }

    pub(super) fn collect_items(
        &mut self,
        name: &str,
        value: &Value,
        call: &Call,
        place: Place,
    ) -> Result<Value, Exception> {
        // A set's order does not matter where it is sorted or put into a set again.
        let sorts = matches!(name, "sorted" | "set" | "frozenset");
        let items = match &value.kind {
            Kind::Set(set) if sorts && set.poison.borrow().is_none() => Ok(set.values.borrow().clone()),
            _ => self.iterate(value, place)?,
        };
        let items = match items {
            Ok(items) => items,
            Err(why) => return Ok(again(&why).into()),
        };
        let plain = call.arguments.keywords.is_empty() && call.positional().len() == 1;
        Ok(match name {
            "list" if plain => Value::list(items),
            "iter" if plain => Value::iterator(items),
            "tuple" if plain => Value::tuple(items),
            "set" | "frozenset" if plain => self.set_of(items, place),
            "reversed" if plain => Value::iterator(items.into_iter().rev().collect()),
            "sorted" if plain => match self.sorted(items) {
                Some(items) => Value::list(items),
                None => self.unknown("how these sort is not followed", Some(place)),
            },
            "enumerate" => {
                let start = match call.get(1, "start").map(|v| &v.kind) {
                    None => 0,
                    Some(Kind::Int(i)) => *i,
                    Some(_) => return Ok(self.unknown("the start of enumerate is not known", Some(place))),
                };
                let pairs = (start..).zip(items).map(|(i, item)| Value::tuple(vec![Value::int(i), item]));
                Value::iterator(pairs.collect())
            }
            _ => self.unknown(format!("{name}() with options is not followed"), Some(place)),
        })
    }

    pub(super) fn dict_of(
        &mut self,
        value: &Value,
        call: &Call,
        place: Place,
    ) -> Result<Option<Value>, Exception> {
        let dict = Value::dict(Entries::default());
        if matches!(value.kind, Kind::Dict(_)) {
            self.update_dict(&dict, value);
        } else {
            let Ok(items) = self.iterate(value, place)? else { return Ok(None) };
            for item in items {
                match item.sequence() {
                    Some(Ok(pair)) if pair.len() == 2 => self.set_item(&dict, &pair[0], pair[1].clone()),
                    _ => return Ok(None),
                }
            }
        }
        for (name, value) in &call.arguments.keywords {
            self.set_item(&dict, &Value::str(name.as_str()), value.clone());
        }
        Ok(Some(dict))
    }

    pub(super) fn range(&self, arguments: &[Value]) -> Option<Value> {
        let numbers: Vec<i64> = arguments
            .iter()
            .map(|a| if let Kind::Int(i) = a.kind { Some(i) } else { None })
            .collect::<Option<_>>()?;
        let (start, stop, step) = match numbers.as_slice() {
            [stop] => (0, *stop, 1),
            [start, stop] => (*start, *stop, 1),
            [start, stop, step] if *step != 0 => (*start, *stop, *step),
            _ => return None,
        };
        let mut items = Vec::new();
        let mut at = start;
        while (step > 0 && at < stop) || (step < 0 && at > stop) {
            if items.len() > bounds::TURNS {
                return None;
            }
            items.push(Value::int(at));
            at = at.checked_add(step)?;
        }
        Some(Value::list(items))
    }

    pub(super) fn zip(&mut self, arguments: &[Value], place: Place) -> Result<Value, Exception> {
        let mut columns = Vec::new();
        for argument in arguments {
            match self.iterate(argument, place)? {
                Ok(items) => columns.push(items),
                Err(why) => return Ok(again(&why).into()),
            }
        }
        let length = columns.iter().map(Vec::len).min().unwrap_or(0);
        let rows = (0..length).map(|i| Value::tuple(columns.iter().map(|c| c[i].clone()).collect()));
        Ok(Value::iterator(rows.collect()))
    }

    pub(super) fn is_instance(&self, value: &Value, class: &Value) -> Option<bool> {
        if let Kind::Tuple(classes) = &class.kind {
            let answers: Vec<Option<bool>> = classes.iter().map(|c| self.is_instance(value, c)).collect();
            if answers.contains(&Some(true)) {
                return Some(true);
            }
            return if answers.contains(&None) { None } else { Some(false) };
        }
        match (&class.kind, &value.kind) {
            (_, Kind::Unknown(_) | Kind::External(_)) => None,
            (Kind::Class(class), Kind::Instance(instance)) => Some(instance.class.derives_from(class)),
            (Kind::External(name), kind) => {
                let own = match kind {
                    Kind::Bool(_) => &["builtins.bool", "builtins.int"][..],
                    Kind::Int(_) => &["builtins.int"],
                    Kind::Float(_) => &["builtins.float"],
                    Kind::Str(_) => &["builtins.str"],
                    Kind::Bytes(_) => &["builtins.bytes"],
                    Kind::List(_) => &["builtins.list"],
                    Kind::Tuple(_) => &["builtins.tuple"],
                    Kind::Dict(_) => &["builtins.dict"],
                    Kind::Set(_) => &["builtins.set"],
                    Kind::Path(_) => {
                        &["pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "os.PathLike"]
                    }
                    Kind::None => &[],
                    Kind::Image(_) => &["flyte.Image"],
                    _ => return None,
                };
                if own.contains(&&**name) {
                    return Some(true);
                }
                let plain =
                    name.starts_with("builtins.") || name.starts_with("pathlib.") || &**name == "flyte.Image";
                if plain && &**name != "builtins.object" { Some(false) } else { None }
            }
            _ => None,
        }
    }
}

/// Functions that leave their arguments as they are.
fn is_harmless(name: &str) -> bool {
    const PREFIXES: &[&str] = &[
        "logging.",
        "json.dumps",
        "os.",
        "pathlib.",
        "platform.",
        "re.",
        "time.",
        "datetime.",
        "uuid.",
        "hashlib.",
        "importlib.",
        "subprocess.",
        "warnings.",
        "typing.",
        "socket.",
        "getpass.",
        "math.",
        "string.",
        "shutil.",
        "glob.",
        "tempfile.",
        "sys.",
        "inspect.",
        "builtins.len",
        "builtins.str",
        "builtins.repr",
        "builtins.min",
        "builtins.max",
        "builtins.sum",
        "builtins.abs",
        "builtins.round",
        "builtins.isinstance",
        "builtins.issubclass",
        "builtins.hasattr",
        "builtins.getattr",
        "builtins.type",
        "builtins.id",
        "builtins.hash",
        "builtins.bool",
        "builtins.int",
        "builtins.float",
        "builtins.open",
        "builtins.print",
        "builtins.input",
        "builtins.any",
        "builtins.all",
        "builtins.callable",
        "builtins.list",
        "builtins.tuple",
        "builtins.set",
        "builtins.dict",
        "builtins.sorted",
        "builtins.frozenset",
        "builtins.filter",
        "textwrap.",
        "shlex.",
        "flyte.",
    ];
    PREFIXES.iter().any(|p| name.starts_with(p))
}
