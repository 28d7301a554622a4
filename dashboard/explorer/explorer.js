// GraphiQL on our own endpoint, with questions to start from.
const tabs = [
  `# Net revenue retention by segment, the last four quarters
{
  nrr(period: { last: 4 }, grain: QUARTER, groupBy: [segment]) {
    rows { period { start end } group { dimension value } startingMrr endingMrr nrr grr band { label } }
    provenance { definitionVersion snapshot dataThrough notes }
  }
}`,
  `# Any metrics as one flat table, compared with the year before
{
  metrics(select: [nrr, expansion_mrr, attach_rate], period: { last: 4 }, grain: QUARTER, compareTo: [PREVIOUS_YEAR]) {
    columns { name label dataType unit }
    rows
  }
}`,
  `# What can be asked
{
  catalog {
    metrics { name label formula available unavailableBecause }
    dimensions { name label history }
  }
}`,
];
const fetcher = GraphiQL.createFetcher({ url: "/graphql" });
const options = { fetcher, defaultTabs: tabs.map((query) => ({ query })), shouldPersistHeaders: false };
ReactDOM.createRoot(document.getElementById("graphiql")).render(React.createElement(GraphiQL, options));
