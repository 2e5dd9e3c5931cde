//! flyte's methods as data, and what each does to an image.
//!
//! Source: flyte 2.12.1, the methods of `_image.py`.

use std::sync::Arc;

use crate::constructors;
use crate::error::{Cause, Res, raise, raise_for};
use crate::image::{Changes, Image};
use crate::layer::{Layer, LayerKind};
use crate::origin::{CallSite, Site};
use crate::path::PyPath;
use crate::signature::{self, Arguments, Kind, Slot};
use crate::value::{Value, attribute_error};
use crate::world::{Fact, World};

/// An argument of a call: its value, and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// The value.
    pub value: Value,
    /// The place of the argument in the call.
    pub site: Option<Site>,
    /// A layer, for `clone(addl_layer=…)`.
    pub layer: Option<Arc<Layer>>,
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
}

/// A method of `flyte.Image`.
pub struct Method {
    /// Its name.
    pub name: &'static str,
    /// A class method that makes an image, rather than one that changes an image.
    pub constructor: bool,
    /// Its parameters, without `self` and `cls`.
    pub parameters: &'static [Parameter],
    apply: Apply,
}

enum Apply {
    Constructor(fn(&Bound, &World<'_>) -> Res<Image>),
    Change(fn(&Image, &Bound, &World<'_>) -> Res<Image>),
}

const fn p(name: &'static str, default: Default) -> Parameter {
    Parameter { name, kind: Kind::Positional, default }
}

const fn k(name: &'static str, default: Default) -> Parameter {
    Parameter { name, kind: Kind::KeywordOnly, default }
}

const fn many(name: &'static str) -> Parameter {
    Parameter { name, kind: Kind::Many, default: Default::None }
}

use self::Default::{False, None as Nil, Required, Text, True};

/// Every method of `flyte.Image`.
pub static METHODS: &[Method] = &[
    Method {
        name: "from_debian_base",
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
        constructor: true,
        parameters: &[p("image_uri", Required)],
        apply: Apply::Constructor(constructors::from_base),
    },
    Method {
        name: "from_ref_name",
        constructor: true,
        parameters: &[p("name", Text("default"))],
        apply: Apply::Constructor(constructors::from_ref_name),
    },
    Method {
        name: "from_dockerfile",
        constructor: true,
        parameters: &[p("file", Required), p("registry", Required), p("name", Required), p("platform", Nil)],
        apply: Apply::Constructor(constructors::from_dockerfile),
    },
    Method {
        name: "from_uv_script",
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
        constructor: false,
        parameters: &[
            p("registry", Nil),
            p("registry_secret", Nil),
            p("name", Nil),
            p("base_image", Nil),
            p("python_version", Nil),
            p("addl_layer", Nil),
            p("extendable", Nil),
            p("platform", Nil),
        ],
        apply: Apply::Change(clone),
    },
    Method {
        name: "with_pip_packages",
        constructor: false,
        parameters: &[
            many("packages"),
            k("index_url", Nil),
            k("extra_index_urls", Nil),
            k("pre", False),
            k("extra_args", Nil),
            k("secret_mounts", Nil),
        ],
        apply: Apply::Change(with_pip_packages),
    },
    Method {
        name: "with_requirements",
        constructor: false,
        parameters: &[
            p("file", Required),
            p("index_url", Nil),
            p("extra_index_urls", Nil),
            p("pre", False),
            p("extra_args", Nil),
            p("secret_mounts", Nil),
        ],
        apply: Apply::Change(with_requirements),
    },
    Method {
        name: "with_apt_packages",
        constructor: false,
        parameters: &[many("packages"), k("secret_mounts", Nil)],
        apply: Apply::Change(with_apt_packages),
    },
    Method {
        name: "with_commands",
        constructor: false,
        parameters: &[p("commands", Required), p("secret_mounts", Nil)],
        apply: Apply::Change(with_commands),
    },
    Method {
        name: "with_env_vars",
        constructor: false,
        parameters: &[p("env_vars", Required)],
        apply: Apply::Change(with_env_vars),
    },
    Method {
        name: "with_workdir",
        constructor: false,
        parameters: &[p("workdir", Required)],
        apply: Apply::Change(with_workdir),
    },
    Method {
        name: "with_source_folder",
        constructor: false,
        parameters: &[p("src", Required), p("dst", Text(".")), p("copy_contents_only", False)],
        apply: Apply::Change(with_source_folder),
    },
    Method {
        name: "with_source_file",
        constructor: false,
        parameters: &[p("src", Required), p("dst", Text("."))],
        apply: Apply::Change(with_source_file),
    },
    Method {
        name: "with_code_bundle",
        constructor: false,
        parameters: &[p("copy_style", Text("loaded_modules")), p("dst", Text("."))],
        apply: Apply::Change(with_code_bundle),
    },
    Method {
        name: "with_dockerignore",
        constructor: false,
        parameters: &[p("path", Required)],
        apply: Apply::Change(with_dockerignore),
    },
    Method {
        name: "with_uv_project",
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
        apply: Apply::Change(with_uv_project),
    },
    Method {
        name: "with_poetry_project",
        constructor: false,
        parameters: &[
            p("pyproject_file", Required),
            p("poetry_lock", Nil),
            p("extra_args", Nil),
            p("secret_mounts", Nil),
            p("project_install_mode", Text("dependencies_only")),
        ],
        apply: Apply::Change(with_poetry_project),
    },
    Method {
        name: "with_pixi_project",
        constructor: false,
        parameters: &[
            p("manifest_file", Required),
            p("pixi_lock", Nil),
            p("environment", Text("default")),
            p("extra_args", Nil),
            p("secret_mounts", Nil),
            p("project_install_mode", Text("dependencies_only")),
        ],
        apply: Apply::Change(with_pixi_project),
    },
    Method {
        name: "with_local_v2",
        constructor: false,
        parameters: &[],
        apply: Apply::Change(with_local_v2),
    },
    Method {
        name: "with_local_rs_controller",
        constructor: false,
        parameters: &[],
        apply: Apply::Change(with_local_rs_controller),
    },
    Method {
        name: "with_local_v2_plugins",
        constructor: false,
        parameters: &[p("plugins", Nil)],
        apply: Apply::Change(with_local_v2_plugins),
    },
];

/// The method of a name.
#[must_use]
pub fn method(name: &str) -> Option<&'static Method> {
    METHODS.iter().find(|m| m.name == name)
}

/// The arguments of a call, bound to the method's parameters.
pub struct Bound {
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
            Some((parameter, _)) => match parameter.default {
                Required | Nil => Value::None,
                False => Value::Bool(false),
                True => Value::Bool(true),
                Text(text) => Value::from(text),
            },
            None => Value::None,
        }
    }

    fn layer(&self, name: &str) -> Option<Layer> {
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
    /// Binds the arguments of a call and notes where each stands.
    ///
    /// # Errors
    /// Python's TypeError for a call that does not fit.
    pub fn bind(
        &'static self,
        arguments: &Arguments<Argument>,
        place: Option<(Site, Site)>,
    ) -> Res<(Bound, Option<Arc<CallSite>>)> {
        let parameters: Vec<signature::Parameter<'_>> = self
            .parameters
            .iter()
            .map(|p| signature::Parameter { name: p.name, kind: p.kind, required: p.default == Required })
            .collect();
        let qualname = format!("Image.{}", self.name);
        let slots = match signature::bind(&qualname, 1, &parameters, arguments) {
            Ok(slots) => slots,
            Err(message) => return raise_for("TypeError", message, Cause::Signature),
        };
        let slots: Vec<_> = self.parameters.iter().zip(slots).collect();
        let site = place.map(|(site, expression)| {
            let mut places = Vec::new();
            for (parameter, slot) in &slots {
                let given: &[Argument] = match slot {
                    Slot::Given(argument) => std::slice::from_ref(argument),
                    Slot::Many(items) => items,
                    _ => &[],
                };
                let name = parameter.name;
                places.extend(given.iter().filter_map(|a| Some((name.to_owned(), a.site.clone()?))));
            }
            Arc::new(CallSite { method: self.name, site, expression, arguments: places })
        });
        Ok((Bound { slots, site: site.clone() }, site))
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
                Ok(image)
            }
            Apply::Change(_) => {
                crate::error::unknown(format!("Image.{} is called without an image", self.name))
            }
        }
    }

