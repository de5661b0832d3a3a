//! The formulas as trees, for peers that read no text of theirs: the part of the language that the workloads use.

/// An operation of one operand.
#[derive(Clone, Copy, PartialEq)]
pub enum Unary {
    Neg,
    Abs,
    Sqrt,
    Exp,
    Ln,
    Sin,
}

/// An operation of two operands.
#[derive(Clone, Copy, PartialEq)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Less,
    Greater,
    Equal,
    And,
    Or,
}

/// An expression.
#[derive(Clone)]
pub enum Tree {
    Number(f64),
    /// An input, by its position.
    Input(usize),
    /// A named value, by its position in [`Program::lets`].
    Let(usize),
    Unary(Unary, Box<Tree>),
    Binary(Binary, Box<Tree>, Box<Tree>),
    /// Condition, value where it holds, value where not.
    Choose(Box<[Tree; 3]>),
}

/// A formula: named values in order, and the value.
pub struct Program {
    pub lets: Vec<Tree>,
    pub value: Tree,
}

/// What makes code from a tree.
pub trait Build {
    type Value: Clone;
    fn number(&mut self, x: f64) -> Self::Value;
    fn unary(&mut self, op: Unary, operand: Self::Value) -> Self::Value;
    fn binary(&mut self, op: Binary, left: Self::Value, right: Self::Value) -> Self::Value;
    fn choose(&mut self, condition: Self::Value, yes: Self::Value, no: Self::Value) -> Self::Value;
    /// A value that is used several times.
    fn shared(&mut self, value: Self::Value) -> Self::Value {
        value
    }
}

impl Program {
    /// Reads a formula of these inputs.
    pub fn parse(text: &str, names: &[&str]) -> Program {
        let inputs = names.iter().enumerate().map(|(i, name)| ((*name).to_owned(), Tree::Input(i))).collect();
        let mut reader = Reader { tokens: tokens(text), at: 0, scope: inputs, functions: Vec::new(), lets: Vec::new() };
        while reader.eat("fn") {
            let (name, _, parameter, _) = (reader.next(), reader.next(), reader.next(), reader.next());
            reader.functions.push((name, parameter, reader.at));
            let mut depth = 0;
            loop {
                match &*reader.next() {
                    "{" => depth += 1,
                    "}" if depth == 1 => break,
                    "}" => depth -= 1,
                    _ => {}
                }
            }
        }
        let value = reader.block();
        assert_eq!(reader.at, reader.tokens.len(), "all of {text} is read");
        Program { lets: reader.lets, value }
    }

    /// Makes code.
    pub fn build<B: Build>(&self, inputs: &[B::Value], builder: &mut B) -> B::Value {
        let mut lets = Vec::with_capacity(self.lets.len());
        for tree in &self.lets {
            let value = build(tree, inputs, &lets, builder);
            let value = builder.shared(value);
            lets.push(value);
        }
        build(&self.value, inputs, &lets, builder)
    }
}

fn build<B: Build>(tree: &Tree, inputs: &[B::Value], lets: &[B::Value], builder: &mut B) -> B::Value {
    match tree {
        Tree::Number(x) => builder.number(*x),
        Tree::Input(i) => inputs[*i].clone(),
        Tree::Let(i) => lets[*i].clone(),
        Tree::Unary(op, operand) => {
            let operand = build(operand, inputs, lets, builder);
            builder.unary(*op, operand)
        }
        Tree::Binary(op, left, right) => {
            let left = build(left, inputs, lets, builder);
            let right = build(right, inputs, lets, builder);
            builder.binary(*op, left, right)
        }
        Tree::Choose(parts) => {
            let [condition, yes, no] = &**parts;
            let condition = build(condition, inputs, lets, builder);
            let yes = build(yes, inputs, lets, builder);
            let no = build(no, inputs, lets, builder);
            builder.choose(condition, yes, no)
        }
    }
}

fn tokens(text: &str) -> Vec<String> {
    let bytes = text.as_bytes();
    let (mut all, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let start = at;
        let word = |at: usize| bytes.get(at).is_some_and(|b| b.is_ascii_alphanumeric() || b"._".contains(b));
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        } else if word(at) {
            while word(at) {
                at += 1;
            }
        } else {
            at += if text[at..].starts_with("==") { 2 } else { 1 };
        }
        all.push(text[start..at].to_owned());
    }
    all
}

