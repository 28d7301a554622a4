//! What is proposed for tables of the company's own: names, times, keys, the joins between them.
//! Names alone propose; of small tables it is known which columns identify rows, and that decides.

use std::collections::HashSet;

use super::recognise::Recognised;
use crate::catalog::{FoundColumn, FoundTable};
use crate::model::{ColumnType, Model};

/// Keys of these entities lead to canonical datasets.
const ENTITIES: [(&str, &[&str]); 3] = [
    (
        "customer",
        &["customer_id", "account_id", "client_id", "company_id", "cust_id", "acct", "acct_id"],
    ),
    ("product", &["product_id", "plan_id", "plan_code", "sku"]),
    ("csm", &["csm_id"]),
];

/// Words for the two ends of a time in which a row holds.
const ENDS: [(&str, &str); 12] = [
    ("from", "to"),
    ("from", "until"),
    ("from", "till"),
    ("starts", "ends"),
    ("started", "ended"),
    ("start", "end"),
    ("begins", "ends"),
    ("began", "ended"),
    ("begin", "end"),
    ("since", "until"),
    ("since", "till"),
    ("since", "to"),
];

/// Endings of columns that identify rows.
const KEYS: [&str; 5] = ["_id", "_no", "_key", "_number", "_uuid"];

/// Columns of a bridge that hold an owner's share.
const SHARES: [&str; 5] = ["share", "weight", "part", "split", "allocation"];

/// Names are made of at most so many letters of a table's or column's name.
const MOST_LETTERS: usize = 45;

/// Dimensions that one table gets at most.
const MOST_DIMENSIONS: usize = 8;

/// A dataset for a table.
#[derive(Debug)]
pub struct Proposal<'a> {
    pub name: String,
    pub table: &'a FoundTable,
    /// Those that a dataset can declare.
    pub columns: Vec<&'a FoundColumn>,
    pub time: Option<&'a str>,
    pub valid: Option<(&'a str, &'a str)>,
    pub primary: Option<&'a str>,
    /// What the primary key identifies, where other tables lead there.
    pub entity: Option<String>,
    pub keys: Vec<(String, &'a str)>,
    pub joins: Vec<Join<'a>>,
    /// Name → column.
    pub dimensions: Vec<(String, &'a str)>,
    pub metric: String,
}

/// An as-of join to a bridge.
#[derive(Debug)]
pub struct Join<'a> {
    pub to: String,
    pub as_of: &'a str,
    pub weight: Option<String>,
}

/// A dataset for every table that is none of the canonical ones.
pub fn propose<'a>(canon: &Model, tables: &'a [Recognised<'_>]) -> Vec<Proposal<'a>> {
    let mut names = Names::of(canon);
    let own = tables.iter().filter(|table| table.canonical.is_none());
    let mut all: Vec<Proposal<'a>> =
        own.filter_map(|table| proposal(&table.table, &mut names)).collect();
    link(&mut all);
    let bridges = bridges(canon, tables, &all);
    for proposal in &mut all {
        proposal.joins = joins(proposal, &bridges);
    }
    for proposal in &mut all {
        dimensions(proposal, &mut names);
    }
    all
}

/// Names that are taken.
struct Names {
    datasets: HashSet<String>,
    /// Metrics and dimensions together.
    fields: HashSet<String>,
}

impl Names {
    fn of(canon: &Model) -> Self {
        let reserved = ["true", "false", "null", "and", "or", "not", "period"];
        let metrics = canon.metrics.keys().map(ToString::to_string);
        let dimensions = canon.dimensions.keys().map(ToString::to_string);
        Self {
            datasets: canon.datasets.keys().map(ToString::to_string).collect(),
            fields: metrics.chain(dimensions).chain(reserved.map(str::to_owned)).collect(),
        }
    }
}

/// The name, or the next that is free.
fn free(taken: &mut HashSet<String>, wanted: &str) -> String {
    let numbered = (2..).map(|number| format!("{wanted}_{number}"));
    let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
    let name = names.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(name.clone());
    name
}

fn proposal<'a>(table: &'a FoundTable, names: &mut Names) -> Option<Proposal<'a>> {
    let declarable = |column: &&FoundColumn| {
        column.data_type.is_some() && !column.name.contains(['"', '\\', '\n'])
    };
    let columns: Vec<&FoundColumn> = table.columns.iter().filter(declarable).collect();
    if columns.is_empty() {
        return None;
    }
    let wanted = name_of(&table.table);
    let name = match names.datasets.contains(&wanted) {
        true => free(&mut names.datasets, &format!("own_{wanted}")),
        false => free(&mut names.datasets, &wanted),
    };
    let valid = valid_of(&columns);
    let primary = primary_of(&wanted, &columns);
    let keys = ENTITIES.iter().filter_map(|(entity, words)| {
        let is_it = |column: &&&FoundColumn| words.contains(&column.name.to_lowercase().as_str());
        Some(((*entity).to_owned(), columns.iter().find(is_it)?.name.as_str()))
    });
    Some(Proposal {
        keys: keys.collect(),
        time: time_of(&columns, valid),
        metric: free(&mut names.fields, &format!("{name}_rows")),
        name,
        table,
        columns,
        valid,
        primary,
        entity: None,
        joins: Vec::new(),
        dimensions: Vec::new(),
    })
}

