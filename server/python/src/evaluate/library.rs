//! Functions of Python's standard library that image definitions use.

use super::Evaluator;
use super::call::Call;
use super::exception::Exception;
use super::value::{Entries, Kind, Place, Value, again};
use image_manifests::pytext;
use image_model::path::PyPath;
use image_model::world::Fact;
use std::rc::Rc;
use std::sync::Arc;

impl Evaluator<'_> {
    pub(super) fn call_library(
        &mut self,
        name: &str,
        call: &Call,
        place: Place,
    ) -> Result<Option<Value>, Exception> {
        if !call.is_closed() {
            return Ok(None);
        }
        let arguments = call.positional();
        if let Some(Value { kind: Kind::Unknown(why), .. }) =
            arguments.iter().find(|a| matches!(a.kind, Kind::Unknown(_)))
            && (name.starts_with("os.path.") || name.starts_with("pathlib."))
        {
            return Ok(Some(again(why).into()));
        }
        let paths: Option<Vec<String>> = arguments
            .iter()
            .map(|a| match &a.kind {
                Kind::Str(s) => Some(s.to_string()),
                Kind::Path(p) => Some(p.to_string()),
                _ => None,
            })
            .collect();
        let first = paths.as_ref().and_then(|p| p.first().cloned());
        Ok(match name {
            "pathlib.Path" | "pathlib.PurePath" | "pathlib.PosixPath" | "pathlib.PurePosixPath" => {
                paths.map(|parts| {
                    let joined = parts.iter().fold(PyPath::new(""), |p, q| p.join(q));
                    Value::path(joined)
                })
            }
            "pathlib.Path.cwd" | "os.getcwd" => {
                let directory = self.environment.working_directory.clone();
                let bit = self.assume_fact(Fact::WorkingDirectory);
                let value = if name == "os.getcwd" {
                    Value::str(directory)
                } else {
                    Value::path(PyPath::new(&directory))
                };
                Some(value.resting_on(bit))
            }
            "pathlib.Path.home" => {
                let (home, bit) = self.home()?;
                home.map(|h| Value::path(PyPath::new(&h)).resting_on(bit))
            }
            "os.environ.get" | "os.getenv" => match call.get(0, "key").map(|v| &v.kind) {
                Some(Kind::Str(variable)) => {
                    let variable = Arc::clone(variable);
                    let default = call.get(1, "default").cloned().unwrap_or_else(Value::none);
                    Some(self.environment_variable(&variable, Some(default), place))
                }
                _ => None,
            },
            "os.environ.setdefault" => match arguments {
                [key @ Value { kind: Kind::Str(variable), .. }, default] => {
                    let (key, variable, default) = (key.clone(), Arc::clone(variable), default.clone());
                    let value = self.environment_variable(&variable, Some(default), place);
                    self.environment_changed(&key, Some(&value));
                    Some(value)
                }
                _ => None,
            },
            "os.environ.update" | "os.environ.pop" | "os.putenv" | "dotenv.load_dotenv" => {
                self.environment_unknown = true;
                None
            }
            "os.path.join" => paths.map(|p| Value::str(os_path_join(&p))),
            "os.path.dirname" => first.map(|p| Value::str(os_path_split(&p).0)),
            "os.path.basename" => first.map(|p| Value::str(os_path_split(&p).1)),
            "os.path.split" => first.map(|p| {
                let (head, tail) = os_path_split(&p);
                Value::tuple(vec![Value::str(head), Value::str(tail)])
            }),
            "os.path.abspath" => first.map(|p| {
                let path = PyPath::new(&p);
                let absolute = Value::str(self.world().absolute(&path).normalised().as_str());
                if path.is_absolute() {
                    return absolute;
                }
                let bit = self.assume_fact(Fact::WorkingDirectory);
                absolute.resting_on(bit)
            }),
            "os.path.realpath" => first.map(|p| {
                let path = PyPath::new(&p);
                let real = Value::str(self.world().realpath(&path).as_str());
                let bit = if path.is_absolute() { 0 } else { self.assume_fact(Fact::WorkingDirectory) };
                real.resting_on(bit)
            }),
            "os.path.normpath" => first.map(|p| Value::str(PyPath::new(&p).normalised().as_str())),
            "os.path.isabs" => first.map(|p| Value::bool(p.starts_with('/'))),
            "os.path.exists" | "os.path.isfile" | "os.path.isdir" => first.map(|p| {
                let path = PyPath::new(&p);
                let full = self.world().resolve(&path);
                let answer = match name {
                    "os.path.exists" => self.fs.exists(&full),
                    "os.path.isfile" => self.fs.is_file(&full),
                    _ => self.fs.is_dir(&full),
                };
                let bit = if path.is_absolute() { 0 } else { self.assume_fact(Fact::WorkingDirectory) };
                Value::bool(answer).resting_on(bit)
            }),
            "os.fspath" => first.map(Value::str),
            "platform.python_version_tuple" | "platform.python_version" => None,
            "platform.system" => {
                let capital = |p: &'static str| match p {
                    "linux" => "Linux",
                    "macos" => "Darwin",
                    "windows" => "Windows",
                    other => other,
                };
                Some(self.assumed_text("platform.system()".to_owned(), capital))
            }
            "platform.machine" => {
                let machine = match (std::env::consts::ARCH, std::env::consts::OS) {
                    ("aarch64", "macos") => "arm64",
                    (arch, _) => arch,
                };
                let bit = self.assume(format!("platform.machine() is {}", pytext::repr_str(machine)));
                Some(Value::str(machine).resting_on(bit))
            }
            "tempfile.gettempdir" => {
                let bit = self.assume_fact(Fact::TempDir);
                Some(Value::str(self.environment.temp_dir.as_str()).resting_on(bit))
            }
            "dataclasses.field" => {
                let entries = Value::dict(Entries::default());
                for (name, value) in &call.arguments.keywords {
                    self.set_item(&entries, &Value::str(name.as_str()), value.clone());
                }
                Some(Kind::Method(Rc::new(entries), "field".into()).into())
            }
            "dataclasses.dataclass"
                if call.keyword("kw_only").is_some() || call.keyword("init").is_some() =>
            {
                None
            }
            "dataclasses.dataclass" => Some(Kind::Method(Rc::new(Value::none()), "dataclass".into()).into()),
            "functools.lru_cache" | "functools.wraps" | "functools.cache" => match arguments {
                [function @ Value { kind: Kind::Function(_), .. }] if name != "functools.wraps" => {
                    Some(function.clone())
                }
                _ => Some(Kind::Method(Rc::new(Value::none()), "transparent".into()).into()),
            },
            "functools.partial" => None,
            "typing.cast" => arguments.get(1).cloned(),
            "copy.copy" | "copy.deepcopy" => match arguments {
                [value] => match &value.kind {
                    Kind::List(_) => value
                        .sequence()
                        .and_then(Result::ok)
                        .filter(|items| items.iter().all(is_flat))
                        .map(Value::list),
                    Kind::Dict(dict) if dict.poison.borrow().is_none() => {
                        let entries = dict.entries.borrow().clone();
                        entries.pairs.iter().all(|(_, v)| is_flat(v)).then(|| Value::dict(entries))
                    }
                    _ if is_flat(value) => Some(value.clone()),
                    _ => None,
                },
                _ => None,
            },
            "sys.exit" | "os._exit" => return Err(Exception::new("SystemExit", "", place)),
            "sys.path.append" | "sys.path.insert" => Some(Value::none()),
            "shlex.quote" => first.map(|s| Value::str(pytext::shell_quote(&s))),
            "textwrap.dedent" => first.and_then(|s| dedent(&s)).map(Value::str),
            "itertools.chain" => {
                let mut all = Vec::new();
                for argument in arguments {
                    match self.iterate(argument, place)? {
                        Ok(items) => all.extend(items),
                        Err(why) => return Ok(Some(again(&why).into())),
                    }
                }
                Some(Value::iterator(all))
            }
            _ => None,
        })
    }
}

