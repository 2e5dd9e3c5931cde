//! A build by Podman's service: docker's older way, which reads the context from a tar.
//!
//! What Podman lacks is worked around: it hands no secrets over in environment variables (up to 5.8), so that they come
//! as files and the step sets the variable itself; before 5 it mounts nothing at a relative path, so that such files get
//! a folder of their own in which the step runs; the first line's frontend means nothing to it; it reads ignore files on
//! its own side. Dropping the build does not stop the step that runs.

use std::collections::HashMap;
use std::io::{self, Write};

use bollard::auth::DockerCredentials;
use bollard::query_parameters::{BuildImageOptions, BuildImageOptionsBuilder};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::sync::mpsc;

use crate::build::Job;
use crate::buildkit::Solved;
use crate::credentials::Credentials;
use crate::engine::Engine;
use crate::error::BuildError;
use crate::event::{Event, Sink, State, Step};
use crate::failure::{Failure, LAST_LINES};
use crate::plan::Plan;
use crate::registry::{Reference, escape};
use crate::secrets::{Values, Wanted};
use crate::solve_options::SolveOptions;
use crate::tree::{Holds, Tree};

/// The name under which a secret travels; the service takes it out of the context.
const SECRET_FILE: &str = "podman-build-secret-";
/// The file that is sent in place of the Dockerfile, whose own name the context may need.
const DOCKERFILE: &str = "image-lsp.Dockerfile";

/// The Dockerfile as Podman can build it. Its lines stay where they are.
pub(crate) fn rewritten(dockerfile: &str, secrets: &[Wanted]) -> String {
    let mut text = dockerfile.to_owned();
    for secret in secrets {
        let Some(variable) = &secret.env else { continue };
        let mount = format!("--mount=type=secret,id={},env={variable}", secret.id);
        let file = format!("--mount=type=secret,id={}", secret.id);
        let set = format!("export {variable}=\"$(cat /run/secrets/{})\"; ", secret.id);
        let lines = text.split_inclusive('\n').map(|line| {
            if !line.starts_with("RUN ") || !line.contains(&mount) {
                return line.to_owned();
            }
            let line = line.replace(&mount, &file);
            let start = after_flags(&line);
            format!("{}{set}{}", &line[..start], &line[start..])
        });
        text = lines.collect();
    }
    text
}

/// The folder for what is mounted at a relative path.
const MOUNTS: &str = "/tmp/image-lsp";

/// A Dockerfile that mounts nothing at a relative path. Its lines stay where they are.
pub(crate) fn with_absolute_mounts(dockerfile: &str) -> String {
    let lines = dockerfile.split_inclusive('\n').map(|line| {
        if !line.starts_with("RUN ") {
            return line.to_owned();
        }
        let start = after_flags(line);
        let is_relative = |flag: &str| {
            let target = flag.split(',').find_map(|field| field.strip_prefix("target="));
            flag.starts_with("--mount=type=bind,") && target.is_some_and(|t| !t.starts_with('/'))
        };
        let (flags, command) = line.split_at(start);
        if !flags.split_whitespace().any(is_relative) {
            return line.to_owned();
        }
        let flags = flags.split(' ').map(|flag| {
            let field = |f: &str| match f.strip_prefix("target=") {
                Some(target) => format!("target={MOUNTS}/{target}"),
                None => f.to_owned(),
            };
            if is_relative(flag) {
                flag.split(',').map(field).collect::<Vec<_>>().join(",")
            } else {
                flag.to_owned()
            }
        });
        format!("{}cd {MOUNTS} && {command}", flags.collect::<Vec<_>>().join(" "))
    });
    lines.collect()
}

/// Where the command of a RUN line begins.
fn after_flags(line: &str) -> usize {
    let mut at = "RUN".len();
    loop {
        let rest = &line[at..];
        let start = at + rest.len() - rest.trim_start_matches([' ', '\t']).len();
        if !line[start..].starts_with("--") {
            return start;
        }
        let word = line[start..].find([' ', '\t', '\n']).map_or(line.len(), |end| start + end);
        at = word;
    }
}

/// Builds.
///
/// # Errors
/// [`BuildError::Failed`], [`BuildError::Lost`].
pub(crate) async fn build(job: &Job<'_>) -> Result<Solved, BuildError> {
    let Job { plan, engine, options, secrets, credentials, sink } = *job;
    let docker = with_secrets(engine, secrets);
    let (query, logins) = (query(plan, options), logins(plan, credentials).await?);
    let dockerfile = rewritten(&plan.dockerfile, &plan.secrets);
    let dockerfile = if engine.major() < 5 { with_absolute_mounts(&dockerfile) } else { dockerfile };
    let body = context(plan, dockerfile, secrets);
    let stream = docker.build_image(query, Some(logins), Some(bollard::body_try_stream(body)));
    let mut stream = std::pin::pin!(stream);
    let mut progress = Progress { plan, secrets, sink, running: None, open: String::new(), last: Vec::new() };
    let mut image = None;
    while let Some(told) = stream.next().await {
        match told {
            Ok(info) => {
                if let Some(text) = info.stream {
                    progress.take(&text);
                }
                if let Some(id) = info.aux.and_then(|aux| aux.id) {
                    image = Some(id);
                }
                if let Some(error) = info.error_detail.and_then(|d| d.message) {
                    return Err(progress.failed(&error));
                }
            }
            Err(bollard::errors::Error::DockerStreamError { error }) => return Err(progress.failed(&error)),
            Err(bollard::errors::Error::DockerResponseServerError { message, .. }) => {
                return Err(progress.failed(&message));
            }
            Err(error) => {
                return Err(BuildError::Lost { host: engine.host.to_string(), message: error.to_string() });
            }
        }
    }
    progress.end(State::Done);
    Ok(Solved { digest: None, config: image })
}

