//! YAML nodes → typed definitions. Every key is read before a definition is put together, so that
//! all its problems are found at once; unknown keys are refused with the nearest known one.

use super::schema::ObjectSchema;
use super::yaml::{Entry, Node, Value};
use crate::diagnostics::{Code, Diagnostic, Span, nearest};

/// A value and where it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    pub value: T,
    pub span: Span,
}

/// Text of a name, a reference or an expression.
pub type Text = Located<String>;

/// A mapping whose keys are names of the writer's own, in order.
pub type Entries<T> = Vec<(Text, T)>;

/// Collects what is wrong while definitions are read.
#[derive(Debug, Default)]
pub struct Reader {
    pub out: Vec<Diagnostic>,
    /// Names of definitions that could not be read: a reference to one is no second problem.
    pub broken: Vec<String>,
}

impl Reader {
    pub(super) fn report(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.out.push(Diagnostic::new(code, span, message));
    }

    fn wrong_type(&mut self, node: &Node, wanted: &str) {
        let found = match &node.value {
            Value::Null => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        };
        self.report(Code::WrongType, node.span, format!("expected {wanted}, found {found}"));
    }

    /// The names in a definition that could not be read, its own and those inside it.
    fn mark_broken(&mut self, node: &Node) {
        match &node.value {
            Value::Map(entries) => {
                for entry in entries {
                    match &entry.node.value {
                        Value::Scalar(name) if entry.key == "name" => {
                            self.broken.push(name.clone());
                        }
                        _ => self.mark_broken(&entry.node),
                    }
                }
            }
            Value::List(items) => items.iter().for_each(|item| self.mark_broken(item)),
            Value::Null | Value::Scalar(_) => {}
        }
    }
}

/// What can be read from a node.
pub trait Read: Sized {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self>;

    /// The value where the key is missing; none for keys that must be there.
    fn missing() -> Option<Self> {
        None
    }

    /// JSON Schema of what `read` accepts.
    fn schema() -> serde_json::Value;
}

/// A mapping with known keys, see the macro `record`.
pub trait Fields: Sized {
    fn read_fields(map: &mut MapReader, reader: &mut Reader) -> Option<Self>;
    fn properties(schema: &mut ObjectSchema);
}

/// Reads known keys from a mapping and refuses the rest.
pub struct MapReader<'a> {
    span: Span,
    entries: &'a [Entry],
    known: Vec<&'static str>,
}

impl<'a> MapReader<'a> {
    pub(super) fn open(node: &'a Node, reader: &mut Reader) -> Option<Self> {
        if let Value::Map(entries) = &node.value {
            return Some(Self { span: node.span, entries, known: Vec::new() });
        }
        reader.wrong_type(node, "a mapping");
        None
    }

    pub(super) fn span(&self) -> Span {
        self.span
    }

    /// Reads one key; reports it when it is missing and required.
    pub(super) fn field<T: Read>(&mut self, key: &'static str, reader: &mut Reader) -> Option<T> {
        self.known.push(key);
        let Some(entry) = self.entries.iter().find(|entry| entry.key == key) else {
            let default = T::missing();
            if default.is_none() {
                let first = self.entries.first().map_or(self.span, |entry| entry.key_span);
                let found = Diagnostic::new(Code::MissingKey, first, format!("`{key}` is missing"));
                reader.out.push(found.help(format!("add `{key}:` beside `{}`", self.first_key())));
            }
            return default;
        };
        if matches!(entry.node.value, Value::Null) && T::missing().is_some() {
            return T::missing();
        }
        T::read(&entry.node, reader)
    }

    /// The node of a key that is read elsewhere.
    pub(super) fn entry(&mut self, key: &'static str) -> Option<&'a Node> {
        self.known.push(key);
        self.entries.iter().find(|entry| entry.key == key).map(|entry| &entry.node)
    }

    fn first_key(&self) -> &str {
        self.entries.first().map_or("the others", |entry| entry.key.as_str())
    }

    /// Refuses the keys that nothing read.
    pub(super) fn close(self, what: &str, reader: &mut Reader) {
        for entry in self.entries.iter().filter(|entry| !self.known.contains(&&*entry.key)) {
            let message = format!("{what} has no key `{}`", entry.key);
            let found = Diagnostic::new(Code::UnknownKey, entry.key_span, message);
            let unused =
                self.known.iter().filter(|key| !self.entries.iter().any(|e| e.key == **key));
            let known = self.known.iter().copied();
            reader.out.push(match nearest(&entry.key, unused.copied()) {
                Some(near) => found.help(format!("did you mean `{near}`?")),
                None => found.suggest(&entry.key, known),
            });
        }
    }
}

impl Read for Text {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        if let Value::Scalar(text) = &node.value {
            return Some(Self { value: text.clone(), span: node.span });
        }
        reader.wrong_type(node, "text");
        None
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": ["string", "number", "boolean"] })
    }
}

impl Read for String {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        Text::read(node, reader).map(|text| text.value.trim().to_owned())
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string" })
    }
}

impl Read for bool {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Scalar(text) if text == "true" => Some(true),
            Value::Scalar(text) if text == "false" => Some(false),
            _ => {
                reader.wrong_type(node, "true or false");
                None
            }
        }
    }

    fn missing() -> Option<Self> {
        Some(false)
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "boolean" })
    }
}

