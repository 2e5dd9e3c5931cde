//! `image-lsp dockerfile`

use std::io::Write as _;

use crate::args::{Dockerfile, Project};
use crate::context::Context;
use crate::error::{CliError, warn};
use crate::files;

pub(crate) fn run(arguments: &Dockerfile, project: &Project) -> Result<u8, CliError> {
    let context = Context::new(project);
    let (path, _) = files::split_name(&arguments.path);
    let (report, image) = files::one_image(&arguments.path, &context)?;
    let image = &report.images[image];
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
