//! Modules of the workspace: finding, parsing and evaluating what a file imports.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use image_manifests::fs::FileSystem;

use super::exception::Exception;
use super::scope::Scope;
use super::value::{Kind, Place, Value};
use super::{Evaluator, Loaded, bounds};
use crate::project::Facts;
use crate::syntax;
use crate::syntax::ast::{Alias, Module};

type Stamp = (u64, Option<SystemTime>);

/// Parsed modules, kept as long as their files do not change. Shared by all evaluations of a process.
#[derive(Default)]
pub struct Sources {
    parsed: Mutex<HashMap<PathBuf, (Stamp, Arc<Module>)>>,
    pinned: Mutex<HashMap<PathBuf, Arc<Module>>>,
}

impl Sources {
    /// The parsed module of a file; `None` when it cannot be read as UTF-8 text.
    ///
    /// # Errors
    /// A message when the file cannot be read or parsed.
    pub fn module(&self, path: &Path, fs: &dyn FileSystem) -> Result<Arc<Module>, String> {
        if let Some(module) = self.pinned.lock().unwrap_or_else(PoisonError::into_inner).get(path) {
            return Ok(Arc::clone(module));
        }
        let metadata = fs.metadata(path).map_err(|e| e.to_string())?;
        // Reading a pipe would wait for whoever writes.
        if matches!(metadata.kind, image_manifests::fs::Kind::Other | image_manifests::fs::Kind::Socket) {
            return Err("no regular file".to_owned());
        }
        let stamp = (metadata.len, metadata.modified);
        let mut parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((known, module)) = parsed.get(path)
            && *known == stamp
            && stamp.1.is_some()
        {
            return Ok(Arc::clone(module));
        }
        drop(parsed);
        let text = fs.read_shared(path).map_err(|e| e.to_string())?;
        let text = text.strip_prefix('\u{feff}').map_or(Arc::clone(&text), Arc::from);
        // A buffer has no time of change: its text tells whether it is the same.
        parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, module)) = parsed.get(path)
            && *module.text == *text
        {
            return Ok(Arc::clone(module));
        }
        // Taken out, so that nobody else has it and it can be changed in place.
        let before = parsed.remove(path).map(|(_, module)| module);
        drop(parsed);
        let module = Arc::new(match before {
            Some(before) => syntax::update(before, text)?,
            None => syntax::parse(path.into(), text)?,
        });
        parsed = self.parsed.lock().unwrap_or_else(PoisonError::into_inner);
        parsed.insert(path.to_owned(), (stamp, Arc::clone(&module)));
        Ok(module)
    }

    /// Puts a module in that is parsed already and does not change.
    pub fn pin(&self, module: Arc<Module>) {
        self.pinned.lock().unwrap_or_else(PoisonError::into_inner).insert(module.path.to_path_buf(), module);
    }
}

/// Libraries that are never looked for in the workspace: Python's own, and flyte's.
fn is_library(name: &str) -> bool {
    const LIBRARIES: &[&str] = &[
        "__future__",
        "abc",
        "argparse",
        "ast",
        "asyncio",
        "base64",
        "builtins",
        "collections",
        "concurrent",
        "contextlib",
        "copy",
        "csv",
        "dataclasses",
        "datetime",
        "decimal",
        "enum",
        "flyte",
        "flyteidl2",
        "flytekit",
        "flyteplugins",
        "fractions",
        "functools",
        "getpass",
        "glob",
        "hashlib",
        "http",
        "importlib",
        "inspect",
        "io",
        "itertools",
        "json",
        "logging",
        "math",
        "multiprocessing",
        "operator",
        "os",
        "pathlib",
        "pickle",
        "platform",
        "pprint",
        "random",
        "re",
        "secrets",
        "shlex",
        "shutil",
        "signal",
        "site",
        "socket",
        "sqlite3",
        "statistics",
        "string",
        "struct",
        "subprocess",
        "sys",
        "sysconfig",
        "tempfile",
        "textwrap",
        "threading",
        "time",
        "tomllib",
        "traceback",
        "types",
        "typing",
        "typing_extensions",
        "union",
        "unittest",
        "urllib",
        "uuid",
        "venv",
        "warnings",
        "weakref",
        "zipfile",
        "zlib",
    ];
    LIBRARIES.binary_search(&name).is_ok()
}

/// The folders in which absolute imports of a file are looked for, in order.
fn search_folders(main: &Path, facts: &Facts) -> Vec<PathBuf> {
    let mut folders: Vec<PathBuf> = Vec::new();
    let mut add = |folder: PathBuf| {
        if !folders.contains(&folder) {
            folders.push(folder);
        }
    };
    if let Some(own) = main.parent() {
        add(own.to_owned());
        add(PathBuf::from(&facts.environment.working_directory));
        let root = facts.project_root.as_deref();
        for above in own.ancestors().skip(1).take(12) {
            if root.is_none_or(|r| !above.starts_with(r)) {
                break;
            }
            add(above.to_owned());
            add(above.join("src"));
        }
    }
    folders
}

