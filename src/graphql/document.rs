//! The document: parsed once, limited before anything walks it, and read for its root fields.

use async_graphql::indexmap::IndexMap;
use async_graphql::parser::types::{
    DocumentOperations, ExecutableDocument, Field, OperationDefinition, Selection, SelectionSet,
};
use async_graphql::parser::{self, parse_query};
use async_graphql::{Name, Pos, Positioned, Value, Variables};

use crate::error::{ApiError, ApiResult, ErrorCode};

use super::contract::QUERY;
use super::enum_names::{renamed, restore};
use super::errors::Reported;

/// Parses a document whose size and nesting are known to be harmless.
pub(super) fn parse(text: &str) -> Result<ExecutableDocument, Reported> {
    let (text, names) = renamed(text);
    let mut document = parse_query(text).map_err(not_parsed)?;
    restore(&mut document, &names);
    Ok(document)
}

fn not_parsed(error: parser::Error) -> Reported {
    let message = match &error {
        parser::Error::Syntax { message, start, .. } => {
            let expected = message
                .rsplit_once("= expected ")
                .map(|(_, names)| format!(", expected {}", names.trim().replace('_', " ")));
            let Pos { line, column } = start;
            format!("Syntax error at line {line}, column {column}{}.", expected.unwrap_or_default())
        }
        other => format!("The document is not valid: {other}."),
    };
    let mut reported = Reported::new(ApiError::new(ErrorCode::BadRequest, message));
    reported.locations = error.positions().take(1).collect();
    reported
}

/// The operation to run.
pub(super) fn operation<'d>(
    document: &'d ExecutableDocument,
    name: Option<&str>,
) -> ApiResult<&'d Positioned<OperationDefinition>> {
    let bad = |message: String| Err(ApiError::new(ErrorCode::BadRequest, message));
    match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => Ok(operation),
        (DocumentOperations::Single(_), Some(name)) => {
            bad(format!("The document has no operation named `{name}`."))
        }
        (DocumentOperations::Multiple(operations), Some(name)) => operations
            .get(name)
            .map_or_else(|| bad(format!("The document has no operation named `{name}`.")), Ok),
        (DocumentOperations::Multiple(operations), None) => match operations.values().next() {
            Some(only) if operations.len() == 1 => Ok(only),
            _ => bad("The document has several operations: say which by `operationName`.".into()),
        },
    }
}

/// A field of the operation's root, all occurrences of its response key together.
pub(super) struct RootField<'d> {
    pub name: &'d str,
    occurrences: Vec<&'d Field>,
}

/// Reads the selections of an operation as they will run: fragments flattened, skipped ones gone.
pub(super) struct Reader<'d> {
    document: &'d ExecutableDocument,
    variables: &'d Variables,
}

impl<'d> Reader<'d> {
    pub fn new(document: &'d ExecutableDocument, variables: &'d Variables) -> Self {
        Self { document, variables }
    }

    /// The root fields by response key, in document order.
    pub fn root_fields(
        &self,
        operation: &'d OperationDefinition,
    ) -> IndexMap<&'d str, RootField<'d>> {
        let mut fields: IndexMap<&str, RootField<'_>> = IndexMap::new();
        self.each_field(&operation.selection_set.node, QUERY, &mut |field| {
            fields
                .entry(field.response_key().node.as_str())
                .or_insert_with(|| RootField { name: &field.name.node, occurrences: Vec::new() })
                .occurrences
                .push(field);
        });
        fields
    }

    /// Whether a root field selects the field of that name.
    pub fn selects(&self, root: &RootField<'d>, ty: &str, name: &str) -> bool {
        let mut found = false;
        for occurrence in &root.occurrences {
            self.each_field(&occurrence.selection_set.node, ty, &mut |field| {
                found |= field.name.node == name;
            });
        }
        found
    }

    /// Whether a root field selects one of these fields of its rows.
    pub fn selects_of_rows(
        &self,
        root: &RootField<'d>,
        (answer, row): (&str, &str),
        names: &[&str],
    ) -> bool {
        let mut rows = Vec::new();
        for occurrence in &root.occurrences {
            self.each_field(&occurrence.selection_set.node, answer, &mut |field| {
                if field.name.node == "rows" {
                    rows.push(&field.selection_set.node);
                }
            });
        }
        let mut found = false;
        for selection in rows {
            self.each_field(selection, row, &mut |field| {
                found |= names.contains(&field.name.node.as_str());
            });
        }
        found
    }

    /// The arguments of a root field, variables filled in. Occurrences of one response key have
    /// equal arguments: validation sees to it.
    pub fn arguments(&self, root: &RootField<'d>) -> IndexMap<String, Value> {
        let arguments = root.occurrences.first().map(|field| &field.arguments);
        arguments
            .into_iter()
            .flatten()
            .map(|(name, value)| {
                let value = value.node.clone().into_const_with(|name| {
                    Ok::<_, std::convert::Infallible>(self.variable(&name))
                });
                let Ok(value) = value;
                (name.node.to_string(), value)
            })
            .collect()
    }

    fn each_field(
        &self,
        selection_set: &'d SelectionSet,
        ty: &str,
        visit: &mut dyn FnMut(&'d Field),
    ) {
        for selection in &selection_set.items {
            if self.skipped(&selection.node) {
                continue;
            }
            let (condition, inner) = match &selection.node {
                Selection::Field(field) => {
                    visit(&field.node);
                    continue;
                }
                Selection::FragmentSpread(spread) => {
                    match self.document.fragments.get(&spread.node.fragment_name.node) {
                        Some(found) => {
                            (Some(&found.node.type_condition), &found.node.selection_set)
                        }
                        None => continue,
                    }
                }
                Selection::InlineFragment(inline) => {
                    (inline.node.type_condition.as_ref(), &inline.node.selection_set)
                }
            };
            if condition.is_none_or(|condition| condition.node.on.node == ty) {
                self.each_field(&inner.node, ty, visit);
            }
        }
    }

    fn skipped(&self, selection: &Selection) -> bool {
        selection.directives().iter().any(|directive| {
            let wanted = match directive.node.name.node.as_str() {
                "skip" => false,
                "include" => true,
                _ => return false,
            };
            let Some(condition) = directive.node.get_argument("if") else { return false };
            let holds = condition
                .node
                .clone()
                .into_const_with(|name| Ok::<_, std::convert::Infallible>(self.variable(&name)));
            let Ok(holds) = holds;
            (holds == Value::Boolean(true)) != wanted
        })
    }

    fn variable(&self, name: &Name) -> Value {
        self.variables.get(name).cloned().unwrap_or_default()
    }
}
