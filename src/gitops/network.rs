//! The network, through the person's own `git`: its credential helpers, its proxies, its ssh. Nothing ever asks a question, no credential stands
//! among the arguments of a process, and what goes wrong is told in a few kinds with its cure.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::Command;
use tokio::sync::OnceCell;
use tokio::time::Instant;

use crate::base::Safe;
use crate::domain::desired::WithPassword;
use crate::gitops::program::{self, Running};

/// A remote that says nothing for so long is lost. Git tells its progress about every second while something moves.
const SILENCE: Duration = Duration::from_secs(30);
/// How much of what git says is kept: the end of it has the reason.
pub(super) const MOST_WORDS: usize = 16 * 1024;
/// How long what git started may still say something once git itself has ended: an ssh that stays for the next connection never hangs up.
const LINGER: Duration = Duration::from_secs(1);

/// Where a repository is fetched from.
#[derive(Debug, Clone)]
pub struct Remote {
    /// Without a password.
    url: String,
    /// What stood in the URL.
    password: Option<(String, SecretString)>,
    /// Whether the person's own git configuration is left alone.
    is_isolated: bool,
    /// The configuration that is read instead of it.
    config: Option<PathBuf>,
    /// How long it may say nothing.
    silence: Duration,
    /// `core.sshCommand` of the person, once it was looked up.
    ssh: Arc<OnceCell<Option<String>>>,
}

/// What a fetch that came to nothing means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// What kind it is of.
    pub kind: TroubleKind,
    /// What happened, without credentials.
    pub why: Safe,
    /// What helps.
    pub cure: Option<Safe>,
}

/// The kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// Somebody has to do something: there is no git, or it does not trust a folder.
    Refused,
    /// No credential was accepted.
    Denied,
    /// There is no such repository, or not for this person.
    Gone,
    /// Nobody answers: it is tried again.
    Lost,
    /// Anything else.
    Broken,
}

/// A run of git.
pub(super) struct Run<'r> {
    /// Where; `None`: in no repository at all.
    pub(super) mirror: Option<&'r Path>,
    /// No secret is among them.
    pub(super) arguments: &'r [&'r str],
    /// What it reads.
    pub(super) input: &'r [u8],
    /// How long it may say nothing.
    pub(super) silence: Duration,
    /// What is set in its environment; `None`: what is taken out of it.
    pub(super) environment: &'r [(&'r str, Option<&'r str>)],
}

/// What git said, or the end of it, with no password in it.
pub(super) struct Said {
    pub(super) status: ExitStatus,
    pub(super) out: String,
    pub(super) err: String,
}

impl Trouble {
    pub(super) fn new(kind: TroubleKind, why: &str) -> Self {
        Self { kind, why: Safe::clean(why), cure: None }
    }

    pub(super) fn cured_by(mut self, cure: &str) -> Self {
        self.cure = Some(Safe::clean(cure));
        self
    }

    /// What a broken disk means.
    #[must_use]
    pub fn of_disk(what: &str, error: &dyn std::fmt::Display) -> Self {
        Self::new(TroubleKind::Broken, &format!("{what}: {error}"))
    }
}

impl Remote {
    /// A remote by the URL that an Application or the configuration names. A password in it is taken out and handed to git in another way.
    /// `is_isolated`: nothing of the person's own git configuration is read.
    #[must_use]
    pub fn new(url: &str, is_isolated: bool) -> Self {
        let mut remote = Self { url: url.to_owned(), password: None, is_isolated, config: None, silence: SILENCE, ssh: Arc::default() };
        if let Some(WithPassword { url, user, password }) = WithPassword::read(url) {
            remote.url = url;
            remote.password = Some((decoded(user), SecretString::from(decoded(password))));
        }
        remote
    }

    /// The URL, without a password.
    #[must_use]
    pub fn shown(&self) -> Safe {
        Safe::clean(&self.url)
    }

