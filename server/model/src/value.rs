//! Python values as flyte's methods receive them, and what Python does with them.

use std::sync::Arc;

use image_manifests::pytext;

use crate::error::{Res, Stop, Unknown, raise, unknown};
use crate::path::PyPath;
use crate::secret::Secret;

/// A value. Anything in it may be [`Value::Unknown`]; whoever needs it then stops with the reason.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `None`
    None,
    /// `bool`
    Bool(bool),
    /// `int`, as far as 64 bits reach; larger ones are unknown.
    Int(i64),
    /// `float`
    Float(f64),
    /// `str`
    Str(Arc<str>),
    /// `bytes`
    Bytes(Arc<[u8]>),
    /// `tuple`
    Tuple(Arc<[Value]>),
    /// `list`
    List(Arc<[Value]>),
    /// `dict`, in order of insertion.
    Dict(Arc<[(Value, Value)]>),
    /// `set`: its order is not Python's to promise.
    Set(Arc<[Value]>),
    /// `pathlib.Path`
    Path(PyPath),
    /// `flyte.Secret`
    Secret(Arc<Secret>),
    /// An object of some other class, which flyte does nothing with but look at its type.
    Object(&'static str),
    /// Not known, and why.
    Unknown(Arc<Unknown>),
}

impl From<&str> for Value {
    fn from(s: &str) -> Self {
        Value::Str(s.into())
    }
}

impl From<String> for Value {
    fn from(s: String) -> Self {
        Value::Str(s.into())
    }
}

impl Value {
    /// A value that is not known.
    #[must_use]
    pub fn unknown(reason: &str) -> Self {
        Value::Unknown(Arc::new(Unknown { reason: reason.to_owned(), site: None }))
    }

    /// A tuple of strings.
    #[must_use]
    pub fn strings(items: &[&str]) -> Self {
        Value::Tuple(items.iter().map(|s| Value::from(*s)).collect())
    }