fn is_time(column: &FoundColumn) -> bool {
    matches!(column.data_type, Some(ColumnType::Timestamp | ColumnType::Date))
}

/// Two times whose names are the two ends of one.
fn valid_of<'a>(columns: &[&'a FoundColumn]) -> Option<(&'a str, &'a str)> {
    let times: Vec<&str> = columns
        .iter()
        .filter(|column| is_time(column))
        .map(|column| column.name.as_str())
        .collect();
    ENDS.iter().find_map(|(from, to)| {
        times.iter().find_map(|start| {
            let lower = start.to_lowercase();
            let (before, after) = lower.rsplit_once(from)?;
            let wanted = format!("{before}{to}{after}");
            let end = times.iter().find(|end| end.to_lowercase() == wanted)?;
            Some((*start, *end))
        })
    })
}

/// The first time, rather one whose name says that something happened than one of bookkeeping; the
/// end of validity is none.
fn time_of<'a>(columns: &[&'a FoundColumn], valid: Option<(&str, &str)>) -> Option<&'a str> {
    let bookkeeping = |name: &str| {
        ["updated", "loaded", "_synced", "modified"].iter().any(|word| name.contains(word))
    };
    let is_end = |name: &str| valid.is_some_and(|(_, end)| end == name);
    let times = columns.iter().filter(|column| is_time(column) && !is_end(&column.name));
    let mut names = times.map(|column| column.name.as_str());
    let all = names.clone();
    let first = names.find(|name| !bookkeeping(&name.to_lowercase()));
    first.or_else(|| all.into_iter().next())
}

/// The column that is named after the table, else the first other one that looks like the rows' own
/// key. Which columns identify rows is known of small tables; of others their names must do.
fn primary_of<'a>(table: &str, columns: &[&'a FoundColumn]) -> Option<&'a str> {
    let lower = |column: &FoundColumn| column.name.to_lowercase();
    let own = own_keys(table);
    let is_entity = |column: &FoundColumn| {
        ENTITIES.iter().any(|(_, words)| words.contains(&lower(column).as_str()))
    };
    let named = columns.iter().filter(|column| own.contains(&lower(column)));
    let others = columns.iter().filter(|column| {
        let is_key = KEYS.iter().any(|ending| lower(column).ends_with(ending));
        // A customer's table of one row a customer is identified by the customer.
        is_key && (!is_entity(column) || column.unique == Some(true))
    });
    let mut candidates = named.chain(others).filter(|column| column.unique != Some(false));
    candidates.next().map(|column| column.name.as_str())
}

/// `support_tickets` may be identified by `id`, `ticket_id`, `support_ticket_id` …
fn own_keys(table: &str) -> Vec<String> {
    let whole = singular(table);
    let last = whole.rsplit('_').next().unwrap_or(&whole).to_owned();
    let mut keys = vec!["id".to_owned()];
    for stem in [last, whole] {
        keys.extend(KEYS.iter().map(|ending| format!("{stem}{ending}")));
    }
    keys
}

fn singular(table: &str) -> String {
    match table.strip_suffix("ies") {
        Some(stem) => format!("{stem}y"),
        None => table.strip_suffix('s').unwrap_or(table).to_owned(),
    }
}

