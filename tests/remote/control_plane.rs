//! A stand-in for flyte's backend: Connect over HTTP/1.1 on loopback, without a login, as far as a build by the remote
//! builder goes.
//!
//! What the true backend answers is known from the client that reads it: flyte of the package index, which the tests run.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use crate::message::{
    ABORTED, FAILED, Message, RUNNING, RunOf, SUCCEEDED, action_details, action_identifier, field, output,
    run_identifier, task_identifier, task_spec,
};

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scenario {
    /// The image is built.
    Works,
    /// It is there already.
    Exists,
    /// The run fails, with a message.
    Fails(&'static str),
    /// There is no task that builds images.
    NoBuilder,
    /// The store refuses what is uploaded.
    UploadRefused,
    /// The user may not write to the project.
    Denied,
    /// The run runs until somebody aborts it or lets it end.
    Slow,
    /// The server is gone while the run runs.
    Lost,
}

/// The address that a build ends with.
pub const BUILT: &str = "cr.example.com/orgs/acme/built:by-the-backend";
/// The run's name.
pub const RUN: &str = "rbuild0001";

/// The backend.
pub struct ControlPlane {
    pub port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    scenario: Scenario,
    port: u16,
    /// Methods and paths with their bodies, in order.
    calls: Mutex<Vec<(String, Vec<u8>)>>,
    came: Condvar,
    /// The run ends: with which phase.
    phase: Mutex<u64>,
    ended: Condvar,
    is_gone: AtomicBool,
}

impl ControlPlane {
    pub fn start(scenario: Scenario) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let shared = Arc::new(Shared {
            scenario,
            port,
            calls: Mutex::default(),
            came: Condvar::new(),
            phase: Mutex::new(RUNNING),
            ended: Condvar::new(),
            is_gone: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        std::thread::spawn(move || {
            for connection in listener.incoming().flatten() {
                if accepting.is_gone.load(Ordering::SeqCst) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                std::thread::spawn(move || serve(&connection, &shared));
            }
        });
        Self { port, shared }
    }

    /// How often a method was called.
    pub fn count(&self, method: &str) -> usize {
        self.shared.calls.lock().expect("calls").iter().filter(|(m, _)| m.ends_with(method)).count()
    }

    /// The bodies of the calls of a method.
    pub fn bodies(&self, method: &str) -> Vec<Vec<u8>> {
        let calls = self.shared.calls.lock().expect("calls");
        calls.iter().filter(|(m, _)| m.ends_with(method)).map(|(_, body)| body.clone()).collect()
    }

    /// Waits until a method is called.
    pub fn wait_for(&self, method: &str) {
        let calls = self.shared.calls.lock().expect("calls");
        let is_missing = |calls: &mut Vec<(String, Vec<u8>)>| !calls.iter().any(|(m, _)| m.ends_with(method));
        let waited = self.shared.came.wait_timeout_while(calls, Duration::from_secs(60), is_missing);
        assert!(!waited.expect("calls").1.timed_out(), "{method} was not called");
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        self.shared.end(SUCCEEDED);
        self.shared.leave();
    }
}

impl Shared {
    fn end(&self, phase: u64) {
        *self.phase.lock().expect("a phase") = phase;
        self.ended.notify_all();
    }

    /// Nobody listens any more.
    fn leave(&self) {
        self.is_gone.store(true, Ordering::SeqCst);
        // Whoever accepts has to see it.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }

    fn wait_for_end(&self) -> u64 {
        let phase = self.phase.lock().expect("a phase");
        *self.ended.wait_while(phase, |phase| *phase == RUNNING).expect("a phase")
    }

    fn run_of(&self, phase: u64) -> Message {
        let error = match self.scenario {
            Scenario::Fails(message) if phase == FAILED => Some(message),
            _ => None,
        };
        action_details(&RunOf { name: RUN, phase, error })
    }
}

struct Request {
    method: String,
    path: String,
    body: Vec<u8>,
}

/// Reads a request; `None` at the end of the connection.
fn read(input: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    input.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, path) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (mut length, mut is_chunked, mut is_packed) = (0_usize, false, false);
    loop {
        let mut line = String::new();
        input.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(':') else { break };
        let value = value.trim();
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "transfer-encoding" => is_chunked = value == "chunked",
            "content-encoding" => is_packed = value == "gzip",
            _ => {}
        }
    }
    let mut body = Vec::new();
    if is_chunked {
        loop {
            let mut line = String::new();
            input.read_line(&mut line).ok()?;
            let size = usize::from_str_radix(line.trim(), 16).ok()?;
            let mut chunk = vec![0; size];
            input.read_exact(&mut chunk).ok()?;
            input.read_line(&mut String::new()).ok()?;
            if size == 0 {
                break;
            }
            body.extend(chunk);
        }
    } else {
        body = vec![0; length];
        input.read_exact(&mut body).ok()?;
    }
    if is_packed {
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(body.as_slice()).read_to_end(&mut unpacked).ok()?;
        body = unpacked;
    }
    Some(Request { method, path, body })
}

fn serve(connection: &TcpStream, shared: &Shared) {
    let mut input = BufReader::new(connection);
    while let Some(request) = read(&mut input) {
        shared.calls.lock().expect("calls").push((request.path.clone(), request.body.clone()));
        shared.came.notify_all();
        if answer(connection, &request, shared).is_none() {
            let _ = connection.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// Answers; `None` where the connection ends.
fn answer(mut connection: &TcpStream, request: &Request, shared: &Shared) -> Option<()> {
    let mut reply = |status: &str, kind: &str, body: &[u8]| {
        let length = body.len();
        let head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
        connection.write_all(&[head.as_bytes(), body].concat()).ok()
    };
    if request.method == "PUT" {
        return match shared.scenario {
            Scenario::UploadRefused => reply("403 Forbidden", "text/plain", b"AccessDenied"),
            _ => reply("200 OK", "text/plain", b""),
        };
    }
    let method = request.path.rsplit('/').next().unwrap_or_default();
    if method == "WatchActionDetails" {
        return watch(connection, shared);
    }
    match reply_to(method, request, shared) {
        Ok(message) => reply("200 OK", "application/proto", &message.into_bytes()),
        Err((status, code, message)) => {
            let body = serde_json::json!({ "code": code, "message": message }).to_string();
            reply(status, "application/json", body.as_bytes())
        }
    }
}

/// A failure: HTTP's status, Connect's code, a message.
type Failure = (&'static str, &'static str, String);

fn reply_to(method: &str, request: &Request, shared: &Shared) -> Result<Message, Failure> {
    let own = |inner: Message| Message::new().message(1, inner);
    Ok(match method {
        "SelectCluster" => Message::new(),
        "GetImage" => {
            let name = field(&request.body, 1).and_then(|id| field(id, 1)).unwrap_or_default();
            let name = String::from_utf8_lossy(name);
            if shared.scenario != Scenario::Exists {
                return Err(("404 Not Found", "not_found", format!("image {name} not found")));
            }
            let address = format!("cr.example.com/orgs/acme/{name}");
            own(own(Message::new().bytes(1, &*name)).bytes(2, address).message(3, run_identifier("rold")))
        }
        "CreateUploadLocation" => {
            if shared.scenario == Scenario::Denied {
                return Err(("403 Forbidden", "permission_denied", "no write access".to_owned()));
            }
            let url = format!("http://127.0.0.1:{}/upload/x?sig=s", shared.port);
            Message::new().bytes(1, url).bytes(2, "s3://bucket/x")
        }
        "ListTasks" if shared.scenario == Scenario::NoBuilder => Message::new(),
        "ListTasks" => own(own(task_identifier())),
        "GetTaskDetails" => own(own(task_identifier()).message(3, task_spec())),
        "UploadInputs" => own(Message::new().bytes(1, "s3://bucket/in").bytes(2, "h")),
        "CreateRun" => {
            let status = Message::new().number(1, 1);
            own(own(own(action_identifier(RUN)).message(3, status)))
        }
        "GetRunDetails" => {
            let phase = *shared.phase.lock().expect("a phase");
            own(Message::new().message(2, shared.run_of(phase)))
        }
        "GetActionData" => Message::new().message(2, output("o0", BUILT)),
        "AbortRun" => {
            shared.end(ABORTED);
            Message::new()
        }
        other => return Err(("501 Not Implemented", "unimplemented", other.to_owned())),
    })
}

/// A part of a stream: flags, length, message.
fn envelope(flags: u8, message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a length").to_be_bytes();
    [&[flags][..], &length, message].concat()
}

fn watch(mut connection: &TcpStream, shared: &Shared) -> Option<()> {
    let head =
        "HTTP/1.1 200 OK\r\ncontent-type: application/connect+proto\r\ntransfer-encoding: chunked\r\n\r\n";
    connection.write_all(head.as_bytes()).ok()?;
    let mut chunk = |bytes: &[u8]| {
        let length = format!("{:x}\r\n", bytes.len());
        connection.write_all(&[length.as_bytes(), bytes, b"\r\n"].concat()).ok()
    };
    let details = |phase| Message::new().message(1, shared.run_of(phase)).into_bytes();
    chunk(&envelope(0, &details(RUNNING)))?;
    let phase = match shared.scenario {
        Scenario::Fails(_) => FAILED,
        Scenario::Slow => shared.wait_for_end(),
        Scenario::Lost => {
            shared.leave();
            return None;
        }
        _ => SUCCEEDED,
    };
    *shared.phase.lock().expect("a phase") = phase;
    chunk(&envelope(0, &details(phase)))?;
    chunk(&envelope(2, b"{}"))?;
    chunk(b"")
}
