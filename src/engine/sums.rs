//! What a pass sums up in the slices of its question: from rows, or from sums that a pre-aggregate
//! keeps.

use std::any::Any;
use std::sync::Arc;

use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::kernels::{Axis, AxisGroups, Regrouping, RollUp, Slicer};
use crate::model::DimensionName;
use crate::planner::{Axes, MetricQuery};

use super::context::Context;
use super::facts::Fact;
use super::load::AttributeColumn;
use super::needs::datasets_of;
use super::pre_aggregates::Covered;
use super::slice::{Fine, coarser, slicer};

/// Sums of more groups than this are not kept: what reads them would not be much faster than what
/// reads rows.
const MOST_GROUPS: usize = 10_000;

/// Sums of one pass by the dimensions of a pre-aggregate.
pub struct KeptSums {
    /// None: there would be too many.
    sums: Option<Box<dyn Any + Send + Sync>>,
    /// What their groups are called.
    names: Slicer,
    bytes: usize,
}

impl KeptSums {
    #[must_use]
    pub fn bytes(&self) -> usize {
        const VALUE: usize = 48;
        let values = self.names.axes().iter().flat_map(|groups| &groups.values).map(Vec::len);
        self.bytes + values.sum::<usize>() * VALUE
    }
}

/// What a pass sums up.
pub struct Summing<'a> {
    pub axes: &'a Axes,
    /// Kinds of movements, as one more group value at the end.
    pub kinds: Option<AttributeColumn>,
    /// Everything that its sums depend on beside files, definitions and slices.
    pub id: String,
}

impl<'a> Summing<'a> {
    #[must_use]
    pub fn new(axes: &'a Axes, id: String) -> Self {
        Self { axes, kinds: None, id }
    }
}

impl Context<'_> {
    /// The sums of a pass in the question's slices, and the slices.
    pub async fn sums<R, F>(&self, pass: &Summing<'_>, sum: F) -> ApiResult<(R, Slicer)>
    where
        R: RollUp + Send + Sync + 'static,
        F: Fn(&Slicer) -> R + Send + Sync,
    {
        if let Some(covered) = self.covered.filter(|covered| self.is_told_apart(covered, pass.axes))
            && let Some(found) = self.kept_sums(covered, pass, &sum).await?
        {
            return Ok(found);
        }
        let slicer = self.slices(self.query(), pass).await?;
        let sums = self.compute(|| sum(&slicer))?;
        Ok((sums, slicer))
    }

    /// Whether the dimensions that are kept tell all customers apart that the question tells apart.
    fn is_told_apart(&self, covered: &Covered, axes: &Axes) -> bool {
        let model = self.facts.model;
        let axis = |name: &DimensionName| axes.axis(model, model.dimensions.get(name)?);
        let is_kept = |name: &DimensionName| covered.dimensions.contains(name);
        let filter = self.query().filter.iter();
        covered.dimensions.iter().all(|name| axis(name) == Some(Axis::Customer))
            && filter.flat_map(|filter| filter.dimensions()).all(is_kept)
            && self
                .query()
                .group_by
                .iter()
                .all(|name| is_kept(name) || axis(name).is_some_and(|axis| axis != Axis::Customer))
    }

    /// The same from what is kept, which is summed up where it is not there yet. None: that failed, or
    /// it is too much to be kept.
    async fn kept_sums<R, F>(
        &self,
        covered: &Covered,
        pass: &Summing<'_>,
        sum: &F,
    ) -> ApiResult<Option<(R, Slicer)>>
    where
        R: RollUp + Send + Sync + 'static,
        F: Fn(&Slicer) -> R + Send + Sync,
    {
        let whole = &covered.whole.query;
        let others = &whole.group_by[covered.dimensions.len()..];
        let files = self.facts.reader.view.identity(&datasets_of(self.facts.model, &covered.whole));
        let id = format!(
            "sums {} {:?} {:?} {:?} {} {} {}\n{files}",
            pass.id,
            whole.group_by,
            whole.as_of,
            pass.kinds.is_some(),
            whole.scope.sight(),
            self.facts.model.version,
            covered.generation,
        );
        let load = Box::pin(async {
            tracing::debug!(pass = pass.id, "sums for a pre-aggregate");
            let slicer = self.slices(whole, pass).await?;
            let sums = self.compute(|| sum(&slicer))?;
            let groups = slicer.axes().iter().find(|groups| groups.axis == Axis::Customer);
            let is_kept =
                groups.is_some_and(|groups| groups.values.len() <= MOST_GROUPS) && sums.is_whole();
            let bytes = if is_kept { sums.bytes() } else { 0 };
            let sums = is_kept.then(|| Box::new(sums) as Box<dyn Any + Send + Sync>);
            let kept = KeptSums { sums, names: slicer.names(), bytes };
            Ok::<Fact, ApiError>(Fact::Sums(Arc::new(kept)))
        });
        let kept = match self.facts.cache.try_get_with(id, load).await {
            Ok(Fact::Sums(kept)) => kept,
            Ok(_) => return Err(wrong_kind()),
            // Perhaps of another question, which was stopped; if not, rows will say the same.
            Err(_) => return Ok(None),
        };
        let Some(sums) = &kept.sums else { return Ok(None) };
        let sums = sums.downcast_ref::<R>().ok_or_else(wrong_kind)?;
        let fine = Fine { dimensions: &covered.dimensions, others, groups: &kept.names };
        let asked = coarser(self.facts.model, pass.axes, self.query(), &fine)?;
        let asked = asked.within(self.bounds.clone());
        let sums = sums.roll_up(&Regrouping::new(&kept.names, &asked));
        covered.note_used();
        Ok(Some((sums, asked)))
    }

    /// The slices of the question, or of the one by all dimensions.
    async fn slices(&self, query: &MetricQuery, pass: &Summing<'_>) -> ApiResult<Slicer> {
        let columns = self.facts.dimension_columns(query, pass.axes).await?;
        let slicer = slicer(self.facts.model, pass.axes, query, &columns)?;
        let slicer = slicer.within(self.bounds.clone());
        Ok(match &pass.kinds {
            Some(kinds) => slicer.with_axis(AxisGroups {
                axis: Axis::Kind,
                by_code: kinds.by_code.clone(),
                values: kinds.values.iter().map(|value| vec![value.clone()]).collect(),
                positions: vec![query.group_by.len()],
            }),
            None => slicer,
        })
    }
}

fn wrong_kind() -> ApiError {
    ApiError::new(ErrorCode::Internal, "A fact was stored under a wrong key.")
}
