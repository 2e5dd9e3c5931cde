//! The values of secrets: found as flyte's local builder finds them, handed to the engine as bytes, and kept out of what
//! is shown.
//!
//! Source: flyte 2.12.1, `_get_secret_commands`.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use image_manifests::fs::FileSystem;
use image_model::error::Res;
use image_model::image::Image;
use image_model::layer::LayerKind;
use image_model::origin::Site;
use image_model::secret::Secret;

use crate::error::Refusal;
use crate::surroundings::Surroundings;

/// A secret that a build asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its id in the Dockerfile.
    pub(crate) id: String,
    /// The environment variable that may hold it.
    pub(crate) variable: String,
    /// The file that may hold it.
    pub(crate) file: String,
    /// The variable in which a step sees it; `None` for a file.
    pub(crate) env: Option<String>,
    /// What asks for it.
    pub(crate) site: Option<Site>,
}

/// The layers whose secrets flyte hands on: not those of `PoetryProject`.
fn is_served(kind: LayerKind) -> bool {
    matches!(
        kind,
        LayerKind::PipPackages
            | LayerKind::Requirements
            | LayerKind::PythonWheels
            | LayerKind::UVProject
            | LayerKind::UVScript
            | LayerKind::AptPackages
            | LayerKind::Commands
            | LayerKind::PixiProject
            | LayerKind::PixiScript
    )
}

/// The secrets of an image, each once.
///
/// # Errors
/// As [`Secret::of`].
pub(crate) fn wanted(image: &Image) -> Res<Vec<Wanted>> {
    let mut all: Vec<Wanted> = Vec::new();
    for layer in image.layers.iter().filter(|l| is_served(l.kind)) {
        let mounts = layer.get("secret_mounts");
        if !mounts.truthy()? {
            continue;
        }
        for (place, mount) in mounts.iterate()?.iter().enumerate() {
            let secret = Secret::of(mount)?;
            let id = secret.id()?.to_string();
            if all.iter().any(|w| w.id == id) {
                continue;
            }
            let (variable, file) = secret.sources()?;
            let env = if secret.mount.truthy()? { None } else { Some(secret.as_env_var.str()?) };
            let given = layer.site.as_ref().and_then(|call| call.given("secret_mounts").next());
            let site = given.map(|g| {
                let item = g.origin.items.get(place).and_then(|o| o.site.as_ref());
                item.or(g.origin.site.as_ref()).unwrap_or(&g.site).clone()
            });
            all.push(Wanted { id, variable, file, env, site });
        }
    }
    Ok(all)
}

/// Values by id.
#[derive(Clone, Default)]
pub(crate) struct Values(BTreeMap<String, Vec<u8>>);

impl fmt::Debug for Values {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Values {
    /// Finds the values.
    ///
    /// # Errors
    /// A refusal for each secret that this machine does not have.
    pub(crate) fn find(
        wanted: &[Wanted],
        around: &Surroundings,
        fs: &dyn FileSystem,
    ) -> Result<Self, Vec<Refusal>> {
        let (mut values, mut missing) = (BTreeMap::new(), Vec::new());
        for secret in wanted {
            let value = match around.variable(&secret.variable) {
                Some(value) => Ok(value.as_bytes().to_vec()),
                None => fs.read(Path::new(&secret.file)),
            };
            match value {
                Ok(value) => {
                    values.insert(secret.id.clone(), value);
                }
                Err(_) => missing.push(Refusal {
                    rule: Some("IMG212"),
                    message: format!(
                        "the secret is not on this machine: neither in the environment variable {} nor in {}",
                        secret.variable, secret.file
                    ),
                    site: secret.site.clone(),
                }),
            }
        }
        if missing.is_empty() { Ok(Self(values)) } else { Err(missing) }
    }

    /// The value of an id.
    pub(crate) fn get(&self, id: &str) -> Option<&[u8]> {
        self.0.get(id).map(Vec::as_slice)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(id, value)| (id.as_str(), value.as_slice()))
    }

    /// A text without them.
    pub(crate) fn redact(&self, text: &str) -> String {
        let mut texts: Vec<&str> = self
            .0
            .values()
            .filter_map(|value| std::str::from_utf8(value).ok())
            .flat_map(|value| std::iter::once(value.trim()).chain(value.lines().map(str::trim)))
            // One of a sign or two would take the text apart and hide nothing.
            .filter(|value| value.chars().count() > 2)
            .collect();
        // The longer one first: it may hold the shorter one.
        texts.sort_by_key(|text| std::cmp::Reverse(text.len()));
        texts.iter().fold(text.to_owned(), |text, secret| text.replace(secret, "***"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::around;
    use image_manifests::fs::MemoryFileSystem;

    fn secret(id: &str, variable: &str, file: &str) -> Wanted {
        Wanted { id: id.into(), variable: variable.into(), file: file.into(), env: None, site: None }
    }

    #[test]
    fn a_variable_comes_before_a_file() {
        let fs =
            MemoryFileSystem::default().with("/etc/secrets/a", "of the file").with("/etc/secrets/b", "b\n");
        let wanted = [secret("1", "A", "/etc/secrets/a"), secret("2", "B", "/etc/secrets/b")];
        let values =
            Values::find(&wanted, &around(&[("A", "of the variable"), ("B", "")]), &fs).expect("found");
        assert_eq!(values.get("1"), Some(&b"of the variable"[..]));
        assert_eq!(values.get("2"), Some(&b"b\n"[..]));
        let missing =
            Values::find(&[secret("3", "C", "/etc/secrets/c")], &around(&[]), &fs).expect_err("missing");
        assert!(missing[0].message.ends_with("neither in the environment variable C nor in /etc/secrets/c"));
    }

    #[test]
    fn values_are_kept_out_of_texts() {
        let around = around(&[("A", "hunter2"), ("B", "-----BEGIN\nhunter2000\n")]);
        let fs = MemoryFileSystem::default();
        let values =
            Values::find(&[secret("1", "A", ""), secret("2", "B", "")], &around, &fs).expect("found");
        assert_eq!(values.redact("a hunter2000 b hunter2 c -----BEGIN"), "a *** b *** c ***");
        assert_eq!(format!("{values:?}"), r#"{"1", "2"}"#);
    }
}
