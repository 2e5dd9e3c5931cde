//! `Image.from_*`. Source: flyte 2.12.1, the class methods of `_image.py`.

use crate::development;
use crate::dockerfile::dotted_version;
use crate::error::{Cause, Res, raise, raise_for};
use crate::image::{Changes, Image};
use crate::layer::{Layer, LayerKind};
use crate::layers::pixi_subdirs;
use crate::methods::Bound;
use crate::path::PyPath;
use crate::release::{DefaultUser, Version};
use crate::value::{Value, attribute_error};
use crate::world::{Fact, World};

/// The command that creates the user `flyte`: an image that has it as a command of its own ends as that user.
pub const CREATE_USER: &str = "if ! id -u flyte >/dev/null 2>&1; then useradd --create-home --shell /bin/bash flyte; fi && \
     mkdir -p /home/flyte && chown -R flyte:flyte /home/flyte && chown -R flyte:flyte /root";

/// The line that creates the user `flytekit`, in the releases before.
const CREATE_FLYTEKIT: &str = "RUN useradd --create-home --shell /bin/bash flytekit && chown -R flytekit /root && chown -R flytekit /home";

const PLATFORMS: [&str; 2] = ["linux/amd64", "linux/arm64"];

/// `Image.from_base(image_uri)`
pub(crate) fn from_base(arguments: &Bound, world: &World<'_>) -> Res<Image> {
    Ok(Image { base_image: arguments.value("image_uri"), ..Image::empty(world) })
}

/// `Image.from_ref_name(name)`
pub(crate) fn from_ref_name(arguments: &Bound, world: &World<'_>) -> Res<Image> {
    let name = arguments.value("name");
    Ok(Image { name: name.clone(), ref_name: name, ..Image::empty(world) })
}

/// `Image.from_dockerfile(file, registry, name, platform)`
pub(crate) fn from_dockerfile(arguments: &Bound, world: &World<'_>) -> Res<Image> {
    let file = match arguments.value("file") {
        Value::Str(s) if world.behaviours().dockerfile_may_be_text => Value::Path(PyPath::new(&s)),
        other => other,
    };
    let empty = Image::empty(world);
    let platform = arguments.value("platform").ensure_tuple_or_none();
    Ok(Image {
        dockerfile: file,
        registry: arguments.value("registry"),
        name: arguments.value("name"),
        platform: if platform.is_none() { empty.platform.clone() } else { platform },
        cloned: true,
        ..empty
    })
}

/// `Image.from_debian_base(…)`
pub(crate) fn from_debian_base(arguments: &Bound, world: &World<'_>) -> Res<Image> {
    let base = DebianBase {
        python_version: arguments.value("python_version"),
        flyte_version: arguments.value("flyte_version"),
        install_flyte: arguments.value("install_flyte"),
        registry: arguments.value("registry"),
        registry_secret: arguments.value("registry_secret"),
        name: arguments.value("name"),
        platform: arguments.value("platform"),
    };
    base.image(world)
}

struct DebianBase {
    python_version: Value,
    flyte_version: Value,
    install_flyte: Value,
    registry: Value,
    registry_secret: Value,
    name: Value,
    platform: Value,
}

impl DebianBase {
    fn image(self, world: &World<'_>) -> Res<Image> {
        let image = self.default_image(world)?;
        if self.registry.truthy()? || self.name.truthy()? {
            let changes = Changes {
                registry: self.registry,
                name: self.name,
                registry_secret: self.registry_secret,
                extendable: Value::Bool(true),
                ..Changes::default()
            };
            return image.clone_with(changes, world);
        }
        Ok(image)
    }

