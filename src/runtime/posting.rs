//! What touches production is also handed to a webhook, where one is configured. The journal on the disk is the buffer: nothing waits for this, what was not
//! taken is tried again with the patience of the sources, and what is left at the end the next start finds.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

use crate::app::What;
use crate::app::operation::Posting;
use crate::base::Safe;
use crate::config::{Config, Webhook};
use crate::execution::journal::Journal;
use crate::execution::journal::outbox::Outbox;
use crate::execution::webhook;
use crate::operations::oncall;
use crate::sources::{secret, supervisor};

/// What other processes recorded is looked for so often.
const LOOK: Duration = Duration::from_secs(15);
/// Lines that are read at once.
const BATCH: usize = 64;

/// Hands lines over.
#[derive(Debug, Clone)]
pub(super) struct Poster {
    webhook: Webhook,
    journal: Journal,
    environments: BTreeSet<Safe>,
    wake: Arc<Notify>,
}

impl Poster {
    /// Nothing is handed over yet; `None`: there is no webhook, or no journal.
    pub(super) fn of(config: &Config, journal: Option<&Journal>) -> Option<Self> {
        let webhook = config.webhook.clone()?;
        let environments = environments(config, &webhook);
        Some(Self { webhook, journal: journal?.clone(), environments, wake: Arc::default() })
    }

    /// Begins to hand over, until the program ends. `news`: how it stands, whenever that changes.
    pub(super) fn begin(&self, news: UnboundedSender<What>) {
        let poster = self.clone();
        tokio::spawn(async move {
            let (mut delays, mut told) = (supervisor::backoff(), None);
            loop {
                let posting = poster.pass().await;
                let pause = if posting.trouble.is_some() {
                    delays.next().unwrap_or(LOOK)
                } else {
                    delays = supervisor::backoff();
                    LOOK
                };
                if told.as_ref() != Some(&posting) && news.send(What::Posted(posting.clone())).is_err() {
                    return;
                }
                let is_well = posting.trouble.is_none();
                told = Some(posting);
                tokio::select! {
                    () = poster.wake.notified(), if is_well => {}
                    () = tokio::time::sleep(pause) => {}
                }
            }
        });
    }

    /// Marks where handing over begins, where it never did: what is recorded from now on is handed over. It blocks.
    pub(super) fn mark(&self) {
        if let Err(problem) = Outbox::open(&self.journal, self.environments.clone()) {
            tracing::error!(%problem, "what is recorded is not handed to the webhook");
        }
    }

    /// Something was recorded.
    pub(super) fn poke(&self) {
        self.wake.notify_one();
    }

    /// Hands over what waits, until nothing does or something is not taken.
    pub(super) async fn pass(&self) -> Posting {
        let passed = self.passed().await;
        let (journal, environments) = (self.journal.clone(), self.environments.clone());
        let waiting = tokio::task::spawn_blocking(move || Outbox::waiting(&journal, environments));
        let waiting = waiting.await.ok().and_then(Result::ok).flatten();
        Posting { waiting, trouble: passed.err() }
    }

    async fn passed(&self) -> Result<(), Safe> {
        let (journal, environments) = (self.journal.clone(), self.environments.clone());
        let opened = blocking(move || Outbox::open(&journal, environments)).await?;
        // Another process has it: what this one records, that one finds.
        let Some(mut outbox) = opened else { return Ok(()) };
        loop {
            let (kept, due) = blocking(move || outbox.due(BATCH).map(|due| (outbox, due))).await?;
            outbox = kept;
            if due.is_empty() {
                return Ok(());
            }
            // Read anew each time: a token may have been renewed.
            let token = match &self.webhook.token {
                Some(reference) => Some(secret::read(reference).await.map_err(|failure| failure.why)?),
                None => None,
            };
            let is_local = self.webhook.is_local;
            let client = tokio::task::spawn_blocking(move || webhook::client(is_local)).await;
            let client = client.map_err(|error| Safe::clean(&error.to_string()))??;
            for line in due {
                webhook::post(&client, &self.webhook.url, token.as_ref(), &line).await?;
                outbox = blocking(move || outbox.taken(&line).map(|()| outbox)).await?;
            }
        }
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T, crate::execution::journal::Problem> + Send + 'static) -> Result<T, Safe> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|problem| Safe::clean(&problem.to_string())),
        Err(error) => Err(Safe::clean(&error.to_string())),
    }
}

