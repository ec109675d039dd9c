//! Real repositories → what a plan needs to know of them.

use std::collections::BTreeSet;

use super::*;
use crate::domain::health::Known;
use crate::gitops::{Opened, prepare};
use crate::manifest::prepared::{Asked, Prepared, Revision, Subject};
use crate::manifest::tree::Tree as _;

const MANIFEST: &str = "kind: Deployment\nmetadata: {name: shop}\nspec: {template: {spec: {containers: [{name: shop, image: shop}]}}}\n";

fn at(path: &str, target: Option<&str>) -> Origin {
    Origin { path: Some(Raw::from(path)), ..origin(target) }
}

fn files(dev: &'static str) -> Vec<(&'static str, &'static str)> {
    vec![
        ("shop/base/deployment.yaml", MANIFEST),
        ("shop/base/kustomization.yaml", "resources: [deployment.yaml]\n"),
        ("shop/dev/kustomization.yaml", dev),
        ("shop/production/kustomization.yaml", "resources: [../dev]\n"),
        ("broken/kustomization.yaml", "resources: [\n"),
    ]
}

async fn prepared(mine: &Mine, target: Option<&str>, synced: &[&str]) -> Prepared {
    prepared_then(mine, target, synced, Vec::new()).await
}

async fn prepared_then(mine: &Mine, target: Option<&str>, synced: &[&str], then: Vec<Revision>) -> Prepared {
    mine.fetch().await;
    let subject = Subject {
        app: app_key("shop-dev"),
        origins: Box::new([at("shop/dev", target)]),
        synced: synced.iter().map(|revision| Raw::from(*revision)).collect(),
        then: then.into(),
    };
    let others = [("shop-production", "shop/production"), ("broken", "broken"), ("gone", "gone")];
    let others = others.map(|(name, path)| (app_key(name), Box::from([at(path, Some("main"))]))).into();
    let opened = Opened { name: Raw::from("gitops"), mirror: mine.mirror.clone(), addresses: vec![Address::read("https://git.example/gitops.git")] };
    prepare(&Asked { subjects: vec![subject], others, ..Asked::default() }, &[opened], &ValueKeys::default(), T0).unwrap()
}

fn carried(prepared: &Prepared) -> String {
    match &prepared.applications[&app_key("shop-dev")].carried {
        Known::Known(commits) => commits.iter().map(|commit| format!("{}: {}", commit.author, commit.subject)).collect::<Vec<_>>().join("; "),
        Known::Unknown(why) => format!("? {why}"),
    }
}

#[tokio::test]
async fn heads_bytes_and_who_renders_them_are_read_as_they_are_in_the_repository() {
    let upstream = Upstream::new();
    let dev = "# ours\r\nresources: [../base]\r\nimages: [{name: shop, newTag: '1.0'}]";
    upstream.commit("Ana", "import", &files(dev));
    let mine = Mine::of(&upstream);
    // The same branch by two names is one.
    let prepared = prepared(&mine, None, &[&upstream.head()]).await;
    let [branch] = prepared.branches.as_slice() else { panic!("{:?}", prepared.branches) };
    assert_eq!((branch.repository.as_wire(), branch.name(), branch.head.as_wire()), ("gitops", Some("main"), upstream.head().as_str()));
    assert_eq!(branch.files.bytes("shop/dev/kustomization.yaml").unwrap(), dev.as_bytes(), "to the byte");
    let file = branch.files.file("shop/dev/kustomization.yaml").unwrap().unwrap();
    assert_eq!(file.blob.as_wire(), git2::Oid::hash_object(git2::ObjectType::Blob, dev.as_bytes()).unwrap().to_string());
    assert_eq!(branch.files.file("shop/dev/.argocd-source.yaml"), Some(None), "looked for, and not there");
    assert_eq!(branch.files.file("broken/kustomization.yaml"), None, "no matter of this plan");
    let feeds = |path: &str| prepared.feeds[&(0, path.to_owned())].clone();
    assert_eq!(feeds("shop/dev/kustomization.yaml"), BTreeSet::from([app_key("shop-dev"), app_key("shop-production")]));
    assert_eq!(carried(&prepared), "");
    let [(app, why)] = prepared.unread.as_slice() else { panic!("{:?}", prepared.unread) };
    assert_eq!(*app, app_key("broken"));
    assert!(why.as_str().starts_with("broken/kustomization.yaml:"), "{why}");
}

