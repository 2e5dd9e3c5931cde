//! The evaluator's values: known, or unknown with the reason, and always with the place they came from.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use image_model::error::Unknown;
use image_model::layer::Layer;
use image_model::path::PyPath;
use image_model::secret::Secret;

use super::scope::Scope;
use crate::syntax::ast::{Function, Span};

/// A place in a loaded module.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// Which of the evaluator's modules.
    pub(crate) module: usize,
    /// Where in it.
    pub(crate) span: Span,
}

/// The assumptions that a value rests on, as a set of bits.
pub(crate) type Assumptions = u64;

/// A value.
#[derive(Clone)]
pub(crate) struct Value {
    pub(crate) kind: Kind,
    /// Where it was written.
    pub(crate) origin: Option<Place>,
    /// What it rests on beyond the code.
    pub(crate) rests_on: Assumptions,
    /// Values that it holds, counted as often as they occur.
    pub(crate) weight: u32,
}

/// The most values that a tuple may hold, all told.
const MAX_WEIGHT: u32 = 1 << 20;

/// What a value is.
#[derive(Clone)]
pub(crate) enum Kind {
    None,
    Ellipsis,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Arc<str>),
    Bytes(Arc<[u8]>),
    Tuple(Rc<[Value]>),
    List(Rc<Items>),
    Set(Rc<Items>),
    Dict(Rc<Dict>),
    Path(PyPath),
    /// `sys.version_info`: its first two numbers are known.
    VersionInfo(u32, u32),
    Slice(Rc<[Option<Value>; 3]>),
    /// A module of the workspace.
    Module(usize),
    /// Something of a library, by its dotted name: `flyte.Image`, `os.path.join`, `torch`.
    External(Arc<str>),
    /// A method of a value: `"a".upper`.
    Method(Rc<Value>, Arc<str>),
    Function(Rc<Closure>),
    /// A function bound to its first argument.
    Bound(Rc<Value>, Rc<Closure>),
    Class(Rc<Class>),
    Instance(Rc<Instance>),
    /// An image, by its number.
    Image(usize),
    Secret(Arc<Secret>),
    Layer(Arc<Layer>),
    /// `TaskEnvironment` and its like.
    Environment(Rc<EnvironmentObject>),
    Unknown(Arc<Unknown>),
}

/// A list or a set.
#[derive(Default)]
pub(crate) struct Items {
    pub(crate) values: RefCell<Vec<Value>>,
    /// Why its content is no longer known.
    pub(crate) poison: RefCell<Option<Arc<Unknown>>>,
    /// An iterator: it gives its items once, and has no length.
    pub(crate) once: bool,
}

/// What makes two dictionary keys the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    None,
    Int(i64),
    Float(u64),
    Str(Arc<str>),
    Bytes(Arc<[u8]>),
    Path(PyPath),
    Tuple(Vec<Key>),
}

/// A dictionary, in order of insertion.
#[derive(Default)]
pub(crate) struct Dict {
    pub(crate) entries: RefCell<Entries>,
    /// Why its content is no longer known.
    pub(crate) poison: RefCell<Option<Arc<Unknown>>>,
}

/// The entries of a dictionary, with an index.
#[derive(Default, Clone)]
pub(crate) struct Entries {
    pub(crate) pairs: Vec<(Value, Value)>,
    index: HashMap<Key, usize>,
}

impl Entries {
    pub(crate) fn get(&self, key: &Key) -> Option<&Value> {
        self.index.get(key).and_then(|i| self.pairs.get(*i)).map(|(_, v)| v)
    }

    pub(crate) fn set(&mut self, key: Key, name: Value, value: Value) {
        match self.index.get(&key).and_then(|i| self.pairs.get_mut(*i)) {
            Some(pair) => pair.1 = value,
            None => {
                self.index.insert(key, self.pairs.len());
                self.pairs.push((name, value));
            }
        }
    }

