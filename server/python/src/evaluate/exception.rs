//! Exceptions in the evaluated code.

use image_model::error::{Cause, Raised};

use super::value::{Kind, Place, Value};

/// An exception on its way.
#[derive(Clone)]
pub(crate) struct Exception {
    /// What is raised. Its class is a builtin's name, or that of a class of the workspace.
    pub(crate) raised: Raised,
    /// The class of the workspace, where it is one.
    pub(crate) class: Option<std::rc::Rc<super::value::Class>>,
    /// Where.
    pub(crate) place: Place,
    /// Nobody knows whether, or what, is raised.
    pub(crate) uncertain: bool,
}

impl Exception {
    pub(crate) fn new(class: &'static str, message: impl Into<String>, place: Place) -> Self {
        Self::from_raised(Raised { exception: class, message: message.into(), cause: Cause::Other }, place)
    }

    pub(crate) fn from_raised(raised: Raised, place: Place) -> Self {
        Self { raised, class: None, place, uncertain: false }
    }
}

/// Python's exception classes with what each derives from.
const CLASSES: &[(&str, &str)] = &[
    ("Exception", "BaseException"),
    ("SystemExit", "BaseException"),
    ("KeyboardInterrupt", "BaseException"),
    ("ArithmeticError", "Exception"),
    ("ZeroDivisionError", "ArithmeticError"),
    ("OverflowError", "ArithmeticError"),
    ("AssertionError", "Exception"),
    ("AttributeError", "Exception"),
    ("EOFError", "Exception"),
    ("ImportError", "Exception"),
    ("ModuleNotFoundError", "ImportError"),
    ("LookupError", "Exception"),
    ("IndexError", "LookupError"),
    ("KeyError", "LookupError"),
    ("NameError", "Exception"),
    ("UnboundLocalError", "NameError"),
    ("OSError", "Exception"),
    ("FileNotFoundError", "OSError"),
    ("FileExistsError", "OSError"),
    ("IsADirectoryError", "OSError"),
    ("NotADirectoryError", "OSError"),
    ("PermissionError", "OSError"),
    ("TimeoutError", "OSError"),
    ("ConnectionError", "OSError"),
    ("RuntimeError", "Exception"),
    ("NotImplementedError", "RuntimeError"),
    ("RecursionError", "RuntimeError"),
    ("StopIteration", "Exception"),
    ("SyntaxError", "Exception"),
    ("TypeError", "Exception"),
    ("ValueError", "Exception"),
    ("UnicodeError", "ValueError"),
    ("UnicodeDecodeError", "ValueError"),
    ("UnicodeEncodeError", "ValueError"),
    ("Warning", "Exception"),
    ("UserWarning", "Warning"),
    ("DeprecationWarning", "Warning"),
];

/// The builtin exception class of a name.
pub(crate) fn builtin(name: &str) -> Option<&'static str> {
    match name {
        "BaseException" => Some("BaseException"),
        "IOError" | "EnvironmentError" => Some("OSError"),
        _ => CLASSES.iter().find(|(n, _)| *n == name).map(|(n, _)| *n),
    }
}

/// Whether a builtin exception class is another one or derives from it.
pub(crate) fn derives(name: &str, from: &str) -> bool {
    let mut name = name;
    loop {
        if name == from {
            return true;
        }
        match CLASSES.iter().find(|(n, _)| *n == name) {
            Some((_, parent)) => name = parent,
            None => return false,
        }
    }
}

/// Whether an `except` clause catches an exception; `None` where that is not known.
pub(crate) fn catches(exception: &Exception, clause: &Value) -> Option<bool> {
    match &clause.kind {
        Kind::Tuple(items) => {
            let mut unsure = false;
            for item in items.iter() {
                match catches(exception, item) {
                    Some(true) => return Some(true),
                    Some(false) => {}
                    None => unsure = true,
                }
            }
            if unsure { None } else { Some(false) }
        }
        Kind::External(name) => {
            let name = name.strip_prefix("builtins.").unwrap_or(name);
            let wanted = builtin(name)?;
            if wanted == "BaseException" {
                return Some(true);
            }
            if exception.uncertain {
                return if wanted == "Exception" { Some(true) } else { None };
            }
            // flyte's own errors are RuntimeErrors of a kind that `except Exception` catches.
            if builtin(exception.raised.exception).is_none() && exception.class.is_none() {
                return if wanted == "Exception" { Some(true) } else { None };
            }
            let own = match &exception.class {
                Some(class) => class.exception.as_deref().and_then(builtin)?,
                None => exception.raised.exception,
            };
            Some(derives(own, wanted))
        }
        Kind::Class(class) => match &exception.class {
            Some(own) => Some(own.derives_from(class)),
            None if exception.uncertain => None,
            None => Some(false),
        },
        _ => None,
    }
}
