//! The static part of the public schema: SDL under `contract/`, read once per schema. Types, their
//! descriptions and the defaults of arguments are written there and nowhere else.

use async_graphql::parser::parse_schema;
use async_graphql::parser::types::{
    BaseType, FieldDefinition, Type, TypeDefinition, TypeKind, TypeSystemDefinition,
};
use async_graphql::{Positioned, Value};

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

/// An argument of a field.
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

    /// The arguments of a field, in order; none of a field that is not there.
    pub fn arguments(&self, owner: &str, field: &str) -> Vec<Argument<'_>> {
        self.field(owner, field).map_or_else(Vec::new, |found| {
            let arguments = found.arguments.iter().map(|argument| Argument {
                name: &argument.node.name.node,
                ty: &argument.node.ty.node,
                default: argument.node.default_value.as_ref().map(|value| &value.node),
            });
            arguments.collect()
        })
    }

    /// The type of a field, or of the items of its list.
    pub fn type_of(&self, owner: &str, field: &str) -> Option<&str> {
        let mut ty = &self.field(owner, field)?.ty.node.base;
        loop {
            match ty {
                BaseType::Named(name) => return Some(name),
                BaseType::List(items) => ty = &items.base,
            }
        }
    }

    /// The names of a type's fields, in order; none of a type that is no object.
    pub fn fields_of(&self, owner: &str) -> Vec<&str> {
        self.fields(owner).iter().map(|field| field.node.name.node.as_str()).collect()
    }

    fn field(&self, owner: &str, field: &str) -> Option<&FieldDefinition> {
        self.fields(owner).iter().map(|found| &found.node).find(|found| found.name.node == field)
    }

    fn fields(&self, owner: &str) -> &[Positioned<FieldDefinition>] {
        match self.types.iter().find(|ty| ty.name.node == owner).map(|ty| &ty.kind) {
            Some(TypeKind::Object(object)) => &object.fields,
            _ => &[],
        }
    }
}
