//! What random programs are made of.

use std::fmt::Write as _;

use image_model::methods::method;
use image_model::release::Release;

use super::{Program, Random};

const NASTY: &[&str] = &[
    "httpx",
    "pandas>=2,<3",
    "a b",
    "it's",
    "say \"x\"",
    "é",
    "日本",
    "",
    "$HOME",
    "${X}",
    "a\\b",
    "tab\tx",
    "x;y && z",
    "--flag",
    "#no",
    "`cmd`",
    "%s %d",
    "{braces}",
    "a=b",
    "very-long-name-that-goes-on",
    "1",
    "😀",
    "a\nb",
    "!",
    "~",
    "*",
];

fn literal(text: &str) -> String {
    // Rust's and Python's escapes agree for what is in use here.
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            _ => out.push(c),
        }
    }
    out + "\""
}

struct Generator<'r> {
    random: &'r mut Random,
    release: &'r Release,
    strings: Vec<String>,
    lists: Vec<String>,
    images: Vec<String>,
    helpers: Vec<String>,
    paths: Vec<String>,
    program: Program,
    next: usize,
}

impl Generator<'_> {
    fn fresh(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}{}", self.next)
    }

    fn nasty(&mut self) -> String {
        literal(self.random.pick(NASTY))
    }

    fn string(&mut self, depth: usize) -> String {
        let choice = self.random.below(if depth == 0 { 3 } else { 12 });
        match choice {
            0 if !self.strings.is_empty() => {
                let i = self.random.below(self.strings.len());
                self.strings[i].clone()
            }
            3 => format!("({} + {})", self.string(depth - 1), self.string(depth - 1)),
            4 => format!("f\"<{{{}}}>\"", self.simple_name().unwrap_or_else(|| "1 + 1".into())),
            5 => format!(
                "{}.{}()",
                self.string(depth - 1),
                self.random.pick(&["upper", "lower", "strip", "rstrip"])
            ),
            6 => format!("{}.replace(\"a\", \"b\")", self.string(depth - 1)),
            7 => format!("(\"%s-%s\" % ({}, {}))", self.string(depth - 1), self.random.below(9)),
            8 => format!(
                "({} if {} else {})",
                self.string(depth - 1),
                self.condition(),
                self.string(depth - 1)
            ),
            9 => format!("\"{{}}/{{x}}\".format({}, x={})", self.string(depth - 1), self.string(0)),
            10 => format!("\"-\".join([{}, {}])", self.string(depth - 1), self.string(0)),
            11 => format!("{}[{}:]", self.string(depth - 1), self.random.below(3)),
            _ => self.nasty(),
        }
    }

    fn simple_name(&mut self) -> Option<String> {
        if self.strings.is_empty() {
            return None;
        }
        let i = self.random.below(self.strings.len());
        Some(self.strings[i].clone())
    }

    fn condition(&mut self) -> String {
        match self.random.below(6) {
            0 => "True".into(),
            1 => "not True".into(),
            2 => format!("len({}) > {}", self.string(0), self.random.below(6)),
            3 => format!("{} in {}", self.nasty(), self.string(0)),
            4 => format!(
                "{} == {} or {}",
                self.string(0),
                self.string(0),
                self.random.pick(&["False", "0", "[]", "1"])
            ),
            _ => "sys.version_info >= (3, 9) and \"\" == \"\"".into(),
        }
    }

    fn list(&mut self) -> String {
        match self.random.below(6) {
            0 if !self.lists.is_empty() => {
                let i = self.random.below(self.lists.len());
                self.lists[i].clone()
            }
            1 => format!("[x + str(i) for i, x in enumerate([{}, {}])]", self.string(1), self.string(1)),
            2 => format!("sorted(({}, {}, {}))", self.string(1), self.string(0), self.nasty()),
            3 => format!("[*{}, {}]", self.list_name(), self.string(1)),
            _ => {
                let items: Vec<String> = (0..self.random.below(4)).map(|_| self.string(1)).collect();
                format!("[{}]", items.join(", "))
            }
        }
    }

    fn list_name(&mut self) -> String {
        if self.lists.is_empty() {
            return "[]".into();
        }
        let i = self.random.below(self.lists.len());
        self.lists[i].clone()
    }

    fn path(&mut self) -> String {
        let i = self.random.below(self.paths.len());
        let path = self.paths[i].clone();
        match self.random.below(4) {
            0 => format!("Path({})", literal(&path)),
            1 => format!("(HERE / {})", literal(&path)),
            2 => format!("Path(__file__).parent.joinpath({})", literal(&path)),
            _ => format!("Path(os.path.join(str(HERE), {}))", literal(&path)),
        }
    }

    fn secrets(&mut self) -> String {
        self.random
            .pick(&[
                "None",
                "\"KEY\"",
                "[\"A\", \"B\"]",
                "flyte.Secret(key=\"k-1\", group=\"g\")",
                "(flyte.Secret(\"k\", mount=Path(\"/etc/flyte/secrets\")), \"Z\")",
                "\"bad.key\"",
                "[]",
            ])
            .to_owned()
    }

    fn options(&mut self) -> String {
        let mut out = String::new();
        if self.random.one_in(4) {
            let _ = write!(out, ", index_url={}", self.string(0));
        }
        if self.random.one_in(5) {
            let _ = write!(
                out,
                ", extra_index_urls={}",
                self.random.pick(&["\"u\"", "[\"u\", \"v\"]", "(\"w\",)", "None"])
            );
        }
        if self.random.one_in(4) {
            let _ = write!(out, ", pre={}", self.random.pick(&["True", "False", "1", "None"]));
        }
        if self.random.one_in(5) {
            let _ = write!(out, ", extra_args={}", self.string(0));
        }
        if self.random.one_in(5) {
            let _ = write!(out, ", secret_mounts={}", self.secrets());
        }
        out
    }

    /// A call that the release has, mostly: else few programs would get beyond their first line.
    fn fitting(&mut self, make: impl Fn(&mut Self) -> String) -> String {
        loop {
            let text = make(self);
            if self.random.one_in(25) || self.fits(&text) {
                return text;
            }
        }
    }

    fn fits(&self, text: &str) -> bool {
        text.split('.').all(|word| {
            let (name, arguments) = word.split_once('(').unwrap_or((word, ""));
            let Some(method) = method(name) else { return true };
            let has = |argument: &str| {
                !arguments.contains(&format!("{argument}="))
                    || method.parameter(argument).is_none_or(|p| self.release.has(p.since))
            };
            let named = ["platform", "extendable", "index_url", "extra_index_urls", "pre", "extra_args"];
            self.release.has(method.since) && named.into_iter().all(has)
        })
    }

    fn link(&mut self) -> String {
        self.fitting(Self::any_link)
    }

    fn root(&mut self) -> String {
        let root = self.fitting(Self::any_root);
        if self.release.behaviours.needs_extendable {
            return root;
        }
        // There was no such argument, and no need for it.
        root.replace(", extendable=True", "").replace(".clone(extendable=True)", "")
    }

    fn any_link(&mut self) -> String {
        match self.random.below(20) {
            0..=3 => {
                let (list, options) = (self.list(), self.options());
                match self.random.below(3) {
                    0 => format!(".with_pip_packages(*{list}{options})"),
                    1 => format!(".with_pip_packages({}, *{list}{options})", self.string(2)),
                    _ => format!(".with_pip_packages({}, {}{options})", self.string(2), self.string(1)),
                }
            }
            4 => format!(".with_apt_packages({}, *{})", self.string(1), self.list()),
            5 => format!(".with_commands({}, {})", self.list(), self.secrets()),
            6 => format!(".with_commands({})", self.string(2)),
            7 => format!(
                ".with_env_vars({{{}: {}, \"B\": {}}})",
                self.nasty(),
                self.string(1),
                self.random.pick(&["1", "True", "None", "1.5", "\"x\"", "(1, 'a')", "[1]"])
            ),
            8 => format!(".with_workdir({})", self.string(1)),
            9 | 10 => {
                let target = self.random.pick(&[
                    "",
                    ", \"/app\"",
                    ", dst=\"x\"",
                    ", copy_contents_only=True",
                    ", \"\"",
                ]);
                format!(".with_source_folder({}{target})", self.path())
            }
            11 => format!(".with_source_file({})", self.path()),
            12 => format!(".with_requirements({}{})", self.path(), self.options()),
            13 => {
                let path = self.path();
                let mode = self.random.pick(&["", ", project_install_mode=\"install_project\""]);
                format!(".with_poetry_project({path} / \"pyproject.toml\"{mode})")
            }
            14 => {
                format!(".with_pixi_project({} / \"pixi.toml\", environment={})", self.path(), self.nasty())
            }
            15 => format!(".with_dockerignore({})", self.path()),
            16 => {
                let (path, options) = (self.path(), self.options());
                format!(
                    ".with_uv_project({path} / \"pyproject.toml\", project_install_mode=\"install_project\"{options})"
                )
            }
            17 => format!(".with_code_bundle({})", self.random.pick(&["", "\"all\"", "dst=\"/x\""])),
            18 => {
                let layer = self.random.pick(&[
                    "AptPackages(packages=(\"git\", \"a b\"))",
                    "Env(env_vars=((\"A\", \"b\"),))",
                    "WorkDir(workdir=\"/w\")",
                ]);
                format!(".clone(addl_layer=flyte._image.{layer})")
            }
            _ => format!(
                ".clone({})",
                self.random.pick(&[
                    "name=\"m\"",
                    "registry=\"r.io/x\"",
                    "name=\"\", registry=None",
                    "extendable=False",
                    "extendable=True",
                    "base_image=\"other\"",
                    "platform=\"linux/arm64\"",
                    "python_version=(3, 9)",
                ])
            ),
        }
    }

    fn any_root(&mut self) -> String {
        match self.random.below(11) {
            9 => format!(
                "flyte.Image.from_pixi_script({}, name=\"x\", environment={})",
                self.path(),
                self.nasty()
            ),
            10 => "flyte.Image.from_ref_name(\"gpu\").clone(extendable=True)".into(),
            0 => "flyte.Image.from_debian_base()".into(),
            1 => format!(
                "flyte.Image.from_debian_base(name={}, flyte_version={})",
                self.nasty(),
                self.string(0)
            ),
            2 => "flyte.Image.from_debian_base(install_flyte=False, python_version=(3, 12))".into(),
            3 => {
                "Image.from_debian_base(registry=\"r.io/a\", name=\"n\", platform=(\"linux/amd64\",))".into()
            }
            4 => format!("flyte.Image.from_base({})", self.string(1)),
            5 => format!("flyte.Image.from_uv_script({}, name=\"u\"{})", self.path(), self.options()),
            6 => format!("flyte.Image.from_dockerfile({}, registry=\"r\", name=\"n\")", self.path()),
            _ => "flyte.Image.from_base(\"python:3.12\").clone(name=\"n\", extendable=True)".into(),
        }
    }

    fn image(&mut self) -> String {
        let mut expression = if !self.images.is_empty() && self.random.one_in(3) {
            let i = self.random.below(self.images.len());
            self.images[i].clone()
        } else {
            self.root()
        };
        for _ in 0..self.random.below(4) {
            expression += &self.link();
        }
        expression
    }

    fn statement(&mut self) -> String {
        match self.random.below(12) {
            0 | 1 => {
                let value = self.string(3);
                let name = self.fresh("s");
                self.strings.push(name.clone());
                format!("{name} = {value}")
            }
            2 => {
                let value = self.list();
                let name = self.fresh("l");
                // Not yet a name that the change can use: a list that extends itself never ends.
                let change = match self.random.below(4) {
                    0 => format!("\n{name}.append({})", self.string(1)),
                    1 => format!("\n{name} += [{}]", self.string(1)),
                    2 => format!("\n{name}.extend(x for x in {})", self.list()),
                    _ => String::new(),
                };
                self.lists.push(name.clone());
                format!("{name} = list({value}){change}")
            }
            3 => {
                let name = self.fresh("f");
                let (first, second) = (self.link(), self.link());
                self.helpers.push(name.clone());
                format!(
                    "def {name}(image, extra=None, *more):\n    image = image{first}\n    if extra:\n        return image.with_pip_packages(extra, *more)\n    return image{second}"
                )
            }
            4 if !self.helpers.is_empty() => {
                let i = self.random.below(self.helpers.len());
                let helper = self.helpers[i].clone();
                let (image, extra, list) = (self.image(), self.string(1), self.list());
                let name = self.fresh("i");
                self.images.push(name.clone());
                match self.random.below(3) {
                    0 => format!("{name} = {helper}({image})"),
                    1 => format!("{name} = {helper}({image}, {extra}, *{list})"),
                    _ => format!("{name} = {helper}(extra={extra}, image={image})"),
                }
            }
            5 => {
                let name = self.fresh("i");
                let (a, b, condition) = (self.image(), self.image(), self.condition());
                self.images.push(name.clone());
                format!("if {condition}:\n    {name} = {a}\nelse:\n    {name} = {b}")
            }
            6 => {
                let (name, list, root) = (self.fresh("i"), self.list(), self.root());
                let link = self.random.pick(&[
                    ".with_pip_packages(x)",
                    ".with_apt_packages(x, \"g\")",
                    ".with_commands([x])",
                ]);
                self.images.push(name.clone());
                format!("{name} = {root}\nfor x in {list}:\n    {name} = {name}{link}")
            }
            7 => {
                let (name, a, b) = (self.fresh("d"), self.image(), self.image());
                format!("{name} = {{\"a\": {a}, 1: {b}}}")
            }
            8 => {
                let (name, image) = (self.fresh("e"), self.image());
                format!("{name} = flyte.TaskEnvironment(name=\"env\", image={image})")
            }
            9 => {
                let (name, image, fallback) = (self.fresh("i"), self.image(), self.root());
                self.images.push(name.clone());
                format!(
                    "try:\n    {name} = {image}\nexcept (ValueError, TypeError, AttributeError):\n    {name} = {fallback}"
                )
            }
            _ => {
                let (image, name) = (self.image(), self.fresh("i"));
                self.images.push(name.clone());
                format!("{name} = {image}")
            }
        }
    }

    fn tree(&mut self) {
        let names = ["a", "b.txt", "c.py", "d.log", "é", "sp ace"];
        let mut folders = vec!["tree".to_owned()];
        for _ in 0..2 + self.random.below(7) {
            let i = self.random.below(folders.len());
            let folder = folders[i].clone();
            if self.random.one_in(4) && folders.len() < 4 {
                folders.push(format!("{folder}/{}", self.random.pick(&["sub", "deep", ".git", "x y"])));
            }
            let path = format!("{folder}/{}", self.random.pick(&names));
            self.program.files.push((path, self.random.pick(NASTY).to_owned()));
        }
        let patterns = [
            "*.log",
            "sub",
            "!tree/b.txt",
            "**/a",
            "tree/*",
            "[a-c]*",
            "deep/**",
            "b.txt",
            "?",
            "# c",
            "!sub/a",
            "*",
        ];
        for place in ["tree/.dockerignore", ".dockerignore", "my.ignore"] {
            if self.random.one_in(3) {
                let lines: Vec<&str> =
                    (0..1 + self.random.below(3)).map(|_| self.random.pick(&patterns)).collect();
                self.program.files.push((place.to_owned(), lines.join("\n")));
            }
        }
        if self.random.one_in(3) {
            self.program.links.push((
                "tree/ln".to_owned(),
                self.random.pick(&["a", "nowhere", "sub", "../r.txt"]).to_owned(),
            ));
        }
        self.program.files.push(("r.txt".into(), "httpx\n".into()));
        let header = self.random.pick(&[
            "dependencies = [\"a\", 'b>=1']",
            "requires-python = \">=3.10\"",
            "dependencies = [",
            "x = 1",
            "# c",
            "dependencies = \"ab\"",
        ]);
        self.program.files.push(("s.py".into(), format!("# /// script\n# {header}\n# ///\n")));
        self.program.files.push(("p/pyproject.toml".into(), "[project]\n".into()));
        self.program.files.push(("p/poetry.lock".into(), "lock".into()));
        self.program.files.push(("p/pixi.toml".into(), "[workspace]\n".into()));
        let standing = [
            "tree",
            "tree/a",
            "tree/sub",
            "r.txt",
            "s.py",
            "p",
            "nope",
            "nope.txt",
            "./tree/../r.txt",
            ".",
            "my.ignore",
        ];
        self.paths = standing.iter().map(|s| (*s).to_owned()).collect();
    }

    fn unknowable(&mut self) {
        let source = self.random.pick(&[
            "str(random.random())",
            "time.time_ns()",
            "Path(HERE / \"r.txt\").read_text()",
            "os.urandom(4).hex()",
            "subprocess.run([\"true\"]).returncode",
            "open(HERE / \"r.txt\").read()",
            "id(object())",
            "[x for x in os.listdir(HERE)]",
            "socket.gethostname()",
        ]);
        let name = self.fresh("u");
        let use_ = match self.random.below(4) {
            0 => format!(
                "u = {source}\n{name} = flyte.Image.from_base(\"x\").clone(name=\"n\", extendable=True).with_env_vars({{\"K\": f\"{{u}}\"}})"
            ),
            1 => format!("u = [{source}]\n{name} = flyte.Image.from_base(f\"x:{{u[0]}}\")"),
            2 => format!(
                "def f(x=str({source})):\n    return flyte.Image.from_base(\"b\" + x).clone(name=\"n\", extendable=True).with_pip_packages(\"p\")\n{name} = f()"
            ),
            _ => format!("class C:\n    v = {source}\n{name} = flyte.Image.from_base(f\"x:{{C.v}}\")"),
        };
        self.program.unknowable.push(name);
        self.program.statements.push(use_);
    }
}

