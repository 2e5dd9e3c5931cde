//! Evaluation from text to images, on files in memory: outcomes, places, bounds. What flyte itself makes of programs is
//! compared in the conformance tests.

use std::path::Path;

use image_manifests::fs::MemoryFileSystem;
use proptest::prelude::*;

use crate::evaluate::{Condition, Sources};
use crate::inspect::{Certainty, FileReport, ImageReport, inspect};
use crate::project::{Ambient, Facts, Options};

fn report_with(python: &str, files: &[(&str, &str)], variables: &[(&str, &str)]) -> FileReport {
    let mut fs = MemoryFileSystem::default().with("/w/m.py", python);
    for (path, content) in files {
        fs = fs.with(format!("/w/{path}"), content);
    }
    let ambient = Ambient {
        variables: variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
        current_directory: "/w".into(),
    };
    let options = Options { flyte_version: Some("2.12.1".to_owned()), ..Options::default() };
    let facts = std::sync::Arc::new(Facts::find(Path::new("/w/m.py"), &options, &ambient, &fs));
    inspect(Path::new("/w/m.py"), &Sources::default(), &fs, &facts).expect("readable")
}

fn report(python: &str) -> FileReport {
    report_with(python, &[], &[])
}

fn named<'a>(report: &'a FileReport, name: &str) -> Vec<&'a ImageReport> {
    report.images.iter().filter(|i| i.names.iter().any(|n| n == name)).collect()
}

fn bases(report: &FileReport, name: &str) -> Vec<(String, String)> {
    named(report, name)
        .iter()
        .flat_map(|i| &i.variants)
        .map(|v| {
            let when: Vec<String> = v.when.iter().map(Condition::shown).collect();
            (when.join(" and "), v.uri.clone().unwrap_or_default())
        })
        .collect()
}

const HEAD: &str =
    "import os, sys, flyte\nbase = flyte.Image.from_base('b').clone(name='n', extendable=True)\n";

#[test]
fn an_unset_variable_opens_two_outcomes() {
    let python =
        "import os, flyte\nGPU = os.environ.get('GPU')\na = flyte.Image.from_base('gpu' if GPU else 'cpu')\n";
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    assert_eq!(bases(&report(python), "a"), [pair("not GPU", "cpu"), pair("GPU", "gpu")]);
    let set = report_with(python, &[], &[("GPU", "1")]);
    assert_eq!(bases(&set, "a"), [pair("GPU", "gpu"), pair("not GPU", "cpu")]);
}

#[test]
fn a_name_means_the_image_of_the_environment() {
    let python = "import os, flyte\nimage = flyte.Image.from_base('cpu')\nif os.environ.get('GPU'):\n    image = flyte.Image.from_base('gpu')\n";
    for (variables, own, other, when) in [
        (&[][..], "cpu", "gpu", "os.environ.get('GPU')"),
        (&[("GPU", "1")], "gpu", "cpu", "not (os.environ.get('GPU'))"),
    ] {
        let report = report_with(python, &[], variables);
        let uri = |i: &ImageReport| i.variants[0].uri.clone().unwrap_or_default();
        let number = report.named("image").expect("an image");
        assert_eq!(uri(&report.images[number]), own);
        let others: Vec<(String, String)> = report
            .also_named("image")
            .map(|(i, b)| (uri(i), b.when.iter().map(Condition::shown).collect()))
            .collect();
        assert_eq!(others, [(other.to_owned(), when.to_owned())]);
    }
}

#[test]
fn what_a_contradicted_variable_leads_to_is_not_guessed() {
    let python = "import os, flyte\ng = os.getenv('G', 'none')\na = flyte.Image.from_base('x')\nif g != 'none':\n    a = flyte.Image.from_base('gpu:' + g)\n";
    let found = bases(&report(python), "a");
    assert_eq!(found[1], ("g != 'none'".to_owned(), String::new()), "{found:?}");
}

