//! The syntax tree that the evaluator walks.
//!
//! Expressions lie in one vector and refer to each other by index: a chain of ten thousand calls costs no recursion
//! to build, to walk or to drop.

use std::path::Path;
use std::sync::Arc;

/// A range of bytes in a module's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// First byte.
    pub start: u32,
    /// The byte after the last one.
    pub end: u32,
}

impl Span {
    /// As a range of `usize`.
    #[must_use]
    pub fn range(self) -> std::ops::Range<usize> {
        self.start as usize..self.end as usize
    }
}

/// An expression, by its index in [`Module::expressions`].
pub type Id = u32;

/// A run of lines that parses on its own: a statement of the module with everything up to the next one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its first byte; it reaches to the next piece.
    pub(super) start: usize,
    /// How many of the module's statements it holds.
    pub(super) statements: usize,
    /// Which of the module's expressions it holds.
    pub(super) expressions: std::ops::Range<usize>,
    /// Which of the module's functions it holds.
    pub(super) functions: std::ops::Range<usize>,
    /// The first thing in it that is no Python.
    pub(super) error: Option<Span>,
}

/// A module: its text and its tree.
#[derive(Debug, Clone)]
pub struct Module {
    /// Absolute path.
    pub path: Arc<Path>,
    /// The text.
    pub text: Arc<str>,
    /// All expressions.
    pub expressions: Vec<Expression>,
    /// The place of each expression.
    pub spans: Vec<Span>,
    /// The statements.
    pub body: Vec<Statement>,
    /// Functions, in order of appearance.
    pub functions: Vec<Arc<Function>>,
    /// The first thing that is no Python, if any.
    pub first_error: Option<Span>,
    /// The pieces that it was parsed in, in order.
    pub(super) pieces: Vec<Piece>,
    /// It was parsed as a whole while it was damaged: then pieces beside the damage may be mistaken, too.
    pub(super) recovered: bool,
}

/// An operator of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after Python's operator")]
pub enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    MatrixMultiply,
    And,
    Or,
    Xor,
    LeftShift,
    RightShift,
}

/// An operator of one operand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after Python's operator")]
pub enum UnaryOperator {
    Not,
    Negative,
    Positive,
    Invert,
}

/// A comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after Python's operator")]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
    Is,
    IsNot,
}

/// A part of an f-string.
#[derive(Debug, Clone)]
pub enum Part {
    /// Text as it is.
    Text(Arc<str>),
    /// `{value!conversion:format}`; `{value=}` keeps its own text in front.
    Value {
        /// The expression.
        value: Id,
        /// `s`, `r` or `a`.
        conversion: Option<char>,
        /// The format, itself made of parts.
        format: Vec<Part>,
        /// What `=` puts in front.
        label: Option<Arc<str>>,
    },
}

/// An argument of a call.
#[derive(Debug, Clone)]
pub struct Argument {
    /// How it is passed.
    pub passing: Passing,
    /// Its value.
    pub value: Id,
    /// All of it, with its name.
    pub span: Span,
}

/// How an argument is passed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Passing {
    /// By position.
    Position,
    /// By name.
    Keyword(Arc<str>),
    /// `*x`
    Star,
    /// `**x`
    DoubleStar,
}

/// What a comprehension builds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is named after Python's comprehension")]
pub enum Comprehension {
    List,
    Set,
    Dict,
    Generator,
}

/// A clause of a comprehension.
#[derive(Debug, Clone)]
pub enum Clause {
    /// `for target in iterable`
    For {
        /// What is assigned.
        target: Id,
        /// What is iterated.
        iterable: Id,
    },
    /// `if condition`
    If(Id),
}

