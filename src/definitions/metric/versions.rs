//! Earlier versions of a metric: the keys that were different until a day, laid over today's.

use serde_json::{Value as Json, json};

use super::{CommonDef, MetricDef, ObjectSchema};
use crate::definitions::read::{Fields, MapReader, Read, Reader, Text};
use crate::definitions::yaml::{Entry, Node, Value};
use crate::diagnostics::{Code, Diagnostic, Span};

/// The key of a metric that holds them.
pub(super) const KEY: &str = "versions";

/// What the key says, for editors.
pub(super) const ABOUT: &str =
    "What it was before: each version has the keys that were different until a day.";

/// What belongs to the metric itself, whatever its version.
const OF_THE_METRIC: [&str; 6] = ["name", "field", "private", "deprecated", "tests", KEY];

/// What a metric was until a day.
#[derive(Debug, Clone)]
pub struct VersionDef {
    pub span: Span,
    /// The first day of the definition that came after.
    pub until: Text,
    /// Why it was changed.
    pub because: Option<String>,
    /// The whole definition as it was.
    pub metric: Box<MetricDef>,
}

/// Reads the versions of the metric written in `base`.
pub(super) fn read(base: &Node, list: &Node, reader: &mut Reader) -> Vec<VersionDef> {
    let items = match &list.value {
        Value::List(items) => items,
        Value::Null => return Vec::new(),
        _ => {
            reader.report(Code::WrongType, list.span, "expected a list of versions");
            return Vec::new();
        }
    };
    items.iter().filter_map(|item| version(base, item, reader)).collect()
}

fn version(base: &Node, item: &Node, reader: &mut Reader) -> Option<VersionDef> {
    let mut map = MapReader::open(item, reader)?;
    let until = map.field::<Text>("until", reader);
    let because = map.field::<Option<String>>("because", reader).flatten();
    let Value::Map(written) = &item.value else { return None };
    let own = |entry: &&Entry| entry.key != "until" && entry.key != "because";
    let changes: Vec<&Entry> = written.iter().filter(own).collect();
    for entry in changes.iter().filter(|entry| is_fixed(entry)) {
        let message = format!("`{}` is the metric's, not a version's", entry.key);
        reader.report(Code::UnknownKey, entry.key_span, message);
    }
    if changes.is_empty() {
        reader.report(Code::MissingKey, item.span, "the version says nothing that was different");
        return None;
    }
    let own: Vec<&Entry> = changes.iter().copied().filter(|entry| !is_fixed(entry)).collect();
    let merged = overlay(base, &own);
    let mut own_reader = Reader::default();
    let metric = MetricDef::read(&merged, &mut own_reader);
    // What is wrong with the metric as it is today has been said.
    let new = |found: &Diagnostic| !reader.out.contains(found);
    let found: Vec<Diagnostic> = own_reader.out.into_iter().filter(new).collect();
    reader.out.extend(found);
    let metric = Box::new(MetricDef { span: item.span, ..metric? });
    Some(VersionDef { span: item.span, until: until?, because, metric })
}

fn is_fixed(entry: &Entry) -> bool {
    OF_THE_METRIC.contains(&&*entry.key)
}

/// Today's keys with the version's over them; an empty key takes one away.
fn overlay(base: &Node, changes: &[&Entry]) -> Node {
    let changed = |key: &str| changes.iter().any(|entry| entry.key == key);
    let Value::Map(today) = &base.value else { return base.clone() };
    let common = common_keys();
    let kept = today.iter().filter(|entry| {
        // Another kind has keys of its own.
        let fits = !changed("kind") || common.contains(&entry.key);
        fits && entry.key != KEY && !changed(&entry.key)
    });
    let changes = changes.iter().copied().filter(|entry| !matches!(entry.node.value, Value::Null));
    Node { span: base.span, value: Value::Map(kept.chain(changes).cloned().collect()) }
}

fn common_keys() -> Vec<String> {
    let mut schema = ObjectSchema::default();
    CommonDef::properties(&mut schema);
    schema.keys()
}

/// Where the keys of every version are in the JSON Schema.
const VERSION_REF: &str = "#/$defs/version";

/// The versions of a metric whose kind has the keys of `kind`.
pub(super) fn schema(kind: ObjectSchema) -> Json {
    let mut version = kind.optional().open("What the metric was until a day.");
    version["allOf"] = json!([{ "$ref": VERSION_REF }]);
    json!({ "type": "array", "items": version })
}

/// The keys that a version of any kind may have, for [`VERSION_REF`].
pub(super) fn version_schema() -> Json {
    let mut all = ObjectSchema::default();
    CommonDef::properties(&mut all);
    let mut all = all.without(&OF_THE_METRIC).optional();
    all.add_schema("kind", "The kind it was.", json!({ "enum": super::KindWord::WORDS }));
    all.add::<Text>("until", "The first day of the definition that came after.");
    all.add::<Option<String>>("because", "Why it was changed.");
    all.open("What was different until a day.")
}
