//! Formulas as the command line writes them: `name = program`, or the program alone.

use super::names::is_identifier;

/// A formula, and the name of its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formula {
    /// What stands before the `=`.
    pub name: Option<String>,
    /// The argument as it was written; errors show it.
    pub shown: String,
    /// The program: the argument with blanks for what is not of it, so that its places are the argument's.
    pub program: String,
}

impl Formula {
    /// Takes an argument apart.
    pub fn parse(argument: &str) -> Formula {
        let whole = || Formula { name: None, shown: argument.to_owned(), program: argument.to_owned() };
        let Some((name, rest)) = argument.split_once('=') else { return whole() };
        let name = name.trim();
        if !is_identifier(name) || rest.starts_with('=') {
            return whole();
        }
        let program = blanks(&argument[..argument.len() - rest.len()]) + rest;
        Formula { name: Some(name.to_owned()), shown: argument.to_owned(), program }
    }
}

/// As many bytes of nothing; lines stay lines.
pub fn blanks(text: &str) -> String {
    text.bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect()
}

/// The words of a text that may be names, each once; comments are not told from the rest.
pub fn words(text: &str) -> Vec<&str> {
    let mut words: Vec<&str> =
        text.split(|c: char| c != '_' && !c.is_ascii_alphanumeric()).filter(|word| is_identifier(word)).collect();
    words.sort_unstable();
    words.dedup();
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_stands_before_the_sign() {
        let named = Formula::parse(" z = x == 1");
        assert_eq!((named.name.as_deref(), named.program.as_str()), (Some("z"), "     x == 1"));
        assert_eq!(Formula::parse("z=1").program, "  1");
        for whole in ["x == 1", "x <= 1", "x != 1", "let a = 1; a", "x", "2 = 3", "fn f(x) = x; f(1)", "if = 1", ""] {
            assert_eq!(Formula::parse(whole).name, None, "{whole}");
            assert_eq!(Formula::parse(whole).program, whole);
        }
    }

    #[test]
    fn words_are_found() {
        assert_eq!(words("b/a + 1e5*a - 0xff_a(c2)"), ["a", "b", "c2"]);
    }
}
