//! Where a setting that a policy does not state yet could go, best place first: below the line that states
//! its default in a comment, else with its like.

use super::locate;
use toml::Value;

/// What a line is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    /// `[totp]`
    Header(String),
    /// `#[totp]`
    CommentedHeader(String),
    /// Any other comment.
    Comment,
    /// `digits = 6`, or a part of it.
    Statement,
    Blank,
}

struct Line<'t> {
    /// With its end.
    text: &'t str,
    kind: Kind,
}

/// Texts with `key` stated additionally. Not all of them say what they should.
pub fn insertions(text: &str, key: &str, value: &Value) -> Vec<String> {
    let file = File::read(text);
    match key.split_once('.') {
        None => file.at_the_top(key, &format!("{key} = {value}")),
        Some((table, name)) => file.in_table(table, name, value),
    }
}

struct File<'t> {
    text: &'t str,
    lines: Vec<Line<'t>>,
    line_end: &'static str,
}

impl<'t> File<'t> {
    fn read(text: &'t str) -> Self {
        let values: Vec<_> = locate(text).into_values().collect();
        let mut position = 0_usize;
        let lines = text.split_inclusive('\n').map(|line| {
            let end = position.saturating_add(line.len());
            let states = values.iter().any(|place| place.key.start < end && place.value.end > position);
            position = end;
            Line { text: line, kind: if states { Kind::Statement } else { kind(line) } }
        });
        let lines = lines.collect();
        Self { text, lines, line_end: if text.contains("\r\n") { "\r\n" } else { "\n" } }
    }

    fn at_the_top(&self, key: &str, statement: &str) -> Vec<String> {
        let first_header = self.next_header(0, false);
        let mut texts = Vec::new();
        if let Some(default) = self.default_of(key, 0, self.next_header(0, true)) {
            texts.push(self.with(default, statement));
        }
        if let Some(last) = self.last_statement(0, first_header) {
            texts.push(self.with(last, statement));
        }
        if first_header < self.lines.len() {
            // Above the comment of the first table.
            let mut above = first_header;
            while let Some(line) = above.checked_sub(1).filter(|&line| self.is(line, &Kind::Comment)) {
                above = line;
            }
            texts.push(self.with_above(above, statement));
        }
        texts.push(self.with_at_the_end(statement));
        texts
    }

    fn in_table(&self, table: &str, name: &str, value: &Value) -> Vec<String> {
        let statement = format!("{name} = {value}");
        let mut texts = Vec::new();
        let header = Kind::Header(table.to_owned());
        if let Some(header) = (0..self.lines.len()).find(|&line| self.is(line, &header)) {
            let first = header.saturating_add(1);
            let below = self
                .default_of(name, first, self.next_header(first, true))
                .or_else(|| self.last_statement(first, self.next_header(first, false)))
                .unwrap_or(header);
            texts.extend([below, header].map(|line| self.with(line, &statement)));
        }
        texts.extend(self.beside_dotted(table, &statement));
        let commented = Kind::CommentedHeader(table.to_owned());
        if let Some(header) = (0..self.lines.len()).find(|&line| self.is(line, &commented)) {
            let first = header.saturating_add(1);
            let below = self.default_of(name, first, self.next_header(first, true)).unwrap_or(header);
            texts.push(self.with_header_taken_in(header, below, &statement));
        }
        texts.push(self.with_at_the_end(&format!("{0}[{table}]{0}{statement}", self.line_end)));
        texts
    }

