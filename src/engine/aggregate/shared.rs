//! Passes that the questions of one document share: aggregates of the same rows, grouping and
//! periods are read once, each question's filter on its own measures.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

use crate::engine::context::Context;
use crate::kernels::Span;
use crate::model::{AggregateKind, ColumnName, DatasetName, DimensionName, Model};
use crate::planner::{Ask, Leaf, MetricPlan, PeriodAsk, Predicate};
use crate::values::{Grain, Instant};

use super::measure::Measure;
use super::{AggregateValues, aggregate_spans};

/// What passes must agree on to be one.
#[derive(Debug, Clone, PartialEq)]
struct Common {
    dataset: DatasetName,
    time: Option<ColumnName>,
    group_by: Vec<DimensionName>,
    period: Option<PeriodAsk>,
    grain: Option<Grain>,
    as_of: Option<Instant>,
}

impl Common {
    fn of(plan: &MetricPlan, kind: &AggregateKind) -> Self {
        let query = &plan.query;
        Self {
            dataset: kind.dataset.clone(),
            time: kind.time.clone(),
            group_by: query.group_by.clone(),
            period: query.period,
            grain: query.grain,
            as_of: query.as_of,
        }
    }
}

/// A measure that a question asks for.
struct Demand {
    kind: AggregateKind,
    filter: Option<Predicate>,
}

impl Demand {
    fn is(&self, measure: &Measure<'_>) -> bool {
        let same = |kind: &AggregateKind| Leaf::Aggregate(kind.clone()).to_string();
        self.filter.as_ref() == measure.filter && same(&self.kind) == same(measure.kind)
    }
}

/// What several questions ask of the same rows, and their answers by the exact spans.
struct SharedPass {
    common: Common,
    demands: Vec<Demand>,
    questions: usize,
    answers: Mutex<Answers>,
}

/// By the spans' bounds.
type Answers = HashMap<Vec<(i64, i64)>, Arc<Answer>>;

/// None: the pass failed.
type Answer = OnceCell<Option<Vec<Arc<AggregateValues>>>>;

/// The passes of one document.
#[derive(Default)]
pub struct SharedPasses(Vec<SharedPass>);

impl SharedPasses {
    /// What the questions of a document have in common.
    #[must_use]
    pub fn of<'p>(model: &Model, plans: impl Iterator<Item = &'p MetricPlan>) -> Self {
        let mut all = Self::default();
        for plan in plans.filter(|plan| matches!(plan.query.ask, Ask::Table(_))) {
            let kinds: Vec<&AggregateKind> = plan
                .leaves
                .iter()
                .filter_map(|leaf| match leaf {
                    Leaf::Aggregate(kind) if !splits_rows(model, plan, kind) => Some(kind),
                    _ => None,
                })
                .collect();
            let mut seen: Vec<usize> = Vec::new();
            for kind in kinds {
                let place = all.demand(plan, kind);
                if !seen.contains(&place) {
                    seen.push(place);
                    all.0[place].questions += 1;
                }
            }
        }
        all.0.retain(|pass| pass.questions > 1);
        all
    }

    fn demand(&mut self, plan: &MetricPlan, kind: &AggregateKind) -> usize {
        let common = Common::of(plan, kind);
        let known = self.0.iter().position(|pass| pass.common == common);
        let place = known.unwrap_or_else(|| {
            let (demands, answers) = (Vec::new(), Mutex::default());
            self.0.push(SharedPass { common, demands, questions: 0, answers });
            self.0.len() - 1
        });
        let filter = plan.query.filter.as_ref();
        let demands = &mut self.0[place].demands;
        if !demands.iter().any(|demand| demand.is(&Measure { kind, filter })) {
            demands.push(Demand { kind: kind.clone(), filter: filter.cloned() });
        }
        place
    }

    /// The values of measures that a shared pass answers; none where there is no such pass, or
    /// where it fails for a reason that may be another question's.
    pub async fn answer(
        &self,
        context: &Context<'_>,
        measures: &[Measure<'_>],
        spans: &Arc<[Span]>,
    ) -> Option<Vec<Arc<AggregateValues>>> {
        let common = Common::of(context.plan, measures.first()?.kind);
        let pass = self.0.iter().find(|pass| pass.common == common)?;
        let places = measures
            .iter()
            .map(|measure| pass.demands.iter().position(|demand| demand.is(measure)))
            .collect::<Option<Vec<usize>>>()?;
        let key: Vec<(i64, i64)> = spans.iter().map(|span| (span.start, span.end)).collect();
        let cell = {
            let mut answers = pass.answers.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry(key).or_default())
        };
        let all = cell.get_or_init(|| pass.run(context, Arc::clone(spans))).await.as_ref()?;
        places.into_iter().map(|place| all.get(place).cloned()).collect()
    }
}

impl SharedPass {
    async fn run(
        &self,
        context: &Context<'_>,
        spans: Arc<[Span]>,
    ) -> Option<Vec<Arc<AggregateValues>>> {
        let measures: Vec<Measure<'_>> = self
            .demands
            .iter()
            .map(|Demand { kind, filter }| Measure { kind, filter: filter.as_ref() })
            .collect();
        let values = aggregate_spans(context, &measures, spans).await.ok()?;
        Some(values.into_iter().map(Arc::new).collect())
    }
}

/// Whether the question splits rows over owners: then its rows are not those of others.
fn splits_rows(model: &Model, plan: &MetricPlan, kind: &AggregateKind) -> bool {
    let query = &plan.query;
    let filter = query.filter.iter().flat_map(|filter| filter.dimensions());
    let Some(dataset) = model.datasets.get(&kind.dataset) else { return true };
    query.group_by.iter().chain(filter).any(|name| {
        let entity = model.dimensions.get(name).and_then(|dimension| dimension.entity.as_ref());
        entity.is_some_and(|entity| dataset.as_of_join_to(&model.datasets, entity).is_some())
    })
}
