//! IMG206 unquoted-env-value

use image_model::origin::Given;
use image_model::value::Value;

use crate::checker::Checker;
use crate::finding::{Edit, Fix};
use crate::rule::{Check, FixSafety, Proof, Rule};
use crate::source::written_here;

pub(super) static RULE: Rule = Rule {
    code: "IMG206",
    name: "unquoted-env-value",
    what: "Finds environment variables that the line `ENV key=value` cannot carry: white space, quotes and line ends in the\n\
           value, a bad key.",
    why: "flyte writes key and value into the Dockerfile as they are. White space ends the value, and what follows is a syntax\n\
          error or another variable; quotes are taken away.",
    proof: Proof::Engine { error: "Syntax error - can't find = in \"world\". Must be of the form: name=value" },
    example: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_env_vars({\"GREETING\": \"hello world\"})\n",
    instead: "import flyte\n\nimage = flyte.Image.from_debian_base(name=\"train\").with_env_vars({\"GREETING\": '\"hello world\"'})\n",
    safety: FixSafety::Safe,
    fix: "It puts the value into the quotes that the Dockerfile needs. There is none for line ends and for keys.",
    check: Check::Call(|checker, _, call| {
        for given in call.given("env_vars").filter(|_| call.method == "with_env_vars") {
            let Value::Dict(pairs) = &given.value else { continue };
            for (i, (key, value)) in pairs.iter().enumerate() {
                if let Value::Str(key) = key
                    && let Some(why) = bad_key(key)
                {
                    let message = format!("no environment variable can be called {key:?}, {why}: the build fails");
                    checker.push(checker.at(&RULE, given, &[2 * i], message));
                }
                if let Value::Str(value) = value
                    && let Some((why, can_quote)) = trouble(value)
                {
                    let message =
                        format!("the line ENV of the Dockerfile cannot carry this value: {why}; quote it for the Dockerfile");
                    let fix = if can_quote { fix(checker, given, 2 * i + 1, value) } else { None };
                    checker.push(checker.at(&RULE, given, &[2 * i + 1], message).fix(fix));
                }
            }
        }
    }),
    ..Rule::BASE
};

fn bad_key(key: &str) -> Option<&'static str> {
    if key.is_empty() {
        return Some("it is empty");
    }
    let bad = |c: char| c.is_whitespace() || matches!(c, '=' | '"' | '\'' | '$' | '\\');
    key.contains(bad).then_some("it has a space, a quote or an equals sign in it")
}

/// Why a Dockerfile does not read the value back as it is, and whether quotes would help.
fn trouble(value: &str) -> Option<(&'static str, bool)> {
    if value.contains(['\n', '\r']) {
        return Some(("it has a line end in it, which ends the instruction", false));
    }
    let mut quote: Option<char> = None;
    let mut quotes = 0;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None | Some('"'), '\\') => {
                chars.next();
            }
            (None, '"' | '\'') => {
                quote = Some(c);
                quotes += 1;
            }
            (Some(open), c) if c == open => quote = None,
            (None, c) if c.is_whitespace() => return Some(("it ends at the first space", true)),
            _ => {}
        }
    }
    if quote.is_some() {
        return Some(("a quote in it is never closed", true));
    }
    // Quotes around all of it, or around a part that needs them, were put there on purpose.
    let wrapped = ['"', '\''].iter().any(|q| value.len() > 1 && value.starts_with(*q) && value.ends_with(*q));
    let purpose = wrapped || value.contains(char::is_whitespace);
    (quotes > 0 && !purpose).then_some(("the quotes in it are taken away", true))
}

/// The value in double quotes, as a Dockerfile reads it back.
fn quoted(value: &str) -> String {
    let mut out = String::from('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

fn fix(checker: &Checker<'_>, given: &Given, item: usize, value: &str) -> Option<Fix> {
    let site = written_here(given, &[item])?;
    let source = checker.source(&site.path)?;
    source.literal(site)?;
    let new = quoted(value);
    let text = if new.contains(['\\', '\'']) { source.string(&new) } else { format!("'{new}'") };
    Fix::safe("quote it for the Dockerfile", vec![Edit::replace(site, text)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_dockerfile_reads_back_is_no_trouble() {
        for value in ["", "a", "$PATH:/x", "\"a b\"", "'a b'", "a\\ b", "x=\"a b\"", "https://e.org/?a=b&c=d", "a,b;c"] {
            assert_eq!(trouble(value), None, "{value}");
        }
        for value in ["a b", "{\"a\":1}", "it's", "a\nb", "a\tb", " a"] {
            assert!(trouble(value).is_some(), "{value}");
        }
        assert_eq!(trouble(&quoted("{\"a\": 'b c\\'}")), None);
    }
}
