//! What a document selects of an answer, with what reads it: resolved once, not for every row.

use async_graphql::indexmap::IndexMap;
use async_graphql::{Pos, Value};

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
                let own = |ty| self.of(document, &field, ty);
                What::Of(self.field(ty, name, document.arguments(&field), own)?)
            };
            Ok(Selected { key, name, pos, what })
        });
        selected.collect()
    }

    /// These fields of a type, each with all of its own.
    ///
    /// # Errors
    /// As [`Self::of`].
    pub fn whole(self, ty: &str, names: &[&'d str]) -> Result<Vec<Selected<'d>>, Unwritable> {
        let selected = names.iter().map(|&name| {
            let own = |ty| self.whole(ty, &self.contract.fields_of(ty));
            let what = What::Of(self.field(ty, name, IndexMap::new(), own)?);
            Ok(Selected { key: name, name, pos: Pos::default(), what })
        });
        selected.collect()
    }

    fn field(
        self,
        ty: &str,
        name: &str,
        given: IndexMap<String, Value>,
        own: impl FnOnce(&'d str) -> Result<Vec<Selected<'d>>, Unwritable>,
    ) -> Result<Field<'d>, Unwritable> {
        let reader = self.readers.get(ty, name).ok_or_else(|| {
            tracing::error!(ty, name, "nothing reads a field");
            Unwritable::for_a_fault()
        })?;
        let arguments = Args::new(given, &self.contract.arguments(ty, name));
        let fields = self.contract.type_of(ty, name).map_or(Ok(Vec::new()), own)?;
        Ok(Field { reader, arguments, fields })
    }
}
