//! The reader of script headers against the `toml` package itself, on documents made of its quirks.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use image_manifests::legacy_toml::{DecodeError, dumps, loads};

use crate::generate::Random;

const PROGRAM: &str = r#"
import json, sys, toml
for line in sys.stdin:
    text = json.loads(line)
    try:
        value = toml.loads(text)
        shown = "ok " + repr(value)
        try:
            dumped = toml.dumps(value)
        except Exception as e:
            dumped = None
        if " object at 0x" in shown:
            shown = "address"
    except toml.TomlDecodeError as e:
        shown, dumped = "TomlDecodeError " + str(e), None
    except Exception as e:
        shown, dumped = type(e).__name__ + " " + str(e), None
    print(json.dumps([shown, dumped]))
"#;

const PIECES: &[&str] = &[
    "a",
    "b",
    "key",
    " = ",
    "=",
    "\"x\"",
    "'y'",
    "\"",
    "'",
    "[",
    "]",
    "[[",
    "]]",
    "{",
    "}",
    ",",
    "\n",
    "\n",
    "\n",
    "#",
    " ",
    ".",
    "1",
    "-2",
    "3.5",
    "1_000",
    "0x1f",
    "true",
    "false",
    "True",
    "2024-01-01",
    "2024-01-01T00:00:00Z",
    "07:32:00",
    "\"\"\"",
    "'''",
    "\\",
    "\\n",
    "\\u00e9",
    "é",
    "dependencies = [",
    "tool.uv",
    "[tool.uv]",
    "a = 1\n",
    "b = [1, 2]\n",
    "c = {d = 1}\n",
    "inf",
    "1e5",
    "\"a,b\"",
    "\"#\"",
    "[t]\n",
    "[[t]]\n",
    "x.y = 1\n",
    "\"q r\" = 2\n",
    "+1",
    "nan",
    "0o7",
    "00",
];

pub fn compare(environment: &Path) {
    let mut random = Random(20_261_121);
    let mut documents: Vec<String> = Vec::new();
    for _ in 0..30_000 {
        let count = 1 + random.below(12);
        documents.push((0..count).map(|_| random.pick(PIECES)).collect());
    }
    let mut child = Command::new(environment.join("bin/python"))
        .args(["-c", PROGRAM])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python");
    let mut input = child.stdin.take().expect("a pipe");
    let text: String = documents.iter().map(|d| serde_json::to_string(d).expect("JSON") + "\n").collect();
    let writer = std::thread::spawn(move || input.write_all(text.as_bytes()).expect("written"));
    let output = child.wait_with_output().expect("output");
    writer.join().expect("a writer");
    let (mut unmodelled, mut read) = (0, 0);
    let mut wrong = Vec::new();
    for (document, line) in documents.iter().zip(String::from_utf8(output.stdout).expect("UTF-8").lines()) {
        let (theirs, dumped): (String, Option<String>) = serde_json::from_str(line).expect("JSON");
        let result = loads(document);
        let ours = match &result {
            Ok(table) => table.repr().map_or_else(|| "address".to_owned(), |r| format!("ok {r}")),
            Err(DecodeError::Toml(message)) => format!("TomlDecodeError {message}"),
            Err(DecodeError::Raised { exception, message }) => format!("{exception} {message}"),
            Err(DecodeError::Unmodelled) => {
                unmodelled += 1;
                continue;
            }
        };
        if ours != theirs {
            wrong.push(format!("{document:?}\n  package: {theirs}\n  here:    {ours}"));
        } else if let Ok(table) = &result {
            read += 1;
            match (dumps(table), dumped) {
                (Some(a), Some(b)) if a != b => {
                    wrong.push(format!("{document:?}\n  dumps {b:?}\n  here  {a:?}"))
                }
                _ => {}
            }
        }
    }
    println!("{} documents, {read} read, {unmodelled} not modelled, {} wrong", documents.len(), wrong.len());
    assert!(read > 1000, "only {read} documents could be read");
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong[..wrong.len().min(10)].join("\n"));
}
