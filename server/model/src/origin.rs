//! Places in some source text. The model carries them along and never looks behind them.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::value::Value;

/// A place: a file and a range of bytes in it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Site {
    /// Absolute path.
    pub path: Arc<Path>,
    /// First byte.
    pub start: usize,
    /// The byte after the last one.
    pub end: usize,
}

impl Site {
    /// The bytes as a range.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// Where a value was written, and where the values in it were.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Origin {
    /// The expression that is the value; `None` for a value that was computed.
    pub site: Option<Site>,
    /// Those of the items, in order; of a dictionary first a key, then its value. Empty where they are not known.
    pub items: Vec<Origin>,
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Given {
    /// The parameter that it went to.
    pub parameter: &'static str,
    /// It was passed by name.
    pub keyword: bool,
    /// Its place in the call, with its name.
    pub site: Site,
    /// Its value.
    pub value: Value,
    /// Where the value was written: here, or elsewhere.
    pub origin: Origin,
}

/// A call of one of flyte's methods.
#[derive(Debug, Clone, PartialEq)]
pub struct CallSite {
    /// The method's name as flyte has it.
    pub method: &'static str,
    /// From the method's name to the closing parenthesis.
    pub site: Site,
    /// The whole expression that was called, with its arguments: for a constructor and for a chain up to here.
    pub expression: Site,
    /// The arguments, in the order of the parameters; a parameter that takes many has many. Empty for a call that does
    /// not fit its method.
    pub arguments: Vec<Given>,
    /// Some arguments are not known by number or name.
    pub is_open: bool,
    /// The call of a function of another module, in the file that is looked at, during which this call is made.
    pub called_from: Option<Site>,
}

impl CallSite {
    /// The places of the arguments of one parameter.
    pub fn argument<'a>(&'a self, parameter: &'a str) -> impl Iterator<Item = &'a Site> {
        self.given(parameter).map(|g| &g.site)
    }

    /// The arguments of one parameter.
    pub fn given<'a>(&'a self, parameter: &'a str) -> impl Iterator<Item = &'a Given> {
        self.arguments.iter().filter(move |g| g.parameter == parameter)
    }
}
