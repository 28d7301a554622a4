//! Cohorts: whose revenue is followed, and what says when a customer was acquired.

use super::super::Resolver;
use super::super::balances::CUSTOMER;
use crate::definitions::metric::{AcquisitionDef, CohortDef, CohortWord};
use crate::diagnostics::Span;
use crate::model::{CohortKind, CohortMeasure, ColumnName, DatasetName};

impl Resolver<'_> {
    pub(super) fn bind_cohort(&mut self, def: &CohortDef, span: Span) -> Option<CohortKind> {
        let balance = self.balance(def.balance.as_ref(), span);
        let acquisition = self.acquisition(&def.acquisition)?;
        Some(CohortKind {
            balance: balance?,
            acquisition,
            measure: match def.measure {
                CohortWord::MrrRetention => CohortMeasure::MrrRetention,
                CohortWord::LogoRetention => CohortMeasure::LogoRetention,
            },
        })
    }

    /// The dataset of customers, with its columns of the key and of the day of acquisition.
    pub(super) fn acquisition(
        &mut self,
        def: &AcquisitionDef,
    ) -> Option<(DatasetName, ColumnName, ColumnName)> {
        let dataset = self.dataset_name(&def.dataset)?;
        let customer = self.key_column(&dataset, CUSTOMER, def.customer.as_ref(), def.span)?;
        let date = self.use_column(&dataset, &def.date)?;
        Some((dataset, customer, date))
    }
}
