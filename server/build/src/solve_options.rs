//! How a build is asked for, beyond what is built: flyte's variables, docker's proxies, what the user chose.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::event::{Event, Sink};
use crate::surroundings::Surroundings;

/// A cache beside the engine's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Cache {
    pub(crate) kind: String,
    pub(crate) attributes: BTreeMap<String, String>,
}

/// How a build is asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SolveOptions {
    /// The build pushes.
    pub(crate) push: bool,
    /// The engine's own frontend, whatever the Dockerfile says.
    pub(crate) builtin: bool,
    /// The image comes with a note of how it was built, where the store takes one.
    pub(crate) attestations: bool,
    /// Attributes of the frontend.
    pub(crate) attributes: BTreeMap<String, String>,
    pub(crate) cache_from: Vec<Cache>,
    pub(crate) cache_to: Vec<Cache>,
    pub(crate) entitlements: Vec<String>,
}

impl SolveOptions {
    /// What the surroundings ask for. Older releases of flyte take no arguments for docker.
    pub(crate) fn of(around: &Surroundings, takes_arguments: bool, sink: &Sink) -> Self {
        let mut options = Self { attestations: true, ..Self::default() };
        if let Some(value) = around.variable("BUILDX_NO_DEFAULT_ATTESTATIONS") {
            options.attestations = !matches!(value, "1" | "t" | "T" | "true" | "TRUE" | "True");
        }
        options.proxies(&around.docker_settings());
        let (from, to) = ("FLYTE_DOCKER_BUILDER_CACHE_FROM", "FLYTE_DOCKER_BUILDER_CACHE_TO");
        // flyte takes both or neither.
        if let (Some(from), Some(to)) = (around.variable(from), around.variable(to)) {
            options.cache_from.push(cache(from));
            options.cache_to.push(cache(to));
        }
        let warn = |message: String| sink(Event::Warning { message, rule: None, site: None });
        if let Some(name) = around.variable("FLYTE_DOCKER_BUILDKIT_BUILDER_NAME").filter(|n| *n != "default")
        {
            warn(format!("FLYTE_DOCKER_BUILDKIT_BUILDER_NAME: the engine's own BuildKit builds, not {name}"));
        }
        if let Some(text) = around.variable("FLYTE_DOCKER_BUILD_EXTRA_ARGS") {
            match shlex::split(text) {
                _ if !takes_arguments => {
                    warn("FLYTE_DOCKER_BUILD_EXTRA_ARGS: this release of flyte does not know it".to_owned());
                }
                Some(arguments) => options.arguments(&arguments, around, &warn),
                None => warn(format!("FLYTE_DOCKER_BUILD_EXTRA_ARGS is not understood: {text}")),
            }
        }
        options
    }

    /// docker's client hands its proxies to every build. Source: docker CLI 28, `ConfigFile.ParseProxyConfig`.
    fn proxies(&mut self, settings: &Value) {
        let proxies = settings.pointer("/proxies/default").and_then(Value::as_object);
        for (name, variable) in [
            ("httpProxy", "HTTP_PROXY"),
            ("httpsProxy", "HTTPS_PROXY"),
            ("noProxy", "NO_PROXY"),
            ("ftpProxy", "FTP_PROXY"),
            ("allProxy", "ALL_PROXY"),
        ] {
            let Some(value) = proxies.and_then(|p| p.get(name)).and_then(Value::as_str) else { continue };
            for variable in [variable.to_owned(), variable.to_lowercase()] {
                self.attributes.entry(format!("build-arg:{variable}")).or_insert_with(|| value.to_owned());
            }
        }
    }

