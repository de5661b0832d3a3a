//! Which column a name in a formula means.

/// The words that the language keeps for itself.
const KEYWORDS: [&str; 16] = [
    "fn", "let", "var", "const", "if", "else", "while", "for", "in", "break", "continue", "return", "true", "false",
    "and", "or",
];
const MORE_KEYWORDS: [&str; 2] = ["not", "mut"];

/// Whether a formula can have this as a name.
pub fn is_identifier(name: &str) -> bool {
    let plain = |(i, c): (usize, char)| c == '_' || c.is_ascii_alphabetic() || (i > 0 && c.is_ascii_digit());
    !name.is_empty()
        && name.chars().enumerate().all(plain)
        && !KEYWORDS.contains(&name)
        && !MORE_KEYWORDS.contains(&name)
}

/// The columns of a table by the names that formulas have for them.
#[derive(Debug)]
pub struct Names {
    /// Each column's own name.
    headers: Vec<String>,
    /// Names given on the command line.
    given: Vec<(String, usize)>,
}

impl Names {
    /// From the columns' own names and `NAME=COLUMN` words.
    pub fn new(headers: Vec<String>, words: &[String]) -> Result<Names, String> {
        let mut names = Names { headers, given: Vec::new() };
        for word in words {
            let Some((name, column)) = word.split_once('=') else {
                return Err(format!("`{}`: write --name NAME=COLUMN", cresset::diagnostic::cut(word)));
            };
            if !is_identifier(name) {
                let name = cresset::diagnostic::cut(name);
                return Err(format!("`{name}` cannot be a name in a formula: it takes letters, digits and `_`"));
            }
            let index = names.column(column)?;
            names.given.push((name.to_owned(), index));
        }
        Ok(names)
    }

    /// The columns' own names.
    pub fn headers(&self) -> &[String] {
        &self.headers
    }

    /// A column that the command line names: by its own name, a given one, its simplified one, or `#3`.
    pub fn column(&self, name: &str) -> Result<usize, String> {
        if let Some(index) = self.find(name)? {
            return Ok(index);
        }
        if let Some(index) = name.strip_prefix('#').and_then(|number| number.parse::<usize>().ok()) {
            return match index.checked_sub(1).filter(|index| *index < self.headers.len()) {
                Some(index) => Ok(index),
                None => Err(format!("there is no column {name}: the input has {}", self.headers.len())),
            };
        }
        Err(format!("there is no column `{}`; {}", cresset::diagnostic::cut(name), self.listed()))
    }

    /// The column that a formula's name means, if it means one.
    pub fn find(&self, name: &str) -> Result<Option<usize>, String> {
        if let Some((_, index)) = self.given.iter().rev().find(|(given, _)| given == name) {
            return Ok(Some(*index));
        }
        let matching = |wanted: &dyn Fn(&str) -> bool| -> Result<Option<usize>, String> {
            let mut found = self.headers.iter().enumerate().filter(|(_, header)| wanted(header)).map(|(i, _)| i);
            match (found.next(), found.next()) {
                (Some(first), Some(second)) => Err(format!(
                    "`{}` may be column {} or column {}: say --name NAME=#{} and use that name",
                    cresset::diagnostic::cut(name),
                    first + 1,
                    second + 1,
                    first + 1
                )),
                (first, _) => Ok(first),
            }
        };
        match matching(&|header| header == name)? {
            Some(index) => Ok(Some(index)),
            None if is_identifier(name) => matching(&|header| simplified(header) == name),
            None => Ok(None),
        }
    }

    /// What columns there are, for messages.
    pub fn listed(&self) -> String {
        const MOST: usize = 20;
        let shown: Vec<String> =
            self.headers.iter().take(MOST).map(|header| format!("`{}`", cresset::diagnostic::cut(header))).collect();
        let more = self.headers.len().saturating_sub(MOST);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        if shown.is_empty() {
            "the input has no columns".to_owned()
        } else {
            format!("the columns are {}{more}", shown.join(", "))
        }
    }
}

/// A header as a name: `unit price (EUR)` is `unit_price_EUR`, `2020` is `_2020`, `in` is `in_`.
pub fn simplified(header: &str) -> String {
    let mut name = String::new();
    for c in header.trim().chars() {
        match c {
            c if c == '_' || c.is_ascii_alphanumeric() => name.push(c),
            _ if name.ends_with('_') || name.is_empty() => {}
            _ => name.push('_'),
        }
    }
    let end = name.trim_end_matches('_').len();
    if !header.trim().ends_with('_') {
        name.truncate(end);
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    if !name.is_empty() && !is_identifier(&name) {
        name.push('_');
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(headers: &[&str], words: &[&str]) -> Result<Names, String> {
        let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
        Names::new(owned(headers), &owned(words))
    }

    #[test]
    fn headers_are_simplified() {
        for (header, name) in [
            ("unit price (EUR)", "unit_price_EUR"),
            ("2020", "_2020"),
            ("in", "in_"),
            (" x ", "x"),
            ("a--b", "a_b"),
            ("x_", "x_"),
            ("é", ""),
            ("", ""),
        ] {
            assert_eq!(simplified(header), name, "{header}");
        }
    }

    #[test]
    fn a_name_means_one_column() {
        let names =
            names(&["x", "unit price", "x", "y", "unit_price", "a b", "a-b"], &["first=#1", "p=unit price"]).unwrap();
        assert_eq!(names.find("y"), Ok(Some(3)));
        assert_eq!(names.find("first"), Ok(Some(0)));
        assert_eq!(names.find("p"), Ok(Some(1)));
        assert_eq!(names.find("unit_price"), Ok(Some(4)));
        assert_eq!(names.find("z"), Ok(None));
        assert!(names.find("x").unwrap_err().contains("column 1 or column 3"));
        assert!(names.find("a_b").unwrap_err().contains("column 6 or column 7"));
        assert_eq!(names.column("a b"), Ok(5));
        assert!(names.column("#8").unwrap_err().contains("the input has 7"));
        assert!(names.column("q").unwrap_err().contains("`unit price`"));
    }

    #[test]
    fn given_names_are_names() {
        assert!(names(&["x"], &["1=x"]).is_err() && names(&["x"], &["x"]).is_err() && names(&["x"], &["y=z"]).is_err());
        assert!(names(&["x"], &["in=x"]).is_err());
    }
}
