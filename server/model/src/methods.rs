//! flyte's methods as data, and what each does to an image.
//!
//! Source: flyte 2.12.1, the methods of `_image.py`.

use std::sync::Arc;

use crate::error::{Cause, Res, raise_for, unknown};
use crate::image::Image;
use crate::layer::Layer;
use crate::origin::{CallSite, Given, Origin, Site};
use crate::release::Release;
use crate::signature::{self, Arguments, Kind, Mismatch, Slot};
use crate::value::Value;
use crate::world::World;
use crate::{changes, constructors};

/// An argument of a call: its value, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// The value.
    pub value: Value,
    /// The place of the argument in the call.
    pub site: Option<Site>,
    /// It was passed by name.
    pub keyword: bool,
    /// Where the value was written.
    pub origin: Origin,
    /// A layer, for `clone(addl_layer=…)`.
    pub layer: Option<Arc<Layer>>,
}

/// Where a method is called; see [`CallSite`].
#[derive(Debug, Clone)]
pub struct Place {
    /// From the method's name to the closing parenthesis.
    pub site: Site,
    /// The whole expression.
    pub expression: Site,
    /// The call in the file that is looked at, where this one is in another file.
    pub called_from: Option<Site>,
}

/// The default of a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Default {
    /// The call must give it.
    Required,
    /// `None`
    None,
    /// `False`
    False,
    /// `True`
    True,
    /// A string.
    Text(&'static str),
}

/// A parameter of a method.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    /// Its name.
    pub name: &'static str,
    /// How it takes arguments.
    pub kind: Kind,
    /// Its default.
    pub default: Default,
    /// The release that brought it.
    pub since: &'static str,
}

/// A method of `flyte.Image`.
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// The release that brought it.
    pub since: &'static str,
    /// A class method that makes an image, rather than one that changes an image.
    pub constructor: bool,
    /// The parameters of all releases, without `self` and `cls`.
    pub(crate) parameters: &'static [Parameter],
    apply: Apply,
}

