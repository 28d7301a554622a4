//! `upswell init --from`: what it proposes for tables that it has never seen, and that it holds.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::support::command::run;

/// What the project answers: a name and a number a row.
fn numbers_by_name(root: &Path, document: &str) -> Vec<(String, f64)> {
    fs::write(root.join("q.graphql"), document).unwrap();
    let (_, out, error) = run(root, &["query", "-p", "new", "--format", "csv", "q.graphql"]);
    assert_eq!(error, "");
    let rows = out.lines().skip(1).map(|line| line.split_once(',').unwrap());
    rows.map(|(name, number)| (name.to_owned(), number.parse().unwrap())).collect()
}

const TABLES: [(&str, &str); 9] = [
    (
        "mrr_movements.csv",
        "customer_id,product_id,occurred_at,movement,amount\na,p,2024-01-10,new,10.00\n",
    ),
    // Led to by its key; semicolons and decimal commas, as spreadsheets write them.
    ("agents.csv", "agent_id;agent_name;wage\n7;Ann;12,50\n8;Bob;9\n"),
    (
        "tickets.csv",
        "ticket_id,customer_id,agent_id,opened_at\nt1,a,7,2024-02-01\nt2,a,8,2024-02-02\n",
    ),
    // Who looked after whom from when to when.
    (
        "coverage.csv",
        "customer_id,agent_id,start_date,end_date,share\na,7,2024-01-01,2024-03-01,1\na,8,2024-03-01,,0.5\n\
         a,7,2024-03-01,,0.5\n",
    ),
    (
        "calls.csv",
        "call_no,customer_id,called_at,topic\nc1,a,2024-02-10,x\nc2,a,2024-03-10,y\nc3,a,2024-03-11,y\n",
    ),
    // A visit can be there twice: its number is no key.
    ("visits.csv", "visit_id,customer_id,visited_at\nv1,a,2024-02-01\nv1,a,2024-02-02\n"),
    // No time; names that others have already.
    ("customer.csv", "name,rows,note\nA,1,x\n"),
    ("nothing.csv", ""),
    ("days.csv", "from_day,to_day,label\n2024-01-01,2024-02-01,x\n"),
];

fn folder() -> TempDir {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("csv")).unwrap();
    for (name, text) in TABLES {
        fs::write(root.path().join("csv").join(name), text).unwrap();
    }
    root
}

#[test]
fn keys_joins_and_validity_are_proposed_where_names_and_rows_make_them_plain() {
    let root = folder();
    let (code, _, error) = run(root.path(), &["init", "new", "--from", "csv"]);
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(error, "note: `csv/nothing.csv` is empty, without even a header: left out\n");
    let read = |path: &str| fs::read_to_string(root.path().join("new").join(path)).unwrap();
    for (file, lines) in [
        (
            "datasets/agents.yml",
            &["    entity: agent   # review", "      primary: agent_id\n", "\"decimal(38, 2)\""][..],
        ),
        (
            "datasets/tickets.yml",
            &[
                "      primary: ticket_id\n",
                "      customer: customer_id\n",
                "      agent: agent_id\n",
            ],
        ),
        (
            "datasets/coverage.yml",
            &["    valid: [start_date, end_date]   # review", "      agent: agent_id\n"],
        ),
        (
            "datasets/calls.yml",
            &[
                "      primary: call_no\n",
                "      - { to: coverage, as_of: called_at, weight: share }\n",
            ],
        ),
        ("datasets/days.yml", &["    valid: [from_day, to_day]"]),
        ("metrics/calls.yml", &["description: \"Rows of calls, by called_at.\""]),
        (
            "metrics/customer.yml",
            &[
                "description: \"Rows of customer; without a time they are the same in every period.\"",
            ],
        ),
    ] {
        let text = read(file);
        for line in lines {
            assert!(text.contains(line), "{file}: {line}\n{text}");
        }
    }
    assert!(!read("datasets/visits.yml").contains("primary"), "it is there twice");
    assert!(!read("datasets/tickets.yml").contains("joins"), "it has the agent itself");
    let (code, out, _) = run(root.path(), &["check", "-p", "new", "--data"]);
    assert_eq!((code, out.as_str()), (Some(0), "Nothing to report.\n"));

    // In February Ann looked after a, since March both do.
    let document = r#"{ metrics(select: [calls_rows], period: {start: "2024-01-01", end: "2024-04-01"},
        groupBy: [agents_agent_name], orderBy: [{by: "agents_agent_name"}]) { rows } }"#;
    assert_eq!(numbers_by_name(root.path(), document), [("Ann".into(), 2.0), ("Bob".into(), 1.0)]);

    // The same tables as a warehouse that was there before.
    let (code, _, error) = run(root.path(), &["init", "again", "--from", "new/warehouse"]);
    assert_eq!(code, Some(0), "{error}");
    for file in ["agents", "tickets", "coverage", "calls", "visits", "customer", "days"] {
        for folder in ["datasets", "metrics"] {
            let path = format!("{folder}/{file}.yml");
            let again = fs::read_to_string(root.path().join("again").join(&path)).unwrap();
            assert_eq!(again, read(&path), "{path}");
        }
    }
    assert_eq!(run(root.path(), &["check", "-p", "again", "--data"]).0, Some(0));
}

