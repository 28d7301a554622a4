//! The plan of a question: leaves (one pass over facts or rows each, shared by every metric that
//! needs the same pass) and, for each output, exact arithmetic over their measures.

use std::fmt;

use crate::model::{
    AggregateKind, AttachKind, AttributionKind, BalanceName, CohortKind, CohortMeasure,
    ConversionKind, CumulativeWindow, DurationKind, DurationMeasure, MetricExpr, MetricFilter,
    MetricName, MovementMeasure, Predicate, RetentionKind, RetentionMeasure, RetentionMethod,
    RetentionUnit, Unit, Window,
};

use super::MetricQuery;

/// A bound question: every name known, every dimension fitting.
#[derive(Debug, Clone)]
pub struct MetricPlan {
    pub query: MetricQuery,
    /// The filter as asked, without that of the metric of a typed field.
    pub asked: Option<Predicate>,
    pub leaves: Vec<Leaf>,
    /// Columns of a flat table, in the order asked for; the typed fields' only leaf has none.
    pub outputs: Vec<Output>,
}

/// One metric column.
#[derive(Debug, Clone)]
pub struct Output {
    pub metric: MetricName,
    pub unit: Unit,
    pub formula: Formula,
}

/// One pass.
#[derive(Debug, Clone)]
pub enum Leaf {
    Balance {
        balance: BalanceName,
    },
    Movement {
        balance: BalanceName,
        classes: [bool; 5],
    },
    Retention {
        balance: BalanceName,
        window: Window,
        method: Option<RetentionMethod>,
        unit: RetentionUnit,
        /// Types of expansion that are left out.
        left_out: Vec<String>,
        /// The windows are the months of each row's window.
        chained: bool,
    },
    Attach(AttachKind),
    Duration(DurationKind),
    Attribution(AttributionKind),
    Aggregate(AggregateKind),
    Cumulative {
        of: AggregateKind,
        window: CumulativeWindow,
    },
    Conversion(ConversionKind),
    Cohort(CohortKind),
    /// A pass over what a metric's own filter lets through.
    Filtered {
        pass: Box<Leaf>,
        filter: Predicate,
    },
}

impl Leaf {
    /// The balance that the pass reads, if any.
    #[must_use]
    pub fn balance(&self) -> Option<&BalanceName> {
        match self {
            Self::Balance { balance }
            | Self::Movement { balance, .. }
            | Self::Retention { balance, .. } => Some(balance),
            Self::Attach(kind) => Some(&kind.balance),
            Self::Duration(kind) => Some(&kind.balance),
            Self::Attribution(kind) => Some(&kind.balance),
            Self::Cohort(kind) => Some(&kind.balance),
            Self::Filtered { pass, .. } => pass.balance(),
            Self::Aggregate(_) | Self::Cumulative { .. } | Self::Conversion(_) => None,
        }
    }

    /// The same pass under a metric's own filter, if it has one.
    #[must_use]
    pub fn filtered(self, filter: Option<&MetricFilter>) -> Self {
        match filter {
            None => self,
            Some(filter) => {
                Self::Filtered { pass: Box::new(self), filter: filter.predicate.clone() }
            }
        }
    }

    /// The pass of a retention metric.
    #[must_use]
    pub fn retention(kind: &RetentionKind) -> Self {
        Self::Retention {
            balance: kind.balance.clone(),
            window: kind.window,
            method: kind.method,
            unit: kind.unit,
            left_out: kind.rules.left_out.clone(),
            chained: kind.rules.chained,
        }
    }

    /// Whether two metrics can share the pass. Kinds are compared as written out.
    #[must_use]
    pub fn same_as(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl fmt::Display for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Balance { balance } => write!(f, "Balance of={balance}"),
            Self::Movement { balance, classes } => {
                let classes: Vec<&str> = crate::model::MovementClass::ALL
                    .iter()
                    .zip(classes)
                    .filter(|(_, wanted)| **wanted)
                    .map(|(class, _)| class.as_str())
                    .collect();
                write!(f, "Movement of={balance} classes={}", classes.join(","))
            }
            Self::Retention { .. } => write_retention(f, self),
            Self::Filtered { pass, filter } => write!(f, "{pass} only=[{filter:?}]"),
            Self::Attach(kind) => write!(
                f,
                "Attach orders={} basis={:?} within_days={} base=[{}] attached=[{}]",
                kind.orders.dataset, kind.basis, kind.within_days, kind.base.sql, kind.attached.sql
            ),
            Self::Duration(kind) => write!(
                f,
                "Duration of={} acquired={}.{} origin={:?} milestone={:?} nth={} types={:?} competing={}",
                kind.balance,
                kind.acquisition.0,
                kind.acquisition.2,
                kind.origin,
                kind.milestone,
                kind.nth,
                kind.types,
                kind.competing
            ),
            Self::Attribution(kind) => write!(
                f,
                "Attribution of={} owners={} rule={:?}",
                kind.balance, kind.owners.dataset, kind.rule
            ),
            Self::Aggregate(kind) => write_aggregate(f, "Aggregate", kind),
            Self::Cumulative { of, window } => {
                write_aggregate(f, "Cumulative", of)?;
                write!(f, " window={window:?}")
            }
            Self::Conversion(kind) => {
                write_aggregate(f, "Conversion base:", &kind.base)?;
                write_aggregate(f, " conversion:", &kind.conversion)?;
                write!(f, " within_days={}", kind.within_days)
            }
            Self::Cohort(kind) => {
                let (dataset, customer, date) = &kind.acquisition;
                write!(f, "Cohort of={} acquired={dataset}.{date} by={customer}", kind.balance)
            }
        }
    }
}

