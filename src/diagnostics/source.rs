//! Definition texts and places in them: byte spans that turn into lines and columns when shown.

use std::sync::Arc;

/// Which text of a [`Sources`] a span lies in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SourceId(pub u32);

/// A byte range of one text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    pub source: SourceId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// From this span's start to the other's end.
    #[must_use]
    pub fn to(self, other: Self) -> Self {
        Self { end: self.end.max(other.end), ..self }
    }
}

/// A line and a column, both counted from 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}

/// One definition file: its path relative to the project (`canonical/…` for those that ship).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    pub path: String,
    pub text: String,
}

impl SourceFile {
    pub fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self { path: path.into(), text: text.into() }
    }

    /// Line and column of a byte offset; offsets past the end are the end.
    #[must_use]
    pub fn position(&self, offset: u32) -> Position {
        let before = self.before(offset);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Position {
            line: count(before.matches('\n').count()) + 1,
            column: count(before[line_start..].chars().count()) + 1,
        }
    }

    /// The line (counted from 1) without its line break.
    #[must_use]
    pub fn line(&self, number: u32) -> &str {
        self.text.lines().nth(number.saturating_sub(1) as usize).unwrap_or("")
    }

    /// The text of a byte range; ranges that cut a character shrink to whole ones.
    #[must_use]
    pub fn slice(&self, span: Span) -> &str {
        let start = self.before(span.start).len();
        let end = self.before(span.end).len().max(start);
        &self.text[start..end]
    }

    fn before(&self, offset: u32) -> &str {
        let mut end = (offset as usize).min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        &self.text[..end]
    }
}

fn count(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// All definition texts of one load, cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Sources(Arc<Vec<SourceFile>>);

impl Sources {
    #[must_use]
    pub fn new(files: Vec<SourceFile>) -> Self {
        Self(Arc::new(files))
    }

    pub fn iter(&self) -> impl Iterator<Item = (SourceId, &SourceFile)> {
        self.0.iter().enumerate().map(|(index, file)| (SourceId(count(index)), file))
    }

    #[must_use]
    pub fn get(&self, id: SourceId) -> Option<&SourceFile> {
        self.0.get(id.0 as usize)
    }

    /// Path, line and column of a span's start.
    #[must_use]
    pub fn locate(&self, span: Span) -> Option<(&str, Position)> {
        self.get(span.source).map(|file| (file.path.as_str(), file.position(span.start)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_offsets_never_cut_one() {
        let file = SourceFile::new("a.yml", "ä: 1\nüb: 2\n");
        assert_eq!(file.position(8), Position { line: 2, column: 2 });
        assert_eq!(file.position(7), Position { line: 2, column: 1 });
        assert_eq!(file.position(999), Position { line: 3, column: 1 });
        assert_eq!(file.line(2), "üb: 2");
    }
}
