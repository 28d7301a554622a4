//! What a document may cost, checked before anything recurses into it: bytes and brackets before
//! the parser, then depth, fields and root fields with every fragment counted as often as it is
//! spread (each fragment measured once).

use std::collections::{HashMap, HashSet};

use async_graphql::parser::types::{
    ExecutableDocument, OperationDefinition, Selection, SelectionSet,
};

use crate::error::{ApiError, ApiResult, ErrorCode};

/// The largest document that is read.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub document_bytes: usize,
    /// Brackets open at once, and fragments within fragments.
    pub nesting: usize,
    /// Fields within fields. Standard introspection needs 15.
    pub depth: usize,
    /// Fields, spreads and directives of the operation, each time they are reached. Standard
    /// introspection needs about 250.
    pub fields: u64,
    /// Root fields of the operation.
    pub root_fields: usize,
    /// Variables of one operation.
    pub variables: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            document_bytes: 256 * 1024,
            nesting: 64,
            depth: 20,
            fields: 2_000,
            root_fields: 100,
            variables: 500,
        }
    }
}

/// Lists of introspection within each other multiply: `fields { type { fields { … } } }`.
const INTROSPECTION_LISTS: [&str; 4] = ["fields", "interfaces", "possibleTypes", "inputFields"];
const MOST_INTROSPECTION_LISTS: usize = 3;

impl Limits {
    /// Before parsing.
    pub(super) fn check_text(&self, document: &str) -> ApiResult<()> {
        if document.len() > self.document_bytes {
            return Err(too_large(&format!("has more than {} bytes", self.document_bytes)));
        }
        if nesting(document) > self.nesting {
            return Err(too_large(&format!("nests more than {} levels of brackets", self.nesting)));
        }
        Ok(())
    }

    /// After parsing. Every operation is measured, for validation walks them all.
    pub(super) fn check_document(
        &self,
        document: &ExecutableDocument,
        operation: &OperationDefinition,
    ) -> ApiResult<()> {
        let mut measure = Measure::new(document, self.nesting);
        for name in document.fragments.keys() {
            measure.fragment(name)?;
        }
        let mut all = 0u64;
        for (_, other) in document.operations.iter() {
            if other.node.variable_definitions.len() > self.variables {
                return Err(too_large(&format!("declares more than {} variables", self.variables)));
            }
            all = all.saturating_add(measure.selections(&other.node.selection_set.node)?.fields);
        }
        if all > self.fields.saturating_mul(10) {
            return Err(too_large("has too many fields in all its operations together"));
        }
        let size = measure.selections(&operation.selection_set.node)?;
        if size.fields > self.fields {
            return Err(too_large(&format!("selects more than {} fields", self.fields)));
        }
        if size.depth > self.depth {
            return Err(too_large(&format!("nests fields more than {} deep", self.depth)));
        }
        if size.lists > MOST_INTROSPECTION_LISTS {
            return Err(too_large("nests the lists of introspection too deep"));
        }
        Ok(())
    }

    pub(super) fn check_root_fields(&self, count: usize) -> ApiResult<()> {
        if count > self.root_fields {
            return Err(too_large(&format!("asks more than {} root fields", self.root_fields)));
        }
        Ok(())
    }
}

fn too_large(why: &str) -> ApiError {
    ApiError::new(ErrorCode::QueryTooLarge, format!("The document {why}. Ask in smaller parts."))
}

#[derive(Debug, Clone, Copy, Default)]
struct Size {
    fields: u64,
    depth: usize,
    lists: usize,
    /// Levels of selections and fragments, as something that recurses meets them.
    levels: usize,
}

struct Measure<'d> {
    document: &'d ExecutableDocument,
    most_levels: usize,
    /// Levels of selections that are open.
    level: usize,
    known: HashMap<&'d str, Size>,
    open: HashSet<&'d str>,
}

impl<'d> Measure<'d> {
    fn new(document: &'d ExecutableDocument, most_levels: usize) -> Self {
        Self { document, most_levels, level: 0, known: HashMap::new(), open: HashSet::new() }
    }

    fn selections(&mut self, set: &'d SelectionSet) -> ApiResult<Size> {
        self.level += 1;
        self.check_level(0)?;
        let mut sum = Size::default();
        for selection in &set.items {
            let size = self.selection(&selection.node)?;
            sum.fields = sum.fields.saturating_add(size.fields);
            sum.depth = sum.depth.max(size.depth);
            sum.lists = sum.lists.max(size.lists);
            sum.levels = sum.levels.max(size.levels);
        }
        sum.levels += 1;
        self.level -= 1;
        Ok(sum)
    }

    fn selection(&mut self, selection: &'d Selection) -> ApiResult<Size> {
        let mut size = match selection {
            Selection::Field(field) => {
                let mut size = self.selections(&field.node.selection_set.node)?;
                size.depth += 1;
                size.lists += usize::from(INTROSPECTION_LISTS.contains(&&*field.node.name.node));
                size
            }
            Selection::InlineFragment(inline) => {
                self.selections(&inline.node.selection_set.node)?
            }
            Selection::FragmentSpread(spread) => self.fragment(&spread.node.fragment_name.node)?,
        };
        // Spreads and directives cost too: they are walked all the same.
        let own = 1 + selection.directives().len() as u64;
        size.fields = size.fields.saturating_add(own);
        Ok(size)
    }

