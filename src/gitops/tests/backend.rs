//! `git http-backend` behind a small server: the way in by https, with credentials and without, but for the encryption.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use base64::Engine as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use super::upstream::{Upstream, overlay};
use super::*;

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is answered.
    Answered,
    /// It is refused with this status.
    Refused(u16),
    /// The connection ends before it is worked on.
    Lost,
    /// It is worked on, and the connection ends before the answer.
    Unanswered,
    /// Nothing is ever said.
    Silent,
}

/// Decides about each request, by its method and target.
type Decides = dyn Fn(&str, &str) -> Fate + Send + Sync;

/// Serves the repositories of a folder; with a credential, to nobody else.
async fn serve(folder: PathBuf, credential: Option<&str>) -> String {
    serve_by(folder, credential, Arc::new(|_: &str, _: &str| Fate::Answered)).await
}

pub(super) async fn serve_by(folder: PathBuf, credential: Option<&str>, decides: Arc<Decides>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let wanted = credential.map(|credential| format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(credential)));
    let (folder, wanted) = (Arc::new(folder), Arc::new(wanted));
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            let (folder, wanted, decides) = (Arc::clone(&folder), Arc::clone(&wanted), Arc::clone(&decides));
            tokio::spawn(async move { answer(connection, &folder, wanted.as_deref(), &*decides).await });
        }
    });
    address.to_string()
}

async fn answer(mut connection: TcpStream, folder: &Path, wanted: Option<&str>, decides: &Decides) {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break end;
        }
        if connection.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return;
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let header = |name: &str| {
        let find = |line: &str| line.split_once(": ").filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.to_owned());
        head.lines().find_map(find)
    };
    let length: usize = header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = bytes[end + 4..].to_vec();
    while body.len() < length && connection.read_buf(&mut body).await.unwrap_or(0) > 0 {}
    if wanted.is_some() && header("authorization").as_deref() != wanted {
        let refusal = b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        let _ = connection.write_all(refusal).await;
        return;
    }
    let mut first = head.lines().next().unwrap_or_default().split(' ');
    let (method, target) = (first.next().unwrap_or_default(), first.next().unwrap_or_default());
    let fate = decides(method, target);
    match fate {
        Fate::Answered | Fate::Unanswered => {}
        Fate::Refused(status) => {
            let refusal = format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = connection.write_all(refusal.as_bytes()).await;
            return;
        }
        Fate::Lost => return,
        Fate::Silent => {
            let _ = connection.read_buf(&mut bytes).await;
            return;
        }
    }
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut child = Command::new("git")
        .arg("http-backend")
        .env("GIT_PROJECT_ROOT", folder)
        .env("GIT_HTTP_EXPORT_ALL", "1")
        // Who it is must be known to it, or it takes no push.
        .env("REMOTE_USER", "ana")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("REQUEST_METHOD", method)
        .env("PATH_INFO", path)
        .env("QUERY_STRING", query)
        .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
        .env("CONTENT_LENGTH", body.len().to_string())
        .env("HTTP_CONTENT_ENCODING", header("content-encoding").unwrap_or_default())
        .env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&body).await.unwrap();
    let said = child.wait_with_output().await.unwrap().stdout;
    if fate == Fate::Unanswered {
        return;
    }
    let status =
        said.strip_prefix(b"Status: ").and_then(|rest| rest.get(..3)).map_or("200".to_owned(), |code| String::from_utf8_lossy(code).into_owned());
    let _ = connection.write_all(format!("HTTP/1.1 {status} Status\r\nConnection: close\r\n").as_bytes()).await;
    let _ = connection.write_all(&said).await;
}

#[tokio::test]
async fn repositories_are_fetched_over_http_with_credentials_and_without() {
    let upstream = Upstream::new();
    upstream.commit("Ana", "import", &overlay("1"));
    let folder = upstream.path().parent().unwrap().to_owned();
    let open = serve(folder.clone(), None).await;
    let closed = serve(folder, Some("bot:s3:cr3t@x")).await;
    for (url, is_fine) in [
        (format!("http://{open}/gitops.git"), true),
        (format!("http://{open}/other.git"), false),
        (format!("http://bot:s3%3Acr3t%40x@{closed}/gitops.git"), true),
        (format!("http://bot:wrong@{closed}/gitops.git"), false),
        (format!("http://{closed}/gitops.git"), false),
    ] {
        let mine = Mine { remote: Remote::new(&url, true), ..Mine::of(&upstream) };
        mine.mirror.make().unwrap();
        let fetched = mine.remote.fetch(mine.mirror.folder()).await;
        assert_eq!(fetched.is_ok(), is_fine, "{url}: {fetched:?}");
        if let Err(trouble) = fetched {
            let kind = if url.contains("other.git") { TroubleKind::Gone } else { TroubleKind::Denied };
            assert_eq!(trouble.kind, kind, "{url}: {trouble:?}");
            assert!(trouble.cure.is_some() && !format!("{trouble:?}").contains("wrong@"), "{trouble:?}");
            continue;
        }
        mine.fetch().await;
        assert_eq!(mine.mirror.open().unwrap().head().unwrap().target().unwrap().to_string(), upstream.head());
        let config = std::fs::read_to_string(mine.mirror.folder().join("config")).unwrap();
        assert!(!config.contains("cr3t"), "no credential is kept: {config}");
    }
}