    /// Arguments that flyte would hand to `docker buildx build`.
    fn arguments(&mut self, arguments: &[String], around: &Surroundings, warn: &dyn Fn(String)) {
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let (flag, mut value) = match argument.split_once('=') {
                Some((flag, value)) => (flag, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            let mut next = || value.take().or_else(|| rest.next().cloned()).unwrap_or_default();
            match flag {
                "--build-arg" => {
                    let text = next();
                    let (name, value) = match text.split_once('=') {
                        Some((name, value)) => (name, Some(value.to_owned())),
                        // Without a value it is the variable of that name, where there is one.
                        None => (text.as_str(), around.variables.get(&text).cloned()),
                    };
                    if let Some(value) = value {
                        self.attributes.insert(format!("build-arg:{name}"), value);
                    }
                }
                "--label" => {
                    let text = next();
                    let (name, value) = text.split_once('=').unwrap_or((&text, ""));
                    self.attributes.insert(format!("label:{name}"), value.to_owned());
                }
                "--network" => match next().as_str() {
                    "default" => {}
                    mode => {
                        if mode == "host" {
                            self.entitlements.push("network.host".to_owned());
                        }
                        self.attributes.insert("force-network-mode".to_owned(), mode.to_owned());
                    }
                },
                "--no-cache" => {
                    self.attributes.insert("no-cache".to_owned(), String::new());
                }
                "--pull" => {
                    self.attributes.insert("image-resolve-mode".to_owned(), "pull".to_owned());
                }
                "--target" => {
                    self.attributes.insert("target".to_owned(), next());
                }
                "--add-host" => {
                    let host = next();
                    let host = if host.contains('=') { host } else { host.replacen(':', "=", 1) };
                    let hosts = self.attributes.entry("add-hosts".to_owned()).or_default();
                    if !hosts.is_empty() {
                        hosts.push(',');
                    }
                    hosts.push_str(&host);
                }
                "--cache-from" => self.cache_from.push(cache(&next())),
                "--cache-to" => self.cache_to.push(cache(&next())),
                "--provenance" => self.attestations = next() != "false",
                "--progress" => drop(next()),
                "--quiet" | "-q" => {}
                other => warn(format!("FLYTE_DOCKER_BUILD_EXTRA_ARGS: {other} is not passed on")),
            }
        }
    }
}

/// `type=registry,ref=x`, or a reference alone.
fn cache(text: &str) -> Cache {
    let mut attributes: BTreeMap<String, String> = text
        .split(',')
        .filter_map(|field| field.split_once('='))
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect();
    if attributes.is_empty() {
        attributes.insert("ref".to_owned(), text.to_owned());
    }
    Cache { kind: attributes.remove("type").unwrap_or_else(|| "registry".to_owned()), attributes }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::tests::around;

    fn of(variables: &[(&str, &str)]) -> (SolveOptions, Vec<String>) {
        let warnings = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&warnings);
        let sink: Sink = Arc::new(move |event| {
            if let Event::Warning { message, .. } = event {
                told.lock().expect("no panic").push(message);
            }
        });
        let options = SolveOptions::of(&around(variables), true, &sink);
        let warnings = warnings.lock().expect("no panic").clone();
        (options, warnings)
    }

    #[test]
    fn arguments_for_docker_are_understood() {
        let text = "--build-arg A=1 --build-arg=B --network none --add-host x:1.2.3.4 --add-host=y=::1 --no-cache --sbom=true --label l=v";
        let (options, warnings) = of(&[("FLYTE_DOCKER_BUILD_EXTRA_ARGS", text), ("B", "2")]);
        let attributes: Vec<String> = options.attributes.iter().map(|(n, v)| format!("{n}={v}")).collect();
        assert_eq!(
            attributes,
            [
                "add-hosts=x=1.2.3.4,y=::1",
                "build-arg:A=1",
                "build-arg:B=2",
                "force-network-mode=none",
                "label:l=v",
                "no-cache="
            ]
        );
        assert_eq!(warnings, ["FLYTE_DOCKER_BUILD_EXTRA_ARGS: --sbom is not passed on"]);
        assert!(options.attestations);
    }

    #[test]
    fn caches_come_in_pairs() {
        let from = ("FLYTE_DOCKER_BUILDER_CACHE_FROM", "type=registry,ref=r/c");
        let to = ("FLYTE_DOCKER_BUILDER_CACHE_TO", "type=registry,ref=r/c,mode=max");
        assert!(of(&[from]).0.cache_from.is_empty());
        let (options, _) = of(&[from, to, ("BUILDX_NO_DEFAULT_ATTESTATIONS", "1")]);
        assert_eq!((options.cache_from.len(), options.attestations), (1, false));
        assert_eq!(options.cache_to[0].attributes.get("mode").map(String::as_str), Some("max"));
    }
}
