// The stored documents: all that the dashboard ever asks.
import board from "../../../queries/board.graphql?raw";
import catalogue from "../../../queries/catalogue.graphql?raw";
import definition from "../../../queries/definition.graphql?raw";
import dimensionValues from "../../../queries/dimension_values.graphql?raw";
import metricTable from "../../../queries/metric_table.graphql?raw";
import underway from "../../../queries/underway.graphql?raw";
import type {
  BoardData, BoardVariables, CatalogueData, CatalogueVariables, DefinitionData, DefinitionVariables,
  DimensionValuesData, DimensionValuesVariables, MetricTableData, MetricTableVariables, UnderwayData, UnderwayVariables,
} from "./types.gen.ts";

/** A document with the types of what goes in and comes out. */
export type Document<Data, Variables> = { text: string; data?: Data; variables?: Variables };

export const BOARD: Document<BoardData, BoardVariables> = { text: board };
export const CATALOGUE: Document<CatalogueData, CatalogueVariables> = { text: catalogue };
export const DEFINITION: Document<DefinitionData, DefinitionVariables> = { text: definition };
export const DIMENSION_VALUES: Document<DimensionValuesData, DimensionValuesVariables> = { text: dimensionValues };
export const METRIC_TABLE: Document<MetricTableData, MetricTableVariables> = { text: metricTable };
export const UNDERWAY: Document<UnderwayData, UnderwayVariables> = { text: underway };
