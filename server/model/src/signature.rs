//! Binding the arguments of a call to parameters, with Python's rules and Python's error texts.

use crate::error::Cause;

/// How a parameter takes arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// By position or by keyword.
    Positional,
    /// `*args`
    Many,
    /// By keyword only.
    KeywordOnly,
    /// `**kwargs`
    ManyKeywords,
}

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'a> {
    /// Its name.
    pub name: &'a str,
    /// How it takes arguments.
    pub kind: Kind,
    /// Whether the call must give it.
    pub required: bool,
}

/// The arguments of a call.
#[derive(Debug, Clone)]
pub struct Arguments<T> {
    /// In order.
    pub positional: Vec<T>,
    /// In order of writing.
    pub keywords: Vec<(String, T)>,
    /// A `*x` whose items are not known: there may be more positional arguments.
    pub more_positional: Option<T>,
    /// A `**x` whose items are not known: there may be more keywords.
    pub more_keywords: Option<T>,
}

impl<T> Default for Arguments<T> {
    fn default() -> Self {
        Self { positional: Vec::new(), keywords: Vec::new(), more_positional: None, more_keywords: None }
    }
}

/// What a parameter got.
#[derive(Debug, Clone, PartialEq)]
pub enum Slot<T> {
    /// One argument.
    Given(T),
    /// Nothing: its default holds.
    Default,
    /// `*args`
    Many(Vec<T>),
    /// `**kwargs`
    Keywords(Vec<(String, T)>),
    /// Perhaps something: an unknown `*x` or `**x` may have filled it.
    Unknown(T),
}

/// Why a call does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// The text of Python's TypeError.
    pub message: String,
    /// What is behind it.
    pub cause: Cause,
}

