//! The rules of ARCHITECTURE.md that a program can hold: who imports whom, what must not be in
//! code that ships, and how long a file may be.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Every room and the rooms it may import.
const ROOMS: [(&str, &[&str]); 23] = [
    // Leaves.
    ("diagnostics", &["error"]),
    ("error", &[]),
    ("telemetry", &[]),
    ("values", &[]),
    ("clock", &["values"]),
    ("config", &["error"]),
    ("dashboard", &[]),
    // Definitions → model.
    ("definitions", &["diagnostics"]),
    ("model", &["definitions", "diagnostics", "values"]),
    ("project", &["definitions", "diagnostics", "model"]),
    // Question → answer.
    ("kernels", &["model", "values"]),
    ("planner", &["error", "kernels", "model", "values"]),
    ("catalog", &["error", "model", "values"]),
    ("engine", &["catalog", "clock", "error", "kernels", "model", "planner", "values"]),
    ("graphql", &["engine", "error", "model", "planner", "values"]),
    ("server", &["dashboard", "error", "graphql"]),
    // Beside it.
    ("fixtures", &["model", "values"]),
    (
        "metric_tests",
        &["catalog", "clock", "engine", "fixtures", "graphql", "model", "planner", "values"],
    ),
    ("generate", &["values"]),
    // The composition root sees every room.
    ("app", &["*"]),
    ("cli", &["*"]),
    ("lib", &["*"]),
    ("main", &["*"]),
];

/// Libraries that shape a room, and the rooms that may know them.
const LIBRARIES: [(&str, &[&str]); 12] = [
    ("arrow", &["catalog", "engine", "fixtures", "generate", "graphql"]),
    ("async_graphql", &["graphql"]),
    ("axum", &["dashboard", "server"]),
    ("clap", &["cli"]),
    ("datafusion", &["catalog", "engine"]),
    ("hyper", &["server"]),
    ("object_store", &["catalog"]),
    ("parquet", &["catalog", "engine", "fixtures", "generate"]),
    ("serde_saphyr", &["definitions"]),
    ("sqlparser", &["model"]),
    ("std::fs", &["cli", "fixtures", "generate", "project"]),
    ("tokio", &["app", "catalog", "cli", "engine", "graphql", "metric_tests", "server"]),
];

/// What code that ships must not contain.
const FORBIDDEN: [&str; 6] =
    [".unwrap()", ".expect(", "todo!(", "unimplemented!(", "panic!(", "dbg!("];

/// Most lines of any file; the median and the 90th percentile of src/.
const LONGEST: usize = 500;
const MEDIAN: usize = 150;
const PERCENTILE_90: usize = 350;

/// One file of Rust, with the lines of it that ship.
struct Source {
    /// Below the repository, with `/`.
    path: String,
    text: String,
    /// Line number and line; none in a file of tests.
    ships: Vec<(usize, String)>,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of Rust below a folder, in order.
fn sources(folder: &str) -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&root().join(folder), &mut paths);
    paths.sort();
    let texts: Vec<(PathBuf, String)> =
        paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect();
    let tests: BTreeSet<PathBuf> =
        texts.iter().flat_map(|(path, text)| test_modules(path, text)).collect();
    texts
        .into_iter()
        .map(|(path, text)| {
            let is_test = path.ancestors().any(|part| tests.contains(&part.with_extension("")));
            let ships = if is_test { Vec::new() } else { shipping_lines(&text) };
            let path = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
            Source { path, text, ships }
        })
        .collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// Files and folders (without extension) that `#[cfg(test)] mod name;` declares.
fn test_modules(path: &Path, text: &str) -> Vec<PathBuf> {
    let is_root = matches!(path.file_name().unwrap().to_str(), Some("mod.rs" | "lib.rs"));
    let folder = if is_root { path.parent().unwrap().to_owned() } else { path.with_extension("") };
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let marked = lines.windows(2).filter(|pair| pair[0] == "#[cfg(test)]");
    marked
        .filter_map(|pair| pair[1].strip_suffix(';')?.rsplit_once("mod ").map(|(_, name)| name))
        .map(|name| folder.join(name))
        .collect()
}

/// Lines without comments and without the items that `#[cfg(test)]` marks.
fn shipping_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = text.lines().enumerate();
    let mut ships = Vec::new();
    while let Some((number, line)) = lines.next() {
        if line.trim() == "#[cfg(test)]" {
            let indent = &line[..line.len() - line.trim_start().len()];
            // The item is one line, or ends with a bracket as far in as its attribute.
            let item = lines.next().map_or("", |(_, item)| item);
            if !item.ends_with([';', '}']) {
                let _ = lines.find(|(_, line)| *line == format!("{indent}}}"));
            }
            continue;
        }
        if !line.trim_start().starts_with("//") {
            ships.push((number + 1, line.to_owned()));
        }
    }
    ships
}

/// `src/model/resolve/mod.rs` is of the room `model`.
fn room(path: &str) -> &str {
    let inside = path.strip_prefix("src/").unwrap();
    inside.split(['/', '.']).next().unwrap()
}

