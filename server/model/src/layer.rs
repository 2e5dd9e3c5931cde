//! A layer: one of flyte's layer classes with the values of its fields.

use std::sync::Arc;

use crate::error::{Cause, Res, raise, raise_for};
use crate::origin::CallSite;
use crate::value::Value;

/// flyte's layer classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LayerKind {
    /// `PipPackages`
    PipPackages,
    /// `Requirements`
    Requirements,
    /// `PythonWheels`
    PythonWheels,
    /// `UVProject`
    UVProject,
    /// `PoetryProject`
    PoetryProject,
    /// `PixiProject`
    PixiProject,
    /// `UVScript`
    UVScript,
    /// `PixiScript`
    PixiScript,
    /// `AptPackages`
    AptPackages,
    /// `Commands`
    Commands,
    /// `WorkDir`
    WorkDir,
    /// `DockerIgnore`
    DockerIgnore,
    /// `CopyConfig`
    CopyConfig,
    /// `CodeBundleLayer`
    CodeBundleLayer,
    /// `_DockerLines`
    DockerLines,
    /// `Env`
    Env,
}

/// What a field holds when the constructor is not given it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Default {
    Required,
    None,
    False,
    Text(&'static str),
    Texts(&'static [&'static str]),
    /// `field(default_factory=tuple)`: shown in `repr` even when it is the default.
    EmptyTuple,
}

struct Spec {
    class: &'static str,
    /// Whether flyte looks for lists in the fields.
    checked: bool,
    /// In the order of the dataclass: inherited fields first.
    fields: &'static [(&'static str, Default)],
    /// Where the constructor's parameters begin; the ones before it (keyword-only) come last in `repr`.
    first_parameter: usize,
}

/// The fields of `PipOption`, and the fields of a class that inherits them.
macro_rules! pip_fields {
    ($($field:expr),* $(,)?) => {
        &[
            ("index_url", Default::None),
            ("extra_index_urls", Default::None),
            ("pre", Default::False),
            ("extra_args", Default::None),
            ("secret_mounts", Default::None),
            $($field),*
        ]
    };
}

const MODE: (&str, Default) = ("project_install_mode", Default::Text("dependencies_only"));
const SECRETS: (&str, Default) = ("secret_mounts", Default::None);
const EXTRA: (&str, Default) = ("extra_args", Default::None);
const ENVIRONMENT: (&str, Default) = ("environment", Default::Text("default"));

impl LayerKind {
    /// Source: flyte 2.12.1, the dataclasses of `_image.py`.
    fn spec(self) -> Spec {
        let plain = |class, fields| Spec { class, checked: true, fields, first_parameter: 0 };
        match self {
            Self::PipPackages => plain("PipPackages", pip_fields![("packages", Default::None)]),
            Self::Requirements => {
                plain("Requirements", pip_fields![("packages", Default::None), ("file", Default::Required)])
            }
            Self::PythonWheels => Spec {
                checked: false,
                ..plain(
                    "PythonWheels",
                    pip_fields![("wheel_dir", Default::Required), ("package_name", Default::Required)],
                )
            },
            Self::UVProject => Spec {
                first_parameter: 5,
                ..plain(
                    "UVProject",
                    pip_fields![("pyproject", Default::Required), ("uvlock", Default::None), MODE],
                )
            },
            Self::UVScript => Spec {
                checked: false,
                first_parameter: 5,
                ..plain("UVScript", pip_fields![("script", Default::Required)])
            },
            Self::PoetryProject => plain(
                "PoetryProject",
                &[("pyproject", Default::Required), ("poetry_lock", Default::Required), EXTRA, MODE, SECRETS],
            ),
            Self::PixiProject => plain(
                "PixiProject",
                &[
                    ("manifest", Default::Required),
                    ("pixi_lock", Default::None),
                    ENVIRONMENT,
                    EXTRA,
                    MODE,
                    SECRETS,
                ],
            ),
            Self::PixiScript => plain(
                "PixiScript",
                &[
                    ("script", Default::Required),
                    ("platforms", Default::Texts(&["linux-64"])),
                    ENVIRONMENT,
                    EXTRA,
                    SECRETS,
                ],
            ),
            Self::AptPackages => plain("AptPackages", &[("packages", Default::Required), SECRETS]),
            Self::Commands => plain("Commands", &[("commands", Default::Required), SECRETS]),
            Self::WorkDir => plain("WorkDir", &[("workdir", Default::Required)]),
            Self::DockerIgnore => plain("DockerIgnore", &[("path", Default::Required)]),
            Self::CopyConfig => Spec {
                checked: false,
                ..plain(
                    "CopyConfig",
                    &[
                        ("path_type", Default::Required),
                        ("src", Default::Required),
                        ("dst", Default::Required),
                    ],
                )
            },
            Self::CodeBundleLayer => plain(
                "CodeBundleLayer",
                &[
                    ("copy_style", Default::Required),
                    ("dst", Default::Text(".")),
                    ("root_dir", Default::None),
                ],
            ),
            Self::DockerLines => plain("_DockerLines", &[("lines", Default::Required)]),
            Self::Env => plain("Env", &[("env_vars", Default::EmptyTuple)]),
        }
    }