/// A table whose primary key others hold too is about an entity, to which they lead.
fn link(all: &mut [Proposal<'_>]) {
    for index in 0..all.len() {
        let Some(primary) = all[index].primary else { continue };
        let stem = match primary.to_lowercase().as_str() {
            "id" => {
                let name = name_of(&all[index].table.table);
                let whole = singular(&name);
                whole.rsplit('_').next().unwrap_or(&whole).to_owned()
            }
            other => {
                let ending = KEYS.iter().find_map(|ending| other.strip_suffix(ending));
                let Some(stem) = ending else { continue };
                name_of(stem)
            }
        };
        let known = ENTITIES.iter().any(|(entity, _)| *entity == stem);
        let taken = all.iter().any(|other| other.entity.as_ref() == Some(&stem));
        if known || taken || stem == "primary" {
            continue;
        }
        let foreign: Vec<String> = match primary.to_lowercase().as_str() {
            "id" => KEYS.iter().map(|ending| format!("{stem}{ending}")).collect(),
            other => vec![other.to_owned()],
        };
        let mut is_led_to = false;
        for other in (0..all.len()).filter(|other| *other != index) {
            let columns = all[other].columns.iter();
            let mut keys = columns.filter(|column| foreign.contains(&column.name.to_lowercase()));
            if let Some(column) = keys.next() {
                let name = column.name.as_str();
                is_led_to = true;
                if all[other].primary != Some(name) {
                    all[other].keys.push((stem.clone(), name));
                }
            }
        }
        if is_led_to {
            all[index].entity = Some(stem);
        }
    }
}

/// A table whose rows say who belonged to whom, or what it was, from when to when.
struct Bridge {
    name: String,
    entities: Vec<String>,
    /// It says something of its own: a team, a plan.
    tells: bool,
    weight: Option<String>,
}

/// Own ones, and the canonical ones that were recognised.
fn bridges(canon: &Model, tables: &[Recognised<'_>], own: &[Proposal<'_>]) -> Vec<Bridge> {
    let mut all = Vec::new();
    for (dataset, columns) in tables.iter().filter_map(|table| table.canonical.as_ref()) {
        if dataset.valid.is_some() && canon.datasets.contains_key(&dataset.name) {
            let share = columns.iter().map(|(column, _)| column.name.as_str());
            let mut share = share.filter(|name| SHARES.contains(name));
            all.push(Bridge {
                name: dataset.name.to_string(),
                entities: dataset.keys.keys().map(ToString::to_string).collect(),
                tells: false,
                weight: share.next().map(str::to_owned),
            });
        }
    }
    for bridge in own.iter().filter(|bridge| bridge.valid.is_some()) {
        let entities = bridge.entity.iter().cloned();
        let share = bridge.columns.iter().find(|column| {
            SHARES.contains(&column.name.to_lowercase().as_str()) && column.data_type.is_some()
        });
        all.push(Bridge {
            name: bridge.name.clone(),
            entities: entities.chain(bridge.keys.iter().map(|(name, _)| name.clone())).collect(),
            tells: !texts_of(bridge).is_empty(),
            weight: share.map(|column| column.name.clone()),
        });
    }
    all
}

/// Through bridges that share one entity with the rows and lead to another, to each by one way, or
/// say something of it.
fn joins<'a>(from: &Proposal<'a>, bridges: &[Bridge]) -> Vec<Join<'a>> {
    let (Some(as_of), None) = (from.time, from.valid) else { return Vec::new() };
    let own = from.entity.iter().chain(from.keys.iter().map(|(entity, _)| entity));
    let mut reached: Vec<String> = own.cloned().collect();
    let keys = reached.clone();
    let mut joins = Vec::new();
    for bridge in bridges {
        let shared = bridge.entities.iter().filter(|entity| keys.contains(entity)).count();
        let others: Vec<&String> =
            bridge.entities.iter().filter(|entity| !keys.contains(entity)).collect();
        let is_new = others.iter().all(|entity| !reached.contains(entity));
        if shared == 1 && is_new && (bridge.tells || !others.is_empty()) {
            reached.extend(others.into_iter().cloned());
            let (to, weight) = (bridge.name.clone(), bridge.weight.clone());
            joins.push(Join { to, as_of, weight });
        }
    }
    joins
}

/// A dimension for each text.
fn dimensions(proposal: &mut Proposal<'_>, names: &mut Names) {
    for column in texts_of(proposal) {
        let wanted = format!("{}_{}", proposal.name, name_of(column));
        proposal.dimensions.push((free(&mut names.fields, &wanted), column));
    }
}

/// Texts that are no keys, and of a bridge neither its shares nor its validity.
fn texts_of<'a>(proposal: &Proposal<'a>) -> Vec<&'a str> {
    let is_key = |name: &str| {
        proposal.primary == Some(name) || proposal.keys.iter().any(|(_, key)| *key == name)
    };
    let is_bridge = |name: &str| {
        let share = SHARES.contains(&name.to_lowercase().as_str());
        proposal.valid.is_some_and(|(from, to)| share || name == from || name == to)
    };
    let texts = proposal.columns.iter().filter(|column| {
        let name = column.name.as_str();
        column.data_type == Some(ColumnType::Text) && !is_key(name) && !is_bridge(name)
    });
    texts.map(|column| column.name.as_str()).take(MOST_DIMENSIONS).collect()
}

/// `Support/Tickets-2026` → `support_tickets_2026`.
pub fn name_of(text: &str) -> String {
    let mut name = String::new();
    for c in text.to_lowercase().chars().take(MOST_LETTERS) {
        let c = if c.is_ascii_alphanumeric() { c } else { '_' };
        if c != '_' || !(name.is_empty() || name.ends_with('_')) {
            name.push(c);
        }
    }
    let name = name.trim_end_matches('_');
    match name.chars().next() {
        Some(first) if first.is_ascii_lowercase() => name.to_owned(),
        _ => format!("t_{}", name.trim_start_matches('_')).trim_end_matches('_').to_owned(),
    }
}