    /// Changes an image.
    ///
    /// # Errors
    /// flyte's errors of the definition stage.
    pub fn change(&self, image: &Image, bound: &Bound, world: &World<'_>) -> Res<Image> {
        match &self.apply {
            Apply::Change(apply) => apply(image, bound, world),
            // Python lets a class method be called on an instance.
            Apply::Constructor(_) => self.construct(bound, world),
        }
    }
}

fn clone(image: &Image, a: &Bound, _: &World<'_>) -> Res<Image> {
    let given = a.value("addl_layer");
    let layer = a.layer("addl_layer").map(|l| a.sited(l));
    if layer.is_none() && !matches!(given, Value::None) {
        return crate::error::unknown("the layer given to clone() is not known");
    }
    image.clone_with(Changes {
        registry: a.value("registry"),
        registry_secret: a.value("registry_secret"),
        name: a.value("name"),
        base_image: a.value("base_image"),
        python_version: a.value("python_version"),
        extendable: a.value("extendable"),
        platform: a.value("platform"),
        layer,
    })
}

/// The options that pip layers share, as they are given to the layer.
fn pip_options(a: &Bound) -> [(&'static str, Value); 5] {
    [
        ("index_url", a.value("index_url")),
        ("extra_index_urls", a.value("extra_index_urls").ensure_tuple_or_none()),
        ("pre", a.value("pre")),
        ("extra_args", a.value("extra_args")),
        ("secret_mounts", a.value("secret_mounts").ensure_tuple_or_none()),
    ]
}

fn add(image: &Image, a: &Bound, kind: LayerKind, fields: &[(&str, Value)]) -> Res<Image> {
    image.with_layer(a.sited(Layer::new(kind, fields)?))
}

fn with_pip_packages(image: &Image, a: &Bound, _: &World<'_>) -> Res<Image> {
    let packages = match a.value("packages") {
        Value::Tuple(items) if items.is_empty() => Value::None,
        given => given,
    };
    let mut fields = pip_options(a).to_vec();
    fields.push(("packages", packages));
    add(image, a, LayerKind::PipPackages, &fields)
}

fn with_requirements(image: &Image, a: &Bound, _: &World<'_>) -> Res<Image> {
    let file = text_to_path(a.value("file"));
    let path = file.path_for("suffix")?;
    if path.suffix() != ".txt" {
        let message = format!("Requirements file {path} must have a .txt extension");
        return raise_for("ValueError", message, Cause::NotTxt { path: path.to_string() });
    }
    let mut fields = pip_options(a).to_vec();
    fields.push(("file", file));
    add(image, a, LayerKind::Requirements, &fields)
}

/// `if isinstance(x, str): x = Path(x)`
fn text_to_path(value: Value) -> Value {
    match value {
        Value::Str(s) => Value::Path(PyPath::new(&s)),
        other => other,
    }
}

fn secrets(a: &Bound) -> Value {
    a.value("secret_mounts").ensure_tuple_or_none()
}

fn with_apt_packages(image: &Image, a: &Bound, _: &World<'_>) -> Res<Image> {
    let fields = [("packages", a.value("packages")), ("secret_mounts", secrets(a))];
    add(image, a, LayerKind::AptPackages, &fields)
}

fn with_commands(image: &Image, a: &Bound, _: &World<'_>) -> Res<Image> {
    let fields = [("commands", a.value("commands").ensure_tuple()), ("secret_mounts", secrets(a))];
    add(image, a, LayerKind::Commands, &fields)
}

fn with_env_vars(image: &Image, a: &Bound, _: &World<'_>) -> Res<Image> {
    let given = a.value("env_vars");
    let variables = match given.known()? {
        Value::Dict(pairs) => {
            pairs.iter().map(|(k, v)| Value::Tuple([k.clone(), v.clone()].into())).collect()
        }
        other => return attribute_error(other, "items"),
    };
    add(image, a, LayerKind::Env, &[("env_vars", Value::Tuple(variables))])
}

fn with_workdir(image: &Image, a: &Bound, _: &World<'_>) -> Res<Image> {
    add(image, a, LayerKind::WorkDir, &[("workdir", a.value("workdir"))])
}

fn copy_layer(kind: i64, source: &Value, target: &Value, a: &Bound, world: &World<'_>) -> Res<Layer> {
    let source = match source {
        Value::Unknown(_) => source.clone(),
        known => Value::Path(known.to_path(world.env.python_312())?),
    };
    let fields = [("path_type", Value::Int(kind)), ("src", source), ("dst", target.clone())];
    Ok(a.sited(Layer::new(LayerKind::CopyConfig, &fields)?))
}

fn with_source_folder(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let (source, mut target) = (a.value("src"), a.value("dst"));
    if !a.value("copy_contents_only").truthy()? {
        // flyte asks for the name even where it is then not used: only when dst is ".".
        if matches!(target.known()?, Value::Str(s) if &**s == ".") {
            target = Value::from(format!("./{}", source.path_for("name")?.name()));
        }
    }
    image.with_layer(copy_layer(1, &source, &target, a, world)?)
}

fn with_source_file(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let (source, target) = (a.value("src"), a.value("dst"));
    let Value::List(files) = source.known()? else {
        return image.with_layer(copy_layer(0, &source, &target, a, world)?);
    };
    let mut names: Vec<&str> = Vec::new();
    for file in files.iter() {
        names.push(file.path_for("name")?.name());
    }
    let mut twice: Vec<&str> =
        names.iter().filter(|n| names.iter().filter(|m| m == n).count() > 1).copied().collect();
    twice.sort_unstable();
    twice.dedup();
    if !twice.is_empty() {
        let shown: Vec<String> = twice.iter().map(|n| image_manifests::pytext::repr_str(n)).collect();
        let message = format!(
            "Multiple files with the same name would overwrite each other at destination '{}': [{}]",
            target.str()?,
            shown.join(", ")
        );
        return raise("ValueError", message);
    }
    let mut changed = image.clone();
    for file in files.iter() {
        changed = changed.with_layer(copy_layer(0, file, &target, a, world)?)?;
    }
    Ok(changed)
}

fn with_code_bundle(image: &Image, a: &Bound, _: &World<'_>) -> Res<Image> {
    let fields = [("copy_style", a.value("copy_style")), ("dst", a.value("dst"))];
    add(image, a, LayerKind::CodeBundleLayer, &fields)
}

fn with_dockerignore(image: &Image, a: &Bound, _: &World<'_>) -> Res<Image> {
    let path = match a.value("path") {
        Value::Unknown(why) => Value::Unknown(why),
        known => Value::from(known.str()?),
    };
    add(image, a, LayerKind::DockerIgnore, &[("path", path)])
}

/// `folder / name if it exists else None`
fn sibling(folder: &PyPath, name: &str, world: &World<'_>) -> Value {
    let path = folder.join(name);
    if world.exists(&path) { Value::Path(path) } else { Value::None }
}

fn with_uv_project(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let pyproject = text_to_path(a.value("pyproject_file"));
    let mut lock = a.value("uvlock");
    if lock.is_none() {
        lock = sibling(&pyproject.path_for("parent")?.parent(), "uv.lock", world);
    }
    let mut fields = pip_options(a).to_vec();
    // Here, and only here, flyte passes the extra indexes on as they are.
    fields[1].1 = a.value("extra_index_urls");
    fields.push(("pyproject", pyproject));
    fields.push(("uvlock", lock));
    fields.push(("project_install_mode", a.value("project_install_mode")));
    add(image, a, LayerKind::UVProject, &fields)
}

fn with_poetry_project(image: &Image, a: &Bound, _: &World<'_>) -> Res<Image> {
    let pyproject = text_to_path(a.value("pyproject_file"));
    let given = a.value("poetry_lock");
    let lock = if given.truthy()? {
        given
    } else {
        Value::Path(pyproject.path_for("parent")?.parent().join("poetry.lock"))
    };
    let fields = [
        ("pyproject", pyproject),
        ("poetry_lock", lock),
        ("extra_args", a.value("extra_args")),
        ("secret_mounts", secrets(a)),
        ("project_install_mode", a.value("project_install_mode")),
    ];
    add(image, a, LayerKind::PoetryProject, &fields)
}

fn with_pixi_project(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let mut manifest = text_to_path(a.value("manifest_file"));
    let path = manifest.path_for("is_dir")?.clone();
    if world.is_dir(&path) {
        let own = path.join("pixi.toml");
        manifest = Value::Path(if world.exists(&own) { own } else { path.join("pyproject.toml") });
    }
    let mut lock = a.value("pixi_lock");
    if lock.is_none() {
        lock = sibling(&manifest.path_for("parent")?.parent(), "pixi.lock", world);
    }
    let fields = [
        ("manifest", manifest),
        ("pixi_lock", lock),
        ("environment", a.value("environment")),
        ("extra_args", a.value("extra_args")),
        ("secret_mounts", secrets(a)),
        ("project_install_mode", a.value("project_install_mode")),
    ];
    add(image, a, LayerKind::PixiProject, &fields)
}

/// `DIST_FOLDER` and its sibling: folders beside the one that flyte is installed in.
///
/// # Errors
/// Unknown where flyte is not installed.
pub fn wheel_folder(name: &str, world: &World<'_>) -> Res<PyPath> {
    world.uses(Fact::InstallDir);
    match &world.env.site_packages {
        Some(site) => Ok(PyPath::new(site).parent().join(name)),
        None => crate::error::unknown("the wheels lie beside the installed flyte, and none was found"),
    }
}

fn wheels(folder: &PyPath, package: &str, a: &Bound) -> Res<Layer> {
    let fields = [("wheel_dir", Value::Path(folder.clone())), ("package_name", Value::from(package))];
    Ok(a.sited(Layer::new(LayerKind::PythonWheels, &fields)?))
}

fn with_local_v2(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let folder = wheel_folder("dist", world)?;
    let changed = image.with_layer(wheels(&folder, "flyte", a)?)?;
    let entries = world.fs.read_dir(&world.resolve(&folder)).unwrap_or_default();
    let mut wheels_of_idl: Vec<String> = entries
        .into_iter()
        .filter_map(|e| e.name)
        .filter(|n| n.starts_with("flyteidl2-") && n.ends_with(".whl"))
        .collect();
    wheels_of_idl.sort();
    match wheels_of_idl.len() {
        0 => Ok(changed),
        1 => changed.with_layer(wheels(&folder, "flyteidl2", a)?),
        _ => {
            let names: Vec<String> =
                wheels_of_idl.iter().map(|n| image_manifests::pytext::repr_str(n)).collect();
            let names = names.join(", ");
            let message = format!(
                "More than one flyteidl2 wheel in dist/, and the dev image would bake whichever one wins: [{names}]. Keep \
                 exactly one."
            );
            raise("ValueError", message)
        }
    }
}

fn with_local_rs_controller(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let folder = wheel_folder("rs_controller/dist", world)?;
    image.with_layer(wheels(&folder, "flyte_controller_base", a)?)
}

fn with_local_v2_plugins(image: &Image, a: &Bound, world: &World<'_>) -> Res<Image> {
    let given = a.value("plugins");
    let plugins = match given.known()? {
        Value::Str(_) => vec![given],
        other if !other.truthy()? => Vec::new(),
        other => other.iterate()?,
    };
    let mut changed = image.clone();
    for plugin in plugins {
        let Value::Str(name) = plugin.known()? else { return attribute_error(&plugin, "startswith") };
        if !name.starts_with("flyteplugins-") {
            return raise("ValueError", format!("Plugin {name} must start with 'flyteplugins-'"));
        }
        let folder = wheel_folder("dist", world)?;
        changed = changed.with_layer(wheels(&folder, &name.replace('-', "_"), a)?)?;
    }
    Ok(changed)
}