/// The file of a module that a file imports, if it is one of the workspace: `level` dots, then a dotted name. The same
/// places are looked at as when the file is evaluated.
#[must_use]
pub fn module_file(
    from: &Path,
    level: u32,
    dotted: &str,
    facts: &Facts,
    fs: &dyn FileSystem,
) -> Option<PathBuf> {
    let in_folder = |folder: &Path, dotted: &str| {
        let path =
            dotted.split('.').filter(|n| !n.is_empty()).fold(folder.to_owned(), |path, name| path.join(name));
        let module = path.with_extension("py");
        let found = [path.join("__init__.py"), module].into_iter().find(|p| fs.is_file(p));
        found.filter(|_| !dotted.is_empty())
    };
    if level > 0 {
        let folder = from.parent()?.ancestors().nth(level as usize - 1)?;
        let package = folder.join("__init__.py");
        return if dotted.is_empty() {
            fs.is_file(&package).then_some(package)
        } else {
            in_folder(folder, dotted)
        };
    }
    if is_library(dotted.split('.').next()?) {
        return None;
    }
    search_folders(from, facts).iter().find_map(|folder| in_folder(folder, dotted))
}

impl Evaluator<'_> {
    /// Loads and evaluates a module of the workspace. `None` when its file cannot be read.
    pub(crate) fn load(&mut self, path: &Path, name: Option<String>) -> Option<usize> {
        if let Some(index) = self.by_path.get(path) {
            return Some(*index);
        }
        if self.modules.len() >= bounds::MODULES {
            return None;
        }
        let module = self.sources.module(path, self.fs).ok()?;
        let is_package = path.file_name().is_some_and(|n| n == "__init__.py");
        let package = if is_package { path.parent().map(Path::to_path_buf) } else { None };
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        let index = self.add_module(Arc::clone(&module), name.unwrap_or_else(|| stem.to_owned()), package);
        self.by_path.insert(path.to_owned(), index);
        let owner = std::mem::replace(&mut self.owner, index);
        let scope = Rc::clone(&self.modules[index].scope);
        self.execute_module(&module.body, index, &scope);
        self.owner = owner;
        Some(index)
    }

    fn add_module(&mut self, module: Arc<Module>, name: String, package: Option<PathBuf>) -> usize {
        self.modules.push(Loaded {
            module,
            scope: Rc::new(Scope::default()),
            name,
            package,
            star_externals: std::cell::RefCell::default(),
        });
        self.modules.len() - 1
    }

    fn search_folders(&self) -> Vec<PathBuf> {
        self.modules.first().map(|m| search_folders(&m.module.path, self.facts)).unwrap_or_default()
    }

    /// Resolves `name` in a folder: a package, a module, or a folder of modules.
    fn find(&mut self, folder: &Path, name: &str, dotted: &str) -> Option<usize> {
        let package = folder.join(name);
        let init = package.join("__init__.py");
        if self.fs.is_file(&init) {
            return self.load(&init, Some(dotted.to_owned()));
        }
        let file = folder.join(format!("{name}.py"));
        if self.fs.is_file(&file) {
            return self.load(&file, Some(dotted.to_owned()));
        }
        if self.fs.is_dir(&package) {
            if let Some(index) = self.by_path.get(&package) {
                return Some(*index);
            }
            let empty = syntax::parse(package.as_path().into(), "".into()).ok()?;
            let index = self.add_module(Arc::new(empty), dotted.to_owned(), Some(package.clone()));
            self.by_path.insert(package, index);
            return Some(index);
        }
        None
    }

    /// `import a.b.c`: the module of the first and of the last name, if they are the workspace's.
    fn import_dotted(&mut self, dotted: &str) -> Option<(usize, usize)> {
        let mut names = dotted.split('.');
        let first = names.next().filter(|n| !is_library(n) && !n.is_empty())?;
        let folders = self.search_folders();
        let top = folders.iter().find_map(|folder| self.find(folder, first, first))?;
        // A folder without modules of that name may only look like one: a library wins then.
        let mut here = top;
        let mut so_far = first.to_owned();
        for name in names {
            so_far = format!("{so_far}.{name}");
            here = self.submodule(here, name, &so_far)?;
        }
        Some((top, here))
    }

    fn submodule(&mut self, parent: usize, name: &str, dotted: &str) -> Option<usize> {
        let folder = self.modules.get(parent)?.package.clone()?;
        let index = self.find(&folder, name, dotted)?;
        let bound: Arc<str> = name.into();
        let scope = Rc::clone(&self.modules[parent].scope);
        if !scope.contains(name) {
            scope.set(&bound, Kind::Module(index).into());
        }
        Some(index)
    }

    /// `import …`
    pub(crate) fn import(&mut self, aliases: &[Alias], module: usize, scope: &Rc<Scope>) {
        for alias in aliases {
            let found = self.import_dotted(&alias.name);
            let first = alias.name.split('.').next().unwrap_or_default();
            let value: Value = match (&found, &alias.alias) {
                (Some((_, last)), Some(_)) => Kind::Module(*last).into(),
                (Some((top, _)), None) => Kind::Module(*top).into(),
                (None, Some(_)) => Value::external(Arc::clone(&alias.name)),
                (None, None) => Value::external(first),
            };
            if found.is_none() {
                self.import_may_fail(first, &alias.name);
            }
            let name = alias.alias.clone().unwrap_or_else(|| first.into());
            let place = Place { module, span: alias.span };
            self.assign_name(&name, value, scope, place);
        }
    }

    /// Libraries may be missing; Python's own and flyte are there.
    fn import_may_fail(&mut self, first: &str, dotted: &str) {
        if !is_library(first) {
            self.may_raise(&format!("import {dotted}"));
        }
    }

    /// `from … import …`
    pub(crate) fn import_from(
        &mut self,
        level: u32,
        from: &str,
        names: &[Alias],
        module: usize,
        scope: &Rc<Scope>,
    ) -> Result<(), Exception> {
        let source = if level > 0 {
            self.relative(level, from, module)
        } else {
            self.import_dotted(from).map(|(_, l)| l)
        };
        if source.is_none() {
            self.import_may_fail(
                if level > 0 { "." } else { from.split('.').next().unwrap_or_default() },
                from,
            );
        }
        if names.is_empty() {
            self.import_star(source, from, module, scope);
            return Ok(());
        }
        for alias in names {
            let place = Place { module, span: alias.span };
            let value = match source {
                Some(index) => self.member(index, &alias.name, place),
                None if level > 0 => {
                    self.unknown(format!("{}{from} is not found", ".".repeat(level as usize)), Some(place))
                }
                None => self.external_value(format!("{from}.{}", alias.name), place),
            };
            let name = alias.alias.clone().unwrap_or_else(|| Arc::clone(&alias.name));
            self.assign_name(&name, value, scope, place);
        }
        Ok(())
    }

    /// A name of a module of the workspace: a global, or a submodule.
    pub(crate) fn member(&mut self, index: usize, name: &str, place: Place) -> Value {
        if let Some(value) = self.modules.get(index).and_then(|m| m.scope.get(name)) {
            return value;
        }
        let dotted = format!("{}.{name}", self.modules[index].name);
        if let Some(submodule) = self.submodule(index, name, &dotted) {
            return Kind::Module(submodule).into();
        }
        if let Some(value) = self.module_attribute(index, name, place) {
            return value;
        }
        self.may_raise(name);
        let shown = self.modules[index].name.clone();
        self.unknown(format!("the module {shown} has no {name} that could be followed"), Some(place))
    }

    fn relative(&mut self, level: u32, from: &str, module: usize) -> Option<usize> {
        let loaded = self.modules.get(module)?;
        let mut folder = match &loaded.package {
            Some(package) => package.clone(),
            None => loaded.module.path.parent()?.to_owned(),
        };
        for _ in 1..level {
            folder = folder.parent()?.to_owned();
        }
        if from.is_empty() {
            let name = folder.file_name()?.to_str()?.to_owned();
            return self.find(folder.parent()?, &name, &name);
        }
        let mut here = None;
        let mut dotted = String::new();
        for name in from.split('.') {
            dotted = if dotted.is_empty() { name.to_owned() } else { format!("{dotted}.{name}") };
            let index = match here {
                None => self.find(&folder, name, &dotted)?,
                Some(parent) => self.submodule(parent, name, &dotted)?,
            };
            here = Some(index);
        }
        here
    }

    fn import_star(&mut self, source: Option<usize>, from: &str, module: usize, scope: &Rc<Scope>) {
        let Some(index) = source else {
            if let Some(loaded) = self.modules.get(module) {
                loaded.star_externals.borrow_mut().push(from.into());
            }
            return;
        };
        let from_scope = Rc::clone(&self.modules[index].scope);
        let listed = from_scope.get("__all__").and_then(|v| v.sequence()?.ok());
        let place = Place { module, span: crate::syntax::ast::Span { start: 0, end: 0 } };
        match listed {
            Some(items) => {
                for item in items {
                    if let Kind::Str(name) = &item.kind {
                        let value = self.member(index, name, place);
                        self.assign_name(name, value, scope, place);
                    }
                }
            }
            None => {
                for (name, value) in from_scope.entries() {
                    if !name.starts_with('_') {
                        self.assign_name(&name, value, scope, place);
                    }
                }
            }
        }
        let inherited = self.modules[index].star_externals.borrow().clone();
        if let Some(loaded) = self.modules.get(module) {
            loaded.star_externals.borrow_mut().extend(inherited);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn libraries_are_sorted() {
        assert!(super::is_library("os") && super::is_library("__future__") && super::is_library("zlib"));
        assert!(!super::is_library("settings"));
    }
}
