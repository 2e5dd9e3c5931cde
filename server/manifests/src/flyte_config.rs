//! flyte's configuration file, as far as images depend on it.

use saphyr::{LoadableYamlNode, Yaml};

/// What a configuration file says about images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FlyteConfig {
    /// `task.project`
    pub project: Option<String>,
    /// `task.domain`
    pub domain: Option<String>,
    /// `admin.endpoint`
    pub endpoint: Option<String>,
    /// `image.builder`
    pub builder: Option<String>,
    /// `image.registry`
    pub registry: Option<String>,
    /// `image.image_refs`, in order.
    pub image_refs: Vec<(String, String)>,
}

/// Reads a configuration file. Like flyte, it takes an unreadable or oddly shaped document for an empty one.
///
/// Source: flyte 2.12.1, `ConfigFile._read_yaml_config` and `YamlConfigEntry.read_from_file`.
#[must_use]
pub fn parse(text: &str) -> FlyteConfig {
    let Ok(documents) = Yaml::load_from_str(text) else { return FlyteConfig::default() };
    // PyYAML's safe_load refuses a stream of several documents.
    let [root] = documents.as_slice() else { return FlyteConfig::default() };
    let string = |section: &str, key: &str| {
        let value = root.as_mapping_get(section)?.as_mapping_get(key)?;
        value.as_str().filter(|s| !s.is_empty()).map(str::to_owned)
    };
    let refs = root.as_mapping_get("image").and_then(|i| i.as_mapping_get("image_refs"));
    let image_refs = refs
        .and_then(Yaml::as_mapping)
        .map(|m| {
            m.iter().filter_map(|(k, v)| Some((k.as_str()?.to_owned(), v.as_str()?.to_owned()))).collect()
        })
        .unwrap_or_default();
    FlyteConfig {
        project: string("task", "project"),
        domain: string("task", "domain"),
        endpoint: string("admin", "endpoint"),
        builder: string("image", "builder"),
        registry: string("image", "registry"),
        image_refs,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_image_section() {
        let config = parse(
            "admin:\n  endpoint: dns:///localhost:8090\nimage:\n  builder: local\n  registry: ghcr.io/acme\n  image_refs:\n    default: a:b\n    gpu: c:d\n",
        );
        assert_eq!(config.registry.as_deref(), Some("ghcr.io/acme"));
        assert_eq!(config.builder.as_deref(), Some("local"));
        assert_eq!(config.endpoint.as_deref(), Some("dns:///localhost:8090"));
        assert_eq!(config.image_refs, [("default".into(), "a:b".into()), ("gpu".into(), "c:d".into())]);
    }

    #[test]
    fn odd_documents_are_empty_ones() {
        for text in ["", "- a", "image: 3", "image: {registry: ''}", "a: b: c", "\t"] {
            assert_eq!(parse(text), FlyteConfig::default(), "{text:?}");
        }
    }
}
