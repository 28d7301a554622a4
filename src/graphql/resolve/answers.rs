//! Readers of the typed answers: retention, expansion, attach rate, time to expansion, attribution
//! and cohorts.

use std::sync::Arc;

use async_graphql::Value;
use async_graphql::dynamic::{FieldFuture, FieldValue};

use crate::engine::{
    Answer, AttachAnswerRow, AttributionAnswerRow, BandHit, CohortAnswerRow, DurationAnswerRow,
    ExpandedBy, ExpansionAnswerRow, PeriodInfo, Provenance, RetentionAnswerRow, SurvivalPoint,
    TargetHit, VariantAnswerRow, VariantItem,
};
use crate::model::{DimensionName, RetentionMethod};
use crate::values::{Instant, Scalar};

use super::super::values::{float, integer, ratio, scalar, text};
use super::{Resolvers, exact_or_fail};

pub(super) fn register(resolvers: &mut Resolvers) {
    shared(resolvers);
    retention(resolvers);
    expansion(resolvers);
    attach(resolvers);
    duration(resolvers);
    attribution(resolvers);
    cohorts(resolvers);
    variants(resolvers);
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

fn shared(resolvers: &mut Resolvers) {
    resolvers
        .of::<PeriodInfo>("Period")
        .value("start", |period| Value::from(period.start.to_string()))
        .value("end", |period| Value::from(period.end.to_string()))
        .value("complete", |period| Value::from(period.complete));
    resolvers
        .of::<(DimensionName, Scalar)>("GroupValue")
        .value("dimension", |(dimension, _)| Value::from(dimension.as_str()))
        .field("value", |context| {
            let value = context.parent_value.downcast_ref::<(DimensionName, Scalar)>();
            let written = value.map(|(dimension, value)| {
                exact_or_fail(&context, dimension.as_str(), scalar(value))
            });
            FieldFuture::from_value(written)
        });
    resolvers
        .of::<BandHit>("Band")
        .value("label", |band| Value::from(band.label.as_str()))
        .value("low", |band| band.low.map_or(Value::Null, float))
        .value("high", |band| band.high.map_or(Value::Null, float))
        .value("source", |band| Value::from(band.source.as_str()))
        .field("standing", |context| {
            let band = context.parent_value.downcast_ref::<BandHit>();
            // An enum that is null is no value at all.
            let standing = band.and_then(|band| band.standing);
            FieldFuture::from_value(standing.map(|standing| Value::from(standing.as_str())))
        })
        .parts("only", |band| &band.only);
    resolvers
        .of::<TargetHit>("Target")
        .value("value", |target| float(target.value))
        .value("source", |target| Value::from(target.source.as_str()))
        .value("attainment", |target| target.attainment.map_or(Value::Null, float));
    resolvers
        .of::<Provenance>("Provenance")
        .value("definitionVersion", |from| Value::from(from.definition_version.as_str()))
        .value("snapshot", |from| Value::from(from.snapshot.as_str()))
        .value("dataThrough", |from| text(from.data_through.map(Instant::to_rfc3339).as_deref()))
        .value("computedAt", |from| Value::from(from.computed_at.to_rfc3339()))
        .value("cached", |from| Value::from(from.cached))
        .value("notes", |from| from.notes.iter().map(String::as_str).collect());
}

fn retention(resolvers: &mut Resolvers) {
    resolvers
        .of::<Arc<Answer>>("Retention")
        .parts("rows", rows!(Retention))
        .part("provenance", provenance);
    resolvers
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

fn expansion(resolvers: &mut Resolvers) {
    resolvers
        .of::<Arc<Answer>>("Expansion")
        .parts("rows", rows!(Expansion))
        .part("provenance", provenance);
    resolvers
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

fn attach(resolvers: &mut Resolvers) {
    resolvers
        .of::<Arc<Answer>>("Attach")
        .parts("rows", rows!(Attach))
        .part("provenance", provenance);
    resolvers
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

fn duration(resolvers: &mut Resolvers) {
    resolvers
        .of::<Arc<Answer>>("TimeToExpansion")
        .parts("rows", rows!(Duration))
        .part("provenance", provenance);
    resolvers
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
        .field("expandedBy", |context| {
            let days = context.args.get("days").and_then(|days| {
                // A single day stands for a list of one, as everywhere in GraphQL.
                days.list()
                    .map(|days| days.iter().filter_map(|day| day.i64().ok()).collect())
                    .or(days.i64().map(|day| vec![day]))
                    .ok()
            });
            let row = context.parent_value.downcast_ref::<DurationAnswerRow>();
            FieldFuture::Value(row.zip(days).map(|(row, days): (_, Vec<i64>)| {
                let shares = days.into_iter().map(|day| row.expanded_by(day));
                FieldValue::list(shares.map(FieldValue::owned_any))
            }))
        })
        .parts("curve", |row| &row.curve);
    resolvers
        .of::<ExpandedBy>("ExpandedBy")
        .value("day", |by| Value::from(by.day))
        .value("share", |by| float(by.share));
    resolvers
        .of::<SurvivalPoint>("SurvivalPoint")
        .value("day", |point| Value::from(point.day))
        .value("survival", |point| float(point.survival))
        .value("low95", |point| point.low95.map_or(Value::Null, float))
        .value("high95", |point| point.high95.map_or(Value::Null, float))
        .value("atRisk", |point| Value::from(point.at_risk))
        .value("events", |point| Value::from(point.events));
}

fn attribution(resolvers: &mut Resolvers) {
    resolvers
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
    resolvers
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

fn variants(resolvers: &mut Resolvers) {
    resolvers
        .of::<Arc<Answer>>("VariantTable")
        .parts("rows", rows!(Variants))
        .part("provenance", provenance);
    resolvers
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
    resolvers
        .of::<VariantItem>("VariantItem")
        .value("name", |item| Value::from(item.name))
        .value("label", |item| Value::from(item.label.as_str()))
        .decimal("amount", |item| item.amount.as_ref())
        .decimal("denominatorAmount", |item| item.denominator_amount.as_ref())
        .value("ratio", |item| ratio(item.ratio.as_ref()));
}

fn cohorts(resolvers: &mut Resolvers) {
    resolvers
        .of::<Arc<Answer>>("Cohorts")
        .parts("rows", rows!(Cohorts))
        .part("provenance", provenance);
    resolvers
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
