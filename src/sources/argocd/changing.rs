//! What is needed to send a change to Argo CD's API, apart from what reads it: a client that sends once, and the login as it stands at that moment. What is
//! sent with them is not known here.

use reqwest::Client;
use reqwest::header::HeaderMap;

use super::credentials;
use super::http::build_changing;
use crate::domain::access::ApiAccess;
use crate::sources::{Failure, FailureKind};

/// Where changes to an Argo CD are sent, and as whom.
#[derive(Debug, Clone)]
pub struct Changing {
    access: ApiAccess,
}

impl Changing {
    /// For this API; contacts nobody.
    #[must_use]
    pub const fn new(access: ApiAccess) -> Self {
        Self { access }
    }

    /// The address of the API, without a slash at the end.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.access.url
    }

    /// A client that follows no redirect, tries nothing again and uses no connection twice. Building reads the system's certificates: 10–20 ms.
    pub async fn client(&self) -> Result<Client, Failure> {
        let access = self.access.clone();
        let built = tokio::task::spawn_blocking(move || build_changing(&access)).await;
        built.unwrap_or_else(|_| Err(Failure::new(FailureKind::Broken, "building the client panicked")))
    }

    /// The headers of the login. Read anew each time, so that a token that another program renewed is taken: a change is not tried twice over it. A token that a
    /// program prints runs the program.
    pub async fn login(&self) -> Result<HeaderMap, Failure> {
        let access = &self.access;
        credentials::read(&access.token, &access.headers, access.renewal.as_deref()).await.map(|read| read.headers)
    }

    /// The command, or the place, that renews the login.
    #[must_use]
    pub fn renewal(&self) -> String {
        credentials::renewal(&self.access.token, self.access.renewal.as_deref())
    }
}
