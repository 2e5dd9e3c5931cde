//! `Image.from_*`. Source: flyte 2.12.1, the class methods of `_image.py`.

use crate::dockerfile::dotted_version;
use crate::error::{Cause, Res, raise_for, unknown};
use crate::image::{Changes, Image};
use crate::layer::{Layer, LayerKind};
use crate::layers::pixi_subdirs;
use crate::methods::Bound;
use crate::path::PyPath;
use crate::value::{Value, attribute_error};
use crate::world::{Fact, World};

/// The command that creates the user `flyte`: an image that has it as a command of its own ends as that user.
pub const CREATE_USER: &str = "if ! id -u flyte >/dev/null 2>&1; then useradd --create-home --shell /bin/bash flyte; fi && \
     mkdir -p /home/flyte && chown -R flyte:flyte /home/flyte && chown -R flyte:flyte /root";

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
        Value::Str(s) => Value::Path(PyPath::new(&s)),
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
            return image.clone_with(Changes {
                registry: self.registry,
                name: self.name,
                registry_secret: self.registry_secret,
                extendable: Value::Bool(true),
                ..Changes::default()
            });
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
        let install = self.install_flyte.truthy()?;
        image.name = Value::from("flyte");
        image.platform =
            if self.platform.is_none() { Value::strings(&PLATFORMS) } else { self.platform.clone() };
        image.extendable = Value::Bool(true);
        let mut tag = format!("py{python}");
        if install {
            let version = self.flyte_version(world, &mut image)?;
            let suffix = if version.starts_with('v') { version } else { format!("v{version}") };
            tag = format!("{tag}-{suffix}");
        }
        configured_registry(world, &mut image)?;
        if install {
            image.base_image = Value::from(format!("ghcr.io/flyteorg/flyte:{tag}"));
            return Ok(image);
        }
        image.base_image = Value::from(format!("python:{python}-slim-bookworm"));
        for layer in default_layers()? {
            image = image.with_layer(layer)?;
        }
        image.tag = Some(tag);
        Ok(image)
    }

    fn flyte_version(&self, world: &World<'_>, image: &mut Image) -> Res<String> {
        let own = &world.env.release.version;
        if own.contains("dev") && !self.flyte_version.truthy()? {
            return unknown(format!(
                "flyte {own} is a development install, whose default image is made from local wheels"
            ));
        }
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

/// `_get_configured_registry`, which reads the configuration file.
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

/// The layers of a default image that does not come with flyte.
fn default_layers() -> Res<[Layer; 5]> {
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
    Ok([
        Layer::new(LayerKind::DockerLines, &[("lines", Value::strings(&labels))])?,
        Layer::new(LayerKind::Commands, &[("commands", Value::strings(&[CREATE_USER]))])?,
        Layer::new(LayerKind::WorkDir, &[("workdir", Value::from("/home/flyte"))])?,
        Layer::new(LayerKind::Env, &[("env_vars", Value::Tuple(variables.into()))])?,
        Layer::new(
            LayerKind::AptPackages,
            &[("packages", Value::strings(&["build-essential", "ca-certificates"]))],
        )?,
    ])
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
    let script = arguments.value("script").to_path(world.env.python_312())?;
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
    image.with_layer(arguments.sited(layer))
}

/// `Image.from_pixi_script(script, *, name, …)`
pub(crate) fn from_pixi_script(arguments: &Bound, world: &World<'_>) -> Res<Image> {
    let platform = arguments.value("platform").or(&Value::strings(&PLATFORMS))?;
    let script = arguments.value("script").to_path(world.env.python_312())?;
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
    image.with_layer(arguments.sited(layer))
}
