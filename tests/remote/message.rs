//! Messages of flyte's backend: as many as a build by the remote builder needs, written and read field by field.
//!
//! Source: the messages of `flyteidl2`, and the exchange of flyte 2.12.1 with it.

/// A message that is being written.
#[derive(Clone, Default)]
pub struct Message(Vec<u8>);

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value > 127 {
        out.push(u8::try_from(value & 127).expect("seven bits") | 128);
        value >>= 7;
    }
    out.push(u8::try_from(value).expect("seven bits"));
}

impl Message {
    pub fn new() -> Self {
        Self::default()
    }

    /// A field with a text or bytes.
    pub fn bytes(mut self, field: u64, value: impl AsRef<[u8]>) -> Self {
        let value = value.as_ref();
        varint(field << 3 | 2, &mut self.0);
        varint(u64::try_from(value.len()).expect("a length"), &mut self.0);
        self.0.extend_from_slice(value);
        self
    }

    /// A field with a message.
    pub fn message(self, field: u64, value: Message) -> Self {
        self.bytes(field, value.0)
    }

    /// A field with a number.
    pub fn number(mut self, field: u64, value: u64) -> Self {
        varint(field << 3, &mut self.0);
        varint(value, &mut self.0);
        self
    }

    pub fn into_bytes(self) -> Vec<u8> {
        self.0
    }
}

/// The first field of a number in a message, where it is a text, bytes or a message.
pub fn field(message: &[u8], wanted: u64) -> Option<&[u8]> {
    let mut rest = message;
    while !rest.is_empty() {
        let tag = take_varint(&mut rest)?;
        let value = match tag & 7 {
            0 => {
                take_varint(&mut rest)?;
                continue;
            }
            1 => take(&mut rest, 8)?,
            2 => {
                let length = usize::try_from(take_varint(&mut rest)?).ok()?;
                take(&mut rest, length)?
            }
            5 => take(&mut rest, 4)?,
            _ => return None,
        };
        if tag >> 3 == wanted {
            return Some(value);
        }
    }
    None
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, left) = rest.split_at_checked(length)?;
    *rest = left;
    Some(taken)
}

fn take_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for place in 0..10 {
        let byte = *take(rest, 1)?.first()?;
        value |= u64::from(byte & 127) << (7 * place);
        if byte < 128 {
            return Some(value);
        }
    }
    None
}

/// What a run of the builder's task looks like from outside.
pub struct RunOf<'a> {
    pub name: &'a str,
    pub phase: u64,
    pub error: Option<&'a str>,
}

pub const RUNNING: u64 = 4;
pub const SUCCEEDED: u64 = 5;
pub const FAILED: u64 = 6;
pub const ABORTED: u64 = 7;

/// Identifies something in a project: organisation, project, domain, name.
fn identifier(project: &str, domain: &str, name: &str) -> Message {
    Message::new().bytes(1, "acme").bytes(2, project).bytes(3, domain).bytes(4, name)
}

pub fn run_identifier(name: &str) -> Message {
    identifier("flytesnacks", "development", name)
}

pub fn task_identifier() -> Message {
    identifier("system", "production", "build-image").bytes(5, "v7")
}

/// A variable of type string.
fn variable(name: &str) -> Message {
    let string = Message::new().number(1, 3);
    Message::new().bytes(1, name).message(2, Message::new().message(1, string).bytes(2, name))
}

/// The task that builds images.
pub fn task_spec() -> Message {
    let id = Message::new()
        .number(1, 1)
        .bytes(2, "system")
        .bytes(3, "production")
        .bytes(4, "build-image")
        .bytes(5, "v7")
        .bytes(6, "acme");
    let inputs = ["spec", "context", "target_image"]
        .into_iter()
        .fold(Message::new(), |all, name| all.message(1, variable(name)));
    let outputs = Message::new().message(1, variable("o0"));
    let interface = Message::new().message(1, inputs).message(2, outputs);
    let container = Message::new().bytes(1, "builder:1");
    let template =
        Message::new().message(1, id).bytes(2, "python").message(4, interface).message(6, container);
    Message::new().message(1, template).bytes(3, "build-image")
}

pub fn action_identifier(run: &str) -> Message {
    Message::new().message(1, run_identifier(run)).bytes(2, "a0")
}

/// Details of the only action of a run.
pub fn action_details(run: &RunOf<'_>) -> Message {
    let metadata = Message::new().message(7, Message::new().message(1, task_identifier()));
    let status = Message::new().number(1, run.phase).number(4, 1);
    let details =
        Message::new().message(1, action_identifier(run.name)).message(2, metadata).message(3, status);
    let details = match run.error {
        Some(error) => details.message(4, Message::new().bytes(1, error).number(2, 1)),
        None => details,
    };
    details.message(6, task_spec())
}

/// A string as an output of a task.
pub fn output(name: &str, value: &str) -> Message {
    let primitive = Message::new().bytes(3, value);
    let literal = Message::new().message(1, Message::new().message(1, primitive));
    Message::new().message(1, Message::new().bytes(1, name).message(2, literal))
}
