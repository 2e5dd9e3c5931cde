//! `PipPackages`, `Requirements`, and the options that all pip layers share.

use image_manifests::pytext::shell_quote;

use super::{Feed, append_extra_args, append_secrets};
use crate::dockerfile::{Render, UV_RUN};
use crate::error::{Cause, Res, raise, raise_for};
use crate::layer::Layer;
use crate::secret::mount_arguments;
use crate::value::Value;

/// The bytes of `PipOption`, in this order whatever the order of the keywords.
pub(super) fn feed_options(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    let mut text = String::new();
    let index = layer.get("index_url");
    if index.truthy()? {
        index.append_to(&mut text)?;
    }
    let extra_indexes = layer.get("extra_index_urls");
    if extra_indexes.truthy()? {
        for url in extra_indexes.iterate()? {
            url.append_to(&mut text)?;
        }
    }
    let pre = layer.get("pre");
    if pre.truthy()? {
        text.push_str(&pre.str()?);
    }
    append_extra_args(layer, &mut text)?;
    append_secrets(layer, &mut text)?;
    to.digest.update(text);
    Ok(())
}

pub(super) fn feed_packages(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    feed_options(layer, to)?;
    let packages = layer.get("packages");
    if packages.truthy()? {
        let mut text = String::new();
        for package in packages.iterate()? {
            package.append_to(&mut text)?;
        }
        to.digest.update(text);
    }
    Ok(())
}

pub(super) fn feed_requirements(layer: &Layer, to: &mut Feed<'_, '_>) -> Res<()> {
    feed_packages(layer, to)?;
    to.digest.file(&super::openable(layer.get("file"))?, to.world)
}

/// `get_pip_install_args`
pub(super) fn install_args(layer: &Layer) -> Res<Vec<String>> {
    let mut args = Vec::new();
    let index = layer.get("index_url");
    if index.truthy()? {
        args.push(format!("--index-url {}", index.str()?));
    }
    let extra_indexes = layer.get("extra_index_urls");
    if extra_indexes.truthy()? {
        for url in extra_indexes.iterate()? {
            args.push(format!("--extra-index-url {}", url.str()?));
        }
    }
    if layer.get("pre").truthy()? {
        args.push("--pre".to_owned());
    }
    let extra = layer.get("extra_args");
    if extra.truthy()? {
        match extra {
            Value::Str(s) => args.push(s.to_string()),
            other => {
                let place = args.len();
                let message =
                    format!("sequence item {place}: expected str instance, {} found", other.type_name());
                return raise("TypeError", message);
            }
        }
    }
    Ok(args)
}

fn write(
    layer: &Layer,
    mount: &str,
    mut args: Vec<String>,
    last: String,
    out: &mut Render<'_, '_>,
) -> Res<()> {
    args.push(last);
    let secrets = mount_arguments(layer.get("secret_mounts"))?;
    let args = args.join(" ");
    out.push(&format!("{UV_RUN}   {mount}    {secrets}    uv pip install --python $UV_PYTHON {args}\n"));
    Ok(())
}

pub(super) fn render_packages(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    // flyte looks at the secrets before anything else.
    mount_arguments(layer.get("secret_mounts"))?;
    let mut packages = Vec::new();
    if layer.get("packages").truthy()? {
        for package in layer.get("packages").iterate()? {
            match package.known()? {
                Value::Str(s) if out.world.behaviours().quotes_packages => packages.push(shell_quote(s)),
                Value::Str(s) => packages.push(s.to_string()),
                other if out.world.behaviours().quotes_packages => {
                    // Python 3.11 names the type.
                    let got = if out.world.env.is_python(3, 11) {
                        format!(", got '{}'", other.type_name())
                    } else {
                        String::new()
                    };
                    return raise("TypeError", format!("expected string or bytes-like object{got}"));
                }
                other => {
                    let (place, found) = (packages.len(), other.type_name());
                    let message = format!("sequence item {place}: expected str instance, {found} found");
                    return raise("TypeError", message);
                }
            }
        }
    }
    write(layer, "", install_args(layer)?, packages.join(" "), out)
}

pub(super) fn render_requirements(layer: &Layer, out: &mut Render<'_, '_>) -> Res<()> {
    mount_arguments(layer.get("secret_mounts"))?;
    let file = layer.get("file").path_for("exists")?.clone();
    if !out.world.exists(&file) {
        let cause = Cause::MissingPath { path: file.to_string() };
        return raise_for("FileNotFoundError", format!("Requirements file {file} does not exist"), cause);
    }
    if !out.world.is_file(&file) {
        let cause = Cause::WrongKind { path: file.to_string() };
        return raise_for("ValueError", format!("Requirements file {file} is not a file"), cause);
    }
    let place = out.copy_file(&file)?;
    let mount = format!("--mount=type=bind,target=requirements.txt,src={place}");
    write(layer, &mount, install_args(layer)?, "--requirement requirements.txt".to_owned(), out)
}
