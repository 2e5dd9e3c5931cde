//! Which Python a project uses, found by looking at files: nothing is run.

use std::path::{Path, PathBuf};

use image_manifests::fs::FileSystem;

use super::{Ambient, Options};

/// A Python interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The environment's folder, or the program.
    pub path: PathBuf,
    /// How a person would call it: `.venv`, `python3.12 on PATH`.
    pub shown: String,
    /// `(major, minor)`
    pub version: Option<(u32, u32)>,
    /// The folders in which it looks for packages, in order, as far as files tell.
    pub search_path: Vec<PathBuf>,
}

/// The first of: the given one, VIRTUAL_ENV, CONDA_PREFIX; UV_PROJECT_ENVIRONMENT, `.venv` or pixi's environment in the
/// folder or above; `.python-version`; PATH.
pub(super) fn find(
    folder: &Path,
    options: &Options,
    ambient: &Ambient,
    fs: &dyn FileSystem,
) -> Option<Interpreter> {
    if let Some(given) = &options.python {
        let given = ambient.current_directory.join(given);
        let shown = given.display().to_string();
        return environment(&given, &shown, ambient, fs).or_else(|| program(&given, &shown, ambient, fs));
    }
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        if let Some(path) = ambient.variables.get(variable).filter(|v| !v.is_empty())
            && let Some(found) = environment(Path::new(path), &format!("{variable} ({path})"), ambient, fs)
        {
            return Some(found);
        }
    }
    // uv's name for the environment of a project, uv's and everybody's usual one, pixi's.
    let own = ambient.variables.get("UV_PROJECT_ENVIRONMENT").filter(|name| !name.is_empty());
    let names = own.map(String::as_str).into_iter().chain([".venv", ".pixi/envs/default"]);
    let names: Vec<&str> = names.collect();
    let in_folder = |f: &Path| names.iter().find_map(|name| environment(&f.join(name), name, ambient, fs));
    if let Some(found) = folder.ancestors().find_map(in_folder) {
        return Some(found);
    }
    if let Some(found) = folder.ancestors().find_map(|f| pinned(&f.join(".python-version"), ambient, fs)) {
        return Some(found);
    }
    on_path(ambient, fs)
}

/// An environment's folder: `pyvenv.cfg` tells the version, or the name of its library folder does, or conda's record.
fn environment(path: &Path, shown: &str, ambient: &Ambient, fs: &dyn FileSystem) -> Option<Interpreter> {
    let marker = fs.read_text(&path.join("pyvenv.cfg")).ok();
    let library = library_folder(path, fs);
    let conda = path.join("conda-meta");
    if marker.is_none() && !fs.is_dir(&conda) {
        return None;
    }
    let marked = |keys: &[&str]| {
        marker.as_deref()?.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            keys.contains(&key.trim()).then(|| value.trim().to_owned())
        })
    };
    let version = marked(&["version", "version_info"])
        .and_then(|text| version(&text))
        .or(library.as_ref().map(|(v, _)| *v))
        .or_else(|| recorded(&conda, fs));
    let mut search_path = python_path(ambient);
    search_path.extend(site_folders(path, version, fs));
    if marked(&["include-system-site-packages"]).is_some_and(|v| v.eq_ignore_ascii_case("true")) {
        let base = marked(&["home"]).map(PathBuf::from);
        if let Some(base) = base.as_deref().and_then(Path::parent) {
            search_path.extend(system_folders(base, version, ambient, fs));
        }
    }
    Some(Interpreter { path: path.to_owned(), shown: shown.to_owned(), version, search_path })
}

/// PYTHONPATH, which comes before everything else.
fn python_path(ambient: &Ambient) -> Vec<PathBuf> {
    let value = ambient.variables.get("PYTHONPATH").map(String::as_str).unwrap_or_default();
    let entries = std::env::split_paths(value).filter(|entry| !entry.as_os_str().is_empty());
    entries.map(|entry| ambient.current_directory.join(entry)).collect()
}