#[tokio::test]
async fn what_others_committed_since_the_last_sync_is_told() {
    let upstream = Upstream::new();
    upstream.commit("Ana", "import", &files("resources: [../base]\nimages: [{name: shop, newTag: '1.0'}]\n"));
    let synced = upstream.head();
    upstream.commit("Bo", "elsewhere", &[("other/x.yaml", "a: 1\n")]);
    upstream.commit("Cem", "more memory", &[("shop/base/deployment.yaml", MANIFEST.replace("shop}", "shop }").leak())]);
    upstream.commit("Dan", "pin", &[("shop/dev/.argocd-source.yaml", "kustomize: {images: ['shop:9']}\n")]);
    let mine = Mine::of(&upstream);
    assert_eq!(carried(&prepared(&mine, None, &[&synced]).await), "Dan: pin; Cem: more memory");
    assert_eq!(carried(&prepared(&mine, None, &[]).await), "? the revision that was synced last is not known");
    let other = upstream.commit_on(Some("side"), &[], 5, "Eve", "side", &[("x", "y")]);
    assert_eq!(carried(&prepared(&mine, None, &[&other]).await), "? the revision that was synced last is not on the branch any more");
}

#[tokio::test]
async fn what_git_has_no_more_and_what_runs_with_a_sync_is_told() {
    let upstream = Upstream::new();
    let dev = "resources: [../base]\nconfigMapGenerator: [{name: c, files: [app.toml]}]\nimages: [{name: shop, newTag: '1.0'}]\n";
    upstream.commit("Ana", "import", &files(dev));
    upstream.commit(
        "Ana",
        "parts",
        &[
            ("shop/base/kustomization.yaml", "resources: [deployment.yaml, service.yaml, job.yaml]\n"),
            ("shop/base/service.yaml", "kind: Service\nmetadata: {name: shop}\n"),
            ("shop/base/job.yaml", "kind: Job\nmetadata: {name: migrate, annotations: {argocd.argoproj.io/hook: PreSync}}\n"),
            ("shop/dev/app.toml", "a = 1\n"),
        ],
    );
    let synced = upstream.head();
    let mine = Mine::of(&upstream);
    let facts = |prepared: &Prepared| prepared.applications[&app_key("shop-dev")].clone();
    let at_rest = facts(&prepared(&mine, None, &[&synced]).await);
    assert_eq!(at_rest.found.hooks.iter().map(|hook| hook.object.shown().to_string()).collect::<Vec<_>>(), ["Job migrate"]);
    assert_eq!((at_rest.gone, at_rest.unrendered), (Known::Known(Vec::new()), None));
    upstream.commit("Bo", "a setting", &[("shop/dev/app.toml", "a = 2\n")]);
    upstream.commit("Bo", "no service", &[("shop/base/kustomization.yaml", "resources: [deployment.yaml, job.yaml]\n")]);
    let after = prepared(&mine, None, &[&synced]).await;
    assert_eq!(carried(&after), "Bo: no service; Bo: a setting", "a file that kustomize makes an object of counts");
    let gone = facts(&after).gone.map(|gone| gone.iter().map(|object| object.shown().to_string()).collect::<Vec<_>>());
    assert_eq!(gone, Known::Known(vec!["Service shop".to_owned()]));
}

#[tokio::test]
async fn a_revision_that_is_no_branch_takes_no_commit() {
    let upstream = Upstream::new();
    let head = upstream.commit("Ana", "import", &files("resources: [../base]\n"));
    upstream.tag("v1", &head);
    let mine = Mine::of(&upstream);
    for target in [head.as_str(), "v1"] {
        let prepared = prepared(&mine, Some(target), &[&head]).await;
        assert_eq!(prepared.branches.first().unwrap().name(), None, "{target}");
        let feeds = &prepared.feeds[&(0, "shop/dev/kustomization.yaml".to_owned())];
        assert_eq!(feeds.len(), 1, "main is another place than {target}");
    }
    let prepared = prepared(&mine, Some("nowhere"), &[&head]).await;
    assert_eq!(prepared.applications[&app_key("shop-dev")].branches, [None]);
    assert_eq!(prepared.unread.first().unwrap().1.as_str(), "there is no branch, tag or commit 'nowhere'");
}

