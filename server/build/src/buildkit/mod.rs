//! A build by BuildKit: a session that serves it, a request that starts it, a stream that tells how it goes.
//!
//! bollard 0.21 has no way that hands secrets over and tells progress at once, so that this speaks to the engine's
//! `/session` and `/grpc` itself, with bollard's definitions of the messages.
//!
//! Invariants: nothing is left connected when [`build`] returns or is dropped; a build that is dropped ends.

mod filesync;
mod session;
mod solve;
mod status;

use std::collections::HashMap;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bollard_buildkit_proto::moby::buildkit::v1::control_client::ControlClient;
use bollard_buildkit_proto::moby::buildkit::v1::{ListWorkersRequest, SolveRequest, StatusRequest};
use hyper_util::rt::TokioIo;
use tokio::io::DuplexStream;
use tokio::sync::oneshot;
use tonic::transport::{Channel, Endpoint, Uri};
use tonic::{Code, Status};

use crate::build::Job;
use crate::engine::Engine;
use crate::engine::host::Host;
use crate::engine::http::{NoUpgrade, upgrade};
use crate::error::BuildError;
use crate::event::Event;
use crate::failure::Failure;
use crate::known::EMULATION;
use crate::plan::Plan;
use crate::secrets::Values;
use session::{Served, Session};
use status::Tracker;

/// What came of a build.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Solved {
    /// The digest of the image: what a registry knows it by.
    pub(crate) digest: Option<String>,
    /// The digest of its configuration: what older stores know it by.
    pub(crate) config: Option<String>,
}

/// Bytes of a message at most.
const LARGEST_MESSAGE: usize = 16 << 20;
/// How often a build is asked for that the engine has not registered yet.
const ASK_AGAIN: std::time::Duration = std::time::Duration::from_millis(10);

/// Builds. When the frontend that the Dockerfile names cannot be had, the engine's own one is used, and that is said.
///
/// # Errors
/// [`BuildError::Failed`], [`BuildError::Lost`], [`BuildError::Unfit`].
pub(crate) async fn build(job: &Job<'_>) -> Result<Solved, BuildError> {
    let Job { plan, engine, options, sink, .. } = *job;
    if let Some(message) = foreign_steps(plan, engine).await {
        sink(Event::Warning { message, rule: None, site: None });
    }
    let failed = match attempt(job, options.builtin, 0).await {
        Err(failed) if !options.builtin && failed.is_frontend(plan) => failed,
        other => return other.map_err(|failed| failed.told(plan, engine)),
    };
    let message = format!(
        "the Dockerfile's frontend ({}) cannot be pulled ({}): the engine's own one builds instead",
        plan.frontend().unwrap_or_default(),
        failed.said.rsplit(": ").next().unwrap_or_default()
    );
    sink(Event::Warning { message, rule: None, site: None });
    attempt(job, true, failed.steps).await.map_err(|failed| failed.told(plan, engine))
}

/// What is to be said of platforms whose programs the engine cannot run: a step that runs one fails.
async fn foreign_steps(plan: &Plan, engine: &Engine) -> Option<String> {
    let is_run = |i: &crate::instructions::Instruction| i.keyword == "RUN";
    if plan.platforms.iter().all(|p| *p == engine.platform) || !plan.instructions.iter().any(is_run) {
        return None;
    }
    // Whoever does not tell is believed to be able.
    let (mut client, _connection) = control(&engine.host).await.ok()?;
    let workers = client.list_workers(ListWorkersRequest::default()).await.ok()?.into_inner().record;
    let can = |platform: &&String| {
        let all = workers.iter().flat_map(|w| &w.platforms);
        all.map(|p| format!("{}/{}", p.os, p.architecture)).any(|p| p == **platform)
    };
    let cannot: Vec<&str> = plan.platforms.iter().filter(|p| !can(p)).map(String::as_str).collect();
    if workers.is_empty() || cannot.is_empty() {
        return None;
    }
    Some(format!(
        "the engine runs no programs of {} here, so that steps of it fail: install emulation ({EMULATION}), or build for {} alone",
        cannot.join(" and "),
        engine.platform
    ))
}

