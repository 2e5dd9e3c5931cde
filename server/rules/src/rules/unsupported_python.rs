//! IMG202 unsupported-python

use image_model::value::Value;

use crate::rule::{Check, Proof, Rule};

pub(super) static RULE: Rule = Rule {
    code: "IMG202",
    name: "unsupported-python",
    what: "Finds Python versions for which flyte publishes no default image: other ones than 3.10 to 3.14.",
    why: "`from_debian_base` starts from `ghcr.io/flyteorg/flyte:py…`, and the scripts' constructors from `python:…-slim-bookworm`.\n\
          Neither flyte nor Python's own images have other versions than those: the build, or the pod, cannot pull the base.",
    proof: Proof::Dockerfile { line: "FROM ghcr.io/flyteorg/flyte:py3.9-v", then: "there is no such image" },
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", python_version=(3, 9)).with_pip_packages(\"httpx\")\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\", python_version=(3, 12)).with_pip_packages(\"httpx\")\n",
    fix: "There is none: which version the code runs on is yours to know.",
    check: Check::Call(|checker, variant, call| {
        let false_ = |name| call.given(name).any(|g| g.value.truthy() == Ok(false));
        let default_is_published = variant.environment.release.behaviours.default_is_published;
        let published = call.method == "from_debian_base" && default_is_published && !false_("install_flyte");
        if !published && !matches!(call.method, "from_debian_base" | "from_uv_script") {
            return;
        }
        for given in call.given("python_version") {
            let Value::Tuple(items) = &given.value else { continue };
            let [Value::Int(major), Value::Int(minor), ..] = &**items else { continue };
            let (oldest, what) = if published { (10, "flyte publishes") } else { (7, "Python publishes") };
            if *major != 3 || *minor < oldest || *minor > 14 {
                let message = format!(
                    "{what} no base image for Python {major}.{minor}, only for 3.{oldest} to 3.14: it cannot be pulled; use \
                     one of those"
                );
                checker.push(checker.at(&RULE, given, &[], message));
            }
        }
    }),
    ..Rule::BASE
};
