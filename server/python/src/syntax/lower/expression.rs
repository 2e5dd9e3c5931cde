//! Expressions.

use std::sync::Arc;

use image_model::methods;
use image_model::signature::Kind as ParameterKind;
use tree_sitter::Node;

use super::kinds::{Field, Kind};
use super::{Lowering, MAX_DEPTH, Scope, span};
use crate::syntax::ast::{
    Argument, Body, Clause, Comparison, Comprehension, Expression, Function, Id, Operator, Parameter, Part,
    Passing, UnaryOperator,
};
use crate::syntax::strings::{Prefix, to_bytes, unescape};

impl Lowering<'_> {
    /// Lowers an expression. The spine of a chain is walked with a loop.
    pub(super) fn expression(&mut self, node: Node<'_>) -> Id {
        if self.depth >= MAX_DEPTH {
            return self.add(Expression::Broken("it is nested too deeply"), span(node));
        }
        self.depth += 1;
        let mut spine = Vec::new();
        let mut inner = node;
        while let Some(next) = self.below(inner) {
            spine.push(inner);
            inner = next;
        }
        let mut id = self.leaf(inner);
        while let Some(link) = spine.pop() {
            id = self.link(link, id);
        }
        self.depth -= 1;
        id
    }

    /// The operand through which a chain goes on.
    fn below<'a>(&self, node: Node<'a>) -> Option<Node<'a>> {
        match Kind::of(node) {
            Kind::Call => self.field(node, Field::Function),
            Kind::Attribute => self.field(node, Field::Object),
            Kind::Subscript => self.field(node, Field::Value),
            Kind::BinaryOperator | Kind::BooleanOperator => self.field(node, Field::Left),
            Kind::Parenthesized => {
                let children = self.children(node);
                match children.as_slice() {
                    [one] if !matches!(Kind::of(*one), Kind::ListSplat | Kind::Yield) => Some(*one),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// One link of a chain, over the operand already lowered.
    fn link(&mut self, node: Node<'_>, operand: Id) -> Id {
        let whole = span(node);
        let expression = match Kind::of(node) {
            Kind::Parenthesized => return operand,
            Kind::Call => {
                let arguments =
                    self.field(node, Field::Arguments).map(|a| self.arguments(a)).unwrap_or_default();
                if let Some(Expression::Attribute { name, .. }) = self.expressions.get(operand as usize)
                    && methods::method(name).is_some()
                {
                    for scope in &mut self.scopes {
                        scope.mentions_image = true;
                    }
                }
                Expression::Call { function: operand, arguments }
            }
            Kind::Attribute => match self.field(node, Field::Attribute) {
                Some(attribute) => {
                    let name = self.name(attribute);
                    Expression::Attribute { value: operand, name, name_span: span(attribute) }
                }
                None => Expression::Broken("it is no Python"),
            },
            Kind::Subscript => {
                let indexes = self.fields(node, Field::Subscript);
                let index = match indexes.as_slice() {
                    [one] => self.expression(*one),
                    many => {
                        let items = many.iter().map(|i| self.expression(*i)).collect();
                        self.add(Expression::Tuple(items), whole)
                    }
                };
                Expression::Subscript { value: operand, index }
            }
            _ => {
                let operator = self.field(node, Field::Operator).map_or("", |o| self.source(o));
                let Some(right) = self.field(node, Field::Right) else {
                    return self.add(Expression::Broken("it is no Python"), whole);
                };
                let right = self.expression(right);
                match operator {
                    "and" => Expression::Logical(true, operand, right),
                    "or" => Expression::Logical(false, operand, right),
                    other => match binary_operator(other) {
                        Some(operator) => Expression::Binary(operator, operand, right),
                        None => Expression::Broken("it is no Python"),
                    },
                }
            }
        };
        self.add(expression, whole)
    }

    fn all(&mut self, node: Node<'_>) -> Vec<Id> {
        self.children(node).into_iter().map(|child| self.expression(child)).collect()
    }

    fn field_expression(&mut self, node: Node<'_>, field: Field) -> Id {
        match self.field(node, field) {
            Some(child) => self.expression(child),
            None => self.add(Expression::Broken("it is no Python"), span(node)),
        }
    }

    /// An expression that is no link of a chain.
    fn leaf(&mut self, node: Node<'_>) -> Id {
        let whole = span(node);
        let expression = match Kind::of(node) {
            Kind::Identifier => Expression::Name(self.name(node)),
            Kind::None => Expression::None,
            Kind::True => Expression::True,
            Kind::False => Expression::False,
            Kind::Ellipsis => Expression::Ellipsis,
            Kind::Integer => integer(self.source(node)),
            Kind::Float => float(self.source(node)),
            Kind::String => self.string(&[node]),
            Kind::ConcatenatedString => {
                let parts = self.children(node);
                self.string(&parts)
            }
            Kind::Tuple | Kind::ExpressionList | Kind::PatternList | Kind::TuplePattern => {
                Expression::Tuple(self.all(node))
            }
            Kind::Parenthesized => Expression::Tuple(self.all(node)),
            Kind::List | Kind::ListPattern => Expression::List(self.all(node)),
            Kind::Set => Expression::Set(self.all(node)),
            Kind::Dictionary => self.dictionary(node),
            Kind::ListSplat | Kind::ListSplatPattern | Kind::ParenthesizedListSplat => {
                let children = self.children(node);
                match children.first() {
                    Some(inner) => Expression::Starred(self.expression(*inner)),
                    None => Expression::Broken("it is no Python"),
                }
            }
            Kind::Not => Expression::Unary(UnaryOperator::Not, self.field_expression(node, Field::Argument)),
            Kind::Unary => {
                let operator = match self.field(node, Field::Operator).map_or("", |o| self.source(o)) {
                    "-" => UnaryOperator::Negative,
                    "+" => UnaryOperator::Positive,
                    _ => UnaryOperator::Invert,
                };
                Expression::Unary(operator, self.field_expression(node, Field::Argument))
            }
            Kind::Comparison => self.comparison(node),
            Kind::Conditional => match self.children(node).as_slice() {
                [then, test, otherwise] => {
                    let (then, test) = (self.expression(*then), self.expression(*test));
                    Expression::Conditional { test, then, otherwise: self.expression(*otherwise) }
                }
                _ => Expression::Broken("it is no Python"),
            },
            Kind::Slice => self.slice(node),
            Kind::Lambda => Expression::Lambda(self.lambda(node)),
            Kind::ListComprehension => self.comprehension(node, Comprehension::List),
            Kind::SetComprehension => self.comprehension(node, Comprehension::Set),
            Kind::DictionaryComprehension => self.comprehension(node, Comprehension::Dict),
            Kind::Generator => self.comprehension(node, Comprehension::Generator),
            Kind::Named => {
                let target = self.field_expression(node, Field::Name);
                if let Some(Expression::Name(name)) = self.expressions.get(target as usize) {
                    let name = Arc::clone(name);
                    self.assigns(&name);
                }
                Expression::Walrus { target, value: self.field_expression(node, Field::Value) }
            }
            Kind::Await => match self.children(node).first() {
                Some(inner) => Expression::Await(self.expression(*inner)),
                None => Expression::Broken("it is no Python"),
            },
            Kind::Yield => {
                self.scope().is_generator = true;
                let _ = self.all(node);
                Expression::Yield
            }
            Kind::Type => match self.children(node).first() {
                Some(inner) => return self.expression(*inner),
                None => Expression::Broken("it is no Python"),
            },
            _ if self.source(node) == "print" || self.source(node) == "match" => {
                Expression::Name(self.name(node))
            }
            _ => Expression::Broken("it is no Python"),
        };
        self.add(expression, whole)
    }

    pub(super) fn arguments(&mut self, node: Node<'_>) -> Vec<Argument> {
        if Kind::of(node) == Kind::Generator {
            let value = self.expression(node);
            return vec![Argument { passing: Passing::Position, value, span: span(node) }];
        }
        let mut arguments = Vec::new();
        for child in self.children(node) {
            let (passing, value) = match Kind::of(child) {
                Kind::KeywordArgument => {
                    let Some(name) = self.field(child, Field::Name) else { continue };
                    (Passing::Keyword(self.name(name)), self.field_expression(child, Field::Value))
                }
                Kind::ListSplat => match self.children(child).first() {
                    Some(inner) => (Passing::Star, self.expression(*inner)),
                    None => continue,
                },
                Kind::DictionarySplat => match self.children(child).first() {
                    Some(inner) => (Passing::DoubleStar, self.expression(*inner)),
                    None => continue,
                },
                _ => (Passing::Position, self.expression(child)),
            };
            arguments.push(Argument { passing, value, span: span(child) });
        }
        arguments
    }

    fn dictionary(&mut self, node: Node<'_>) -> Expression {
        let mut pairs = Vec::new();
        for child in self.children(node) {
            match Kind::of(child) {
                Kind::Pair => {
                    let key = self.field_expression(child, Field::Key);
                    pairs.push((Some(key), self.field_expression(child, Field::Value)));
                }
                Kind::DictionarySplat => {
                    if let Some(inner) = self.children(child).first() {
                        pairs.push((None, self.expression(*inner)));
                    }
                }
                _ => {
                    let broken = self.add(Expression::Broken("it is no Python"), span(child));
                    pairs.push((None, broken));
                }
            }
        }
        Expression::Dict(pairs)
    }

    fn comparison(&mut self, node: Node<'_>) -> Expression {
        let operators: Vec<Option<Comparison>> =
            self.fields(node, Field::Operators).into_iter().map(|o| comparison(self.source(o))).collect();
        let mut operands = self.children(node).into_iter();
        let Some(first) = operands.next() else { return Expression::Broken("it is no Python") };
        let first = self.expression(first);
        let mut rest = Vec::new();
        for (operator, operand) in operators.into_iter().zip(operands) {
            let Some(operator) = operator else { return Expression::Broken("it is no Python") };
            rest.push((operator, self.expression(operand)));
        }
        Expression::Compare(first, rest)
    }

    fn slice(&mut self, node: Node<'_>) -> Expression {
        let mut parts = [None, None, None];
        let mut place = 0;
        let mut cursor = node.walk();
        let children: Vec<Node<'_>> = node.children(&mut cursor).collect();
        for child in children {
            if self.source(child) == ":" {
                place += 1;
            } else if child.is_named() && Kind::of(child) != Kind::Comment && place < 3 {
                parts[place] = Some(self.expression(child));
            }
        }
        let [start, stop, step] = parts;
        Expression::Slice(start, stop, step)
    }

    fn comprehension(&mut self, node: Node<'_>, kind: Comprehension) -> Expression {
        // The names of a comprehension are its own.
        self.scopes.push(Scope::default());
        let body = self.field(node, Field::Body);
        let (element, value) = match body {
            Some(pair) if kind == Comprehension::Dict => {
                let key = self.field_expression(pair, Field::Key);
                (key, Some(self.field_expression(pair, Field::Value)))
            }
            Some(body) => (self.expression(body), None),
            None => (self.add(Expression::Broken("it is no Python"), span(node)), None),
        };
        let mut clauses = Vec::new();
        for child in self.children(node) {
            match Kind::of(child) {
                Kind::ForIn => {
                    let target = self.field_expression(child, Field::Left);
                    let iterable = self.field_expression(child, Field::Right);
                    clauses.push(Clause::For { target, iterable });
                }
                Kind::IfClause => {
                    if let Some(test) = self.children(child).first() {
                        clauses.push(Clause::If(self.expression(*test)));
                    }
                }
                _ => {}
            }
        }
        self.scopes.pop();
        Expression::Comprehension { kind, element, value, clauses }
    }

    fn lambda(&mut self, node: Node<'_>) -> u32 {
        let parameters = self.field(node, Field::Parameters).map(|p| self.parameters(p)).unwrap_or_default();
        self.scopes.push(Scope::default());
        let body = self.field_expression(node, Field::Body);
        self.function("<lambda>".into(), parameters, Body::Expression(body), node, false)
    }

    /// Adds a function whose scope is on top, and takes the scope off.
    pub(super) fn function(
        &mut self,
        name: Arc<str>,
        parameters: Vec<Parameter>,
        body: Body,
        node: Node<'_>,
        is_async: bool,
    ) -> u32 {
        let scope =
            if self.scopes.len() > 1 { self.scopes.pop().unwrap_or_default() } else { Scope::default() };
        let index = u32::try_from(self.functions.len()).unwrap_or(u32::MAX);
        self.functions.push(Arc::new(Function {
            name,
            parameters,
            body,
            is_async,
            is_generator: scope.is_generator,
            mentions_image: scope.mentions_image,
            globals: scope.globals,
            locals: scope.locals,
            span: span(node),
        }));
        index
    }

    pub(super) fn parameters(&mut self, node: Node<'_>) -> Vec<Parameter> {
        let mut parameters = Vec::new();
        let mut kind = ParameterKind::Positional;
        for child in self.children(node) {
            let (name, default) = match Kind::of(child) {
                Kind::KeywordSeparator => {
                    kind = ParameterKind::KeywordOnly;
                    continue;
                }
                Kind::Identifier => (Some(child), None),
                Kind::DefaultParameter | Kind::TypedDefaultParameter => {
                    (self.field(child, Field::Name), self.field(child, Field::Value))
                }
                Kind::TypedParameter => (self.children(child).first().copied(), None),
                Kind::ListSplatPattern | Kind::DictionarySplatPattern => (Some(child), None),
                _ => continue,
            };
            let Some(mut name) = name else { continue };
            let mut this = kind;
            match Kind::of(name) {
                Kind::ListSplatPattern => this = ParameterKind::Many,
                Kind::DictionarySplatPattern => this = ParameterKind::ManyKeywords,
                _ => {}
            }
            if matches!(this, ParameterKind::Many | ParameterKind::ManyKeywords) {
                if this == ParameterKind::Many {
                    kind = ParameterKind::KeywordOnly;
                }
                match self.children(name).first() {
                    Some(inner) => name = *inner,
                    None => continue,
                }
            }
            let default = default.map(|d| self.expression(d));
            parameters.push(Parameter { name: self.name(name), kind: this, default });
        }
        parameters
    }

    /// String literals that stand beside each other are one.
    fn string(&mut self, literals: &[Node<'_>]) -> Expression {
        const ODD: &str = "it holds an escape that is not followed";
        let mut parts: Vec<Part> = Vec::new();
        let mut text = String::new();
        let mut is_bytes = false;
        for literal in literals {
            let mut prefix = Prefix::default();
            for child in self.children(*literal) {
                match Kind::of(child) {
                    Kind::StringStart => {
                        prefix = Prefix::of(self.source(child));
                        is_bytes |= prefix.bytes;
                    }
                    Kind::StringContent => match self.content(child, prefix) {
                        Some(content) => text.push_str(&content),
                        None => return Expression::Broken(ODD),
                    },
                    Kind::Interpolation => {
                        if !text.is_empty() {
                            parts.push(Part::Text(std::mem::take(&mut text).into()));
                        }
                        match self.interpolation(child) {
                            Some(part) => parts.push(part),
                            None => return Expression::Broken("it is no Python"),
                        }
                    }
                    Kind::StringEnd => {}
                    _ => return Expression::Broken("it is no Python"),
                }
            }
        }
        if is_bytes {
            return to_bytes(&text).map_or(Expression::Broken(ODD), |b| Expression::Bytes(b.into()));
        }
        if parts.is_empty() {
            return Expression::Str(text.into());
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.into()));
        }
        Expression::Format(parts)
    }

    /// The text of a literal; in an f-string, doubled braces are one.
    fn content(&self, node: Node<'_>, prefix: Prefix) -> Option<String> {
        let source = self.source(node);
        if !prefix.format {
            return unescape(source, prefix);
        }
        let text = unescape(source, prefix)?;
        Some(text.replace("{{", "{").replace("}}", "}"))
    }

    fn interpolation(&mut self, node: Node<'_>) -> Option<Part> {
        let expression = self.field(node, Field::Expression)?;
        let value = self.expression(expression);
        let conversion = self
            .field(node, Field::TypeConversion)
            .and_then(|c| self.source(c).chars().find(|c| "sra".contains(*c)));
        let format = self.field(node, Field::FormatSpecifier);
        // `{value=}`: everything up to and with the equals sign is shown.
        let end = format
            .or(self.field(node, Field::TypeConversion))
            .map_or(node.end_byte() - 1, |n| n.start_byte());
        let after = self.text.get(expression.end_byte()..end).unwrap_or("");
        let label = after.trim().starts_with('=').then(|| {
            let shown = self.text.get(node.start_byte() + 1..end).unwrap_or("");
            Arc::from(shown.trim_end_matches(['!', ':']))
        });
        let mut parts = Vec::new();
        if let Some(format) = format {
            let mut at = format.start_byte() + 1;
            for child in self.children(format) {
                if let Some(text) = self.text.get(at..child.start_byte()).filter(|t| !t.is_empty()) {
                    parts.push(Part::Text(text.into()));
                }
                parts.push(self.interpolation(child)?);
                at = child.end_byte();
            }
            if let Some(text) = self.text.get(at..format.end_byte()).filter(|t| !t.is_empty()) {
                parts.push(Part::Text(text.into()));
            }
        }
        let conversion = match (&label, conversion, parts.is_empty()) {
            (Some(_), None, true) => Some('r'),
            (_, given, _) => given,
        };
        Some(Part::Value { value, conversion, format: parts, label })
    }
}

fn integer(text: &str) -> Expression {
    let plain = text.replace('_', "").to_ascii_lowercase();
    if plain.ends_with('j') {
        return Expression::Imaginary;
    }
    let parsed = match plain.get(..2) {
        Some("0x") => i64::from_str_radix(&plain[2..], 16),
        Some("0o") => i64::from_str_radix(&plain[2..], 8),
        Some("0b") => i64::from_str_radix(&plain[2..], 2),
        _ => plain.parse(),
    };
    parsed.map_or(Expression::BigInt, Expression::Int)
}

fn float(text: &str) -> Expression {
    let plain = text.replace('_', "");
    if plain.ends_with(['j', 'J']) {
        return Expression::Imaginary;
    }
    plain.parse().map_or(Expression::Broken("it is no Python"), Expression::Float)
}

pub(super) fn binary_operator(text: &str) -> Option<Operator> {
    Some(match text {
        "+" => Operator::Add,
        "-" => Operator::Subtract,
        "*" => Operator::Multiply,
        "/" => Operator::Divide,
        "//" => Operator::FloorDivide,
        "%" => Operator::Modulo,
        "**" => Operator::Power,
        "@" => Operator::MatrixMultiply,
        "&" => Operator::And,
        "|" => Operator::Or,
        "^" => Operator::Xor,
        "<<" => Operator::LeftShift,
        ">>" => Operator::RightShift,
        _ => return None,
    })
}

fn comparison(text: &str) -> Option<Comparison> {
    Some(match text {
        "==" => Comparison::Equal,
        "!=" | "<>" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterEqual,
        "in" => Comparison::In,
        "is" => Comparison::Is,
        other => match other.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["not", "in"] => Comparison::NotIn,
            ["is", "not"] => Comparison::IsNot,
            _ => return None,
        },
    })
}
