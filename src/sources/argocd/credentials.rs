//! What an Argo CD knows us by: the token and extra headers. They are read where they are, and read anew when they were refused or their file is
//! another: tokens are renewed by other programs. Of the requests that carry them this file knows nothing.
//!
//! A secret that a program prints costs something each time, and may need a person who logs in first. While what it prints is refused it is run
//! after 5 s, 10 s, and so on, at last once a minute, whoever asks; the server is not asked in between.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use secrecy::ExposeSecret as _;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::base::Safe;
use crate::base::time::since;
use crate::domain::access::{ApiAccess, SecretRef};
use crate::domain::observation::{InstanceFacts, Login, Observation};
use crate::sources::expiry::Validity;
use crate::sources::mending::Mending;
use crate::sources::{Failure, FailureKind, Outbox, expiry, secret};

/// How soon a program is run again after it was of no help.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// How seldom it is run at last.
const LAST_PAUSE: Duration = Duration::from_mins(1);

/// The credentials of one Argo CD, shared by all its requests.
pub(in crate::sources) struct Credentials {
    token: SecretRef,
    headers: Vec<(String, SecretRef)>,
    /// What renews the token, where the person's login says it.
    renewal: Option<String>,
    outbox: Outbox,
    slot: Mutex<Slot>,
}

/// Credentials as they were read.
#[derive(Debug, Clone)]
pub(in crate::sources) struct Held {
    generation: u64,
    /// To be sent.
    pub(in crate::sources) headers: HeaderMap,
}

#[derive(Default)]
struct Slot {
    /// Grows with each reading.
    generation: u64,
    held: Option<HeaderMap>,
    /// What the files were like when they were read.
    files: Mending,
    /// Whether it is known when the token ends.
    ends: bool,
    /// Why what is held, or what was to be read, is of no use.
    refused: Option<Failure>,
    pace: Pace,
}

/// When programs may be run again.
#[derive(Default)]
struct Pace {
    next: Option<Instant>,
    pause: Duration,
}

impl Pace {
    fn left(&self) -> Option<Duration> {
        let left = self.next?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    fn ran(&mut self) {
        self.pause = (self.pause * 2).clamp(FIRST_PAUSE, LAST_PAUSE);
        self.next = Some(Instant::now() + self.pause);
    }
}

impl Credentials {
    pub(in crate::sources) fn new(access: &ApiAccess, outbox: Outbox) -> Self {
        let (token, headers, renewal) = (access.token.clone(), access.headers.clone(), access.renewal.clone());
        Self { token, headers, renewal, outbox, slot: Mutex::default() }
    }

    /// As they were last read, if they were; nothing is read.
    pub(super) async fn known(&self) -> HeaderMap {
        self.slot.lock().await.held.clone().unwrap_or_default()
    }

    /// The credentials to send.
    pub(in crate::sources) async fn get(&self) -> Result<Held, Failure> {
        let mut slot = self.slot.lock().await;
        // One that ends and was renewed is taken before anything has to be refused.
        let is_renewed = slot.ends && slot.files.is_mended();
        let is_refused = slot.refused.is_some() && self.runs_programs();
        match slot.held.clone().filter(|_| !is_renewed && !is_refused) {
            Some(headers) => Ok(Held { generation: slot.generation, headers }),
            None => self.read(&mut slot).await,
        }
    }

    /// Others than those that were refused; the refusal itself where there are none.
    pub(in crate::sources) async fn other_than(&self, refused: &Held, failure: Failure) -> Result<Held, Failure> {
        let mut slot = self.slot.lock().await;
        if slot.generation == refused.generation {
            slot.refused = Some(failure.clone());
            self.read(&mut slot).await?;
        }
        match &slot.held {
            Some(headers) if *headers != refused.headers => Ok(Held { generation: slot.generation, headers: headers.clone() }),
            _ => {
                slot.refused = Some(failure.clone());
                Err(self.paced(failure, &slot))
            }
        }
    }

    /// These were refused as well.
    pub(in crate::sources) async fn refused(&self, held: &Held, failure: Failure) -> Failure {
        let mut slot = self.slot.lock().await;
        if slot.generation == held.generation {
            slot.refused = Some(failure.clone());
        }
        self.paced(failure, &slot)
    }

    /// These were accepted.
    pub(in crate::sources) async fn accepted(&self, held: &Held) {
        let mut slot = self.slot.lock().await;
        if slot.generation == held.generation {
            (slot.refused, slot.pace) = (None, Pace::default());
        }
    }

