//! Readers of the typed answers: retention, expansion, attach rate, time to expansion, attribution
//! and cohorts.

use std::sync::Arc;

use async_graphql::Value;

use crate::engine::{
    Answer, AttachAnswerRow, AttributionAnswerRow, BandHit, CohortAnswerRow, DurationAnswerRow,
    ExpandedBy, ExpansionAnswerRow, PeriodInfo, Provenance, RetentionAnswerRow, Standing,
    SurvivalPoint, TargetHit, VariantAnswerRow, VariantItem,
};
use crate::model::{DimensionName, RetentionMethod};
use crate::values::{Instant, Scalar};

use super::super::values::{TooLong, float, integer, ratio, scalar, text};
use super::{Fields, Readers, too_long};

pub(super) fn register(readers: &mut Readers) {
    shared(readers);
    retention(readers);
    expansion(readers);
    attach(readers);
    duration(readers);
    attribution(readers);
    cohorts(readers);
    variants(readers);
}

/// The rows of an answer of one kind; none of another.
macro_rules! rows {
    ($kind:ident) => {
        |answer: &Arc<Answer>| match &**answer {
            Answer::$kind(rows, _) => rows,
            _ => &[],
        }
    };
}

#[allow(clippy::unnecessary_wraps)] // the readers' shape: other parts can be missing
pub(super) fn provenance(answer: &Arc<Answer>) -> Option<&Provenance> {
    Some(answer.provenance())
}

fn shared(readers: &mut Readers) {
    readers
        .of::<PeriodInfo>("Period")
        .value("start", |period| Value::from(period.start.to_string()))
        .value("end", |period| Value::from(period.end.to_string()))
        .value("complete", |period| Value::from(period.complete));
    group_value(readers.of::<(DimensionName, Scalar)>("GroupValue"));
    band(readers.of::<BandHit>("Band"));
    readers
        .of::<TargetHit>("Target")
        .value("value", |target| float(target.value))
        .value("source", |target| Value::from(target.source.as_str()))
        .value("attainment", |target| target.attainment.map_or(Value::Null, float));
    readers
        .of::<Provenance>("Provenance")
        .value("definitionVersion", |from| Value::from(from.definition_version.as_str()))
        .value("snapshot", |from| Value::from(from.snapshot.as_str()))
        .value("dataThrough", |from| text(from.data_through.map(Instant::to_rfc3339).as_deref()))
        .value("computedAt", |from| Value::from(from.computed_at.to_rfc3339()))
        .value("cached", |from| Value::from(from.cached))
        .value("notes", |from| from.notes.iter().map(String::as_str).collect());
}

/// Here and in the catalogue.
pub(in super::super) fn group_value(fields: impl Fields<(DimensionName, Scalar)>) {
    fields
        .value("dimension", |(dimension, _)| Value::from(dimension.as_str()))
        .exact("value", |(dimension, value)| {
            scalar(value).map_err(|TooLong| too_long(dimension.as_str()))
        });
}

/// Here and in the catalogue.
pub(in super::super) fn band(fields: impl Fields<BandHit>) {
    fields
        .value("label", |band| Value::from(band.label.as_str()))
        .value("low", |band| band.low.map_or(Value::Null, float))
        .value("high", |band| band.high.map_or(Value::Null, float))
        .value("source", |band| Value::from(band.source.as_str()))
        .value("standing", |band| text(band.standing.map(Standing::as_str)))
        .parts("only", |band| &band.only);
}

