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

/// A field of the response: all occurrences of its key together, whose own fields are one set.
pub(super) struct ResponseField<'d> {
    pub name: &'d str,
    /// Where it is asked for first.
    pub pos: Pos,
    occurrences: Vec<&'d Field>,
}

/// The fields of one object, by response key, in document order.
pub(super) type ResponseFields<'d> = IndexMap<&'d str, ResponseField<'d>>;

/// Reads the selections of an operation as they will run: fragments flattened, skipped ones gone.
pub(super) struct Reader<'d> {
    document: &'d ExecutableDocument,
    variables: &'d Variables,
}

impl<'d> Reader<'d> {
    pub fn new(document: &'d ExecutableDocument, variables: &'d Variables) -> Self {
        Self { document, variables }
    }

    pub fn root_fields(&self, operation: &'d OperationDefinition) -> ResponseFields<'d> {
        let mut fields = ResponseFields::new();
        self.collect(&operation.selection_set.node, QUERY, &mut fields);
        fields
    }

    /// The fields of a field that is an object of that type.
    pub fn fields_of(&self, field: &ResponseField<'d>, ty: &str) -> ResponseFields<'d> {
        let mut fields = ResponseFields::new();
        for occurrence in &field.occurrences {
            self.collect(&occurrence.selection_set.node, ty, &mut fields);
        }
        fields
    }

    /// Whether a root field selects the field of that name.
    pub fn selects(&self, root: &ResponseField<'d>, ty: &str, name: &str) -> bool {
        self.fields_of(root, ty).values().any(|field| field.name == name)
    }

    /// Whether a root field selects one of these fields of its rows.
    pub fn selects_of_rows(
        &self,
        root: &ResponseField<'d>,
        (answer, row): (&str, &str),
        names: &[&str],
    ) -> bool {
        let fields = self.fields_of(root, answer);
        let mut rows = fields.values().filter(|field| field.name == "rows");
        rows.any(|rows| self.fields_of(rows, row).values().any(|of| names.contains(&of.name)))
    }

    /// The arguments of a field, variables filled in. Occurrences of one response key have equal
    /// arguments: validation sees to it.
    pub fn arguments(&self, field: &ResponseField<'d>) -> IndexMap<String, Value> {
        let arguments = field.occurrences.first().map(|field| &field.arguments);
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

    fn collect(&self, selection_set: &'d SelectionSet, ty: &str, fields: &mut ResponseFields<'d>) {
        for selection in &selection_set.items {
            if self.skipped(&selection.node) {
                continue;
            }
            let (condition, inner) = match &selection.node {
                Selection::Field(Positioned { pos, node }) => {
                    let found = fields.entry(node.response_key().node.as_str());
                    let (name, pos) = (node.name.node.as_str(), *pos);
                    let new = || ResponseField { name, pos, occurrences: Vec::new() };
                    found.or_insert_with(new).occurrences.push(node);
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
                self.collect(&inner.node, ty, fields);
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