    /// flyte's name of the class.
    #[must_use]
    pub fn class_name(self) -> &'static str {
        self.spec().class
    }

    /// The release that brought the class; `None` for those that have always been there.
    #[must_use]
    pub fn since(self) -> Option<&'static str> {
        match self {
            Self::CodeBundleLayer => Some("2.0.3"),
            Self::PixiProject => Some("2.5.12"),
            Self::PixiScript => Some("2.6.6"),
            _ => None,
        }
    }

    /// The names of the class's fields, as its constructor takes them.
    pub fn parameters(self) -> impl Iterator<Item = (&'static str, bool)> {
        let spec = self.spec();
        let (late, early) = spec.fields.split_at(spec.first_parameter);
        early.iter().chain(late).map(|(name, default)| (*name, *default == Default::Required))
    }

    /// The class of a name, among those that user code constructs itself.
    #[must_use]
    pub fn by_class_name(name: &str) -> Option<Self> {
        [
            Self::PipPackages,
            Self::Requirements,
            Self::PythonWheels,
            Self::UVProject,
            Self::PoetryProject,
            Self::PixiProject,
            Self::UVScript,
            Self::PixiScript,
            Self::AptPackages,
            Self::Commands,
            Self::WorkDir,
            Self::DockerIgnore,
            Self::CopyConfig,
            Self::CodeBundleLayer,
            Self::DockerLines,
            Self::Env,
        ]
        .into_iter()
        .find(|kind| kind.class_name() == name)
    }
}

impl Default {
    fn value(self) -> Value {
        match self {
            Default::Required | Default::None => Value::None,
            Default::False => Value::Bool(false),
            Default::Text(text) => Value::from(text),
            Default::Texts(texts) => Value::strings(texts),
            Default::EmptyTuple => Value::Tuple([].into()),
        }
    }
}

/// A layer of an image.
#[derive(Debug, Clone, PartialEq)]
pub struct Layer {
    /// flyte's class.
    pub kind: LayerKind,
    values: Vec<Value>,
    /// The call that added it; `None` for layers that flyte adds itself.
    pub site: Option<Arc<CallSite>>,
}

impl Layer {
    /// Constructs a layer as flyte's class does.
    ///
    /// # Errors
    /// flyte's TypeError where a field holds a list; pathlib's where a source is no path.
    pub fn new(kind: LayerKind, given: &[(&str, Value)]) -> Res<Self> {
        let spec = kind.spec();
        let values: Vec<Value> = spec
            .fields
            .iter()
            .map(|(name, default)| {
                given.iter().find(|(n, _)| n == name).map_or_else(|| default.value(), |(_, v)| v.clone())
            })
            .collect();
        if spec.checked {
            for ((field, _), value) in spec.fields.iter().zip(&values) {
                check_no_list(spec.class, field, value)?;
            }
        }
        Ok(Self { kind, values, site: None })
    }

    /// A field's value; `None` for a name that is no field.
    #[must_use]
    pub fn get(&self, field: &str) -> &Value {
        let place = self.kind.spec().fields.iter().position(|(name, _)| *name == field);
        place.and_then(|p| self.values.get(p)).unwrap_or(&Value::None)
    }

    /// The type of the first value that keeps the layer from being hashed.
    #[must_use]
    pub fn unhashable(&self) -> Option<&'static str> {
        self.values.iter().find_map(Value::unhashable)
    }

    /// The same layer with another value of a field.
    #[must_use]
    pub fn with(mut self, field: &str, value: Value) -> Self {
        if let Some(place) = self.kind.spec().fields.iter().position(|(name, _)| *name == field) {
            self.values[place] = value;
        }
        self
    }

    /// Whether a field is `"dependencies_only"`.
    ///
    /// # Errors
    /// Where the mode is not known.
    pub fn dependencies_only(&self) -> Res<bool> {
        Ok(matches!(self.get("project_install_mode").known()?, Value::Str(s) if &**s == "dependencies_only"))
    }

    /// `repr(layer)`, as `rich.repr.auto` makes it.
    ///
    /// A required field is yielded bare, and rich takes a bare tuple for `(name, value[, default])`: one element
    /// stands alone, two become `name=value`, three whose last two are equal vanish, none at all is an error.
    ///
    /// # Errors
    /// ValueError for an empty required tuple, as in flyte.
    pub fn repr(&self) -> Res<String> {
        let spec = self.kind.spec();
        let order = (spec.first_parameter..spec.fields.len()).chain(0..spec.first_parameter);
        let mut shown = Vec::new();
        for place in order {
            let ((name, default), value) = (spec.fields[place], &self.values[place]);
            match (default, value) {
                (Default::Required, Value::Tuple(items)) => shown.extend(bare_tuple(items)?),
                (Default::Required, _) => shown.push(value.repr()?),
                (Default::EmptyTuple, _) => shown.push(format!("{name}={}", value.repr()?)),
                _ if value.known()? != &default.value() => shown.push(format!("{name}={}", value.repr()?)),
                _ => {}
            }
        }
        Ok(format!("{}({})", spec.class, shown.join(", ")))
    }
}

fn bare_tuple(items: &[Value]) -> Res<Option<String>> {
    match items {
        [] => raise("ValueError", "not enough values to unpack (expected at least 2, got 0)"),
        [one] => one.repr().map(Some),
        [Value::None, value, ..] => value.repr().map(Some),
        [_, value, default, ..] if value == default => Ok(None),
        [name, value, ..] => Ok(Some(format!("{}={}", name.str()?, value.repr()?))),
    }
}

fn check_no_list(class: &str, field: &'static str, value: &Value) -> Res<()> {
    const HINT: &str =
        "Hint: Pass items as separate arguments, e.g., 'vim', 'git' instead of ['vim', 'git'].";
    let cause = Cause::List { field };
    match value {
        Value::List(_) => raise_for(
            "TypeError",
            format!("{class} field '{field}' is a list: {}. {HINT}", value.repr()?),
            cause,
        ),
        Value::Tuple(items) => {
            for (i, item) in items.iter().enumerate() {
                if matches!(item, Value::List(_)) {
                    let shown = item.repr()?;
                    let message =
                        format!("{class} field '{field}' contains a list at index {i}: {shown}. {HINT}");
                    return raise_for("TypeError", message, cause);
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}
