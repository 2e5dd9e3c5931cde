//! `pathlib.Path`: attributes and methods. What reads a file's content is never followed.

use image_model::path::PyPath;
use image_model::world::Fact;

use super::Evaluator;
use super::call::Call;
use super::exception::Exception;
use super::value::{Kind, Place, Value};

impl Evaluator<'_> {
    /// An attribute; `None` for methods.
    pub(crate) fn path_attribute(&mut self, path: &PyPath, name: &str, place: Place) -> Option<Value> {
        Some(match name {
            "name" => Value::str(path.name()),
            "stem" => Value::str(path.stem()),
            "suffix" => Value::str(path.suffix()),
            "suffixes" => {
                let name = path.name().trim_start_matches('.');
                let parts = name.split('.').skip(1).map(|s| Value::str(format!(".{s}")));
                if path.name().ends_with('.') {
                    Value::list(Vec::new())
                } else {
                    Value::list(parts.collect())
                }
            }
            "parent" => Value::path(path.parent()),
            "parents" => {
                let mut parents = Vec::new();
                let mut here = path.clone();
                while here.parent() != here && parents.len() < 1000 {
                    here = here.parent();
                    parents.push(Value::path(here.clone()));
                }
                Value::tuple(parents)
            }
            "parts" => Value::tuple(path.parts().into_iter().map(Value::str).collect()),
            "anchor" | "root" => Value::str(if path.is_absolute() { "/" } else { "" }),
            "drive" => Value::str(""),
            "_str" | "_parts" => self.unknown("a private attribute", Some(place)),
            _ => return None,
        })
    }

    /// A method's result; `None` for what is not followed.
    pub(crate) fn path_method(
        &mut self,
        path: &PyPath,
        name: &str,
        call: &Call,
        place: Place,
    ) -> Result<Option<Value>, Exception> {
        let arguments: Option<Vec<PyPath>> = call
            .positional()
            .iter()
            .map(|v| match &v.kind {
                Kind::Str(s) => Some(PyPath::new(s)),
                Kind::Path(p) => Some(p.clone()),
                _ => None,
            })
            .collect();
        let text = match call.positional().first().map(|v| &v.kind) {
            Some(Kind::Str(s)) => Some(s.clone()),
            _ => None,
        };
        let resolved = self.world().resolve(path);
        let value = match name {
            "joinpath" => {
                arguments.map(|a| Value::path(a.iter().fold(path.clone(), |p, q| p.join(q.as_str()))))
            }
            "with_name" => {
                text.filter(|_| !path.name().is_empty()).map(|t| Value::path(path.parent().join(&t)))
            }
            "with_suffix" => text
                .filter(|_| !path.name().is_empty())
                .map(|t| Value::path(path.parent().join(&format!("{}{t}", path.stem())))),
            "with_stem" => text
                .filter(|_| !path.name().is_empty())
                .map(|t| Value::path(path.parent().join(&format!("{t}{}", path.suffix())))),
            "as_posix" | "__str__" | "__fspath__" => Some(Value::str(path.as_str())),
            "is_absolute" => Some(Value::bool(path.is_absolute())),
            "relative_to" => match arguments.as_deref() {
                Some([other]) => match path.relative_to(other) {
                    Some(relative) => Some(Value::path(relative)),
                    None => {
                        let message = format!(
                            "'{path}' is not in the subpath of '{other}' OR one path is relative and the other is absolute."
                        );
                        return Err(Exception::new("ValueError", message, place));
                    }
                },
                _ => None,
            },
            "is_relative_to" => match arguments.as_deref() {
                Some([other]) => Some(Value::bool(path.relative_to(other).is_some())),
                _ => None,
            },
            "absolute" => Some(self.with_directory(path, Value::path(self.world().absolute(path)))),
            "resolve" => Some(self.with_directory(path, Value::path(self.world().realpath(path)))),
            "exists" => Some(self.with_directory(path, Value::bool(self.fs.exists(&resolved)))),
            "is_file" => Some(self.with_directory(path, Value::bool(self.fs.is_file(&resolved)))),
            "is_dir" => Some(self.with_directory(path, Value::bool(self.fs.is_dir(&resolved)))),
            "expanduser" => match path.parts().first() {
                Some(first) if *first == "~" => {
                    let (home, bit) = self.home()?;
                    home.map(|home| {
                        let rest = path.parts()[1..].join("/");
                        Value::path(PyPath::new(&home).join(&rest)).resting_on(bit)
                    })
                }
                Some(first) if first.starts_with('~') => None,
                _ => Some(Value::path(path.clone())),
            },
            "mkdir" | "touch" | "write_text" | "write_bytes" | "unlink" | "rmdir" | "chmod" | "rename" => {
                return Ok(Some(
                    self.unknown("the file system is not changed by an evaluation", Some(place)),
                ));
            }
            _ => None,
        };
        Ok(value)
    }

    /// A result that rests on the working directory where the path is relative.
    fn with_directory(&mut self, path: &PyPath, value: Value) -> Value {
        if path.is_absolute() {
            return value;
        }
        let bit = self.assume_fact(Fact::WorkingDirectory);
        value.resting_on(bit)
    }

    /// `Path.home()`
    pub(crate) fn home(&mut self) -> Result<(Option<String>, u64), Exception> {
        let home = self.facts.variables.get("HOME").cloned();
        let bit = match &home {
            Some(home) => self.assume(format!("the home directory is {home}")),
            None => 0,
        };
        Ok((home, bit))
    }

    /// An assumption about a fact of the environment, in words.
    pub(crate) fn assume_fact(&mut self, fact: Fact) -> u64 {
        let text = self.facts.describe(fact);
        self.assume(text)
    }
}