#[test]
fn one_condition_decides_everywhere() {
    let python = "import flyte, torch\ncuda = torch.cuda.is_available()\nx = 'gpu' if cuda else 'cpu'\ny = 'gpu' if cuda else 'cpu'\na = flyte.Image.from_base(x + y)\n";
    let found: Vec<String> = bases(&report(python), "a").into_iter().map(|(_, uri)| uri).collect();
    assert_eq!(found, ["gpugpu", "cpucpu"]);
}

#[test]
fn a_library_that_may_be_missing_opens_two_outcomes() {
    let python = "import flyte\ntry:\n    import torch\n    kind = 'torch'\nexcept ImportError:\n    kind = 'plain'\na = flyte.Image.from_base(kind)\n";
    let found: Vec<String> = bases(&report(python), "a").into_iter().map(|(_, uri)| uri).collect();
    assert_eq!(found, ["torch", "plain"]);
}

#[test]
fn only_flytes_own_image_counts() {
    for python in [
        "import modal\na = modal.Image.debian_slim().pip_install('x')\nb = modal.Image.from_dockerfile('D')\n",
        "from PIL import Image\na = Image.from_base('x').with_pip_packages('y')\n",
        "class Image:\n    @classmethod\n    def from_base(cls, x):\n        return cls()\n    def with_pip_packages(self, *p):\n        return self\na = Image.from_base('x').with_pip_packages('y')\n",
        "import dagger\na = dagger.dag.container().with_workdir('/x')\n",
    ] {
        let report = report(python);
        assert!(report.images.is_empty() && report.import_error.is_none(), "{python}: {:?}", report.images);
    }
}

#[test]
fn functions_that_nothing_calls_are_looked_at() {
    let python = format!(
        "{HEAD}def build(extra):\n    image = base.with_pip_packages('a')\n    if extra:\n        image = image.with_pip_packages(extra)\n    return image\n"
    );
    let report = report(&python);
    let shown: Vec<(bool, bool)> = report
        .images
        .iter()
        .filter(|i| i.speculative)
        .map(|i| (i.variants[0].uri.is_some(), i.intermediate))
        .collect();
    assert!(!shown.is_empty() && report.import_error.is_none(), "{shown:?}");
}

#[test]
fn an_error_leaves_the_rest_of_the_file_known() {
    let report = report(
        "import flyte\na = flyte.Image.from_base('x').with_pip_packages('y').with_apt_packages('z')\nb = flyte.Image.from_base('ok')\n",
    );
    assert_eq!(bases(&report, "b"), [(String::new(), "ok".to_owned())]);
    assert_eq!(named(&report, "a")[0].certainty, Certainty::Unknown);
    let (raised, site) = report.import_error.as_ref().expect("an error");
    assert_eq!((raised.exception, site.start), ("ValueError", 44));
}

#[test]
fn text_that_is_no_python_leaves_the_rest_known() {
    for broken in [
        "x = (",
        "def f(:\n    pass",
        "a.b.(",
        "class",
        "x = [1, 2",
        "@",
        "if True\n    y = 1",
        "print 'x'",
        "\"\"\"",
    ] {
        let report = report(&format!("{HEAD}a = base.with_pip_packages('p')\n{broken}\n"));
        assert_eq!(named(&report, "a").len(), 1, "{broken}");
        assert!(named(&report, "a")[0].variants[0].uri.is_some(), "{broken}");
    }
    let typing =
        report("import flyte\nimage = flyte.Image.from_base('x').clone(name='n', extendable=True).\n");
    assert!(typing.images.iter().any(|i| i.variants[0].uri.is_some()), "{:?}", typing.images);
}

