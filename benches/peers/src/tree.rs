//! The tree of a formula, for peers that read no text.

/// An expression.
#[derive(Clone, Debug)]
pub enum Tree {
    /// A number.
    Number(f64),
    /// An input, by its position.
    Input(usize),
    /// `+`, `-` or `*`.
    Binary(u8, Box<Tree>, Box<Tree>),
}

/// Reads a formula.
pub fn parse(text: &str, names: &[&str]) -> Tree {
    let mut reader = Reader { bytes: text.as_bytes(), at: 0, names };
    reader.sum()
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    names: &'a [&'a str],
}

impl Reader<'_> {
    fn peek(&mut self) -> u8 {
        while self.bytes.get(self.at) == Some(&b' ') {
            self.at += 1;
        }
        self.bytes.get(self.at).copied().unwrap_or(0)
    }

    fn chain(&mut self, ops: &[u8], operand: fn(&mut Self) -> Tree) -> Tree {
        let mut tree = operand(self);
        while ops.contains(&self.peek()) {
            let op = self.bytes[self.at];
            self.at += 1;
            tree = Tree::Binary(op, Box::new(tree), Box::new(operand(self)));
        }
        tree
    }

    fn sum(&mut self) -> Tree {
        self.chain(b"+-", |reader| reader.chain(b"*", Reader::primary))
    }

    fn primary(&mut self) -> Tree {
        if self.peek() == b'(' {
            self.at += 1;
            let tree = self.sum();
            assert_eq!(self.peek(), b')');
            self.at += 1;
            return tree;
        }
        let start = self.at;
        while self.bytes.get(self.at).is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'.') {
            self.at += 1;
        }
        let word = std::str::from_utf8(&self.bytes[start..self.at]).expect("ASCII");
        match self.names.iter().position(|name| *name == word) {
            Some(input) => Tree::Input(input),
            None => Tree::Number(word.parse().expect(word)),
        }
    }
}
