//! The line protocol of the driver itself, as the project's interpreter speaks it.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

use crate::project::Project;

const DRIVER: &str = include_str!("../../server/build/src/flyte/driver.py");
const FILE: &str = "import flyte\nimage = flyte.Image.from_debian_base(name='n', registry='r.io', python_version=(3, 12)).with_commands(['a'])\n";

struct Driver {
    process: std::process::Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Driver {
    fn start(project: &Project) -> Self {
        use std::os::unix::process::CommandExt as _;
        let folder = project.path();
        // A docker that builds at once.
        let programs = folder.join("programs");
        std::fs::create_dir_all(&programs).expect("a folder");
        project.write("programs/docker", "#!/bin/sh\necho docker \"$@\" >> docker.log\ncase \"$*\" in *imagetools*) echo 'not found' >&2; exit 1;; esac\n");
        let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(programs.join("docker"), executable).expect("a program");
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap_or_default());
        let mut process = Command::new(project.python.join("bin/python"))
            .args(["-u", "-c", DRIVER])
            .current_dir(&folder)
            .env("PATH", path)
            .env("HOME", &folder)
            .env("DO_NOT_TRACK", "1")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        let input = process.stdin.take();
        let output = BufReader::new(process.stdout.take().expect("a stream"));
        let mut driver = Self { process, input, output };
        let hello = driver.next().expect("a greeting");
        assert_eq!(
            (&hello["event"], &hello["protocol"], &hello["forks"]),
            (&"hello".into(), &1.into(), &true.into())
        );
        driver
    }

    fn next(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.output.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(serde_json::from_str(&line).expect("JSON"))
    }

    /// The answers to a request, without the phases.
    fn ask(&mut self, request: &Value) -> Vec<Value> {
        writeln!(self.input.as_mut().expect("a stream"), "{request}").expect("written");
        let last = if request["keep"] == true { "ready" } else { "end" };
        let mut all = Vec::new();
        loop {
            let answer = self.next().unwrap_or_else(|| panic!("no answer: {all:?}"));
            if answer["event"] == last {
                return all;
            }
            if answer["event"] != "phase" {
                all.push(answer);
            }
        }
    }
}

fn request(project: &Project, what: &str) -> Value {
    let folder = project.path().display().to_string();
    json!({ "do": what, "path": format!("{folder}/m.py"), "directory": folder, "folder": project.temporary(), "root": folder })
}

#[test]
fn images_are_described_as_often_as_one_likes() {
    let project = Project::new(&[("m.py", FILE)]);
    let mut driver = Driver::start(&project);
    let mut request = request(&project, "describe");
    request["keep"] = json!(true);
    let first = driver.ask(&request);
    assert_eq!(first[0]["event"], "flyte");
    assert_eq!((&first[1]["event"], &first[1]["names"]), (&"image".into(), &json!(["image"])), "{first:?}");
    // Whoever expects nothing is told everything.
    let (uri, tag) = (&first[1]["uri"]["ok"], first[1]["tag"].as_str().expect("a tag"));
    assert_eq!((uri.as_str(), tag.len()), (Some(format!("r.io/n:{tag}").as_str()), 32), "{first:?}");
    let dockerfile = first[1]["dockerfile"]["ok"].as_str().expect("a Dockerfile");
    assert!(
        dockerfile.ends_with(&format!("ENV _F_IMG_ID=r.io/n:{tag}\nSHELL [\"/bin/bash\", \"-c\"]\n")),
        "{dockerfile}"
    );
    assert_eq!(driver.ask(&request), first);
}

#[test]
fn the_local_builder_is_asked_the_same_way() {
    let project = Project::new(&[("m.py", FILE)]);
    let mut build = request(&project, "build");
    build["name"] = json!("image");
    build["builder"] = json!("local");
    build["force"] = json!(true);
    let answers = Driver::start(&project).ask(&build);
    let uri = answers.iter().find(|a| a["event"] == "image").expect("an image")["uri"]["ok"].clone();
    let result = answers.last().expect("a result");
    assert_eq!(
        (&result["event"], &result["uri"], &result["status"]),
        (&"result".into(), &uri, &"built".into()),
        "{answers:?}"
    );
    let ran = std::fs::read_to_string(project.path().join("docker.log")).expect("a log");
    assert!(ran.contains(uri.as_str().expect("an address")), "{ran}");
}

#[test]
fn what_is_not_understood_is_an_answer() {
    let project = Project::new(&[("m.py", FILE)]);
    let answers = Driver::start(&project).ask(&request(&project, "nothing"));
    assert_eq!(
        (&answers[0]["event"], &answers[0]["type"]),
        (&"error".into(), &"KeyError".into()),
        "{answers:?}"
    );
    let mut build = request(&project, "build");
    build["name"] = json!("nosuch");
    let answers = Driver::start(&project).ask(&build);
    assert_eq!(answers.last().expect("an answer")["kind"], "no-image", "{answers:?}");
}

#[test]
fn it_ends_with_its_input() {
    let project = Project::new(&[("m.py", "while True: pass\n")]);
    let mut driver = Driver::start(&project);
    let asked = request(&project, "describe");
    writeln!(driver.input.as_mut().expect("a stream"), "{asked}").expect("written");
    while driver.next().expect("a phase")["name"] != "load" {}
    driver.input = None;
    assert!(!driver.process.wait().expect("its end").success());
}
