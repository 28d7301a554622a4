//! Every key of the language is changed by itself and must be told under its name; whom a change
//! affects.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value as Json;

use super::definitions::{Change, How, Part, changes};
use crate::definitions::json_schema;
use crate::diagnostics::{Format, SourceFile};
use crate::model::Model;
use crate::project::{ProjectFiles, load};

const FILES: [(&str, &str); 3] = [
    ("upswell.yml", include_str!("../../../tests/definitions/diff/upswell.yml")),
    ("datasets/all.yml", include_str!("../../../tests/definitions/diff/datasets.yml")),
    ("metrics/all.yml", include_str!("../../../tests/definitions/diff/metrics.yml")),
];

/// Keys that a change of may go untold, and why.
const UNTOLD: [&str; 7] = [
    // Another name is another definition: one goes, one comes.
    "dataset.name",
    "dataset.dimensions.name",
    "balance.name",
    "metric.name",
    // There is one version of the language; settings are the server's.
    "project.version",
    "project.settings.*",
    // Every definition that ships comes or goes by its name.
    "project.canonical_definitions",
];

/// A line that could say something else.
struct Case {
    file: usize,
    line: usize,
    key: String,
    becomes: String,
    /// The key under which it shows.
    part: String,
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (file, (_, text)) in FILES.iter().enumerate() {
        let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#'));
        for (line, written) in lines {
            let Some((before, note)) = written.split_once(" #@ ") else { continue };
            let (key, says) = note.split_once(" ->").unwrap();
            let (says, part) = match says.split_once(" => ") {
                Some((says, part)) => (says, part.to_owned()),
                None => (says, part_of(key)),
            };
            let indent = before.len() - before.trim_start().len();
            let becomes = format!("{:indent$}{}", "", says.trim());
            cases.push(Case { file, line, key: key.to_owned(), becomes, part });
        }
    }
    cases
}

/// `dataset.dimensions.label` shows under `label`, `metric.bands.label` under `bands`.
fn part_of(key: &str) -> String {
    let names: Vec<&str> = key.split('.').collect();
    match names.as_slice() {
        ["versions", ..] => "versions",
        ["dataset", "dimensions", name, ..]
        | ["project", "canonical", "*", name, ..]
        | [_, name, ..] => name,
        _ => key,
    }
    .to_owned()
}

fn base() -> Vec<String> {
    FILES.iter().map(|(_, text)| (*text).to_owned()).collect()
}

fn model(texts: &[String]) -> Model {
    let files = FILES.iter().zip(texts).map(|((path, _), text)| SourceFile::new(*path, text));
    let loaded = load(&ProjectFiles::from_texts(Path::new("/p"), files.collect()));
    loaded.model.unwrap_or_else(|| panic!("{}", loaded.diagnostics.render(Format::Human)))
}

fn changed(case: &Case) -> Vec<Change> {
    let mut texts = base();
    let mut lines: Vec<&str> = texts[case.file].lines().collect();
    lines[case.line] = &case.becomes;
    texts[case.file] = lines.join("\n");
    changes(&model(&base()), &model(&texts))
}

fn parts(changes: &[Change]) -> Vec<&Part> {
    let parts = changes.iter().filter_map(|change| match &change.how {
        How::Changed(parts) => Some(parts),
        How::Added | How::Removed => None,
    });
    parts.flatten().collect()
}

#[test]
fn every_key_that_changes_is_told_by_its_name() {
    for case in cases() {
        let found = changed(&case);
        let shown = |part: &&Part| {
            part.key == case.part || part.key.starts_with(&format!("{}.", case.part))
        };
        let told = parts(&found).into_iter().find(|part| shown(part));
        let told = told.unwrap_or_else(|| panic!("{} is not told: {found:#?}", case.key));
        assert_ne!(told.old, told.new, "{}", case.key);
        for text in found.iter().map(Change::human) {
            assert!(!is_debug(&text), "{}: {text}", case.key);
        }
    }
}

/// `Name("…")`, `Some(…)` and `Kind { …`, as Rust writes its own values.
fn is_debug(text: &str) -> bool {
    let mut parts: Vec<&str> = text.split(" { ").collect();
    parts.pop();
    let braced = parts.iter().any(|before| {
        let word = before.rsplit([' ', ':', '[', ',']).next().unwrap_or_default();
        word.starts_with(|c: char| c.is_ascii_uppercase())
    });
    braced || ["(\"", "Some(", "None"].iter().any(|part| text.contains(part))
}

#[test]
fn no_key_of_the_language_is_forgotten() {
    let schema = json_schema();
    let mut keys = BTreeSet::new();
    let [project, file] = [&schema["anyOf"][0], &schema["anyOf"][1]];
    leaves(project, "project", &mut keys);
    leaves(&file["properties"]["datasets"]["items"], "dataset", &mut keys);
    leaves(&file["properties"]["balances"]["items"], "balance", &mut keys);
    leaves(&schema["$defs"]["metric"], "metric", &mut keys);
    for kind in file["properties"]["metrics"]["items"]["oneOf"].as_array().unwrap() {
        let word = kind["properties"]["kind"]["const"].as_str().unwrap();
        // A balance metric's keys are not those of a balance.
        let word = if word == "balance" { "balance_metric" } else { word };
        for (key, value) in kind["properties"].as_object().unwrap() {
            if key != "kind" && key != "versions" {
                leaves(value, &format!("{word}.{key}"), &mut keys);
            }
        }
    }
    keys.retain(|key| !key.starts_with("metric.tests") && !UNTOLD.contains(&key.as_str()));
    keys.extend(["versions.until", "versions.because", "versions.*"].map(str::to_owned));
    let tried: BTreeSet<String> = cases().into_iter().map(|case| case.key).collect();
    let missing: Vec<&String> = keys.difference(&tried).collect();
    let strange: Vec<&String> = tried.difference(&keys).collect();
    assert!(missing.is_empty(), "no line of tests/definitions/diff changes {missing:#?}");
    assert!(strange.is_empty(), "these are no keys: {strange:#?}");
}