/// The first names that follow `crate::` in a line.
fn imports(line: &str) -> impl Iterator<Item = &str> {
    let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
    line.split("crate::").skip(1).map(move |rest| {
        let end = rest.find(|c| !is_name(c)).unwrap_or(rest.len());
        &rest[..end]
    })
}

#[track_caller]
fn none(found: &[String]) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn rooms_import_only_the_rooms_they_may() {
    let allowed: BTreeMap<&str, &[&str]> = ROOMS.into_iter().collect();
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    for source in sources("src") {
        let from = room(&source.path);
        let Some(rooms) = allowed.get(from) else {
            found.push(format!("{}: the room `{from}` is not in the table", source.path));
            continue;
        };
        seen.insert(from.to_owned());
        for (number, line) in &source.ships {
            let strange = |to: &&str| {
                *to != from && !to.is_empty() && !rooms.contains(to) && !rooms.contains(&"*")
            };
            for to in imports(line).filter(strange) {
                found.push(format!("{}:{number}: `{from}` must not import `{to}`", source.path));
            }
        }
    }
    none(&found);
    let named: BTreeSet<String> = allowed.keys().map(|name| (*name).to_owned()).collect();
    assert_eq!(seen, named, "every room of the table exists");
}

#[test]
fn libraries_stay_in_their_rooms() {
    let mut found = Vec::new();
    for source in sources("src") {
        let from = room(&source.path);
        for (library, rooms) in LIBRARIES.iter().filter(|(_, rooms)| !rooms.contains(&from)) {
            let path = format!("{library}::");
            for (number, line) in &source.ships {
                let uses = line.match_indices(&path).any(|(at, _)| {
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                });
                if uses {
                    found.push(format!(
                        "{}:{number}: `{library}` belongs to {}",
                        source.path,
                        rooms.join(", ")
                    ));
                }
            }
        }
    }
    none(&found);
}

#[test]
fn only_the_clock_tells_the_time() {
    let mut found = Vec::new();
    for source in sources("src").iter().filter(|source| room(&source.path) != "clock") {
        for (number, line) in &source.ships {
            if ["SystemTime::now", "Utc::now", "Local::now"].iter().any(|now| line.contains(now)) {
                found.push(format!("{}:{number}: ask `clock`", source.path));
            }
        }
    }
    none(&found);
}

#[test]
fn every_file_says_what_it_owns() {
    let files = sources("src").into_iter().chain(sources("tests"));
    let silent = files.filter(|source| !source.text.starts_with("//! "));
    none(
        &silent
            .map(|source| format!("{} does not begin with `//!`", source.path))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn what_ships_does_not_panic_on_purpose() {
    let mut found = Vec::new();
    for source in sources("src") {
        for (number, line) in &source.ships {
            for word in FORBIDDEN.iter().filter(|word| line.contains(**word)) {
                found.push(format!("{}:{number}: {word}", source.path));
            }
        }
    }
    none(&found);
}

#[test]
fn files_stay_short() {
    let all: Vec<Source> = sources("src").into_iter().chain(sources("tests")).collect();
    let long = all.iter().filter(|source| source.text.lines().count() > LONGEST);
    none(&long.map(|source| format!("{} is too long", source.path)).collect::<Vec<_>>());
    let mut lines: Vec<usize> = all
        .iter()
        .filter(|source| source.path.starts_with("src/"))
        .map(|source| source.text.lines().count())
        .collect();
    lines.sort_unstable();
    let (median, high) = (lines[lines.len() / 2], lines[lines.len() * 9 / 10]);
    println!("{} files, median {median} lines, 90th percentile {high}", lines.len());
    assert!(median <= MEDIAN && high <= PERCENTILE_90, "median {median}, 90th percentile {high}");
}

#[test]
fn unsafe_code_is_forbidden() {
    for path in ["src/lib.rs", "src/main.rs"] {
        let text = fs::read_to_string(root().join(path)).unwrap();
        assert!(text.lines().any(|line| line == "#![forbid(unsafe_code)]"), "{path}");
    }
}

/// The rules above hold only if the scanner sees what it should.
#[test]
fn the_scanner_tells_code_from_comments_and_tests() {
    let text = "use crate::a::B;\n// crate::b\n#[cfg(test)]\nmod view;\nlet c = crate::c(crate::d);\n\
                #[cfg(test)]\nmod tests {\n    use crate::e;\n}\nfn f() {}\n";
    let ships = shipping_lines(text);
    let numbers: Vec<usize> = ships.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 5, 10]);
    let names: Vec<&str> = ships.iter().flat_map(|(_, line)| imports(line)).collect();
    assert_eq!(names, ["a", "c", "d"]);
    let tests = test_modules(Path::new("src/model/metric.rs"), text);
    assert_eq!(tests, [Path::new("src/model/metric/view")]);
    let sources = sources("src");
    assert!(sources.iter().any(|s| s.path == "src/kernels/testkit.rs" && s.ships.is_empty()));
    assert!(sources.iter().any(|s| s.path == "src/server/tests/http.rs" && s.ships.is_empty()));
    assert!(sources.iter().any(|s| s.path == "src/kernels/facts.rs" && !s.ships.is_empty()));
}