    /// `_get_default_image_for`
    fn default_image(&self, world: &World<'_>) -> Res<Image> {
        let mut image = Image::empty(world);
        if !self.python_version.known()?.is_none() {
            image.python_is_default = false;
            image.python_version = self.python_version.clone();
        } else {
            image.used.insert(Fact::PythonVersion);
        }
        let python = dotted_version(&image.python_version)?;
        let behaviours = world.behaviours();
        let install = self.install_flyte.truthy()?;
        let is_development =
            install && world.env.release.version.contains("dev") && !self.flyte_version.truthy()?;
        if is_development {
            image.used.insert(Fact::FlyteVersion);
        }
        image.name = Value::from("flyte");
        image.platform =
            if self.platform.is_none() { Value::strings(&PLATFORMS) } else { self.platform.clone() };
        image.extendable = Value::Bool(true);
        let mut tag = format!("py{python}");
        let mut version = None;
        if install || (!behaviours.no_flyte_by_truth && self.install_flyte != Value::Bool(false)) {
            let own = self.flyte_version(world, &mut image)?;
            let suffix = if own.starts_with('v') { own.clone() } else { format!("v{own}") };
            tag = format!("{tag}-{suffix}");
            version = Some(own).filter(|_| install);
        }
        default_registry(world, &mut image)?;
        if install && behaviours.default_is_published && !is_development {
            image.base_image = Value::from(format!("ghcr.io/flyteorg/flyte:{tag}"));
            return Ok(image);
        }
        image.base_image = Value::from(format!("python:{python}-slim-bookworm"));
        for layer in default_layers(world)? {
            image = image.with_layer(layer, world)?;
        }
        if is_development {
            return development::with_own_flyte(&image, world);
        }
        if let Some(version) = version {
            image = image.with_layer(flyte_layer(&version, world)?, world)?;
        }
        image.tag = Some(tag);
        Ok(image)
    }

    fn flyte_version(&self, world: &World<'_>, image: &mut Image) -> Res<String> {
        let own = &world.env.release.version;
        match self.flyte_version.known()? {
            Value::None => {
                image.used.insert(Fact::FlyteVersion);
                Ok(own.replace('+', "-"))
            }
            Value::Str(version) => Ok(version.to_string()),
            other => attribute_error(other, "startswith"),
        }
    }
}

/// The layer that installs flyte, in the releases whose default image is made of layers.
///
/// Source: flyte 2.0.7 and 2.0.10, `_get_default_image_for`.
fn flyte_layer(version: &str, world: &World<'_>) -> Res<Layer> {
    let behaviours = world.behaviours();
    let mut fields = vec![("packages", Value::strings(&[format!("flyte=={version}").as_str()]))];
    if behaviours.reads_flyte_version {
        let Some(version) = Version::of(version) else {
            let shown = image_manifests::pytext::repr_str(version);
            return raise("InvalidVersion", format!("Invalid version: {shown}"));
        };
        if behaviours.default_pre && version.is_prerelease() {
            fields.push(("pre", Value::Bool(true)));
        }
    }
    Layer::new(LayerKind::PipPackages, &fields)
}

/// The registry of a default image. Source: flyte 2.5.9, `_get_base_registry`; 2.12.1, `_get_configured_registry`.
fn default_registry(world: &World<'_>, image: &mut Image) -> Res<()> {
    let behaviours = world.behaviours();
    if behaviours.configured_registry {
        configured_registry(world, image)?;
        if image.registry.truthy()? {
            return Ok(());
        }
    }
    let endpoint = world.env.endpoint.as_deref().filter(|e| e.contains("localhost"));
    if behaviours.localhost_registry && endpoint.is_some() {
        image.used.insert(Fact::Endpoint);
        image.registry = Value::from("localhost:30000");
    } else if let Some(registry) = behaviours.default_registry {
        image.registry = Value::from(registry);
    }
    Ok(())
}

/// The configured registry, which reads the configuration file.
fn configured_registry(world: &World<'_>, image: &mut Image) -> Res<()> {
    if let Some(missing) = &world.env.missing_config {
        let message =
            format!("[Errno 2] No such file or directory: {}", image_manifests::pytext::repr_str(missing));
        return raise_for("FileNotFoundError", message, Cause::Other);
    }
    image.registry = match &world.env.registry {
        Some(registry) if !registry.is_empty() => Value::from(registry.as_str()),
        _ => Value::None,
    };
    image.registry_is_configured = true;
    Ok(())
}