/// Makes a program for a release: calls that it does not have are rare.
pub fn program(random: &mut Random, release: &Release) -> Program {
    let empty =
        Program { files: vec![], links: vec![], statements: vec![], module: vec![], unknowable: vec![] };
    let mut g = Generator {
        random,
        release,
        strings: vec![],
        lists: vec![],
        images: vec![],
        helpers: vec![],
        paths: vec![],
        program: empty,
        next: 0,
    };
    g.tree();
    if g.random.one_in(4) {
        // Another module with names that this one uses.
        for _ in 0..1 + g.random.below(3) {
            let statement = g.statement();
            g.program.module.push(statement);
        }
        let names: Vec<&String> =
            g.strings.iter().chain(&g.lists).chain(&g.images).chain(&g.helpers).collect();
        let import = match g.random.below(3) {
            _ if names.is_empty() => "import other".to_owned(),
            0 => "from other import *".to_owned(),
            _ => format!(
                "from other import {}",
                names.iter().map(|n| n.as_str()).collect::<Vec<_>>().join(", ")
            ),
        };
        g.program.statements.push(import);
    }
    for _ in 0..2 + g.random.below(5) {
        let statement = g.statement();
        g.program.statements.push(statement);
    }
    if g.random.one_in(12) {
        g.unknowable();
    }
    g.program
}
