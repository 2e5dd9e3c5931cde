//! Which release of flyte a project uses, and from where that is known.

use std::path::{Path, PathBuf};

use image_manifests::fs::FileSystem;
use image_manifests::pins;
use image_model::release::{self, Coverage, Release};

use super::installed::Installations;
use super::{Interpreter, Options};

/// The package's name.
const FLYTE: &str = "flyte";

/// Where the release comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReleaseSource {
    /// The command line.
    Given,
    /// The setting.
    Setting,
    /// The installed package.
    Environment,
    /// A lock.
    Lock,
    /// A pinned requirement.
    Requirement,
    /// Nothing says: the newest known.
    Default,
}

impl ReleaseSource {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Given | Self::Setting => "setting",
            Self::Environment => "environment",
            Self::Lock => "lock",
            Self::Requirement => "requirement",
            Self::Default => "default",
        }
    }
}

/// The release in use, and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseInUse {
    /// The release.
    pub release: Release,
    /// What kind of place says so.
    pub source: ReleaseSource,
    /// Which one, in words: `installed in .venv`, `locked in uv.lock`.
    pub from: String,
    /// What else was seen, and why it was not taken; what is assumed.
    pub notes: Vec<String>,
    /// The folder that holds the installed package, whatever says the release.
    pub site: Option<PathBuf>,
}

/// What is looked at.
pub(super) struct Search<'a> {
    pub(super) folder: &'a Path,
    pub(super) project_root: Option<&'a Path>,
    pub(super) options: &'a Options,
    pub(super) interpreter: Option<&'a Interpreter>,
    pub(super) installations: &'a Installations,
    pub(super) fs: &'a dyn FileSystem,
}

impl Search<'_> {
    /// The command line; what is installed; locks; pinned requirements; the setting; the newest known.
    pub(super) fn find(&self) -> ReleaseInUse {
        let mut notes = Vec::new();
        let search_path = self.interpreter.map(|i| i.search_path.as_slice()).unwrap_or_default();
        let installed = self.installations.find(search_path, &mut notes, self.fs);
        let site = installed.as_ref().map(|i| i.site.clone());
        let found = if let Some(version) = &self.options.flyte_version {
            if let Some(installed) = installed.filter(|i| i.release.version != *version) {
                notes.push(format!("flyte {} is installed", installed.release.version));
            }
            Found::new(version, ReleaseSource::Given, "as given".to_owned())
        } else if let Some(installed) = installed {
            notes.extend(installed.notes.iter().cloned());
            let place = self.interpreter.map(|i| i.shown.as_str()).unwrap_or_default();
            let from = if installed.is_editable {
                format!("installed in {place}, from its source in {}", installed.site.display())
            } else {
                format!("installed in {place}")
            };
            let release = installed.release.clone();
            Found { release, source: ReleaseSource::Environment, from }
        } else {
            self.locked(&mut notes).or_else(|| self.required()).or_else(|| self.set()).unwrap_or_else(|| {
                let from = "the newest known: the project names none".to_owned();
                Found::new(release::newest(), ReleaseSource::Default, from)
            })
        };
        found.in_use(notes, site)
    }

    /// The folder and those above it, up to the project's root.
    fn folders(&self) -> impl Iterator<Item = &Path> {
        self.folder.ancestors().take_while(|f| self.project_root.is_none_or(|root| f.starts_with(root)))
    }

    fn locked(&self, notes: &mut Vec<String>) -> Option<Found> {
        type Reader = fn(&str, &str) -> Vec<String>;
        const LOCKS: [(&str, Reader); 3] = [
            ("uv.lock", pins::in_toml_lock),
            ("poetry.lock", pins::in_toml_lock),
            ("pixi.lock", pins::in_pixi_lock),
        ];
        self.folders().find_map(|folder| {
            LOCKS.iter().find_map(|(name, read)| {
                let versions =
                    self.installations.locked(&folder.join(name), |text| read(text, FLYTE), self.fs);
                chosen(&versions, name, notes)
            })
        })
    }

    fn required(&self) -> Option<Found> {
        type Reader = fn(&str, &str) -> Option<String>;
        const PROJECTS: [(&str, Reader); 2] =
            [("pyproject.toml", pins::in_project), ("pixi.toml", pins::in_project)];
        self.folders().find_map(|folder| {
            let in_project = PROJECTS.iter().find_map(|(name, read)| {
                let text = self.fs.read_text(&folder.join(name)).ok()?;
                Some((read(&text, FLYTE)?, (*name).to_owned()))
            });
            let (version, name) =
                in_project.or_else(|| self.in_requirements(&folder.join("requirements.txt"), 0))?;
            Some(Found::new(&version, ReleaseSource::Requirement, format!("required by {name}")))
        })
    }

    /// A requirements file, and the files that it takes in.
    fn in_requirements(&self, file: &Path, depth: usize) -> Option<(String, String)> {
        const DEEPEST: usize = 4;
        let text = self.fs.read_text(file).ok()?;
        if let Some(version) = pins::in_requirements(&text, FLYTE) {
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Some((version, name));
        }
        if depth == DEEPEST {
            return None;
        }
        pins::included(&text)
            .iter()
            .find_map(|name| self.in_requirements(&file.parent()?.join(name), depth + 1))
    }

    fn set(&self) -> Option<Found> {
        let version = self.options.flyte_version_setting.as_ref()?;
        Some(Found::new(version, ReleaseSource::Setting, "as set".to_owned()))
    }
}

