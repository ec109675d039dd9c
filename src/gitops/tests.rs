//! Real repositories → what they want, and how it came about.

mod backend;
mod prepare;
mod push;
mod render;
pub(crate) mod upstream;

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use upstream::{Upstream, overlay, tags};

use super::network::TroubleKind;
use super::*;
use crate::base::{Raw, Timestamp};
use crate::domain::AppKey;
use crate::domain::application::Origin;
use crate::domain::desired::{Address, Desired, ValueKeys, Wish};
use crate::domain::testing::app_key;

const T0: Timestamp = Timestamp::UNIX_EPOCH;

fn origin(target: Option<&str>) -> Origin {
    Origin {
        repository: Raw::from("https://git.example/gitops.git"),
        path: Some(Raw::from("shop/dev")),
        target_revision: target.map(Raw::from),
        ..Origin::default()
    }
}

fn wish(target: Option<&str>, revision: Option<&str>) -> (AppKey, Option<Wish>) {
    (app_key("shop-dev"), Some(Wish { origins: Box::new([origin(target)]), revisions: revision.map(Raw::from).into_iter().collect() }))
}

/// A mirror of its own and its reader.
struct Mine {
    folder: TempDir,
    mirror: Mirror,
    remote: Remote,
}

impl Mine {
    fn of(upstream: &Upstream) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mirror = Mirror::of(&folder.path().join("mirrors"), &Address::read("https://git.example/gitops.git"));
        Self { folder, mirror, remote: Remote::new(&upstream.url(), true) }
    }

    async fn fetch(&self) {
        self.mirror.make().unwrap();
        self.remote.fetch(self.mirror.folder()).await.unwrap();
        if let Some(branch) = self.remote.default_branch(self.mirror.folder()).await.unwrap() {
            self.mirror.open().unwrap().set_head(&branch).unwrap();
        }
    }

    fn reader(&self) -> Reader {
        let addresses = vec![Address::read("https://git.example/gitops.git")];
        Reader::new(Raw::from("gitops"), self.mirror.clone(), addresses, ValueKeys::default())
    }

    async fn fetched(&self, reader: &mut Reader) -> Vec<(AppKey, Desired)> {
        self.fetch().await;
        reader.fetched(T0).unwrap();
        reader.read().unwrap()
    }
}

fn told(desired: &Desired) -> Vec<(String, String, String)> {
    let one = |change: &crate::domain::desired::Change| (tags(&change.images), change.commit.author.to_string(), change.commit.subject.to_string());
    desired.history.iter().map(one).collect()
}

fn line(tag: &str, author: &str, subject: &str) -> (String, String, String) {
    (tag.to_owned(), author.to_owned(), subject.to_owned())
}

#[tokio::test]
async fn the_history_is_the_commits_that_changed_what_is_wanted() {
    let upstream = Upstream::new();
    upstream.commit("Ana", "import", &overlay("1.0"));
    upstream.commit("Bo", "other", &[("other/x.yaml", "a: 1\n")]);
    upstream.commit("Cem", "promote to 1.10", &overlay("1.10"));
    upstream.commit("Dan", "words", &[("shop/dev/kustomization.yaml", "# words\nresources: [../base]\nimages: [{name: shop, newTag: 1.10}]\n")]);
    let broken = upstream.commit("Eve", "broken", &[("shop/dev/kustomization.yaml", "resources: [\n")]);
    upstream.commit("Flo", "mended, and promoted", &overlay("2.0"));
    let mine = Mine::of(&upstream);
    let mut reader = mine.reader();
    assert!(reader.ask(vec![wish(None, Some(&broken))]), "there is no mirror yet: something is to be fetched");
    let answers = mine.fetched(&mut reader).await;
    let [(key, desired)] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!((key, desired.revision.as_wire(), desired.repository.as_wire()), (&app_key("shop-dev"), upstream.head().as_str(), "gitops"));
    assert_eq!(desired.file.as_ref().unwrap().as_wire(), "shop/dev/kustomization.yaml");
    assert_eq!(told(desired), [line("2.0", "Flo", "mended, and promoted"), line("1.10", "Cem", "promote to 1.10"), line("1.0", "Ana", "import")]);
    assert!(desired.is_whole && desired.compared.is_none(), "nothing was readable at the commit that it was compared with");

    upstream.commit("Bo", "other again", &[("other/x.yaml", "a: 2\n")]);
    assert_eq!(mine.fetched(&mut reader).await, [], "what does not concern it is no news");
    let first = upstream.log().pop().unwrap();
    reader.ask(vec![wish(None, Some(&first))]);
    let answers = reader.read().unwrap();
    assert_eq!(tags(answers[0].1.compared.as_ref().unwrap()), "1.0");
    reader.ask(vec![wish(None, Some(&upstream.head()))]);
    assert_eq!(tags(reader.read().unwrap()[0].1.compared.as_ref().unwrap()), "2.0");
    // Another process begins with what is on disk.
    let mut other = mine.reader();
    other.ask(vec![wish(None, None)]);
    other.fetched(T0).unwrap();
    assert_eq!(told(&other.read().unwrap()[0].1).len(), 3);
}

