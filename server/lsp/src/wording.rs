//! flyte's methods and parameters in a sentence each, for hovers, completions and signatures.
//!
//! Source: what the methods of flyte 2.12.1 do, as the model has it.

/// What a method does.
pub(crate) fn of_method(name: &str) -> &'static str {
    match name {
        "from_debian_base" => "An image on Debian with Python, and with flyte installed in it.",
        "from_base" => {
            "An image as it is, from a registry. To add layers, clone it with a name and `extendable=True`."
        }
        "from_ref_name" => "An image that flyte's configuration names, under `image.image_refs`.",
        "from_dockerfile" => "An image from a Dockerfile of one's own. It takes no layers.",
        "from_uv_script" => "An image with what a script's header (PEP 723) asks for, installed with uv.",
        "from_pixi_script" => "An image with what a script's pixi header asks for.",
        "clone" => {
            "The same image with another name, registry or base. `extendable=True` lets it take layers."
        }
        "with_pip_packages" => "Installs packages with `uv pip install`.",
        "with_requirements" => {
            "Installs what a requirements file (`.txt`) lists. The file's content is part of the tag."
        }
        "with_apt_packages" => "Installs packages of Debian with `apt-get`.",
        "with_commands" => "Runs shell commands, each in a `RUN` of its own.",
        "with_env_vars" => "Sets environment variables, for the layers after it and for the tasks.",
        "with_workdir" => "Sets the working directory, for the layers after it and for the tasks.",
        "with_source_folder" => "Copies a folder. The content of every file in it is part of the tag.",
        "with_source_file" => "Copies a file, or several. Their content is part of the tag.",
        "with_code_bundle" => "Copies the project's code, when it is deployed with `--copy-style none`.",
        "with_dockerignore" => "Names the ignore file: what it excludes is neither hashed nor copied.",
        "with_uv_project" => "Installs a project with uv, from its pyproject.toml and its lock.",
        "with_poetry_project" => "Installs a project with Poetry, from its pyproject.toml and its lock.",
        "with_pixi_project" => "Installs a project with pixi, from its manifest and its lock.",
        "with_local_v2" => "Installs wheels of flyte that were built locally. For work on flyte itself.",
        "with_local_rs_controller" => {
            "Installs a Rust controller that was built locally. For work on flyte itself."
        }
        "with_local_v2_plugins" => {
            "Installs wheels of flyte's plugins that were built locally. For work on flyte itself."
        }
        _ => "",
    }
}

/// What a parameter is for.
pub(crate) fn of_parameter(method: &str, name: &str) -> &'static str {
    match (method, name) {
        ("from_ref_name", "name") => "The name of the image in flyte's configuration.",
        (_, "python_version") => {
            "Version of Python as `(major, minor)`. That of the interpreter that runs the file, unless given."
        }
        (_, "flyte_version") => "Version of flyte to install. That of the installed one, unless given.",
        (_, "install_flyte") => "Whether flyte is installed in the image. Tasks do not run without it.",
        (_, "registry") => "Registry and path that the image is pushed to, without its name.",
        (_, "registry_secret") => "Name of the secret that the registry is logged in to with.",
        (_, "name") => "The image's name. The tag follows it in the address.",
        (_, "platform") => "Platforms to build for, such as `(\"linux/amd64\", \"linux/arm64\")`.",
        (_, "image_uri") => "Address of the image.",
        ("from_dockerfile", "file") => "The Dockerfile; its folder is the build context.",
        ("with_requirements", "file") => "The requirements file. Its name has to end in `.txt`.",
        (_, "script") => "The script with the header.",
        (_, "packages") => "Names of packages, each an argument of its own, with a version where it matters.",
        (_, "commands") => "Shell commands, as a list.",
        (_, "env_vars") => "Names and values.",
        (_, "workdir") => "An absolute path in the image.",
        (_, "src") => "What is copied, relative to the working directory unless absolute.",
        (_, "dst") => "Where it goes in the image.",
        (_, "copy_contents_only") => "Copy what is in the folder, without the folder itself.",
        (_, "copy_style") => "Which code is copied: `loaded_modules`, `all`, or `none`.",
        (_, "path") => "The ignore file.",
        (_, "pyproject_file") => "The project's pyproject.toml.",
        (_, "manifest_file") => "The project's pixi.toml, or its pyproject.toml.",
        (_, "uvlock" | "poetry_lock" | "pixi_lock") => {
            "The lock file; the one beside the project file, unless given."
        }
        (_, "project_install_mode") => {
            "`dependencies_only`, or `install_project` to copy and install the project as well."
        }
        (_, "environment") => "Which of pixi's environments.",
        (_, "index_url") => "The package index, in place of the default one.",
        (_, "extra_index_urls") => "Further package indexes.",
        (_, "pre") => "Whether pre-releases are taken.",
        (_, "extra_args") => "Further arguments of the installer, as one string.",
        (_, "secret_mounts") => "Secrets that are there while this layer is built.",
        (_, "base_image") => "Another base image.",
        (_, "addl_layer") => "A layer to add.",
        (_, "extendable") => "Whether layers can be added.",
        (_, "plugins") => "Names of plugins.",
        _ => "",
    }
}
