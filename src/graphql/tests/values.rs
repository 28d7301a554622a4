//! How values are written.

use crate::engine::{Answer, BandHit, Cell, ColumnKind, Mark, Standing, TargetHit};
use crate::model::{DimensionName, MetricName};
use crate::planner::Ask;
use crate::values::{Instant, Number, Scalar};

use super::super::testing::{FakeEngine, over, provenance, table, typed};
use super::{answer, execute, parsed, text};

const PERIOD: &str = "period: {last: 1}, grain: MONTH";

#[tokio::test]
async fn decimals_are_numbers_with_their_scale() {
    let query = format!(
        "{{ nrr({PERIOD}) {{ rows {{ startingMrr newMrr churnMrr grr logoRetention }} }} }}"
    );
    let expected = r#"{"data":{"nrr":{"rows":[{"startingMrr":430.00,"newMrr":0.00,"churnMrr":7.00,"grr":null,"logoRetention":1.0}]}}}"#;
    assert_eq!(answer(&query).await, expected);
}

#[tokio::test]
async fn rows_are_flat_objects_in_column_order_and_records_typed() {
    let query = "{ metrics(select: [mrr, nrr]) { columns { name kind dataType } rows
        records { mrr segment region period } totals rowCount truncated sql } }";
    let expected = concat!(
        r#"{"data":{"metrics":{"columns":[{"name":"segment","kind":"DIMENSION","dataType":"string"},"#,
        r#"{"name":"mrr","kind":"METRIC","dataType":"decimal"},{"name":"nrr","kind":"METRIC","dataType":"decimal"}],"#,
        r#""rows":[{"segment":"SMB","mrr":10.00,"nrr":10.00},{"segment":null,"mrr":430.50,"nrr":430.50}],"#,
        r#""records":[{"mrr":10.00,"segment":"SMB","region":null,"period":null},"#,
        r#"{"mrr":430.50,"segment":null,"region":null,"period":null}],"#,
        r#""totals":{"mrr":440.50,"nrr":440.50},"rowCount":2,"truncated":false,"sql":"select 1"}}}"#,
    );
    assert_eq!(answer(query).await, expected);
}

#[tokio::test]
async fn what_json_cannot_carry_fails_its_root_field_only_where_selected() {
    let (api, _) = over(FakeEngine::answering(|query| {
        let mut answer = super::super::testing::answer(query)?;
        if let Answer::Retention(rows, _) = &mut answer {
            rows[0].starting = Some(Number::Decimal(12_345_678_901_234_567, 2));
        }
        Ok(answer)
    }));
    let query = format!(
        "{{ big: nrr({PERIOD}) {{ rows {{ nrr startingMrr }} }} small: nrr({PERIOD}) {{ rows {{ customers }} }} }}"
    );
    let response = execute(&api, &query, "{}").await;
    let body = text(&response);
    assert!(
        body.starts_with(r#"{"data":{"big":null,"small":{"rows":[{"customers":8}]}},"errors":[{"#)
    );
    assert!(body.contains("`startingMrr`") && body.contains("Arrow"), "{body}");
    assert!(body.contains(r#""path":["big"],"extensions":{"code":"OUT_OF_RANGE""#), "{body}");
}

#[tokio::test]
async fn what_json_cannot_carry_of_a_table_fails_rows_records_and_totals_alike() {
    let (api, _) = over(FakeEngine::answering(|query| {
        let found = super::super::testing::answer(query)?;
        let Answer::Table(mut table, provenance) = found else { return Ok(found) };
        let long = Number::Decimal(12_345_678_901_234_567, 2);
        let metric = table.columns.iter().position(|column| column.name == "mrr").unwrap();
        table.rows[1][metric] = Cell::Metric(Some(long.clone()));
        table.totals = Some(vec![("mrr".into(), Some(long))]);
        Ok(Answer::Table(table, provenance))
    }));
    let query = "{ a: metrics(select: [mrr]) { rows } b: metrics(select: [mrr]) { records { mrr } }
        c: metrics(select: [mrr]) { totals } d: metrics(select: [mrr]) { rowCount } }";
    let response = execute(&api, query, "{}").await;
    let body = text(&response);
    let start = r#"{"data":{"a":null,"b":null,"c":null,"d":{"rowCount":2}},"errors":["#;
    assert!(body.starts_with(start), "{body}");
    for path in [r#""path":["a"]"#, r#""path":["b"]"#, r#""path":["c"]"#] {
        assert!(body.contains(path), "{body}");
    }
    assert_eq!(body.matches("`mrr` has a value of more than 15").count(), 3, "{body}");
}

#[tokio::test]
async fn the_curve_and_shares_by_day() {
    let mut model = super::super::testing::model();
    model.metrics.get_mut("mrr").unwrap().field = Some("timeToExpansion".into());
    let (api, _) = over(FakeEngine::new(model));
    let query = "query($d: [Int!]! = 41) { timeToExpansion { rows {
        medianDays observedMedianDays expandedBy { day share } some: expandedBy(days: $d) { share }
        curve { day survival low95 } } } }";
    let response = execute(&api, query, "{}").await;
    let expected = concat!(
        r#"{"data":{"timeToExpansion":{"rows":[{"medianDays":null,"observedMedianDays":25.5,"#,
        r#""expandedBy":[{"day":30,"share":0.25},{"day":90,"share":0.5},{"day":180,"share":0.5},{"day":365,"share":0.5}],"#,
        r#""some":[{"share":0.5}],"#,
        r#""curve":[{"day":10,"survival":0.75,"low95":null},{"day":41,"survival":0.5,"low95":null}]}]}}}"#,
    );
    assert_eq!(text(&response), expected);
}

