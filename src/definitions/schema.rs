//! JSON Schema of the definition files, from the same lists that read them: editors complete and
//! check what the loader accepts, nothing else.

use serde_json::{Map, Value, json};

use super::read::{Fields, Read};

/// The properties of one mapping while they are collected.
#[derive(Debug, Default)]
pub struct ObjectSchema {
    properties: Map<String, Value>,
    required: Vec<Value>,
}

impl ObjectSchema {
    /// The schema of a mapping with the keys of `T`.
    pub(super) fn of<T: Fields>(description: &str) -> Value {
        let mut schema = Self::default();
        T::properties(&mut schema);
        schema.finish(description)
    }

    pub(super) fn add<T: Read>(&mut self, key: &str, description: &str) {
        let mut value = T::schema();
        if let Value::Object(map) = &mut value {
            map.insert("description".to_owned(), json!(description.trim()));
        }
        self.properties.insert(key.to_owned(), value);
        if T::missing().is_none() {
            self.required.push(json!(key));
        }
    }

    /// A key whose values another schema describes.
    pub(super) fn add_schema(&mut self, key: &str, description: &str, mut schema: Value) {
        schema["description"] = json!(description);
        self.properties.insert(key.to_owned(), schema);
    }

    /// The same keys, none of which must be there.
    pub(super) fn optional(self) -> Self {
        Self { required: Vec::new(), ..self }
    }

    /// The same without some keys.
    pub(super) fn without(mut self, keys: &[&str]) -> Self {
        self.properties.retain(|key, _| !keys.contains(&key.as_str()));
        self
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.properties.keys().cloned().collect()
    }

    /// A key that holds exactly one word.
    pub(super) fn add_word(&mut self, key: &str, word: &str) {
        self.properties.insert(key.to_owned(), json!({ "const": word }));
        self.required.push(json!(key));
    }

    /// No other keys.
    fn finish(self, description: &str) -> Value {
        let mut schema = self.open(description);
        schema["additionalProperties"] = json!(false);
        schema
    }

    /// Other keys may be there: another schema says which.
    pub(super) fn open(self, description: &str) -> Value {
        json!({
            "type": "object",
            "description": description.trim(),
            "properties": self.properties,
            "required": self.required,
        })
    }

    /// These keys and those of another schema, no others.
    pub(super) fn extending(self, description: &str, base: &str) -> Value {
        let mut schema = self.open(description);
        schema["allOf"] = json!([{ "$ref": base }]);
        schema["unevaluatedProperties"] = json!(false);
        schema
    }
}
