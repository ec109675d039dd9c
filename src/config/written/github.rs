//! `[[github]]` as it is written, without any meaning.

use super::{Secret, token};
use crate::config::reader::{At, Place, Section};
use crate::domain::forge::MergeMethod;

/// `[[github]]`
#[derive(Debug)]
pub(crate) struct Github {
    pub(crate) place: Place,
    pub(crate) name: Option<At<String>>,
    pub(crate) url: Option<At<String>>,
    pub(crate) token: Option<Secret>,
    pub(crate) ca: Option<At<String>>,
    pub(crate) merge_method: Option<MergeMethod>,
    pub(crate) repositories: Vec<GithubRepository>,
}

/// `[[github.repositories]]`
#[derive(Debug)]
pub(crate) struct GithubRepository {
    pub(crate) url: Option<At<String>>,
    pub(crate) name: Option<At<String>>,
}

pub(super) fn github(section: Section<'_, '_>) -> Github {
    let repository = |section: Section<'_, '_>| {
        let repository = GithubRepository {
            url: section.required("url", "\"https://git.example.com/gitops.git\", as Applications name it"),
            name: section.required("name", "\"acme/gitops\", owner and name"),
        };
        section.finish();
        repository
    };
    let github = Github {
        place: section.place().clone(),
        name: section.text("name"),
        url: section.text("url"),
        token: token(&section, GITHUB_TOKEN),
        ca: section.text("ca"),
        merge_method: section.word("merge_method"),
        repositories: section.sections("repositories").into_iter().map(repository).collect(),
    };
    section.finish();
    github
}

/// How a token of GitHub is named.
pub(crate) const GITHUB_TOKEN: &str = "token = { command = [\"gh\", \"auth\", \"token\"] }, { env = \"GITHUB_TOKEN\" } or { file = \"…\" }";