enum Apply {
    Constructor(fn(&Bound, &World<'_>) -> Res<Image>),
    Change(fn(&Image, &Bound, &World<'_>) -> Res<Image>),
}

/// The oldest release covered: what has always been there came with it.
const ALWAYS: &str = "2.0.0b54";

const fn p(name: &'static str, default: Default) -> Parameter {
    Parameter { name, kind: Kind::Positional, default, since: ALWAYS }
}

const fn k(name: &'static str, default: Default) -> Parameter {
    Parameter { name, kind: Kind::KeywordOnly, default, since: ALWAYS }
}

const fn many(name: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Many, default: Default::None, since: ALWAYS }
}

impl Parameter {
    const fn since(self, since: &'static str) -> Self {
        Self { since, ..self }
    }
}

use self::Default::{False, None as Nil, Required, Text, True};

/// Every method of `flyte.Image`, of every release.
pub static METHODS: &[Method] = &[
    Method {
        name: "from_debian_base",
        since: ALWAYS,
        constructor: true,
        parameters: &[
            p("python_version", Nil),
            p("flyte_version", Nil),
            p("install_flyte", True),
            p("registry", Nil),
            p("registry_secret", Nil),
            p("name", Nil),
            p("platform", Nil),
        ],
        apply: Apply::Constructor(constructors::from_debian_base),
    },
    Method {
        name: "from_base",
        since: ALWAYS,
        constructor: true,
        parameters: &[p("image_uri", Required)],
        apply: Apply::Constructor(constructors::from_base),
    },
    Method {
        name: "from_ref_name",
        since: ALWAYS,
        constructor: true,
        parameters: &[p("name", Text("default"))],
        apply: Apply::Constructor(constructors::from_ref_name),
    },
    Method {
        name: "from_dockerfile",
        since: ALWAYS,
        constructor: true,
        parameters: &[p("file", Required), p("registry", Required), p("name", Required), p("platform", Nil)],
        apply: Apply::Constructor(constructors::from_dockerfile),
    },
    Method {
        name: "from_uv_script",
        since: ALWAYS,
        constructor: true,
        parameters: &[
            p("script", Required),
            k("name", Required),
            k("registry", Nil),
            k("registry_secret", Nil),
            k("python_version", Nil),
            k("index_url", Nil),
            k("extra_index_urls", Nil),
            k("pre", False),
            k("extra_args", Nil),
            k("platform", Nil),
            k("secret_mounts", Nil),
        ],
        apply: Apply::Constructor(constructors::from_uv_script),
    },
    Method {
        name: "from_pixi_script",
        since: "2.6.6",
        constructor: true,
        parameters: &[
            p("script", Required),
            k("name", Required),
            k("registry", Nil),
            k("registry_secret", Nil),
            k("environment", Text("default")),
            k("extra_args", Nil),
            k("platform", Nil),
            k("secret_mounts", Nil),
        ],
        apply: Apply::Constructor(constructors::from_pixi_script),
    },
    Method {
        name: "clone",
        since: ALWAYS,
        constructor: false,
        parameters: &[
            p("registry", Nil),
            p("registry_secret", Nil),
            p("name", Nil),
            p("base_image", Nil),
            p("python_version", Nil),
            p("addl_layer", Nil),
            p("extendable", Nil).since("2.0.0b58"),
            p("platform", Nil).since("2.5.2"),
        ],
        apply: Apply::Change(changes::clone),
    },
    Method {
        name: "with_pip_packages",
        since: ALWAYS,
        constructor: false,
        parameters: &[
            many("packages"),
            k("index_url", Nil),
            k("extra_index_urls", Nil),
            k("pre", False),
            k("extra_args", Nil),
            k("secret_mounts", Nil),
        ],
        apply: Apply::Change(changes::with_pip_packages),
    },
    Method {
        name: "with_requirements",
        since: ALWAYS,
        constructor: false,
        parameters: &[
            p("file", Required),
            // They came before secret_mounts, which until then was the second positional parameter.
            p("index_url", Nil).since("2.0.7"),
            p("extra_index_urls", Nil).since("2.0.7"),
            p("pre", False).since("2.0.7"),
            p("extra_args", Nil).since("2.0.7"),
            p("secret_mounts", Nil),
        ],
        apply: Apply::Change(changes::with_requirements),
    },
    Method {
        name: "with_apt_packages",
        since: ALWAYS,
        constructor: false,
        parameters: &[many("packages"), k("secret_mounts", Nil)],
        apply: Apply::Change(changes::with_apt_packages),
    },
    Method {
        name: "with_commands",
        since: ALWAYS,
        constructor: false,
        parameters: &[p("commands", Required), p("secret_mounts", Nil)],
        apply: Apply::Change(changes::with_commands),
    },
    Method {
        name: "with_env_vars",
        since: ALWAYS,
        constructor: false,
        parameters: &[p("env_vars", Required)],
        apply: Apply::Change(changes::with_env_vars),
    },
    Method {
        name: "with_workdir",
        since: ALWAYS,
        constructor: false,
        parameters: &[p("workdir", Required)],
        apply: Apply::Change(changes::with_workdir),
    },
    Method {
        name: "with_source_folder",
        since: ALWAYS,
        constructor: false,
        parameters: &[p("src", Required), p("dst", Text(".")), p("copy_contents_only", False)],
        apply: Apply::Change(changes::with_source_folder),
    },
    Method {
        name: "with_source_file",
        since: ALWAYS,
        constructor: false,
        parameters: &[p("src", Required), p("dst", Text("."))],
        apply: Apply::Change(changes::with_source_file),
    },
    Method {
        name: "with_code_bundle",
        since: "2.0.3",
        constructor: false,
        parameters: &[p("copy_style", Text("loaded_modules")), p("dst", Text("."))],
        apply: Apply::Change(changes::with_code_bundle),
    },
    Method {
        name: "with_dockerignore",
        since: ALWAYS,
        constructor: false,
        parameters: &[p("path", Required)],
        apply: Apply::Change(changes::with_dockerignore),
    },
    Method {
        name: "with_uv_project",
        since: ALWAYS,
        constructor: false,
        parameters: &[
            p("pyproject_file", Required),
            p("uvlock", Nil),
            p("index_url", Nil),
            p("extra_index_urls", Nil),
            p("pre", False),
            p("extra_args", Nil),
            p("secret_mounts", Nil),
            p("project_install_mode", Text("dependencies_only")),
        ],
        apply: Apply::Change(changes::with_uv_project),
    },
    Method {
        name: "with_poetry_project",
        since: ALWAYS,
        constructor: false,
        parameters: &[
            p("pyproject_file", Required),
            p("poetry_lock", Nil),
            p("extra_args", Nil),
            p("secret_mounts", Nil),
            p("project_install_mode", Text("dependencies_only")),
        ],
        apply: Apply::Change(changes::with_poetry_project),
    },
    Method {
        name: "with_pixi_project",
        since: "2.5.12",
        constructor: false,
        parameters: &[
            p("manifest_file", Required),
            p("pixi_lock", Nil),
            p("environment", Text("default")),
            p("extra_args", Nil),
            p("secret_mounts", Nil),
            p("project_install_mode", Text("dependencies_only")),
        ],
        apply: Apply::Change(changes::with_pixi_project),
    },
    Method {
        name: "with_local_v2",
        since: ALWAYS,
        constructor: false,
        parameters: &[],
        apply: Apply::Change(changes::with_local_v2),
    },
    Method {
        name: "with_local_rs_controller",
        since: "2.3.0b0",
        constructor: false,
        parameters: &[],
        apply: Apply::Change(changes::with_local_rs_controller),
    },
    Method {
        name: "with_local_v2_plugins",
        since: "2.0.10",
        constructor: false,
        parameters: &[p("plugins", Nil)],
        apply: Apply::Change(changes::with_local_v2_plugins),
    },
];

/// The method of a name, whatever release it came with.
#[must_use]
pub fn method(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|m| m.name == name)
}

/// The methods that a release has.
pub fn methods_of(release: &Release) -> impl Iterator<Item = &'static Method> {
    METHODS.iter().filter(|m| release.has(m.since))
}

/// The arguments of a call, bound to the method's parameters.
pub struct Bound {
    method: &'static Method,
    slots: Vec<(&'static Parameter, Slot<Argument>)>,
    site: Option<Arc<CallSite>>,
}

impl Bound {
    /// The value of a parameter, or its default.
    #[must_use]
    pub fn value(&self, name: &str) -> Value {
        match self.slots.iter().find(|(p, _)| p.name == name) {
            Some((_, Slot::Given(argument) | Slot::Unknown(argument))) => argument.value.clone(),
            Some((_, Slot::Many(items))) => Value::Tuple(items.iter().map(|a| a.value.clone()).collect()),
            // A parameter that the release lacks has its default, too.
            _ => match self.method.parameter(name).map(|p| p.default) {
                Some(False) => Value::Bool(false),
                Some(True) => Value::Bool(true),
                Some(Text(text)) => Value::from(text),
                Some(Required | Nil) | None => Value::None,
            },
        }
    }

