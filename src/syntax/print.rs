//! The tree as text, for tests and for people who want to see how their program was read.

use super::ast::*;
use std::fmt::Write;

/// What is still to be printed: an own stack, so that no tree is too deep.
enum Job {
    Text(&'static str),
    Expr(ExprId),
    Block(BlockId),
    Stmt(StmtId),
    Name(Symbol),
}

/// A program as s-expressions, one function, constant or statement a line.
pub fn print(ast: &Ast) -> String {
    let mut printer = Printer { ast, out: String::new(), jobs: Vec::new() };
    for decl in &ast.consts {
        printer.out.push_str("(const ");
        printer.declared(decl.name, decl.ty);
        printer.out.push(' ');
        printer.jobs.push(Job::Expr(decl.value));
        printer.run();
        printer.out.push_str(")\n");
    }
    for decl in &ast.fns {
        printer.out.push_str("(fn ");
        printer.name(decl.name.symbol);
        printer.out.push_str(" (");
        for (i, param) in ast.params.get(decl.params.range()).unwrap_or_default().iter().enumerate() {
            printer.out.push_str(if i > 0 { " " } else { "" });
            printer.out.push_str(if param.mutable { "mut " } else { "" });
            printer.declared(param.name, param.ty);
        }
        printer.out.push(')');
        if let Some(result) = decl.result {
            let _ = write!(printer.out, " -> {}", result.ty);
        }
        printer.out.push(' ');
        printer.jobs.push(Job::Block(decl.body));
        printer.run();
        printer.out.push_str(")\n");
    }
    let body = ast.body.and_then(|body| ast.blocks.get(body.0 as usize));
    if let Some(body) = body {
        for &stmt in ast.stmt_lists.get(body.stmts.range()).unwrap_or_default() {
            printer.jobs.push(Job::Stmt(stmt));
            printer.run();
            printer.out.push('\n');
        }
        if let Some(value) = body.value {
            printer.jobs.push(Job::Expr(value));
            printer.run();
            printer.out.push('\n');
        }
    }
    printer.out
}

struct Printer<'a> {
    ast: &'a Ast,
    out: String,
    jobs: Vec<Job>,
}

