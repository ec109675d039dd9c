//! Handing a line of the journal to a webhook: one request for a line, with the hash of the line as its key, so that one that comes twice is known. It
//! knows neither what is to be handed over nor when it is tried again.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use reqwest::Client;
use secrecy::{ExposeSecret as _, SecretString};

use crate::base::Safe;
use crate::execution::journal::outbox::Due;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(3);
/// The header with the key of a line.
const KEY: &str = "Idempotency-Key";

/// A client that follows no redirect, which would carry the token elsewhere, and tries nothing again by itself.
///
/// # Errors
///
/// Why there is none.
pub fn client(is_local: bool) -> Result<Client, Safe> {
    let builder = Client::builder()
        .user_agent(concat!("tiphys/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT)
        .timeout(LIMIT);
    let builder = if is_local { builder.no_proxy() } else { builder };
    builder.build().map_err(said)
}

/// Hands a line over. It is taken when the answer is a success.
///
/// # Errors
///
/// Why it was not, or why nobody knows: it is handed over again then.
pub async fn post(client: &Client, url: &str, token: Option<&SecretString>, due: &Due) -> Result<(), Safe> {
    let mut request = client.post(url).header(CONTENT_TYPE, "application/json").header(KEY, &due.key).body(due.body.clone());
    if let Some(token) = token {
        request = request.bearer_auth(token.expose_secret());
    }
    // Boxed: the library's futures are large.
    let response = Box::pin(request.send()).await.map_err(said)?;
    let status = response.status();
    if status.is_success() { Ok(()) } else { Err(crate::safe!("it answered {}", status.as_u16())) }
}

/// What a library says, without the address: a path may be a secret.
fn said(error: reqwest::Error) -> Safe {
    if error.is_timeout() {
        return crate::safe!("no answer within {} s", LIMIT.as_secs());
    }
    if error.is_connect() {
        return Safe::clean("no connection comes about");
    }
    Safe::clean(&error.without_url().to_string())
}
