//! A GraphQL request as it came over any transport, and who sent it.

use serde_json::{Map, Value as Json};

use crate::error::{ApiError, ApiResult, ErrorCode};
use crate::planner::Scope;

/// A document with its variables.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct GraphqlRequest {
    pub query: String,
    pub operation_name: Option<String>,
    pub variables: Map<String, Json>,
}

/// Who asks: what they may see, and the id that their errors and our logs share.
#[derive(Debug, Clone, PartialEq)]
pub struct Caller {
    pub scope: Scope,
    pub request_id: String,
}

impl Caller {
    /// Sees everything: the CLI, and servers without access rules.
    #[must_use]
    pub fn unrestricted(principal: &str, request_id: &str) -> Self {
        Self { scope: Scope::unrestricted(principal), request_id: request_id.to_owned() }
    }

    /// The same with another request.
    #[must_use]
    pub fn asking(&self, request_id: &str) -> Self {
        Self { scope: self.scope.clone(), request_id: request_id.to_owned() }
    }
}

impl GraphqlRequest {
    /// A document without variables.
    pub fn new(query: impl Into<String>) -> Self {
        Self { query: query.into(), ..Self::default() }
    }

    /// A request from the JSON object of a POST.
    ///
    /// # Errors
    /// `BAD_REQUEST` where `query` is no text, `operationName` neither text nor null, `variables`
    /// or `extensions` neither object nor null.
    pub fn from_json(body: Json) -> ApiResult<Self> {
        let Json::Object(mut fields) = body else {
            return Err(bad("The request must be a JSON object with the text `query`."));
        };
        let query = match fields.remove("query") {
            Some(Json::String(query)) => query,
            Some(_) => return Err(bad("`query` must be a text.")),
            None => return Err(bad("The request has no `query`.")),
        };
        let operation_name = match fields.remove("operationName") {
            None | Some(Json::Null) => None,
            Some(Json::String(name)) => Some(name).filter(|name| !name.is_empty()),
            Some(_) => return Err(bad("`operationName` must be a text or null.")),
        };
        let variables = object(fields.remove("variables"), "variables")?;
        object(fields.remove("extensions"), "extensions")?;
        Ok(Self { query, operation_name, variables })
    }

    /// A request from the parameters of a GET: `variables` and `extensions` are JSON texts.
    ///
    /// # Errors
    /// As [`from_json`](Self::from_json).
    pub fn from_parameters(parameters: Vec<(String, String)>) -> ApiResult<Self> {
        let mut fields = Map::new();
        for (name, value) in parameters {
            let value = match name.as_str() {
                "query" | "operationName" => Json::String(value),
                "variables" | "extensions" if value.is_empty() => Json::Null,
                "variables" | "extensions" => serde_json::from_str(&value)
                    .map_err(|_| bad(format!("`{name}` must be a JSON object.")))?,
                _ => continue,
            };
            fields.insert(name, value);
        }
        Self::from_json(Json::Object(fields))
    }
}

fn object(value: Option<Json>, name: &str) -> ApiResult<Map<String, Json>> {
    match value {
        None | Some(Json::Null) => Ok(Map::new()),
        Some(Json::Object(fields)) => Ok(fields),
        Some(_) => Err(bad(format!("`{name}` must be a JSON object or null."))),
    }
}

fn bad(message: impl Into<String>) -> ApiError {
    ApiError::new(ErrorCode::BadRequest, message)
}