#[tokio::test]
async fn what_a_merge_brought_is_of_whoever_wrote_it() {
    let upstream = Upstream::new();
    let base = upstream.commit("Ana", "import", &overlay("1"));
    upstream.commit("Bo", "other", &[("other/x.yaml", "a: 1\n")]);
    let side = upstream.commit_on(Some("side"), &[&base], 50, "Cem", "promote to 2", &overlay("2"));
    let side = upstream.commit_on(Some("side"), &[&side], 60, "Dan", "more", &[("side.txt", "x")]);
    upstream.commit_on(
        Some("main"),
        &[&upstream.head(), &side],
        500,
        "Merger",
        "Merge #7",
        &[overlay("2").as_slice(), &[("side.txt", "x")]].concat(),
    );
    let mine = Mine::of(&upstream);
    let mut reader = mine.reader();
    reader.ask(vec![wish(Some("main"), None)]);
    let answers = mine.fetched(&mut reader).await;
    assert_eq!(told(&answers[0].1), [line("2", "Cem", "promote to 2"), line("1", "Ana", "import")]);
    assert_eq!(answers[0].1.history[0].commit.at.as_second(), 500, "it counts from when it landed");
}

#[tokio::test]
async fn branches_tags_and_commits_are_read_and_what_is_not_there_is_said() {
    let upstream = Upstream::new();
    let first = upstream.commit("Ana", "import", &overlay("1"));
    upstream.commit("Bo", "next", &overlay("2"));
    upstream.commit_on(Some("env/prod"), &[&first], 50, "Cem", "prod", &overlay("3"));
    upstream.tag("v1", &first);
    let mine = Mine::of(&upstream);
    let read = async |target: &str| {
        let mut reader = mine.reader();
        reader.ask(vec![wish(Some(target), None)]);
        mine.fetch().await;
        reader.fetched(T0).unwrap();
        reader.read().unwrap().remove(0).1
    };
    for (target, tag, changes) in [
        ("main", "2", 2),
        ("env/prod", "3", 2),
        ("v1", "1", 1),
        ("HEAD", "2", 2),
        (&first, "1", 1),
        (first.get(..8).unwrap(), "1", 1),
        ("refs/heads/main", "2", 2),
    ] {
        let desired = read(target).await;
        assert_eq!((tags(desired.images.as_known().unwrap()).as_str(), desired.history.len()), (tag, changes), "{target}");
    }
    for (target, why) in [("gone", "there is no branch, tag or commit 'gone'"), ("1.*", "'1.*' is a range of versions, which is not read here")] {
        let desired = read(target).await;
        assert_eq!(desired.images, crate::domain::Known::unknown(why));
    }
    upstream.commit("Bo", "away", &[("shop/dev/kustomization.yaml", ""), ("shop/base/deployment.yaml", ""), ("shop/base/kustomization.yaml", "")]);
    let desired = read("main").await;
    assert_eq!(desired.images, crate::domain::Known::unknown("the path shop/dev is not there"));
    assert_eq!(told(&desired).len(), 2, "what was wanted before it went is history");
}

#[tokio::test]
async fn rewritten_history_is_followed_and_said() {
    let upstream = Upstream::new();
    let first = upstream.commit("Ana", "import", &overlay("1"));
    upstream.commit("Bo", "wrong", &overlay("2"));
    let mine = Mine::of(&upstream);
    let mut reader = mine.reader();
    reader.ask(vec![wish(None, None)]);
    assert_eq!(mine.fetched(&mut reader).await[0].1.remark, None);
    upstream.commit_on(Some("main"), &[&first], 70, "Cem", "right", &overlay("3"));
    let answers = mine.fetched(&mut reader).await;
    assert_eq!(told(&answers[0].1), [line("3", "Cem", "right"), line("1", "Ana", "import")]);
    assert_eq!(answers[0].1.remark.as_ref().unwrap().as_str(), "The history of main was rewritten (seen 1970-01-01T00:00:00Z)");
}

