//! The keys of a metric's kind.

use super::{Flow, Parts};
use crate::model::{
    Aggregate, AggregateKind, AttachBasis, AttachKind, AttributionKind, AttributionRule,
    BalanceMeasure, CohortMeasure, ColumnName, ConversionKind, CumulativeWindow, DatasetName,
    DurationKind, DurationMeasure, Metric, MetricKind, Model, MovementMeasure, RetentionKind,
    RetentionMeasure, RetentionMethod, RetentionUnit, TimeOrigin, Window,
};

pub(super) fn add(parts: &mut Parts, model: &Model, metric: &Metric) {
    match &metric.kind {
        MetricKind::Aggregate(kind) => aggregate(parts, kind),
        MetricKind::Ratio { numerator, denominator } => {
            parts.text("numerator", numerator);
            parts.text("denominator", denominator);
        }
        // Its formula is the expression, in the signs of print.
        MetricKind::Derived { .. } => {
            parts.text("expr", metric.formula.replace('−', "-").replace('×', "*"));
        }
        MetricKind::Cumulative { of, window } => {
            parts.text("of", of);
            parts.text("window", cumulative(*window));
        }
        MetricKind::Balance { balance, measure } => {
            parts.text("balance", balance);
            parts.text(
                "measure",
                match measure {
                    BalanceMeasure::Amount => "amount",
                    BalanceMeasure::Customers => "customers",
                },
            );
        }
        MetricKind::Movement { balance, classes, measure } => {
            parts.text("balance", balance);
            parts.list("classes", classes.iter().map(|class| class.as_str()));
            parts.text(
                "measure",
                match measure {
                    MovementMeasure::Amount => "amount",
                    MovementMeasure::Events => "events",
                    MovementMeasure::Customers => "customers",
                },
            );
        }
        MetricKind::Retention(kind) => retention(parts, kind),
        MetricKind::Attach(kind) => attach(parts, kind),
        MetricKind::Duration(kind) => duration(parts, kind),
        MetricKind::Attribution(kind) => attribution(parts, kind),
        MetricKind::Conversion(kind) => conversion(parts, model, kind),
        MetricKind::Cohort(kind) => {
            parts.text("balance", &kind.balance);
            parts.flow("acquisition", Some(acquisition(&kind.acquisition)));
            parts.text(
                "measure",
                match kind.measure {
                    CohortMeasure::MrrRetention => "mrr_retention",
                    CohortMeasure::LogoRetention => "logo_retention",
                },
            );
        }
    }
}

fn aggregate(parts: &mut Parts, kind: &AggregateKind) {
    parts.text("dataset", &kind.dataset);
    parts.text(
        "aggregate",
        match kind.aggregate {
            Aggregate::Count => "count",
            Aggregate::CountDistinct => "count_distinct",
            Aggregate::Sum => "sum",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
            Aggregate::Average => "average",
            Aggregate::Median => "median",
        },
    );
    parts.maybe("expr", kind.expr.as_ref().map(|expr| &expr.sql));
    parts.maybe("filter", kind.filter.as_ref().map(|expr| &expr.sql));
    parts.maybe("time", kind.time.as_ref());
}

fn cumulative(window: CumulativeWindow) -> String {
    match window {
        CumulativeWindow::AllTime => "all_time".to_owned(),
        CumulativeWindow::Months(months) => format!("{months} months"),
        CumulativeWindow::Days(days) => format!("{days} days"),
        CumulativeWindow::ToDate(grain) => format!("{}_to_date", grain.as_str().to_lowercase()),
    }
}

fn retention(parts: &mut Parts, kind: &RetentionKind) {
    parts.text("balance", &kind.balance);
    parts.text(
        "measure",
        match kind.measure {
            RetentionMeasure::Nrr => "nrr",
            RetentionMeasure::Grr => "grr",
            RetentionMeasure::LogoRetention => "logo_retention",
            RetentionMeasure::LogoChurnRate => "logo_churn_rate",
            RetentionMeasure::GrossChurnRate => "gross_churn_rate",
            RetentionMeasure::ExpansionRate => "expansion_rate",
        },
    );
    parts.text(
        "window",
        match kind.window {
            Window::Period => "period".to_owned(),
            Window::TrailingMonths(months) => format!("trailing_{months}_months"),
        },
    );
    let method = kind.method.map(|method| match method {
        RetentionMethod::Ledger => "ledger",
        RetentionMethod::Endpoint => "endpoint",
    });
    parts.maybe("method", method);
    parts.text(
        "retention_unit",
        match kind.unit {
            RetentionUnit::Customer => "customer",
            RetentionUnit::CustomerProduct => "customer_product",
        },
    );
    parts.maybe("variant_of", kind.rules.variant_of.as_ref());
    parts.maybe("reactivation", kind.rules.reactivation_counted.then_some("counted"));
    // Families stand for the types that roll up to them.
    parts.list("exclude_types", &kind.rules.left_out);
    parts.maybe("chain", kind.rules.chained.then_some("month"));
}

