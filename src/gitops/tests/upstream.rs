//! A repository that others push to: commits are put into it directly.

use std::cell::Cell;

use git2::build::TreeUpdateBuilder;
use git2::{FileMode, Oid, Repository, RepositoryInitOptions, Signature, Time};

use crate::domain::image::Image;

/// A bare repository in a folder of its own, with `main` as its default branch.
pub(crate) struct Upstream {
    folder: tempfile::TempDir,
    git: Repository,
    next: Cell<i64>,
}

impl Upstream {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut options = RepositoryInitOptions::new();
        options.bare(true).external_template(false).initial_head("main");
        let git = Repository::init_opts(folder.path().join("gitops.git"), &options).unwrap();
        Self { folder, git, next: Cell::new(1) }
    }

    pub(crate) fn url(&self) -> String {
        format!("file://{}", self.path().display())
    }

    pub(crate) fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("gitops.git")
    }

    /// The head of `main`.
    pub(crate) fn head(&self) -> String {
        self.git.refname_to_id("refs/heads/main").unwrap().to_string()
    }

    /// The commits of `main`, newest first.
    pub(crate) fn log(&self) -> Vec<String> {
        let mut walk = self.git.revwalk().unwrap();
        walk.push_ref("refs/heads/main").unwrap();
        walk.map(|id| id.unwrap().to_string()).collect()
    }

    /// A commit on `main`, ten seconds after the one before. A file without text is removed.
    pub(crate) fn commit(&self, author: &str, message: &str, files: &[(&str, &str)]) -> String {
        let second = self.next.replace(self.next.get() + 10);
        let head = self.git.refname_to_id("refs/heads/main").ok().map(|id| id.to_string());
        let parents: Vec<&str> = head.iter().map(String::as_str).collect();
        self.commit_on(Some("main"), &parents, second, author, message, files)
    }

    /// A commit on these parents, the files changed from the first. The branch is moved there, whatever it was.
    pub(crate) fn commit_on(
        &self,
        branch: Option<&str>,
        parents: &[&str],
        second: i64,
        author: &str,
        message: &str,
        files: &[(&str, &str)],
    ) -> String {
        let git = &self.git;
        let who = Signature::new(author, "someone@acme.example", &Time::new(second, 0)).unwrap();
        let parents: Vec<_> = parents.iter().map(|id| git.find_commit(Oid::from_str(id).unwrap()).unwrap()).collect();
        let base =
            parents.first().map_or_else(|| git.find_tree(git.treebuilder(None).unwrap().write().unwrap()).unwrap(), |parent| parent.tree().unwrap());
        let mut update = TreeUpdateBuilder::new();
        for (path, text) in files {
            if text.is_empty() {
                update.remove(*path);
            } else {
                update.upsert(*path, git.blob(text.as_bytes()).unwrap(), FileMode::Blob);
            }
        }
        let tree = git.find_tree(update.create_updated(git, &base).unwrap()).unwrap();
        let id = git.commit(None, &who, &who, message, &tree, &parents.iter().collect::<Vec<_>>()).unwrap();
        if let Some(branch) = branch {
            git.reference(&format!("refs/heads/{branch}"), id, true, "test").unwrap();
        }
        id.to_string()
    }

    pub(crate) fn tag(&self, name: &str, id: &str) {
        let commit = self.git.find_object(Oid::from_str(id).unwrap(), None).unwrap();
        let who = Signature::new("Ana", "ana@acme.example", &Time::new(1, 0)).unwrap();
        self.git.tag(name, &commit, &who, "a tag", false).unwrap();
    }
}

/// A kustomization of one service with this tag, in `shop/dev`.
pub(crate) fn overlay(tag: &str) -> Vec<(&'static str, &'static str)> {
    let kustomization = format!("resources: [../base]\nimages: [{{name: shop, newTag: {tag}}}]\n");
    vec![
        (
            "shop/base/deployment.yaml",
            "kind: Deployment\nmetadata: {name: shop}\nspec: {template: {spec: {containers: [{name: shop, image: shop}]}}}\n",
        ),
        ("shop/base/kustomization.yaml", "resources: [deployment.yaml]\n"),
        ("shop/dev/kustomization.yaml", kustomization.leak()),
    ]
}

/// The tags of images, joined.
pub(crate) fn tags(images: &[Image]) -> String {
    images.iter().map(|image| image.tag.as_ref().map_or("", |tag| tag.as_wire())).collect::<Vec<_>>().join("+")
}