/// A build that failed, before it is told.
struct Failed {
    /// What the engine says, without secrets.
    said: String,
    lines: Option<(usize, usize)>,
    log: Vec<String>,
    /// The connection broke.
    lost: bool,
    /// What the engine lacks altogether.
    unfit: bool,
    /// How many steps were told.
    steps: usize,
}

impl Failed {
    fn io(error: &io::Error) -> Self {
        let said = crate::error::last(error).to_string();
        Self { said, lines: None, log: Vec::new(), lost: true, unfit: false, steps: 0 }
    }

    fn upgrade(error: NoUpgrade) -> Self {
        match error {
            NoUpgrade::Io(error) => Self::io(&error),
            NoUpgrade::Refused(status, text) => {
                let said = format!("{status} {text}");
                Self { said, lines: None, log: Vec::new(), lost: false, unfit: true, steps: 0 }
            }
        }
    }

    /// Whether it is only that the image which the first line names cannot be had: that is about this line or none, and
    /// every engine names the repository.
    fn is_frontend(&self, plan: &Plan) -> bool {
        let repository = plan.frontend().map(|name| name.split([':', '@']).next().unwrap_or_default());
        let is_there = self.lines.is_none_or(|(_, last)| last == 1);
        is_there && !self.lost && repository.is_some_and(|name| self.said.contains(name))
    }

    fn told(self, plan: &Plan, engine: &Engine) -> BuildError {
        if self.unfit {
            return BuildError::Unfit {
                engine: engine.shown(),
                reason: format!("it has no BuildKit ({})", self.said),
                advice: "use docker 20.10 or later".to_owned(),
            };
        }
        if self.lost {
            return BuildError::Lost { host: engine.host.to_string(), message: self.said };
        }
        BuildError::Failed(Box::new(Failure::new(plan, self.lines, &self.said, self.log)))
    }
}

/// Builds once, with the frontend that the Dockerfile names or the engine's own one.
async fn attempt(job: &Job<'_>, builtin: bool, first_step: usize) -> Result<Solved, Failed> {
    let Job { plan, engine, options, secrets, credentials, sink } = *job;
    let (session_id, reference) = (new_id(), new_id());
    let served = Served {
        files: filesync::Files { tree: plan.tree.clone(), sink: Arc::clone(sink) },
        secrets: secrets.clone(),
        credentials: credentials.clone(),
        sink: Arc::clone(sink),
    };
    let key = plan.tree.key(&plan.uri);
    let opened = Session::open(&engine.host, &session_id, &key, served);
    let (session, dialed) = tokio::join!(opened, control(&engine.host));
    let session = session.map_err(Failed::upgrade)?;
    let (mut client, connection) = dialed?;
    let request = solve::request(plan, engine, options, builtin, &session_id, &reference);
    let tracker = Mutex::new(Tracker::new(plan, secrets, sink, first_step));
    let told = follow(client.clone(), &reference, &tracker);
    let solved = solve_and_follow(&mut client, request, told).await;
    let tracker = tracker.into_inner().unwrap_or_else(PoisonError::into_inner);
    drop((session, connection));
    match solved {
        Ok(response) => Ok(Solved {
            digest: response.get("containerimage.digest").cloned(),
            config: response.get("containerimage.config.digest").cloned(),
        }),
        Err(status) => Err(failed(&status, &tracker, secrets)),
    }
}

/// How long the last lines of a build that ended may take to arrive.
const LAST_WORDS: std::time::Duration = std::time::Duration::from_millis(1500);

