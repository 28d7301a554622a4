//! Footers that claim more rows than there are: a clear error or the right answer, and nothing that
//! takes the memory they speak of.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use bytes::Bytes;
use parquet::file::metadata::{
    FileMetaData, ParquetMetaData, ParquetMetaDataReader, ParquetMetaDataWriter,
};
use serde_json::Value as Json;
use tempfile::TempDir;
use upswell::graphql::Api;

use crate::support::warehouse::{write_file, write_table};
use crate::support::{api_of, execute};

const PROJECT: &str = "version: 1\nwarehouse: warehouse\n";

const TICKETS: &str = r"
datasets:
  - name: tickets
    time: opened_at
    keys: { primary: ticket_id, customer: customer_id }
    columns: { ticket_id: text, customer_id: text, opened_at: timestamp, quantity: int }
metrics:
  - { name: tickets_opened, kind: aggregate, dataset: tickets, aggregate: count }
  - { name: items, kind: aggregate, dataset: tickets, aggregate: sum, expr: quantity }
  - { name: middle, kind: aggregate, dataset: tickets, aggregate: median, expr: quantity }
";

const TABLES: [(&str, &str); 6] = [
    (
        "customers",
        "customer_id,name,segment,industry,region,country,acquired_on,acquisition_channel,acquisition_cost\n\
         a,A,SMB,i,r,c,2026-01-01,ads,1.00\n\
         b,B,ENT,i,r,c,2026-01-02,ads,1.00",
    ),
    (
        "mrr_movements",
        "movement_id,customer_id,product_id,occurred_at,movement,expansion_type,amount,offer_id\n\
         m1,a,p,2026-01-03T00:00:00Z,new,,100.00,\n\
         m2,b,p,2026-01-04T00:00:00Z,new,,50.00,\n\
         m3,a,q,2026-02-12T00:00:00Z,expansion,seat,10.00,",
    ),
    ("products", "product_id,name,family,kind,tier\np,P,f,core,1\nq,Q,f,add_on,1"),
    (
        "order_lines",
        "order_id,customer_id,ordered_at,product_id,quantity,amount\n\
         o1,a,2026-02-02T00:00:00Z,p,1,1.00\n\
         o1,a,2026-02-02T00:00:00Z,q,1,1.00\n\
         o2,b,2026-02-03T00:00:00Z,p,1,1.00",
    ),
    ("csm_assignments", "customer_id,csm_id,share,valid_from,valid_to\na,x,,2026-01-01T00:00:00Z,"),
    (
        "tickets",
        "ticket_id,customer_id,opened_at,quantity\n\
         t1,a,2026-02-05T00:00:00Z,3\n\
         t2,b,2026-02-06T00:00:00Z,4",
    ),
];

/// Fields of every way to read a table.
const DOCUMENT: &str = r#"{
  time: timeToExpansion(groupBy: [segment]) { rows { group { value } subjects medianDays } }
  nrr(period: {start: "2026-02-01", end: "2026-03-01"}, groupBy: [segment]) { rows { group { value } nrr startingMrr } }
  one: nrr(period: {start: "2026-02-01", end: "2026-03-01"}, where: {customer_id: {eq: "a"}}) { rows { nrr startingMrr } }
  balance: metrics(select: [mrr, expansion_mrr], period: {start: "2026-02-01", end: "2026-03-01"}, groupBy: [segment]) { rows }
  attach: metrics(select: [attach_rate], period: {start: "2026-02-01", end: "2026-03-01"}) { rows }
  credited: metrics(select: [credited_mrr], period: {start: "2026-02-01", end: "2026-03-01"}, groupBy: [csm_id]) { rows }
  own: metrics(select: [tickets_opened, items, middle], period: {start: "2026-02-01", end: "2026-03-01"}, groupBy: [segment]) { rows }
  catalog { dimensionValues(dimension: segment) }
}"#;

fn warehouse() -> TempDir {
    let root = TempDir::new().unwrap();
    for (table, csv) in TABLES {
        write_table(&root.path().join("warehouse"), table, csv);
    }
    root
}

fn open(root: &Path) -> Api {
    api_of(root, &[("upswell.yml", PROJECT), ("datasets/t.yml", TICKETS)])
}

