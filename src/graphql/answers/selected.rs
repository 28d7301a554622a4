//! What a document selects of an answer, with what reads it: resolved once, not for every row.

use async_graphql::Pos;

use super::super::contract::Contract;
use super::super::decode::Args;
use super::super::document::{Reader as Document, ResponseField};
use super::{Reader, Readers, Unwritable};

/// A selected field.
pub struct Selected<'d> {
    /// Its key in the response.
    pub key: &'d str,
    pub name: &'d str,
    pub pos: Pos,
    pub what: What<'d>,
}

/// What is written of a field.
pub enum What<'d> {
    Typename(&'d str),
    Of(Field<'d>),
}

pub struct Field<'d> {
    pub(super) reader: &'d Reader,
    pub arguments: Args,
    /// Its own fields, of an object or the items of a list.
    pub fields: Vec<Selected<'d>>,
}

/// Where selections are looked up.
#[derive(Clone, Copy)]
pub(in super::super) struct Selecting<'d> {
    pub readers: &'d Readers,
    pub contract: &'d Contract,
}

impl<'d> Selecting<'d> {
    /// What a document selects of a field that is an object of that type.
    ///
    /// # Errors
    /// A field that nothing reads, which the schema has none of.
    pub fn of(
        self,
        document: &Document<'d>,
        field: &ResponseField<'d>,
        ty: &'d str,
    ) -> Result<Vec<Selected<'d>>, Unwritable> {
        let fields = document.fields_of(field, ty);
        let selected = fields.into_iter().map(|(key, field)| {
            let (name, pos) = (field.name, field.pos);
            let what = if name == "__typename" {
                What::Typename(ty)
            } else {
                let reader = self.reader(ty, name)?;
                let known = self.contract.arguments(ty, name);
                let arguments = Args::new(document.arguments(&field), &known);
                let fields = match self.contract.type_of(ty, name) {
                    Some(inner) => self.of(document, &field, inner)?,
                    None => Vec::new(),
                };
                What::Of(Field { reader, arguments, fields })
            };
            Ok(Selected { key, name, pos, what })
        });
        selected.collect()
    }

    fn reader(self, ty: &str, name: &str) -> Result<&'d Reader, Unwritable> {
        self.readers.get(ty, name).ok_or_else(|| {
            tracing::error!(ty, name, "nothing reads a field");
            Unwritable::for_a_fault()
        })
    }
}