#[tokio::test]
async fn groups_and_provenance() {
    let query = format!(
        "{{ nrr({PERIOD}, groupBy: [segment]) {{ rows {{ group {{ dimension value }} period {{ start end complete }} method }}
           provenance {{ definitionVersion dataThrough computedAt cached notes }} }} }}"
    );
    let response = parsed(&query, "{}").await;
    let rows = r#"[{"group":[{"dimension":"segment","value":"SMB"}],"period":{"start":"2026-01-01","end":"2026-02-01","complete":true},"method":"LEDGER"}]"#;
    assert_eq!(response["data"]["nrr"]["rows"].to_string(), rows);
    let provenance = &response["data"]["nrr"]["provenance"];
    assert_eq!(provenance["dataThrough"], "2026-01-01T00:00:00Z");
    assert_eq!(provenance["notes"][0], "1 row without a customer was left out.");
}

#[tokio::test]
async fn values_of_a_table_carry_their_band_and_target() {
    let (api, _) = over(FakeEngine::answering(|query| {
        let found = super::super::testing::answer(query)?;
        let Answer::Table(mut table, provenance) = found else { return Ok(found) };
        let metric = MetricName::new("mrr");
        let band = BandHit {
            label: "fine for SMB".into(),
            low: Some(10.0),
            high: None,
            source: "plan".into(),
            standing: Some(Standing::Good),
            only: vec![(DimensionName::new("segment"), Scalar::text("SMB"))],
        };
        let target = TargetHit { value: 20.0, source: "plan".into(), attainment: Some(0.5) };
        table.marks = vec![
            Mark { row: 0, metric: metric.clone(), band: Some(band), target: None, mature: None },
            Mark { row: 1, metric, band: None, target: Some(target), mature: Some(false) },
        ];
        Ok(Answer::Table(table, provenance))
    }));
    let query = "{ metrics(select: [mrr], groupBy: [segment]) { marks { row metric \
                 band { label standing only { value } } target { value attainment source } mature } } }";
    let response = execute(&api, query, "{}").await;
    let expected = concat!(
        r#""marks":[{"row":0,"metric":"mrr","band":{"label":"fine for SMB","standing":"GOOD","only":[{"value":"SMB"}]},"target":null,"mature":null},"#,
        r#"{"row":1,"metric":"mrr","band":null,"target":{"value":20.0,"attainment":0.5,"source":"plan"},"mature":false}]"#,
    );
    assert!(text(&response).contains(expected), "{}", text(&response));
}

#[tokio::test]
async fn dimension_values_of_every_type() {
    let (api, _) = over(FakeEngine::answering(|_| {
        let values = [
            Scalar::Bool(true),
            Scalar::Int(3),
            Scalar::Decimal(1250, 2),
            Scalar::Float(0.5),
            Scalar::Timestamp(Instant(1_500_000)),
        ];
        let columns = (0..values.len())
            .map(|index| typed(&format!("c{index}"), ColumnKind::Dimension, "string"));
        let row = values.into_iter().map(Cell::Dimension).collect();
        Ok(Answer::Table(table(columns.collect(), vec![row]), provenance()))
    }));
    let response = execute(&api, "{ metrics(select: mrr) { rows } }", "{}").await;
    let rows = r#"[{"c0":true,"c1":3,"c2":12.50,"c3":0.5,"c4":"1970-01-01T00:00:01.500Z"}]"#;
    assert_eq!(text(&response), format!(r#"{{"data":{{"metrics":{{"rows":{rows}}}}}}}"#));
}

#[tokio::test]
async fn cohorts_have_null_for_what_is_not_known() {
    let mut model = super::super::testing::model();
    model.metrics.get_mut("mrr").unwrap().field = Some("cohorts".into());
    let (api, engine) = over(FakeEngine::new(model));
    let query =
        "{ cohorts(period: {last: 3}, grain: MONTH) { rows { cohort { start } age group { value }
        customers mrr mrrRetention logoRetention startingCustomers startingMrr } } }";
    let response = execute(&api, query, "{}").await;
    let expected = concat!(
        r#"{"data":{"cohorts":{"rows":[{"cohort":{"start":"2026-01-01"},"age":2,"group":[],"#,
        r#""customers":3,"mrr":160.00,"mrrRetention":1.0666666666666667,"logoRetention":null,"#,
        r#""startingCustomers":null,"startingMrr":150.00}]}}}"#,
    );
    assert_eq!(text(&response), expected);
    let runs = engine.runs.lock().unwrap();
    assert_eq!(runs[0][0].ask, Ask::Cohorts { metric: MetricName::new("mrr") });
}
