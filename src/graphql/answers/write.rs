//! Selected fields of an answer → JSON, in one pass and without values in between but the leaves.

use std::any::Any;
use std::cell::RefCell;

use async_graphql::Pos;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::engine::{Cell, TableAnswer};
use crate::error::{ApiError, ErrorCode};

use super::super::values::{self, TooLong};
use super::selected::{Field, Selected, What};
use super::{Item, ReadItems, Reader, too_long};

/// Why an answer cannot be written, and at which field that was found.
#[derive(Debug)]
pub(in super::super) struct Unwritable {
    pub error: ApiError,
    pub pos: Pos,
}

impl Unwritable {
    /// For what cannot be.
    pub fn for_a_fault() -> Self {
        let message = "The answer could not be written as JSON. This is a fault of ours.";
        Self { error: ApiError::new(ErrorCode::Internal, message), pos: Pos::default() }
    }
}

/// Writes the selected fields of an answer behind what is there; a part of them where it fails.
///
/// # Errors
/// A value that JSON does not carry exactly: a part of an answer must not look like it.
pub(in super::super) fn write(
    fields: &[Selected<'_>],
    of: &dyn Any,
    into: &mut Vec<u8>,
) -> Result<(), Unwritable> {
    let problem = RefCell::new(None);
    serde_json::to_writer(into, &Object { fields, of, problem: &problem })
        .map_err(|_| problem.take().unwrap_or_else(Unwritable::for_a_fault))
}

/// Serde's errors are texts: what went wrong is left here.
type Problem = RefCell<Option<Unwritable>>;

#[derive(Clone, Copy)]
struct Object<'a> {
    fields: &'a [Selected<'a>],
    of: &'a dyn Any,
    problem: &'a Problem,
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.fields.len()))?;
        for selected in self.fields {
            match &selected.what {
                What::Typename(name) => map.serialize_entry(selected.key, name)?,
                What::Of(field) => self.entry(&mut map, selected, field)?,
            }
        }
        map.end()
    }
}

impl Object<'_> {
    fn entry<M: SerializeMap>(
        &self,
        map: &mut M,
        selected: &Selected<'_>,
        field: &Field<'_>,
    ) -> Result<(), M::Error> {
        let key = selected.key;
        match field.reader {
            Reader::Value(read) => match read(self.of, selected.name) {
                Ok(value) => map.serialize_entry(key, &value),
                Err(error) => Err(failed(self.problem, error, selected.pos)),
            },
            Reader::Object(read) => {
                let part = read(self.of).map(|of| Object { fields: &field.fields, of, ..*self });
                map.serialize_entry(key, &part)
            }
            Reader::List(read) => map.serialize_entry(key, &List { read, field, within: self }),
            Reader::Rows(read) => {
                let (pos, problem) = (selected.pos, self.problem);
                map.serialize_entry(key, &read(self.of).map(|table| Rows { table, pos, problem }))
            }
        }
    }
}

struct List<'a> {
    read: &'a ReadItems,
    field: &'a Field<'a>,
    within: &'a Object<'a>,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        let Field { arguments, fields, .. } = self.field;
        for item in (self.read)(self.within.of, arguments) {
            let of = match &item {
                Item::Part(part) => *part,
                Item::Made(made) => &**made,
            };
            list.serialize_element(&Object { fields, of, ..*self.within })?;
        }
        list.end()
    }
}

struct Rows<'a> {
    table: &'a TableAnswer,
    pos: Pos,
    problem: &'a Problem,
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.table.rows.iter().map(|cells| Row { cells, of: self }))
    }
}

struct Row<'a> {
    cells: &'a [Cell],
    of: &'a Rows<'a>,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.cells.len()))?;
        for (column, cell) in self.of.table.columns.iter().zip(self.cells) {
            let name = column.name.as_str();
            let value = values::cell(cell)
                .map_err(|TooLong| failed(self.of.problem, too_long(name), self.of.pos))?;
            map.serialize_entry(name, &value)?;
        }
        map.end()
    }
}

fn failed<E: serde::ser::Error>(problem: &Problem, error: ApiError, pos: Pos) -> E {
    problem.replace(Some(Unwritable { error, pos }));
    E::custom("not to be written")
}
