//! The static part of the public schema: SDL under `contract/`, read once per schema. Types, their
//! descriptions and the defaults of arguments are written there and nowhere else.

use async_graphql::Value;
use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    FieldDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};

use super::schema::SchemaError;

const SDL: &str = concat!(
    include_str!("contract/values.graphql"),
    include_str!("contract/filters.graphql"),
    include_str!("contract/query.graphql"),
    include_str!("contract/answers.graphql"),
    include_str!("contract/catalog.graphql"),
);

/// The type of the root fields.
pub(super) const QUERY: &str = "Query";

/// The contract, parsed.
pub(super) struct Contract {
    pub types: Vec<TypeDefinition>,
}

/// An argument of a root field.
pub(super) struct Argument<'c> {
    pub name: &'c str,
    pub ty: &'c Type,
    pub default: Option<&'c Value>,
}

impl Contract {
    pub fn parse() -> Result<Self, SchemaError> {
        let document =
            parse_schema(SDL).map_err(|error| SchemaError::Contract(error.to_string()))?;
        let types = document.definitions.into_iter().filter_map(|definition| match definition {
            TypeSystemDefinition::Type(ty) => Some(ty.node),
            _ => None,
        });
        Ok(Self { types: types.collect() })
    }

    /// The arguments of a root field, in order; none for a field that is not there.
    pub fn arguments(&self, field: &str) -> Vec<Argument<'_>> {
        let found = self.root_fields().find(|found| found.name.node == field);
        found.map_or_else(Vec::new, |found| {
            let arguments = found.arguments.iter().map(|argument| Argument {
                name: &argument.node.name.node,
                ty: &argument.node.ty.node,
                default: argument.node.default_value.as_ref().map(|value| &value.node),
            });
            arguments.collect()
        })
    }

    fn root_fields(&self) -> impl Iterator<Item = &FieldDefinition> {
        let query = self.types.iter().find(|ty| ty.name.node == QUERY);
        let fields = query.and_then(|ty| match &ty.kind {
            TypeKind::Object(object) => Some(&object.fields),
            _ => None,
        });
        fields.into_iter().flatten().map(|field| &field.node)
    }
}
