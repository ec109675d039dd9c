//! A commit and its push into real repositories: what wins a race, what is refused, what is lost on the way, and what nobody knows.

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::backend::{Fate, serve_by};
use super::*;
use crate::base::{OperationId, Safe};
use crate::gitops::push::*;

const FILE: &str = "shop/dev/kustomization.yaml";
const ID: &str = "0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f";
const OTHER: &str = "0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c30";
const MAIN: &str = "refs/heads/main";

const fn limits() -> Limits {
    let soon = Duration::from_secs(20);
    Limits { fetch: soon, push: soon, sign: soon }
}

/// The id of bytes as content.
fn blob(bytes: &[u8]) -> Raw {
    Raw::from(git2::Oid::hash_object(git2::ObjectType::Blob, bytes).unwrap().to_string())
}

fn head(upstream: &Upstream) -> Raw {
    Raw::from(upstream.head())
}

/// A proposal that writes bytes to a file which has others.
fn proposal(upstream: &Upstream, path: &str, before: Option<&[u8]>, after: &[u8]) -> Proposal {
    Proposal {
        goal: Goal { branch: Raw::from(MAIN), head: head(upstream), beside: None, operation: OperationId::read(ID).unwrap() },
        files: vec![File { path: Raw::from(path), blob: before.map(blob), bytes: Arc::from(after) }],
        preconditions: Vec::new(),
        message: "promote(dev): shop 2\n\nPromoted-To: dev\nImage: shop:2\n".to_owned(),
        author: Some(Person { name: "Ana Lys".to_owned(), email: "ana@acme.example".to_owned() }),
    }
}

/// An upstream with one service at `1`, and the proposal that moves it to `2`.
fn scene() -> (Upstream, Mine, Proposal) {
    let upstream = Upstream::new();
    upstream.commit("Ana", "import", &overlay("1"));
    let mine = Mine::of(&upstream);
    mine.mirror.make().unwrap();
    let proposal = proposal(&upstream, FILE, Some(kustomization("1").as_bytes()), kustomization("2").as_bytes());
    (upstream, mine, proposal)
}

fn kustomization(tag: &str) -> &'static str {
    overlay(tag)[2].1
}

async fn pushed(mine: &Mine, proposal: &Proposal) -> Outcome {
    push(&mine.remote, &mine.mirror, &Arc::new(proposal.clone()), limits()).await
}

async fn pushed_to(url: &str, mine: &Mine, proposal: &Proposal, limits: Limits) -> Outcome {
    push(&Remote::new(url, true), &mine.mirror, &Arc::new(proposal.clone()), limits).await
}