/// The folders of packages below a prefix: those of an environment, of conda, of Windows.
fn site_folders(prefix: &Path, version: Option<(u32, u32)>, fs: &dyn FileSystem) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let Some((major, minor)) = version {
        let lib = prefix.join("lib").join(format!("python{major}.{minor}/site-packages"));
        let lib64 = prefix.join("lib64").join(format!("python{major}.{minor}/site-packages"));
        // Where lib64 is a link to lib, they are the same folder.
        let is_same = fs.canonicalize(&lib).is_ok_and(|a| fs.canonicalize(&lib64).is_ok_and(|b| a == b));
        folders.push(lib);
        folders.extend(Some(lib64).filter(|_| !is_same));
    }
    folders.push(prefix.join("Lib").join("site-packages"));
    folders.retain(|folder| fs.is_dir(folder));
    folders
}

/// The folders of packages of an interpreter that is no environment: the user's own first.
fn system_folders(
    prefix: &Path,
    version: Option<(u32, u32)>,
    ambient: &Ambient,
    fs: &dyn FileSystem,
) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    if let (Some((major, minor)), Some(home)) = (version, ambient.variables.get("HOME")) {
        folders.push(PathBuf::from(home).join(format!(".local/lib/python{major}.{minor}/site-packages")));
    }
    if let Some((major, minor)) = version {
        // Debian's layout.
        folders.push(prefix.join(format!("local/lib/python{major}.{minor}/dist-packages")));
        folders.push(prefix.join("lib/python3/dist-packages"));
    }
    folders.retain(|folder| fs.is_dir(folder));
    folders.extend(site_folders(prefix, version, fs));
    folders
}

/// The version of Python in conda's record of what it installed: `python-3.11.9-….json`.
fn recorded(conda: &Path, fs: &dyn FileSystem) -> Option<(u32, u32)> {
    let names = fs.read_dir(conda).ok()?.into_iter().filter_map(|entry| entry.name);
    names.filter_map(|name| version(name.strip_prefix("python-")?)).next()
}

/// `lib/pythonX.Y` of an environment.
fn library_folder(environment: &Path, fs: &dyn FileSystem) -> Option<((u32, u32), PathBuf)> {
    let lib = environment.join("lib");
    let mut found: Vec<((u32, u32), PathBuf)> = fs
        .read_dir(&lib)
        .ok()?
        .into_iter()
        .filter_map(|entry| {
            let name = entry.name?;
            Some((version(name.strip_prefix("python")?)?, lib.join(&name)))
        })
        .collect();
    found.sort();
    found.pop()
}

/// A program: in an environment's `bin`, or with its version in its name.
fn program(path: &Path, shown: &str, ambient: &Ambient, fs: &dyn FileSystem) -> Option<Interpreter> {
    if let Some(folder) = path.parent().and_then(Path::parent)
        && let Some(found) = environment(folder, shown, ambient, fs)
    {
        return Some(found);
    }
    let real = fs.canonicalize(path).ok()?;
    let name = real.file_name()?.to_str()?;
    let own = name.strip_prefix("python").and_then(version);
    let folder = real.parent().and_then(Path::parent)?;
    let library = library_folder(folder, fs);
    let version = own.or_else(|| library.as_ref().map(|(v, _)| *v));
    let mut search_path = python_path(ambient);
    search_path.extend(system_folders(folder, version, ambient, fs));
    Some(Interpreter { path: path.to_owned(), shown: shown.to_owned(), version, search_path })
}

/// `.python-version`, as pyenv and uv write it.
fn pinned(file: &Path, ambient: &Ambient, fs: &dyn FileSystem) -> Option<Interpreter> {
    let text = fs.read_text(file).ok()?;
    let line = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#'))?;
    let number = line.trim_start_matches(|c: char| !c.is_ascii_digit());
    let version = version(number)?;
    Some(Interpreter {
        path: file.to_owned(),
        shown: ".python-version".to_owned(),
        version: Some(version),
        search_path: python_path(ambient),
    })
}

fn on_path(ambient: &Ambient, fs: &dyn FileSystem) -> Option<Interpreter> {
    let path = ambient.variables.get("PATH")?;
    for folder in path.split(':').filter(|f| !f.is_empty()) {
        for name in ["python3", "python"] {
            let candidate = Path::new(folder).join(name);
            if fs.is_file(&candidate) {
                let shown = format!("{name} on PATH");
                match program(&candidate, &shown, ambient, fs) {
                    // A shim tells nothing about what it starts.
                    Some(found) if found.version.is_some() => return Some(found),
                    _ => {}
                }
            }
        }
    }
    None
}

