//! The files of a context, handed to BuildKit as far as it asks for them.
//!
//! First every name with its size, time and mode; then the content of those that the engine does not have yet.
//! Source: github.com/tonistiigi/fsutil (`send.go`), which both ends of docker speak.

use std::collections::BTreeMap;
use std::io::Read;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bollard_buildkit_proto::fsutil::types::packet::PacketType;
use bollard_buildkit_proto::fsutil::types::{Packet, Stat};
use bollard_buildkit_proto::moby::filesync::packet::file_sync_server::FileSync;
use futures_util::Stream;
use tokio::sync::mpsc;
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status, Streaming};

use crate::event::{Event, Sink};
use crate::patterns::Patterns;
use crate::tree::{Entry, Holds, Selection, Tree};

/// Bytes of a packet.
const PACKET: usize = 32 * 1024;
/// Packets that may wait for the engine.
const WAITING: usize = 64;
/// The name under which the engine asks for the files that the Dockerfile copies; it asks for the Dockerfile besides.
const CONTEXT: &str = "context";

type Sender = mpsc::Sender<Result<Packet, Status>>;

/// The folders that are served: one, under both of the names that the engine asks for.
#[derive(Clone)]
pub(super) struct Files {
    pub(super) tree: Tree,
    pub(super) sink: Sink,
}

#[tonic::async_trait]
impl FileSync for Files {
    type DiffCopyStream = Pin<Box<dyn Stream<Item = Result<Packet, Status>> + Send>>;
    type TarStreamStream = Pin<Box<dyn Stream<Item = Result<Packet, Status>> + Send>>;

    async fn tar_stream(
        &self,
        _: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::TarStreamStream>, Status> {
        Err(Status::unimplemented("tarstream"))
    }

    async fn diff_copy(
        &self,
        request: Request<Streaming<Packet>>,
    ) -> Result<Response<Self::DiffCopyStream>, Status> {
        let metadata = request.metadata().clone();
        let name = values(&metadata, "dir-name").pop().unwrap_or_default();
        if ![CONTEXT, "dockerfile"].contains(&name.as_str()) {
            return Err(Status::not_found(format!("no access allowed to dir {name:?}")));
        }
        let (sender, receiver) = mpsc::channel(WAITING);
        let sending = Arc::new(Sending {
            tree: self.tree.clone(),
            sink: (name == CONTEXT).then(|| Arc::clone(&self.sink)),
            contents: Mutex::default(),
            files: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
        });
        let (walking, names) = (Arc::clone(&sending), sender.clone());
        tokio::task::spawn_blocking(move || walking.names(&metadata, &names));
        tokio::spawn(sending.answer(request.into_inner(), sender));
        Ok(Response::new(Box::pin(tokio_stream::wrappers::ReceiverStream::new(receiver))))
    }
}

/// One conversation.
struct Sending {
    tree: Tree,
    /// Who hears how much was sent, for the context proper.
    sink: Option<Sink>,
    /// What the engine may ask for, by number.
    contents: Mutex<BTreeMap<u32, Holds>>,
    files: AtomicUsize,
    bytes: AtomicU64,
}

impl Sending {
    /// Sends all names that are asked for, and then an empty one.
    fn names(&self, metadata: &MetadataMap, sender: &Sender) {
        let mut include = values(metadata, "include-patterns");
        let followed = values(metadata, "followpaths");
        if !followed.is_empty() {
            include.extend(self.tree.follow(&followed));
        }
        let exclude = values(metadata, "exclude-patterns");
        let selection = Selection { include: Patterns::new(&include), exclude: Patterns::new(&exclude) };
        let mut number = 0;
        let done = self.tree.visit(&selection, &mut |entry| {
            if matches!(entry.holds, Holds::File(_) | Holds::Text(_)) {
                let mut contents = self.contents.lock().unwrap_or_else(PoisonError::into_inner);
                contents.insert(number, entry.holds.clone());
            }
            number += 1;
            sender.blocking_send(Ok(packet(PacketType::PacketStat, Some(stat(entry))))).map_err(drop)
        });
        if done.is_ok() {
            // An engine that has gone away needs no end.
            let _ = sender.blocking_send(Ok(packet(PacketType::PacketStat, None)));
        }
    }

