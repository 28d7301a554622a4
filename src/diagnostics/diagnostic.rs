//! One finding, and the list of all findings of a load.

use super::{Code, Severity, Sources, Span, human, machine};

/// One thing wrong (or doubtful) in the definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub code: Code,
    /// What is wrong, naming the subject.
    pub message: String,
    pub span: Option<Span>,
    /// What to do about it, with the nearest valid name where there is one.
    pub help: Option<String>,
    /// Other places that take part (the first definition of a duplicate).
    pub related: Vec<(Span, String)>,
}

impl Diagnostic {
    pub fn new(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span: Some(span), help: None, related: Vec::new() }
    }

    /// A finding that no place in a text can be pointed at (a missing file).
    pub fn without_place(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), span: None, help: None, related: Vec::new() }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    #[must_use]
    pub fn related(mut self, span: Span, note: impl Into<String>) -> Self {
        self.related.push((span, note.into()));
        self
    }

    /// Helps with the nearest candidate, else with the whole list.
    #[must_use]
    pub fn suggest<'a>(
        self,
        wanted: &str,
        candidates: impl IntoIterator<Item = &'a str> + Clone,
    ) -> Self {
        if let Some(near) = super::nearest(wanted, candidates.clone()) {
            return self.help(format!("did you mean `{near}`?"));
        }
        let all: Vec<&str> = candidates.into_iter().collect();
        match all.len() {
            0 => self,
            1..=16 => self.help(format!("valid here: {}", all.join(", "))),
            more => {
                self.help(format!("valid here: {} and {} more", all[..12].join(", "), more - 12))
            }
        }
    }

    #[must_use]
    pub fn severity(&self) -> Severity {
        self.code.severity()
    }
}

/// How findings are written out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people: source line, underline, help.
    Human,
    /// One JSON array.
    Json,
    /// SARIF 2.1.0 for code scanning.
    Sarif,
    /// Workflow commands of GitHub Actions.
    Github,
}

/// Everything found in one load, in order of file and place, with the texts it points into.
#[derive(Debug, Clone, Default)]
pub struct Diagnostics {
    sources: Sources,
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Sorted by file, place and code; findings alike are kept once.
    #[must_use]
    pub fn new(sources: Sources, mut items: Vec<Diagnostic>) -> Self {
        items.sort_by(|a, b| (a.span, a.code, &a.message).cmp(&(b.span, b.code, &b.message)));
        items.dedup();
        Self { sources, items }
    }

    /// These and more findings about the same texts.
    #[must_use]
    pub fn and(self, more: Vec<Diagnostic>) -> Self {
        Self::new(self.sources, self.items.into_iter().chain(more).collect())
    }

    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.items.iter().any(|item| item.severity() == Severity::Error)
    }

    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// All findings as one text.
    #[must_use]
    pub fn render(&self, format: Format) -> String {
        match format {
            Format::Human => human::render(self),
            Format::Json => machine::json(self),
            Format::Sarif => machine::sarif(self),
            Format::Github => machine::github(self),
        }
    }
}
