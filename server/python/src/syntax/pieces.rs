//! Parsing in pieces, so that an edit costs what it touches and not what the file holds.
//!
//! A statement of the module with the lines after it parses on its own: at the left edge, outside of brackets and
//! strings, Python's grammar remembers nothing. So after an edit only the touched pieces are parsed again, and what
//! stands after them is moved. Where a piece does not parse, its neighbours are taken in (an `else` belongs to the `if`
//! before it); if that does not help, and there is other damage, everything is parsed anew.

use std::cell::RefCell;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use tree_sitter::{Node, Parser, Point, Tree};

use super::ast::{Expression, Function, Module, Piece, Span};
use super::lower::{Lower, Lowered};
use super::{input, recover, shift};

/// Words that begin a part of the statement before them.
const CLAUSES: [&str; 4] = ["else", "elif", "except", "finally"];
/// A place that no expression has: it stands at expressions of pieces that are gone.
const NOWHERE: Span = Span { start: u32::MAX, end: u32::MAX };

/// Parses a module.
///
/// # Errors
/// When the parser gives up, which it does for text over 4 GiB.
pub fn parse(path: Arc<Path>, text: Arc<str>) -> Result<Module, String> {
    let input = input::prepared(&text);
    let trees = with_parser(|parser| Trees::of(&input, 0..input.len(), parser))?;
    let recovered = trees.is_damaged();
    let capacity = text.len() / 12;
    let lower = Lower::onto(&text, Vec::with_capacity(capacity), Vec::with_capacity(capacity), Vec::new());
    let Lowered { body, pieces, expressions, spans, functions } = trees.lower(&input, 0, lower);
    drop(input);
    let first_error = pieces.iter().find_map(|p| p.error);
    let text = Arc::clone(&text);
    Ok(Module { path, text, expressions, spans, body, functions, first_error, pieces, recovered })
}

/// Parses a module's new text, with what is known of the old one. The same as [`parse`] gives, but for the order of
/// expressions, and for damaged text, of which more may be understood.
///
/// # Errors
/// As [`parse`].
pub fn update(module: Arc<Module>, text: Arc<str>) -> Result<Module, String> {
    if *module.text == *text {
        return Ok(Arc::unwrap_or_clone(module));
    }
    let path = Arc::clone(&module.path);
    match Edit::between(&module, &text).and_then(|edit| edit.apply(module, &text)) {
        Some(module) => Ok(module),
        None => parse(path, text),
    }
}

thread_local! {
    /// A thread's parser: it keeps the room that it needs.
    static PARSER: RefCell<Option<Parser>> = const { RefCell::new(None) };
}

/// Does something with the thread's parser.
fn with_parser<T>(work: impl FnOnce(&mut Parser) -> Result<T, String>) -> Result<T, String> {
    PARSER.with_borrow_mut(|slot| {
        let parser = match slot {
            Some(parser) => parser,
            None => {
                let mut parser = Parser::new();
                parser.set_language(&tree_sitter_python::LANGUAGE.into()).map_err(|e| e.to_string())?;
                slot.insert(parser)
            }
        };
        work(parser)
    })
}

/// Parses a range of a text; places count from the text's beginning.
fn parse_range(text: &[u8], range: &Range<usize>, parser: &mut Parser) -> Option<Tree> {
    // A range begins at the beginning of a line: which one does not matter, but how many there are does, for the cost of
    // damage.
    let content = text.get(range.clone())?;
    let row = memchr::memchr_iter(b'\n', content).count();
    let column = content.len() - memchr::memrchr(b'\n', content).map_or(0, |at| at + 1);
    let included = tree_sitter::Range {
        start_byte: range.start,
        end_byte: range.end,
        start_point: Point { row: 0, column: 0 },
        end_point: Point { row, column },
    };
    parser.set_included_ranges(&[included]).ok()?;
    parser.parse(text, None)
}

/// The trees of a range of a text.
struct Trees {
    range: Range<usize>,
    whole: Tree,
    /// Pieces that do not parse, each with its own tree; the whole one is without them.
    damaged: Vec<(Range<usize>, Tree)>,
}