#[tokio::test]
async fn an_index_that_is_torn_or_wrong_is_made_anew() {
    let upstream = Upstream::new();
    for tag in ["1", "2", "3"] {
        upstream.commit("Ana", tag, &overlay(tag));
    }
    let mine = Mine::of(&upstream);
    mine.fetch().await;
    let read = || {
        let mut reader = mine.reader();
        reader.ask(vec![wish(None, None)]);
        reader.fetched(T0).unwrap();
        told(&reader.read().unwrap()[0].1).len()
    };
    assert_eq!(read(), 3);
    let file = mine.mirror.index();
    let whole = std::fs::read(&file).unwrap();
    let git = mine.mirror.open().unwrap();
    assert_eq!(index::Index::load(&file).len(), 3);
    for bytes in [&b""[..], b"something else", &whole[..whole.len() - 3], &[&whole[..], b"torn"].concat(), &{
        let mut wrong = whole.clone();
        let place = wrong.len() - 5;
        wrong[place] ^= 0xff;
        wrong
    }] {
        std::fs::File::create(&file).unwrap().write_all(bytes).unwrap();
        assert_eq!(read(), 3);
        assert_eq!(index::Index::load(&file).missing(&git, git.head().unwrap().target().unwrap(), 9).unwrap(), 0, "it is mended on disk");
    }
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(mine.mirror.folder()), mode(mine.folder.path().join("mirrors").as_path()), mode(&file)), (0o700, 0o700, 0o600));
}

/// What a program tells that begins with what is on disk, and of how many answers it found there.
fn warm(mine: &Mine, wishes: Vec<(AppKey, Option<Wish>)>) -> (Vec<(AppKey, Desired)>, usize) {
    let saved = saved::load(&mine.mirror.answers(), &Raw::from("gitops")).len();
    let mut reader = mine.reader();
    reader.ask(wishes);
    reader.fetched(T0).unwrap();
    (reader.read().unwrap(), saved)
}

#[tokio::test]
async fn a_second_run_begins_with_the_answers_of_the_first_and_tells_the_same() {
    let upstream = Upstream::new();
    let first = upstream.commit("Ana", "import", &overlay("1"));
    upstream.commit("Bo", "promote to 2", &overlay("2"));
    upstream.commit("Bo", "broken", &[("shop/dev/kustomization.yaml", "resources: [\n")]);
    upstream.commit("Cem", "promote to 3", &overlay("3"));
    let mine = Mine::of(&upstream);
    let mut reader = mine.reader();
    reader.ask(vec![wish(None, Some(&first))]);
    let cold = mine.fetched(&mut reader).await;
    assert_eq!(warm(&mine, vec![wish(None, Some(&first))]), (cold.clone(), 1));
    // The branch went on: what was told before is the end of what is told now, as if all of it were read anew.
    for (what, files) in [
        ("other", vec![("other/x.yaml", "a: 1\n")]),
        ("promote to 4", overlay("4")),
        ("words", vec![("shop/base/kustomization.yaml", "resources: [deployment.yaml]\n# words\n")]),
    ] {
        upstream.commit("Dan", what, &files);
        mine.fetch().await;
        let (told, _) = warm(&mine, vec![wish(None, None)]);
        std::fs::remove_file(mine.mirror.answers()).unwrap();
        let (mut anew, saved) = warm(&mine, vec![wish(None, None)]);
        if what == "other" {
            // What does not concern it is not told.
            anew[0].1.revision = told[0].1.revision.clone();
        }
        assert_eq!((told, saved), (anew, 0), "{what}");
    }
    // Other origins are another question.
    let (key, other) = wish(None, None);
    let mut other = other.unwrap();
    other.origins[0].images = Box::new([Raw::from("shop=shop:9")]);
    let (told, saved) = warm(&mine, vec![(key, Some(other))]);
    assert_eq!((tags(told[0].1.images.as_known().unwrap()).as_str(), saved), ("9", 1));
    // History that was rewritten is not what it was.
    upstream.commit_on(Some("main"), &[&first], 70, "Eve", "another way", &overlay("7"));
    mine.fetch().await;
    assert_eq!(self::told(&warm(&mine, vec![wish(None, None)]).0[0].1), [line("7", "Eve", "another way"), line("1", "Ana", "import")]);
}

#[tokio::test]
async fn answers_on_disk_that_are_torn_or_wrong_count_as_none() {
    let upstream = Upstream::new();
    upstream.commit("Ana", "import", &overlay("1"));
    let mine = Mine::of(&upstream);
    let mut reader = mine.reader();
    reader.ask(vec![wish(None, None)]);
    let told = mine.fetched(&mut reader).await;
    let file = mine.mirror.answers();
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let whole = std::fs::read(&file).unwrap();
    for place in 0..whole.len() {
        std::fs::write(&file, &whole[..place]).unwrap();
        assert_eq!(saved::load(&file, &Raw::default()).len(), 0, "cut at {place}");
        let mut wrong = whole.clone();
        wrong[place] ^= 0xff;
        std::fs::write(&file, &wrong).unwrap();
        assert_eq!(saved::load(&file, &Raw::default()).len(), 0, "changed at {place}");
    }
    assert_eq!(warm(&mine, vec![wish(None, None)]), (told, 0));
}

