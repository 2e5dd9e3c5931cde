//! Failures that many people meet: what they mean and what to do.
//!
//! The words of apt are those of 2.6, of uv those of 0.8 (which breaks its sentences) and 0.13, the two that flyte's
//! Dockerfiles have. `tests/engine` meets a part of the others with docker 28 and 20.10 and Podman 4; emulation, memory,
//! users and versions of Python are known from their programs' texts alone.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// What a failure means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Known {
    /// What went wrong, in one line.
    pub(crate) message: String,
    /// What to do.
    pub(crate) advice: String,
    /// The word at fault.
    pub(crate) word: Option<Word>,
}

/// A word of a log that stands in the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// A package of apt.
    Package(String),
    /// A project of Python.
    Project(String),
    /// A part of a command.
    Command(String),
    /// A reference to an image, or what it was made of.
    Base(String),
    /// A path in the context.
    Path(String),
}

impl Word {
    /// How well a string of the code fits: not at all, in part, exactly.
    pub(crate) fn closeness(&self, text: &str) -> u8 {
        let fits = match self {
            Self::Package(name) => text == name || text.split(['=', ':', '/']).next() == Some(name.as_str()),
            Self::Project(name) => normalized(project(text)) == normalized(name),
            Self::Base(name) => text == name || name.ends_with(text) && !text.is_empty(),
            Self::Path(name) => name.trim_start_matches('/').ends_with(text.trim_start_matches(['.', '/'])),
            Self::Command(_) => false,
        };
        if fits {
            return 2;
        }
        let word = match self {
            Self::Command(word) | Self::Package(word) => word,
            _ => return 0,
        };
        u8::from(text.split(|c: char| !(c.is_alphanumeric() || "-_.+/".contains(c))).any(|w| w == word))
    }
}

/// The name at the beginning of a requirement.
fn project(requirement: &str) -> &str {
    let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    &requirement[..end.unwrap_or(requirement.len())]
}