fn retention(readers: &mut Readers) {
    readers
        .of::<Arc<Answer>>("Retention")
        .parts("rows", rows!(Retention))
        .part("provenance", provenance);
    readers
        .of::<RetentionAnswerRow>("RetentionRow")
        .part("period", |row| Some(&row.period))
        .part("window", |row| Some(&row.window))
        .parts("group", |row| &row.group)
        .value("method", |row| {
            Value::from(match row.method {
                RetentionMethod::Ledger => "LEDGER",
                RetentionMethod::Endpoint => "ENDPOINT",
            })
        })
        .decimal("startingMrr", |row| row.starting.as_ref())
        .decimal("newMrr", |row| row.new.as_ref())
        .decimal("reactivationMrr", |row| row.reactivation.as_ref())
        .decimal("expansionMrr", |row| row.expansion.as_ref())
        .decimal("contractionMrr", |row| row.contraction.as_ref())
        .decimal("churnMrr", |row| row.churn.as_ref())
        .decimal("endingMrr", |row| row.ending.as_ref())
        .decimal("cohortStartingMrr", |row| row.cohort_starting.as_ref())
        .decimal("retainedMrr", |row| row.retained.as_ref())
        .decimal("grossRetainedMrr", |row| row.gross_retained.as_ref())
        .decimal("cohortReactivationMrr", |row| row.cohort_reactivation.as_ref())
        .value("nrr", |row| ratio(row.nrr.as_ref()))
        .value("grr", |row| ratio(row.grr.as_ref()))
        .value("logoRetention", |row| ratio(row.logo_retention.as_ref()))
        .value("expansionRate", |row| ratio(row.expansion_rate.as_ref()))
        .value("customers", |row| integer(row.customers))
        .value("churnedCustomers", |row| integer(row.churned_customers))
        .value("expandedCustomers", |row| integer(row.expanded_customers))
        .part("band", |row| row.band.as_ref())
        .part("target", |row| row.target.as_ref());
}

fn expansion(readers: &mut Readers) {
    readers
        .of::<Arc<Answer>>("Expansion")
        .parts("rows", rows!(Expansion))
        .part("provenance", provenance);
    readers
        .of::<ExpansionAnswerRow>("ExpansionRow")
        .part("period", |row| Some(&row.period))
        .parts("group", |row| &row.group)
        .value("expansionType", |row| text(row.expansion_type.as_deref()))
        .value("family", |row| text(row.family.as_deref()))
        .decimal("amount", |row| Some(&row.amount))
        .decimal("fromOpeningCohort", |row| Some(&row.from_opening_cohort))
        .decimal("fromOutsideCohort", |row| Some(&row.from_outside_cohort))
        .value("events", |row| Value::from(row.events))
        .value("customers", |row| Value::from(row.customers))
        .value("share", |row| ratio(row.share.as_ref()))
        .part("target", |row| row.target.as_ref());
}

fn attach(readers: &mut Readers) {
    readers.of::<Arc<Answer>>("Attach").parts("rows", rows!(Attach)).part("provenance", provenance);
    readers
        .of::<AttachAnswerRow>("AttachRow")
        .part("period", |row| Some(&row.period))
        .parts("group", |row| &row.group)
        .value("attached", |row| text(row.attached.as_deref()))
        .value("attachedName", |row| text(row.attached_name.as_deref()))
        .value("baseUnits", |row| Value::from(row.base_units))
        .value("attachedUnits", |row| Value::from(row.attached_units))
        .value("rate", |row| ratio(row.rate.as_ref()))
        .value("mature", |row| Value::from(row.mature))
        .part("band", |row| row.band.as_ref())
        .part("target", |row| row.target.as_ref());
}

fn duration(readers: &mut Readers) {
    readers
        .of::<Arc<Answer>>("TimeToExpansion")
        .parts("rows", rows!(Duration))
        .part("provenance", provenance);
    readers
        .of::<DurationAnswerRow>("TimeToExpansionRow")
        .parts("group", |row| &row.group)
        .part("band", |row| row.band.as_ref())
        .part("target", |row| row.target.as_ref())
        .value("subjects", |row| Value::from(row.subjects))
        .value("events", |row| Value::from(row.events))
        .value("censored", |row| Value::from(row.censored))
        .value("churned", |row| Value::from(row.churned))
        .value("p25Days", |row| integer(row.p25_days))
        .value("medianDays", |row| integer(row.median_days))
        .value("p75Days", |row| integer(row.p75_days))
        .value("observedMedianDays", |row| row.observed_median_days.map_or(Value::Null, float))
        .made("expandedBy", |row, arguments| {
            let days = arguments.items("days");
            let days = days.iter().filter_map(|(_, day)| match day {
                Value::Number(day) => day.as_i64(),
                _ => None,
            });
            days.map(|day| row.expanded_by(day)).collect()
        })
        .parts("curve", |row| &row.curve);
    readers
        .of::<ExpandedBy>("ExpandedBy")
        .value("day", |by| Value::from(by.day))
        .value("share", |by| float(by.share));
    readers
        .of::<SurvivalPoint>("SurvivalPoint")
        .value("day", |point| Value::from(point.day))
        .value("survival", |point| float(point.survival))
        .value("low95", |point| point.low95.map_or(Value::Null, float))
        .value("high95", |point| point.high95.map_or(Value::Null, float))
        .value("atRisk", |point| Value::from(point.at_risk))
        .value("events", |point| Value::from(point.events));
}