impl Trees {
    fn of(input: &str, range: Range<usize>, parser: &mut Parser) -> Result<Self, String> {
        const GAVE_UP: &str = "the parser gave up";
        let whole = parse_range(input.as_bytes(), &range, parser).ok_or(GAVE_UP)?;
        if !whole.root_node().has_error() {
            return Ok(Self { range, whole, damaged: Vec::new() });
        }
        let Some((repaired, pieces)) = recover::around_damage(input, range.clone(), &whole, parser) else {
            let blank = parse_range(b"", &(0..0), parser).ok_or(GAVE_UP)?;
            return Ok(Self { damaged: vec![(range.clone(), whole)], range, whole: blank });
        };
        let mut damaged = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let tree = parse_range(input.as_bytes(), &piece, parser).ok_or(GAVE_UP)?;
            damaged.push((piece, tree));
        }
        Ok(Self { range, whole: repaired, damaged })
    }

    fn is_damaged(&self) -> bool {
        !self.damaged.is_empty()
    }

    /// Lowers the trees, piece by piece; `first` is where the first piece begins.
    fn lower(&self, input: &str, first: usize, mut lower: Lower<'_>) -> Lowered {
        enum Part<'p> {
            Statement(Node<'p>),
            Damaged(Node<'p>),
        }
        let end = |part: &Part<'_>| match part {
            Part::Statement(node) | Part::Damaged(node) => node.end_byte(),
        };
        let root = self.whole.root_node();
        let mut cursor = root.walk();
        let statements = root
            .named_children(&mut cursor)
            .filter(|n| !matches!(n.kind(), "comment" | "line_continuation"))
            .map(|n| (n.start_byte(), Part::Statement(n)));
        let damaged = self.damaged.iter().map(|(r, tree)| (r.start, Part::Damaged(tree.root_node())));
        let mut parts: Vec<(usize, Part<'_>)> = statements.chain(damaged).collect();
        parts.sort_by_key(|(start, _)| *start);
        lower.begin(first);
        // Blanking a piece may join what stands around it: then they are one.
        let mut reach = 0;
        for (number, (start, part)) in parts.iter().enumerate() {
            let at_left_edge =
                *start == self.range.start || matches!(input.as_bytes().get(start - 1), Some(b'\n' | b'\r'));
            if number > 0 && at_left_edge && *start >= reach {
                lower.begin(*start);
            }
            reach = reach.max(end(part));
            match part {
                Part::Statement(node) => lower.statement(*node),
                Part::Damaged(root) => lower.damaged(*root),
            }
        }
        lower.end()
    }
}

/// The difference between a module's text and a new one, and the pieces that it touches.
struct Edit {
    /// The bytes that differ, in the old text.
    old: Range<usize>,
    /// How much longer the new text is.
    grows: isize,
    /// The pieces that are parsed again.
    pieces: Range<usize>,
}

impl Edit {
    /// `None` where parsing anew is as well.
    fn between(module: &Module, text: &str) -> Option<Self> {
        let (old, new) = (module.text.as_bytes(), text.as_bytes());
        let mut start = common_start(old, new);
        while !text.is_char_boundary(start) || !module.text.is_char_boundary(start) {
            start -= 1;
        }
        let mut same = common_end(&old[start..], &new[start..]);
        while !text.is_char_boundary(new.len() - same) || !module.text.is_char_boundary(old.len() - same) {
            same -= 1;
        }
        let end = old.len() - same;
        let grows = isize::try_from(new.len()).ok()? - isize::try_from(old.len()).ok()?;
        // A piece whose end or beginning the edit touches may grow into its neighbour.
        let pieces = &module.pieces;
        let first = pieces.partition_point(|p| p.start < start).saturating_sub(1);
        let last = pieces.partition_point(|p| p.start <= end).max(first + 1);
        (last <= pieces.len()).then_some(Self { old: start..end, grows, pieces: first..last })
    }

    /// The range of some pieces in the old text.
    fn extent(module: &Module, pieces: &Range<usize>) -> Option<Range<usize>> {
        let end = module.pieces.get(pieces.end).map_or(module.text.len(), |p| p.start);
        Some(module.pieces.get(pieces.start)?.start..end)
    }