/// A number of the given type, with words for what is expected.
fn read_number<T: std::str::FromStr>(
    node: &Node,
    wanted: &str,
    reader: &mut Reader,
) -> Option<Located<T>> {
    if let Value::Scalar(text) = &node.value {
        if let Ok(value) = text.parse() {
            return Some(Located { value, span: node.span });
        }
        reader.report(Code::WrongType, node.span, format!("expected {wanted}, found `{text}`"));
    } else {
        reader.wrong_type(node, wanted);
    }
    None
}

impl Read for Located<u32> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        read_number(node, "a whole number from 0", reader)
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "integer", "minimum": 0 })
    }
}

impl Read for Located<f64> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let found = read_number::<f64>(node, "a number", reader)?;
        if found.value.is_finite() {
            return Some(found);
        }
        reader.report(Code::InvalidValue, node.span, "expected a finite number");
        None
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "number" })
    }
}

impl<T: Read> Read for Option<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        T::read(node, reader).map(Some)
    }

    fn missing() -> Option<Self> {
        Some(None)
    }

    fn schema() -> serde_json::Value {
        T::schema()
    }
}

/// A list; what cannot be read is reported and left out.
impl<T: Read> Read for Vec<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::List(items) = &node.value else {
            reader.wrong_type(node, "a list");
            reader.mark_broken(node);
            return None;
        };
        let mut list = Self::new();
        for item in items {
            match T::read(item, reader) {
                Some(value) => list.push(value),
                None => reader.mark_broken(item),
            }
        }
        Some(list)
    }

    fn missing() -> Option<Self> {
        Some(Self::new())
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "array", "items": T::schema() })
    }
}

/// A list of at least one.
#[derive(Debug, Clone)]
pub struct NonEmpty<T>(pub Vec<T>);

impl<T: Read> Read for NonEmpty<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let items = Vec::read(node, reader)?;
        if matches!(&node.value, Value::List(written) if written.is_empty()) {
            reader.report(Code::MissingKey, node.span, "the list is empty");
        }
        // Items that could not be read have been reported.
        (!items.is_empty()).then_some(Self(items))
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "array", "items": T::schema(), "minItems": 1 })
    }
}

/// One value or a list of them.
#[derive(Debug, Clone)]
pub struct OneOrMany<T>(pub Vec<T>);

impl<T: Read> Read for OneOrMany<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::List(_) => Vec::read(node, reader).map(Self),
            _ => T::read(node, reader).map(|one| Self(vec![one])),
        }
    }

    fn missing() -> Option<Self> {
        Some(Self(Vec::new()))
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [T::schema(), { "type": "array", "items": T::schema() }] })
    }
}

/// A value, or nothing at all (null).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nullable<T>(pub Option<T>);

impl<T: Read> Read for Nullable<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        match &node.value {
            Value::Null => Some(Self(None)),
            _ => T::read(node, reader).map(|value| Self(Some(value))),
        }
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "anyOf": [T::schema(), { "type": "null" }] })
    }
}

/// Own keys → values.
#[derive(Debug, Clone)]
pub struct Mapping<T>(pub Entries<T>);

impl<T> Default for Mapping<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Mapping<T> {
    pub fn iter(&self) -> impl Iterator<Item = (&Text, &T)> {
        self.0.iter().map(|(key, value)| (key, value))
    }

    #[must_use]
    pub fn get(&self, key: &str) -> Option<&T> {
        self.0.iter().find(|(name, _)| name.value == key).map(|(_, value)| value)
    }
}

impl<T: Read> Read for Mapping<T> {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            reader.wrong_type(node, "a mapping");
            return None;
        };
        let mut map = Entries::new();
        for entry in entries {
            let key = Text { value: entry.key.clone(), span: entry.key_span };
            if let Some(value) = T::read(&entry.node, reader) {
                map.push((key, value));
            }
        }
        Some(Self(map))
    }

    fn missing() -> Option<Self> {
        Some(Self::default())
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "object", "additionalProperties": T::schema() })
    }
}

/// The name that a definition gives itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name(pub Text);

impl Name {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0.value
    }

    #[must_use]
    pub fn span(&self) -> Span {
        self.0.span
    }
}

/// `[a-z][a-z0-9_]*` without `__`.
fn is_name(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_lowercase())
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        && !text.contains("__")
        && text.len() <= 100
}

impl Read for Name {
    fn read(node: &Node, reader: &mut Reader) -> Option<Self> {
        let text = Text::read(node, reader)?;
        if is_name(&text.value) {
            return Some(Self(text));
        }
        let near =
            text.value.trim().to_lowercase().replace([' ', '-', '.'], "_").replace("__", "_");
        let message = format!("`{}` cannot be a name", text.value);
        let mut found = Diagnostic::new(Code::InvalidName, text.span, message);
        found = match is_name(&near) {
            true => found.help(format!("write `{near}`")),
            false => found.help("names match [a-z][a-z0-9_]* without `__`"),
        };
        reader.out.push(found);
        None
    }

    fn schema() -> serde_json::Value {
        serde_json::json!({ "type": "string", "pattern": "^[a-z](?:[a-z0-9]|_(?!_))*$" })
    }
}