fn normalized(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

/// What makes an engine run programs of other platforms.
pub(crate) const EMULATION: &str = "docker run --privileged --rm tonistiigi/binfmt --install all";

/// The message where a registry refuses somebody.
pub(crate) const NOT_LET_IN: &str = "the registry does not let you in";

struct Pattern {
    expression: &'static str,
    known: fn(&Captures<'_>) -> Known,
}

fn known(message: impl Into<String>, advice: impl Into<String>, word: Option<Word>) -> Known {
    Known { message: message.into(), advice: advice.into(), word }
}

/// In order: the first one that fits explains.
const PATTERNS: &[Pattern] = &[
    Pattern {
        expression: r"E: Unable to locate package (\S+)",
        known: |c| {
            let name = &c[1];
            known(
                format!("apt has no package {name}"),
                "check the name; releases of Debian and Ubuntu differ in what they have and in how they call it",
                Some(Word::Package(name.to_owned())),
            )
        },
    },
    Pattern {
        expression: r"E: (?:Package '([^']+)' has no installation candidate|Version '[^']+' for '([^']+)' was not found)",
        known: |c| {
            let name = c.get(1).or(c.get(2)).map_or("", |m| m.as_str());
            known(
                format!("apt cannot install {name} in that version"),
                "leave the version out, or choose one that the base's release of Debian has",
                Some(Word::Package(name.to_owned())),
            )
        },
    },
    Pattern {
        expression: r"[Bb]ecause ([A-Za-z0-9._-]+) was not found in the (?:package registry|provided package locations|cache)",
        known: |c| {
            let name = &c[1];
            known(
                format!("uv finds no project {name}"),
                "check the name; a project of another index needs index_url or extra_index_urls",
                Some(Word::Project(name.to_owned())),
            )
        },
    },
    Pattern {
        expression: r"[Bb]ecause there (?:is|are) no versions? of ([A-Za-z0-9._-]+?)(?:\[[^\]]*\])?(==|[<>~!]=?)(\S+)",
        known: |c| {
            let (name, version) = (&c[1], c[3].trim_end_matches([',', '.']));
            known(
                format!("{name} has no version {}{version}", &c[2]),
                "choose a version that the index has",
                Some(Word::Project(name.to_owned())),
            )
        },
    },
    Pattern {
        expression: r"[Bb]ecause only ([A-Za-z0-9._-]+?)(?:\[[^\]]*\])?([<>=]\S+) is available and \S+ (?:require|project depends on) (\S+?),? we can",
        known: |c| {
            known(
                format!("{} is asked for, and only {}{} is there", c[3].trim_end_matches(','), &c[1], &c[2]),
                "choose a version that the index has",
                Some(Word::Project(c[1].to_owned())),
            )
        },
    },
    Pattern {
        expression: r"[Bb]ecause ([A-Za-z0-9._-]+)==(\S+) has no (?:usable wheels|wheels with a matching)",
        known: |c| {
            known(
                format!("{} {} has no wheel for the image's Python and platform", &c[1], &c[2]),
                "choose another version or another python_version",
                Some(Word::Project(c[1].to_owned())),
            )
        },
    },
    Pattern {
        expression: r"[Bb]ecause the (?:requested|current) Python version \(([^)]+)\) does not satisfy (Python\S+) and ([A-Za-z0-9._-]+?)(?:==\S+)? depends",
        known: |c| {
            known(
                format!("{} needs {}, and the image has Python {}", &c[3], &c[2], &c[1]),
                "set python_version, or choose another version of it",
                Some(Word::Project(c[3].to_owned())),
            )
        },
    },
    Pattern {
        expression: r"No solution found when resolving dependencies:? (?:╰─▶ |cause: )?[Bb]ecause (?:you require |only the following versions of )?([A-Za-z0-9._-]+?)(?:\[[^\]]*\])?(?:[=<>~!]+\S+)? (?:depends|and|are available)",
        known: |c| {
            known(
                "the requirements contradict each other",
                "the log says which; loosen one of them",
                Some(Word::Project(c[1].to_owned())),
            )
        },
    },
    Pattern {
        expression: r"No solution found when resolving dependencies",
        known: |_| {
            known("the requirements contradict each other", "the log says which; loosen one of them", None)
        },
    },
    Pattern {
        expression: r"[Nn]o space left on device|ENOSPC|disk quota exceeded",
        known: |_| {
            known(
                "the engine's disk is full",
                "make room: docker builder prune drops what builds keep, docker system prune unused images besides",
                None,
            )
        },
    },
    Pattern {
        expression: r"toomanyrequests|429 Too Many Requests|pull rate limit",
        known: |_| {
            known(
                "the registry allows no more pulls for now",
                "log in (docker login), which allows more, or wait, or use a mirror",
                None,
            )
        },
    },
    Pattern {
        expression: r"exec\.secretenv is not supported|unexpected key 'env' in 'env=|secret should have syntax id=",
        known: |_| {
            known(
                "the engine is too old for secrets in environment variables",
                "use docker 28 or later; docker 26 needs the frontend docker/dockerfile:1.10, which it has to pull",
                None,
            )
        },
    },
    Pattern {
        expression: r#"invalid container path "([^"]+)", must be an absolute path"#,
        known: |c| {
            known(
                format!(
                    "this Podman mounts nothing at a relative path, as flyte's Dockerfile wants it ({})",
                    &c[1]
                ),
                "use Podman 5 or later, or docker",
                None,
            )
        },
    },
    Pattern {
        expression: r"(?:pull access denied|failed to authorize|401 Unauthorized|403 Forbidden|unauthorized:|no basic auth credentials|insufficient_scope|denied: )",
        known: |_| {
            known(
                NOT_LET_IN,
                "log in to it (docker login REGISTRY), and check the image's name and your rights",
                None,
            )
        },
    },
    Pattern {
        expression: r"failed to resolve source metadata for (?:docker\.io/(?:library/)?)?(\S+?): (?:\S+: )?not found|manifest (?:for \S+ )?(?:unknown|not found)",
        known: |c| {
            let name = c.get(1).map(|m| m.as_str());
            known(
                format!("the registry has no image {}", name.unwrap_or("of that name")),
                "check the name and the tag of the base image",
                name.map(|n| Word::Base(n.to_owned())),
            )
        },
    },
    Pattern {
        expression: r"(x509: [^:]+|tls: [^:]+)",
        known: |c| {
            known(
                format!("there is no secure connection to the registry ({})", c[1].trim()),
                "check its certificate; one that speaks no TLS has to be among the engine's insecure-registries",
                None,
            )
        },
    },
    Pattern {
        expression: r"no match for platform in manifest|does not match the specified platform",
        known: |_| {
            known(
                "the base image does not exist for this platform",
                "choose another base or another platform",
                None,
            )
        },
    },
    Pattern {
        expression: r"exec format error",
        known: |_| {
            known(
                "this machine cannot run programs of that platform",
                format!("install emulation ({EMULATION}), or build for its own platform"),
                None,
            )
        },
    },
    Pattern {
        expression: r"(?:no such host|[Cc]ould not resolve host|[Tt]emporary failure (?:in name resolution|resolving)|dns error|[Nn]etwork is unreachable|network unreachable|[Cc]onnection timed out|i/o timeout|error sending request|failed to lookup address|[Cc]onnection refused)",
        known: |c| {
            known(
                format!("the network failed ({})", &c[0]),
                "check that the engine reaches the internet: proxy, DNS, VPN; then build again",
                None,
            )
        },
    },
    Pattern {
        expression: r"unable to find user (\S+?): |unable to convert uid/gid chown string|error looking up user (\S+)",
        known: |_| {
            known(
                "the base image has no user flyte, to whom the files are to belong",
                "start from Image.from_debian_base, or add the user with with_commands before",
                None,
            )
        },
    },
    Pattern {
        expression: r#"(?:failed to calculate checksum of ref [^:]+(?:::\S+)?: |failed to compute cache key: )"?([^":]+)"?: not found"#,
        known: |c| {
            known(
                format!("the context has no {}", &c[1]),
                "the ignore file may leave it out, or the folder is empty",
                Some(Word::Path(c[1].to_owned())),
            )
        },
    },
    Pattern {
        expression: r"(?:/bin/\w+: |\w*sh: )(?:(?:line )?\d+: )?([\w./+-]+): (?:command )?not found",
        known: |c| {
            known(
                format!("the image has no program {}", &c[1]),
                "install it in a layer before: with_apt_packages, or with_pip_packages",
                Some(Word::Command(c[1].to_owned())),
            )
        },
    },
    Pattern {
        expression: r"exit code: 137\b",
        known: |_| {
            known(
                "the step was killed, as happens when memory runs out",
                "give the engine more memory, or build less at once",
                None,
            )
        },
    },
    Pattern {
        expression: r"(?:[Dd]ockerfile parse error|syntax error|unknown instruction)(?: on)?(?: line (\d+))?:? ?(.*)",
        known: |c| {
            let what = c.get(2).map(|m| m.as_str()).filter(|t| !t.is_empty()).unwrap_or("syntax error");
            known(format!("the Dockerfile cannot be read: {what}"), "mend the line", None)
        },
    },
    Pattern {
        expression: r"invalid reference format|invalid tag|repository name must be",
        known: |_| {
            known(
                "no engine accepts this name",
                "names and registries are lower case, without spaces and without a scheme",
                None,
            )
        },
    },
];

static EXPRESSIONS: LazyLock<Vec<(Option<Regex>, &'static Pattern)>> =
    LazyLock::new(|| PATTERNS.iter().map(|p| (Regex::new(p.expression).ok(), p)).collect());

/// What a failure means, if it is one of those.
pub(crate) fn explain(log: &[String], said: &str) -> Option<Known> {
    // uv breaks its sentences as it likes.
    let words = log.iter().flat_map(|line| line.split_whitespace()).filter(|w| *w != "│");
    let text = words.chain(["|"]).chain(said.split_whitespace()).collect::<Vec<_>>().join(" ");
    EXPRESSIONS.iter().find_map(|(expression, pattern)| {
        expression.as_ref()?.captures(&text).map(|captures| (pattern.known)(&captures))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(log: &str) -> (String, Option<Word>) {
        let log: Vec<String> = log.lines().map(str::to_owned).collect();
        explain(&log, "").map(|k| (k.message, k.word)).unwrap_or_default()
    }

    #[test]
    fn every_expression_is_one() {
        assert!(EXPRESSIONS.iter().all(|(e, p)| e.is_some() || p.expression.is_empty()));
    }

    #[test]
    fn well_known_failures_are_explained() {
        let project = |name: &str| Some(Word::Project(name.to_owned()));
        for (log, message, word) in [
            (
                "Reading…\nE: Unable to locate package nosuch",
                "apt has no package nosuch",
                Some(Word::Package("nosuch".into())),
            ),
            (
                "  × No solution found when resolving dependencies:\n  ╰─▶ Because nosuch was not found in the package registry and you require nosuch, we can\n      conclude",
                "uv finds no project nosuch",
                project("nosuch"),
            ),
            (
                "error: No solution found when resolving dependencies\n  cause: Because flask==3.0.0 depends on werkzeug>=3.0.0 and you require flask==3.0.0, we can conclude that you require werkzeug>=3.0.0.\n         And because you require werkzeug<2, we can conclude that your requirements are unsatisfiable.",
                "the requirements contradict each other",
                project("flask"),
            ),
            (
                "  cause: Because only django<=6.1.3 is available and you require django>=999, we can conclude",
                "django>=999 is asked for, and only django<=6.1.3 is there",
                project("django"),
            ),
            (
                "  × No solution found when resolving dependencies:\n  ╰─▶ Because only django<=6.1.3 is available and you require django>=999, we\n      can conclude",
                "django>=999 is asked for, and only django<=6.1.3 is there",
                project("django"),
            ),
            (
                "  × No solution found when resolving dependencies:\n  ╰─▶ Because only the following versions of numpy are available:\n          numpy<=1.21.0\n and pandas",
                "the requirements contradict each other",
                project("numpy"),
            ),
            (
                "  cause: Because numpy==1.15.0 has no usable wheels and you require numpy==1.15.0, we",
                "numpy 1.15.0 has no wheel for the image's Python and platform",
                project("numpy"),
            ),
            (
                "bash: ./frob: command not found",
                "the image has no program ./frob",
                Some(Word::Command("./frob".into())),
            ),
            (
                "  × No solution found when resolving dependencies:\n  ╰─▶ Because there is no version of six==99 and you require six==99, we can conclude",
                "six has no version ==99",
                project("six"),
            ),
            (
                "  × No solution found when resolving dependencies:\n  ╰─▶ Because pandas==2.0.0 depends on numpy>=1.20.3 and you require numpy<1",
                "the requirements contradict each other",
                project("pandas"),
            ),
            (
                "/bin/sh: 1: frob: not found",
                "the image has no program frob",
                Some(Word::Command("frob".into())),
            ),
            ("write: No space left on device", "the engine's disk is full", None),
        ] {
            assert_eq!(of(log), (message.to_owned(), word), "{log}");
        }
        assert_eq!(explain(&[], "all is well"), None);
    }

    #[test]
    fn words_are_found_in_strings_of_code() {
        assert_eq!(Word::Project("No_Such".into()).closeness("no-such[x]>=1"), 2);
        assert_eq!(Word::Package("nosuch".into()).closeness("nosuch=1.0"), 2);
        assert_eq!(Word::Package("nosuch".into()).closeness("apt-get install nosuch"), 1);
        assert_eq!(Word::Command("frob".into()).closeness("set -e; frob x"), 1);
        assert_eq!(Word::Command("frob".into()).closeness("frobnicate"), 0);
    }
}