    /// Parses the touched pieces; with their neighbours where they do not parse alone.
    fn trees(&self, module: &Module, text: &str) -> Option<(Range<usize>, Trees)> {
        with_parser(|parser| Ok(self.trees_with(module, text, parser))).ok()?
    }

    fn trees_with(&self, module: &Module, text: &str, parser: &mut Parser) -> Option<(Range<usize>, Trees)> {
        let mut parsed = |pieces: Range<usize>, only_sound: bool| {
            let old = Self::extent(module, &pieces)?;
            let range = old.start..old.end.checked_add_signed(self.grows)?;
            let content = text.get(range.clone())?;
            // A backslash at the end joins the piece with the next one.
            let joins = range.end < text.len() && content.trim_end_matches(['\n', '\r']).ends_with('\\');
            let whole = content.len() * 2 > text.len() && text.len() > 4096;
            if joins || whole || matches!(input::prepared(content), std::borrow::Cow::Owned(_)) {
                return None;
            }
            if only_sound {
                let whole = parse_range(text.as_bytes(), &range, parser)?;
                let is_sound = !whole.root_node().has_error();
                return is_sound.then_some((pieces, Trees { range, whole, damaged: Vec::new() }));
            }
            Some((pieces, Trees::of(text, range, parser).ok()?))
        };
        let is_damaged = |n: usize| module.pieces.get(n).is_some_and(|p| p.error.is_some());
        let mut pieces = self.pieces.clone();
        if pieces.start > 0 && is_damaged(pieces.start - 1) {
            pieces.start -= 1;
        }
        if is_damaged(pieces.end) {
            pieces.end += 1;
        }
        let alone = parsed(pieces.clone(), false)?;
        // Damage that stays damage while a word is typed has not become its neighbours'.
        let was_damaged = pieces.clone().any(is_damaged);
        let is_clause = |t: &Trees| CLAUSES.iter().any(|c| text[t.range.start..].starts_with(c));
        if !alone.1.is_damaged() || was_damaged && !is_clause(&alone.1) && !self.joins(module, text) {
            return Some(alone);
        }
        let wider = pieces.start.saturating_sub(1)..(pieces.end + 1).min(module.pieces.len());
        parsed(wider, true).or(Some(alone))
    }

    /// Whether the edit is about quotes or brackets, which reach far.
    fn opens_or_closes(&self, module: &Module, text: &str) -> bool {
        self.holds(module, text, b"'\"()[]{}\\")
    }

    /// Whether the edit can make a statement part of its neighbour: an `else`, a decorator, a block.
    fn joins(&self, module: &Module, text: &str) -> bool {
        self.holds(module, text, b"'\"()[]{}\\:@\n\r \t")
    }

    /// Whether one of some signs is taken out or put in.
    fn holds(&self, module: &Module, text: &str, signs: &[u8]) -> bool {
        let new = self.old.start..self.old.end.saturating_add_signed(self.grows);
        let texts = [module.text.as_bytes().get(self.old.clone()), text.as_bytes().get(new)];
        texts.into_iter().flatten().flatten().any(|b| signs.contains(b))
    }