    /// Reads them; where that would run a program too early, it is the last failure.
    async fn read(&self, slot: &mut Slot) -> Result<Held, Failure> {
        if self.runs_programs()
            && slot.pace.left().is_some()
            && !slot.files.is_mended()
            && let Some(failure) = slot.refused.clone()
        {
            return Err(self.paced(failure, slot));
        }
        slot.files = Mending::watching(self.files());
        let read = self.read_now().await;
        slot.pace.ran();
        match read {
            Ok((headers, ends)) => {
                slot.generation += 1;
                slot.refused = None;
                (slot.held, slot.ends) = (Some(headers.clone()), ends);
                Ok(Held { generation: slot.generation, headers })
            }
            Err(failure) => {
                slot.refused = Some(failure.clone());
                Err(self.paced(failure, slot))
            }
        }
    }

    /// The headers, and whether it is known when the token ends.
    async fn read_now(&self) -> Result<(HeaderMap, bool), Failure> {
        let Read { headers, validity } = read(&self.token, &self.headers, self.renewal.as_deref()).await?;
        let login = match validity {
            Some(validity) => Login::Until {
                at: validity.until,
                lasts: validity.from.map(|from| since(from, validity.until)),
                renewal: Safe::clean(&self.renewal()),
            },
            None => Login::Open,
        };
        self.outbox.observed(Observation::Instance(InstanceFacts { login: Some(login), ..InstanceFacts::default() })).await;
        Ok((headers, validity.is_some()))
    }

    /// What renews the token.
    pub(in crate::sources) fn renewal(&self) -> String {
        renewal(&self.token, self.renewal.as_deref())
    }

    /// The files that hold the credentials.
    pub(in crate::sources) fn files(&self) -> Vec<PathBuf> {
        files(self.references())
    }

    fn references(&self) -> impl Iterator<Item = &SecretRef> {
        self.headers.iter().map(|(_, reference)| reference).chain([&self.token])
    }

    fn runs_programs(&self) -> bool {
        self.references().any(|reference| matches!(reference, SecretRef::Command(_)))
    }

    /// The same failure, to be tried again when a program may be run again.
    fn paced(&self, failure: Failure, slot: &Slot) -> Failure {
        if self.runs_programs() { failure.again_in(slot.pace.left().unwrap_or_default()) } else { failure }
    }
}

/// Credentials as they stand where they are kept.
pub(super) struct Read {
    /// To be sent.
    pub(in crate::sources) headers: HeaderMap,
    /// When the token ends, where it says so.
    validity: Option<Validity>,
}

/// Reads the token and the extra headers where they are now.
pub(super) async fn read(token: &SecretRef, headers: &[(String, SecretRef)], renews: Option<&str>) -> Result<Read, Failure> {
    let references = || headers.iter().map(|(_, reference)| reference).chain([token]);
    let helped = |failure: Failure, cure: String| {
        let failure = if failure.cure.is_some() { failure } else { failure.cured_by(&cure) };
        failure.mended_in(files(references()))
    };
    let mut read = HeaderMap::new();
    for (name, reference) in headers {
        let value = secret::read(reference).await.map_err(|failure| helped(failure, secret::renewal(reference)))?;
        let name: HeaderName = name.parse().map_err(|error| Failure::new(FailureKind::Broken, &format!("'{name}' is no header's name: {error}")))?;
        read.append(name, sensitive(value.expose_secret()).ok_or_else(|| unfit(&secret::place(reference)))?);
    }
    let secret = secret::read(token).await.map_err(|failure| helped(failure, renewal(token, renews)))?;
    let value = sensitive(&format!("Bearer {}", secret.expose_secret())).ok_or_else(|| unfit(&secret::place(token)))?;
    read.insert(AUTHORIZATION, value);
    Ok(Read { headers: read, validity: expiry::of_token(secret.expose_secret()) })
}

/// What renews a token: the command that the person's login names, else what its place tells.
pub(super) fn renewal(token: &SecretRef, command: Option<&str>) -> String {
    command.map_or_else(|| secret::renewal(token), str::to_owned)
}

fn files<'a>(references: impl Iterator<Item = &'a SecretRef>) -> Vec<PathBuf> {
    references.filter_map(secret::file).map(Path::to_owned).collect()
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn unfit(place: &str) -> Failure {
    Failure::new(FailureKind::Unauthorized, &format!("what {place} holds cannot be sent as a header"))
}
