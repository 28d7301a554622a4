//! Contract + model → the dynamic schema. The static types come from the contract; the names of
//! metrics and dimensions, `Where` and `MetricRecord` from the model. Depends on definitions
//! alone, so that a schema can be built with the storage down.

mod generated;

use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, InputObject, InputValue, Object, Scalar, Schema, TypeRef,
};
use async_graphql::parser::types::{
    BaseType, FieldDefinition, InputValueDefinition, Type, TypeDefinition, TypeKind,
};
use async_graphql::{Positioned, SDLExportOptions};

use crate::model::Model;

use super::answers::Readers;
use super::contract::{Contract, QUERY};
use super::resolve::Resolvers;

/// Why no schema could be built. Definitions that passed their checks never lead here.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    #[error("the contract does not parse: {0}")]
    Contract(String),
    #[error("nothing resolves {0}.{1}")]
    Unresolved(String, String),
    #[error("the schema does not hold together: {0}")]
    Inconsistent(String),
}

pub(super) fn build(
    contract: &Contract,
    model: &Model,
    (readers, resolvers): (&Readers, &Resolvers),
) -> Result<Schema, SchemaError> {
    let mut builder = Schema::build(QUERY, None, None)
        .disable_suggestions()
        .register(generated::metric_names(model))
        .register(generated::dimension_names(model))
        .register(generated::filter(model))
        .register(generated::record(model));
    for ty in &contract.types {
        let (name, about) = (ty.name.node.as_str(), text(ty.description.as_ref()));
        builder = match &ty.kind {
            TypeKind::Scalar => builder.register(Scalar::new(name).description(about)),
            TypeKind::Enum(found) => {
                let items = found.values.iter().map(|value| {
                    EnumItem::new(value.node.value.node.as_str())
                        .description(text(value.node.description.as_ref()))
                });
                builder.register(Enum::new(name).description(about).items(items))
            }
            // Introspection leaves unused types out; the exported schema says the same.
            TypeKind::InputObject(_) if generated::is_unused_filter(model, name) => builder,
            TypeKind::InputObject(found) => {
                let fields = found.fields.iter().map(|field| input_value(&field.node));
                let object = InputObject::new(name).description(about);
                builder.register(fields.fold(object, InputObject::field))
            }
            TypeKind::Object(found) => {
                let mut object = Object::new(name).description(about);
                for field in &found.fields {
                    object = object.field(object_field(ty, &field.node, (readers, resolvers))?);
                }
                builder.register(object)
            }
            TypeKind::Interface(_) | TypeKind::Union(_) => builder,
        };
    }
    builder.finish().map_err(|error| SchemaError::Inconsistent(error.to_string()))
}

/// The schema as text, one blank line between definitions and none at the ends of lines.
pub(super) fn sdl(schema: &Schema) -> String {
    let options = SDLExportOptions::new().use_space_ident();
    let sdl = schema.sdl_with_options(options);
    let lines: Vec<&str> = sdl.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_end())
}

fn object_field(
    owner: &TypeDefinition,
    field: &FieldDefinition,
    (readers, resolvers): (&Readers, &Resolvers),
) -> Result<Field, SchemaError> {
    let (owner, name) = (owner.name.node.as_str(), field.name.node.as_str());
    let ty = type_ref(&field.ty.node);
    let built = match resolvers.get(owner, name) {
        Some(resolver) => Field::new(name, ty, move |context| resolver(context)),
        None if readers.has(owner, name) => read(name, ty),
        None => return Err(SchemaError::Unresolved(owner.to_owned(), name.to_owned())),
    };
    let built = built.description(text(field.description.as_ref()));
    let arguments = field.arguments.iter().map(|argument| input_value(&argument.node));
    Ok(arguments.fold(built, Field::argument))
}

/// A field of an answer, which the library validates and never asks for.
fn read(name: &str, ty: TypeRef) -> Field {
    Field::new(name, ty, |_| FieldFuture::Value(None))
}

fn input_value(definition: &InputValueDefinition) -> InputValue {
    let value = InputValue::new(definition.name.node.as_str(), type_ref(&definition.ty.node))
        .description(text(definition.description.as_ref()));
    match &definition.default_value {
        Some(default) => value.default_value(default.node.clone()),
        None => value,
    }
}

fn type_ref(ty: &Type) -> TypeRef {
    let base = match &ty.base {
        BaseType::Named(name) => TypeRef::named(name.as_str()),
        BaseType::List(inner) => TypeRef::List(Box::new(type_ref(inner))),
    };
    if ty.nullable { base } else { TypeRef::NonNull(Box::new(base)) }
}

fn text(description: Option<&Positioned<String>>) -> String {
    description.map_or_else(String::new, |text| text.node.trim().to_owned())
}
