//! `flyte.Secret`: its checks, the text that is hashed, and its id in a Dockerfile.

use sha2::{Digest, Sha256};

use crate::error::{Cause, Res, raise_for};
use crate::value::Value;

/// A secret. Source: flyte 2.12.1, `_secret.py`.
#[derive(Debug, Clone, PartialEq)]
pub struct Secret {
    /// `key`
    pub key: Value,
    /// `group`
    pub group: Value,
    /// `mount`
    pub mount: Value,
    /// `as_env_var`, after `__post_init__`.
    pub as_env_var: Value,
}

const MOUNT: &str = "/etc/flyte/secrets";

impl Secret {
    /// `Secret(key=…, group=…, mount=…, as_env_var=…)`.
    ///
    /// # Errors
    /// flyte's ValueErrors for another mount and for names that no environment variable can have.
    pub fn new(key: Value, group: Value, mount: Value, as_env_var: Value) -> Res<Self> {
        let mut as_env_var = as_env_var;
        if !mount.truthy()? && !as_env_var.truthy()? {
            let name = if group.truthy()? { format!("{}_{}", group.str()?, key.str()?) } else { key.str()? };
            as_env_var = Value::from(name.replace('-', "_").to_uppercase());
        }
        if mount.truthy()? && mount.str()? != MOUNT {
            let message = "Only /etc/flyte/secrets is supported as secret mount path today.";
            return raise_for("ValueError", message, Cause::Secret);
        }
        if !as_env_var.is_none() {
            let name = as_env_var.str()?;
            if !is_environment_name(&name) {
                let message =
                    format!("Invalid environment variable name: {name}, must match ^[A-Z_][A-Z0-9_]*$");
                return raise_for("ValueError", message, Cause::Secret);
            }
        }
        Ok(Self { key, group, mount, as_env_var })
    }

    /// What flyte makes of one entry of `secret_mounts`: a string is a key.
    ///
    /// # Errors
    /// As [`Secret::new`]; AttributeError for other values.
    pub fn of(entry: &Value) -> Res<Self> {
        match entry.known()? {
            Value::Secret(secret) => Ok(Secret::clone(secret)),
            Value::Str(_) => Self::new(entry.clone(), Value::None, Value::None, Value::None),
            other => crate::value::attribute_error(other, "mount"),
        }
    }

    /// `repr(secret)`, which is also its `str`: the text that a tag hashes.
    ///
    /// # Errors
    /// Where a field is not known.
    pub fn repr(&self) -> Res<String> {
        Ok(format!(
            "Secret(key={}, group={}, mount={}, as_env_var={})",
            self.key.repr()?,
            self.group.repr()?,
            self.mount.repr()?,
            self.as_env_var.repr()?
        ))
    }

    /// `hash(secret)`: the id of the secret in a Dockerfile. The same on every machine.
    ///
    /// # Errors
    /// Where a field is not known.
    pub fn id(&self) -> Res<u64> {
        let or_empty = |v: &Value| if v.truthy()? { v.str() } else { Ok(String::new()) };
        let text =
            [self.key.str()?, or_empty(&self.group)?, or_empty(&self.mount)?, or_empty(&self.as_env_var)?];
        let digest = Sha256::digest(text.join("|").as_bytes());
        let mut first = [0_u8; 8];
        first.copy_from_slice(&digest[..8]);
        let n = u64::from_be_bytes(first);
        // CPython reduces what __hash__ returns when it does not fit a signed word.
        Ok(if n < 1 << 63 { n } else { n % ((1 << 61) - 1) })
    }

    /// The `--mount` argument of a RUN line.
    ///
    /// # Errors
    /// Where a field is not known.
    pub fn mount_argument(&self) -> Res<String> {
        let id = self.id()?;
        if self.mount.truthy()? {
            return Ok(format!("--mount=type=secret,id={id},target={}", self.mount.str()?));
        }
        Ok(format!("--mount=type=secret,id={id},env={}", self.as_env_var.str()?))
    }

    /// The environment variable and the file name in which the local builder looks for the secret's value.
    ///
    /// Source: flyte 2.12.1, `_get_secret_commands`.
    ///
    /// # Errors
    /// Where a field is not known.
    pub fn sources(&self) -> Res<(String, String)> {
        let mut parts = Vec::new();
        for part in [&self.group, &self.key] {
            if part.truthy()? {
                parts.push(part.str()?);
            }
        }
        let file = parts.join("_");
        Ok((
            parts.iter().map(|p| p.to_uppercase()).collect::<Vec<_>>().join("_"),
            format!("/etc/secrets/{file}"),
        ))
    }
}

/// `re.match(r"^[A-Z_][A-Z0-9_]*$", name)`, in which `$` allows a line end.
fn is_environment_name(name: &str) -> bool {
    let name = name.strip_suffix('\n').unwrap_or(name);
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_uppercase() || c == '_')
        && chars.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
}

/// The secrets of a layer as arguments of a RUN line, joined with spaces.
///
/// # Errors
/// As [`Secret::of`].
pub fn mount_arguments(secret_mounts: &Value) -> Res<String> {
    if secret_mounts.known()?.is_none() {
        return Ok(String::new());
    }
    let mounts: Res<Vec<String>> =
        secret_mounts.iterate()?.iter().map(|s| Secret::of(s)?.mount_argument()).collect();
    Ok(mounts?.join(" "))
}
