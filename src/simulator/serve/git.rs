//! The gitops repository over HTTP, in git's own smart protocol (git `Documentation/gitprotocol-http.txt`): `git upload-pack` and `git receive-pack` do
//! the talking, so that clones, fetches and pushes are real ones, under the faults of a server.

use std::io::Read as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;

use flate2::read::GzDecoder;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, WWW_AUTHENTICATE};
use http::{HeaderName, Method, StatusCode};
use hyper::body::Bytes;
use tokio::io::AsyncWriteExt as _;
use tokio::process::Command;

use super::answer::{Answer, Question};
use super::gate::Gate;
use crate::simulator::fault::Push;
use crate::simulator::guard;

/// As Applications name the repository on this server.
pub(super) const PATH: &str = "gitops.git";
/// Requests that are unpacked at most.
const LARGEST: u64 = 64 << 20;

pub(super) struct Server {
    pub(super) folder: PathBuf,
    pub(super) gate: Arc<Gate>,
}

/// What the service is called by git, and what its answers are.
struct Service {
    command: &'static str,
    advertisement: &'static str,
    result: &'static str,
}

const RECEIVE: &str = "git-receive-pack";

const SERVICES: [(&str, Service); 2] = [
    (
        "git-upload-pack",
        Service {
            command: "upload-pack",
            advertisement: "application/x-git-upload-pack-advertisement",
            result: "application/x-git-upload-pack-result",
        },
    ),
    (
        RECEIVE,
        Service {
            command: "receive-pack",
            advertisement: "application/x-git-receive-pack-advertisement",
            result: "application/x-git-receive-pack-result",
        },
    ),
];

impl Server {
    pub(super) async fn answer(&self, question: Question) -> Answer {
        let push = self.gate.fault().push;
        let is_push = question.parameter("service") == Some(RECEIVE) || question.segments.last().is_some_and(|last| last == RECEIVE);
        match push.as_ref().filter(|_| is_push) {
            Some(Push::Unauthorized) => {
                let answer = Answer::text(StatusCode::UNAUTHORIZED, "Log in to push.\n");
                return answer.with(WWW_AUTHENTICATE, "Basic realm=\"gitops\"");
            }
            Some(Push::Forbidden) => return Answer::text(StatusCode::FORBIDDEN, "Permission to acme/gitops.git denied.\n"),
            _ => {}
        }
        // Somebody is quicker: before whoever pushes is told what the branches are.
        if let Some(race) = push.as_ref().filter(|_| is_push && question.method == Method::GET).and_then(guard::race_before) {
            let ran = Command::new("hooks/race").args(race).current_dir(&self.folder).env("GIT_DIR", ".").stderr(Stdio::null()).status().await;
            if let Err(error) = ran {
                tracing::warn!(%error, "nobody was quicker");
            }
        }
        let is_over = push.as_ref().and_then(guard::race_before).is_some();
        let service = |name: &str| SERVICES.iter().find(|(known, _)| *known == name);
        match (&question.method, question.parts().as_slice()) {
            (&Method::GET, [PATH, "info", "refs"]) => match question.parameter("service").and_then(service) {
                Some((name, service)) => {
                    let line = format!("# service={name}\n");
                    let head = format!("{:04x}{line}0000", line.len() + 4);
                    let told = self.run(service, (true, is_over), &question).await;
                    told.map_or_else(broken, |told| Answer::new(StatusCode::OK, service.advertisement, [head.into_bytes(), told].concat()))
                }
                None => Answer::text(StatusCode::FORBIDDEN, "only the smart protocol is spoken here\n"),
            },
            (&Method::POST, [PATH, name]) => match service(name) {
                Some((_, service)) => {
                    let told = self.run(service, (false, is_over), &question).await;
                    told.map_or_else(broken, |told| Answer::new(StatusCode::OK, service.result, told))
                }
                None => Answer::text(StatusCode::NOT_FOUND, "no such service\n"),
            },
            _ => Answer::text(StatusCode::NOT_FOUND, "there is gitops.git, for git\n"),
        }
        .with(CACHE_CONTROL, "no-cache")
    }

    async fn run(&self, service: &Service, (advertise, is_raced): (bool, bool), question: &Question) -> std::io::Result<Vec<u8>> {
        let mut command = Command::new("git");
        command.args([service.command, "--stateless-rpc"]).args(advertise.then_some("--advertise-refs")).arg(&self.folder);
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").env_remove("GIT_DIR");
        if is_raced {
            command.env(guard::RACED, "1");
        }
        if let Some(protocol) = question.header(&HeaderName::from_static("git-protocol")) {
            command.env("GIT_PROTOCOL", protocol);
        }
        let body = unpacked(question)?;
        let mut git = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true).spawn()?;
        let input = git.stdin.take();
        let say = async {
            // It may have heard enough.
            if let Some(mut input) = input {
                let _ = input.write_all(&body).await;
            }
        };
        let ((), output) = tokio::join!(say, git.wait_with_output());
        output.map(|output| output.stdout)
    }
}

fn unpacked(question: &Question) -> std::io::Result<Bytes> {
    if question.header(&CONTENT_ENCODING) != Some("gzip") {
        return Ok(question.body.clone());
    }
    let mut body = Vec::new();
    GzDecoder::new(&*question.body).take(LARGEST).read_to_end(&mut body)?;
    Ok(body.into())
}

fn broken(_there_is_no_git: std::io::Error) -> Answer {
    Answer::text(StatusCode::INTERNAL_SERVER_ERROR, "git does not run here\n")
}