/// Writes another footer behind the same pages: so many rows in the file and its row groups, and in
/// their columns where asked.
fn claim(file: &Path, rows: i64, in_columns: bool) {
    let bytes = Bytes::from(fs::read(file).unwrap());
    let found = ParquetMetaDataReader::new().parse_and_finish(&bytes).unwrap();
    let length = u32::from_le_bytes(bytes[bytes.len() - 8..bytes.len() - 4].try_into().unwrap());
    let pages = bytes.len() - 8 - length as usize;
    let known = found.file_metadata();
    let told = FileMetaData::new(
        known.version(),
        rows,
        known.created_by().map(str::to_owned),
        known.key_value_metadata().cloned(),
        known.schema_descr_ptr(),
        known.column_orders().cloned(),
    );
    let groups = found.row_groups().iter().map(|group| {
        let columns = group.columns().iter().cloned().map(|column| match in_columns {
            true => column.into_builder().set_num_values(rows).build().unwrap(),
            false => column,
        });
        let columns = columns.collect();
        let group = group.clone().into_builder().set_num_rows(rows);
        group.set_column_metadata(columns).build().unwrap()
    });
    let told = ParquetMetaData::new(told, groups.collect());
    let mut file = File::create(file).unwrap();
    file.write_all(&bytes[..pages]).unwrap();
    ParquetMetaDataWriter::new(&mut file, &told).finish().unwrap();
}

/// The fields that could not be answered; each error names the table and nothing of ours, and every
/// other field is the honest answer.
async fn refused(root: &Path, table: &str, honest: &Json) -> Vec<String> {
    let response = execute(&open(root), DOCUMENT).await;
    let mut fields = Vec::new();
    for error in response["errors"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let (code, message) = (&error["extensions"]["code"], error["message"].as_str().unwrap());
        let told = code == "RESOURCE_LIMIT" && message.starts_with(&format!("`{table}` has "));
        assert!(told && message.contains("facts_memory_mib"), "{table}: {error:#}");
        fields.push(error["path"][0].as_str().unwrap().to_owned());
    }
    for (field, value) in honest["data"].as_object().unwrap() {
        let found = &response["data"][field];
        assert!(fields.contains(field) || found == value, "{table}: {field}: {found:#}");
    }
    fields
}

#[tokio::test]
async fn rows_that_no_memory_holds_are_refused_and_all_else_is_answered() {
    let honest = execute(&open(warehouse().path()), DOCUMENT).await;
    assert_eq!(honest["errors"], Json::Null, "{honest:#}");
    for (table, fields) in [
        ("customers", &["time", "nrr", "balance", "own"][..]),
        ("mrr_movements", &["time", "nrr", "one", "balance", "credited"]),
        ("order_lines", &["attach"]),
        ("csm_assignments", &["credited"]),
        // What is aggregated row by row needs no room for all of them.
        ("products", &[]),
        ("tickets", &[]),
    ] {
        for (rows, in_columns) in [(1 << 40, false), (1 << 40, true), (i64::MAX, true)] {
            let root = warehouse();
            let file = root.path().join(format!("warehouse/{table}/part-0.parquet"));
            claim(&file, rows, in_columns);
            assert_eq!(refused(root.path(), table, &honest).await, fields, "{table}: {rows}");
        }
    }
}

/// Three files of 2^63 - 1 rows are more than 64 bits count.
#[tokio::test]
async fn rows_that_no_number_holds_are_refused() {
    let root = warehouse();
    for number in 1..=3 {
        let path = format!("customers/more-{number}.parquet");
        write_file(&root.path().join("warehouse"), &path, TABLES[0].1);
        claim(&root.path().join("warehouse").join(path), i64::MAX, false);
    }
    let response = execute(&open(root.path()), DOCUMENT).await;
    let message = response["errors"][0]["message"].as_str().unwrap();
    assert!(message.starts_with("`customers` has 18446744073709551615 rows"), "{response:#}");
    assert_eq!(response["data"]["attach"]["rows"][0]["attach_rate"], 0.5);
}

/// Room is made for rows that could be there.
#[tokio::test]
async fn a_few_million_rows_that_are_not_there_change_no_answer() {
    let honest = execute(&open(warehouse().path()), DOCUMENT).await;
    for (table, _) in TABLES {
        for in_columns in [false, true] {
            let root = warehouse();
            let file = root.path().join(format!("warehouse/{table}/part-0.parquet"));
            claim(&file, 3_000_000, in_columns);
            assert_eq!(refused(root.path(), table, &honest).await, [""; 0], "{table}");
        }
    }
}