#[tokio::test]
async fn two_cockpits_share_one_mirror() {
    let upstream = Upstream::new();
    upstream.commit("Ana", "import", &overlay("1"));
    let mine = Mine::of(&upstream);
    let lock = mine.mirror.lock().unwrap();
    assert!(lock.is_some() && mine.mirror.lock().unwrap().is_none());
    drop(lock);
    let (mut one, mut other) = (mine.reader(), mine.reader());
    for reader in [&mut one, &mut other] {
        reader.ask(vec![wish(None, None)]);
        assert_eq!(mine.fetched(reader).await.len(), 1);
    }
    upstream.commit("Bo", "next", &overlay("2"));
    mine.fetch().await;
    for reader in [&mut one, &mut other] {
        reader.fetched(T0).unwrap();
        assert_eq!(told(&reader.read().unwrap()[0].1).len(), 2);
    }
    assert_eq!(index::Index::load(&mine.mirror.index()).len(), 2, "each commit is kept once");
}

#[tokio::test]
async fn what_keeps_a_remote_from_being_fetched_is_told_with_its_cure() {
    let folder = tempfile::tempdir().unwrap();
    let mirror = Mirror::of(folder.path(), &Address::read("x"));
    mirror.make().unwrap();
    let nowhere = format!("file://{}/nowhere.git", folder.path().display());
    for (url, kind, why) in [
        (nowhere.as_str(), TroubleKind::Gone, "there is no repository at file://"),
        ("http://127.0.0.1:9/x.git", TroubleKind::Lost, "unable to access 'http://127.0.0.1:9/x.git/'"),
        ("http://bot:s3cr3t@127.0.0.1:9/x.git", TroubleKind::Lost, "unable to access 'http://127.0.0.1:9/x.git/'"),
        ("ext::sh -c 'touch /tmp/never'", TroubleKind::Broken, "transport 'ext' not allowed"),
    ] {
        let trouble = Remote::new(url, true).fetch(mirror.folder()).await.unwrap_err();
        assert_eq!(trouble.kind, kind, "{trouble:?}");
        assert!(trouble.why.as_str().starts_with(why) && !format!("{trouble:?}").contains("s3cr3t"), "{url}: {trouble:?}");
        assert_eq!(trouble.cure.is_some(), kind == TroubleKind::Gone, "{trouble:?}");
    }
}

#[tokio::test]
async fn a_remote_that_says_nothing_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mirror = Mirror::of(folder.path(), &Address::read("x"));
    mirror.make().unwrap();
    let remote = Remote::new(&format!("git://{}/x.git", listener.local_addr().unwrap()), true).silent_for(Duration::from_millis(300));
    let trouble = remote.fetch(mirror.folder()).await.unwrap_err();
    assert_eq!((trouble.kind, trouble.why.as_str()), (TroubleKind::Lost, "the remote said nothing for 1 s"));
}

#[tokio::test]
async fn a_mirror_of_many_packs_becomes_one_of_few_and_says_what_it_said() {
    let upstream = Upstream::new();
    for number in 0..32 {
        upstream.commit("Ana", "next", &overlay(&number.to_string()));
    }
    let mine = Mine::of(&upstream);
    let mut reader = mine.reader();
    reader.ask(vec![wish(None, None)]);
    let told = mine.fetched(&mut reader).await;
    let folder = mine.mirror.folder().join("objects/pack");
    let packs =
        || std::fs::read_dir(&folder).map_or(0, |files| files.flatten().filter(|file| file.path().extension() == Some("pack".as_ref())).count());
    mine.mirror.tidy().await.unwrap();
    assert_eq!(packs(), 1, "what came at once is one");
    for id in upstream.log() {
        let mut git =
            program::local(mine.mirror.folder()).args(["pack-objects", "--quiet", "objects/pack/pack"]).stdin(Stdio::piped()).spawn().unwrap();
        writeln!(git.stdin.take().unwrap(), "{id}").unwrap();
        assert!(git.wait().unwrap().success());
    }
    assert_eq!(packs(), 33);
    mine.mirror.tidy().await.unwrap();
    assert_eq!(packs(), 1);
    std::fs::remove_file(mine.mirror.answers()).unwrap();
    assert_eq!(warm(&mine, vec![wish(None, None)]), (told, 0));
}
