//! A REST API with a login: one request, sent once, and its answer or its silence. What is asked and what answers mean is known elsewhere.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use http::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::execution::wire::{self, Answered, DEADLINE, Silence, rejection};
use crate::operations::mutation::{No, Rejection};

/// Reads the headers of the login as they are at that moment, or says why there are none.
pub type Login = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = Result<HeaderMap, Rejection>> + Send>> + Send + Sync>;

/// How long reading the login may take: it may run a program.
const LOGIN_LIMIT: Duration = Duration::from_secs(30);

/// One request: everything behind the address of the API.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) method: Method,
    /// Path and query, beginning with a slash.
    pub(super) target: String,
    pub(super) body: Option<Value>,
    /// How long the answer may take, where it is not the usual time.
    pub(super) limit: Option<Duration>,
}

impl Call {
    pub(super) const fn get(target: String) -> Self {
        Self { method: Method::GET, target, body: None, limit: None }
    }
}

/// An API at an address, without a slash at the end. The client must follow no redirect, try nothing again and use no connection twice.
#[derive(Clone)]
pub(super) struct Rest {
    client: reqwest::Client,
    url: String,
    login: Login,
}

impl fmt::Debug for Rest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Rest").field("url", &self.url).finish_non_exhaustive()
    }
}

impl Rest {
    pub(super) fn new(client: reqwest::Client, url: &str, login: Login) -> Self {
        Self { client, url: url.to_owned(), login }
    }

    /// Sends a request, once, with these headers beside the login's.
    pub(super) async fn ask(&self, call: &Call, with: HeaderMap) -> Result<Answered, Silence> {
        let headers = tokio::time::timeout(LOGIN_LIMIT, (self.login)())
            .await
            .unwrap_or_else(|_late| Err(rejection(No::NotSent, "the login could not be read in time", "")));
        let headers = headers.map_err(Silence::NotSent)?;
        // Boxed: the library's futures are large.
        let whole = Box::pin(async {
            let request = self.client.request(call.method.clone(), format!("{}{}", self.url, call.target)).headers(headers).headers(with);
            let request = request.body(call.body.as_ref().map_or_else(Vec::new, |body| body.to_string().into_bytes()));
            let response = request.send().await.map_err(|error| wire::unreached(&error, error.is_connect() || error.is_builder()))?;
            let status = response.status().as_u16();
            let body = response.bytes().await.map_err(|error| wire::unreached(&error, false))?;
            Ok((status, body.to_vec()))
        });
        let limit = call.limit.unwrap_or(DEADLINE);
        tokio::time::timeout(limit, whole).await.unwrap_or_else(|_late| Err(Silence::late(limit)))
    }
}