    /// The size of a fragment; none for one that is not there, which validation reports.
    fn fragment(&mut self, name: &str) -> ApiResult<Size> {
        let Some((name, fragment)) = self.document.fragments.get_key_value(name) else {
            return Ok(Size::default());
        };
        if let Some(size) = self.known.get(name.as_str()).copied() {
            self.check_level(size.levels)?;
            return Ok(size);
        }
        if !self.open.insert(name) {
            let message = format!("Fragment `{name}` spreads itself.");
            return Err(ApiError::new(ErrorCode::BadRequest, message));
        }
        let size = self.selections(&fragment.node.selection_set.node)?;
        self.open.remove(name.as_str());
        self.known.insert(name, size);
        Ok(size)
    }

    fn check_level(&self, below: usize) -> ApiResult<()> {
        if self.level + below > self.most_levels {
            return Err(too_large("nests fragments and fields too deep"));
        }
        Ok(())
    }
}

/// The largest number of brackets open at once, outside of strings and comments.
fn nesting(document: &str) -> usize {
    let bytes = document.as_bytes();
    let (mut at, mut open, mut most) = (0, 0usize, 0);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' | b'(' => {
                open += 1;
                most = most.max(open);
            }
            b'}' | b']' | b')' => open = open.saturating_sub(1),
            b'#' => at = end_of_line(bytes, at),
            b'"' => at = end_of_string(bytes, at),
            _ => {}
        }
        at += 1;
    }
    most
}

pub(super) fn end_of_line(bytes: &[u8], start: usize) -> usize {
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')).map_or(bytes.len(), |at| start + at)
}

/// The position of the quote that ends the string starting at `start`.
pub(super) fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let block = bytes.get(start..start + 3) == Some(b"\"\"\"");
    let mut at = start + if block { 3 } else { 1 };
    while at < bytes.len() {
        match bytes.get(at..).unwrap_or_default() {
            [b'\\', b'"', b'"', b'"', ..] if block => at += 4,
            [b'"', b'"', b'"', ..] if block => return at + 2,
            [b'\\', _, ..] if !block => at += 2,
            [b'"' | b'\n' | b'\r', ..] if !block => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_query;

    use super::super::document::operation;
    use super::*;

    fn check(text: &str) -> ApiResult<()> {
        let document = parse_query(text).unwrap();
        Limits::default().check_document(&document, &operation(&document, None)?.node)
    }

    #[test]
    fn brackets_in_strings_and_comments_do_not_nest() {
        assert_eq!(nesting(r#"{ a(b: "((((\"((", c: [1, {d: 2}]) } # (((("#), 4);
        assert_eq!(nesting("{ a(b: \"\"\" ((( \\\"\"\" ((( \"\"\") }"), 2);
        assert_eq!(nesting("\" (((("), 0);
        let deep = "[".repeat(200_000);
        let error = Limits::default().check_text(&deep).unwrap_err();
        assert_eq!(error.code, ErrorCode::QueryTooLarge);
    }

    #[test]
    fn fragments_count_as_often_as_they_are_spread() {
        use std::fmt::Write;
        let mut bomb = "{ ...f0 } ".to_owned();
        for level in 0..30 {
            let next = level + 1;
            write!(bomb, "fragment f{level} on Query {{ ...f{next} ...f{next} }} ").unwrap();
        }
        bomb.push_str("fragment f30 on Query { catalog { definitionVersion } }");
        assert_eq!(check(&bomb).unwrap_err().code, ErrorCode::QueryTooLarge);
    }

    #[test]
    fn long_chains_and_cycles_of_fragments_end() {
        use std::fmt::Write;
        let mut chain = "{ a } ".to_owned();
        for level in 0..5_000 {
            write!(chain, "fragment f{level} on Query {{ ...f{} }} ", level + 1).unwrap();
        }
        chain.push_str("fragment f5000 on Query { a }");
        assert_eq!(check(&chain).unwrap_err().code, ErrorCode::QueryTooLarge);
        let cycle = "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }";
        assert_eq!(check(cycle).unwrap_err().code, ErrorCode::BadRequest);
    }

    #[test]
    fn depth_and_introspection_are_bounded() {
        let nested = |depth: usize| format!("{}a{}", "{ a ".repeat(depth), " }".repeat(depth));
        assert!(check(&nested(18)).is_ok());
        assert_eq!(check(&nested(21)).unwrap_err().code, ErrorCode::QueryTooLarge);
        let lists = "{ __schema { types { fields { type { fields { type { fields { type { fields \
                     { name } } } } } } } } } }";
        assert_eq!(check(lists).unwrap_err().code, ErrorCode::QueryTooLarge);
    }
}
