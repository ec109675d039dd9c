//! One fetch: the lock that cockpits share, the mirror made where it is not there, and what trouble means for the source.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::domain::access::RepositoryAccess;
use crate::gitops::network::{Trouble, TroubleKind};
use crate::gitops::{Mirror, Remote};
use crate::sources::{Failure, FailureKind};

/// How often the lock is tried while another cockpit has it.
const TRY: Duration = Duration::from_millis(100);
/// How long another cockpit may have it.
const LOCKED: Duration = Duration::from_mins(2);
/// How often it is asked which branch is the default one.
const DEFAULT_BRANCH: Duration = Duration::from_mins(10);

/// Fetches one repository.
#[derive(Debug, Clone)]
pub(super) struct Fetcher {
    remote: Remote,
    mirror: Mirror,
    /// When it was last asked which branch is the default one.
    asked: Arc<Mutex<Option<Instant>>>,
    is_distrusted: Arc<AtomicBool>,
}

impl Fetcher {
    pub(super) fn new(access: &RepositoryAccess, mirror: Mirror) -> Self {
        let remote = Remote::new(access.url.expose_secret(), access.is_isolated);
        let remote = if let Some(silence) = access.silence { remote.silent_for(silence) } else { remote };
        Self { remote, mirror, asked: Arc::default(), is_distrusted: Arc::default() }
    }

    /// The mirror cannot be read: the next fetch begins with an empty one.
    pub(super) fn distrust(&self) {
        self.is_distrusted.store(true, Ordering::Relaxed);
    }

    /// Fetches; with `anew`, what is rarely asked is asked as well.
    pub(super) async fn fetch(&self, anew: bool) -> Result<(), Failure> {
        let began = Instant::now();
        let lock = loop {
            match self.mirror.lock() {
                Ok(Some(lock)) => break lock,
                Ok(None) if began.elapsed() > LOCKED => {
                    return Err(Failure::new(FailureKind::Broken, "another program has held the lock of the mirror for two minutes"));
                }
                Ok(None) => tokio::time::sleep(TRY).await,
                Err(error) => return Err(self.of_disk(&error)),
            }
        };
        let (mirror, is_distrusted) = (self.mirror.clone(), self.is_distrusted.swap(false, Ordering::Relaxed));
        let made = tokio::task::spawn_blocking(move || {
            if is_distrusted && mirror.folder().exists() {
                std::fs::remove_dir_all(mirror.folder())?;
            }
            mirror.make()
        });
        made.await.map_err(|error| Failure::new(FailureKind::Broken, &error.to_string()))?.map_err(|error| self.of_disk(&error))?;
        self.remote.fetch(self.mirror.folder()).await.map_err(meant)?;
        let mut asked = self.asked.lock().await;
        if anew || asked.is_none_or(|asked| asked.elapsed() > DEFAULT_BRANCH) {
            if let Some(branch) = self.remote.default_branch(self.mirror.folder()).await.map_err(meant)? {
                let git = self.mirror.open().and_then(|git| git.set_head(&branch));
                git.map_err(|error| Failure::new(FailureKind::Broken, error.message()))?;
            }
            *asked = Some(Instant::now());
        }
        drop(lock);
        Ok(())
    }

    fn of_disk(&self, error: &std::io::Error) -> Failure {
        let place = self.mirror.folder().display();
        Failure::new(FailureKind::Broken, &format!("cannot write the mirror {place}: {error}"))
    }
}

fn meant(trouble: Trouble) -> Failure {
    let kind = match trouble.kind {
        TroubleKind::Refused | TroubleKind::Denied | TroubleKind::Gone => FailureKind::Forbidden,
        TroubleKind::Lost => FailureKind::Lost,
        TroubleKind::Broken => FailureKind::Broken,
    };
    Failure { cure: trouble.cure, ..Failure::new(kind, trouble.why.as_str()) }
}