/// A client that says which files of the context are secrets.
fn with_secrets(engine: &Engine, secrets: &Values) -> bollard::Docker {
    let names: Vec<String> =
        secrets.iter().enumerate().map(|(n, (id, _))| format!("id={id},src={SECRET_FILE}{n}")).collect();
    let names = escape(&serde_json::to_string(&names).unwrap_or_default());
    engine.docker.clone().with_request_modifier(move |mut request| {
        let with = format!("{}&secrets={names}", request.uri());
        if request.uri().path() == "/build"
            && let Ok(uri) = with.parse()
        {
            *request.uri_mut() = uri;
        }
        request
    })
}

fn query(plan: &Plan, options: &SolveOptions) -> BuildImageOptions {
    let arguments = options.attributes.iter();
    let arguments: HashMap<String, String> = arguments
        .filter_map(|(name, value)| Some((name.strip_prefix("build-arg:")?.to_owned(), value.clone())))
        .collect();
    let query = BuildImageOptionsBuilder::default()
        .dockerfile(DOCKERFILE)
        .t(&plan.uri)
        .buildargs(&arguments)
        .platform(&plan.platforms.join(","))
        .rm(true)
        .nocache(options.attributes.contains_key("no-cache"));
    match options.attributes.get("force-network-mode") {
        Some(mode) => query.networkmode(mode).build(),
        None => query.build(),
    }
}

/// The user's credentials for the registries of the base images.
async fn logins(
    plan: &Plan,
    credentials: &Credentials,
) -> Result<HashMap<String, DockerCredentials>, BuildError> {
    let mut logins = HashMap::new();
    for base in plan.dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")) {
        let name = base.split_whitespace().next().unwrap_or_default();
        if let Some(reference) = Reference::parse(name)
            && let Some(login) = credentials.of(&reference.registry).await?
        {
            logins.insert(reference.registry.clone(), login.for_api(&reference.registry));
        }
    }
    Ok(logins)
}

/// The lines that Podman prints, as steps: `STEP 3/9: RUN …`.
struct Progress<'a> {
    plan: &'a Plan,
    secrets: &'a Values,
    sink: &'a Sink,
    running: Option<Step>,
    open: String,
    last: Vec<String>,
}

impl Progress<'_> {
    fn take(&mut self, text: &str) {
        self.open.push_str(text);
        while let Some((line, rest)) = self.open.split_once('\n') {
            let (line, rest) = (line.to_owned(), rest.to_owned());
            self.open = rest;
            self.line(line.trim_end());
        }
    }

    fn line(&mut self, line: &str) {
        let bare =
            line.split_once("] ").filter(|(head, _)| head.starts_with('[')).map_or(line, |(_, rest)| rest);
        if let Some((numbers, name)) = bare.strip_prefix("STEP ").and_then(|rest| rest.split_once(": "))
            && let Some((number, total)) = numbers.split_once('/')
            && let (Ok(number), Ok(total)) = (number.parse::<usize>(), total.parse::<usize>())
        {
            self.end(State::Done);
            self.begin(number, total, name);
            return;
        }
        if line.starts_with("--> Using cache") {
            self.end(State::Cached);
            return;
        }
        if line.is_empty() || line.starts_with("--> ") {
            return;
        }
        let line = self.secrets.redact(line);
        if self.last.len() == LAST_LINES {
            self.last.remove(0);
        }
        self.last.push(line.clone());
        let step = self.running.as_ref().map_or(0, |s| s.id);
        (self.sink)(Event::Log { step, error: false, line });
    }

    fn begin(&mut self, number: usize, total: usize, name: &str) {
        // Podman counts every instruction of the stage, and calls the uv stage one of its own.
        let last = self.plan.last_stage();
        let own = self.plan.instructions.iter().filter(|i| i.stage == last);
        let found = own.clone().nth(number.saturating_sub(1)).filter(|_| own.count() == total);
        let keyword = name.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let line = found.filter(|i| i.keyword == keyword).map(|i| i.lines.0);
        let (method, site) = line.map(|l| self.plan.place_of_line(l)).unwrap_or_default();
        self.last.clear();
        let step = Step {
            id: number,
            name: self.secrets.redact(name),
            number: Some((number, total)),
            platform: None,
            state: State::Running,
            seconds: None,
            line,
            method,
            site,
            is_flytes: false,
        };
        (self.sink)(Event::Step(step.clone()));
        self.running = Some(step);
    }

    fn end(&mut self, state: State) {
        if let Some(mut step) = self.running.take() {
            step.state = state;
            (self.sink)(Event::Step(step));
        }
    }

    fn failed(mut self, said: &str) -> BuildError {
        let rest = std::mem::take(&mut self.open);
        self.line(rest.trim_end());
        let line = self.running.as_ref().and_then(|s| s.line);
        self.end(State::Failed);
        let said = self.secrets.redact(said);
        let said = match said.rsplit_once("exit status ") {
            Some((_, code)) => format!("exit code: {}", code.trim()),
            None => said,
        };
        let lines =
            line.and_then(|l| self.plan.instructions.iter().find(|i| i.lines.0 == l)).map(|i| i.lines);
        BuildError::Failed(Box::new(Failure::new(self.plan, lines, &said, self.last)))
    }
}

