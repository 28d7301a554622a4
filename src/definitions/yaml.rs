//! YAML text → a tree of nodes with spans. Duplicate keys are all found; size, depth and aliases
//! are bounded; nothing here panics whatever the text.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Location, Spanned};

use crate::diagnostics::{Code, Diagnostic, SourceFile, SourceId, Span};

const MAX_BYTES: usize = 4 * 1024 * 1024;
const MAX_NODES: usize = 200_000;
const MAX_DEPTH: usize = 32;
const MAX_ALIASED: usize = 20_000;

/// A YAML node and where it is written.
#[derive(Debug, Clone)]
pub struct Node {
    pub span: Span,
    pub value: Value,
}

#[derive(Debug, Clone)]
pub enum Value {
    Null,
    /// The text as written, without quotes: `1.50` keeps its zero.
    Scalar(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug, Clone)]
pub struct Entry {
    pub key: String,
    pub key_span: Span,
    pub node: Node,
}

/// Parses one file. `None` where the text is empty or unusable (then a diagnostic says why).
pub(super) fn parse(id: SourceId, file: &SourceFile, out: &mut Vec<Diagnostic>) -> Option<Node> {
    if file.text.len() > MAX_BYTES {
        let start = Span { source: id, ..Span::default() };
        out.push(
            Diagnostic::new(Code::TooLarge, start, format!("`{}` is larger than 4 MB", file.path))
                .help("split the file"),
        );
        return None;
    }
    if file.text.trim().is_empty() {
        return None;
    }
    match serde_saphyr::from_str_with_options::<Option<Raw>>(&file.text, options()) {
        Ok(raw) => Some(Builder { id, file, out }.node(raw?)),
        Err(error) => {
            out.push(syntax_error(id, file, &error));
            None
        }
    }
}

fn options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_nodes: MAX_NODES,
            max_events: 2 * MAX_NODES,
            max_depth: MAX_DEPTH,
            max_aliases: 1_000,
            max_anchors: 1_000,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_ALIASED,
            max_replay_stack_depth: 8,
            max_alias_expansions_per_anchor: 1_000,
        },
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        strict_booleans: true,
        with_snippet: false,
    }
}

fn syntax_error(id: SourceId, file: &SourceFile, error: &serde_saphyr::Error) -> Diagnostic {
    let span =
        error.location().map_or(Span { source: id, start: 0, end: 0 }, |at| span_of(id, file, at));
    let position = file.position(span.start);
    // The parser gives up before, at or after the tab, depending on what it expected.
    let tab = (position.line.saturating_sub(1)..=position.line + 1)
        .find(|number| indentation(file.line(*number)).contains('\t'));
    if let Some(number) = tab {
        let start = line_start(file, number);
        let message = format!("line {number} is indented with a tab");
        return Diagnostic::new(
            Code::TabIndent,
            Span { source: id, start, end: start + 1 },
            message,
        )
        .help("indent with spaces");
    }
    if is_limit(error) {
        return Diagnostic::new(Code::TooLarge, span, "the file exceeds the limits of its kind")
            .help(format!(
                "at most {MAX_NODES} nodes, {MAX_DEPTH} levels, and {MAX_ALIASED} nodes through \
                 aliases"
            ));
    }
    let text = error.to_string();
    let reason = text.lines().next().unwrap_or_default();
    let reason = reason.split(" at line ").next().unwrap_or(reason);
    let reason = reason.strip_prefix("error: ").unwrap_or(reason);
    let mut found = Diagnostic::new(Code::YamlSyntax, span, format!("not valid YAML: {reason}"));
    if let Some(hint) = indentation_hint(file, position.line) {
        found = found.help(hint);
    }
    found
}