struct Reader {
    tokens: Vec<String>,
    at: usize,
    /// What names mean, the last one first.
    scope: Vec<(String, Tree)>,
    /// Name, parameter and where the body starts: a call reads it anew.
    functions: Vec<(String, String, usize)>,
    lets: Vec<Tree>,
}

impl Reader {
    fn next(&mut self) -> String {
        self.at += 1;
        self.tokens[self.at - 1].clone()
    }

    fn eat(&mut self, token: &str) -> bool {
        let found = self.tokens.get(self.at).is_some_and(|next| next == token);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, token: &str) {
        assert!(self.eat(token), "{token} before {:?}", &self.tokens[self.at..]);
    }

    /// A value that may be used several times.
    fn bind(&mut self, tree: Tree) -> Tree {
        if matches!(tree, Tree::Number(_) | Tree::Input(_) | Tree::Let(_)) {
            return tree;
        }
        self.lets.push(tree);
        Tree::Let(self.lets.len() - 1)
    }

    fn block(&mut self) -> Tree {
        let depth = self.scope.len();
        while self.eat("let") {
            let name = self.next();
            self.expect("=");
            let value = self.disjunction();
            self.expect(";");
            let value = self.bind(value);
            self.scope.push((name, value));
        }
        let value = self.disjunction();
        self.scope.truncate(depth);
        value
    }

    fn chain(&mut self, ops: &[(&str, Binary)], operand: fn(&mut Self) -> Tree) -> Tree {
        let mut tree = operand(self);
        while let Some((_, op)) = ops.iter().find(|(token, _)| self.eat(token)) {
            tree = Tree::Binary(*op, Box::new(tree), Box::new(operand(self)));
        }
        tree
    }

    fn disjunction(&mut self) -> Tree {
        self.chain(&[("or", Binary::Or)], |reader| reader.chain(&[("and", Binary::And)], Reader::comparison))
    }

    fn comparison(&mut self) -> Tree {
        let ops = [("<", Binary::Less), (">", Binary::Greater), ("==", Binary::Equal)];
        self.chain(&ops, |reader| reader.chain(&[("+", Binary::Add), ("-", Binary::Sub)], Reader::product))
    }

    fn product(&mut self) -> Tree {
        self.chain(&[("*", Binary::Mul), ("/", Binary::Div)], Reader::operand)
    }

    fn operand(&mut self) -> Tree {
        if self.eat("-") {
            return Tree::Unary(Unary::Neg, Box::new(self.operand()));
        }
        if self.eat("(") {
            let tree = self.disjunction();
            self.expect(")");
            return tree;
        }
        if self.eat("if") {
            let condition = self.disjunction();
            self.expect("{");
            let yes = self.block();
            self.expect("}");
            self.expect("else");
            self.expect("{");
            let no = self.block();
            self.expect("}");
            return Tree::Choose(Box::new([condition, yes, no]));
        }
        let word = self.next();
        if self.eat("(") {
            let argument = self.disjunction();
            self.expect(")");
            return self.call(&word, argument);
        }
        match self.scope.iter().rev().find(|(name, _)| *name == word) {
            Some((_, tree)) => tree.clone(),
            None => Tree::Number(word.parse().expect(&word)),
        }
    }

    fn call(&mut self, name: &str, argument: Tree) -> Tree {
        let op = match name {
            "abs" => Unary::Abs,
            "sqrt" => Unary::Sqrt,
            "exp" => Unary::Exp,
            "ln" => Unary::Ln,
            "sin" => Unary::Sin,
            _ => {
                let (_, parameter, body) = self.functions.iter().find(|f| f.0 == name).expect(name).clone();
                let argument = self.bind(argument);
                let depth = self.scope.len();
                self.scope.push((parameter, argument));
                let back = std::mem::replace(&mut self.at, body);
                self.expect("{");
                let value = self.block();
                self.expect("}");
                self.at = back;
                self.scope.truncate(depth);
                return value;
            }
        };
        Tree::Unary(op, Box::new(argument))
    }
}
