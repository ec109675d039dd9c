//! Why a request came to nothing, in the few kinds that decide what happens next.

use std::error::Error;
use std::path::PathBuf;
use std::time::Duration;

use kube::client::AuthError;

use crate::base::Safe;
use crate::base::causes::{causes, connection};
use crate::sources::mending::Mending;

/// What went wrong and what helps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What it means for the source.
    pub kind: FailureKind,
    /// What happened, for a person. Never the raw error of an authentication library: it may carry a token.
    pub why: Safe,
    /// What helps.
    pub cure: Option<Safe>,
    /// The files in which it may be mended: once one of them changes, it is tried again at once.
    pub mending: Mending,
    /// When it is worth to try again, where that is known better than by the kind.
    pub again: Option<Duration>,
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureKind {
    /// Who we are was not accepted (401), or a credential could not be read.
    Unauthorized,
    /// We are known and may not (403).
    Forbidden,
    /// There is no such thing (404): a kind that is not installed, an object that is gone.
    NotFound,
    /// Too many requests, or the server asked for patience: come back after this time.
    Throttled(Option<Duration>),
    /// What we hold is too old to go on from (410): list anew, at once.
    Expired,
    /// No answer: refused, cut, timed out.
    Lost,
    /// An answer that could not be understood, or a server error.
    Broken,
}

impl Failure {
    /// A failure with a reason and no known cure.
    #[must_use]
    pub fn new(kind: FailureKind, why: &str) -> Self {
        Self { kind, why: Safe::clean(why), cure: None, mending: Mending::default(), again: None }
    }

    /// The same with a cure.
    #[must_use]
    pub fn cured_by(mut self, cure: &str) -> Self {
        self.cure = Some(Safe::clean(cure));
        self
    }

    /// The same, and it is tried again once one of these files changes.
    #[must_use]
    pub fn mended_in(mut self, files: impl IntoIterator<Item = PathBuf>) -> Self {
        self.mending = Mending::watching(files);
        self
    }

    /// The same, to be tried again after this time.
    #[must_use]
    pub const fn again_in(mut self, time: Duration) -> Self {
        self.again = Some(time);
        self
    }

    /// What a connection that came to nothing means: from the errors of a connector, a TLS library or a broken body. Only the innermost cause is
    /// told: outer ones repeat it, and may quote an address that holds a password.
    #[must_use]
    pub fn of_connection(error: &(dyn Error + 'static)) -> Self {
        let causes = causes(error);
        if let Some(tls) = causes.iter().find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
            let failure = Self::new(FailureKind::Broken, &format!("no secure connection: {tls}"));
            return match tls {
                rustls::Error::InvalidCertificate(_) => failure.cured_by("name the certificate authority of this server, or its right address"),
                _ => failure,
            };
        }
        let why = connection(error);
        Self::new(FailureKind::Lost, &why)
    }
}

impl From<kube::Error> for Failure {
    /// What an error of the Kubernetes client means. A credential plugin's error is never quoted: it holds the plugin's whole output, token
    /// included (kube-client 5.0.0 `auth/mod.rs`, `AuthExecRun`).
    fn from(error: kube::Error) -> Self {
        if let Some(auth) = causes(&error).iter().find_map(|cause| cause.downcast_ref::<AuthError>()) {
            return of_authentication(auth);
        }
        match &error {
            kube::Error::Api(status) => of_status(status),
            kube::Error::SerdeError(cause) => Self::new(FailureKind::Broken, &format!("the answer cannot be understood: {cause}")),
            kube::Error::FromUtf8(_) => Self::new(FailureKind::Broken, "the answer is not text"),
            kube::Error::HyperError(cause) if cause.is_incomplete_message() => Self::new(FailureKind::Lost, "the connection was cut"),
            kube::Error::HyperError(_) | kube::Error::Service(_) | kube::Error::ReadEvents(_) => Self::of_connection(&error),
            kube::Error::ProxyProtocolUnsupported { .. } | kube::Error::ProxyProtocolDisabled { .. } => {
                Self::new(FailureKind::Broken, "the proxy speaks a protocol that is not supported here")
                    .cured_by("use a proxy of http, https or socks5")
            }
            _ => Self::new(FailureKind::Broken, &causes(&error).last().map_or_else(|| error.to_string(), ToString::to_string)),
        }
    }
}

/// What a refusal of a Kubernetes API server means (`metav1.Status`).
fn of_status(status: &kube::core::Status) -> Failure {
    let patience = status.details.as_ref().map_or(0, |details| details.retry_after_seconds);
    let patience = (patience > 0).then(|| Duration::from_secs(u64::from(patience)));
    let kind = match status.code {
        401 => FailureKind::Unauthorized,
        403 => FailureKind::Forbidden,
        404 => FailureKind::NotFound,
        410 => FailureKind::Expired,
        429 => FailureKind::Throttled(patience),
        503 if patience.is_some() => FailureKind::Throttled(patience),
        _ => FailureKind::Broken,
    };
    let why = if status.message.is_empty() { format!("the server answered {}", status.code) } else { status.message.clone() };
    let failure = Failure::new(kind, &why);
    if kind == FailureKind::Unauthorized { failure.cured_by("log in to the cluster again, as for kubectl") } else { failure }
}

fn of_authentication(error: &AuthError) -> Failure {
    let why = match error {
        AuthError::AuthExecStart(cause) => format!("the program that logs in to the cluster does not start: {cause}"),
        AuthError::AuthExecRun { out, .. } => format!("the program that logs in to the cluster failed ({})", out.status),
        AuthError::AuthExecParse(_) | AuthError::ExecPluginFailed => {
            "the program that logs in to the cluster printed something that is not a credential".to_owned()
        }
        AuthError::ReadTokenFile(cause, path) => format!("cannot read {}: {cause}", path.display()),
        _ => "the credential for the cluster cannot be used".to_owned(),
    };
    Failure::new(FailureKind::Unauthorized, &why).cured_by("run kubectl against this context by hand, log in there")
}
