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
    /// Where its packages are, if it is an environment.
    pub site_packages: Option<PathBuf>,
}

/// The first of: the given one, VIRTUAL_ENV, CONDA_PREFIX, `.venv` in the folder or above, `.python-version`, PATH.
pub(super) fn find(
    folder: &Path,
    options: &Options,
    ambient: &Ambient,
    fs: &dyn FileSystem,
) -> Option<Interpreter> {
    if let Some(given) = &options.python {
        let given = ambient.current_directory.join(given);
        let shown = given.display().to_string();
        return environment(&given, &shown, fs).or_else(|| program(&given, &shown, fs));
    }
    for variable in ["VIRTUAL_ENV", "CONDA_PREFIX"] {
        if let Some(path) = ambient.variables.get(variable).filter(|v| !v.is_empty())
            && let Some(found) = environment(Path::new(path), &format!("{variable} ({path})"), fs)
        {
            return Some(found);
        }
    }
    if let Some(found) = folder.ancestors().find_map(|f| environment(&f.join(".venv"), ".venv", fs)) {
        return Some(found);
    }
    if let Some(found) = folder.ancestors().find_map(|f| pinned(&f.join(".python-version"), fs)) {
        return Some(found);
    }
    on_path(ambient, fs)
}

/// An environment's folder: `pyvenv.cfg` tells the version, or the name of its library folder does.
fn environment(path: &Path, shown: &str, fs: &dyn FileSystem) -> Option<Interpreter> {
    let marker = fs.read_text(&path.join("pyvenv.cfg")).ok();
    let library = library_folder(path, fs);
    if marker.is_none() && (library.is_none() || !fs.is_dir(&path.join("conda-meta"))) {
        return None;
    }
    let declared = marker.as_deref().and_then(|text| {
        text.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            matches!(key.trim(), "version" | "version_info").then(|| version(value.trim()))?
        })
    });
    let site_packages = match &library {
        Some((_, folder)) => Some(folder.join("site-packages")),
        None => Some(path.join("Lib").join("site-packages")).filter(|p| fs.is_dir(p)),
    };
    Some(Interpreter {
        path: path.to_owned(),
        shown: shown.to_owned(),
        version: declared.or(library.map(|(v, _)| v)),
        site_packages,
    })
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
fn program(path: &Path, shown: &str, fs: &dyn FileSystem) -> Option<Interpreter> {
    if let Some(folder) = path.parent().and_then(Path::parent)
        && let Some(found) = environment(folder, shown, fs)
    {
        return Some(found);
    }
    let real = fs.canonicalize(path).ok()?;
    let name = real.file_name()?.to_str()?;
    let own = name.strip_prefix("python").and_then(version);
    let folder = real.parent().and_then(Path::parent)?;
    let library = library_folder(folder, fs);
    let version = own.or_else(|| library.as_ref().map(|(v, _)| *v));
    let site_packages = library.map(|(_, f)| f.join("site-packages")).filter(|p| fs.is_dir(p));
    Some(Interpreter { path: path.to_owned(), shown: shown.to_owned(), version, site_packages })
}

/// `.python-version`, as pyenv and uv write it.
fn pinned(file: &Path, fs: &dyn FileSystem) -> Option<Interpreter> {
    let text = fs.read_text(file).ok()?;
    let line = text.lines().map(str::trim).find(|l| !l.is_empty() && !l.starts_with('#'))?;
    let number = line.trim_start_matches(|c: char| !c.is_ascii_digit());
    let version = version(number)?;
    Some(Interpreter {
        path: file.to_owned(),
        shown: ".python-version".to_owned(),
        version: Some(version),
        site_packages: None,
    })
}

fn on_path(ambient: &Ambient, fs: &dyn FileSystem) -> Option<Interpreter> {
    let path = ambient.variables.get("PATH")?;
    for folder in path.split(':').filter(|f| !f.is_empty()) {
        for name in ["python3", "python"] {
            let candidate = Path::new(folder).join(name);
            if fs.is_file(&candidate) {
                let shown = format!("{name} on PATH");
                match program(&candidate, &shown, fs) {
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
        assert_eq!(found.site_packages, Some("/p/.venv/lib/python3.12/site-packages".into()));
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