fn attribution(readers: &mut Readers) {
    readers
        .of::<Arc<Answer>>("Attribution")
        .parts("rows", |answer| match &**answer {
            Answer::Attribution(attribution, _) => &attribution.rows,
            _ => &[],
        })
        .value("warnings", |answer| match &**answer {
            Answer::Attribution(attribution, _) => {
                attribution.warnings.iter().map(String::as_str).collect()
            }
            _ => Value::List(Vec::new()),
        })
        .part("provenance", provenance);
    readers
        .of::<AttributionAnswerRow>("AttributionRow")
        .part("period", |row| Some(&row.period))
        .parts("group", |row| &row.group)
        .value("csmId", |row| text(row.owner.as_deref()))
        .value("csmName", |row| text(row.owner_name.as_deref()))
        .decimal("creditedMrr", |row| Some(&row.credited))
        .value("events", |row| Value::from(row.events))
        .value("customers", |row| Value::from(row.customers))
        .value("share", |row| ratio(row.share.as_ref()))
        .value("accounts", |row| integer(row.accounts))
        .decimal("cohortMrr", |row| row.cohort_mrr.as_ref())
        .value("nrr", |row| ratio(row.nrr.as_ref()))
        .part("target", |row| row.target.as_ref());
}

fn variants(readers: &mut Readers) {
    readers
        .of::<Arc<Answer>>("VariantTable")
        .parts("rows", rows!(Variants))
        .part("provenance", provenance);
    readers
        .of::<VariantAnswerRow>("VariantRow")
        .part("period", |row| Some(&row.period))
        .part("window", |row| Some(&row.window))
        .parts("group", |row| &row.group)
        .value("name", |row| Value::from(row.variant.as_str()))
        .value("label", |row| Value::from(row.label.as_str()))
        .value("rule", |row| Value::from(row.rule.as_str()))
        .value("value", |row| ratio(row.value.as_ref()))
        .decimal("numerator", |row| row.numerator.as_ref())
        .decimal("denominator", |row| row.denominator.as_ref())
        .value("difference", |row| ratio(row.difference.as_ref()))
        .parts("items", |row| &row.items);
    readers
        .of::<VariantItem>("VariantItem")
        .value("name", |item| Value::from(item.name))
        .value("label", |item| Value::from(item.label.as_str()))
        .decimal("amount", |item| item.amount.as_ref())
        .decimal("denominatorAmount", |item| item.denominator_amount.as_ref())
        .value("ratio", |item| ratio(item.ratio.as_ref()));
}

fn cohorts(readers: &mut Readers) {
    readers
        .of::<Arc<Answer>>("Cohorts")
        .parts("rows", rows!(Cohorts))
        .part("provenance", provenance);
    readers
        .of::<CohortAnswerRow>("CohortRow")
        .part("cohort", |row| Some(&row.cohort))
        .value("age", |row| Value::from(row.age))
        .parts("group", |row| &row.group)
        .value("customers", |row| integer(row.customers))
        .decimal("mrr", |row| row.mrr.as_ref())
        .value("mrrRetention", |row| ratio(row.mrr_retention.as_ref()))
        .value("logoRetention", |row| ratio(row.logo_retention.as_ref()))
        .value("startingCustomers", |row| integer(row.starting_customers))
        .decimal("startingMrr", |row| row.starting_mrr.as_ref());
}
