//! Functions, constants, and the names and types in declarations.

use super::*;
use crate::types::{Elem, Type};

impl Parser<'_> {
    /// Items stand at the top level. One inside a block is told, then read as if it stood there: its name is used further on.
    fn check_top_level(&mut self, what: &str) {
        let token = self.peek();
        if let Some(Frame::Block { owner, start, told_item, .. }) = self.open.frames.last_mut()
            && *owner != Owner::Program
            && !std::mem::replace(told_item, true)
        {
            let block = Span::new(*start, *start + 1);
            let error = Diagnostic::new("E0022", token.span(), format!("{what} cannot stand inside a block"));
            self.error(
                error
                    .with_help("move it to the top level, or close the block before it")
                    .with_label(block, "the block"),
            );
        }
    }

    /// At `fn`.
    pub(super) fn item_fn(&mut self) -> State {
        self.check_top_level("a function");
        let start = self.advance().start;
        let Some(name) = self.expect_name("the function's name") else { return State::Recover };
        if !self.eat(Kind::LParen) {
            return self.expected("`(`");
        }
        let params = self.params();
        let token = self.peek();
        let mut result = None;
        if self.eat(Kind::Arrow) {
            result = self.expect_type();
        } else if token.kind == Kind::Colon {
            let error = Diagnostic::new("E0013", token.span(), "expected `->`, found `:`");
            self.error(error.with_help("the result's type follows `->`: `fn f(x) -> f64`"));
            self.advance();
            result = self.expect_type();
        }
        let head = Span::new(start, self.last_end());
        let frame = Frame::Fn { start, name, params, result, head };
        match self.peek().kind {
            Kind::Assign => {
                self.advance();
                self.push(frame);
                State::Operand
            }
            Kind::LBrace => {
                self.push(frame);
                self.open_block(Owner::Below);
                State::Statement
            }
            Kind::FatArrow => {
                let token = self.peek();
                let error = Diagnostic::new("E0018", token.span(), "there is no operator `=>`");
                self.error(error.with_help("write `fn f(x) = …;`"));
                self.advance();
                self.push(frame);
                State::Operand
            }
            _ => {
                let token = self.peek();
                if token.kind != Kind::Bad {
                    let message = format!("expected `=` or `{{`, found {}", self.found(token));
                    let error = Diagnostic::new("E0013", self.place(token), message);
                    self.error(error.with_help("write `fn f(x) = …;` or `fn f(x) { … }`"));
                }
                self.push(frame);
                State::Recover
            }
        }
    }

    /// From behind the `(` to behind the `)`. What is wrong is told and left out, so that the function itself stays known.
    fn params(&mut self) -> List {
        let first = self.ast.params.len() as u32;
        loop {
            if self.eat(Kind::RParen) {
                break;
            }
            if let Some(param) = self.param() {
                self.ast.params.push(param);
            }
            let token = self.peek();
            if !matches!(token.kind, Kind::Comma | Kind::RParen) {
                self.expected("`,` or `)`");
                self.skip_param();
            }
            // Where even the `)` is missing, the head goes on as if it stood there.
            if !self.eat(Kind::Comma) {
                self.eat(Kind::RParen);
                break;
            }
        }
        List { start: first, len: self.ast.params.len() as u32 - first }
    }

    fn param(&mut self) -> Option<Param> {
        let mutable = self.eat(Kind::Mut);
        let mut name = self.expect_name("a parameter's name")?;
        let mut ty = None;
        let token = self.peek();
        if self.eat(Kind::Colon) {
            ty = self.expect_type();
        } else if matches!(token.kind, Kind::Ident | Kind::LBracket) {
            let message = format!("expected `,` or `)`, found {}", self.found(token));
            let error = Diagnostic::new("E0013", token.span(), message);
            self.error(error.with_help("a parameter's type follows a `:`: `x: f64`"));
            if token.kind == Kind::Ident {
                self.advance();
                // `f64 x` or `x f64`.
                if !Elem::ALL.iter().any(|elem| elem.name() == self.text(token.span())) {
                    name = Ident { symbol: Symbol(token.payload), span: token.span() };
                }
            }
        }
        Some(Param { mutable, name, ty })
    }

    /// To the `,` or the `)` that ends a parameter, or to before the body.
    fn skip_param(&mut self) {
        use Kind::*;
        loop {
            match self.peek().kind {
                Comma | RParen | LBrace | RBrace | Assign | Arrow | Semicolon | Eof => return,
                kind if kind.starts_statement() => return,
                _ => {
                    self.advance();
                }
            }
        }
    }

    pub(super) fn add_fn(&mut self, decl: FnDecl) {
        if self.ast.fns.len() as u32 >= self.limits.functions {
            let message = format!("more than {} functions", self.limits.functions);
            self.errors.push(Diagnostic::new("E0011", decl.head, message));
            self.gave_up = true;
            return;
        }
        self.ast.fns.push(decl);
    }

    /// At `const`.
    pub(super) fn item_const(&mut self) -> State {
        self.check_top_level("a constant");
        let start = self.advance().start;
        let Some(name) = self.expect_name("the constant's name") else { return State::Recover };
        let ty = if self.eat(Kind::Colon) { self.expect_type() } else { None };
        self.expect_value(Frame::Const { start, name, ty }, "const")
    }

    /// A name that is declared here. A keyword in its place is told and taken for one.
    pub(super) fn expect_name(&mut self, what: &str) -> Option<Ident> {
        let token = self.peek();
        match token.kind {
            Kind::Ident => {
                self.advance();
                Some(Ident { symbol: Symbol(token.payload), span: token.span() })
            }
            kind if kind.is_keyword() => {
                let message = format!("{} is a keyword and cannot be a name", self.found(token));
                self.error(Diagnostic::new("E0017", token.span(), message).with_help("choose another name"));
                self.advance();
                // Nobody can refer to it, so that it needs no place in the table of names.
                let symbol = Symbol(self.ast.symbols.len() as u32);
                self.ast.symbols.push(self.text(token.span()));
                Some(Ident { symbol, span: token.span() })
            }
            _ => {
                self.expected(what);
                None
            }
        }
    }

    /// A type; nothing where it could not be read, which is told.
    pub(super) fn expect_type(&mut self) -> Option<TypeName> {
        let token = self.peek();
        match token.kind {
            Kind::Ident => {
                self.advance();
                let ty = match self.text(token.span()) {
                    "f64" => Type::F64,
                    "i64" => Type::I64,
                    "bool" => Type::Bool,
                    other => {
                        self.unknown_type(token, other, false);
                        return None;
                    }
                };
                Some(TypeName { ty, span: token.span() })
            }
            Kind::LParen if self.peek_ahead(1).kind == Kind::RParen => {
                self.advance();
                let end = self.advance().end;
                Some(TypeName { ty: Type::Unit, span: Span::new(token.start, end) })
            }
            Kind::LBracket => self.array_type(),
            _ => {
                self.expected("a type");
                None
            }
        }
    }

    fn array_type(&mut self) -> Option<TypeName> {
        let open = self.advance();
        let token = self.peek();
        if token.kind == Kind::LBracket {
            let error = Diagnostic::new("E0023", token.span(), "arrays do not hold arrays");
            self.error(error.with_help("use one array and compute the index: `xs[row * width + column]`"));
            while matches!(self.peek().kind, Kind::LBracket | Kind::RBracket | Kind::Ident) {
                self.advance();
            }
            return None;
        }
        if token.kind != Kind::Ident {
            self.expected("an element's type");
            return None;
        }
        self.advance();
        let name = self.text(token.span());
        let elem = Elem::ALL.into_iter().find(|elem| elem.name() == name);
        if elem.is_none() {
            self.unknown_type(token, name, true);
        }
        if !self.eat(Kind::RBracket) {
            let next = self.peek();
            let message = format!("expected `]`, found {}", self.found(next));
            let error = Diagnostic::new("E0013", next.span(), message).with_label(open.span(), "opened here");
            self.error(if next.kind == Kind::Semicolon {
                error.with_help("the length is not part of an array's type")
            } else {
                error
            });
            return None;
        }
        Some(TypeName { ty: Type::Array(elem?), span: Span::new(open.start, self.last_end()) })
    }

    /// Told about the token just read.
    fn unknown_type(&mut self, token: Token, name: &str, element: bool) {
        let narrow = !element && Elem::ALL.into_iter().any(|elem| elem.name() == name);
        let message = if narrow {
            format!("`{name}` is only the type of an array's elements")
        } else {
            format!("there is no type `{}`", cut(name))
        };
        let lower = name.to_ascii_lowercase();
        let help = match lower.as_str() {
            "f32" => "write `f64`",
            "i32" | "u8" if !element => "write `i64`",
            "int" | "integer" | "long" | "u64" | "usize" | "isize" | "u32" | "i16" | "u16" | "i8" | "i128" => {
                "write `i64`"
            }
            "float" | "double" | "real" | "number" | "num" | "f16" => "write `f64`",
            "boolean" | "logical" => "write `bool`",
            "void" | "unit" | "none" => "leave it out, or write `()`",
            "byte" | "char" if element => "write `u8`",
            _ if element => "elements are `f64`, `f32`, `i64`, `i32`, `u8` or `bool`",
            _ => "types are `f64`, `i64`, `bool` and arrays such as `[f64]`",
        };
        self.errors.push(Diagnostic::new("E0023", token.span(), message).with_help(help));
        self.gave_up |= self.errors.is_full();
    }
}
