//! Enum values that begin with `true`, `false` or `null` (`true_up_mrr`). The parser takes the word
//! for a value and the rest for another one, so it is given a name of the same length instead, which
//! no metric or dimension has, and the name is put back into what it parsed.

use std::borrow::Cow;
use std::collections::BTreeMap;

use async_graphql::parser::types::{
    Directive, DocumentOperations, ExecutableDocument, Selection, SelectionSet,
};
use async_graphql::{Name, Positioned, Value as ConstValue};
use async_graphql_value::Value;

use super::limits::{end_of_line, end_of_string};

const WORDS: [&str; 3] = ["true", "false", "null"];

/// What stands for what.
pub(super) type Renamed = BTreeMap<String, Name>;

/// The document as the parser can read it.
pub(super) fn renamed(text: &str) -> (Cow<'_, str>, Renamed) {
    let mut names = Renamed::new();
    if !WORDS.iter().any(|word| text.contains(word)) {
        return (Cow::Borrowed(text), names);
    }
    let mut written = text.as_bytes().to_vec();
    for (start, end) in enum_values(text.as_bytes()) {
        let Some(name) = text.get(start..end).filter(|name| is_misread(name)) else { continue };
        written[start] = b'_';
        names.insert(format!("_{}", &name[1..]), Name::new(name));
    }
    match String::from_utf8(written) {
        Ok(written) if !names.is_empty() => (Cow::Owned(written), names),
        _ => (Cow::Borrowed(text), Renamed::new()),
    }
}

fn is_misread(name: &str) -> bool {
    WORDS.iter().any(|word| name.len() > word.len() && name.starts_with(word))
}

/// Where names are values: within parentheses, and not before a colon, after `$` or after `@`.
fn enum_values(bytes: &[u8]) -> Vec<(usize, usize)> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let (mut at, mut parentheses) = (0, 0usize);
    let (mut found, mut last) = (Vec::new(), None);
    while let Some(byte) = bytes.get(at) {
        let start = at;
        match byte {
            b'(' => parentheses += 1,
            b')' => parentheses = parentheses.saturating_sub(1),
            b'#' => at = end_of_line(bytes, at),
            b'"' => at = end_of_string(bytes, at),
            // A colon makes a key of the name before it.
            b':' if last == Some(b'a') => {
                found.pop_if(|(_, end)| bytes[*end..at].iter().all(|byte| !is_part(byte)));
            }
            byte if is_part(byte) => {
                while bytes.get(at + 1).is_some_and(is_part) {
                    at += 1;
                }
                if parentheses > 0 && !matches!(last, Some(b'$' | b'@')) {
                    found.push((start, at + 1));
                }
            }
            _ => {}
        }
        if is_part(byte) {
            last = Some(b'a');
        } else if !byte.is_ascii_whitespace() && !matches!(byte, b',' | b'#') {
            last = Some(*byte);
        }
        at += 1;
    }
    found
}

/// Puts the names back.
pub(super) fn restore(document: &mut ExecutableDocument, names: &Renamed) {
    if names.is_empty() {
        return;
    }
    let operations = match &mut document.operations {
        DocumentOperations::Single(only) => vec![only],
        DocumentOperations::Multiple(all) => all.values_mut().collect(),
    };
    for operation in operations {
        for variable in &mut operation.node.variable_definitions {
            if let Some(default) = &mut variable.node.default_value {
                restore_constant(&mut default.node, names);
            }
            restore_directives(&mut variable.node.directives, names);
        }
        restore_directives(&mut operation.node.directives, names);
        restore_selections(&mut operation.node.selection_set.node, names);
    }
    for fragment in document.fragments.values_mut() {
        restore_directives(&mut fragment.node.directives, names);
        restore_selections(&mut fragment.node.selection_set.node, names);
    }
}

fn restore_selections(selections: &mut SelectionSet, names: &Renamed) {
    for selection in &mut selections.items {
        match &mut selection.node {
            Selection::Field(field) => {
                for (_, value) in &mut field.node.arguments {
                    restore_value(&mut value.node, names);
                }
                restore_directives(&mut field.node.directives, names);
                restore_selections(&mut field.node.selection_set.node, names);
            }
            Selection::FragmentSpread(spread) => {
                restore_directives(&mut spread.node.directives, names);
            }
            Selection::InlineFragment(inline) => {
                restore_directives(&mut inline.node.directives, names);
                restore_selections(&mut inline.node.selection_set.node, names);
            }
        }
    }
}

fn restore_directives(directives: &mut [Positioned<Directive>], names: &Renamed) {
    for (_, value) in directives.iter_mut().flat_map(|found| &mut found.node.arguments) {
        restore_value(&mut value.node, names);
    }
}

fn restore_value(value: &mut Value, names: &Renamed) {
    match value {
        Value::Enum(name) => put_back(name, names),
        Value::List(values) => {
            for value in values {
                restore_value(value, names);
            }
        }
        Value::Object(fields) => {
            for value in fields.values_mut() {
                restore_value(value, names);
            }
        }
        _ => {}
    }
}

fn restore_constant(value: &mut ConstValue, names: &Renamed) {
    match value {
        ConstValue::Enum(name) => put_back(name, names),
        ConstValue::List(values) => {
            for value in values {
                restore_constant(value, names);
            }
        }
        ConstValue::Object(fields) => {
            for value in fields.values_mut() {
                restore_constant(value, names);
            }
        }
        _ => {}
    }
}

fn put_back(name: &mut Name, names: &Renamed) {
    if let Some(found) = names.get(name.as_str()) {
        *name = found.clone();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_that_the_parser_misreads_get_another_name() {
        for (text, wanted) in [
            ("{ m(select: [true_up, mrr]) { rows } }", "{ m(select: [_rue_up, mrr]) { rows } }"),
            ("{ m(a: nullable, b: falsely) { x } }", "{ m(a: _ullable, b: _alsely) { x } }"),
            ("query($a: E = true_up) { x }", "query($a: E = _rue_up) { x }"),
            ("{ m(o: [{by: true_up}]) { x } }", "{ m(o: [{by: _rue_up}]) { x } }"),
            ("{ m(a: # true_x)\n true_up) { x } }", "{ m(a: # true_x)\n _rue_up) { x } }"),
        ] {
            let (found, names) = renamed(text);
            assert_eq!(found, wanted);
            assert!(names.values().all(|name| is_misread(name)), "{names:?}");
            assert!(async_graphql::parser::parse_query(found).is_ok(), "{text}");
        }
        for same in [
            "{ m(a: true, b: [false null true], c: untrue, d: nul) { x } }",
            "{ true_up: m(true_up: 1, o: {null_x : 1 false_y, : 2}) { nullable true_b } }",
            "query($true_up: Boolean = true) { m(a: $true_up) @include(if: true) { x } }",
            "{ m(a: \"true_up\", b: \"\"\"null_x\"\"\") { x } }",
            "{ m @nullify { true_x } }",
        ] {
            assert_eq!(renamed(same).0, same);
        }
    }
}
