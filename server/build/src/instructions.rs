//! A Dockerfile's instructions and the numbers that BuildKit gives to its steps.

/// An instruction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Instruction {
    /// First and last line, one-based.
    pub(crate) lines: (usize, usize),
    /// `RUN`
    pub(crate) keyword: String,
    /// The name of the stage it is in: its own, or `stage-N`.
    pub(crate) stage: String,
    /// Which of the stage's steps it is, from one; `None` for what makes no step.
    pub(crate) step: Option<usize>,
}

/// The instructions of a Dockerfile.
pub(crate) fn instructions(text: &str) -> Vec<Instruction> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let (mut stages, mut stage, mut steps) = (0_usize, String::new(), 0);
    let mut at = 0;
    while at < lines.len() {
        let first = at;
        at += 1;
        let line = lines[first].trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let mut last = first;
        // A comment or an empty line inside a continued instruction belongs to it.
        while at < lines.len() && (continues(lines[last]) || (at > first + 1 && is_comment(lines[last]))) {
            last = at;
            at += 1;
        }
        for end in here_documents(&lines[first..=last].join("\n")) {
            while at < lines.len() {
                last = at;
                at += 1;
                if lines[last].trim_start_matches('\t') == end {
                    break;
                }
            }
        }
        let keyword = line.split_whitespace().next().unwrap_or_default().to_ascii_uppercase();
        let step = match keyword.as_str() {
            "FROM" => {
                stage = stage_name(line).unwrap_or_else(|| format!("stage-{stages}"));
                (stages, steps) = (stages + 1, 1);
                Some(1)
            }
            "RUN" | "COPY" | "ADD" | "WORKDIR" => {
                steps += 1;
                Some(steps)
            }
            _ => None,
        };
        found.push(Instruction { lines: (first + 1, last + 1), keyword, stage: stage.clone(), step });
    }
    found
}

fn continues(line: &str) -> bool {
    line.trim_end().ends_with('\\')
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.is_empty() || line.starts_with('#')
}

/// `FROM x AS name`
fn stage_name(line: &str) -> Option<String> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let at = words.iter().position(|w| w.eq_ignore_ascii_case("as"))?;
    words.get(at + 1).map(|name| name.to_lowercase())
}

/// The words that end the documents which an instruction announces with `<<`.
fn here_documents(instruction: &str) -> Vec<String> {
    let keyword = instruction.split_whitespace().next().unwrap_or_default();
    if !["RUN", "COPY", "ADD"].iter().any(|k| keyword.eq_ignore_ascii_case(k)) {
        return Vec::new();
    }
    let mut ends = Vec::new();
    let mut rest = instruction;
    while let Some((_, after)) = rest.split_once("<<") {
        rest = after;
        let after = after.strip_prefix('-').unwrap_or(after).trim_start_matches(['"', '\'']);
        let end: String = after.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
        if !end.is_empty() && !end.starts_with(|c: char| c.is_ascii_digit()) {
            ends.push(end);
        }
    }
    ends
}

/// A step as BuildKit names it: `[linux/amd64 stage-1 2/9] RUN true`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StepName<'a> {
    /// `None` for the only stage there is.
    pub(crate) stage: Option<&'a str>,
    pub(crate) platform: Option<&'a str>,
    pub(crate) number: usize,
    pub(crate) total: usize,
    /// The instruction.
    pub(crate) text: &'a str,
}

/// Reads the name of a step.
pub(crate) fn step_name(name: &str) -> Option<StepName<'_>> {
    let (head, text) = name.strip_prefix('[')?.split_once("] ")?;
    let mut words: Vec<&str> = head.split_whitespace().collect();
    let (number, total) = words.pop()?.split_once('/')?;
    let (number, total) = (number.parse().ok()?, total.parse().ok()?);
    let platform = words.iter().position(|w| w.contains('/')).map(|at| words.remove(at));
    Some(StepName { stage: words.first().copied(), platform, number, total, text })
}

/// The instruction of a step.
pub(crate) fn of_step<'a>(all: &'a [Instruction], step: &StepName<'_>) -> Option<&'a Instruction> {
    all.iter().find(|i| i.step == Some(step.number) && step.stage.is_none_or(|stage| i.stage == stage))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_numbered_as_buildkit_does() {
        let text = "# syntax=x\nFROM a AS uv\nFROM b\n\nENV A=1\nRUN x \\\n # c\n  y\nCOPY <<EOF /x\nRUN no\nEOF\nworkdir /\n";
        let shown: Vec<String> = instructions(text)
            .iter()
            .map(|i| format!("{}-{} {} {} {:?}", i.lines.0, i.lines.1, i.keyword, i.stage, i.step))
            .collect();
        assert_eq!(
            shown,
            [
                "2-2 FROM uv Some(1)",
                "3-3 FROM stage-1 Some(1)",
                "5-5 ENV stage-1 None",
                "6-8 RUN stage-1 Some(2)",
                "9-11 COPY stage-1 Some(3)",
                "12-12 WORKDIR stage-1 Some(4)",
            ]
        );
    }

    #[test]
    fn names_of_steps_are_read() {
        let step = step_name("[linux/arm64 stage-1 2/9] RUN a [1/2] b").expect("a step");
        assert_eq!(
            (step.stage, step.platform, step.number, step.total),
            (Some("stage-1"), Some("linux/arm64"), 2, 9)
        );
        assert_eq!(step_name("[1/2] FROM x").map(|s| (s.stage, s.text)), Some((None, "FROM x")));
        assert_eq!(step_name("[internal] load build context"), None);
        assert_eq!(step_name("exporting to image"), None);
    }
}
