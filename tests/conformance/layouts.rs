//! Which flyte an environment has: layouts as real installers make them, against what Python itself imports.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use image_manifests::fs::OsFileSystem;
use image_model::release::Coverage;
use image_python::project::{Ambient, Facts, Installations, Options};

use crate::oracle;

/// A version of flyte that no index has.
const DEVELOPMENT: &str = "2.99.0.dev3+g1234";

fn run(command: &mut Command) -> String {
    let output = command.output().expect("a command");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}: {}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

fn uv(arguments: &[&str], folder: &Path) {
    run(Command::new(oracle::tools().join("bin/uv")).args(arguments).arg("--quiet").current_dir(folder));
}

/// A fresh folder.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(crate::case::BASE).join("layouts").join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// A project with an environment, without packages.
fn project(name: &str) -> PathBuf {
    let project = folder(name);
    uv(&["venv", ".venv", "--python", &oracle::python()], &project);
    project
}

fn install(project: &Path, what: &[&str]) {
    let arguments = [&["pip", "install", "--no-deps", "--python", ".venv/bin/python"], what].concat();
    uv(&arguments, project);
}

/// A source tree of flyte as a developer has it: the released package under a version of its own.
fn source_tree(project: &Path, backend: &str) -> PathBuf {
    let tree = project.join("flyte-sdk");
    let released = oracle::environment(super::RELEASE).join("lib");
    let site = std::fs::read_dir(released).expect("lib").next().expect("python").expect("an entry").path();
    std::fs::create_dir_all(tree.join("src")).expect("a folder");
    run(Command::new("cp").arg("-rL").arg(site.join("site-packages/flyte")).arg(tree.join("src")));
    let version = format!("__version__ = version = '{DEVELOPMENT}'\n");
    std::fs::write(tree.join("src/flyte/_version.py"), version).expect("written");
    let text = format!("[project]\nname = \"flyte\"\nversion = \"{DEVELOPMENT}\"\n{backend}");
    std::fs::write(tree.join("pyproject.toml"), text).expect("written");
    tree
}

const SETUPTOOLS: &str = "[build-system]\nrequires = [\"setuptools\"]\nbuild-backend = \"setuptools.build_meta\"\n[tool.setuptools.packages.find]\nwhere = [\"src\"]\n";
const HATCHLING: &str = "[build-system]\nrequires = [\"hatchling\"]\nbuild-backend = \"hatchling.build\"\n[tool.hatch.build.targets.wheel]\npackages = [\"src/flyte\"]\n";

/// What Python finds, without importing flyte's dependencies.
const ASK: &str = "import importlib.util, pathlib, runpy\np = pathlib.Path(importlib.util.find_spec('flyte').origin).parent\nprint(p.parent, runpy.run_path(str(p / '_version.py'))['__version__'])";

/// Compares what Python finds with what the facts say, and returns them.
fn check(what: &str, program: &Path, project: &Path, variables: &[(&str, &str)]) -> Facts {
    let mut command = Command::new(program);
    command.args(["-c", ASK]).env_clear().current_dir("/").envs(variables.iter().copied());
    let asked = run(&mut command);
    let (site, version) = asked.trim().rsplit_once(' ').expect("two words");
    let facts = facts(program, project, variables, &Installations::default());
    let environment = &facts.environment;
    assert_eq!(environment.release.version, version, "{what}: {:?}", facts.release_notes);
    assert_eq!(environment.site_packages.as_deref(), Some(site), "{what}");
    facts
}

fn facts(program: &Path, project: &Path, variables: &[(&str, &str)], known: &Installations) -> Facts {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let ambient = Ambient { variables, current_directory: project.to_owned() };
    let options = Options { python: Some(program.to_owned()), ..Options::default() };
    Facts::find_with(&project.join("m.py"), &options, &ambient, known, &OsFileSystem)
}

