//! To whom the journal is also handed: its address, which holds no secret, and the environments that it is about.

use super::Context;
use crate::config::Webhook;
use crate::config::written::Written;
use crate::domain::EnvironmentName;
use crate::domain::desired::WithPassword;

impl Context<'_, '_> {
    pub(super) fn webhook(&self, written: &Written) -> Option<Webhook> {
        let webhook = written.webhook.as_ref()?;
        let url = webhook.url.as_ref()?;
        if WithPassword::read(&url.value).is_some() {
            self.tell(url, "a secret must not stand in this file", Some("leave user and password out: token = { env = \"AUDIT_TOKEN\" }"));
            return None;
        }
        let parsed = url.value.parse::<http::Uri>().ok();
        let host = parsed.as_ref().and_then(http::Uri::host).unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let is_local = host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
        match parsed.as_ref().and_then(http::Uri::scheme_str) {
            Some("https") => {}
            Some("http") if is_local => {}
            Some("http") => self.tell(url, "a journal is not sent in the clear", Some("https://…; http:// only to this machine")),
            _ => self.tell(url, "this is no address of a webhook", Some("url = \"https://audit.example.com/tiphys\"")),
        }
        let known: Vec<&str> =
            written.environments.iter().filter_map(|environment| environment.name.as_ref()).map(|name| name.value.as_str()).collect();
        let environments = webhook.environments.as_ref().map(|named| {
            let named = named.iter().filter(|name| self.find(name, "environment", known.iter().copied()));
            named.map(|name| EnvironmentName::from(name.value.as_str())).collect()
        });
        Some(Webhook { url: url.value.clone(), token: webhook.token.as_ref().map(|token| self.secret(token)), environments, is_local })
    }
}
