//! The language server as a process: how it starts and how it ends. What it answers is tested in its own crate.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

fn start(arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_image-lsp"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("started")
}

fn send(output: &mut impl Write, message: &Value) {
    let body = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{body}", body.len())
        .and_then(|()| output.flush())
        .expect("written");
}

fn receive(input: &mut impl BufRead) -> Value {
    let mut length = 0;
    loop {
        let mut line = String::new();
        assert_ne!(input.read_line(&mut line).expect("a line"), 0, "the server is gone");
        match line.trim().strip_prefix("Content-Length: ") {
            Some(n) => length = n.parse().expect("a number"),
            None if line.trim().is_empty() => break,
            None => {}
        }
    }
    let mut body = vec![0; length];
    input.read_exact(&mut body).expect("a body");
    serde_json::from_slice(&body).expect("JSON")
}

/// A whole session, with the last three messages in one go.
fn session(output: &mut impl Write, input: &mut impl BufRead) {
    let initialize = json!({ "processId": std::process::id(), "capabilities": {} });
    send(output, &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize }));
    assert_eq!(receive(input)["result"]["serverInfo"]["name"], "image-lsp");
    send(output, &json!({ "jsonrpc": "2.0", "method": "initialized", "params": {} }));
    send(output, &json!({ "jsonrpc": "2.0", "id": 2, "method": "shutdown" }));
    send(output, &json!({ "jsonrpc": "2.0", "method": "exit" }));
    assert_eq!(receive(input), json!({ "jsonrpc": "2.0", "result": null, "id": 2 }));
}

#[test]
fn it_ends_with_exit_though_its_input_stays_open() {
    for arguments in [&["--stdio"][..], &["server", "--stdio"], &["server"]] {
        let mut server = start(arguments);
        let mut output = server.stdin.take().expect("a stream");
        session(&mut output, &mut BufReader::new(server.stdout.take().expect("a stream")));
        assert_eq!(server.wait().expect("its end").code(), Some(0), "{arguments:?}");
        drop(output);
    }
}

#[test]
fn it_connects_to_a_client_that_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port().to_string();
    let mut server = start(&["server", "--socket", &port]);
    let (stream, _) = listener.accept().expect("a client");
    session(&mut stream.try_clone().expect("a stream"), &mut BufReader::new(stream));
    assert_eq!(server.wait().expect("its end").code(), Some(0));
    drop(listener);
    let mut server = start(&["--socket", &port]);
    let mut told = String::new();
    server.stderr.take().expect("a stream").read_to_string(&mut told).expect("text");
    assert_eq!(server.wait().expect("its end").code(), Some(101), "{told}");
    assert!(told.contains("refused"), "{told}");
}

#[test]
fn it_ends_when_its_client_is_gone() {
    let mut gone = Command::new("true").spawn().expect("a process");
    let number = gone.id();
    gone.wait().expect("its end");
    for arguments in [
        vec!["--stdio".to_owned(), format!("--clientProcessId={number}")],
        vec!["--stdio".to_owned(), "--clientProcessId".to_owned(), number.to_string()],
    ] {
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let mut server = start(&arguments);
        let open = server.stdin.take();
        assert_eq!(server.wait().expect("its end").code(), Some(1));
        drop(open);
    }
    // A closed input is a client that is gone, too.
    let mut server = start(&["--stdio"]);
    drop(server.stdin.take());
    assert_eq!(server.wait().expect("its end").code(), Some(1));
}
