//! Places in some source text. The model carries them along and never looks behind them.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

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

/// A call of one of flyte's methods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallSite {
    /// The method's name as flyte has it.
    pub method: &'static str,
    /// From the method's name to the closing parenthesis.
    pub site: Site,
    /// The whole expression that was called, with its arguments: for a constructor and for a chain up to here.
    pub expression: Site,
    /// Each argument's place, by the name of the parameter it went to; a parameter that takes many has many.
    pub arguments: Vec<(String, Site)>,
}

impl CallSite {
    /// The places of the arguments of one parameter.
    pub fn argument<'a>(&'a self, parameter: &'a str) -> impl Iterator<Item = &'a Site> {
        self.arguments.iter().filter(move |(name, _)| name == parameter).map(|(_, site)| site)
    }
}
