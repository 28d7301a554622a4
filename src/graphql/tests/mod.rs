//! The room from its front door: documents in, JSON out, over canned answers.

mod catalog;
mod documents;
mod errors;
mod exports;
mod schema;
mod values;

use serde_json::{Map, Value as Json};

use super::testing::{api, caller};
use super::{Api, GraphqlRequest, GraphqlResponse};

async fn execute(api: &Api, query: &str, variables: &str) -> GraphqlResponse {
    let variables: Map<String, Json> = serde_json::from_str(variables).unwrap();
    let request = GraphqlRequest { variables, ..GraphqlRequest::new(query) };
    api.execute(request, &caller()).await
}

fn text(response: &GraphqlResponse) -> &str {
    std::str::from_utf8(&response.body).unwrap()
}

/// The whole response to a document without variables, to the byte.
async fn answer(query: &str) -> String {
    text(&execute(&api().0, query, "{}").await).to_owned()
}

/// The parsed response to a document.
async fn parsed(query: &str, variables: &str) -> Json {
    serde_json::from_slice(&execute(&api().0, query, variables).await.body).unwrap()
}

/// (code, message) of the first error.
async fn first_error(query: &str, variables: &str) -> (String, String) {
    let response = parsed(query, variables).await;
    let error = &response["errors"][0];
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    (text(&error["extensions"]["code"]), text(&error["message"]))
}
