//! TOML as the Python package `toml` 0.10.2 reads and writes it.
//!
//! flyte reads script headers with that package, and it is not a TOML parser in today's sense: it accepts an
//! unclosed array, refuses arrays of mixed types, and counts positions its own way. A tag depends on what it
//! reads, so this module follows its behaviour, quirk by quirk. Where its behaviour is an accident of Python's
//! (indexing a string where a table was meant), the outcome is [`DecodeError::Unmodelled`]: unknown, not guessed.

mod decode;
mod encode;
mod number;
mod scan;
mod value;

pub use decode::loads;
pub use encode::dumps;

use crate::pytext;

/// A value as the package returns it.
#[derive(Debug, Clone, PartialEq)]
pub enum Toml {
    /// `bool`
    Bool(bool),
    /// `int`, in decimal: Python's integers have no limit.
    Int(String),
    /// `float`
    Float(f64),
    /// `str`
    Str(String),
    /// A date, a time or both.
    Date(Date),
    /// `list`
    Array(Vec<Toml>),
    /// `dict`, in order of insertion.
    Table(Table),
}

/// A date or time value: what Python prints for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Date {
    /// `repr()`; `None` where it holds the address of an object and so differs from process to process.
    pub repr: Option<String>,
    /// What `toml.dumps` writes.
    pub iso: String,
    /// Which of the package's three type names it has ("date" or "time").
    pub type_name: &'static str,
}

/// A Python `dict` with string keys.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Table(pub Vec<(String, Toml)>);

impl Table {
    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Toml> {
        self.0.iter().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    fn get_mut(&mut self, key: &str) -> Option<&mut Toml> {
        self.0.iter_mut().find(|(k, _)| k == key).map(|(_, v)| v)
    }

    /// Sets a key, keeping its place if it has one.
    pub fn set(&mut self, key: &str, value: Toml) {
        match self.get_mut(key) {
            Some(slot) => *slot = value,
            None => self.0.push((key.to_owned(), value)),
        }
    }
}

impl Toml {
    /// The string, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Toml::Str(s) = self { Some(s) } else { None }
    }

    /// The table, if it is one.
    #[must_use]
    pub fn as_table(&self) -> Option<&Table> {
        if let Toml::Table(t) = self { Some(t) } else { None }
    }

    /// Python's truth of the value.
    #[must_use]
    pub fn truthy(&self) -> bool {
        match self {
            Toml::Bool(b) => *b,
            Toml::Int(digits) => !digits.trim_matches(['-', '0']).is_empty(),
            Toml::Float(f) => *f != 0.0,
            Toml::Str(s) => !s.is_empty(),
            Toml::Date(_) => true,
            Toml::Array(items) => !items.is_empty(),
            Toml::Table(t) => !t.0.is_empty(),
        }
    }

    /// Python's name of the value's type.
    #[must_use]
    pub fn python_type(&self) -> &'static str {
        match self {
            Toml::Bool(_) => "bool",
            Toml::Int(_) => "int",
            Toml::Float(_) => "float",
            Toml::Str(_) => "str",
            Toml::Date(d) if d.type_name == "time" => "datetime.time",
            Toml::Date(_) => "datetime.datetime",
            Toml::Array(_) => "list",
            Toml::Table(_) => "dict",
        }
    }

    /// `repr()` of the value; `None` where it is not the same in every process.
    #[must_use]
    pub fn repr(&self) -> Option<String> {
        Some(match self {
            Toml::Bool(b) => if *b { "True" } else { "False" }.to_owned(),
            Toml::Int(digits) => digits.clone(),
            Toml::Float(f) => pytext::repr_float(*f),
            Toml::Str(s) => pytext::repr_str(s),
            Toml::Date(d) => d.repr.clone()?,
            Toml::Array(items) => {
                let parts: Option<Vec<_>> = items.iter().map(Toml::repr).collect();
                format!("[{}]", parts?.join(", "))
            }
            Toml::Table(table) => table.repr()?,
        })
    }
}

impl Table {
    /// `repr()` of the dict; `None` where it is not the same in every process.
    #[must_use]
    pub fn repr(&self) -> Option<String> {
        let pairs: Option<Vec<_>> =
            self.0.iter().map(|(k, v)| Some(format!("{}: {}", pytext::repr_str(k), v.repr()?))).collect();
        Some(format!("{{{}}}", pairs?.join(", ")))
    }
}

/// Why there is no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DecodeError {
    /// The package's own `TomlDecodeError`, its text with the position it appends.
    Toml(String),
    /// Another Python exception, which callers of the package do not expect.
    Raised {
        /// Its class.
        exception: &'static str,
        /// Its text.
        message: String,
    },
    /// The package does something that is not reproduced here.
    Unmodelled,
}

/// An error inside a value: Python's `ValueError`, to which the caller adds a position, or worse.
pub(crate) enum ValueError {
    Value(String),
    Other(DecodeError),
}

impl From<DecodeError> for ValueError {
    fn from(error: DecodeError) -> Self {
        ValueError::Other(error)
    }
}

pub(crate) fn value_error<T>(message: &str) -> Result<T, ValueError> {
    Err(ValueError::Value(message.to_owned()))
}

pub(crate) fn index_error<T>(of: &str) -> Result<T, ValueError> {
    Err(ValueError::Other(DecodeError::Raised {
        exception: "IndexError",
        message: format!("{of} index out of range"),
    }))
}