/// A value that holds nothing that can be changed.
fn is_flat(value: &Value) -> bool {
    match &value.kind {
        Kind::None
        | Kind::Bool(_)
        | Kind::Int(_)
        | Kind::Float(_)
        | Kind::Str(_)
        | Kind::Bytes(_)
        | Kind::Path(_)
        | Kind::Image(_)
        | Kind::Secret(_) => true,
        Kind::Tuple(items) => items.iter().all(is_flat),
        _ => false,
    }
}

/// `os.path.join`
fn os_path_join(parts: &[String]) -> String {
    let mut path = String::new();
    for (i, part) in parts.iter().enumerate() {
        if i == 0 || part.starts_with('/') {
            path.clone_from(part);
        } else if path.is_empty() || path.ends_with('/') {
            path.push_str(part);
        } else {
            path.push('/');
            path.push_str(part);
        }
    }
    path
}

/// `os.path.split`
fn os_path_split(path: &str) -> (String, String) {
    let at = path.rfind('/').map_or(0, |i| i + 1);
    let (head, tail) = path.split_at(at);
    let trimmed = head.trim_end_matches('/');
    let head = if trimmed.is_empty() { head } else { trimmed };
    (head.to_owned(), tail.to_owned())
}

/// `textwrap.dedent`, for text indented with spaces only.
fn dedent(text: &str) -> Option<String> {
    if text.contains('\t') || text.contains('\r') {
        return None;
    }
    let blank = |line: &str| line.chars().all(|c| c == ' ');
    let margin = text
        .split('\n')
        .filter(|l| !blank(l))
        .map(|l| l.len() - l.trim_start_matches(' ').len())
        .min()
        .unwrap_or(0);
    let lines: Vec<&str> = text.split('\n').map(|l| if blank(l) { "" } else { &l[margin..] }).collect();
    Some(lines.join("\n"))
}
