//! Stage: tests of metrics. Fixture rows must have columns that their dataset declares and values
//! of their types; questions and expectations must name what exists.

use chrono::NaiveDate;
use chrono_tz::Tz;

use super::Resolver;
use super::names::Written;
use crate::definitions::{AskDef, Nullable, TestDef, TestRow, Text};
use crate::diagnostics::{Code, Diagnostic};
use crate::model::{
    ColumnName, ColumnType, DatasetName, DimensionName, ExpectedRow, Fixture, FixtureRow,
    MetricName, MetricTest, TestAsk,
};
use crate::values::{Calendar, Grain, parse_day, parse_decimal, parse_fraction, parse_instant};

impl Resolver<'_> {
    /// Tests under their metrics first, then those beside them.
    pub(super) fn resolve_tests(
        &mut self,
        written: &Written<'_>,
        calendar: Option<Calendar>,
    ) -> Vec<MetricTest> {
        let calendar = calendar.unwrap_or_else(Calendar::utc);
        let definitions = self.definitions;
        let mut tests = Vec::new();
        for (name, def) in &written.metrics {
            for test in &def.common.tests {
                let metric = match &test.metric {
                    Some(other) if other.value != *name => {
                        let message = format!("the test stands under `{name}`");
                        self.report(Code::InvalidValue, other.span, message);
                        continue;
                    }
                    _ => MetricName::new(*name),
                };
                tests.extend(self.resolve_test(metric, test, &calendar));
            }
        }
        for test in &definitions.tests {
            let Some(metric) = &test.metric else {
                let found = Diagnostic::new(Code::MissingKey, test.span, "`metric` is missing");
                self.out.push(found.help("a test beside its metric names it: `metric: nrr`"));
                continue;
            };
            let Some(metric) = self.metric_name(metric) else { continue };
            tests.extend(self.resolve_test(metric, test, &calendar));
        }
        tests
    }

    fn resolve_test(
        &mut self,
        metric: MetricName,
        def: &TestDef,
        calendar: &Calendar,
    ) -> Option<MetricTest> {
        let given: Vec<Option<Fixture>> =
            def.given.iter().map(|(dataset, rows)| self.fixture(dataset, rows, calendar)).collect();
        let ask = self.test_ask(&def.ask, calendar);
        let expect = self.expectation(def, ask.as_ref());
        let (select, expect) = expect?;
        let ask = match ask? {
            TestAsk::Table { period, grain, group_by, only, as_of, .. } => {
                TestAsk::Table { period, grain, group_by, only, as_of, select }
            }
            document @ TestAsk::Document(_) => document,
        };
        Some(MetricTest {
            metric,
            name: def.name.clone().unwrap_or_default(),
            given: given.into_iter().collect::<Option<_>>()?,
            ask,
            expect,
            source: self.source_pos(def.span),
        })
    }

    fn fixture(&mut self, name: &Text, rows: &[TestRow], calendar: &Calendar) -> Option<Fixture> {
        let dataset = self.dataset_name(name)?;
        let mut bound = Vec::new();
        for row in rows {
            let mut cells = FixtureRow::new();
            for (column, Nullable(value)) in row.iter() {
                let Some(known) = self.fixture_column(&dataset, column) else { continue };
                if let Some(text) = value {
                    self.check_fixture(&dataset, &known, text, calendar);
                }
                cells.push((known, value.as_ref().map(|text| text.value.clone())));
            }
            bound.push(cells);
        }
        Some(Fixture { dataset, rows: bound })
    }

    /// A declared column; any name, where the dataset takes its columns as the files have them.
    fn fixture_column(&mut self, dataset: &DatasetName, text: &Text) -> Option<ColumnName> {
        if self.open.contains(dataset) {
            return Some(ColumnName::new(text.value.as_str()));
        }
        self.use_column(dataset, text)
    }

    fn check_fixture(
        &mut self,
        dataset: &DatasetName,
        column: &ColumnName,
        text: &Text,
        calendar: &Calendar,
    ) {
        let declared = self.datasets.get(dataset).and_then(|dataset| dataset.columns.get(column));
        let value = text.value.as_str();
        let (fits, wanted) = match declared.map(|column| column.data_type) {
            Some(ColumnType::Int) => (value.parse::<i64>().is_ok(), "a whole number"),
            Some(ColumnType::Decimal { .. }) => {
                (parse_decimal(value).is_some(), "a decimal such as -12.50")
            }
            Some(ColumnType::Float) => (value.parse::<f64>().is_ok_and(f64::is_finite), "a number"),
            Some(ColumnType::Bool) => (matches!(value, "true" | "false"), "true or false"),
            Some(ColumnType::Date) => (parse_day(value).is_some(), "a day like 2026-03-31"),
            Some(ColumnType::Timestamp) => (
                parse_instant(value, calendar, Tz::UTC).is_some(),
                "an instant like 2026-03-31T10:00:00Z, or a day",
            ),
            Some(ColumnType::Text | ColumnType::AsFound) | None => return,
        };
        if !fits {
            let message = format!("`{value}` is no value of `{dataset}.{column}`");
            let found = Diagnostic::new(Code::InvalidValue, text.span, message);
            self.out.push(found.help(format!("write {wanted}")));
        }
    }

    fn test_ask(&mut self, def: &AskDef, calendar: &Calendar) -> Option<TestAsk> {
        if let Some(document) = &def.document {
            let alone = def.period.is_none()
                && def.grain.is_none()
                && def.group_by.is_empty()
                && def.only.iter().next().is_none()
                && def.as_of.is_none();
            if !alone {
                let message = "`document` is the whole question: nothing may stand beside it";
                self.report(Code::InvalidValue, document.span, message);
            }
            return Some(TestAsk::Document(document.value.clone()));
        }
        let period = def.period.as_ref().map(|period| {
            let (start, end) = (self.test_day(&period.start), self.test_day(&period.end));
            let (start, end) = (start?, end?);
            if end <= start {
                let message = format!("the period ends ({end}) at or before its start ({start})");
                self.report(Code::InvalidValue, period.end.span, message);
            }
            Some((start, end))
        });
        let grain = def.grain.as_ref().map(|text| self.test_grain(text));
        let group_by = def.group_by.iter().map(|text| self.dimension_name(text));
        let group_by: Vec<Option<DimensionName>> = group_by.collect();
        let only: Vec<Option<(DimensionName, Option<String>)>> = def
            .only
            .iter()
            .map(|(name, Nullable(value))| {
                let value = value.as_ref().map(|text| text.value.clone());
                Some((self.dimension_name(name)?, value))
            })
            .collect();
        let as_of = def.as_of.as_ref().map(|text| {
            let at = parse_instant(&text.value, calendar, calendar.zone);
            if at.is_none() {
                let message = format!("`{}` is no instant", text.value);
                let found = Diagnostic::new(Code::InvalidValue, text.span, message);
                self.out.push(found.help("write one like 2026-03-31T10:00:00Z, or a day"));
            }
            at
        });
        // A key that is there must be readable.
        Some(TestAsk::Table {
            period: period.map(|read| read.ok_or(())).transpose().ok()?,
            grain: grain.map(|read| read.ok_or(())).transpose().ok()?,
            group_by: group_by.into_iter().collect::<Option<_>>()?,
            only: only.into_iter().collect::<Option<_>>()?,
            as_of: as_of.map(|read| read.ok_or(())).transpose().ok()?,
            select: Vec::new(),
        })
    }

    fn test_day(&mut self, text: &Text) -> Option<NaiveDate> {
        let day = parse_day(&text.value);
        if day.is_none() {
            let message = format!("`{}` is no day", text.value);
            let found = Diagnostic::new(Code::InvalidValue, text.span, message);
            self.out.push(found.help("write one like 2026-03-31"));
        }
        day
    }

    fn test_grain(&mut self, text: &Text) -> Option<Grain> {
        let found =
            Grain::ALL.into_iter().find(|grain| grain.as_str().eq_ignore_ascii_case(&text.value));
        if found.is_none() {
            let words = ["day", "week", "month", "quarter", "year"];
            let message = format!("`{}` is not one of the choices", text.value);
            let problem = Diagnostic::new(Code::UnknownChoice, text.span, message);
            self.out.push(problem.suggest(&text.value.to_lowercase(), words));
        }
        found
    }

    /// The metrics that are asked for, and the rows; every row names the same columns.
    fn expectation(
        &mut self,
        def: &TestDef,
        ask: Option<&TestAsk>,
    ) -> Option<(Vec<MetricName>, Vec<ExpectedRow>)> {
        let rows = &def.expect.0;
        let Some(first) = rows.first() else {
            let found = Diagnostic::new(Code::MissingKey, def.span, "`expect` is missing");
            self.out.push(found.help("say which rows the answer must have"));
            return None;
        };
        let names: Vec<&str> = first.iter().map(|(name, _)| name.value.as_str()).collect();
        let mut expect = Vec::new();
        for row in rows {
            let mut cells = ExpectedRow::new();
            for (name, Nullable(value)) in row.iter() {
                if !names.contains(&name.value.as_str()) {
                    let message = format!("the rows before say nothing of `{}`", name.value);
                    let found = Diagnostic::new(Code::UnknownKey, name.span, message);
                    self.out.push(found.help("every row of `expect` has the same keys"));
                }
                cells.push((name.value.clone(), value.as_ref().map(|text| text.value.clone())));
            }
            expect.push(cells);
        }
        let Some(TestAsk::Table { group_by, grain, .. }) = ask else {
            return Some((Vec::new(), expect));
        };
        let mut select = Vec::new();
        for (name, Nullable(value)) in first.iter() {
            let is_key = group_by.iter().any(|dimension| dimension.as_str() == name.value)
                || (name.value == "period" && grain.is_some());
            if is_key {
                continue;
            }
            if let Some(text) = value.as_ref().filter(|text| parse_fraction(&text.value).is_none())
            {
                let message = format!("`{}` is no number", text.value);
                let found = Diagnostic::new(Code::InvalidValue, text.span, message);
                self.out.push(found.help("write it exactly: `0.5`, `423/430`, or null"));
            }
            select.push(self.metric_name(name)?);
        }
        if select.is_empty() {
            self.report(Code::MissingKey, def.span, "`expect` names no metric");
        }
        Some((select, expect))
    }
}
