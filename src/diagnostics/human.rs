//! Findings for people: as a compiler prints them, without colour, so that logs read the same.

use std::fmt::Write;

use super::{Diagnostic, Diagnostics, Position, Severity, SourceFile, Sources, Span};

pub(super) fn render(all: &Diagnostics) -> String {
    let mut out = String::new();
    for item in all.iter() {
        let _ = render_one(&mut out, item, all.sources());
    }
    let _ = writeln!(out, "{}", summary(all));
    out
}

fn render_one(out: &mut String, item: &Diagnostic, sources: &Sources) -> std::fmt::Result {
    writeln!(out, "{}[{}]: {}", item.severity().as_str(), item.code.as_str(), item.message)?;
    let marked = item.span.and_then(|span| sources.get(span.source).map(|file| (file, span)));
    if let Some((file, span)) = marked {
        snippet(out, file, span, "", '^')?;
    }
    for (span, note) in &item.related {
        if let Some(file) = sources.get(span.source) {
            snippet(out, file, *span, note, '-')?;
        }
    }
    if let Some(help) = &item.help {
        writeln!(out, "  help: {help}")?;
    }
    writeln!(out)
}

/// The first line of the span, underlined, below `file:line:column`.
fn snippet(
    out: &mut String,
    file: &SourceFile,
    span: Span,
    note: &str,
    mark: char,
) -> std::fmt::Result {
    let Position { line, column } = file.position(span.start);
    let text = file.line(line).replace('\t', " ");
    let gutter = line.to_string().len();
    let width = text.chars().count();
    let start = (column as usize - 1).min(width);
    let marked = file.slice(span).lines().next().map_or(0, |part| part.chars().count());
    let length = marked.clamp(1, width.saturating_sub(start).max(1));
    writeln!(out, "{:gutter$}--> {}:{line}:{column}", "", file.path)?;
    writeln!(out, "{:gutter$} |", "")?;
    writeln!(out, "{line} | {}", text.trim_end())?;
    let underline: String = std::iter::repeat_n(mark, length).collect();
    writeln!(out, "{}", format!("{:gutter$} | {:start$}{underline} {note}", "", "").trim_end())
}

fn summary(all: &Diagnostics) -> String {
    let errors = all.iter().filter(|item| item.severity() == Severity::Error).count();
    let warnings = all.len() - errors;
    let plural = |n: usize, word: &str| match n {
        1 => format!("1 {word}"),
        n => format!("{n} {word}s"),
    };
    format!("{}, {}", plural(errors, "error"), plural(warnings, "warning"))
}