#[test]
fn columns_without_values_and_bridges_are_proposed_by_their_names() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("csv")).unwrap();
    for (name, text) in [
        ("agents.csv", "agent_id,agent_name\n7,Ann\n8,Bob\n"),
        (
            "care.csv",
            "customer_id,agent_id,valid_from,valid_to,share,note\na,7,2024-01-01,,,\n\
             b,8,2024-01-01,,,\nc,7,2024-01-01,,,\n",
        ),
        ("calls.csv", "call_no,customer_id,called_at\nc1,a,2024-02-10\n"),
        ("numbers.csv", "1,2,3\n4,5,6\n"),
    ] {
        fs::write(root.path().join("csv").join(name), text).unwrap();
    }
    let (code, _, error) = run(root.path(), &["init", "new", "--from", "csv"]);
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(
        error,
        "note: `csv/numbers.csv` has no header (its first row is numbers): left out\n"
    );
    let read = |path: &str| fs::read_to_string(root.path().join("new").join(path)).unwrap();
    let care = read("datasets/care.yml");
    for line in [
        "    valid: [valid_from, valid_to]   # review",
        "      valid_to: { type: timestamp, optional: true }\n",
        "      share: { type: \"decimal(38, 9)\", optional: true }\n",
        "      - { name: care_note, expr: \"\\\"note\\\"\" }\n",
    ] {
        assert!(care.contains(line), "{line}\n{care}");
    }
    assert_eq!(care.matches("name: care_").count(), 1, "{care}");
    let calls = read("datasets/calls.yml");
    assert!(calls.contains("{ to: care, as_of: called_at, weight: share }"), "{calls}");
    let (code, out, _) = run(root.path(), &["check", "-p", "new", "--data"]);
    assert_eq!((code, out.as_str()), (Some(0), "Nothing to report.\n"));

    // A share that is a text in the warehouse is no dimension either.
    fs::remove_dir_all(root.path().join("csv")).unwrap();
    fs::create_dir(root.path().join("csv")).unwrap();
    let text =
        "customer_id,agent_id,valid_from,valid_to,share,note\na,7,2024-01-01,2024-02-01,half,x\n";
    fs::write(root.path().join("csv/care.csv"), text).unwrap();
    assert_eq!(run(root.path(), &["init", "more", "--from", "csv"]).0, Some(0));
    let care = fs::read_to_string(root.path().join("more/datasets/care.yml")).unwrap();
    assert!(care.contains("share: { type: text,") && !care.contains("care_share"), "{care}");
}

#[test]
fn what_is_wrong_with_a_csv_file_is_told_in_words() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("csv")).unwrap();
    let told = |text: &[u8]| {
        fs::write(root.path().join("csv/a.csv"), text).unwrap();
        let (code, _, error) = run(root.path(), &["init", "new", "--from", "csv"]);
        assert_eq!(code, Some(2), "{error}");
        error
    };
    assert_eq!(
        told(b"a;b\n1;2\n1\n"),
        "error: `csv/a.csv`, line 3: the row has 1 cells, the header 2 (cells are separated by `;`: a cell \
         that holds one stands in double quotes)\n"
    );
    assert_eq!(
        told(b"a,b\n\xff,2\n"),
        "error: `csv/a.csv` is not text in UTF-8: save it in that encoding\n"
    );
    let empty = told(b"");
    assert!(empty.contains("`csv` holds no CSV file with a header"), "{empty}");
}

/// A table that says of a customer what it was from when to when, and leads nowhere else.
#[test]
fn a_bridge_that_holds_nothing_but_a_text_is_joined_too() {
    let root = TempDir::new().unwrap();
    fs::create_dir(root.path().join("csv")).unwrap();
    for (name, text) in [
        (
            "teams.csv",
            "customer_id,team,valid_from,valid_to\na,North,2024-01-01,2024-03-01\na,South,2024-03-01,\n",
        ),
        // Validity alone says nothing of its own.
        ("trials.csv", "customer_id,valid_from,valid_to\na,2024-01-01,2024-02-01\n"),
        (
            "calls.csv",
            "call_no,customer_id,called_at\nc1,a,2024-02-10\nc2,a,2024-03-10\nc3,a,2024-03-11\n",
        ),
    ] {
        fs::write(root.path().join("csv").join(name), text).unwrap();
    }
    let (code, _, error) = run(root.path(), &["init", "new", "--from", "csv"]);
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let calls = fs::read_to_string(root.path().join("new/datasets/calls.yml")).unwrap();
    let joins = "    joins:   # review: who or what it was at that time\n      \
                 - { to: teams, as_of: called_at }\n";
    assert!(calls.ends_with(joins), "{calls}");
    let (code, out, _) = run(root.path(), &["check", "-p", "new", "--data"]);
    assert_eq!((code, out.as_str()), (Some(0), "Nothing to report.\n"));
    let document = r#"{ metrics(select: [calls_rows], period: {start: "2024-01-01", end: "2024-04-01"},
        groupBy: [teams_team], orderBy: [{by: "teams_team"}]) { rows } }"#;
    assert_eq!(
        numbers_by_name(root.path(), document),
        [("North".into(), 1.0), ("South".into(), 2.0)]
    );
}
