//! What an expression names, and whether its work is bounded, decided on its syntax tree before it ever runs.
//!
//! With lists of at most [`super::expression::VALUES_MAX`] values, two nested loops are 4 million steps at worst, and a
//! handful of additions can make a text only a few hundred times longer. Regular expressions run in linear time. Not
//! bounded by this: an administrator who writes many such rules waits accordingly.

use std::collections::BTreeSet;

use cel::Program;
use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue};

use super::expression::{ExpressionError, Vocabulary};

/// Loops (`all`, `exists`, `exists_one`, `map`, `filter`) of one expression.
const LOOPS_MAX: usize = 3;
/// Loops inside loops.
const NESTING_MAX: usize = 2;
/// Additions, those inside `map` and `filter` included.
const ADDITIONS_MAX: usize = 24;
/// Functions whose result can be the product of their arguments' sizes.
const REFUSED: [&str; 2] = ["replace", "format"];
/// CEL's own names of types.
const TYPES: [&str; 10] = [
    "bool",
    "bytes",
    "double",
    "int",
    "list",
    "map",
    "null_type",
    "string",
    "type",
    "uint",
];

/// What an expression reads.
#[derive(Debug, Default)]
pub(super) struct Uses {
    /// Attributes of `source`, as written.
    pub(super) source: BTreeSet<String>,
    /// Those of them that `has()` asks for.
    pub(super) tested: BTreeSet<String>,
    /// Whether `user` is named.
    pub(super) user: bool,
    /// Whether `groups` is named.
    pub(super) groups: bool,
}

/// Checks names and work.
///
/// # Errors
/// [`ExpressionError`] with the place of the first fault.
pub(super) fn check(program: &Program, text: &str, vocabulary: Vocabulary) -> Result<Uses, ExpressionError> {
    let mut walk = Walk {
        program,
        text,
        vocabulary,
        scope: Vec::new(),
        uses: Uses::default(),
        loops: 0,
        additions: 0,
    };
    walk.expression(program.expression(), 0)?;
    Ok(walk.uses)
}

struct Walk<'a> {
    program: &'a Program,
    text: &'a str,
    vocabulary: Vocabulary,
    scope: Vec<String>,
    uses: Uses,
    loops: usize,
    additions: usize,
}

impl Walk<'_> {
    fn expression(&mut self, node: &IdedExpr, depth: usize) -> Result<(), ExpressionError> {
        match &node.expr {
            Expr::Unspecified | Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(node.id, name),
            Expr::Select(select) => match &select.operand.expr {
                Expr::Ident(name) if name == "source" && !self.scope.contains(name) => {
                    self.source(&select.field, select.test);
                    Ok(())
                }
                _ => self.expression(&select.operand, depth),
            },
            Expr::Call(call) => self.call(call, depth),
            Expr::List(list) => self.all(&list.elements, depth),
            Expr::Map(map) => self.entries(map.entries.iter().map(|entry| &entry.expr), depth),
            Expr::Struct(made) => self.entries(made.entries.iter().map(|entry| &entry.expr), depth),
            Expr::Comprehension(looped) => {
                self.loops += 1;
                if self.loops > LOOPS_MAX {
                    return too_much("more than 3 loops");
                }
                if depth >= NESTING_MAX {
                    return too_much("more than 2 loops inside each other");
                }
                self.expression(&looped.iter_range, depth)?;
                self.expression(&looped.accu_init, depth)?;
                let outside = self.scope.len();
                self.scope.push(looped.accu_var.clone());
                self.scope.push(looped.iter_var.clone());
                self.scope.extend(looped.iter_var2.clone());
                self.expression(&looped.loop_cond, depth + 1)?;
                self.expression(&looped.loop_step, depth + 1)?;
                self.expression(&looped.result, depth)?;
                self.scope.truncate(outside);
                Ok(())
            }
        }
    }

    fn call(&mut self, call: &cel::common::ast::CallExpr, depth: usize) -> Result<(), ExpressionError> {
        if call.func_name == "_+_" {
            self.additions += 1;
            if self.additions > ADDITIONS_MAX {
                return too_much("more than 24 additions, loops included");
            }
        }
        if REFUSED.contains(&call.func_name.as_str()) {
            return too_much("replace and format can make a text grow without measure");
        }
        if call.func_name == "_[_]"
            && let [operand, index] = call.args.as_slice()
            && let (Expr::Ident(name), Expr::Literal(LiteralValue::String(field))) = (&operand.expr, &index.expr)
            && name == "source"
            && !self.scope.contains(name)
        {
            self.source(field.inner(), false);
            return Ok(());
        }
        if let Some(target) = &call.target {
            self.expression(target, depth)?;
        }
        self.all(&call.args, depth)
    }

    fn all(&mut self, nodes: &[IdedExpr], depth: usize) -> Result<(), ExpressionError> {
        nodes.iter().try_for_each(|node| self.expression(node, depth))
    }

    fn entries<'e>(
        &mut self,
        entries: impl Iterator<Item = &'e EntryExpr>,
        depth: usize,
    ) -> Result<(), ExpressionError> {
        for entry in entries {
            match entry {
                EntryExpr::StructField(field) => self.expression(&field.value, depth)?,
                EntryExpr::MapEntry(entry) => {
                    self.expression(&entry.key, depth)?;
                    self.expression(&entry.value, depth)?;
                }
            }
        }
        Ok(())
    }

    fn source(&mut self, attribute: &str, is_test: bool) {
        self.uses.source.insert(attribute.to_owned());
        if is_test {
            self.uses.tested.insert(attribute.to_owned());
        }
    }

    fn name(&mut self, id: u64, name: &str) -> Result<(), ExpressionError> {
        if self.scope.iter().any(|known| known == name) || TYPES.contains(&name) {
            return Ok(());
        }
        let (line, column) = self.place(id);
        if !self.vocabulary.names().contains(&name) {
            return Err(ExpressionError::UnknownName {
                name: name.to_owned(),
                line,
                column,
                known: self.vocabulary.names().join(", "),
            });
        }
        match name {
            "source" => return Err(ExpressionError::BareSource { line, column }),
            "user" => self.uses.user = true,
            _ => self.uses.groups = true,
        }
        Ok(())
    }

    fn place(&self, id: u64) -> (i64, i64) {
        let start = self
            .program
            .source_info()
            .offset_for(id)
            .map_or(0, |(start, _)| start as usize);
        let before: String = self.text.chars().take(start).collect();
        let column = before.chars().rev().take_while(|character| *character != '\n').count() + 1;
        ((before.matches('\n').count() + 1) as i64, column as i64)
    }
}

fn too_much<T>(what: &'static str) -> Result<T, ExpressionError> {
    Err(ExpressionError::TooMuchWork { what })
}
