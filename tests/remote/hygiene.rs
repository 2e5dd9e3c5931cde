//! Code that does not do as one would like, in the child: it is bounded, it is said, and nothing is left of it.

use std::process::Output;
use std::time::{Duration, Instant};

use crate::project::Project;

const HEAD: &str = "import os, signal, subprocess, sys, time\nimport flyte\nimage = flyte.Image.from_base('debian:12').clone(name='n', extendable=True).with_commands(['a'])\n";
/// What it then does, once flyte is imported and the image is made.
const EQUAL: &[(&str, &str)] = &[
    ("prints much", "for n in range(300_000): print('x' * 50)\n"),
    ("prints one long line", "sys.stdout.write('x' * 50_000_000)\n"),
    (
        "prints answers",
        "print('{\"event\": \"end\"}', flush=True)\nos.write(1, b'{\"event\": \"ready\"}\\n')\n",
    ),
    ("prints bytes that are no text", "os.write(1, b'\\xff\\xfe\\n')\nos.write(2, b'\\x80\\n')\n"),
    ("closes its streams", "sys.stdout.close()\nsys.stderr.close()\n"),
    ("closes its descriptors", "os.close(0); os.close(1); os.close(2)\n"),
    ("forks", "os.fork()\n"),
    ("forks twice and goes on", "os.fork(); os.fork()\n"),
    ("waits for children", "if os.fork() == 0: os._exit(0)\nos.wait()\n"),
    ("waits for all children", "try:\n    while True: os.wait()\nexcept ChildProcessError: pass\n"),
    ("leaves a program behind", "subprocess.Popen(['sleep', '1000'])\n"),
    (
        "leaves a thread behind",
        "import threading\nthreading.Thread(target=time.sleep, args=(1000,)).start()\n",
    ),
    ("waits at the end", "import atexit\natexit.register(time.sleep, 1000)\n"),
    ("takes signals", "for s in (signal.SIGINT, signal.SIGTERM): signal.signal(s, signal.SIG_IGN)\n"),
    ("changes its folder", "os.chdir('/')\n"),
    ("prints at the end", "import atexit\natexit.register(print, '{\"event\": \"image\"}')\n"),
];
/// What it does, and what is said of it.
const SAID: &[(&str, &str, &[&str])] = &[
    (
        "raises",
        "def f(): raise ValueError(time.ctime()[:0] + 'no good')\nf()\n",
        &["m.py:4:1: ValueError: no good", "m.py:5 in <module>", "m.py:4 in f"],
    ),
    ("ends", "sys.exit(3)\n", &["m.py:4:1: ", "the file ends the program (exit status 3)"]),
    (
        "ends at once",
        "print('last words', flush=True)\nos._exit(3)\n",
        &["ended without an answer while it imported the file", "last words"],
    ),
    (
        "kills itself",
        "os.kill(os.getpid(), signal.SIGKILL)\n",
        &["ended without an answer while it imported the file"],
    ),
    (
        "kills its group",
        "os.killpg(0, signal.SIGTERM)\n",
        &["ended without an answer while it imported the file"],
    ),
    ("reads its input", "input()\n", &["m.py:4:1: EOFError"]),
    ("closes what is not its own", "os.closerange(3, 256)\n", &["ended without an answer"]),
    ("recurses", "def f(): f()\nf()\n", &["RecursionError: maximum recursion depth exceeded"]),
    ("has a bad text", "raise Exception('\\ud800 \\x00')\n", &["m.py:4:1: Exception: "]),
];
/// What it does without an end.
const ENDLESS: &[(&str, &str, &[&str])] = &[
    ("loops", "while True: pass\n", &["was stopped: for 10 seconds it imported the file"]),
    (
        "sleeps and takes no signals",
        "for s in (signal.SIGINT, signal.SIGTERM): signal.signal(s, signal.SIG_IGN)\nwhile True: time.sleep(1)\n",
        &["was stopped: for 10 seconds it imported the file"],
    ),
    // Python's own signals are seen between its instructions: this one takes hours.
    ("computes without a break", "3 ** (10 ** 9)\n", &["was stopped: for 10 seconds it imported the file"]),
];

