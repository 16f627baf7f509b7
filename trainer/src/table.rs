//! Tables for people, papers and programs: one description, written as text, Markdown, CSV, LaTeX or JSON.

mod html;
mod plain;
mod typeset;

#[cfg(test)]
mod tests;

/// A table: what it shows, its columns, its rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// What it shows, without a full stop.
    pub title: String,
    /// Sentences that stand below it: how to read it, where numbers come from.
    pub notes: Vec<String>,
    /// The columns, left to right.
    pub columns: Vec<Column>,
    /// The rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Its name in CSV and JSON: `paper_flops`.
    pub key: String,
    /// What it has in common with its neighbours: `paper`. Empty for none.
    pub group: String,
    /// Its heading, with its unit: `flops (B)`.
    pub heading: String,
    /// On which side its cells stand.
    pub align: Align,
}

/// The side on which the cells of a column stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// What a cell holds.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing: unknown, or without meaning in this row.
    Absent,
    /// Words.
    Text(String),
    /// A count, shown to its last digit.
    Count(u64),
    /// A number and its digits behind the point.
    Number(f64, usize),
    /// A difference and its digits behind the point; the sign is always shown.
    Difference(f64, usize),
    /// The power of `s` with this exponent, shown as a fraction where it is one: `s^5/6`.
    Power(f64),
}

/// How a table is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// Aligned columns for a terminal.
    #[default]
    Text,
    /// A Markdown table.
    Markdown,
    /// Comma-separated values: a heading of keys, then the rows; no title, no notes.
    Csv,
    /// A LaTeX table; it needs the package booktabs.
    Latex,
    /// One JSON object: title, notes, columns, and the rows as objects by key.
    Json,
    /// An HTML table element; no notes.
    Html,
}

impl Table {
    /// The table as text in `format`; it ends with a line break.
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Text => plain::text(self),
            Format::Csv => plain::csv(self),
            Format::Json => plain::json(self),
            Format::Markdown => typeset::markdown(self),
            Format::Latex => typeset::latex(self),
            Format::Html => html::html(self),
        }
    }

    /// The column of that key and its cells, top to bottom; none where no column has it.
    pub fn column(&self, key: &str) -> Option<Vec<&Cell>> {
        let at = self.columns.iter().position(|column| column.key == key)?;
        Some(self.rows.iter().map(|row| &row[at]).collect())
    }

    /// Neighbouring columns of one group: the group and how many they are.
    fn groups(&self) -> Vec<(&str, usize)> {
        let mut groups: Vec<(&str, usize)> = Vec::new();
        for column in &self.columns {
            match groups.last_mut() {
                Some((group, count)) if *group == column.group => *count += 1,
                _ => groups.push((&column.group, 1)),
            }
        }
        groups
    }

    fn is_grouped(&self) -> bool {
        self.columns.iter().any(|column| !column.group.is_empty())
    }
}

impl Column {
    /// A column of words.
    pub fn words(key: &str, heading: &str) -> Self {
        Self {
            align: Align::Left,
            ..Self::numbers(key, heading)
        }
    }

    /// A column of numbers.
    pub fn numbers(key: &str, heading: &str) -> Self {
        Self {
            key: key.into(),
            group: String::new(),
            heading: heading.into(),
            align: Align::Right,
        }
    }

    /// The column as one of a group; columns of a group stand side by side.
    #[must_use]
    pub fn of(self, group: &str) -> Self {
        Self {
            group: group.into(),
            ..self
        }
    }
}

impl Cell {
    /// The cell as a reader sees it.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Absent => "-".into(),
            Self::Text(text) => text.clone(),
            Self::Count(n) => thousands(*n, ","),
            Self::Number(value, digits) => format!("{value:.digits$}"),
            Self::Difference(value, digits) => difference(*value, *digits),
            Self::Power(exponent) => match exponent_text(*exponent).as_str() {
                "0" => "1".into(),
                "1" => "s".into(),
                other => format!("s^{other}"),
            },
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

/// A count with its thousands apart: `5,288,548`.
pub(crate) fn thousands(n: u64, separator: &str) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text += separator;
        }
        text.push(digit);
    }
    text
}

/// A difference that rounds to nothing has no sign.
fn difference(value: f64, digits: usize) -> String {
    match rounded(value, digits) {
        0.0 => "0".into(),
        value => format!("{value:+.digits$}"),
    }
}

/// To so many digits behind the point, as it is shown, and never a negative nought.
pub(crate) fn rounded(value: f64, digits: usize) -> f64 {
    let shown: f64 = format!("{value:.digits$}")
        .parse()
        .expect("what was written from a number reads as one");
    shown + 0.0
}

/// An exponent as a fraction of small whole numbers, or with three digits: `5/6`, `0.279`.
fn exponent_text(exponent: f64) -> String {
    let fraction = (1..=60u32).find_map(|below| {
        let above = exponent * f64::from(below);
        let near = (above - above.round()).abs() < 1e-9;
        near.then(|| (above.round() as i64, below))
    });
    match fraction {
        Some((above, 1)) => above.to_string(),
        Some((above, below)) => format!("{above}/{below}"),
        None => format!("{exponent:.3}"),
    }
}