    /// Answers until the engine has enough.
    async fn answer(self: Arc<Self>, mut asked: Streaming<Packet>, sender: Sender) {
        while let Ok(Some(request)) = asked.message().await {
            match PacketType::try_from(request.r#type) {
                Ok(PacketType::PacketReq) => {
                    let (this, sender) = (Arc::clone(&self), sender.clone());
                    let sent = tokio::task::spawn_blocking(move || this.content(request.id, &sender)).await;
                    if sent.is_err() {
                        return;
                    }
                }
                Ok(PacketType::PacketFin) => {
                    if let Some(sink) = &self.sink {
                        let (files, bytes) =
                            (self.files.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed));
                        sink(Event::Context { files, bytes });
                    }
                    let _ = sender.send(Ok(packet(PacketType::PacketFin, None))).await;
                    return;
                }
                Ok(PacketType::PacketErr) => return,
                _ => {}
            }
        }
    }

    /// Sends the content of one file, and then an empty packet.
    fn content(&self, number: u32, sender: &Sender) {
        let holds = self.contents.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        let Some(holds) = holds else {
            let _ = sender.blocking_send(Err(Status::invalid_argument(format!("there is no file {number}"))));
            return;
        };
        if let Err(error) = self.pieces(number, &holds, sender) {
            let name =
                if let Holds::File(path) = &holds { path.display().to_string() } else { String::new() };
            let _ = sender.blocking_send(Err(Status::internal(format!("{name}: {error}"))));
        }
    }

    fn pieces(&self, number: u32, holds: &Holds, sender: &Sender) -> std::io::Result<()> {
        let mut file = self.tree.open(holds)?;
        self.files.fetch_add(1, Ordering::Relaxed);
        loop {
            let mut data = Vec::with_capacity(PACKET);
            let count = file.by_ref().take(PACKET as u64).read_to_end(&mut data)?;
            self.bytes.fetch_add(count as u64, Ordering::Relaxed);
            let piece = Packet { id: number, data, ..packet(PacketType::PacketData, None) };
            if sender.blocking_send(Ok(piece)).is_err() || count == 0 {
                return Ok(());
            }
        }
    }
}

fn packet(kind: PacketType, stat: Option<Stat>) -> Packet {
    Packet { r#type: kind as i32, stat, ..Packet::default() }
}

/// Whoever owns a file here, in the image it is root's, as docker's client has it.
fn stat(entry: Entry) -> Stat {
    Stat {
        mode: entry.go_mode(),
        size: i64::try_from(entry.size).unwrap_or(i64::MAX),
        mod_time: entry.modified,
        linkname: if let Holds::Link(target) = entry.holds { target } else { String::new() },
        path: entry.path,
        ..Stat::default()
    }
}

/// The values of a header, which are escaped where they are not ASCII.
fn values(metadata: &MetadataMap, name: &'static str) -> Vec<String> {
    let all = |name: &str| -> Vec<String> {
        metadata.get_all(name).iter().filter_map(|v| v.to_str().ok()).map(str::to_owned).collect()
    };
    let found = all(name);
    if all(&format!("{name}-encoded")).iter().any(|v| v == "1") {
        found.iter().map(|text| unescape(text)).collect()
    } else {
        found
    }
}

/// As Go's `url.QueryUnescape`; what is damaged stays.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(if first == b'+' { b' ' } else { first });
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_unescaped_where_they_say_so() {
        let mut metadata = MetadataMap::new();
        metadata.append("followpaths", "a+b%C3%A9".parse().expect("a value"));
        assert_eq!(values(&metadata, "followpaths"), ["a+b%C3%A9"]);
        metadata.append("followpaths-encoded", "1".parse().expect("a value"));
        assert_eq!(values(&metadata, "followpaths"), ["a bé"]);
        assert_eq!(unescape("%zz%"), "%zz%");
    }
}