pub fn agree_with_python() {
    let _lock = crate::case::lock("layouts");

    let wheel = project("wheel");
    install(&wheel, &["flyte==2.12.0"]);
    let program = wheel.join(".venv/bin/python");
    let found = check("a wheel by uv", &program, &wheel, &[]);
    assert_eq!(found.environment.release.coverage, Coverage::Known);

    // The same environment, upgraded while somebody watches: the stamps tell.
    let known = Installations::default();
    let seen = || facts(&program, &wheel, &[], &known).environment.release;
    assert_eq!((seen().version.as_str(), seen().coverage), ("2.12.0", Coverage::Known));
    install(&wheel, &["flyte==2.12.1"]);
    assert_eq!((seen().version.as_str(), seen().coverage), ("2.12.1", Coverage::Known));
    // And patched.
    let patched =
        PathBuf::from(check("an upgrade", &program, &wheel, &[]).environment.site_packages.expect("a site"));
    let file = patched.join("flyte/_image.py");
    let text = std::fs::read_to_string(&file).expect("readable");
    // uv links files from its cache: a new file, so that the cache stays as it is.
    std::fs::remove_file(&file).expect("removed");
    std::fs::write(&file, text + "\n# patched\n").expect("written");
    assert_eq!(seen().coverage, Coverage::Modified(vec!["_image.py"]));

    let by_pip = folder("pip");
    run(Command::new(oracle::python()).args(["-m", "venv", ".venv"]).current_dir(&by_pip));
    let pip = by_pip.join(".venv/bin/pip");
    run(Command::new(&pip).args([
        "install",
        "-q",
        "--disable-pip-version-check",
        "--no-deps",
        "flyte==2.5.2",
    ]));
    check("a wheel by pip", &by_pip.join(".venv/bin/python"), &by_pip, &[]);

    for (name, backend) in [("setuptools", SETUPTOOLS), ("hatchling", HATCHLING)] {
        let editable = project(name);
        source_tree(&editable, backend);
        install(&editable, &["--editable", "flyte-sdk"]);
        let found = check(name, &editable.join(".venv/bin/python"), &editable, &[]);
        assert!(found.release_from.contains("from its source"), "{}", found.release_from);
        let release = &found.environment.release;
        assert_eq!((&release.coverage, release.acts_as), (&Coverage::SameFiles, super::RELEASE));
    }

    // A folder on PYTHONPATH comes before what is installed; the user's own after it.
    let target = wheel.join("vendor");
    uv(&["pip", "install", "--no-deps", "--target", "vendor", "flyte==2.6.13"], &wheel);
    check("PYTHONPATH", &program, &wheel, &[("PYTHONPATH", &target.display().to_string())]);

    // An interpreter that is no environment, with packages of the user's own.
    let home = folder("home");
    let (python, home_text) = (PathBuf::from(oracle::python()), home.display().to_string());
    let variables = [("HOME", home_text.as_str())];
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "-q", "--disable-pip-version-check", "--user", "--no-deps"]);
    install.args(["--break-system-packages", "flyte==2.9.0"]).env("HOME", &home).env_remove("PYTHONUSERBASE");
    run(&mut install);
    check("the user's own packages", &python, &home, &variables);

    // An environment that sees them, too.
    let shared = folder("shared");
    run(Command::new(&python).args(["-m", "venv", "--system-site-packages", ".venv"]).current_dir(&shared));
    check("an environment with the system's packages", &shared.join(".venv/bin/python"), &shared, &variables);
}

/// A development install makes its default image of local wheels, or of the release before it.
pub fn development_images_agree_with_flyte() {
    let _lock = crate::case::lock("development");
    let project = folder("development");
    let tree = source_tree(&project, SETUPTOOLS);
    let oracle_environment = oracle::environment(super::RELEASE);
    let source = tree.join("src").display().to_string();
    let python = "import flyte\na = flyte.Image.from_debian_base()\nb = flyte.Image.from_debian_base(name='x', registry='r').with_pip_packages('p')\nc = flyte.Image.from_debian_base(flyte_version='2.9.0')\nd = flyte.Image.from_debian_base(install_flyte=False)\n";
    std::fs::write(project.join("m.py"), python).expect("written");
    let mut compared = 0;
    for (wheels, variables) in [
        (false, vec![]),
        (false, vec![("_F_USE_RUST_CONTROLLER", "Yes")]),
        (true, vec![]),
        (
            true,
            vec![("_F_LOCAL_PLUGINS", "flyteplugins-a, ,flyteplugins-b"), ("_F_USE_RUST_CONTROLLER", "1")],
        ),
    ] {
        if wheels {
            std::fs::create_dir_all(tree.join("dist")).expect("a folder");
            std::fs::write(tree.join("dist/flyte-1-py3-none-any.whl"), "wheel").expect("written");
        }
        let mut env: BTreeMap<String, String> =
            variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        env.insert("PYTHONPATH".to_owned(), source.clone());
        let mut oracle = oracle::Oracle::start_with(&oracle_environment, &env).expect("an oracle");
        assert_eq!(oracle.greeting["flyte"], DEVELOPMENT);
        let answer =
            oracle.ask(&serde_json::json!({ "dir": project, "file": "m.py", "root": project, "env": env }));
        let setting = crate::compare::Setting {
            dir: &project,
            file: "m.py",
            root: Some(project.display().to_string()),
            env: &env,
            python: Some(&oracle_environment),
            release: None,
        };
        for (name, verdict) in crate::compare::compare(&answer, &setting) {
            assert_eq!(
                verdict,
                crate::compare::Verdict::Equal,
                "{name} with {variables:?}, wheels: {wheels}"
            );
            compared += 1;
        }
    }
    println!("{compared} comparisons of development installs");
}