/// The release of a script with a header of its own: its lock, or what its header pins. A script without either uses
/// the release of its project.
pub(super) fn of_script(script: &Path, text: &str, fs: &dyn FileSystem) -> Option<ReleaseInUse> {
    if !text.contains("# /// script") {
        return None;
    }
    let mut notes = Vec::new();
    let name = format!("{}.lock", script.file_name()?.to_string_lossy());
    let lock = fs.read_text(&script.with_file_name(&name)).ok();
    let locked = lock.and_then(|text| chosen(&pins::in_toml_lock(&text, FLYTE), &name, &mut notes));
    let found = locked.or_else(|| {
        let version = pins::in_header(text, FLYTE)?;
        Some(Found::new(&version, ReleaseSource::Requirement, "required by the script's header".to_owned()))
    })?;
    Some(found.in_use(notes, None))
}

/// The last of a lock's versions: several are for different platforms or Pythons, in ascending order.
fn chosen(versions: &[String], name: &str, notes: &mut Vec<String>) -> Option<Found> {
    let version = versions.last()?;
    if versions.len() > 1 {
        notes.push(format!("{name} has flyte {}: the last is taken", versions.join(" and ")));
    }
    Some(Found::new(version, ReleaseSource::Lock, format!("locked in {name}")))
}

struct Found {
    release: Release,
    source: ReleaseSource,
    from: String,
}

impl Found {
    fn new(version: &str, source: ReleaseSource, from: String) -> Self {
        Self { release: Release::of(version), source, from }
    }

    fn in_use(self, mut notes: Vec<String>, site: Option<PathBuf>) -> ReleaseInUse {
        notes.extend(assumed(&self.release));
        ReleaseInUse { release: self.release, source: self.source, from: self.from, notes, site }
    }
}