/// The context as a tar, made as it is read.
fn context(
    plan: &Plan,
    dockerfile: String,
    secrets: &Values,
) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send + 'static {
    let (sender, receiver) = mpsc::channel(16);
    let tree = plan.tree.clone();
    let secrets: Vec<Vec<u8>> = secrets.iter().map(|(_, value)| value.to_vec()).collect();
    tokio::task::spawn_blocking(move || {
        let mut builder = tar::Builder::new(Pieces { sender: sender.clone(), held: Vec::new() });
        let written = write(&mut builder, &tree, &dockerfile, &secrets);
        if let Err(error) = written.and_then(|()| builder.into_inner()?.flush()) {
            // The engine that does not listen any more needs no error.
            let _ = sender.blocking_send(Err(error));
        }
    });
    tokio_stream::wrappers::ReceiverStream::new(receiver)
}

fn write(
    builder: &mut tar::Builder<Pieces>,
    tree: &Tree,
    dockerfile: &str,
    secrets: &[Vec<u8>],
) -> io::Result<()> {
    let header = |kind: tar::EntryType, mode: u32, size: u64| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header
    };
    let mut failed = Ok(());
    let visited = tree.visit(&crate::tree::Selection::default(), &mut |entry| {
        let mut written = || match &entry.holds {
            Holds::Dir => {
                let mut header = header(tar::EntryType::Directory, entry.permissions, 0);
                builder.append_data(&mut header, &entry.path, io::empty())
            }
            Holds::Link(target) => {
                builder.append_link(&mut header(tar::EntryType::Symlink, 0o777, 0), &entry.path, target)
            }
            holds => {
                let mut header = header(tar::EntryType::Regular, entry.permissions, entry.size);
                builder.append_data(&mut header, &entry.path, tree.open(holds)?)
            }
        };
        written().map_err(|error| failed = Err(error))
    });
    if visited.is_err() {
        return failed;
    }
    let mut add = |name: &str, content: &[u8]| {
        let mut header = header(tar::EntryType::Regular, 0o600, content.len() as u64);
        builder.append_data(&mut header, name, content)
    };
    add(DOCKERFILE, dockerfile.as_bytes())?;
    for (number, value) in secrets.iter().enumerate() {
        add(&format!("{SECRET_FILE}{number}"), value)?;
    }
    Ok(())
}

/// Collects what is written into pieces worth sending.
struct Pieces {
    sender: mpsc::Sender<io::Result<Bytes>>,
    held: Vec<u8>,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= 64 * 1024 {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = Bytes::from(std::mem::take(&mut self.held));
        if piece.is_empty() {
            return Ok(());
        }
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(env: Option<&str>) -> Wanted {
        let env = env.map(str::to_owned);
        Wanted { id: "7".into(), variable: "T".into(), file: String::new(), env, site: None }
    }

    #[test]
    fn secrets_become_files_that_the_step_reads() {
        let text =
            "RUN --mount=type=cache,target=/c --mount=type=secret,id=7,env=T   uv pip install x\nRUN true\n";
        assert_eq!(
            rewritten(text, &[secret(Some("T"))]),
            "RUN --mount=type=cache,target=/c --mount=type=secret,id=7   export T=\"$(cat /run/secrets/7)\"; uv pip install x\nRUN true\n"
        );
        assert_eq!(rewritten(text, &[secret(None)]), text);
    }

    #[test]
    fn files_at_relative_paths_get_a_folder() {
        let text = "RUN --mount=type=cache,target=/c    --mount=type=bind,target=uv.lock,src=a/uv.lock,rw  --mount=type=bind,target=member,src=a/member   A=1 uv sync\nRUN --mount=type=bind,target=/d,src=d x\nCOPY a b\n";
        assert_eq!(
            with_absolute_mounts(text),
            "RUN --mount=type=cache,target=/c    --mount=type=bind,target=/tmp/image-lsp/uv.lock,src=a/uv.lock,rw  --mount=type=bind,target=/tmp/image-lsp/member,src=a/member   cd /tmp/image-lsp && A=1 uv sync\nRUN --mount=type=bind,target=/d,src=d x\nCOPY a b\n"
        );
    }
}
