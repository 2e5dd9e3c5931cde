//! `image-lsp dockerfile`

use std::io::Write as _;

use image_python::inspect::ImageReport;

use crate::args::{Dockerfile, Project};
use crate::context::Context;
use crate::error::{CliError, warn};
use crate::files;

pub(crate) fn run(arguments: &Dockerfile, project: &Project) -> Result<u8, CliError> {
    let context = Context::new(project);
    let (path, name) = files::split_name(&arguments.path);
    let full: std::path::PathBuf = context.ambient.current_directory.join(path).components().collect();
    let (report, _) =
        context.inspect(&full).map_err(|message| CliError::Unreadable { path: path.to_owned(), message })?;
    let images: Vec<ImageReport> =
        report.images.into_iter().filter(|i| !i.intermediate && !i.speculative).collect();
    let available: Vec<String> = images.iter().flat_map(|i| i.names.first().cloned()).collect();
    let image = match name {
        Some(name) => images.iter().find(|i| i.names.iter().any(|n| n == name)).ok_or_else(|| {
            CliError::NoSuchImage {
                path: path.to_owned(),
                name: name.to_owned(),
                available: available.clone(),
            }
        })?,
        None => match images.as_slice() {
            [] => return Err(CliError::NoImages { path: path.to_owned() }),
            [one] => one,
            _ => return Err(CliError::Several { path: path.to_owned(), available }),
        },
    };
    let Some(variant) = image.variants.first() else {
        return Err(CliError::NoImages { path: path.to_owned() });
    };
    let shown = image.names.first().map_or("the image", String::as_str);
    let Some(dockerfile) = &variant.dockerfile else {
        let reason = match (variant.unknowns.first(), variant.errors.first()) {
            (Some(unknown), _) => unknown.reason.clone(),
            (None, Some(error)) => error.raised.message.clone(),
            (None, None) => {
                "nothing is added to the image, so that there is none: it is used as it is".to_owned()
            }
        };
        return Err(CliError::NoDockerfile { name: shown.to_owned(), reason });
    };
    for condition in &variant.when {
        warn(path, &format!("this is the Dockerfile when {}", condition.shown()));
    }
    for assumption in &variant.assumptions {
        warn(path, &format!("assuming that {assumption}"));
    }
    std::io::stdout().lock().write_all(dockerfile.text.as_bytes())?;
    Ok(0)
}