    fn apply(&self, module: Arc<Module>, text: &Arc<str>) -> Option<Module> {
        let (replaced, trees) = self.trees(&module, text)?;
        // Damage here and damage elsewhere may be one: an open bracket and the closing one.
        let was_damaged = replaced.clone().any(|n| module.pieces[n].error.is_some());
        let touched = was_damaged || trees.is_damaged();
        let damaged = |pieces: &[Piece]| pieces.iter().any(|p| p.error.is_some());
        let elsewhere = damaged(&module.pieces[..replaced.start]) || damaged(&module.pieces[replaced.end..]);
        let far = was_damaged && trees.is_damaged() && module.recovered;
        let reaches = self.opens_or_closes(&module, text);
        if (touched || reaches) && elsewhere || far && reaches {
            return None;
        }
        let gone: usize = module.spans.iter().filter(|s| **s == NOWHERE).count();
        if gone > 4096 && gone * 2 > module.spans.len() {
            return None;
        }
        let mut module = Arc::unwrap_or_clone(module);
        for piece in &module.pieces[replaced.clone()] {
            forget(&mut module.expressions, &mut module.spans, &mut module.functions, piece);
        }
        let end = Self::extent(&module, &replaced)?.end;
        shift::after(&mut module, end, self.grows);
        let count = |pieces: &[Piece]| pieces.iter().map(|p| p.statements).sum::<usize>();
        let before = count(&module.pieces[..replaced.start]);
        let old = before..before + count(&module.pieces[replaced.clone()]);
        let Module { path, mut body, mut pieces, expressions, spans, functions, recovered, .. } = module;
        let lower = Lower::onto(text, expressions, spans, functions);
        let lowered = trees.lower(text, trees.range.start, lower);
        body.splice(old, lowered.body);
        pieces.splice(replaced, lowered.pieces);
        let Lowered { expressions, spans, functions, .. } = lowered;
        let first_error = pieces.iter().find_map(|p| p.error);
        let (text, recovered) = (Arc::clone(text), recovered && first_error.is_some());
        Some(Module { path, text, expressions, spans, body, functions, first_error, pieces, recovered })
    }
}

/// How many bytes two texts have in common at their beginning. Blocks are compared before bytes.
fn common_start(a: &[u8], b: &[u8]) -> usize {
    let same = a.chunks_exact(BLOCK).zip(b.chunks_exact(BLOCK)).take_while(|(x, y)| x == y).count() * BLOCK;
    same + a[same..].iter().zip(&b[same..]).take_while(|(x, y)| x == y).count()
}

/// The same at their end.
fn common_end(a: &[u8], b: &[u8]) -> usize {
    let same = a.rchunks_exact(BLOCK).zip(b.rchunks_exact(BLOCK)).take_while(|(x, y)| x == y).count() * BLOCK;
    let (a, b) = (&a[..a.len() - same], &b[..b.len() - same]);
    same + a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count()
}

/// Bytes that are compared at once.
const BLOCK: usize = 256;