    /// Where the table has no header: `totp.digits = 6`, or `totp = { digits = 6 }`.
    fn beside_dotted(&self, table: &str, statement: &str) -> Vec<String> {
        let mut texts = Vec::new();
        let prefix = format!("{table}.");
        let places = locate(self.text);
        let like = places.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(_, place)| place);
        if let Some(last) = like.max_by_key(|place| place.line) {
            let after = self.text.get(last.value.end..).unwrap_or_default();
            let lines = self.text.get(..last.value.end).unwrap_or_default().split_inclusive('\n').count();
            texts.push(self.with(lines.saturating_sub(1), &format!("{prefix}{statement}")));
            let before = self.text.get(..last.value.end).unwrap_or_default();
            texts.push(format!("{before}, {statement}{after}"));
        }
        texts
    }

    fn is(&self, line: usize, kind: &Kind) -> bool {
        self.lines.get(line).is_some_and(|line| line.kind == *kind)
    }

    /// The next header at or below a line, or the end of the file.
    fn next_header(&self, from: usize, also_commented: bool) -> usize {
        let is_header = |line: &Line<'_>| match line.kind {
            Kind::Header(_) => true,
            Kind::CommentedHeader(_) => also_commented,
            Kind::Comment | Kind::Statement | Kind::Blank => false,
        };
        let rest = self.lines.get(from..).unwrap_or_default();
        rest.iter().position(is_header).map_or(self.lines.len(), |found| from.saturating_add(found))
    }

    /// The comment that states the default of `name`; one that is indented is an example and comes second.
    fn default_of(&self, name: &str, from: usize, to: usize) -> Option<usize> {
        let states = |line: usize, indented: bool| {
            let Some(Line { text, kind: Kind::Comment }) = self.lines.get(line) else { return false };
            let said = text.trim_start().trim_start_matches('#');
            let said = if indented { said.trim_start() } else { said };
            said.strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
        };
        (from..to).find(|&line| states(line, false)).or_else(|| (from..to).find(|&line| states(line, true)))
    }

    fn last_statement(&self, from: usize, to: usize) -> Option<usize> {
        (from..to).rev().find(|&line| self.is(line, &Kind::Statement))
    }

    /// The file with a statement below a line.
    fn with(&self, below: usize, statement: &str) -> String {
        self.rebuilt(|position, line| {
            if position != below {
                return line.to_owned();
            }
            // A file whose last line has no end goes on without one.
            match line.strip_suffix('\n') {
                Some(_) => format!("{line}{statement}{}", self.line_end),
                None => format!("{line}{}{statement}", self.line_end),
            }
        })
    }

    /// The file with a statement above a line, and a blank line between.
    fn with_above(&self, above: usize, statement: &str) -> String {
        let end = self.line_end;
        self.rebuilt(
            |position, line| {
                if position == above { format!("{statement}{end}{end}{line}") } else { line.to_owned() }
            },
        )
    }

    fn with_header_taken_in(&self, header: usize, below: usize, statement: &str) -> String {
        let text = self.rebuilt(|position, line| {
            let bare = line.trim_start().trim_start_matches('#').trim_start();
            if position == header { bare.to_owned() } else { line.to_owned() }
        });
        File::read(&text).with(below, statement)
    }

    fn with_at_the_end(&self, text: &str) -> String {
        match self.text.strip_suffix('\n') {
            _ if self.text.is_empty() => format!("{}{}", text.trim_start(), self.line_end),
            Some(_) => format!("{}{text}{}", self.text, self.line_end),
            None => format!("{}{}{text}", self.text, self.line_end),
        }
    }

    fn rebuilt(&self, line: impl Fn(usize, &str) -> String) -> String {
        self.lines.iter().enumerate().map(|(position, found)| line(position, found.text)).collect()
    }
}

fn kind(line: &str) -> Kind {
    let line = line.trim();
    let name = |text: &str| Some(text.strip_prefix('[')?.split_once(']')?.0.trim().to_owned());
    match line.strip_prefix('#') {
        Some(comment) => match name(comment.trim_start_matches('#').trim_start()) {
            Some(header) => Kind::CommentedHeader(header),
            None => Kind::Comment,
        },
        None if line.is_empty() => Kind::Blank,
        None => name(line).map_or(Kind::Statement, Kind::Header),
    }
}