/// Waits for the build, and takes in what is told of it meanwhile.
async fn solve_and_follow(
    client: &mut ControlClient<Channel>,
    request: SolveRequest,
    told: impl Future<Output = ()>,
) -> Result<HashMap<String, String>, Status> {
    tokio::pin!(told);
    let solve = client.solve(request);
    tokio::pin!(solve);
    let solved = tokio::select! {
        solved = &mut solve => {
            // A request that was refused is never told of; a build that ended is told of to its end.
            let _ = tokio::time::timeout(LAST_WORDS, &mut told).await;
            solved
        }
        () = &mut told => solve.await,
    };
    solved.map(|response| response.into_inner().exporter_response)
}

/// Takes in what is told, from when the engine knows the build.
async fn follow(mut client: ControlClient<Channel>, reference: &str, tracker: &Mutex<Tracker<'_>>) {
    loop {
        let request = StatusRequest { r#ref: reference.to_owned() };
        match client.status(request).await {
            Ok(stream) => {
                let mut stream = stream.into_inner();
                while let Ok(Some(status)) = stream.message().await {
                    tracker.lock().unwrap_or_else(PoisonError::into_inner).take(status);
                }
                return;
            }
            Err(status) if status.code() == Code::NotFound || status.message().contains("no such job") => {
                tokio::time::sleep(ASK_AGAIN).await;
            }
            Err(_) => return,
        }
    }
}

/// What BuildKit says of a build that failed, with the lines of the Dockerfile.
fn failed(status: &Status, tracker: &Tracker<'_>, secrets: &Values) -> Failed {
    let details = solve::details(status);
    let lines = details.lines.or_else(|| tracker.failed_line().map(|line| (line, line)));
    let message = status.message();
    let lost = lines.is_none()
        && (status.code() == Code::Unavailable
            || message.contains("transport error")
            || message.contains("h2 protocol error")
            || message.contains("operation was canceled"));
    Failed {
        said: secrets.redact(message),
        lines,
        log: tracker.last_lines(details.vertex.as_deref()),
        lost,
        unfit: false,
        steps: tracker.next(),
    }
}

/// A name that nobody else uses.
fn new_id() -> String {
    use std::hash::{BuildHasher, RandomState};
    // The standard library's only randomness; the engine wants these apart, not secret.
    let part = || RandomState::new().hash_one(std::process::id());
    format!("{:016x}{:016x}", part(), part())[..25].to_owned()
}

/// The control service, on a connection that ends when the second part is dropped.
async fn control(host: &Host) -> Result<(ControlClient<Channel>, Connected), Failed> {
    let upgraded = upgrade(host, "/grpc", &[]).await.map_err(Failed::upgrade)?;
    let (ours, theirs) = tokio::io::duplex(256 * 1024);
    let (stop, stopped) = oneshot::channel();
    let task = tokio::spawn(session::copy(upgraded, theirs, stopped));
    let connector = Once(Arc::new(Mutex::new(Some(ours))));
    let channel = Endpoint::from_static("http://buildkit").connect_with_connector(connector).await;
    let channel = channel.map_err(|e| Failed::io(&io::Error::other(e)))?;
    let client = ControlClient::new(channel)
        .max_decoding_message_size(LARGEST_MESSAGE)
        .max_encoding_message_size(LARGEST_MESSAGE);
    Ok((client, Connected { task, _stop: stop }))
}

/// A connection; it ends when this is dropped.
struct Connected {
    task: tokio::task::JoinHandle<()>,
    _stop: oneshot::Sender<()>,
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Hands out a connection that exists already. Another one is never made: a build does not outlive its connection.
#[derive(Clone)]
struct Once(Arc<Mutex<Option<DuplexStream>>>);

impl tower::Service<Uri> for Once {
    type Response = TokioIo<DuplexStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let connection = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let gone = || io::Error::from(io::ErrorKind::ConnectionReset);
        Box::pin(std::future::ready(connection.map(TokioIo::new).ok_or_else(gone)))
    }
}