/// Leaves nothing of a piece but its room.
fn forget(
    expressions: &mut [Expression],
    spans: &mut [Span],
    functions: &mut [Arc<Function>],
    piece: &Piece,
) {
    for expression in expressions.get_mut(piece.expressions.clone()).into_iter().flatten() {
        *expression = Expression::Broken("it is gone");
    }
    for span in spans.get_mut(piece.expressions.clone()).into_iter().flatten() {
        *span = NOWHERE;
    }
    for function in functions.get_mut(piece.functions.clone()).into_iter().flatten() {
        *function = Arc::new(Function::gone(NOWHERE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A module as text in which the numbers of expressions and functions do not count: everything by place.
    fn normal(module: &Module) -> String {
        let mut order: Vec<usize> = (0..module.spans.len()).filter(|i| module.spans[*i] != NOWHERE).collect();
        order.sort_by_key(|i| {
            (module.spans[*i], format!("{:?}", std::mem::discriminant(&module.expressions[*i])), *i)
        });
        let all: Vec<String> = order
            .iter()
            .map(|i| format!("{:?} {}", module.spans[*i], words(&format!("{:?}", module.expressions[*i]))))
            .collect();
        let mut functions: Vec<String> = module
            .functions
            .iter()
            .filter(|f| f.span != NOWHERE)
            .map(|f| format!("{:?} {} {:?} {}", f.span, f.name, f.locals, words(&format!("{:?}", f.body))))
            .collect();
        functions.sort();
        let (error, body) = (&module.first_error, words(&format!("{:#?}", module.body)));
        format!("{error:?}\n{body}\n{}\n{}", all.join("\n"), functions.join("\n"))
    }

    /// Text without the numbers of expressions, which are all that stands bare; places keep theirs.
    fn words(text: &str) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
            out.push_str(&rest[..at]);
            let end = rest[at..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |e| at + e);
            if out.ends_with("start: ") || out.ends_with("end: ") || out.ends_with('"') {
                out.push_str(&rest[at..end]);
            }
            rest = &rest[end..];
        }
        out.push_str(rest);
        out
    }

    const LINES: &[&str] = &[
        "import flyte\n",
        "x = 1\n",
        "image = flyte.Image.from_base('é😀').with_env_vars({'A': 'b'})\n",
        "image = (\n    flyte.Image.from_debian_base(name=\"n\")\n    .with_commands([\"a\"])\n)\n",
        "if x:\n    y = 2\nelse:\n    y = 3\n",
        "def f(a, b=1):\n    \"\"\"Text.\n\nat the edge\n    \"\"\"\n    return a + b\n",
        "@env.task\ndef g() -> int:\n    return f(1)\n",
        "class C(Base):\n    z = lambda q: q\n",
        "# words\n",
        "\n",
        "text = '''\nx = 2\n'''\r\n",
        "a = 1; b = 2\n",
        "try:\n    import torch\nexcept ImportError:\n    torch = None\n",
        "for i in range(3):\n    print(i)\n",
        "c = a \\\n    + b\n",
    ];
    const TYPED: &[&str] = &[
        "",
        "x",
        "\n",
        "(",
        ")",
        "    ",
        "'",
        "\"\"\"",
        "#",
        "else:\n    pass\n",
        "\\",
        "@",
        ".",
        "é",
        "\r\n",
        "def h():\n",
    ];

    fn boundary(text: &str, at: usize) -> usize {
        (0..=at.min(text.len())).rev().find(|i| text.is_char_boundary(*i)).unwrap_or(0)
    }

    /// Where the text is sound, pieces give what the whole gives. Where it is not, nothing breaks, and the next sound
    /// text gives the right thing again.
    fn edited(lines: &[&str], edits: &[(usize, usize, &str)]) -> Result<(), TestCaseError> {
        let mut text: String = lines.concat();
        let mut module = parse(Path::new("/m.py").into(), text.as_str().into()).expect("parsed");
        for &(at, length, typed) in edits {
            let start = boundary(&text, at % (text.len() + 1));
            let end = boundary(&text, (start + length).min(text.len())).max(start);
            text.replace_range(start..end, typed);
            module = update(Arc::new(module), text.as_str().into()).expect("parsed");
            let whole = parse(Path::new("/m.py").into(), text.as_str().into()).expect("parsed");
            prop_assert_eq!(&*module.text, text.as_str());
            // The grammar takes some text that Python refuses, and no piece of it may stand alone.
            if whole.first_error.is_none() && module.first_error.is_none() {
                prop_assert_eq!(normal(&module), normal(&whole), "{:?}", text);
            }
        }
        // However damaged it was: what Python takes is understood.
        let sound = lines.concat();
        module = update(Arc::new(module), sound.as_str().into()).expect("parsed");
        let whole = parse(Path::new("/m.py").into(), sound.as_str().into()).expect("parsed");
        prop_assert_eq!(normal(&module), normal(&whole), "{:?}", sound);
        Ok(())
    }

    #[test]
    fn a_quote_that_ends_what_is_open_far_before_mends_it() {
        let lines = [
            "text = '''\nx = 2\n'''\r\n",
            "class C(Base):\n    z = lambda q: q\n",
            "c = a \\\n    + b\n",
            "x = 1\n",
            "# words\n",
            "# words\n",
            "@env.task\ndef g() -> int:\n    return f(1)\n",
            "try:\n    import torch\nexcept ImportError:\n    torch = None\n",
            "text = '''\nx = 2\n'''\r\n",
            "if x:\n    y = 2\nelse:\n    y = 3\n",
        ];
        let edits =
            [(20, 8, ""), (263, 2, ""), (261, 6, ""), (255, 9, ""), (246, 9, ""), (20, 0, ""), (20, 0, "")];
        edited(&lines, &edits).expect("the same");
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
        #[test]
        fn pieces_are_the_whole(
            lines in prop::collection::vec(prop::sample::select(LINES), 0..12),
            edits in prop::collection::vec((0_usize..600, 0_usize..12, prop::sample::select(TYPED)), 1..12),
        ) {
            edited(&lines, &edits)?;
        }
    }
}