fn is_limit(error: &serde_saphyr::Error) -> bool {
    use serde_saphyr::Error;
    match error {
        Error::AliasError { error, .. } | Error::WithSnippet { error, .. } => is_limit(error),
        Error::Budget { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => true,
        other => {
            let text = other.to_string();
            text.contains("recursion limit") || text.contains("nesting limit")
        }
    }
}

fn indentation(line: &str) -> &str {
    &line[..line.len() - line.trim_start().len()]
}

/// A line that is neither at the indentation of its neighbour nor a step inside it.
fn indentation_hint(file: &SourceFile, number: u32) -> Option<String> {
    let depth = |line: &str| line.len() - line.trim_start_matches([' ', '-']).len();
    let here = file.line(number);
    let before = (1..number).rev().map(|n| file.line(n)).find(|line| !line.trim().is_empty())?;
    // What follows a key alone is a step inside it.
    let is_step = before.trim_end().ends_with(':') && depth(here) > depth(before);
    (depth(here) != depth(before) && !is_step && !here.trim().is_empty()).then(|| {
        format!(
            "line {number} is indented by {}, the line before it by {}: keys of one definition \
             stand below each other",
            depth(here),
            depth(before)
        )
    })
}

fn line_start(file: &SourceFile, number: u32) -> u32 {
    let bytes: usize =
        file.text.split_inclusive('\n').take(number.saturating_sub(1) as usize).map(str::len).sum();
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn span_of(id: SourceId, file: &SourceFile, at: Location) -> Span {
    let small = |n: u64| u32::try_from(n).unwrap_or(u32::MAX);
    let start = at.span().byte_offset().map_or_else(
        || line_start(file, small(at.line())).saturating_add(small(at.column()).saturating_sub(1)),
        small,
    );
    let length = at.span().byte_len().map_or(0, small);
    Span { source: id, start, end: start.saturating_add(length) }
}

/// What serde hands over; spans become ours and scalars get their text in [`Builder`].
struct Raw(Spanned<RawValue>);

enum RawValue {
    Null,
    Text(String),
    /// A bool or a number: its text is read from the file.
    Plain,
    List(Vec<Raw>),
    Map(Vec<(Spanned<String>, Raw)>),
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Raw)
    }
}