#[test]
fn every_bound_holds() {
    let mut chain = format!("{HEAD}a = base");
    chain.extend(std::iter::repeat_n(".with_env_vars({'A': 'b'})", 10_000));
    assert_eq!(named(&report(&chain), "a")[0].variants[0].layers.len(), 10_000);
    let deep = |open: &str, close: &str, n: usize| format!("{}1{}", open.repeat(n), close.repeat(n));
    for hostile in [
        "def f(n):\n    return f(n + 1)\nx = f(0)".to_owned(),
        "def f(n):\n    return f(n + 1) + f(n + 2)\nx = f(0)".to_owned(),
        "while True:\n    x = 1".to_owned(),
        "x = 'a' * 10**12\ny = [0] * 10**9\nz = ('a' * 1000000) * 1000000".to_owned(),
        "x = (1,)\nfor i in range(100):\n    x = (x, x)\ny = str(x)\nz = x == x".to_owned(),
        "x = [1]\nfor i in range(60):\n    x = [x, x]\ny = str(x)\nz = x == [x, x]".to_owned(),
        "x = []\nx.append(x)\ny = str(x)\nz = x == x\nw = {1: x}".to_owned(),
        "for i in range(10**9):\n    x = i".to_owned(),
        "for i in range(3000):\n    for j in range(3000):\n        x = i".to_owned(),
        format!("x = {}", deep("[", "]", 20_000)),
        format!("x = {}", deep("(", ")", 20_000)),
        format!("x = {}", deep("{'a': ", "}", 5_000)),
        format!("x = {}", deep("f(", ")", 20_000)),
        format!("x = {}1", "1 + ".repeat(50_000)),
        format!("x = {}1", "not ".repeat(20_000)),
        format!("x = {}1", "1 if x else ".repeat(5_000)),
        format!("x = {}1", "lambda: ".repeat(5_000)),
        format!(
            "{}x = 1",
            (0..300).map(|i| format!("{}if x:\n", " ".repeat(i))).collect::<String>() + &" ".repeat(300)
        ),
        format!("x = a{}", "[0]".repeat(20_000)),
        format!("x = [{}]", "1, ".repeat(200_000)),
        (0..200).map(|i| format!("if u{i}():\n    x = {i}\n")).collect::<String>(),
        "a = ['x'] * 9000\nb = [a] * 9000\nc = [b] * 9000\nx = base.with_commands(c).with_pip_packages(c, *b)".to_owned(),
    ] {
        let shown: String = hostile.chars().take(60).collect();
        let report = report(&format!("{HEAD}{hostile}\na = base.with_pip_packages('p')\n"));
        let found = named(&report, "a");
        assert!(!found.is_empty(), "{shown}");
    }
}

#[test]
fn imports_that_never_end_do() {
    let files = [
        ("a.py", "from b import x\n"),
        ("b.py", "from a import x\nimport m\n"),
        ("c/__init__.py", "from . import *\n"),
    ];
    let report = report_with(
        &format!("{HEAD}import a, c.d.e\nfrom a import x\ni = flyte.Image.from_base(f'{{x}}')\n"),
        &files,
        &[],
    );
    assert_eq!(named(&report, "i")[0].certainty, Certainty::Unknown);
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = report(&text);
    }

    #[test]
    fn no_python_makes_it_panic(words in proptest::collection::vec(prop_oneof![
        Just("import flyte\n"), Just("a = "), Just("flyte.Image"), Just(".from_base("), Just(".with_pip_packages("), Just("'x'"),
        Just("*"), Just("**"), Just(")"), Just("("), Just("["), Just("]"), Just("{"), Just("}"), Just(":"), Just("\n"),
        Just("\n    "), Just("def f(x, *a, **k):\n    "), Just("class C:\n    "), Just("if a:\n    "), Just("for x in "), Just("return "),
        Just("lambda "), Just("f'{a!r:>5}'"), Just("f'{"), Just("match a:\n    case "), Just("try:\n    "), Just("except:\n    "),
        Just("yield "), Just("a"), Just("x"), Just(","), Just("="), Just("+"), Just("%"), Just("os.environ"), Just("1"), Just("-1"),
        Just(".split("), Just("sorted("), Just("a[1:"), Just("not "), Just("in "), Just("del a"), Just("global a\n"), Just("with a as b:\n    "),
    ], 0..40)) {
        let _ = report(&words.concat());
    }
}