fn write_retention(f: &mut fmt::Formatter<'_>, leaf: &Leaf) -> fmt::Result {
    let Leaf::Retention { balance, window, method, unit, left_out, chained } = leaf else {
        return Ok(());
    };
    let method = method.map_or("as recorded".to_owned(), |method| format!("{method:?}"));
    write!(f, "Retention of={balance} window={window:?} method={method} unit={unit:?}")?;
    if !left_out.is_empty() {
        write!(f, " without=[{}]", left_out.join(","))?;
    }
    f.write_str(if *chained { " chained by month" } else { "" })
}

fn write_aggregate(f: &mut fmt::Formatter<'_>, node: &str, kind: &AggregateKind) -> fmt::Result {
    write!(f, "{node} {:?} over={}", kind.aggregate, kind.dataset)?;
    if let Some(expr) = &kind.expr {
        write!(f, " of=[{}]", expr.sql)?;
    }
    if let Some(filter) = &kind.filter {
        write!(f, " where=[{}]", filter.sql)?;
    }
    kind.time.as_ref().map_or(Ok(()), |time| write!(f, " by={time}"))
}

/// What a leaf gives for a group and period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    BalanceAmount,
    BalanceCustomers,
    /// Amount with losses positive where `loss`.
    Movement {
        measure: MovementMeasure,
        loss: bool,
    },
    Retention {
        measure: RetentionMeasure,
        /// What came back counts.
        counted: bool,
    },
    AttachRate,
    Duration(DurationMeasure),
    Credited,
    Cohort(CohortMeasure),
    /// The leaf's only value.
    Value,
}

/// Exact arithmetic over measures.
#[derive(Debug, Clone)]
pub enum Formula {
    Measure { leaf: usize, measure: Measure },
    Constant(i128, u8),
    Add(Box<Self>, Box<Self>),
    Sub(Box<Self>, Box<Self>),
    Mul(Box<Self>, Box<Self>),
    Div(Box<Self>, Box<Self>),
    Neg(Box<Self>),
}

impl Formula {
    /// Builds a formula from a metric expression, `leaf_of` compiling each named metric.
    pub fn from_expr<E>(
        expr: &MetricExpr,
        leaf_of: &mut impl FnMut(&MetricName) -> Result<Self, E>,
    ) -> Result<Self, E> {
        let mut pair = |a: &MetricExpr, b: &MetricExpr| -> Result<(Box<Self>, Box<Self>), E> {
            Ok((Box::new(Self::from_expr(a, leaf_of)?), Box::new(Self::from_expr(b, leaf_of)?)))
        };
        Ok(match expr {
            MetricExpr::Metric(name) => leaf_of(name)?,
            MetricExpr::Constant(value, scale) => Self::Constant(*value, *scale),
            MetricExpr::Add(a, b) => pair(a, b).map(|(a, b)| Self::Add(a, b))?,
            MetricExpr::Sub(a, b) => pair(a, b).map(|(a, b)| Self::Sub(a, b))?,
            MetricExpr::Mul(a, b) => pair(a, b).map(|(a, b)| Self::Mul(a, b))?,
            MetricExpr::Div(a, b) => pair(a, b).map(|(a, b)| Self::Div(a, b))?,
            MetricExpr::Neg(inner) => Self::Neg(Box::new(Self::from_expr(inner, leaf_of)?)),
        })
    }
}

impl fmt::Display for Formula {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Measure { leaf, measure } => write!(f, "#{leaf}.{measure:?}"),
            Self::Constant(value, scale) => write!(f, "{value}e-{scale}"),
            Self::Add(a, b) => write!(f, "({a} + {b})"),
            Self::Sub(a, b) => write!(f, "({a} - {b})"),
            Self::Mul(a, b) => write!(f, "({a} * {b})"),
            Self::Div(a, b) => write!(f, "({a} / {b})"),
            Self::Neg(inner) => write!(f, "-{inner}"),
        }
    }
}

impl fmt::Display for MetricPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let query = &self.query;
        let dimensions: Vec<&str> = query.group_by.iter().map(|name| name.as_str()).collect();
        writeln!(
            f,
            "Question period={:?} grain={} group_by=[{}] filter={}",
            query.period,
            query.grain.map_or("none", crate::values::Grain::as_str),
            dimensions.join(","),
            if query.filter.is_some() { "yes" } else { "no" },
        )?;
        for output in &self.outputs {
            writeln!(f, "  Output {} = {}", output.metric, output.formula)?;
        }
        for (index, leaf) in self.leaves.iter().enumerate() {
            writeln!(f, "  #{index} {leaf}")?;
        }
        Ok(())
    }
}