/// What git says about the upstream.
fn git(upstream: &Upstream, arguments: &[&str]) -> String {
    let mut command = Command::new("git");
    program::quiet(&mut command);
    program::isolate(&mut command);
    let output = command.arg("-C").arg(upstream.path()).args(arguments).output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

fn hook(upstream: &Upstream, name: &str, script: &str) {
    let file = upstream.path().join("hooks").join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    // Written beside and moved there: a file that is open for writing cannot be run.
    let beside = upstream.path().join("hook");
    std::fs::write(&beside, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&beside, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::rename(&beside, &file).unwrap();
}

fn commit_of(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Pushed { commit, .. } | Outcome::AlreadyThere { commit } => commit.as_wire(),
        other => panic!("{other:?}"),
    }
}

/// What lies aside in the mirror.
fn aside(mine: &Mine) -> usize {
    mine.mirror.open().unwrap().references_glob("refs/tiphys/*").unwrap().count()
}

#[tokio::test]
async fn a_commit_is_built_on_the_head_and_is_on_the_branch() {
    let (upstream, mine, proposal) = scene();
    let before = upstream.head();
    let outcome = pushed(&mine, &proposal).await;
    assert!(matches!(outcome, Outcome::Pushed { rebuilt: 0, link: None, .. }), "{outcome:?}");
    assert_eq!((commit_of(&outcome), upstream.log()), (upstream.head().as_str(), vec![upstream.head(), before]));
    assert_eq!(git(&upstream, &["log", "-1", "--format=%an <%ae> %cn <%ce>"]), "Ana Lys <ana@acme.example> Ana Lys <ana@acme.example>");
    let trailers = git(&upstream, &["log", "-1", "--format=%(trailers:only,unfold)"]);
    assert_eq!(trailers, format!("Promoted-To: dev\nImage: shop:2\nCockpit-Operation: {ID}"));
    let message = git(&upstream, &["log", "-1", "--format=%B"]);
    let mut parse = Command::new("git").args(["interpret-trailers", "--parse"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    write!(parse.stdin.take().unwrap(), "{message}").unwrap();
    assert_eq!(String::from_utf8(parse.wait_with_output().unwrap().stdout).unwrap().trim_end(), trailers);
    assert_eq!(git(&upstream, &["show", &format!("{MAIN}:{FILE}")]), kustomization("2").trim_end());
    assert_eq!(outcome.sentence(&Safe::clean("main of x")).as_str(), format!("{} is on main of x", upstream.head().get(..7).unwrap()));
    assert_eq!((outcome.has_landed(), aside(&mine)), (Some(true), 0), "nothing stays in the mirror beside objects");
}

#[tokio::test]
async fn modes_links_and_bytes_stay_as_they_are() {
    let upstream = Upstream::new();
    upstream.commit("Ana", "import", &overlay("1"));
    let git2 = git2::Repository::open_bare(upstream.path()).unwrap();
    let base = git2.find_commit(git2::Oid::from_str(&upstream.head()).unwrap()).unwrap();
    let mut update = git2::build::TreeUpdateBuilder::new();
    let odd: &[u8] = b"a: 1\r\n\xff\x00b: 2";
    update.upsert("bin/deploy", git2.blob(b"#!/bin/sh\n").unwrap(), git2::FileMode::BlobExecutable);
    update.upsert("bin/odd", git2.blob(odd).unwrap(), git2::FileMode::Blob);
    update.upsert("link", git2.blob(b"bin/odd").unwrap(), git2::FileMode::Link);
    update.upsert(".gitattributes", git2.blob(b"* text eol=lf\n").unwrap(), git2::FileMode::Blob);
    let tree = git2.find_tree(update.create_updated(&git2, &base.tree().unwrap()).unwrap()).unwrap();
    let who = git2::Signature::new("Ana", "a@x", &git2::Time::new(50, 0)).unwrap();
    git2.commit(Some(MAIN), &who, &who, "odd", &tree, &[&base]).unwrap();
    let mine = Mine::of(&upstream);
    mine.mirror.make().unwrap();
    let mut proposal = proposal(&upstream, "bin/deploy", Some(b"#!/bin/sh\n"), b"#!/bin/sh\nexit\n");
    let after: &[u8] = b"a: 2\r\n\xff\x00b: 2";
    proposal.files.push(File { path: Raw::from("bin/odd"), blob: Some(blob(odd)), bytes: Arc::from(after) });
    proposal.files.push(File { path: Raw::from("new/deep/file.yaml"), blob: None, bytes: Arc::from(&b"a: 1"[..]) });
    commit_of(&pushed(&mine, &proposal).await);
    let listed = git(&upstream, &["diff-tree", "-r", "--no-renames", "main^", "main"]);
    let modes: Vec<(&str, &str)> = listed.lines().map(|line| (line.get(1..14).unwrap(), line.rsplit('\t').next().unwrap())).collect();
    assert_eq!(modes, [("100755 100755", "bin/deploy"), ("100644 100644", "bin/odd"), ("000000 100644", "new/deep/file.yaml")]);
    assert!(git(&upstream, &["ls-tree", "main", "link"]).starts_with("120000 blob"));
    assert_eq!(git(&upstream, &["rev-parse", "main:bin/odd"]), blob(after).as_wire());
    // What is a link, a folder, or below a file, is none to write to.
    for (path, before) in [("link", Some(&b"bin/odd"[..])), ("bin", None), ("bin/odd/x", None), ("link", None)] {
        let outcome = pushed(
            &mine,
            &Proposal {
                goal: Goal { operation: OperationId::read(OTHER).unwrap(), ..proposal.goal.clone() },
                ..self::proposal(&upstream, path, before, b"x")
            },
        )
        .await;
        assert!(
            matches!(&outcome, Outcome::Moved { paths, .. } if paths.first().is_some_and(|moved| moved.as_wire() == path)),
            "{path}: {outcome:?}"
        );
    }
    for path in ["../x", "/x", "a//b", "a/.GIT/config", ""] {
        let outcome = pushed(&mine, &self::proposal(&upstream, path, None, b"x")).await;
        assert!(matches!(outcome, Outcome::Failed(_)), "{path}: {outcome:?}");
    }
}

/// Lets others push before each of the first `times` attempts are taken, each into the file.
fn race(upstream: &Upstream, times: usize, file: &'static str) {
    let mut tip = upstream.head();
    let mut all = Vec::new();
    for number in 0..times {
        let text = format!("number: {number}\n");
        tip = upstream.commit_on(None, &[&tip], 100 + i64::try_from(number).unwrap(), "Bo", "other", &[(file, text.leak())]);
        all.push(tip.clone());
    }
    std::fs::write(upstream.path().join("others"), all.join("\n") + "\n").unwrap();
    // Called once the objects are there, before the branch moves: whoever comes first wins.
    hook(
        upstream,
        "update",
        r#"next=$(head -n 1 others)
test -n "$next" || exit 0
sed 1d others > rest && mv rest others
git update-ref refs/heads/main "$next""#,
    );
}

#[tokio::test]
async fn a_race_for_another_file_is_won_on_the_new_head() {
    for times in 1..=4 {
        let (upstream, mine, proposal) = scene();
        race(&upstream, times, "other/x.yaml");
        let outcome = pushed(&mine, &proposal).await;
        assert!(matches!(outcome, Outcome::Pushed { rebuilt, .. } if usize::from(rebuilt) == times), "{times}: {outcome:?}");
        let log = upstream.log();
        assert_eq!((log.len(), commit_of(&outcome)), (times + 2, upstream.head().as_str()), "all of theirs are there, and one of ours");
    }
}

#[tokio::test]
async fn a_race_that_others_always_win_ends() {
    let (upstream, mine, proposal) = scene();
    race(&upstream, 20, "other/x.yaml");
    let outcome = pushed(&mine, &proposal).await;
    assert!(matches!(outcome, Outcome::Busy { .. }), "{outcome:?}");
    assert_eq!(upstream.log().len(), usize::from(REBUILDS) + 2, "theirs alone are there");
    assert!(outcome.has_landed() == Some(false) && outcome.cure().is_some(), "{outcome:?}");
}

#[tokio::test]
async fn a_race_for_what_the_plan_rests_on_is_lost_and_says_to_whom() {
    let (upstream, mine, mut proposal) = scene();
    race(&upstream, 1, FILE);
    let outcome = pushed(&mine, &proposal).await;
    let Outcome::Moved { paths, by } = &outcome else { panic!("{outcome:?}") };
    assert_eq!((paths.as_slice(), by.len(), by[0].author.as_str()), (&[Raw::from(FILE)][..], 1, "Bo"));
    let place = Safe::clean("main of x");
    assert!(
        outcome.sentence(&place).as_str().starts_with(&format!("{FILE} changed on main of x since the plan was made (")),
        "{}",
        outcome.sentence(&place)
    );
    assert_eq!(upstream.log().len(), 2);
    // What it rests on without touching it counts as much.
    let (upstream, mine, fresh) = scene();
    proposal = fresh;
    let must = |path: &str, expects: Expects| Precondition { reference: Raw::from(MAIN), path: Raw::from(path), expects };
    let names = |names: &[&str]| Expects::Names(names.iter().map(|name| Raw::from(*name)).collect());
    let holds = [
        must("shop/base/kustomization.yaml", Expects::Blob(blob(b"resources: [deployment.yaml]\n"))),
        must("shop/dev/.argocd-source.yaml", Expects::Nothing),
        must("shop", names(&["base", "dev"])),
        must("nowhere", names(&[])),
    ];
    for wrong in [
        must("shop/base/kustomization.yaml", Expects::Blob(blob(b"other"))),
        must("shop/base/deployment.yaml", Expects::Nothing),
        must("shop/base", names(&["kustomization.yaml"])),
        must("", names(&["other", "shop"])),
        must("gone.yaml", Expects::Blob(blob(b"x"))),
    ] {
        proposal.preconditions = [&holds[..], std::slice::from_ref(&wrong)].concat();
        let outcome = pushed(&mine, &proposal).await;
        assert!(matches!(&outcome, Outcome::Moved { paths, .. } if *paths == [wrong.path.clone()]), "{wrong:?}: {outcome:?}");
    }
    assert_eq!(upstream.log().len(), 1);
    upstream.commit_on(Some("values"), &[], 5, "Bo", "values", &[("v.yaml", "a: 1\n")]);
    proposal.preconditions = holds.to_vec();
    let elsewhere = |text: &[u8]| Precondition { reference: Raw::from("refs/heads/values"), ..must("v.yaml", Expects::Blob(blob(text))) };
    proposal.preconditions.push(elsewhere(b"a: 2\n"));
    assert!(matches!(pushed(&mine, &proposal).await, Outcome::Moved { .. }), "another branch counts too");
    let alone = async |preconditions: &[Precondition]| moved(&mine.remote, &mine.mirror, preconditions, limits()).await.unwrap();
    assert_eq!((alone(&proposal.preconditions).await, alone(&holds).await, alone(&[]).await), (vec![Raw::from("v.yaml")], vec![], vec![]));
    proposal.preconditions.pop();
    proposal.preconditions.push(elsewhere(b"a: 1\n"));
    commit_of(&pushed(&mine, &proposal).await);
}

#[tokio::test]
async fn what_was_carried_out_is_not_pushed_again() {
    let (upstream, mine, proposal) = scene();
    let first = pushed(&mine, &proposal).await;
    upstream.commit("Bo", "other", &[("other/x.yaml", "a: 1\n")]);
    let again = pushed(&mine, &proposal).await;
    assert_eq!(again, Outcome::AlreadyThere { commit: Raw::from(commit_of(&first)) });
    // A forge that squashes leaves the line in the midst of the message.
    let (upstream, mine, proposal) = scene();
    let squashed = upstream.commit("Bo", &format!("Merge (#7)\n\n* promote\n\nCockpit-Operation: {ID}\n\n* words\n"), &overlay("2"));
    assert_eq!(pushed(&mine, &proposal).await, Outcome::AlreadyThere { commit: Raw::from(squashed) });
    // Another operation's id is not this one.
    let (upstream, mine, proposal) = scene();
    upstream.commit("Bo", &format!("other\n\nCockpit-Operation: {OTHER}\n"), &[("other/x.yaml", "a: 1\n")]);
    assert!(matches!(pushed(&mine, &proposal).await, Outcome::Pushed { .. }));
}

#[tokio::test]
async fn the_same_operation_carried_out_at_once_is_one_commit() {
    let (upstream, mine, proposal) = scene();
    let other = Mine::of(&upstream);
    other.mirror.make().unwrap();
    let outcomes = tokio::join!(pushed(&mine, &proposal), pushed(&mine, &proposal), pushed(&other, &proposal));
    for outcome in [&outcomes.0, &outcomes.1, &outcomes.2] {
        assert_eq!(commit_of(outcome), upstream.head(), "{outcomes:?}");
    }
    assert_eq!((upstream.log().len(), aside(&mine), aside(&other)), (2, 0, 0));
}

#[tokio::test]
async fn a_hook_that_declines_is_quoted_and_nothing_is_pushed() {
    for (name, script, is_protected) in [
        ("pre-receive", "echo 'no ticket \u{1b}[31min the message' >&2; echo 'ask ops' >&2; exit 1", false),
        ("update", "echo 'no ticket in the message' >&2; exit 1", false),
        ("pre-receive", "echo 'error: GH006: Protected branch update failed for refs/heads/main.' >&2; exit 1", true),
        ("pre-receive", "echo 'GitLab: You are not allowed to push code to protected branches on this project.' >&2; exit 1", true),
    ] {
        let (upstream, mine, proposal) = scene();
        hook(&upstream, name, script);
        let outcome = pushed(&mine, &proposal).await;
        let sentence = outcome.sentence(&Safe::clean("main")).to_string();
        match &outcome {
            Outcome::Protected { .. } => assert!(is_protected, "{sentence}"),
            Outcome::Rejected { words } => assert!(!is_protected && words.first().unwrap().as_str().starts_with("no ticket"), "{words:?}"),
            other => panic!("{other:?}"),
        }
        assert!(!sentence.contains('\u{1b}') && outcome.cure().is_some(), "{sentence}");
        assert_eq!((upstream.log().len(), outcome.has_landed()), (1, Some(false)));
    }
}

#[tokio::test]
async fn a_pull_request_gets_a_branch_of_its_own() {
    let (upstream, mine, mut proposal) = scene();
    let folder = upstream.path().parent().unwrap().to_owned();
    let host = serve_by(folder, None, Arc::new(|_: &str, _: &str| Fate::Answered)).await;
    hook(&upstream, "post-receive", &format!("echo 'Create a pull request:' >&2; echo '  http://{host}/acme/x/pull/new/y' >&2"));
    proposal.goal.beside = Some(own_branch(&proposal.goal.operation));
    let url = format!("http://{host}/gitops.git");
    let outcome = pushed_to(&url, &mine, &proposal, limits()).await;
    let Outcome::Pushed { commit, link: Some(link), .. } = &outcome else { panic!("{outcome:?}") };
    assert_eq!(link.as_str(), format!("http://{host}/acme/x/pull/new/y"));
    assert_eq!(git(&upstream, &["rev-parse", &format!("refs/heads/tiphys/{ID}")]), commit.as_wire());
    assert_eq!(git(&upstream, &["rev-parse", &format!("refs/heads/tiphys/{ID}^")]), upstream.head(), "on the head of main, which stays where it is");
    assert_eq!(pushed(&mine, &proposal).await, Outcome::AlreadyThere { commit: commit.clone() });
    git(&upstream, &["update-ref", &format!("refs/heads/tiphys/{ID}"), &upstream.head()]);
    assert_eq!(pushed(&mine, &proposal).await, Outcome::Taken);
    git(&upstream, &["update-ref", "-d", &format!("refs/heads/tiphys/{ID}")]);
    // One of a similar name is another.
    git(&upstream, &["update-ref", &format!("refs/heads/tiphys/{ID}8"), &upstream.head()]);
    assert!(matches!(pushed(&mine, &proposal).await, Outcome::Pushed { .. }));
}

#[tokio::test]
async fn who_may_not_push_is_told_so() {
    let (upstream, mine, proposal) = scene();
    let folder = upstream.path().parent().unwrap().to_owned();
    for (method, status) in [("GET", 401), ("GET", 403), ("POST", 401), ("POST", 403)] {
        let decides = move |asked: &str, target: &str| {
            if asked == method && target.contains("receive-pack") { Fate::Refused(status) } else { Fate::Answered }
        };
        let host = serve_by(folder.clone(), None, Arc::new(decides)).await;
        let outcome = pushed_to(&format!("http://bot:s3cr3t@{host}/gitops.git"), &mine, &proposal, limits()).await;
        assert!(matches!(outcome, Outcome::Denied(_)) && outcome.cure().is_some(), "{method} {status}: {outcome:?}");
        assert!(!format!("{outcome:?}").contains("s3cr3t"), "{outcome:?}");
    }
    let nowhere = format!("file://{}/nowhere.git", folder.display());
    assert!(matches!(pushed_to(&nowhere, &mine, &proposal, limits()).await, Outcome::Gone(_)));
    let outcome = pushed_to("http://127.0.0.1:9/x.git", &mine, &proposal, limits()).await;
    assert!(matches!(outcome, Outcome::Unreachable(_)), "{outcome:?}");
    let mut other = proposal.clone();
    other.goal.branch = Raw::from("refs/heads/nowhere");
    let outcome = pushed(&mine, &other).await;
    assert!(matches!(outcome, Outcome::Gone(_)), "{outcome:?}");
    assert_eq!((upstream.log().len(), aside(&mine)), (1, 0));
}

#[tokio::test]
async fn a_lost_answer_is_unknown_until_it_is_read() {
    for (fate, has_landed) in [(Fate::Lost, false), (Fate::Unanswered, true), (Fate::Refused(502), false), (Fate::Silent, false)] {
        let (upstream, mine, proposal) = scene();
        let folder = upstream.path().parent().unwrap().to_owned();
        let decides = move |method: &str, target: &str| if method == "POST" && target.contains("receive-pack") { fate } else { Fate::Answered };
        let url = format!("http://{}/gitops.git", serve_by(folder, None, Arc::new(decides)).await);
        let limits = Limits { push: if fate == Fate::Silent { Duration::from_secs(1) } else { limits().push }, ..limits() };
        let outcome = pushed_to(&url, &mine, &proposal, limits).await;
        let Outcome::Unknown { commit: Some(commit), .. } = &outcome else { panic!("{fate:?}: {outcome:?}") };
        assert_eq!(outcome.has_landed(), None);
        for known in [Some(commit), None] {
            let read = landed(&mine.remote, &mine.mirror, &proposal.goal, known, self::limits()).await;
            assert_eq!(read, if has_landed { Landed::Yes(commit.clone()) } else { Landed::No }, "{fate:?}");
        }
        // Whoever tries again makes no second one.
        commit_of(&pushed(&mine, &proposal).await);
        assert_eq!(upstream.log().len(), 2, "{fate:?}");
    }
    let (_upstream, mine, proposal) = scene();
    let read = landed(&Remote::new("http://127.0.0.1:9/x.git", true), &mine.mirror, &proposal.goal, None, limits()).await;
    assert!(matches!(read, Landed::Unknown(_)), "{read:?}");
}

#[tokio::test]
async fn a_push_that_was_cut_before_anything_was_sent_changed_nothing() {
    let (upstream, mine, proposal) = scene();
    let folder = upstream.path().parent().unwrap().to_owned();
    for fate in [Fate::Lost, Fate::Refused(502)] {
        let decides = move |method: &str, target: &str| if method == "GET" && target.contains("receive-pack") { fate } else { Fate::Answered };
        let url = format!("http://{}/gitops.git", serve_by(folder.clone(), None, Arc::new(decides)).await);
        let outcome = pushed_to(&url, &mine, &proposal, limits()).await;
        assert!(matches!(outcome, Outcome::Unreachable(_)), "{fate:?}: {outcome:?}");
    }
    assert_eq!(upstream.log().len(), 1);
}

#[tokio::test]
async fn somebody_who_pushes_between_the_look_and_the_push_is_not_overwritten() {
    let (upstream, mine, proposal) = scene();
    let folder = upstream.path().parent().unwrap().to_owned();
    let theirs = upstream.commit_on(None, &[&upstream.head()], 90, "Bo", "other", &[("other/x.yaml", "a: 1\n")]);
    let (path, asked) = (upstream.path(), AtomicUsize::new(0));
    let decides = move |method: &str, target: &str| {
        if method == "GET" && target.contains("receive-pack") && asked.fetch_add(1, Ordering::Relaxed) == 0 {
            let git = git2::Repository::open_bare(&path).unwrap();
            git.reference(MAIN, git2::Oid::from_str(&theirs).unwrap(), true, "theirs").unwrap();
        }
        Fate::Answered
    };
    let url = format!("http://{}/gitops.git", serve_by(folder, None, Arc::new(decides)).await);
    let outcome = pushed_to(&url, &mine, &proposal, limits()).await;
    assert!(matches!(outcome, Outcome::Pushed { rebuilt: 1, .. }), "{outcome:?}");
    assert_eq!(upstream.log().len(), 3);
}

/// A configuration of git's own for a test.
fn configured(mine: &Mine, upstream: &Upstream, text: &str) -> Remote {
    let file = mine.folder.path().join("gitconfig");
    std::fs::write(&file, text).unwrap();
    Remote::new(&upstream.url(), true).configured_by(&file)
}

#[tokio::test]
async fn a_commit_is_by_whoever_git_says_or_is_not_made() {
    let (upstream, mine, mut proposal) = scene();
    proposal.author = None;
    for config in ["", "[user]\n\tname = Bo\n", "[user]\n\tname = ''\n\temail = bo@acme.example\n"] {
        let remote = configured(&mine, &upstream, config);
        let outcome = push(&remote, &mine.mirror, &Arc::new(proposal.clone()), limits()).await;
        assert!(matches!(outcome, Outcome::NoIdentity { .. }), "{config}: {outcome:?}");
        assert!(outcome.cure().unwrap().as_str().contains("user.email"));
    }
    assert_eq!(upstream.log().len(), 1);
    let remote =
        configured(&mine, &upstream, "[user]\n\tname = Bo\n\temail = bo@acme.example\n[push]\n\tfollowTags = true\n[core]\n\tautocrlf = true\n");
    let rehearsed = rehearse(&remote, &mine.mirror, None, limits()).await;
    assert_eq!(rehearsed.identity.unwrap().as_str(), "Bo <bo@acme.example>");
    let outcome = push(&remote, &mine.mirror, &Arc::new(proposal), limits()).await;
    commit_of(&outcome);
    assert_eq!(git(&upstream, &["log", "-1", "--format=%an <%ae> %cn"]), "Bo <bo@acme.example> Bo");
}

/// A new key in the folder of a test; `None`: there is no `ssh-keygen` on this machine.
fn key(mine: &Mine, name: &str, passphrase: &str) -> Option<std::path::PathBuf> {
    let file = mine.folder.path().join(name);
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", passphrase, "-C", "test", "-f"]).arg(&file).stdin(Stdio::null()).status();
    made.is_ok_and(|status| status.success()).then_some(file)
}

#[tokio::test]
async fn a_commit_is_signed_as_the_persons_git_says_and_nobody_is_asked() {
    let (upstream, mine, proposal) = scene();
    let (Some(open), Some(closed)) = (key(&mine, "open", ""), key(&mine, "closed", "s3cr3t")) else {
        println!("skipped: there is no ssh-keygen");
        return;
    };
    let signing = |key: &Path| {
        let lines = format!("[commit]\n\tgpgSign = true\n[gpg]\n\tformat = ssh\n[user]\n\tsigningKey = {}\n", key.display());
        configured(&mine, &upstream, &lines)
    };
    mine.fetch().await;
    for (file, needs_hand) in [(closed.clone(), true), (mine.folder.path().join("nowhere"), false)] {
        let remote = signing(&file);
        let outcome = push(&remote, &mine.mirror, &Arc::new(proposal.clone()), limits()).await;
        let Outcome::CannotSign(unsigned) = &outcome else { panic!("{outcome:?}") };
        assert_eq!(unsigned.needs_hand, needs_hand, "{unsigned:?}");
        let rehearsed = rehearse(&remote, &mine.mirror, proposal.author.as_ref(), limits()).await;
        assert!(matches!(rehearsed.signature, Err(Outcome::CannotSign(_))) && rehearsed.push.is_ok(), "{rehearsed:?}");
    }
    // Git names only the public half: the other one would be in an agent.
    let public = std::fs::read_to_string(open.with_extension("pub")).unwrap();
    let literal = format!("[commit]\n\tgpgSign = true\n[gpg]\n\tformat = ssh\n[user]\n\tsigningKey = \"key::{}\"\n", public.trim());
    for (config, needs_hand) in [
        (literal.as_str(), true),
        ("[commit]\n\tgpgSign = true\n[gpg]\n\tprogram = /nowhere/gpg\n", false),
        ("[commit]\n\tgpgSign = true\n[gpg]\n\tformat = ssh\n", false),
    ] {
        let outcome = push(&configured(&mine, &upstream, config), &mine.mirror, &Arc::new(proposal.clone()), limits()).await;
        let Outcome::CannotSign(unsigned) = &outcome else { panic!("{config}: {outcome:?}") };
        assert_eq!(unsigned.needs_hand, needs_hand, "{unsigned:?}");
    }
    assert_eq!(upstream.log().len(), 1);
    let remote = signing(&open);
    let signature = rehearse(&remote, &mine.mirror, proposal.author.as_ref(), limits()).await.signature;
    assert!(signature.as_ref().is_ok_and(Option::is_some), "{signature:?}");
    commit_of(&push(&remote, &mine.mirror, &Arc::new(proposal), limits()).await);
    let allowed = mine.folder.path().join("allowed");
    std::fs::write(&allowed, format!("ana@acme.example {public}")).unwrap();
    git(&upstream, &["-c", &format!("gpg.ssh.allowedSignersFile={}", allowed.display()), "verify-commit", "main"]);
}

#[tokio::test]
async fn a_rehearsal_changes_nothing_and_says_what_would_fail() {
    let (upstream, mine, _) = scene();
    let person = Some(&Person { name: "Ana".into(), email: "ana@acme.example".into() });
    assert!(matches!(rehearse(&mine.remote, &mine.mirror, person, limits()).await.push, Err(Outcome::Failed(_))));
    mine.fetch().await;
    let well = rehearse(&mine.remote, &mine.mirror, person, limits()).await;
    assert!(well.push.is_ok() && well.signature == Ok(None) && well.identity.unwrap().as_str() == "Ana <ana@acme.example>");
    assert_eq!(git(&upstream, &["for-each-ref", "--format=%(refname)"]), MAIN);
    let folder = upstream.path().parent().unwrap().to_owned();
    let decides = |_: &str, target: &str| if target.contains("receive-pack") { Fate::Refused(403) } else { Fate::Answered };
    let remote = Remote::new(&format!("http://{}/gitops.git", serve_by(folder, None, Arc::new(decides)).await), true);
    let denied = rehearse(&remote, &mine.mirror, None, limits()).await;
    assert!(matches!((&denied.push, &denied.identity), (Err(Outcome::Denied(_)), Err(Outcome::NoIdentity { .. }))), "{denied:?}");
}