    /// Gives up on a remote that says nothing for this long.
    #[must_use]
    pub const fn silent_for(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Leaves the person's own git configuration alone and reads this file instead: a world of its own may sign and have credential helpers too.
    #[must_use]
    pub fn configured_by(mut self, file: &Path) -> Self {
        self.is_isolated = true;
        self.config = Some(file.to_owned());
        self
    }

    /// Brings all branches and tags into a mirror, rewritten ones too.
    pub async fn fetch(&self, mirror: &Path) -> Result<(), Trouble> {
        let arguments = [
            "fetch",
            "--progress",
            "--prune",
            "--force",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--no-auto-maintenance",
            "origin",
            "+refs/heads/*:refs/heads/*",
            "+refs/tags/*:refs/tags/*",
        ];
        self.git(Some(mirror), &arguments).await.map(drop)
    }

    /// The default branch of the original, in full; `None`: it has none.
    pub async fn default_branch(&self, mirror: &Path) -> Result<Option<String>, Trouble> {
        let told = self.git(Some(mirror), &["ls-remote", "--symref", "origin", "HEAD"]).await?;
        let branch = told.lines().find_map(|line| line.strip_prefix("ref: ")?.strip_suffix("\tHEAD"));
        Ok(branch.filter(|branch| branch.starts_with("refs/heads/")).map(ToOwned::to_owned))
    }

    /// Asks the remote for its `HEAD`, with no mirror there and none made: its commit in full; `None`: it has none.
    pub async fn head(&self) -> Result<Option<String>, Trouble> {
        let told = self.git(None, &["ls-remote", "origin", "HEAD"]).await?;
        Ok(told.lines().find_map(|line| line.strip_suffix("\tHEAD")).map(ToOwned::to_owned))
    }

    /// What the person's git configuration says about ssh: it would lose against the environment.
    async fn own_ssh(&self) -> Option<&str> {
        if self.is_isolated {
            return None;
        }
        let ask = async || {
            let mut command = Command::new("git");
            command.args(["config", "--global", "--get", "core.sshCommand"]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
            let output = tokio::time::timeout(self.silence, command.output()).await.ok()?.ok()?;
            String::from_utf8(output.stdout).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
        };
        self.ssh.get_or_init(ask).await.as_deref()
    }

    /// Runs git in a mirror, or in no repository at all.
    pub(super) async fn git(&self, mirror: Option<&Path>, arguments: &[&str]) -> Result<String, Trouble> {
        let said = self.run(Run { mirror, arguments, input: b"", silence: self.silence, environment: &[] }).await?;
        if said.status.success() { Ok(said.out) } else { Err(self.meant(said.status, &said.err)) }
    }

    /// Runs git to its end, whatever that is. What it started ends with it, and with the future.
    ///
    /// # Errors
    ///
    /// [`TroubleKind::Lost`] where it said nothing for too long; another kind where it did not start at all.
    pub(super) async fn run(&self, run: Run<'_>) -> Result<Said, Trouble> {
        let ssh = self.own_ssh().await;
        let mut command = Command::new("git");
        self.surround(&mut command, ssh, run.silence);
        match run.mirror {
            Some(mirror) => command.arg("-C").arg(mirror),
            // Wherever it is started, no repository around it counts.
            None => command.env("GIT_DIR", "/dev/null"),
        };
        for (name, value) in run.environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command.args(run.arguments);
        command.stdin(if run.input.is_empty() { Stdio::null() } else { Stdio::piped() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0).kill_on_drop(true);
        let mut child = Running(command.spawn().map_err(|error| not_started(&error))?);
        if let Some(mut stdin) = child.0.stdin.take() {
            // One that does not want to hear it says why.
            let _ = stdin.write_all(run.input).await;
        }
        let silent = || Trouble::new(TroubleKind::Lost, &format!("the remote said nothing for {} s", run.silence.as_secs().max(1)));
        let (status, out, err) =
            heard(&mut child, run.silence).await.map_err(|error| Trouble::of_disk("git did not end", &error))?.ok_or_else(silent)?;
        Ok(Said { status, out: self.without_password(&out), err: self.without_password(&err) })
    }

    /// The environment in which git asks nobody.
    fn surround(&self, command: &mut Command, ssh: Option<&str>, silence: Duration) {
        program::quiet(command.as_std_mut());
        // What an Application names is not to be trusted with `ext::` and the like.
        command.env("GIT_ALLOW_PROTOCOL", "https:http:ssh:git:file");
        let mut settings = vec![
            ("remote.origin.url", self.url.clone()),
            ("core.hooksPath", "/dev/null".to_owned()),
            ("gc.auto", "0".to_owned()),
            ("http.lowSpeedLimit", "1".to_owned()),
            ("http.lowSpeedTime", silence.as_secs().max(1).to_string()),
            ("transfer.fsckObjects", "false".to_owned()),
        ];
        if let Some((user, password)) = &self.password {
            command.env("TIPHYS_GIT_USER", user).env("TIPHYS_GIT_PASSWORD", password.expose_secret());
            // The helper is a shell's own words: the password is in no argument. What others would answer does not count.
            settings.push(("credential.helper", String::new()));
            let helper = r#"!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$TIPHYS_GIT_USER" "$TIPHYS_GIT_PASSWORD"; }; f"#;
            settings.push(("credential.helper", helper.to_owned()));
        }
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let before: usize = match variable("GIT_CONFIG_COUNT") {
            Some(count) if !self.is_isolated => count.to_str().and_then(|count| count.parse().ok()).unwrap_or(0),
            _ => 0,
        };
        for (place, (key, value)) in settings.iter().enumerate() {
            let place = before + place;
            command.env(format!("GIT_CONFIG_KEY_{place}"), key).env(format!("GIT_CONFIG_VALUE_{place}"), value);
        }
        command.env("GIT_CONFIG_COUNT", (before + settings.len()).to_string());
        if self.is_isolated {
            program::isolate(command.as_std_mut());
            if let Some(file) = &self.config {
                command.env("GIT_CONFIG_GLOBAL", file);
            }
            return;
        }
        // A person's own ssh stays theirs; it is only told not to ask.
        if variable("GIT_SSH").is_none() || variable("GIT_SSH_COMMAND").is_some() {
            let mut ssh = variable("GIT_SSH_COMMAND").unwrap_or_else(|| OsString::from(ssh.unwrap_or("ssh")));
            ssh.push(" -o BatchMode=yes -o ConnectTimeout=10");
            command.env("GIT_SSH_COMMAND", ssh);
        }
    }

    /// What git's words mean. They are its own English ones: `LC_ALL=C`.
    pub(super) fn meant(&self, status: ExitStatus, words: &str) -> Trouble {
        let has = |parts: &[&str]| parts.iter().any(|part| words.contains(part));
        let told = |lines: &mut dyn Iterator<Item = &str>| lines.last().map(|line| line.trim().to_owned());
        let lines = || words.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
        let why = told(&mut lines().filter(|line| line.starts_with("fatal: ") || line.starts_with("ERROR: ")))
            .or_else(|| told(&mut lines()))
            .unwrap_or_else(|| format!("git ended with {status}"));
        let why = why.trim_start_matches("fatal: ").trim_start_matches("ERROR: ").to_owned();
        let by_hand = format!("run 'git ls-remote {}' by hand and log in there; it is tried again by itself", self.url);
        if has(&[
            "could not read Username",
            "could not read Password",
            "terminal prompts disabled",
            "Authentication failed",
            "error: 401",
            "error: 403",
        ]) {
            return Trouble::new(TroubleKind::Denied, &format!("no credential for {} was accepted", self.url)).cured_by(&by_hand);
        }
        if has(&["Permission denied (", "Host key verification failed", "no matching host key"]) {
            let why = told(&mut lines().filter(|line| line.contains("Permission denied (") || line.contains("ost key"))).unwrap_or(why);
            return Trouble::new(TroubleKind::Denied, &format!("ssh was refused: {why}")).cured_by(&by_hand);
        }
        if has(&[
            "Could not resolve",
            "Connection refused",
            "timed out",
            "Connection reset",
            "unreachable",
            "Failed to connect",
            "early EOF",
            "hung up unexpectedly",
            "RPC failed",
            "error: 5",
            "Operation too slow",
            "Empty reply from server",
        ]) {
            let why = told(&mut lines().filter(|line| !line.starts_with("fatal: Could not read from remote"))).unwrap_or(why);
            return Trouble::new(TroubleKind::Lost, why.trim_start_matches("fatal: "));
        }
        if has(&["not found", "does not appear to be a git repository", "does not exist", "error: 404", "No such file or directory"]) {
            return Trouble::new(TroubleKind::Gone, &format!("there is no repository at {}, or not for you", self.url))
                .cured_by(&format!("check the URL, and whether you may read it: git ls-remote {}", self.url));
        }
        if has(&["dubious ownership"]) {
            return Trouble::new(TroubleKind::Refused, &why)
                .cured_by("the folder belongs to somebody else: git config --global --add safe.directory …");
        }
        Trouble::new(TroubleKind::Broken, &why)
    }

    fn without_password(&self, words: &str) -> String {
        match &self.password {
            Some((_, password)) if !password.expose_secret().is_empty() => words.replace(password.expose_secret(), "***"),
            _ => words.to_owned(),
        }
    }
}

/// One stream of what is said.
struct Ear<R> {
    from: Option<R>,
    words: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Ear<R> {
    /// Hears the next words; never ends where nothing more will be said.
    async fn next(&mut self) {
        let Some(from) = &mut self.from else { return std::future::pending().await };
        self.words.reserve(4096);
        match from.read_buf(&mut self.words).await {
            Ok(0) | Err(_) => self.from = None,
            Ok(_) => {
                if self.words.len() > 2 * MOST_WORDS {
                    self.words.drain(..self.words.len() - MOST_WORDS);
                }
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.words).into_owned()
    }
}

/// How a process ended and what it said, or the end of it where that is long; `None`: it said nothing for too long.
async fn heard(child: &mut Running, silence: Duration) -> std::io::Result<Option<(ExitStatus, String, String)>> {
    let mut out = Ear { from: child.0.stdout.take(), words: Vec::new() };
    let mut err = Ear { from: child.0.stderr.take(), words: Vec::new() };
    let (mut ended, mut limit) = (None, Instant::now() + silence);
    loop {
        if let Some(status) = ended
            && out.from.is_none()
            && err.from.is_none()
        {
            return Ok(Some((status, out.text(), err.text())));
        }
        tokio::select! {
            biased;
            () = out.next() => {}
            () = err.next() => {}
            status = child.0.wait(), if ended.is_none() => {
                ended = Some(status?);
                limit = Instant::now() + LINGER;
            }
            () = tokio::time::sleep_until(limit) => return Ok(ended.map(|status| (status, out.text(), err.text()))),
        }
        if ended.is_none() {
            limit = Instant::now() + silence;
        }
    }
}

fn not_started(error: &std::io::Error) -> Trouble {
    if error.kind() == std::io::ErrorKind::NotFound {
        return Trouble::new(TroubleKind::Refused, "there is no git on this machine").cured_by("install git 2.31 or later");
    }
    Trouble::new(TroubleKind::Broken, &format!("git does not start: {error}"))
}

/// Percent-decoding, as a URL needs it for a password with `@` or `:` in it.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let hex = behind.get(..2).and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (byte, behind) = match hex.filter(|_| *first == b'%') {
            Some(byte) => (byte, behind.get(2..).unwrap_or_default()),
            None => (*first, behind),
        };
        bytes.push(byte);
        rest = behind;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