/// The environments of which lines are handed over: those that are named, else those that are guarded or that nothing is promoted from.
fn environments(config: &Config, webhook: &Webhook) -> BTreeSet<Safe> {
    if let Some(named) = &webhook.environments {
        return named.iter().map(crate::domain::EnvironmentName::shown).collect();
    }
    let guarded = config.landscape.environments.iter().filter(|environment| environment.guard.read_only).map(|environment| environment.name.clone());
    guarded.chain(oncall::production(&config.landscape)).map(|name| name.shown()).collect()
}

/// How the handing over stands, for an examination: how many lines wait.
pub(super) fn waiting(config: &Config, journal: Option<&Journal>) -> Option<Result<Option<usize>, Safe>> {
    let poster = Poster::of(config, journal)?;
    Some(Outbox::waiting(&poster.journal, poster.environments).map_err(|problem| Safe::clean(&problem.to_string())))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::base::Timestamp;
    use crate::domain::access::SecretRef;
    use crate::operations::record::{Entry, Whence, Who};

    /// A server that fails once and then takes everything; what it was sent.
    async fn server() -> (String, Arc<Mutex<Vec<String>>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let kept = Arc::<Mutex<Vec<String>>>::default();
        let told = Arc::clone(&kept);
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let told = Arc::clone(&told);
                tokio::spawn(async move {
                    let mut request = Vec::new();
                    let mut buffer = [0; 4096];
                    loop {
                        let text = String::from_utf8_lossy(&request).into_owned();
                        let wanted = text.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
                        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
                        if let (Some(wanted), Some(body)) = (wanted, body)
                            && body >= wanted
                        {
                            let is_first = {
                                let mut told = told.lock().unwrap();
                                told.push(text);
                                told.len() == 1
                            };
                            let status = if is_first { "503 Service Unavailable" } else { "204 No Content" };
                            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n");
                            stream.write_all(answer.as_bytes()).await.unwrap();
                            request.clear();
                        }
                        match stream.read(&mut buffer).await {
                            Ok(0) | Err(_) => return,
                            Ok(count) => request.extend_from_slice(buffer.get(..count).unwrap_or_default()),
                        }
                    }
                });
            }
        });
        (url, kept)
    }

    fn armed(environment: &str) -> Entry {
        Entry::Armed { who: Who::default(), whence: Whence::default(), environment: Safe::clean(environment), until: Timestamp::UNIX_EPOCH }
    }

    #[tokio::test]
    async fn a_line_that_was_not_taken_is_handed_over_again_with_the_same_key_and_no_token_is_told() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let (url, heard) = server().await;
        let journal = Journal::at(&folder.path().join("journal"));
        let token = SecretRef::Command(vec!["printf".to_owned(), "s3cret".to_owned()]);
        let webhook = Webhook { url, token: Some(token), environments: None, is_local: true };
        let environments = [Safe::clean("production")].into();
        let poster = Poster { webhook, journal: journal.clone(), environments, wake: Arc::default() };
        assert_eq!(poster.pass().await, Posting { waiting: Some(0), trouble: None }, "it begins with what comes next");
        for environment in ["production", "staging", "production"] {
            journal.record(&armed(environment), Timestamp::UNIX_EPOCH).unwrap();
        }
        let refused = poster.pass().await;
        assert_eq!(refused, Posting { waiting: Some(2), trouble: Some(Safe::clean("it answered 503")) });
        assert_eq!(poster.pass().await, Posting { waiting: Some(0), trouble: None });
        let heard = heard.lock().unwrap().clone();
        let key = |text: &String| text.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).unwrap().to_owned();
        let [first, again, second] = heard.as_slice() else { panic!("{heard:#?}") };
        assert_eq!((key(first), first), (key(again), again), "the same line");
        assert_ne!(key(again), key(second));
        assert!(first.contains("authorization: Bearer s3cret") && first.contains("\"kind\":\"armed\""), "{first}");
        assert!(!format!("{refused:?}").contains("s3cret"), "{refused:?}");
        assert!(!heard.iter().any(|text| text.contains("staging")));
    }
}