/// An expression.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are named after Python's grammar")]
pub enum Expression {
    /// Something that is no Python, or nested deeper than is followed.
    Broken(&'static str),
    None,
    True,
    False,
    Ellipsis,
    Int(i64),
    /// An integer beyond 64 bits.
    BigInt,
    Float(f64),
    /// A complex number.
    Imaginary,
    Str(Arc<str>),
    Bytes(Arc<[u8]>),
    Format(Vec<Part>),
    Name(Arc<str>),
    Tuple(Vec<Id>),
    List(Vec<Id>),
    Set(Vec<Id>),
    /// A key of `None` is `**value`.
    Dict(Vec<(Option<Id>, Id)>),
    Starred(Id),
    Unary(UnaryOperator, Id),
    Binary(Operator, Id, Id),
    /// `and` (true) or `or` (false).
    Logical(bool, Id, Id),
    Compare(Id, Vec<(Comparison, Id)>),
    Conditional {
        test: Id,
        then: Id,
        otherwise: Id,
    },
    Call {
        function: Id,
        arguments: Vec<Argument>,
    },
    Attribute {
        value: Id,
        name: Arc<str>,
        name_span: Span,
    },
    Subscript {
        value: Id,
        index: Id,
    },
    Slice(Option<Id>, Option<Id>, Option<Id>),
    Lambda(u32),
    Comprehension {
        kind: Comprehension,
        element: Id,
        value: Option<Id>,
        clauses: Vec<Clause>,
    },
    Walrus {
        target: Id,
        value: Id,
    },
    Await(Id),
    Yield,
}

/// A parameter of a function.
#[derive(Debug, Clone)]
pub struct Parameter {
    /// Its name.
    pub name: Arc<str>,
    /// How it takes arguments.
    pub kind: image_model::signature::Kind,
    /// Its default.
    pub default: Option<Id>,
}

/// A function or a lambda.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name; `<lambda>` for a lambda.
    pub name: Arc<str>,
    /// Its parameters.
    pub parameters: Vec<Parameter>,
    /// Its body.
    pub body: Body,
    /// `async def`
    pub is_async: bool,
    /// It holds a `yield`.
    pub is_generator: bool,
    /// Something in it is called like a method of `flyte.Image`.
    pub mentions_image: bool,
    /// Names that it declares `global`.
    pub globals: Vec<Arc<str>>,
    /// Names that it assigns anywhere: Python makes them local.
    pub locals: Vec<Arc<str>>,
    /// All of it.
    pub span: Span,
}

/// A function's body.
#[derive(Debug, Clone)]
pub enum Body {
    /// Statements.
    Block(Vec<Statement>),
    /// A lambda's expression.
    Expression(Id),
}

/// A statement with its place.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What it is.
    pub kind: StatementKind,
    /// All of it.
    pub span: Span,
}

/// `import a.b as c`, or one name of `from m import a as b`.
#[derive(Debug, Clone)]
pub struct Alias {
    /// What is imported.
    pub name: Arc<str>,
    /// `as`
    pub alias: Option<Arc<str>>,
    /// Its place.
    pub span: Span,
}

/// An `except` clause.
#[derive(Debug, Clone)]
pub struct Handler {
    /// What it catches; `None` catches all.
    pub catches: Option<Id>,
    /// `as`
    pub name: Option<Arc<str>>,
    /// Its body.
    pub body: Vec<Statement>,
}

/// A pattern of a `case`.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// `_` or a name that takes anything.
    Capture(Option<Arc<str>>),
    /// A value to compare with.
    Value(Id),
    /// `a | b`
    Either(Vec<Pattern>),
    /// `p as name`
    As(Box<Pattern>, Arc<str>),
    /// `[a, b, *rest]`
    Sequence(Vec<Pattern>),
    /// Anything else, which is not followed, with the names that it may bind.
    Other(Vec<Arc<str>>),
}

/// A `case` clause.
#[derive(Debug, Clone)]
pub struct Case {
    /// The pattern.
    pub pattern: Pattern,
    /// `if`
    pub guard: Option<Id>,
    /// Its body.
    pub body: Vec<Statement>,
}

