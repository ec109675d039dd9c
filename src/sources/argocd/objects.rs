//! Talking to a cluster about Application objects: paths, bodies and watches, without the weight of whole Kubernetes types. It sends GETs only and
//! knows nothing of what is made of the answers.
//!
//! Not by `kube::Api`: its objects carry `managedFields`, which cost more than all the rest to parse and to keep; and `Client::request` writes whole
//! bodies that it cannot parse into the log.

use std::time::Duration;

use ::http::Request;
use futures_util::{AsyncBufRead, AsyncBufReadExt as _};

use crate::domain::Namespace;
use crate::sources::argocd::request::escaped;
use crate::sources::{Failure, FailureKind, Outbox};

/// The first page is small, so that something is painted soon; the others are as large as kubectl's.
const PAGES: (u32, u32) = (100, 500);
/// The server ends a watch after this time; it is resumed where it ended.
const WATCH_SECONDS: u32 = 290;
/// How long a page may take.
pub(super) const PAGE_LIMIT: Duration = Duration::from_mins(1);

/// The collection of Application objects: everywhere, or in one namespace.
pub(super) fn collection(namespace: Option<&Namespace>) -> String {
    match namespace {
        Some(namespace) => format!("/apis/argoproj.io/v1alpha1/namespaces/{}/applications", escaped(namespace.as_wire())),
        None => "/apis/argoproj.io/v1alpha1/applications".to_owned(),
    }
}

/// A page of a collection: the first one where `token` is empty.
pub(super) fn page(collection: &str, token: &str) -> String {
    let (first, other) = PAGES;
    if token.is_empty() { format!("{collection}?limit={first}") } else { format!("{collection}?limit={other}&continue={}", escaped(token)) }
}

/// The changes of a collection since a version.
pub(super) fn watch(collection: &str, version: &str) -> String {
    format!("{collection}?watch=1&allowWatchBookmarks=true&timeoutSeconds={WATCH_SECONDS}&resourceVersion={}", escaped(version))
}

/// One Application object.
pub(super) fn application(namespace: &Namespace, name: &str) -> String {
    format!("{}/{}", collection(Some(namespace)), escaped(name))
}

/// A `ConfigMap`.
pub(super) fn config_map(namespace: &Namespace, name: &str) -> String {
    format!("/api/v1/namespaces/{}/configmaps/{}", escaped(namespace.as_wire()), escaped(name))
}

/// The body of an answer as it comes.
pub(super) struct Body<'o> {
    reader: std::pin::Pin<Box<dyn AsyncBufRead + Send>>,
    outbox: &'o Outbox,
}

impl Body<'_> {
    /// Hands the next bytes to `take`. `false` at the end.
    pub(super) async fn next(&mut self, take: impl FnOnce(&[u8])) -> Result<bool, Failure> {
        let chunk = self.reader.fill_buf().await.map_err(|error| Failure::of_connection(&error))?;
        let length = chunk.len();
        take(chunk);
        self.reader.consume_unpin(length);
        self.outbox.count_bytes(length);
        Ok(length > 0)
    }
}

/// Opens an answer.
pub(super) async fn open<'o>(client: &kube::Client, outbox: &'o Outbox, target: &str) -> Result<Body<'o>, Failure> {
    outbox.count_request();
    let request = Request::get(target).body(Vec::new()).map_err(|error| Failure::new(FailureKind::Broken, &error.to_string()))?;
    Ok(Body { reader: Box::pin(client.request_stream(request).await?), outbox })
}

/// A whole answer.
pub(super) async fn get(client: &kube::Client, outbox: &Outbox, target: &str) -> Result<Vec<u8>, Failure> {
    let mut body = open(client, outbox, target).await?;
    let mut bytes = Vec::new();
    while body.next(|chunk| bytes.extend_from_slice(chunk)).await? {}
    Ok(bytes)
}

/// Asks for a sign of life.
pub(super) async fn prove(client: &kube::Client, outbox: &Outbox) -> Result<(), Failure> {
    get(client, outbox, "/version").await.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_as_text() {
        let all = collection(None);
        assert_eq!(page(&all, ""), "/apis/argoproj.io/v1alpha1/applications?limit=100");
        assert_eq!(page(&all, "a=b/"), "/apis/argoproj.io/v1alpha1/applications?limit=500&continue=a%3Db%2F");
        let one = collection(Some(&Namespace::from("argocd")));
        assert_eq!(
            watch(&one, "17"),
            "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications?watch=1&allowWatchBookmarks=true&timeoutSeconds=290&resourceVersion=17"
        );
        assert_eq!(application(&Namespace::from("a"), "b"), "/apis/argoproj.io/v1alpha1/namespaces/a/applications/b");
    }
}