    pub(crate) fn remove(&mut self, key: &Key) -> Option<Value> {
        let place = self.index.remove(key)?;
        let (_, value) = self.pairs.remove(place);
        for slot in self.index.values_mut() {
            if *slot > place {
                *slot -= 1;
            }
        }
        Some(value)
    }
}

/// A function with the scope it was defined in.
pub(crate) struct Closure {
    pub(crate) function: Arc<Function>,
    pub(crate) module: usize,
    pub(crate) scope: Rc<Scope>,
    /// The defaults of its parameters, in order; evaluated when it was defined.
    pub(crate) defaults: Vec<Option<Value>>,
    pub(crate) flavour: Flavour,
    pub(crate) called: Cell<bool>,
}

/// What a decorator made of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    Plain,
    Static,
    Class,
    Property,
}

/// A class of the workspace.
pub(crate) struct Class {
    pub(crate) name: Arc<str>,
    pub(crate) bases: Vec<Rc<Class>>,
    pub(crate) attributes: Rc<Scope>,
    /// The fields of a dataclass, in order.
    pub(crate) fields: Option<Vec<(Arc<str>, bool)>>,
    /// Why its instances cannot be followed: a base that is not known, methods that change attribute access.
    pub(crate) opaque: Option<Arc<Unknown>>,
    /// flyte's environment class that it derives from.
    pub(crate) environment: Option<Arc<str>>,
    /// Python's exception class that it derives from.
    pub(crate) exception: Option<Arc<str>>,
}

/// An instance of a class of the workspace.
pub(crate) struct Instance {
    pub(crate) class: Rc<Class>,
    pub(crate) attributes: RefCell<HashMap<Arc<str>, Value>>,
    pub(crate) poison: RefCell<Option<Arc<Unknown>>>,
}

/// An environment: its class's dotted name and the arguments it was made with.
pub(crate) struct EnvironmentObject {
    pub(crate) class: Arc<str>,
    pub(crate) arguments: RefCell<Vec<(Arc<str>, Value)>>,
}

impl EnvironmentObject {
    pub(crate) fn get(&self, name: &str) -> Option<Value> {
        self.arguments.borrow().iter().find(|(n, _)| &**n == name).map(|(_, v)| v.clone())
    }

    pub(crate) fn set(&self, name: &Arc<str>, value: Value) {
        let mut arguments = self.arguments.borrow_mut();
        match arguments.iter_mut().find(|(n, _)| n == name) {
            Some(argument) => argument.1 = value,
            None => arguments.push((Arc::clone(name), value)),
        }
    }
}

/// The same reason once more: each unknown value is decided for itself.
pub(crate) fn again(why: &Arc<Unknown>) -> Kind {
    Kind::Unknown(Arc::new(Unknown::clone(why)))
}

impl From<Kind> for Value {
    fn from(kind: Kind) -> Self {
        Self { kind, origin: None, rests_on: 0, weight: 1 }
    }
}

impl Value {
    /// The same reason once more, at a place.
    pub(crate) fn unknown_again(why: &Arc<Unknown>, origin: Option<Place>) -> Self {
        Self { origin, ..again(why).into() }
    }

    /// The value with its place.
    pub(crate) fn at(self, place: Place) -> Self {
        Self { origin: Some(place), ..self }
    }

    pub(crate) fn none() -> Self {
        Kind::None.into()
    }

    pub(crate) fn bool(value: bool) -> Self {
        Kind::Bool(value).into()
    }

    pub(crate) fn int(value: i64) -> Self {
        Kind::Int(value).into()
    }

    /// A length or an index.
    pub(crate) fn size(value: usize) -> Self {
        Self::int(i64::try_from(value).unwrap_or(i64::MAX))
    }

    pub(crate) fn str(text: impl Into<Arc<str>>) -> Self {
        Kind::Str(text.into()).into()
    }

