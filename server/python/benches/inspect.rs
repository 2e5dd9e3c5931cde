//! Parsing, evaluating and hashing, each beside what it is to be measured against.
//!
//! `cargo bench -p image-python`

#![expect(clippy::expect_used, reason = "a benchmark")]
#![allow(missing_docs, reason = "a benchmark")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use divan::Bencher;
use divan::counter::BytesCount;
use image_manifests::fs::{MemoryFileSystem, OsFileSystem};
use image_model::hash::Digest;
use image_model::path::PyPath;
use image_model::release::DECISIVE;
use image_model::world::World;
use image_python::evaluate::{Sources, evaluate};
use image_python::inspect::inspect;
use image_python::project::{Ambient, Facts, Installations, Options};
use image_python::syntax;
use md5::Digest as _;

fn main() {
    divan::main();
}

/// A module of 500 lines: constants, helpers, chains, tasks.
fn module() -> String {
    let mut text = String::from(
        "import os\nfrom pathlib import Path\nimport flyte\n\nHERE = Path(__file__).parent\n\n\ndef base(name, *packages):\n    image = flyte.Image.from_debian_base(name=name, python_version=(3, 12))\n    return image.with_pip_packages('httpx', *packages)\n\n\n",
    );
    let mut number = 0;
    while text.lines().count() < 500 {
        number += 1;
        let _ = write!(
            text,
            "NAME_{number} = f\"service-{{'{number}'.zfill(4)}}\"\nimage_{number} = (\n    base(NAME_{number}, \"pandas>=2\", *[f\"pkg{{i}}\" for i in range(3)])\n    .with_apt_packages(\"git\")\n    .with_env_vars({{\"A\": str({number}), \"B\": os.getenv(\"B\", \"x\")}})\n)\nenv_{number} = flyte.TaskEnvironment(name=\"e{number}\", image=image_{number})\n\n\n@env_{number}.task\nasync def task_{number}(x: int = {number}) -> int:\n    # a comment\n    total = sum(range(x))\n    return total * {number} + 1\n\n\n"
        );
    }
    text
}

fn facts(fs: &MemoryFileSystem) -> std::sync::Arc<Facts> {
    let ambient = Ambient { current_directory: "/w".into(), ..Ambient::default() };
    let options = Options { flyte_version: Some("2.12.1".to_owned()), ..Options::default() };
    std::sync::Arc::new(Facts::find(Path::new("/w/m.py"), &options, &ambient, fs))
}

/// An environment with flyte among many packages: files of the sizes that flyte's have.
fn environment() -> PathBuf {
    let folder = std::env::temp_dir().join("image-lsp-bench-environment");
    let site = folder.join("lib/python3.11/site-packages");
    if !folder.join("complete").exists() {
        for number in 0..150 {
            std::fs::create_dir_all(site.join(format!("package_{number}-1.0.dist-info"))).expect("a folder");
        }
        let write = |path: PathBuf, content: &[u8]| {
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, content).expect("written");
        };
        for (file, kilobytes) in DECISIVE.into_iter().zip([79, 4, 14, 19, 46, 20, 15, 3, 10, 2, 13, 7, 9]) {
            write(site.join("flyte").join(file), &vec![b'#'; kilobytes * 1024]);
        }
        write(site.join("flyte/__init__.py"), b"");
        write(site.join("flyte/_version.py"), b"__version__ = version = '2.12.1'\n");
        write(site.join("flyte-2.12.1.dist-info/METADATA"), b"Name: flyte\nVersion: 2.12.1\n");
        write(folder.join("pyvenv.cfg"), b"home = /usr/bin\nversion = 3.11.2\n");
        write(folder.join("complete"), b"");
    }
    folder
}

fn detect(environment: &Path, known: &Installations) -> Facts {
    let ambient = Ambient { current_directory: environment.to_owned(), ..Ambient::default() };
    let options = Options { python: Some(environment.to_owned()), ..Options::default() };
    Facts::find_with(&environment.join("m.py"), &options, &ambient, known, &OsFileSystem)
}

#[divan::bench]
fn find_release_first_time(bencher: Bencher<'_, '_>) {
    let environment = environment();
    bencher.bench(|| detect(&environment, &Installations::default()));
}

#[divan::bench]
fn find_release_warm(bencher: Bencher<'_, '_>) {
    let (environment, known) = (environment(), Installations::default());
    detect(&environment, &known);
    bencher.bench(|| detect(&environment, &known));
}

#[divan::bench]
fn parse_500_lines(bencher: Bencher<'_, '_>) {
    let text = module();
    bencher.bench(|| syntax::parse(Path::new("/w/m.py").into(), text.as_str().into()).expect("parsed"));
}

#[divan::bench]
fn evaluate_500_lines_after_parsing(bencher: Bencher<'_, '_>) {
    let fs = MemoryFileSystem::default().with("/w/m.py", module());
    let facts = facts(&fs);
    let sources = Sources::default();
    let parsed = syntax::parse(Path::new("/w/m.py").into(), module().into()).expect("parsed");
    sources.pin(std::sync::Arc::new(parsed));
    bencher.bench(|| evaluate(Path::new("/w/m.py"), &sources, &fs, &facts));
}

#[divan::bench]
fn inspect_500_lines(bencher: Bencher<'_, '_>) {
    let fs = MemoryFileSystem::default().with("/w/m.py", module());
    let facts = facts(&fs);
    bencher.bench(|| inspect(Path::new("/w/m.py"), &Sources::default(), &fs, &facts).expect("inspected"));
}

/// 64 MiB in 256 files in 16 folders.
fn folder() -> (PathBuf, u64) {
    let folder = std::env::temp_dir().join("image-lsp-bench-folder");
    let content: Vec<u8> = (0..256 * 1024_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for number in 0..256 {
        let path = folder.join(format!("{:02}/{number:03}.bin", number % 16));
        if !path.exists() {
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, &content).expect("written");
        }
    }
    (folder, 256 * 256 * 1024)
}

#[divan::bench(sample_count = 10)]
fn hash_folder_of_64_mib(bencher: Bencher<'_, '_>) {
    let (folder, bytes) = folder();
    let fs = OsFileSystem;
    let facts = facts(&MemoryFileSystem::default());
    let path = PyPath::new(folder.to_str().expect("UTF-8"));
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let world = World::new(&fs, &facts.environment);
        let mut digest = Digest::default();
        digest.source(&path, None, &world).expect("hashed");
        digest.hex()
    });
}

#[divan::bench(sample_count = 10)]
fn md5_alone_of_64_mib(bencher: Bencher<'_, '_>) {
    let (_, bytes) = folder();
    let content = vec![0x5a_u8; usize::try_from(bytes).expect("small")];
    bencher.counter(BytesCount::new(bytes)).bench(|| md5::Md5::digest(&content));
}