/// What a statement is.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the fields are named after Python's grammar")]
pub enum StatementKind {
    Expression(Id),
    Assign {
        targets: Vec<Id>,
        value: Id,
    },
    /// `x: T = value`, or without the value.
    Annotated {
        target: Id,
        value: Option<Id>,
    },
    Augmented {
        target: Id,
        operator: Operator,
        value: Id,
    },
    If {
        branches: Vec<(Id, Vec<Statement>)>,
        otherwise: Vec<Statement>,
    },
    For {
        target: Id,
        iterable: Id,
        body: Vec<Statement>,
        otherwise: Vec<Statement>,
    },
    While {
        test: Id,
        body: Vec<Statement>,
        otherwise: Vec<Statement>,
    },
    Try {
        body: Vec<Statement>,
        handlers: Vec<Handler>,
        otherwise: Vec<Statement>,
        finally: Vec<Statement>,
    },
    With {
        items: Vec<(Id, Option<Id>)>,
        body: Vec<Statement>,
    },
    Function {
        function: u32,
        decorators: Vec<Id>,
    },
    Class {
        name: Arc<str>,
        bases: Vec<Argument>,
        body: Vec<Statement>,
        decorators: Vec<Id>,
    },
    Return(Option<Id>),
    Raise(Option<Id>),
    Import(Vec<Alias>),
    /// `level` counts the dots; no names means `*`.
    From {
        level: u32,
        module: Arc<str>,
        names: Vec<Alias>,
    },
    Delete(Vec<Id>),
    Assert {
        test: Id,
        message: Option<Id>,
    },
    Match {
        subject: Id,
        cases: Vec<Case>,
    },
    /// `global` and `nonlocal`
    Scope,
    Pass,
    Break,
    Continue,
    /// Something that is no Python.
    Broken,
}

impl Statement {
    /// The statements in it, block by block; those of functions are in [`Module::functions`].
    #[must_use]
    pub fn blocks(&self) -> Vec<&[Statement]> {
        match &self.kind {
            StatementKind::If { branches, otherwise } => {
                branches.iter().map(|(_, b)| b.as_slice()).chain([otherwise.as_slice()]).collect()
            }
            StatementKind::For { body, otherwise, .. } | StatementKind::While { body, otherwise, .. } => {
                vec![body, otherwise]
            }
            StatementKind::Try { body, handlers, otherwise, finally } => {
                let handlers = handlers.iter().map(|h| h.body.as_slice());
                [body.as_slice()].into_iter().chain(handlers).chain([&otherwise[..], &finally[..]]).collect()
            }
            StatementKind::With { body, .. } | StatementKind::Class { body, .. } => vec![body],
            StatementKind::Match { cases, .. } => cases.iter().map(|c| c.body.as_slice()).collect(),
            _ => Vec::new(),
        }
    }

    /// The same, to change them.
    pub(super) fn blocks_mut(&mut self) -> Vec<&mut [Statement]> {
        match &mut self.kind {
            StatementKind::If { branches, otherwise } => {
                let branches = branches.iter_mut().map(|(_, b)| b.as_mut_slice());
                branches.chain([otherwise.as_mut_slice()]).collect()
            }
            StatementKind::For { body, otherwise, .. } | StatementKind::While { body, otherwise, .. } => {
                vec![body, otherwise]
            }
            StatementKind::Try { body, handlers, otherwise, finally } => {
                let handlers = handlers.iter_mut().map(|h| h.body.as_mut_slice());
                [body.as_mut_slice()]
                    .into_iter()
                    .chain(handlers)
                    .chain([&mut otherwise[..], &mut finally[..]])
                    .collect()
            }
            StatementKind::With { body, .. } | StatementKind::Class { body, .. } => vec![body],
            StatementKind::Match { cases, .. } => cases.iter_mut().map(|c| c.body.as_mut_slice()).collect(),
            _ => Vec::new(),
        }
    }
}

impl Function {
    /// What stands in the place of a function that is gone.
    pub(super) fn gone(span: Span) -> Self {
        Self {
            name: Arc::from(""),
            parameters: Vec::new(),
            body: Body::Block(Vec::new()),
            is_async: false,
            is_generator: false,
            mentions_image: false,
            globals: Vec::new(),
            locals: Vec::new(),
            span,
        }
    }
}

impl Module {
    /// All statements, nested ones and those of functions too, in no particular order.
    #[must_use]
    pub fn statements(&self) -> Vec<&Statement> {
        let bodies = self.functions.iter().filter_map(|f| match &f.body {
            Body::Block(body) => Some(body.as_slice()),
            Body::Expression(_) => None,
        });
        let mut pending: Vec<&[Statement]> = bodies.chain([self.body.as_slice()]).collect();
        let mut all = Vec::new();
        while let Some(block) = pending.pop() {
            for statement in block {
                all.push(statement);
                pending.extend(statement.blocks());
            }
        }
        all
    }
}