/// Every path of keys that has a single value at its end.
fn leaves(schema: &Json, path: &str, out: &mut BTreeSet<String>) {
    let mut below = Vec::new();
    children(schema, path, &mut below);
    if below.is_empty() {
        out.insert(path.to_owned());
    }
    for (path, schema) in below {
        leaves(schema, &path, out);
    }
}

fn children<'s>(schema: &'s Json, path: &str, out: &mut Vec<(String, &'s Json)>) {
    for (key, value) in schema["properties"].as_object().into_iter().flatten() {
        out.push((format!("{path}.{key}"), value));
    }
    let others = &schema["additionalProperties"];
    if others.is_object() {
        out.push((format!("{path}.*"), others));
    }
    if schema["items"].is_object() {
        children(&schema["items"], path, out);
    }
    for choice in ["anyOf", "oneOf"] {
        for one in schema[choice].as_array().into_iter().flatten() {
            children(one, path, out);
        }
    }
}

/// The changes of a text in one file of the base.
fn replaced(file: usize, from: &str, to: &str) -> Vec<Change> {
    let mut texts = base();
    assert_eq!(texts[file].matches(from).count(), 1, "{from}");
    texts[file] = texts[file].replace(from, to);
    changes(&model(&base()), &model(&texts))
}

fn of<'c>(changes: &'c [Change], name: &str) -> &'c Change {
    let found = changes.iter().find(|change| change.name == name);
    found.unwrap_or_else(|| panic!("{name}: {changes:#?}"))
}

#[test]
fn values_are_written_as_the_language_writes_them() {
    let found = replaced(1, "        weight: part #@", "        #@");
    let wanted = "~ dataset calls\n    \
        joins: [{ to: shifts, as_of: opened_at, weight: part }]\n        \
        →: [{ to: shifts, as_of: opened_at }]\n    \
        affects costs, share_of_costs, twice, so_far, followed\n";
    assert_eq!(found.iter().map(Change::human).collect::<String>(), wanted);
    let json = found[0].json();
    assert_eq!(json["parts"][0]["new"], "[{ to: shifts, as_of: opened_at }]");
    assert_eq!((&json["file"], &json["line"]), (&"datasets/all.yml".into(), &2.into()));

    let found = replaced(2, "filter: class = 'expansion'", "filter: class = 'new'");
    let How::Changed(parts) = &of(&found, "followed").how else { panic!("{found:#?}") };
    assert_eq!(parts[0].key, "conversion");
    assert_eq!(parts[0].old, "{ dataset: moves, filter: \"class = 'expansion'\", time: at }");
    assert_eq!(parts[1].key, "formula");
    assert!(parts[1].new.contains("a row of moves where class = 'new'"), "{parts:?}");
}

#[test]
fn only_what_can_use_a_new_dimension_is_affected_by_it() {
    let found = replaced(
        1,
        "      - name: call_cost\n",
        "      - { name: call_note, expr: note }\n      - name: call_cost\n",
    );
    // `call` is an entity to which the rows of calls alone lead; what divides by other rows cannot
    // use it.
    assert_eq!(of(&found, "call_note").affects, ["costs", "so_far", "followed"]);
    assert_eq!(found.len(), 1, "the metrics themselves say what they said: {found:#?}");
}

#[test]
fn words_affect_nobody_and_columns_those_who_read_them() {
    let found = replaced(2, "    label: Costs #@", "    label: All costs #@");
    assert_eq!(of(&found, "costs").affects, [""; 0]);
    let found =
        replaced(1, "cost: { type: decimal, scale: 2 }", "cost: { type: decimal, scale: 4 }");
    // By value, or as the dimension `call_cost`.
    assert_eq!(
        of(&found, "calls").affects,
        ["costs", "share_of_costs", "twice", "so_far", "followed"]
    );
    let found = replaced(1, "note: { type: text, description: A note. }", "note: int");
    assert_eq!(of(&found, "calls").affects, [""; 0], "nothing reads it");
}

#[test]
fn dimensions_that_fit_now_are_a_change_of_the_metric() {
    let keys = "keys: { primary: call_id, customer: customer_id";
    let found = replaced(1, &format!("{keys} }} #@"), &format!("{keys}, product: call_no }} #@"));
    let How::Changed(parts) = &of(&found, "costs").how else { panic!("{found:#?}") };
    assert_eq!((parts[0].key.as_str(), parts[0].old.as_str()), ("dimensions", "none"));
    assert!(parts[0].new.starts_with("product_id, product_name"), "{parts:?}");
}