impl Printer<'_> {
    fn run(&mut self) {
        while let Some(job) = self.jobs.pop() {
            match job {
                Job::Text(text) => self.out.push_str(text),
                Job::Name(symbol) => self.name(symbol),
                Job::Expr(id) => self.expr(id),
                Job::Block(id) => self.block(id),
                Job::Stmt(id) => self.stmt(id),
            }
        }
    }

    fn name(&mut self, symbol: Symbol) {
        self.out.push_str(self.ast.symbols.get(symbol.0 as usize).unwrap_or("?"));
    }

    fn declared(&mut self, name: Ident, ty: Option<TypeName>) {
        self.name(name.symbol);
        if let Some(ty) = ty {
            let _ = write!(self.out, ": {}", ty.ty);
        }
    }

    /// Later things first: the last pushed is printed next.
    fn push_all(&mut self, jobs: impl DoubleEndedIterator<Item = Job>) {
        for job in jobs.rev() {
            self.jobs.push(job);
        }
    }

    /// `(head a b c)`.
    fn form(&mut self, head: &str, parts: impl DoubleEndedIterator<Item = Job>) {
        self.out.push('(');
        self.out.push_str(head);
        self.jobs.push(Job::Text(")"));
        for part in parts.rev() {
            self.jobs.push(part);
            self.jobs.push(Job::Text(" "));
        }
    }

    fn exprs(&self, list: List) -> impl DoubleEndedIterator<Item = Job> + use<> {
        let ids: Vec<Job> = self.list(list).iter().map(|&id| Job::Expr(id)).collect();
        ids.into_iter()
    }

    fn list(&self, list: List) -> &[ExprId] {
        self.ast.expr_lists.get(list.range()).unwrap_or_default()
    }

    fn expr(&mut self, id: ExprId) {
        use Job::{Expr, Text};
        let ast = self.ast;
        let Some(expr) = ast.exprs.get(id.0 as usize) else { return };
        match expr.kind {
            ExprKind::Int(value) => {
                let _ = write!(self.out, "{value}");
            }
            ExprKind::Float(value) => {
                let _ = write!(self.out, "{value:?}");
            }
            ExprKind::Bool(value) => {
                let _ = write!(self.out, "{value}");
            }
            ExprKind::Name(symbol) => self.name(symbol),
            ExprKind::Error => self.out.push_str("<error>"),
            ExprKind::Unary(op, operand) => {
                let head = if op == UnaryOp::Neg { "neg" } else { "not" };
                self.form(head, [Expr(operand)].into_iter());
            }
            ExprKind::Power(base, exponent) => self.form("^", [Expr(base), Expr(exponent)].into_iter()),
            ExprKind::Chain(first, list) => {
                let links = ast.chain_links.get(list.range()).unwrap_or_default();
                let links = links.iter().flat_map(|link| [Text(link.op.name()), Text(" "), Expr(link.operand)]);
                let mut parts = vec![Expr(first)];
                spaced(&mut parts, links.collect());
                self.close_after(parts);
            }
            ExprKind::Compare(first, list) => {
                let links = ast.compare_links.get(list.range()).unwrap_or_default();
                let links = links.iter().flat_map(|link| [Text(link.op.name()), Text(" "), Expr(link.operand)]);
                let mut parts = vec![Expr(first)];
                spaced(&mut parts, links.collect());
                self.close_after(parts);
            }
            ExprKind::Logic(op, list) => {
                let operands = self.exprs(list);
                self.form(if op == LogicOp::And { "and" } else { "or" }, operands);
            }
            ExprKind::Call(name, list) => {
                let args = self.exprs(list);
                self.form("call", std::iter::once(Job::Name(name.symbol)).chain(args));
            }
            ExprKind::Postfix(base, list) => {
                let postfixes = ast.postfixes.get(list.range()).unwrap_or_default();
                let parts: Vec<Job> = postfixes
                    .iter()
                    .flat_map(|postfix| match postfix.kind {
                        PostfixKind::Index(index) => vec![Text("["), Expr(index), Text("]")],
                        PostfixKind::Slice(lo, hi) => [Some(Text("[")), lo.map(Expr), Some(Text("..")), hi.map(Expr)]
                            .into_iter()
                            .flatten()
                            .chain([Text("]")])
                            .collect(),
                    })
                    .collect();
                self.push_all(std::iter::once(Expr(base)).chain(parts));
            }
            ExprKind::Array(list) => {
                let elems = self.exprs(list);
                self.form("array", elems);
            }
            ExprKind::Fill(value, count) => self.form("fill", [Expr(value), Expr(count)].into_iter()),
            ExprKind::If(list, otherwise) => {
                let arms = ast.arms.get(list.range()).unwrap_or_default();
                let parts: Vec<Job> = arms
                    .iter()
                    .flat_map(|arm| [Expr(arm.cond), Job::Block(arm.body)])
                    .chain(otherwise.map(Job::Block))
                    .collect();
                self.form("if", parts.into_iter());
            }
            ExprKind::Block(block) => self.block(block),
        }
    }

    /// `(` is printed at once, `)` behind the parts.
    fn close_after(&mut self, parts: Vec<Job>) {
        self.out.push('(');
        self.jobs.push(Job::Text(")"));
        self.push_all(parts.into_iter());
    }

    fn block(&mut self, id: BlockId) {
        let ast = self.ast;
        let Some(block) = ast.blocks.get(id.0 as usize) else { return };
        let mut parts = vec![Job::Text("{")];
        for &stmt in ast.stmt_lists.get(block.stmts.range()).unwrap_or_default() {
            parts.extend([Job::Stmt(stmt), Job::Text(" ")]);
        }
        match block.value {
            Some(value) => parts.push(Job::Expr(value)),
            None if parts.len() > 1 => {
                parts.pop();
            }
            None => {}
        }
        parts.push(Job::Text("}"));
        self.push_all(parts.into_iter());
    }

    fn stmt(&mut self, id: StmtId) {
        use Job::{Block, Expr};
        let Some(stmt) = self.ast.stmts.get(id.0 as usize) else { return };
        match stmt.kind {
            StmtKind::Let { mutable, name, ty, value } => {
                self.out.push_str(if mutable { "(var " } else { "(let " });
                self.declared(name, ty);
                self.push_all([Job::Text(" "), Expr(value), Job::Text(")")].into_iter());
            }
            StmtKind::Assign { target, op, value } => {
                let head = op.map_or("=".to_owned(), |op| format!("{}=", op.name()));
                self.form(&head, [Expr(target), Expr(value)].into_iter());
            }
            StmtKind::Expr { expr, semicolon } => {
                let end = if semicolon { ";" } else { "" };
                self.push_all([Expr(expr), Job::Text(end)].into_iter());
            }
            StmtKind::While { cond, body, .. } => self.form("while", [Expr(cond), Block(body)].into_iter()),
            StmtKind::For { name, iter, body, .. } => match iter {
                ForIter::Each(array) => {
                    self.form("for", [Job::Name(name.symbol), Expr(array), Block(body)].into_iter());
                }
                ForIter::Range { lo, hi, inclusive } => {
                    let dots = Job::Text(if inclusive { "..=" } else { ".." });
                    self.form("for", [Job::Name(name.symbol), Expr(lo), dots, Expr(hi), Block(body)].into_iter());
                }
            },
            StmtKind::Break => self.out.push_str("(break)"),
            StmtKind::Continue => self.out.push_str("(continue)"),
            StmtKind::Return(value) => self.form("return", value.map(Expr).into_iter()),
        }
    }
}

/// Triples of operator, space and operand behind what is there, with a space before each.
fn spaced(parts: &mut Vec<Job>, links: Vec<Job>) {
    for (i, job) in links.into_iter().enumerate() {
        if i % 3 == 0 {
            parts.push(Job::Text(" "));
        }
        parts.push(job);
    }
}