    pub(crate) fn path(path: PyPath) -> Self {
        Kind::Path(path).into()
    }

    /// A tuple. One that holds others so often that nobody could walk through it is not known.
    pub(crate) fn tuple(items: Vec<Value>) -> Self {
        let weight = items.iter().fold(1_u32, |sum, item| sum.saturating_add(item.weight));
        if weight > MAX_WEIGHT {
            let reason = "it holds too many values".to_owned();
            return Kind::Unknown(Arc::new(Unknown { reason, site: None })).into();
        }
        Self { kind: Kind::Tuple(items.into()), weight, ..Value::none() }
    }

    pub(crate) fn list(items: Vec<Value>) -> Self {
        Kind::List(Rc::new(Items { values: RefCell::new(items), ..Items::default() })).into()
    }

    /// An iterator over known items.
    pub(crate) fn iterator(items: Vec<Value>) -> Self {
        Kind::List(Rc::new(Items { values: RefCell::new(items), once: true, ..Items::default() })).into()
    }

    pub(crate) fn set(items: Vec<Value>) -> Self {
        Kind::Set(Rc::new(Items { values: RefCell::new(items), ..Items::default() })).into()
    }

    pub(crate) fn dict(entries: Entries) -> Self {
        Kind::Dict(Rc::new(Dict { entries: RefCell::new(entries), ..Dict::default() })).into()
    }

    pub(crate) fn external(name: impl Into<Arc<str>>) -> Self {
        Kind::External(name.into()).into()
    }

    pub(crate) fn resting_on(mut self, assumptions: Assumptions) -> Self {
        self.rests_on |= assumptions;
        self
    }

    /// The content of a list or tuple; the reason where a list's is not known; `None` for other values.
    pub(crate) fn sequence(&self) -> Option<Result<Vec<Value>, Arc<Unknown>>> {
        match &self.kind {
            Kind::Tuple(items) => Some(Ok(items.to_vec())),
            Kind::List(items) if items.once => Some(Err(Arc::new(Unknown {
                reason: "what is left in an iterator is not followed".to_owned(),
                site: None,
            }))),
            Kind::List(items) => Some(match &*items.poison.borrow() {
                Some(why) => Err(Arc::clone(why)),
                None => Ok(items.values.borrow().clone()),
            }),
            _ => None,
        }
    }

    /// What makes it the same dictionary key as another value; `None` for what is no known key.
    pub(crate) fn key(&self) -> Option<Key> {
        Some(match &self.kind {
            Kind::None => Key::None,
            Kind::Bool(b) => Key::Int(i64::from(*b)),
            Kind::Int(i) => Key::Int(*i),
            Kind::Float(f) => Key::Float(f.to_bits()),
            Kind::Str(s) => Key::Str(Arc::clone(s)),
            Kind::Bytes(b) => Key::Bytes(Arc::clone(b)),
            Kind::Path(p) => Key::Path(p.clone()),
            Kind::Tuple(items) => Key::Tuple(items.iter().map(Value::key).collect::<Option<_>>()?),
            _ => return None,
        })
    }

    /// Python's name of its type, for error texts.
    pub(crate) fn type_name(&self) -> &'static str {
        match &self.kind {
            Kind::None => "NoneType",
            Kind::Bool(_) => "bool",
            Kind::Int(_) => "int",
            Kind::Float(_) => "float",
            Kind::Str(_) => "str",
            Kind::Bytes(_) => "bytes",
            Kind::Tuple(_) => "tuple",
            Kind::List(_) => "list",
            Kind::Set(_) => "set",
            Kind::Dict(_) => "dict",
            Kind::Path(_) => "PosixPath",
            Kind::Image(_) => "Image",
            Kind::Secret(_) => "Secret",
            Kind::Function(_) => "function",
            Kind::Bound(..) => "method",
            Kind::Module(_) => "module",
            Kind::Ellipsis => "ellipsis",
            _ => "object",
        }
    }
}