/// `X.Y` at the start of a text.
fn version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.split('.');
    let major = numbers.next()?.parse().ok()?;
    let minor: String = numbers.next()?.chars().take_while(char::is_ascii_digit).collect();
    Some((major, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_manifests::fs::MemoryFileSystem;

    fn ambient(variables: &[(&str, &str)]) -> Ambient {
        Ambient {
            variables: variables.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect(),
            current_directory: "/p".into(),
        }
    }

    #[test]
    fn a_venv_above_is_found_before_path() {
        let fs = MemoryFileSystem::default()
            .with("/p/.venv/pyvenv.cfg", "home = /usr\nversion = 3.12.4\n")
            .with("/p/.venv/lib/python3.12/site-packages/x.py", "")
            .with("/p/a/b.py", "")
            .with("/usr/bin/python3", "");
        let found = find(Path::new("/p/a"), &Options::default(), &ambient(&[("PATH", "/usr/bin")]), &fs)
            .expect("found");
        assert_eq!((found.version, found.shown.as_str()), (Some((3, 12)), ".venv"));
        assert_eq!(found.search_path, [Path::new("/p/.venv/lib/python3.12/site-packages")]);
    }

    #[test]
    fn layouts_of_conda_windows_and_debian_are_known() {
        let shown = |fs: &MemoryFileSystem, variables: &[(&str, &str)]| {
            let found = find(Path::new("/p"), &Options::default(), &ambient(variables), fs).expect("found");
            let folders: Vec<String> = found.search_path.iter().map(|p| p.display().to_string()).collect();
            (found.version, folders.join(":"))
        };
        let conda = MemoryFileSystem::default()
            .with("/c/conda-meta/python-3.11.9-h1_0_cpython.json", "")
            .with("/c/Lib/site-packages/flyte/__init__.py", "");
        let found = shown(&conda, &[("CONDA_PREFIX", "/c"), ("PYTHONPATH", "/extra")]);
        assert_eq!(found, (Some((3, 11)), "/extra:/c/Lib/site-packages".to_owned()));
        let pixi = MemoryFileSystem::default()
            .with("/p/.pixi/envs/default/conda-meta/history", "")
            .with("/p/.pixi/envs/default/lib/python3.12/site-packages/x.py", "")
            .with("/p/env/pyvenv.cfg", "version = 3.13.1\n");
        let found = shown(&pixi, &[]);
        assert_eq!(found, (Some((3, 12)), "/p/.pixi/envs/default/lib/python3.12/site-packages".to_owned()));
        assert_eq!(shown(&pixi, &[("UV_PROJECT_ENVIRONMENT", "env")]).0, Some((3, 13)));
        let shared = MemoryFileSystem::default()
            .with("/v/pyvenv.cfg", "home = /usr/bin\ninclude-system-site-packages = true\nversion = 3.11.2\n")
            .with("/v/lib/python3.11/site-packages/x.py", "")
            .with("/usr/lib/python3/dist-packages/y.py", "")
            .with("/home/u/.local/lib/python3.11/site-packages/z.py", "");
        let found = shown(&shared, &[("VIRTUAL_ENV", "/v"), ("HOME", "/home/u")]);
        let folders = [
            "/v/lib/python3.11/site-packages",
            "/home/u/.local/lib/python3.11/site-packages",
            "/usr/lib/python3/dist-packages",
        ];
        assert_eq!(found.1, folders.join(":"));
    }

    #[test]
    fn a_pin_counts_and_a_program_tells_by_its_library() {
        let fs = MemoryFileSystem::default().with("/p/.python-version", "# x\ncpython-3.13.1\n");
        let found = find(Path::new("/p/a"), &Options::default(), &ambient(&[]), &fs).expect("found");
        assert_eq!(found.version, Some((3, 13)));
        let fs =
            MemoryFileSystem::default().with("/opt/bin/python3", "").with("/opt/lib/python3.11/os.py", "");
        let found = find(Path::new("/q"), &Options::default(), &ambient(&[("PATH", "/x:/opt/bin")]), &fs)
            .expect("found");
        assert_eq!(found.version, Some((3, 11)));
    }
}
