//! Messages on a pair of streams.
//!
//! One thread reads, in the order of the wire. Whatever comes in, the reader goes on: what is no JSON gets a
//! parse error, what is no request an invalid-request error, and a message without a length is skipped.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};

/// Bytes of a message that are read; a longer one is skipped.
const LONGEST: usize = 1 << 29;

/// A message from the client.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// JSON.
    Message(Value),
    /// Something else: the answer that it gets.
    Malformed(Value),
}

/// An error as a response.
pub(crate) fn error(id: Value, code: i64, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message } })
}

/// Reads messages from a stream.
pub(crate) struct Reader<R> {
    input: BufReader<R>,
}

impl<R: Read> Reader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input: BufReader::with_capacity(1 << 16, input) }
    }

    /// The next message; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> Option<Incoming> {
        let length = self.length()?;
        if length > LONGEST {
            let skipped = io::copy(&mut self.input.by_ref().take(length as u64), &mut io::sink());
            return skipped
                .is_ok()
                .then(|| Incoming::Malformed(error(Value::Null, -32600, "the message is too long")));
        }
        let mut body = vec![0; length];
        self.input.read_exact(&mut body).ok()?;
        Some(match serde_json::from_slice(&body) {
            Ok(message) => Incoming::Message(message),
            Err(e) => Incoming::Malformed(error(Value::Null, -32700, &format!("this is no JSON: {e}"))),
        })
    }

    /// Reads headers up to an empty line; the length that they give. Headers without one are skipped.
    fn length(&mut self) -> Option<usize> {
        let mut length = None;
        loop {
            let mut line = Vec::new();
            // A header has some ten bytes; what has no line end is no header.
            if self.input.by_ref().take(1 << 12).read_until(b'\n', &mut line).ok()? == 0 {
                return None;
            }
            let line = String::from_utf8_lossy(&line);
            let line = line.trim();
            if line.is_empty() {
                match length {
                    Some(length) => return Some(length),
                    None => continue,
                }
            }
            if let Some((name, value)) = line.split_once(':')
                && name.trim().to_ascii_lowercase().ends_with("content-length")
            {
                length = value.trim().parse().ok();
            }
        }
    }
}

/// Where messages to the client go. Whoever has a message writes it: a thread in between would cost more than it spares.
/// Who reads must not write, or both sides could wait for each other.
#[derive(Clone)]
pub(crate) struct Outgoing(Arc<Mutex<Box<dyn Write + Send>>>);

impl Outgoing {
    pub(crate) fn new(output: impl Write + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new(Box::new(output))))
    }

    /// Sends a message. A client that is gone gets nothing.
    pub(crate) fn send(&self, message: &impl serde::Serialize) {
        let Ok(body) = serde_json::to_vec(message) else { return };
        let mut bytes = format!("Content-Length: {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend_from_slice(&body);
        let mut output = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = output.write_all(&bytes).and_then(|()| output.flush());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_comes_the_next_message_is_read() {
        let good = r#"{"id":1}"#;
        let mut input = Vec::new();
        for part in [
            "Content-Length: 3\r\n\r\n{x}",
            "Content-Length: 0\r\n\r\n",
            "garbage\r\nContent-Type: x\r\n\r\n",
            "Content-Length: -5\r\n\r\n",
            "content-length:8\r\nContent-Type: application/vscode-jsonrpc; charset=latin1\r\n\r\n{\"id\":1}",
        ] {
            input.extend_from_slice(part.as_bytes());
        }
        let mut reader = Reader::new(input.as_slice());
        let mut seen = Vec::new();
        while let Some(message) = reader.next() {
            seen.push(match message {
                Incoming::Message(value) => value,
                Incoming::Malformed(answer) => answer["error"]["code"].clone(),
            });
        }
        assert_eq!(seen, [json!(-32700), json!(-32700), serde_json::from_str(good).expect("JSON")]);
    }
}
