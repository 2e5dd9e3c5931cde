//! Moving what stands after an edit.

use std::sync::Arc;

use super::ast::{Argument, Body, Expression, Module, Span, Statement, StatementKind};

/// Moves everything of a module that begins at a byte or after it. Nothing may reach over that byte.
pub(super) fn after(module: &mut Module, byte: usize, by: isize) {
    if by == 0 {
        return;
    }
    let Ok(from) = u32::try_from(byte) else { return };
    let shift = Shift { from, by };
    for span in &mut module.spans {
        shift.span(span);
    }
    for expression in &mut module.expressions {
        match expression {
            Expression::Attribute { name_span, .. } => shift.span(name_span),
            Expression::Call { arguments, .. } => shift.arguments(arguments),
            _ => {}
        }
    }
    for function in &mut module.functions {
        if function.span.start >= from && function.span.start != u32::MAX {
            let function = Arc::make_mut(function);
            shift.span(&mut function.span);
            if let Body::Block(body) = &mut function.body {
                shift.block(body);
            }
        }
    }
    shift.block(&mut module.body);
    for piece in &mut module.pieces {
        if piece.start >= byte {
            piece.start = piece.start.saturating_add_signed(by);
            if let Some(error) = &mut piece.error {
                shift.span(error);
            }
        }
    }
}

struct Shift {
    from: u32,
    by: isize,
}

impl Shift {
    fn span(&self, span: &mut Span) {
        if span.start >= self.from && span.start != u32::MAX {
            let moved =
                |at: u32| u32::try_from((at as usize).saturating_add_signed(self.by)).unwrap_or(u32::MAX);
            *span = Span { start: moved(span.start), end: moved(span.end) };
        }
    }

    fn arguments(&self, arguments: &mut [Argument]) {
        for argument in arguments {
            self.span(&mut argument.span);
        }
    }

    fn block(&self, block: &mut [Statement]) {
        let first = block.partition_point(|s| s.span.start < self.from);
        for statement in &mut block[first..] {
            self.span(&mut statement.span);
            match &mut statement.kind {
                StatementKind::Import(aliases) | StatementKind::From { names: aliases, .. } => {
                    for alias in aliases {
                        self.span(&mut alias.span);
                    }
                }
                StatementKind::Class { bases, .. } => self.arguments(bases),
                _ => {}
            }
            for inner in statement.blocks_mut() {
                self.block(inner);
            }
        }
    }
}