    pub(crate) fn layer(&self, name: &str) -> Option<Layer> {
        match self.slots.iter().find(|(p, _)| p.name == name) {
            Some((_, Slot::Given(argument))) => argument.layer.as_deref().cloned(),
            _ => None,
        }
    }

    /// The layer with the call's place.
    pub(crate) fn sited(&self, mut layer: Layer) -> Layer {
        layer.site.clone_from(&self.site);
        layer
    }
}

impl Method {
    /// The parameters that a release has, in order, without `self` and `cls`.
    pub fn parameters_of(&'static self, release: &Release) -> impl Iterator<Item = &'static Parameter> {
        self.parameters.iter().filter(|p| release.has(p.since))
    }

    /// The parameters of all releases, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &'static Parameter> {
        self.parameters.iter()
    }

    /// The parameter of a name, whatever release it came with.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&'static Parameter> {
        self.parameters.iter().find(|p| p.name == name)
    }

    /// Binds the arguments of a call and notes where each stands.
    ///
    /// # Errors
    /// Python's TypeError for a call that does not fit.
    pub fn bind(
        &'static self,
        release: &Release,
        arguments: &Arguments<Argument>,
        place: Option<Place>,
    ) -> Res<(Bound, Option<Arc<CallSite>>)> {
        let own: Vec<&'static Parameter> = self.parameters_of(release).collect();
        let parameters: Vec<signature::Parameter<'_>> = own
            .iter()
            .map(|p| signature::Parameter { name: p.name, kind: p.kind, required: p.default == Required })
            .collect();
        let qualname = format!("Image.{}", self.name);
        let slots = match signature::bind(&qualname, 1, &parameters, arguments) {
            Ok(slots) => slots,
            // A release that is not known may have what the one that it is taken for lacks.
            Err(Mismatch { cause: Cause::UnknownArgument { name }, .. }) if !release.is_exact() => {
                let what =
                    name.map_or_else(|| "more arguments".to_owned(), |name| format!("an argument {name}"));
                return unknown(format!("flyte {} may have {what} of {}", release.version, self.name));
            }
            Err(mismatch) => return raise_for("TypeError", mismatch.message, mismatch.cause),
        };
        let slots: Vec<_> = own.into_iter().zip(slots).collect();
        let is_open = arguments.more_positional.is_some() || arguments.more_keywords.is_some();
        let site = place.map(|place| {
            let mut places = Vec::new();
            for (parameter, slot) in &slots {
                let given: &[Argument] = match slot {
                    Slot::Given(argument) => std::slice::from_ref(argument),
                    Slot::Many(items) => items,
                    _ => &[],
                };
                places.extend(given.iter().filter_map(|a| {
                    Some(Given {
                        parameter: parameter.name,
                        keyword: a.keyword,
                        site: a.site.clone()?,
                        value: a.value.clone(),
                        origin: a.origin.clone(),
                    })
                }));
            }
            Arc::new(CallSite { arguments: places, is_open, ..self.call_site(place) })
        });
        Ok((Bound { method: self, slots, site: site.clone() }, site))
    }

