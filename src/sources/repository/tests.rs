//! Stories of a source: a repository that is pushed to, lost and found again. On real time, because git runs on it.

use std::path::Path;
use std::time::Duration;

use secrecy::SecretString;
use tokio::task::JoinSet;

use super::*;
use crate::base::{Epoch, Raw};
use crate::domain::SourceId;
use crate::domain::application::Origin;
use crate::domain::desired::ValueKeys;
use crate::domain::observation::{Report, ReportBody};
use crate::domain::testing::app_key;
use crate::gitops::tests::upstream::{Upstream, overlay, tags};

struct Run {
    reports: mpsc::Receiver<Report>,
    asks: mpsc::Sender<Ask>,
    next: RequestId,
    url: String,
    // Ends with the test.
    _task: JoinSet<()>,
}

impl Run {
    fn start(url: &str, interval: Duration, mirrors: &Path) -> Self {
        let (send, reports) = mpsc::channel(64);
        let (asks, asked) = mpsc::channel(8);
        let access = RepositoryAccess {
            name: Raw::from("gitops"),
            url: SecretString::from(url),
            aliases: Vec::new(),
            interval,
            silence: Some(Duration::from_secs(10)),
            keys: ValueKeys::default(),
            mirrors: mirrors.to_owned(),
            is_isolated: true,
        };
        let mut task = JoinSet::new();
        task.spawn(run(access, asked, Outbox::new(SourceId::repository(Raw::from("gitops")), Epoch::default(), send)));
        Self { reports, asks, next: RequestId::default(), url: url.to_owned(), _task: task }
    }

    async fn ask(&mut self, want: Want) -> RequestId {
        let request = self.next;
        self.next = request.next();
        self.asks.send(Ask { request, want }).await.unwrap();
        request
    }

    async fn wish(&mut self, revision: Option<&str>) -> RequestId {
        let origin = Origin { repository: Raw::from(self.url.as_str()), path: Some(Raw::from("shop/dev")), ..Origin::default() };
        let wish = Wish { origins: Box::new([origin]), revisions: revision.map(Raw::from).into_iter().collect() };
        self.ask(Want::Desired(vec![(app_key("shop-dev"), Some(wish))])).await
    }

    async fn until<T>(&mut self, wanted: impl Fn(&ReportBody) -> Option<T>) -> T {
        let mut log = Vec::new();
        loop {
            let report = tokio::time::timeout(Duration::from_secs(20), self.reports.recv()).await;
            let Ok(Some(report)) = report else { panic!("waited in vain; heard {log:#?}") };
            if let Some(found) = wanted(&report.body) {
                return found;
            }
            log.push(report.body);
        }
    }

    async fn state(&mut self, wanted: impl Fn(&SourceState) -> bool) -> SourceState {
        self.until(|body| if let ReportBody::State(_, state) = body { wanted(state).then(|| state.clone()) } else { None }).await
    }

    /// The tags of the next answer.
    async fn wanted(&mut self) -> String {
        let items = |body: &ReportBody| match body {
            ReportBody::Observed(Observation::Page { items: Items::Desired(items), .. }) => Some(items.clone()),
            _ => None,
        };
        let answers = self.until(items).await;
        answers[0].1.images.as_known().map_or_else(String::new, |images| tags(images))
    }

    async fn answered(&mut self, request: RequestId) -> Option<String> {
        self.until(|body| match body {
            ReportBody::Answered { request: of, failed } if *of == request => Some(failed.as_ref().map(ToString::to_string)),
            _ => None,
        })
        .await
    }
}

const NEVER: Duration = Duration::from_hours(1);

#[tokio::test]
async fn a_commit_that_argo_cd_knows_and_the_mirror_does_not_is_fetched_at_once() {
    let (upstream, home) = (Upstream::new(), tempfile::tempdir().unwrap());
    upstream.commit("Ana", "import", &overlay("1"));
    let mut run = Run::start(&upstream.url(), NEVER, home.path());
    let request = run.wish(None).await;
    run.state(SourceState::is_live).await;
    assert_eq!(run.wanted().await, "1");
    assert_eq!(run.answered(request).await, None);
    let next = upstream.commit("Bo", "next", &overlay("2"));
    run.wish(Some(&next)).await;
    assert_eq!(run.wanted().await, "2");
    upstream.commit("Cem", "next", &overlay("3"));
    let request = run.ask(Want::Relist).await;
    assert_eq!(run.answered(request).await, None);
    assert_eq!(run.wanted().await, "3");
    let request = run.ask(Want::Namespaces(std::collections::BTreeSet::new())).await;
    assert!(run.answered(request).await.is_some());
}

#[tokio::test]
async fn it_is_fetched_at_its_interval() {
    let (upstream, home) = (Upstream::new(), tempfile::tempdir().unwrap());
    upstream.commit("Ana", "import", &overlay("1"));
    let mut run = Run::start(&upstream.url(), Duration::from_millis(50), home.path());
    run.wish(None).await;
    assert_eq!(run.wanted().await, "1");
    upstream.commit("Bo", "next", &overlay("2"));
    assert_eq!(run.wanted().await, "2");
}

#[tokio::test]
async fn a_repository_that_is_lost_leaves_what_is_known_and_is_found_again() {
    let (upstream, home) = (Upstream::new(), tempfile::tempdir().unwrap());
    upstream.commit("Ana", "import", &overlay("1"));
    let away = upstream.path().with_extension("away");
    std::fs::rename(upstream.path(), &away).unwrap();
    let mut run = Run::start(&upstream.url(), NEVER, home.path());
    let request = run.wish(None).await;
    let denied = run.state(|state| matches!(state, SourceState::Denied { .. })).await;
    assert!(matches!(&denied, SourceState::Denied { why, .. } if why.as_str().starts_with("there is no repository at file://")), "{denied:?}");
    assert_eq!(run.answered(request).await, None, "nothing was ever fetched: there is nothing to say");
    std::fs::rename(&away, upstream.path()).unwrap();
    run.ask(Want::Relist).await;
    run.state(SourceState::is_live).await;
    assert_eq!(run.wanted().await, "1");
    // What another process reads from the mirror while the remote is away is said, and that it may be old.
    std::fs::rename(upstream.path(), &away).unwrap();
    let mut later = Run::start(&upstream.url(), NEVER, home.path());
    later.wish(None).await;
    later.state(|state| matches!(state, SourceState::Denied { .. })).await;
    assert_eq!(later.wanted().await, "1");
}

#[tokio::test]
async fn a_first_fetch_that_takes_long_keeps_nobody_waiting() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let home = tempfile::tempdir().unwrap();
    let mut run = Run::start(&format!("git://{}/x.git", listener.local_addr().unwrap()), NEVER, home.path());
    let request = run.wish(None).await;
    run.state(|state| matches!(state, SourceState::Waiting { .. })).await;
    assert_eq!(run.answered(request).await.as_deref(), Some("the first fetch is under way"));
}