impl<'de> Deserialize<'de> for RawValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = RawValue;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a YAML value")
    }

    fn visit_unit<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_none<E>(self) -> Result<RawValue, E> {
        Ok(RawValue::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, inner: D) -> Result<RawValue, D::Error> {
        inner.deserialize_any(self)
    }

    fn visit_bool<E>(self, _: bool) -> Result<RawValue, E> {
        Ok(RawValue::Plain)
    }

    fn visit_i64<E>(self, _: i64) -> Result<RawValue, E> {
        Ok(RawValue::Plain)
    }

    fn visit_u64<E>(self, _: u64) -> Result<RawValue, E> {
        Ok(RawValue::Plain)
    }

    fn visit_i128<E>(self, _: i128) -> Result<RawValue, E> {
        Ok(RawValue::Plain)
    }

    fn visit_u128<E>(self, _: u128) -> Result<RawValue, E> {
        Ok(RawValue::Plain)
    }

    fn visit_f64<E>(self, _: f64) -> Result<RawValue, E> {
        Ok(RawValue::Plain)
    }

    fn visit_str<E>(self, text: &str) -> Result<RawValue, E> {
        Ok(RawValue::Text(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<RawValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(RawValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<RawValue, A::Error> {
        let mut map = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            map.push(entry);
        }
        Ok(RawValue::Map(map))
    }
}

struct Builder<'a> {
    id: SourceId,
    file: &'a SourceFile,
    out: &'a mut Vec<Diagnostic>,
}

impl Builder<'_> {
    fn node(&mut self, Raw(raw): Raw) -> Node {
        let span = span_of(self.id, self.file, raw.referenced);
        match raw.value {
            RawValue::Null => Node { span, value: Value::Null },
            RawValue::Text(text) => Node { span, value: Value::Scalar(text) },
            RawValue::Plain => {
                let text = self.file.slice(span_of(self.id, self.file, raw.defined));
                Node { span, value: Value::Scalar(text.trim().to_owned()) }
            }
            RawValue::List(items) => {
                let items: Vec<Node> = items.into_iter().map(|item| self.node(item)).collect();
                let span = items.last().map_or(span, |last| span.to(last.span));
                Node { span, value: Value::List(items) }
            }
            RawValue::Map(entries) => self.map(span, entries),
        }
    }

    fn map(&mut self, span: Span, raw: Vec<(Spanned<String>, Raw)>) -> Node {
        let mut entries: Vec<Entry> = Vec::with_capacity(raw.len());
        let mut end = span;
        for (key, value) in raw {
            let key_span = span_of(self.id, self.file, key.referenced);
            let node = self.node(value);
            end = end.to(key_span).to(node.span);
            if let Some(first) = entries.iter().find(|entry| entry.key == key.value) {
                let message = format!("`{}` stands twice in one mapping", key.value);
                self.out.push(
                    Diagnostic::new(Code::DuplicateKey, key_span, message)
                        .related(first.key_span, "first here")
                        .help("remove one of them"),
                );
            } else {
                entries.push(Entry { key: key.value, key_span, node });
            }
        }
        Node { span: end, value: Value::Map(entries) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse_text(text: &str) -> (Option<Node>, Vec<Diagnostic>) {
        let mut out = Vec::new();
        let node = parse(SourceId(0), &SourceFile::new("a.yml", text), &mut out);
        (node, out)
    }

    fn entries(node: &Node) -> &[Entry] {
        match &node.value {
            Value::Map(entries) => entries,
            other => panic!("not a map: {other:?}"),
        }
    }

    #[test]
    fn scalars_keep_their_text_and_their_place() {
        let text = "a: 10.00\nb: { c: 'no', d: 2026-01-03 }\nlist:\n  - x\n  - true\n";
        let (node, out) = parse_text(text);
        assert!(out.is_empty(), "{out:?}");
        let node = node.unwrap();
        let map = entries(&node);
        assert!(matches!(&map[0].node.value, Value::Scalar(text) if text == "10.00"));
        assert_eq!(&text[map[0].node.span.start as usize..map[0].node.span.end as usize], "10.00");
        assert_eq!(&text[map[1].key_span.start as usize..map[1].key_span.end as usize], "b");
        let inner = entries(&map[1].node);
        assert!(matches!(&inner[1].node.value, Value::Scalar(text) if text == "2026-01-03"));
        let Value::List(items) = &map[2].node.value else { panic!() };
        assert!(matches!(&items[1].value, Value::Scalar(text) if text == "true"));
    }

    #[test]
    fn every_duplicate_is_found() {
        let (_, out) = parse_text("a: 1\na: 2\nb:\n  c: 1\n  c: 2\n");
        let codes: Vec<Code> = out.iter().map(|found| found.code).collect();
        assert_eq!(codes, [Code::DuplicateKey, Code::DuplicateKey]);
    }

    #[test]
    fn alias_bombs_and_depth_are_refused() {
        let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..9 {
            let inner = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
        }
        for text in [bomb, "[".repeat(10_000), "- ".repeat(3_000), "{a: ".repeat(500)] {
            let (node, out) = parse_text(&text);
            assert!(node.is_none());
            assert_eq!(out.len(), 1);
            assert_eq!(out[0].code, Code::TooLarge, "{out:?}");
        }
    }

    #[test]
    fn a_step_inside_a_key_is_no_slip() {
        let hint = |text: &str| parse_text(text).1[0].help.clone().unwrap_or_default();
        assert_eq!(hint("a:\n  - { b: .nan }\n"), "");
        assert!(hint("- a: 1\n   b: 2\n").contains("is indented by 3, the line before it by 2"));
    }

    #[test]
    fn tabs_are_named() {
        let (_, out) = parse_text("a:\n\tb: 1\n");
        assert_eq!(out[0].code, Code::TabIndent);
    }
}