/// The layers of a default image that is not the published one.
fn default_layers(world: &World<'_>) -> Res<Vec<Layer>> {
    let pair = |k: &str, v: &str| Value::strings(&[k, v]);
    let variables = [
        pair("VIRTUAL_ENV", "/opt/venv"),
        pair("PATH", "/opt/venv/bin:$PATH"),
        pair("PYTHONPATH", "/root"),
        pair("UV_LINK_MODE", "copy"),
    ];
    let labels = [
        "LABEL org.opencontainers.image.authors='Union.AI <info@union.ai>'",
        "LABEL org.opencontainers.image.source=https://github.com/flyteorg/flyte",
    ];
    let mut layers = match world.behaviours().default_user {
        DefaultUser::Flytekit => {
            let lines = [&labels[..], &[CREATE_FLYTEKIT, "WORKDIR /root"]].concat();
            vec![Layer::new(LayerKind::DockerLines, &[("lines", Value::strings(&lines))])?]
        }
        DefaultUser::Flyte => vec![
            Layer::new(LayerKind::DockerLines, &[("lines", Value::strings(&labels))])?,
            Layer::new(LayerKind::Commands, &[("commands", Value::strings(&[CREATE_USER]))])?,
            Layer::new(LayerKind::WorkDir, &[("workdir", Value::from("/home/flyte"))])?,
        ],
    };
    layers.push(Layer::new(LayerKind::Env, &[("env_vars", Value::Tuple(variables.into()))])?);
    let packages = Value::strings(&["build-essential", "ca-certificates"]);
    layers.push(Layer::new(LayerKind::AptPackages, &[("packages", packages)])?);
    Ok(layers)
}

fn script_base(arguments: &Bound, python_version: Value) -> DebianBase {
    DebianBase {
        python_version,
        flyte_version: Value::None,
        install_flyte: Value::Bool(false),
        registry: arguments.value("registry"),
        registry_secret: arguments.value("registry_secret"),
        name: arguments.value("name"),
        platform: arguments.value("platform"),
    }
}

/// `Image.from_uv_script(script, *, name, …)`
pub(crate) fn from_uv_script(arguments: &Bound, world: &World<'_>) -> Res<Image> {
    let script = arguments.value("script").to_path(world.env.is_python(3, 12))?;
    let layer = Layer::new(
        LayerKind::UVScript,
        &[
            ("script", Value::Path(script)),
            ("index_url", arguments.value("index_url")),
            ("extra_index_urls", arguments.value("extra_index_urls").ensure_tuple_or_none()),
            ("pre", arguments.value("pre")),
            ("extra_args", arguments.value("extra_args")),
            ("secret_mounts", arguments.value("secret_mounts").ensure_tuple_or_none()),
        ],
    )?;
    let image = script_base(arguments, arguments.value("python_version")).image(world)?;
    image.with_layer(arguments.sited(layer), world)
}

/// `Image.from_pixi_script(script, *, name, …)`
pub(crate) fn from_pixi_script(arguments: &Bound, world: &World<'_>) -> Res<Image> {
    let platform = arguments.value("platform").or(&Value::strings(&PLATFORMS))?;
    let script = arguments.value("script").to_path(world.env.is_python(3, 12))?;
    let layer = Layer::new(
        LayerKind::PixiScript,
        &[
            ("script", Value::Path(script)),
            ("platforms", pixi_subdirs(&platform)?),
            ("environment", arguments.value("environment")),
            ("extra_args", arguments.value("extra_args")),
            ("secret_mounts", arguments.value("secret_mounts").ensure_tuple_or_none()),
        ],
    )?;
    let image = script_base(arguments, Value::None).image(world)?;
    image.with_layer(arguments.sited(layer), world)
}