    /// A call of the method of which only the place is known.
    #[must_use]
    pub fn call_site(&self, place: Place) -> CallSite {
        CallSite {
            method: self.name,
            site: place.site,
            expression: place.expression,
            arguments: Vec::new(),
            is_open: false,
            called_from: place.called_from,
        }
    }

    /// Makes an image.
    ///
    /// # Errors
    /// flyte's errors of the definition stage.
    pub fn construct(&self, bound: &Bound, world: &World<'_>) -> Res<Image> {
        match &self.apply {
            Apply::Constructor(apply) => {
                let mut image = apply(bound, world)?;
                image.origin.clone_from(&bound.site);
                image.calls = bound.site.iter().cloned().collect();
                Ok(image)
            }
            Apply::Change(_) => unknown(format!("Image.{} is called without an image", self.name)),
        }
    }

    /// Changes an image.
    ///
    /// # Errors
    /// flyte's errors of the definition stage.
    pub fn change(&self, image: &Image, bound: &Bound, world: &World<'_>) -> Res<Image> {
        match &self.apply {
            Apply::Change(apply) => {
                let mut changed = apply(image, bound, world)?;
                changed.calls.extend(bound.site.iter().cloned());
                Ok(changed)
            }
            // Python lets a class method be called on an instance.
            Apply::Constructor(_) => self.construct(bound, world),
        }
    }
}