#[tokio::test]
async fn what_files_were_at_an_earlier_revision_is_told_to_the_byte_and_who_changed_them() {
    let upstream = Upstream::new();
    let dev = "resources: [../base]\r\nconfigMapGenerator: [{name: c, files: [app.toml]}]\nimages: [{name: shop, newTag: '1.0'}]";
    upstream.commit("Ana", "import", &[files(dev), vec![("shop/dev/app.toml", "a = 1\n"), ("shop/dev/notes.md", "nobody reads this\n")]].concat());
    let first = upstream.head();
    upstream.commit("Bo", "a setting", &[("shop/dev/app.toml", "a = 2\n"), ("shop/dev/notes.md", "at all\n")]);
    let dev = "resources: [../base, more.yaml]\nimages: [{name: shop, newTag: '2.0'}]\n";
    let promoted = upstream.commit("Cem", "promote", &[("shop/dev/kustomization.yaml", dev), ("shop/dev/more.yaml", MANIFEST)]);
    upstream.commit("Dan", "base", &[("shop/base/deployment.yaml", MANIFEST.replace("shop}", "shop }").leak()), ("shop/dev/app.toml", "")]);
    let mine = Mine::of(&upstream);
    let then = |prepared: &Prepared| match &prepared.applications[&app_key("shop-dev")].then {
        Some(Known::Known(then)) => {
            let was = |was: &crate::manifest::prepared::Was| {
                let bytes = was.file.as_ref().map(|file| String::from_utf8_lossy(file.bytes.as_ref().unwrap()).into_owned());
                let since: Vec<String> = was.since.iter().map(|commit| commit.author.to_string()).collect();
                format!("{} {:?} {}", was.path, bytes.map(|bytes| bytes.len()), since.join("+"))
            };
            then.files.iter().map(was).collect::<Vec<_>>()
        }
        Some(Known::Unknown(why)) => vec![why.0.to_string()],
        None => Vec::new(),
    };
    let before = prepared_then(&mine, None, &[], vec![Revision { at: None, before: Some(Raw::from(promoted.as_str())) }]).await;
    assert_eq!(
        then(&before),
        [
            "shop/base/deployment.yaml Some(108) Dan",
            "shop/dev/app.toml Some(6) Dan",
            "shop/dev/kustomization.yaml Some(110) Cem",
            "shop/dev/more.yaml None Cem"
        ]
    );
    let feeds = |path: &str| before.feeds[&(0, path.to_owned())].iter().map(|app| app.name.as_wire().to_owned()).collect::<Vec<_>>().join(" ");
    assert_eq!(feeds("shop/base/deployment.yaml"), "shop-dev shop-production");
    assert_eq!(feeds("shop/dev/app.toml"), "", "nothing makes an object of it any more");
    let at = prepared_then(&mine, None, &[], vec![Revision { at: Some(Raw::from(first.as_str())), before: None }]).await;
    assert!(then(&at).contains(&"shop/dev/app.toml Some(6) Dan+Bo".to_owned()), "{:?}", then(&at));
    let late = Revision { at: Some(Raw::from(upstream.head())), before: Some(Raw::from(promoted.as_str())) };
    let late = prepared_then(&mine, None, &[], vec![late]).await;
    assert_eq!(then(&late), then(&before), "a deployment that has the commit in it that ended the version is none of the version");
    let gone = prepared_then(&mine, None, &[], vec![Revision { at: Some(Raw::from("0".repeat(40))), before: None }]).await;
    assert_eq!(then(&gone), [format!("the revision of then, {}, is not in the repository any more", "0".repeat(40))]);
    let other = upstream.commit_on(Some("side"), &[&first], 5, "Eve", "side", &[("x", "y")]);
    let other = prepared_then(&mine, None, &[], vec![Revision { at: Some(Raw::from(other.as_str())), before: None }]).await;
    assert!(then(&other).first().unwrap().ends_with("is not on the branch any more"), "{:?}", then(&other));
}
