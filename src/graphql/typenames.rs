//! `__typename` as the other fields are: its directives validated, without arguments and fields.
//!
//! async-graphql's validation passes it by, so that variables of its directives count as unused and
//! unknown directives as known. An inline fragment around it means the same and is validated.

use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, InlineFragment, Selection, SelectionSet,
};
use async_graphql::{Pos, Positioned};

use crate::error::{ApiError, ErrorCode};

use super::errors::Reported;

const TYPENAME: &str = "__typename";

/// The same document with the directives of `__typename` where validation sees them.
pub(super) fn validatable(
    mut document: ExecutableDocument,
) -> Result<ExecutableDocument, Reported> {
    match &mut document.operations {
        DocumentOperations::Single(operation) => wrap(&mut operation.node.selection_set.node)?,
        DocumentOperations::Multiple(operations) => {
            for operation in operations.values_mut() {
                wrap(&mut operation.node.selection_set.node)?;
            }
        }
    }
    for fragment in document.fragments.values_mut() {
        wrap(&mut fragment.node.selection_set.node)?;
    }
    Ok(document)
}

fn wrap(selections: &mut SelectionSet) -> Result<(), Reported> {
    for selection in &mut selections.items {
        let pos = selection.pos;
        match &mut selection.node {
            Selection::Field(field) if field.node.name.node == TYPENAME => {
                check(field)?;
                if !field.node.directives.is_empty() {
                    selection.node = in_fragment(field, pos);
                }
            }
            Selection::Field(field) => wrap(&mut field.node.selection_set.node)?,
            Selection::InlineFragment(inline) => wrap(&mut inline.node.selection_set.node)?,
            Selection::FragmentSpread(_) => {}
        }
    }
    Ok(())
}

fn check(field: &Positioned<Field>) -> Result<(), Reported> {
    let has = match (field.node.arguments.first(), field.node.selection_set.node.items.first()) {
        (Some((name, _)), _) => format!("argument `{name}`"),
        (None, Some(_)) => "fields of its own".to_owned(),
        (None, None) => return Ok(()),
    };
    let error = ApiError::new(ErrorCode::BadRequest, format!("`{TYPENAME}` has no {has}."));
    Err(Reported { locations: vec![field.pos], ..Reported::new(error) })
}

/// `a: __typename @x` as `... @x { a: __typename }`.
fn in_fragment(field: &mut Positioned<Field>, pos: Pos) -> Selection {
    let directives = std::mem::take(&mut field.node.directives);
    let own = Positioned::new(Selection::Field(field.clone()), pos);
    let selection_set = Positioned::new(SelectionSet { items: vec![own] }, pos);
    let inline = InlineFragment { type_condition: None, directives, selection_set };
    Selection::InlineFragment(Positioned::new(inline, pos))
}