/// Binds arguments in the order in which CPython does, so that of several mistakes the same one is reported.
///
/// `implicit` counts the parameters filled before (`self`, `cls`), which Python counts in its texts.
///
/// # Errors
/// Python's TypeError.
pub fn bind<T: Clone>(
    qualname: &str,
    implicit: usize,
    parameters: &[Parameter<'_>],
    arguments: &Arguments<T>,
) -> Result<Vec<Slot<T>>, Mismatch> {
    let mismatch = |message, cause| Err(Mismatch { message, cause });
    let mut slots: Vec<Option<Slot<T>>> = vec![None; parameters.len()];
    let positional: Vec<usize> =
        (0..parameters.len()).filter(|i| parameters[*i].kind == Kind::Positional).collect();
    let mut rest = arguments.positional.iter();
    for (place, value) in positional.iter().zip(rest.by_ref()) {
        slots[*place] = Some(Slot::Given(value.clone()));
    }
    let extra: Vec<T> = rest.cloned().collect();
    let many = parameters.iter().position(|p| p.kind == Kind::Many);
    let many_keywords = parameters.iter().position(|p| p.kind == Kind::ManyKeywords);
    let mut keywords: Vec<(String, T)> = Vec::new();
    for (name, value) in &arguments.keywords {
        let place = parameters
            .iter()
            .position(|p| p.name == name && matches!(p.kind, Kind::Positional | Kind::KeywordOnly));
        match place {
            Some(place) if slots[place].is_some() => {
                let message = format!("{qualname}() got multiple values for argument '{name}'");
                return mismatch(message, Cause::GivenTwice { name: name.clone() });
            }
            Some(place) => slots[place] = Some(Slot::Given(value.clone())),
            None if many_keywords.is_some() => keywords.push((name.clone(), value.clone())),
            None => {
                let message = format!("{qualname}() got an unexpected keyword argument '{name}'");
                return mismatch(message, Cause::UnknownArgument { name: Some(name.clone()) });
            }
        }
    }
    if !extra.is_empty() && many.is_none() {
        let given_keyword_only =
            parameters.iter().zip(&slots).filter(|(p, s)| p.kind == Kind::KeywordOnly && s.is_some()).count();
        let given = arguments.positional.len();
        let message = too_many(qualname, implicit, parameters, given, given_keyword_only);
        return mismatch(message, Cause::UnknownArgument { name: None });
    }
    let open_positional = arguments.more_positional.as_ref();
    let open_keywords = arguments.more_keywords.as_ref();
    for (kind, word) in [(Kind::Positional, "positional"), (Kind::KeywordOnly, "keyword-only")] {
        let open = open_keywords.is_some() || (kind == Kind::Positional && open_positional.is_some());
        let missing: Vec<&str> = parameters
            .iter()
            .zip(&slots)
            .filter(|(p, s)| p.kind == kind && p.required && s.is_none())
            .map(|(p, _)| p.name)
            .collect();
        if !missing.is_empty() && !open {
            let names = missing.iter().map(|n| (*n).to_owned()).collect();
            return mismatch(missing_arguments(qualname, word, &missing), Cause::MissingArguments { names });
        }
    }
    let filled = parameters.iter().zip(slots).map(|(parameter, slot)| match (slot, parameter.kind) {
        (Some(slot), _) => slot,
        (None, Kind::Many) => match open_positional {
            Some(unknown) => Slot::Unknown(unknown.clone()),
            None => Slot::Many(extra.clone()),
        },
        (None, Kind::ManyKeywords) => match open_keywords {
            Some(unknown) => Slot::Unknown(unknown.clone()),
            None => Slot::Keywords(keywords.clone()),
        },
        (None, kind) => {
            let open =
                if kind == Kind::Positional { open_positional.or(open_keywords) } else { open_keywords };
            open.map_or(Slot::Default, |unknown| Slot::Unknown(unknown.clone()))
        }
    });
    Ok(filled.collect())
}

fn too_many(
    qualname: &str,
    implicit: usize,
    parameters: &[Parameter<'_>],
    given: usize,
    keyword_only: usize,
) -> String {
    let positional = parameters.iter().filter(|p| p.kind == Kind::Positional);
    let most = positional.clone().count() + implicit;
    let least = positional.filter(|p| p.required).count() + implicit;
    let takes = if least == most { most.to_string() } else { format!("from {least} to {most}") };
    let plural = |n: usize| if n == 1 { "" } else { "s" };
    let given = given + implicit;
    let takes_plural = if least == most { plural(most) } else { "s" };
    if keyword_only > 0 {
        return format!(
            "{qualname}() takes {takes} positional argument{takes_plural} but {given} positional argument{} (and \
             {keyword_only} keyword-only argument{}) were given",
            plural(given),
            plural(keyword_only)
        );
    }
    let were = if given == 1 { "was" } else { "were" };
    format!("{qualname}() takes {takes} positional argument{takes_plural} but {given} {were} given")
}

fn missing_arguments(qualname: &str, word: &str, names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|n| format!("'{n}'")).collect();
    let list = match quoted.as_slice() {
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [head @ .., last] => format!("{}, and {last}", head.join(", ")),
        [] => String::new(),
    };
    let plural = if names.len() == 1 { "" } else { "s" };
    format!("{qualname}() missing {} required {word} argument{plural}: {list}", names.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARAMETERS: [Parameter<'static>; 3] = [
        Parameter { name: "a", kind: Kind::Positional, required: true },
        Parameter { name: "b", kind: Kind::Positional, required: false },
        Parameter { name: "c", kind: Kind::KeywordOnly, required: true },
    ];

    fn call(positional: &[i32], keywords: &[(&str, i32)]) -> String {
        let keywords = keywords.iter().map(|(k, v)| ((*k).to_owned(), *v)).collect();
        let arguments = Arguments { positional: positional.to_vec(), keywords, ..Arguments::default() };
        match bind("f", 0, &PARAMETERS, &arguments) {
            Ok(slots) => format!("{slots:?}"),
            Err(mismatch) => mismatch.message,
        }
    }

    // The texts are those of CPython 3.11 for `def f(a, b=0, *, c)`.
    #[test]
    fn mistakes_read_as_python_reports_them() {
        assert_eq!(call(&[], &[]), "f() missing 1 required positional argument: 'a'");
        assert_eq!(call(&[1], &[]), "f() missing 1 required keyword-only argument: 'c'");
        assert_eq!(call(&[1], &[("a", 2)]), "f() got multiple values for argument 'a'");
        assert_eq!(call(&[1], &[("d", 2)]), "f() got an unexpected keyword argument 'd'");
        assert_eq!(call(&[1, 2, 3], &[]), "f() takes from 1 to 2 positional arguments but 3 were given");
        assert_eq!(
            call(&[1, 2, 3], &[("c", 1)]),
            "f() takes from 1 to 2 positional arguments but 3 positional arguments (and 1 keyword-only argument) were given"
        );
        assert_eq!(call(&[1], &[("c", 3)]), "[Given(1), Default, Given(3)]");
    }
}