/// What is assumed of a release whose behaviour is not known, in words.
#[must_use]
pub fn assumed(release: &Release) -> Option<String> {
    let Release { version, acts_as, .. } = release;
    match &release.coverage {
        Coverage::Known => None,
        Coverage::SameFiles => Some(format!("the files of flyte {version} are those of {acts_as}")),
        Coverage::Modified(files) => {
            let files = files.join(", ");
            Some(format!(
                "flyte {version} is taken to do what the release does, though its files differ: {files}"
            ))
        }
        Coverage::Newer => {
            Some(format!("flyte {version} is taken to do what {acts_as} does, the newest known"))
        }
        Coverage::Unlisted => Some(format!(
            "flyte {version} is no release known: it is taken to do what {acts_as} does, the one before"
        )),
        Coverage::Unreadable => Some(format!(
            "{version} is no version: flyte is taken to do what {acts_as} does, the newest known"
        )),
        Coverage::Older => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image_manifests::fs::MemoryFileSystem;

    fn found(fs: &MemoryFileSystem, options: &Options) -> ReleaseInUse {
        let interpreter = Interpreter {
            path: "/s".into(),
            shown: ".venv".into(),
            version: Some((3, 11)),
            search_path: vec!["/s".into()],
        };
        let installations = Installations::default();
        let (folder, interpreter) = (Path::new("/p/a"), Some(&interpreter));
        Search {
            folder,
            project_root: Some(Path::new("/p")),
            options,
            interpreter,
            installations: &installations,
            fs,
        }
        .find()
    }

    #[test]
    fn installed_before_locked_before_required_before_set() {
        let mut fs = MemoryFileSystem::default().with("/flyte/never", "");
        let options = Options { flyte_version_setting: Some("2.9.0".to_owned()), ..Options::default() };
        let mut expect = |files: &[(&str, &str)], options: &Options, from: &str| {
            for (path, content) in files {
                fs = std::mem::take(&mut fs).with(*path, *content);
            }
            let found = found(&fs, options);
            assert_eq!(format!("{} {}", found.release.version, found.from), from);
        };
        expect(
            &[],
            &Options::default(),
            &format!("{} the newest known: the project names none", release::newest()),
        );
        expect(&[], &options, "2.9.0 as set");
        let requirements = ("/p/requirements.txt", "httpx\n-r more.txt\n");
        expect(&[requirements, ("/p/more.txt", "flyte==2.8.0\n")], &options, "2.8.0 required by more.txt");
        let project = ("/p/pyproject.toml", "[project]\ndependencies = ['flyte==2.7.0']\n");
        expect(&[project], &options, "2.7.0 required by pyproject.toml");
        let lock = "- pypi: x\n  name: flyte\n  version: 2.6.0\n";
        expect(&[("/p/pixi.lock", lock)], &options, "2.6.0 locked in pixi.lock");
        let lock = "[[package]]\nname = \"flyte\"\nversion = \"2.5.1\"\n";
        expect(&[("/p/poetry.lock", lock)], &options, "2.5.1 locked in poetry.lock");
        let lock = "[[package]]\nname = \"flyte\"\nversion = \"2.5.0\"\n";
        expect(&[("/p/uv.lock", lock)], &options, "2.5.0 locked in uv.lock");
        let installed = [("/s/flyte/__init__.py", ""), ("/s/flyte/_version.py", "__version__ = '2.4.0'\n")];
        expect(&installed, &options, "2.4.0 installed in .venv");
        let given = Options { flyte_version: Some("2.3.1".to_owned()), ..options };
        expect(&[], &given, "2.3.1 as given");
    }

    #[test]
    fn a_script_can_have_a_release_of_its_own() {
        let text = "# /// script\n# dependencies = ['flyte==2.5.2']\n# ///\n";
        let fs = MemoryFileSystem::default();
        let found = |fs: &MemoryFileSystem, text| {
            of_script(Path::new("/p/s.py"), text, fs).map(|r| (r.release.version, r.from))
        };
        assert_eq!(found(&fs, text), Some(("2.5.2".into(), "required by the script's header".into())));
        assert_eq!(found(&fs, "# /// script\n# dependencies = ['flyte']\n# ///\n"), None);
        assert_eq!(found(&fs, "import flyte\n"), None);
        let fs = fs.with("/p/s.py.lock", "[[package]]\nname = \"flyte\"\nversion = \"2.5.1\"\n");
        assert_eq!(found(&fs, text), Some(("2.5.1".into(), "locked in s.py.lock".into())));
    }
}