fn attach(parts: &mut Parts, kind: &AttachKind) {
    parts.text("balance", &kind.balance);
    let orders = &kind.orders;
    let orders = Flow::map([
        ("dataset", Some(Flow::text(&orders.dataset))),
        ("order", Some(Flow::text(&orders.order))),
        ("customer", Some(Flow::text(&orders.customer))),
        ("product", Some(Flow::text(&orders.product))),
        ("time", Some(Flow::text(&orders.time))),
    ]);
    parts.flow("orders", Some(orders));
    parts.text("products", &kind.products);
    parts.text("base", &kind.base.sql);
    parts.text("attached", &kind.attached.sql);
    parts.flag("both_count", kind.both_count);
    parts.text(
        "basis",
        match kind.basis {
            AttachBasis::Order => "order",
            AttachBasis::Customer => "customer",
            AttachBasis::WithinDays => "within_days",
        },
    );
    parts.text("within_days", kind.within_days);
}

fn duration(parts: &mut Parts, kind: &DurationKind) {
    parts.text("balance", &kind.balance);
    parts.text(
        "origin",
        match kind.origin {
            TimeOrigin::Acquisition => "acquisition",
            TimeOrigin::Milestone => "milestone",
            TimeOrigin::PreviousExpansion => "previous_expansion",
        },
    );
    parts.flow("acquisition", Some(acquisition(&kind.acquisition)));
    let milestones = kind.milestones.as_ref().map(|from| {
        Flow::map([
            ("dataset", Some(Flow::text(&from.dataset))),
            ("customer", Some(Flow::text(&from.customer))),
            ("milestone", Some(Flow::text(&from.milestone))),
            ("time", Some(Flow::text(&from.time))),
        ])
    });
    parts.flow("milestones", milestones);
    parts.maybe("milestone", kind.milestone.as_ref());
    parts.text("nth", kind.nth);
    parts.flow("types", kind.types.as_ref().map(Flow::texts));
    parts.flag("competing", kind.competing);
    let (measure, quantile, day) = match kind.measure {
        DurationMeasure::QuantileDays(50) => ("median_days", None, None),
        DurationMeasure::QuantileDays(percent) => ("quantile_days", Some(percent), None),
        DurationMeasure::ShareByDay(day) => ("share_by_day", None, Some(day)),
        DurationMeasure::ObservedMedianDays => ("observed_median_days", None, None),
    };
    parts.text("measure", measure);
    parts.maybe("quantile", quantile);
    parts.maybe("day", day);
}

fn attribution(parts: &mut Parts, kind: &AttributionKind) {
    parts.text("balance", &kind.balance);
    let owners = &kind.owners;
    let owners = Flow::map([
        ("dataset", Some(Flow::text(&owners.dataset))),
        ("customer", Some(Flow::text(&owners.customer))),
        ("owner", Some(Flow::text(&owners.owner))),
        ("share", owners.share.as_ref().map(Flow::text)),
        ("id_dimension", Some(Flow::text(&owners.id_dimension))),
        ("name_dimension", owners.name_dimension.as_ref().map(Flow::text)),
    ]);
    parts.flow("owners", Some(owners));
    let offers = kind.offers.as_ref().map(|offers| {
        Flow::map([
            ("dataset", Some(Flow::text(&offers.dataset))),
            ("offer", Some(Flow::text(&offers.offer))),
            ("presenter", Some(Flow::text(&offers.presenter))),
            ("presented_at", Some(Flow::text(&offers.presented_at))),
            ("responded_at", Some(Flow::text(&offers.responded_at))),
            ("outcome", Some(Flow::text(&offers.outcome))),
            ("accepted", Some(Flow::text(&offers.accepted))),
        ])
    });
    parts.flow("offers", offers);
    parts.text(
        "rule",
        match kind.rule {
            AttributionRule::OwnerAtEvent => "owner_at_event",
            AttributionRule::CurrentOwner => "current_owner",
            AttributionRule::OwnerAtPeriodStart => "owner_at_period_start",
            AttributionRule::OfferOwner => "offer_owner",
        },
    );
}

fn conversion(parts: &mut Parts, model: &Model, kind: &ConversionKind) {
    parts.flow("base", Some(events(&kind.base)));
    parts.flow("conversion", Some(events(&kind.conversion)));
    let dataset = model.datasets.get(&kind.base.dataset);
    parts.maybe("entity", dataset.and_then(|dataset| dataset.entity_of(&kind.base_key)));
    parts.text("within_days", kind.within_days);
}

fn events(kind: &AggregateKind) -> Flow {
    Flow::map([
        ("dataset", Some(Flow::text(&kind.dataset))),
        ("filter", kind.filter.as_ref().map(|expr| Flow::text(&expr.sql))),
        ("time", kind.time.as_ref().map(Flow::text)),
    ])
}

fn acquisition((dataset, customer, date): &(DatasetName, ColumnName, ColumnName)) -> Flow {
    Flow::map([
        ("dataset", Some(Flow::text(dataset))),
        ("customer", Some(Flow::text(customer))),
        ("date", Some(Flow::text(date))),
    ])
}
