//! Pull requests of the simulated GitHub: what it answers follows the official description, what it refuses is refused in its words, and what is merged is a
//! real commit on the real branch.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what does not run fails them")]

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use super::schemas::{github, problems};
use crate::support::http::Peer;
use crate::support::wait::until;
use crate::support::world::World;

const SOON: Duration = Duration::from_secs(20);
const HERE: &str = "/repos/acme/gitops";

/// The API of the world's GitHub, as its configuration names it.
pub(crate) fn api(world: &World) -> Peer {
    let config = std::fs::read_to_string(world.config()).unwrap();
    let url = config.lines().skip_while(|line| *line != "[[github]]").find_map(|line| line.strip_prefix("url = ")).unwrap();
    let token = std::fs::read_to_string(world.home().join("world/github-token")).unwrap().trim().to_owned();
    Peer { address: url.trim_matches('"').trim_start_matches("http://").to_owned(), token }
}

/// Git in the bare repository of a world.
fn git(world: &World, arguments: &[&str]) -> String {
    let own = ["-c", "user.name=you", "-c", "user.email=you@acme.example", "-C"];
    let folder = world.home().join("world/gitops.git");
    let mut command = Command::new("git");
    let output =
        command.args(own).arg(folder).args(arguments).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1").output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn follows(found: &mut Vec<String>, (method, path, status): (&str, &str, u16), reply: &crate::support::http::Reply) {
    assert_eq!(reply.status, status, "{method} {path}: {}", reply.body);
    let full = path.replace(HERE, "/repos/{owner}/{repo}");
    found.extend(problems(&github(method, &full, status), &reply.body).into_iter().map(|problem| format!("{method} {path}: {problem}")));
}

#[test]
fn its_pull_requests_follow_the_official_description_and_merge_for_real() {
    let world = World::start("pull-request", &["--speed", "20"]);
    let (api, mut found) = (api(&world), Vec::new());
    let send = |method: &str, path: &str, body: Option<&Value>| api.send(method, path, "application/json", body);
    let commit = git(&world, &["commit-tree", "main^{tree}", "-p", "main", "-m", "promote(production): checkout 2.14.3"]);
    git(&world, &["update-ref", "refs/heads/tiphys/1", &commit]);
    let (pulls, one) = (format!("{HERE}/pulls"), "/repos/{owner}/{repo}/pulls/{pull_number}");
    let open = json!({ "title": "promote", "head": "tiphys/1", "base": "main", "body": "why" });
    follows(&mut found, ("get", HERE, 200), &send("GET", HERE, None));
    let opened = send("POST", &pulls, Some(&open));
    follows(&mut found, ("post", &pulls, 201), &opened);
    assert_eq!((&opened.body["mergeable"], &opened.body["mergeable_state"]), (&Value::Null, &json!("unknown")), "it is being worked out");
    let (branch, rules) = (format!("{HERE}/branches/main"), format!("{HERE}/rules/branches/main"));
    until("main is protected", SOON, || send("GET", &branch, None).body["protected"].clone(), |is| *is == json!(true));
    follows(&mut found, ("get", "/repos/{owner}/{repo}/branches/{branch}", 200), &send("GET", &branch, None));
    let told = send("GET", &rules, None);
    follows(&mut found, ("get", "/repos/{owner}/{repo}/rules/branches/{branch}", 200), &told);
    assert_eq!(told.body.pointer("/0/parameters/required_approving_review_count"), Some(&json!(1)));
    assert_eq!(send("GET", &format!("{HERE}/rules/branches/tiphys%2F1"), None).body, json!([]));
    let again = send("POST", &pulls, Some(&open));
    follows(&mut found, ("post", &pulls, 422), &again);
    assert_eq!(again.body.pointer("/errors/0/message"), Some(&json!("A pull request already exists for acme:tiphys/1.")));
    let listed = send("GET", &format!("{pulls}?state=open&head=acme:tiphys/1"), None);
    follows(&mut found, ("get", &pulls, 200), &listed);
    let number = listed.body.pointer("/0/number").and_then(Value::as_u64).unwrap();
    let at = format!("{pulls}/{number}");
    let (first, merge) = (send("GET", &at, None), format!("{at}/merge"));
    follows(&mut found, ("get", one, 200), &first);
    assert_eq!((&first.body["mergeable"], &first.body["mergeable_state"]), (&json!(true), &json!("blocked")));
    let with = |sha: &str| json!({ "sha": sha, "merge_method": "merge" });
    let early = send("PUT", &merge, Some(&with(&commit)));
    follows(&mut found, ("put", &format!("{one}/merge"), 405), &early);
    assert_eq!(early.body["message"], json!("Required status check \"render\" is expected."));
    let checks = format!("{HERE}/commits/{commit}/check-runs");
    let runs = || send("GET", &checks, None);
    follows(&mut found, ("get", "/repos/{owner}/{repo}/commits/{ref}/check-runs", 200), &runs());
    follows(&mut found, ("get", "/repos/{owner}/{repo}/commits/{ref}/status", 200), &send("GET", &format!("{HERE}/commits/{commit}/status"), None));
    until("it may be merged", SOON, || send("GET", &at, None).body["mergeable_state"].clone(), |state| *state == json!("clean"));
    follows(&mut found, ("get", "/repos/{owner}/{repo}/commits/{ref}/check-runs", 200), &runs());
    follows(&mut found, ("get", &format!("{one}/reviews"), 200), &send("GET", &format!("{at}/reviews"), None));
    let other = send("PUT", &merge, Some(&with(&git(&world, &["rev-parse", "main"]))));
    follows(&mut found, ("put", &format!("{one}/merge"), 409), &other);
    let viewer = Peer { token: "github-viewer".to_owned(), ..api.clone() };
    assert_eq!(viewer.send("PUT", &merge, "application/json", Some(&with(&commit))).status, 403);
    let merged = send("PUT", &merge, Some(&with(&commit)));
    follows(&mut found, ("put", &format!("{one}/merge"), 200), &merged);
    assert_eq!(merged.body["sha"], json!(git(&world, &["rev-parse", "main"])));
    assert_eq!(git(&world, &["rev-parse", "main^2"]), commit);
    let ended = send("GET", &at, None);
    follows(&mut found, ("get", one, 200), &ended);
    assert_eq!((&ended.body["state"], &ended.body["merged"]), (&json!("closed"), &json!(true)));
    assert_eq!(send("PUT", &merge, Some(&with(&commit))).status, 405);
    let stranger = Peer { token: "no".to_owned(), ..api.clone() };
    let refused = stranger.send("GET", "/user", "", None);
    follows(&mut found, ("get", "/user", 401), &refused);
    follows(&mut found, ("get", one, 404), &send("GET", &format!("{pulls}/9"), None));
    assert!(found.is_empty(), "{}", found.join("\n"));
}