fn verify(python: &str, more: &[&str]) -> (Project, Output) {
    let project = Project::new(&[("m.py", &format!("{HEAD}{python}"))]);
    let arguments: Vec<&str> = ["verify", "m.py"].into_iter().chain(more.iter().copied()).collect();
    let output = project.run(&arguments);
    (project, output)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn what_code_does_besides_does_not_matter() {
    for (what, python) in EQUAL {
        let (_, output) = verify(python, &[]);
        assert!(
            text(&output.stdout).contains("1 equal, 0 different, 0 not comparable"),
            "{what}: {output:?}"
        );
        assert_eq!(output.status.code(), Some(0), "{what}");
    }
}

#[test]
fn what_ends_the_child_is_said_with_its_line() {
    said_of(SAID);
}

#[test]
fn what_does_not_end_is_ended() {
    said_of(ENDLESS);
}

fn said_of(cases: &[(&str, &str, &[&str])]) {
    for (what, python, said) in cases {
        let (_, output) = verify(python, &["--timeout", "10"]);
        assert_eq!(output.status.code(), Some(2), "{what}: {output:?}");
        for part in *said {
            assert!(text(&output.stdout).contains(part), "{what}: {part:?} in {output:?}");
        }
    }
}

#[test]
fn code_that_is_no_python_is_said() {
    let project = Project::new(&[("m.py", "import flyte\ndef f(:\n")]);
    let output = project.run(&["verify", "m.py"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(text(&output.stdout).contains("m.py:2:1: SyntaxError"), "{output:?}");
}

#[test]
fn the_child_is_told_not_to_tell_anybody() {
    let python = "assert all(os.environ[n] in ('1', 'true') for n in ('DO_NOT_TRACK', 'FLYTE_DISABLE_TELEMETRY', 'FLYTE_DISABLE_SENTRY'))\nassert os.environ['TMPDIR'] == __import__('tempfile').gettempdir() and 'image-lsp-flyte' in os.environ['TMPDIR']\nassert os.getpgrp() == os.getppid()\nassert sys.argv == ['-c']\n";
    let (project, output) = verify(python, &[]);
    assert!(text(&output.stdout).contains("1 equal"), "{output:?}");
    // Nothing is written beside the file.
    let files = std::fs::read_dir(project.path()).expect("a folder").count();
    assert_eq!(files, 1);
}

#[test]
fn the_child_ends_with_whoever_asked() {
    // While it can run Python, and while it cannot.
    for loops in ["while True: time.sleep(1)\n", "3 ** (10 ** 9)\n"] {
        let python = format!("{HEAD}subprocess.Popen(['sleep', '1000'])\nopen('here', 'w').close()\n{loops}");
        let project = Project::new(&[("m.py", &python)]);
        let mut child = project.command(&["verify", "m.py"]).spawn().expect("started");
        let began = Instant::now();
        while !project.path().join("here").exists() {
            assert!(began.elapsed() < Duration::from_secs(60), "it does not start");
            std::thread::yield_now();
        }
        assert!(!project.processes(child.id()).is_empty());
        child.kill().expect("killed");
        child.wait().expect("its end");
        // Whoever was killed cannot tidy up its files.
        let began = Instant::now();
        while !project.processes(child.id()).is_empty() {
            assert!(began.elapsed() < Duration::from_secs(10), "{:?}", project.processes(child.id()));
            std::thread::yield_now();
        }
    }
}

#[test]
fn an_interrupt_ends_a_comparison() {
    let python = format!("{HEAD}open('here', 'w').close()\nwhile True: time.sleep(1)\n");
    let project = Project::new(&[("m.py", &python)]);
    let child = project.command(&["verify", "m.py"]).spawn().expect("started");
    let began = Instant::now();
    while !project.path().join("here").exists() {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not start");
        std::thread::yield_now();
    }
    crate::project::interrupt(&child);
    let id = child.id();
    assert_eq!(child.wait_with_output().expect("output").status.code(), Some(130));
    project.assert_nothing_is_left(id);
}

#[test]
fn files_that_end_the_child_do_not_harm_others() {
    let good = |name: &str| format!("{HEAD}import helper\n{name} = image.with_commands([helper.X])\n");
    let project = Project::new(&[
        ("a.py", &good("a")),
        ("b.py", &format!("{HEAD}os._exit(3)\n")),
        ("c.py", &format!("{HEAD}sys.exit(1)\n")),
        (
            "d.py",
            &format!(
                "{HEAD}import helper\nhelper.X = 'other'\nos.environ['FLYTE_IMAGE_REGISTRY'] = 'other'\nos.chdir('/')\nflyte.init(root_dir=None)\n"
            ),
        ),
        ("e.py", &good("e")),
        ("helper.py", "X = 'x'\n"),
    ]);
    let output = project.run(&["verify"]);
    let told = text(&output.stdout);
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("5 equal, 0 different, 0 not comparable"), "{told}");
    assert_eq!(told.matches("not asked").count(), 2, "{told}");
}

#[test]
fn files_called_like_modules_of_python_do_not_stand_in_for_them() {
    let wrong = "raise SystemExit('not this one')\n";
    let mut files = vec![("m.py", format!("{HEAD}class Own(flyte.Image): pass\n"))];
    let names = ["json.py", "select.py", "signal.py", "functools.py", "importlib.py", "flyte.py", "click.py"];
    files.extend(names.map(|name| (name, wrong.to_owned())));
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let output = Project::new(&files).run(&["verify", "m.py"]);
    assert!(text(&output.stdout).contains("1 equal, 0 different"), "{output:?}");
}
