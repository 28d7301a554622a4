//! Conversions: two kinds of events of one entity.

use super::super::Resolver;
use super::MAX_DAYS;
use crate::definitions::metric::{ConversionDef, EventsDef};
use crate::model::{Aggregate, AggregateKind, ConversionKind};

impl Resolver<'_> {
    pub(super) fn bind_conversion(&mut self, def: &ConversionDef) -> Option<ConversionKind> {
        let base = self.events(&def.base);
        let conversion = self.events(&def.conversion);
        let (base, conversion) = (base?, conversion?);
        let entity = def.entity.value.as_str();
        let base_key = self.key_column(&base.dataset, entity, None, def.entity.span);
        let conversion_key = self.key_column(&conversion.dataset, entity, None, def.entity.span);
        Some(ConversionKind {
            base,
            conversion,
            base_key: base_key?,
            conversion_key: conversion_key?,
            within_days: self.number(Some(&def.within_days), 0, (0, MAX_DAYS)),
        })
    }

    /// Events are counted by their time, so they must have one.
    fn events(&mut self, def: &EventsDef) -> Option<AggregateKind> {
        let dataset = self.dataset_name(&def.dataset)?;
        let filter = self.row_condition(&dataset, def.filter.as_ref())?;
        let time = self.time_column(&dataset, def.time.as_ref(), def.span)?;
        let aggregate = Aggregate::Count;
        Some(AggregateKind { dataset, aggregate, expr: None, filter, time: Some(time) })
    }
}
