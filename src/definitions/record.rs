//! Macros that write a definition's struct, its reader and its JSON Schema from one list, so that
//! the three cannot drift apart.

/// A mapping with known keys: the struct, its reader and its JSON Schema from one list.
macro_rules! record {
    ($(#[doc = $doc:literal])+ pub struct $name:ident is $what:literal {
        $( $(#[doc = $field_doc:literal])+ $field:ident $(as $key:literal)? : $type:ty, )*
    }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone)]
        pub struct $name {
            /// Where it is written.
            pub span: $crate::diagnostics::Span,
            $( $(#[doc = $field_doc])+ pub $field: $type, )*
        }

        impl $crate::definitions::read::Fields for $name {
            fn read_fields(
                map: &mut $crate::definitions::read::MapReader,
                reader: &mut $crate::definitions::read::Reader,
            ) -> Option<Self> {
                $( let $field =
                    map.field::<$type>($crate::definitions::record::key!($field $(, $key)?), reader); )*
                Some(Self { span: map.span(), $( $field: $field?, )* })
            }

            fn properties(schema: &mut $crate::definitions::schema::ObjectSchema) {
                $( schema.add::<$type>(
                    $crate::definitions::record::key!($field $(, $key)?),
                    concat!($($field_doc),+),
                ); )*
            }
        }

        impl $crate::definitions::read::Read for $name {
            fn read(
                node: &$crate::definitions::yaml::Node,
                reader: &mut $crate::definitions::read::Reader,
            ) -> Option<Self> {
                let mut map = $crate::definitions::read::MapReader::open(node, reader)?;
                let value = <Self as $crate::definitions::read::Fields>::read_fields(
                    &mut map, reader,
                );
                map.close($what, reader);
                value
            }

            fn schema() -> serde_json::Value {
                $crate::definitions::schema::ObjectSchema::of::<Self>(concat!($($doc),+))
            }
        }
    };
}

/// A closed list of words as an enum.
macro_rules! choice {
    ($(#[doc = $doc:literal])+ pub enum $name:ident { $( $variant:ident = $word:literal, )+ }) => {
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name { $( $variant, )+ }

        impl $name {
            pub const WORDS: &[&str] = &[$( $word, )+];

            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self { $( Self::$variant => $word, )+ }
            }
        }

        impl $crate::definitions::read::Read for $name {
            fn read(
                node: &$crate::definitions::yaml::Node,
                reader: &mut $crate::definitions::read::Reader,
            ) -> Option<Self> {
                let text = $crate::definitions::read::Text::read(node, reader)?;
                match text.value.as_str() {
                    $( $word => Some(Self::$variant), )+
                    other => {
                        let found = $crate::diagnostics::Diagnostic::new(
                            $crate::diagnostics::Code::UnknownChoice,
                            text.span,
                            format!("`{other}` is not one of the choices"),
                        );
                        reader.out.push(found.suggest(other, Self::WORDS.iter().copied()));
                        None
                    }
                }
            }

            fn schema() -> serde_json::Value {
                serde_json::json!({ "enum": Self::WORDS })
            }
        }
    };
}

macro_rules! key {
    ($field:ident) => {
        stringify!($field)
    };
    ($field:ident, $key:literal) => {
        $key
    };
}

pub(super) use {choice, key, record};
