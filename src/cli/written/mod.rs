//! What the model holds, written as the definition language writes it, key by key: for `diff` and
//! `explain`. Keys that were left out have the values that hold without them.

mod kinds;
mod metric;
mod tables;

use std::fmt::{self, Display};

pub use metric::metric_parts;
pub use tables::{balance_parts, dataset_parts, dimension_parts, project_parts};

/// A value in YAML's flow style, so that it fits on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// Nothing stands behind the key.
    Empty,
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Flow {
    pub fn text(value: impl Display) -> Self {
        Self::Text(value.to_string())
    }

    pub fn texts<T: Display>(values: impl IntoIterator<Item = T>) -> Self {
        Self::List(values.into_iter().map(Self::text).collect())
    }

    /// Keys without a value are left out.
    pub fn map<K: Display>(entries: impl IntoIterator<Item = (K, Option<Self>)>) -> Self {
        let entries = entries.into_iter();
        Self::Map(
            entries
                .filter_map(|(key, value)| value.map(|value| (key.to_string(), value)))
                .collect(),
        )
    }

    /// A mapping of texts; none where it has no entry.
    pub fn pairs<K: Display, V: Display>(
        entries: impl IntoIterator<Item = (K, V)>,
    ) -> Option<Self> {
        let entries = entries.into_iter();
        let entries: Vec<(String, Self)> =
            entries.map(|(key, value)| (key.to_string(), Self::text(value))).collect();
        (!entries.is_empty()).then_some(Self::Map(entries))
    }

    /// Inside another value: quoted where YAML would read something else.
    fn nested(&self) -> String {
        match self {
            Self::Text(text) => quoted(text),
            other => other.to_string(),
        }
    }
}

impl Display for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let joined = |items: Vec<String>| items.join(", ");
        match self {
            Self::Empty => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::List(items) => {
                write!(f, "[{}]", joined(items.iter().map(Self::nested).collect()))
            }
            Self::Map(entries) => {
                let entry = |(key, value): &(String, Self)| match value {
                    Self::Empty => format!("{}:", quoted(key)),
                    value => format!("{}: {}", quoted(key), value.nested()),
                };
                write!(f, "{{ {} }}", joined(entries.iter().map(entry).collect()))
            }
        }
    }
}

/// Plain where a plain scalar inside brackets says the same.
fn quoted(text: &str) -> String {
    let plain = text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        && !text.contains(['\n', '"', '\'', '\\', ',', '[', ']', '{', '}', '#'])
        && !text.contains(": ")
        && !text.ends_with([':', ' ']);
    if plain {
        return text.to_owned();
    }
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// Keys with their values, in the order of the language; absent keys are not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parts(pub Vec<(String, Flow)>);

impl Parts {
    pub fn text(&mut self, key: &str, value: impl Display) {
        self.flow(key, Some(Flow::text(value)));
    }

    pub fn maybe<T: Display>(&mut self, key: &str, value: Option<T>) {
        self.flow(key, value.map(Flow::text));
    }

    /// Prose and lists, where there are any.
    pub fn prose(&mut self, key: &str, value: &str) {
        self.flow(key, (!value.is_empty()).then(|| Flow::text(value)));
    }

    pub fn list<T: Display>(&mut self, key: &str, values: impl IntoIterator<Item = T>) {
        self.flows(key, values.into_iter().map(Flow::text).collect());
    }

    pub fn flows(&mut self, key: &str, values: Vec<Flow>) {
        self.flow(key, (!values.is_empty()).then_some(Flow::List(values)));
    }

    pub fn flag(&mut self, key: &str, value: bool) {
        self.flow(key, value.then(|| Flow::text(true)));
    }

    pub fn flow(&mut self, key: &str, value: Option<Flow>) {
        self.0.extend(value.map(|value| (key.to_owned(), value)));
    }

    pub fn get(&self, key: &str) -> Option<&Flow> {
        self.0.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Keys of which the two say something else, with what each says; `other`'s order first.
    pub fn differing<'a>(
        &'a self,
        other: &'a Self,
    ) -> Vec<(&'a str, Option<&'a Flow>, Option<&'a Flow>)> {
        let gone = self.0.iter().map(|(key, _)| key).filter(|key| other.get(key).is_none());
        let keys = other.0.iter().map(|(key, _)| key).chain(gone);
        let both = keys.map(|key| (key.as_str(), self.get(key), other.get(key)));
        both.filter(|(_, old, new)| old != new).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_read_back_as_what_they_are() {
        let flow = Flow::map([
            ("to", Some(Flow::text("csm_assignments"))),
            ("weight", None),
            ("filter", Some(Flow::text("topic = 'weather', or: \\ #1"))),
            ("only", Flow::pairs([("segment", "SMB")])),
            ("classes", Some(Flow::texts(["new", "*x"]))),
            ("until", Some(Flow::Empty)),
        ]);
        let wanted = "{ to: csm_assignments, filter: \"topic = 'weather', or: \\\\ #1\", \
                      only: { segment: SMB }, classes: [new, \"*x\"], until: }";
        assert_eq!(flow.to_string(), wanted);
        assert_eq!(Flow::text("topic = 'weather'").to_string(), "topic = 'weather'");
    }
}