    /// `type(x).__name__`.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::None => "NoneType",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Str(_) => "str",
            Value::Bytes(_) => "bytes",
            Value::Tuple(_) => "tuple",
            Value::List(_) => "list",
            Value::Dict(_) => "dict",
            Value::Set(_) => "set",
            Value::Path(_) => "PosixPath",
            Value::Secret(_) => "Secret",
            Value::Object(name) => name,
            Value::Unknown(_) => "object",
        }
    }

    /// The type that keeps the value from being hashed, as Python finds it: its own, or that of the first such item of a
    /// tuple. `None` where nothing is known to.
    #[must_use]
    pub fn unhashable(&self) -> Option<&'static str> {
        match self {
            Value::List(_) | Value::Dict(_) | Value::Set(_) => Some(self.type_name()),
            Value::Tuple(items) => items.iter().find_map(Value::unhashable),
            _ => None,
        }
    }

    /// The reason, where the value itself is not known.
    ///
    /// # Errors
    /// [`Stop::Unknown`] for an unknown value.
    pub fn known(&self) -> Res<&Self> {
        match self {
            Value::Unknown(why) => Err(Stop::Unknown(Arc::clone(why))),
            known => Ok(known),
        }
    }

    /// `bool(x)`.
    ///
    /// # Errors
    /// [`Stop::Unknown`] for an unknown value.
    pub fn truthy(&self) -> Res<bool> {
        Ok(match self.known()? {
            Value::None => false,
            Value::Bool(b) => *b,
            Value::Int(i) => *i != 0,
            Value::Float(f) => *f != 0.0,
            Value::Str(s) => !s.is_empty(),
            Value::Bytes(b) => !b.is_empty(),
            Value::Tuple(t) | Value::List(t) | Value::Set(t) => !t.is_empty(),
            Value::Dict(d) => !d.is_empty(),
            _ => true,
        })
    }

    /// `x or y`.
    ///
    /// # Errors
    /// [`Stop::Unknown`] where the truth of `x` is not known.
    pub fn or(&self, other: &Self) -> Res<Self> {
        Ok(if self.truthy()? { self.clone() } else { other.clone() })
    }

    /// Whether it is `None`; an unknown value is not.
    #[must_use]
    pub fn is_none(&self) -> bool {
        matches!(self, Value::None)
    }

    /// `repr(x)`.
    ///
    /// # Errors
    /// [`Stop::Unknown`] for unknown values, sets and objects.
    pub fn repr(&self) -> Res<String> {
        let list = |items: &[Value]| -> Res<String> {
            Ok(items.iter().map(Value::repr).collect::<Res<Vec<_>>>()?.join(", "))
        };
        Ok(match self.known()? {
            Value::None => "None".to_owned(),
            Value::Bool(b) => if *b { "True" } else { "False" }.to_owned(),
            Value::Int(i) => i.to_string(),
            Value::Float(f) => pytext::repr_float(*f),
            Value::Str(s) => pytext::repr_str(s),
            Value::Bytes(b) => pytext::repr_bytes(b),
            Value::Tuple(items) if items.len() == 1 => format!("({},)", items[0].repr()?),
            Value::Tuple(items) => format!("({})", list(items)?),
            Value::List(items) => format!("[{}]", list(items)?),
            Value::Dict(pairs) => {
                let shown: Res<Vec<_>> =
                    pairs.iter().map(|(k, v)| Ok(format!("{}: {}", k.repr()?, v.repr()?))).collect();
                format!("{{{}}}", shown?.join(", "))
            }
            Value::Set(items) if items.is_empty() => "set()".to_owned(),
            Value::Set(items) if items.len() == 1 => format!("{{{}}}", items[0].repr()?),
            Value::Set(_) => return unknown("the order of a set differs from run to run"),
            Value::Path(p) => format!("PosixPath({})", pytext::repr_str(p.as_str())),
            Value::Secret(s) => s.repr()?,
            Value::Object(_) | Value::Unknown(_) => {
                return unknown("the text of this object holds its address, which differs from run to run");
            }
        })
    }

    /// `str(x)`.
    ///
    /// # Errors
    /// As [`Value::repr`].
    pub fn str(&self) -> Res<String> {
        match self.known()? {
            Value::Str(s) => Ok(s.to_string()),
            Value::Path(p) => Ok(p.to_string()),
            other => other.repr(),
        }
    }

    /// `text + x`, appended in place.
    ///
    /// # Errors
    /// Python's TypeError for anything but a string.
    pub fn append_to(&self, text: &mut String) -> Res<()> {
        match self.known()? {
            Value::Str(s) => {
                text.push_str(s);
                Ok(())
            }
            other => {
                raise("TypeError", format!("can only concatenate str (not \"{}\") to str", other.type_name()))
            }
        }
    }

    /// `x.encode()` as a string.
    ///
    /// # Errors
    /// Python's AttributeError for anything but a string.
    pub fn encode(&self) -> Res<&str> {
        match self.known()? {
            Value::Str(s) => Ok(s),
            other => attribute_error(other, "encode"),
        }
    }

    /// `iter(x)`, as a list.
    ///
    /// # Errors
    /// Python's TypeError for what cannot be iterated; [`Stop::Unknown`] for sets.
    pub fn iterate(&self) -> Res<Vec<Value>> {
        Ok(match self.known()? {
            Value::Str(s) => s.chars().map(|c| Value::from(c.to_string())).collect(),
            Value::Bytes(b) => b.iter().map(|b| Value::Int(i64::from(*b))).collect(),
            Value::Tuple(items) | Value::List(items) => items.to_vec(),
            Value::Set(items) if items.len() < 2 => items.to_vec(),
            Value::Set(_) => return unknown("the order of a set differs from run to run"),
            Value::Dict(pairs) => pairs.iter().map(|(k, _)| k.clone()).collect(),
            other => return raise("TypeError", format!("'{}' object is not iterable", other.type_name())),
        })
    }

    /// `separator.join(x)`.
    ///
    /// # Errors
    /// Python's TypeErrors.
    pub fn joined(&self, separator: &str) -> Res<String> {
        let items = match self.known()? {
            Value::Str(_)
            | Value::Bytes(_)
            | Value::Tuple(_)
            | Value::List(_)
            | Value::Set(_)
            | Value::Dict(_) => self.iterate()?,
            _ => return raise("TypeError", "can only join an iterable"),
        };
        let mut text = String::new();
        for (i, item) in items.iter().enumerate() {
            if i > 0 {
                text.push_str(separator);
            }
            match item.known()? {
                Value::Str(s) => text.push_str(s),
                other => {
                    let message =
                        format!("sequence item {i}: expected str instance, {} found", other.type_name());
                    return raise("TypeError", message);
                }
            }
        }
        Ok(text)
    }

    /// flyte's `_ensure_tuple`: a list becomes a tuple, a tuple stays, anything else becomes its only item.
    #[must_use]
    pub fn ensure_tuple(&self) -> Self {
        match self {
            Value::List(items) => Value::Tuple(Arc::clone(items)),
            Value::Tuple(_) | Value::Unknown(_) => self.clone(),
            other => Value::Tuple([other.clone()].into()),
        }
    }

    /// `_ensure_tuple(x) if x else None`.
    #[must_use]
    pub fn ensure_tuple_or_none(&self) -> Self {
        match self.truthy() {
            Ok(false) => Value::None,
            _ => self.ensure_tuple(),
        }
    }

    /// A path as given, or made from a string; what other values give is pathlib's TypeError.
    ///
    /// # Errors
    /// pathlib's TypeError. `python_312` says whether the interpreter is 3.12 or later: its text changed.
    pub fn to_path(&self, python_312: bool) -> Res<PyPath> {
        match self.known()? {
            Value::Path(p) => Ok(p.clone()),
            Value::Str(s) => Ok(PyPath::new(s)),
            other if python_312 => raise(
                "TypeError",
                format!(
                    "argument should be a str or an os.PathLike object where __fspath__ returns a str, not '{}'",
                    other.type_name()
                ),
            ),
            Value::Bytes(_) => raise(
                "TypeError",
                "argument should be a str object or an os.PathLike object returning str, not <class 'bytes'>",
            ),
            other => raise(
                "TypeError",
                format!("expected str, bytes or os.PathLike object, not {}", other.type_name()),
            ),
        }
    }

    /// The path; anything else lacks the attribute that is asked of it.
    ///
    /// # Errors
    /// Python's AttributeError.
    pub fn path_for(&self, attribute: &str) -> Res<&PyPath> {
        match self.known()? {
            Value::Path(p) => Ok(p),
            other => attribute_error(other, attribute),
        }
    }
}

/// Python's AttributeError for a value that lacks an attribute.
pub fn attribute_error<T>(value: &Value, attribute: &str) -> Res<T> {
    raise("AttributeError", format!("'{}' object has no attribute '{attribute}'", value.type_name()))
}
