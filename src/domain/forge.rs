//! Where pull requests are opened: which forge has a repository, and how its pull requests are merged. It knows no API.

use crate::base::{Raw, Safe};
use crate::domain::access::GithubAccess;
use crate::domain::desired::Address;

/// The forge of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forge {
    /// A GitHub whose API is configured.
    Github {
        /// What the configuration calls it.
        github: Raw,
        /// Owner and name: `acme/gitops`.
        repository: Raw,
        /// How pull requests are merged there.
        method: MergeMethod,
    },
    /// A GitHub that nothing says how to reach.
    Unreached {
        /// Its host: `github.com`.
        host: Raw,
    },
    /// Another forge, or none: a branch is pushed there, and people open the pull request.
    Other,
}

/// How a pull request becomes part of its branch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MergeMethod {
    /// By a merge commit, which keeps the commit and its trailers.
    #[default]
    Merge,
    /// As one new commit.
    Squash,
    /// As new commits on the head.
    Rebase,
}

/// What a forge tells of pushing to a branch, as far as the token goes that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pushing {
    /// The token may, and no rule asks for more.
    Direct,
    /// The token may write, and the branch takes pull requests only: why.
    ByPullRequest(Safe),
    /// Neither: why.
    Not(Safe),
    /// The token only reads, whatever the login of git may do: in a sentence.
    Reads(Safe),
    /// The token may write; what the branch takes is not told: why.
    Hidden(Safe),
    /// Nothing was told: why.
    NotTold(Safe),
}

impl MergeMethod {
    /// As the API and the configuration write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Merge => "merge",
            Self::Squash => "squash",
            Self::Rebase => "rebase",
        }
    }
}

impl Forge {
    /// The forge of a repository at one of these addresses.
    #[must_use]
    pub fn of(addresses: &[Address], githubs: &[GithubAccess]) -> Self {
        let found = githubs.iter().find_map(|github| Some((github, addresses.iter().find_map(|address| github.repository(address))?)));
        if let Some((github, repository)) = found {
            return Self::Github { github: github.name.clone(), repository, method: github.method };
        }
        let hosts = addresses.iter().filter_map(|address| address.0.as_wire().split('/').next());
        let mut githubs = hosts.filter(|host| *host == "github.com" || host.starts_with("github.") || host.ends_with(".ghe.com"));
        githubs.next().map_or(Self::Other, |host| Self::Unreached { host: Raw::from(host) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::access::SecretRef;

    #[test]
    fn the_forge_of_a_repository_is_known_by_its_address_or_by_what_is_said_of_it() {
        let github = |name: &str, url: &str| GithubAccess {
            name: name.into(),
            url: url.to_owned(),
            authority: None,
            token: SecretRef::Environment("TOKEN".to_owned()),
            method: MergeMethod::Merge,
            named: Vec::new(),
        };
        let mut own = github("own", "http://127.0.0.1:4711");
        own.named.push((Address::read("http://127.0.0.1:4712/gitops.git"), Raw::from("acme/gitops")));
        let all = [
            github("main", "https://api.github.com"),
            github("ghes", "https://git.corp.example/api/v3"),
            github("ghe", "https://api.acme.ghe.com"),
            own,
        ];
        let told = |url: &str, all: &[GithubAccess]| match Forge::of(&[Address::read(url)], all) {
            Forge::Github { github, repository, .. } => format!("{} {}", github.shown(), repository.shown()),
            Forge::Unreached { host } => format!("unreached {}", host.shown()),
            Forge::Other => "other".to_owned(),
        };
        for (url, forge) in [
            ("git@github.com:Acme/GitOps.git", "main acme/gitops"),
            ("https://github.com/acme/gitops/", "main acme/gitops"),
            ("ssh://git@git.corp.example/acme/gitops.git", "ghes acme/gitops"),
            ("https://acme.ghe.com/acme/gitops", "ghe acme/gitops"),
            ("http://127.0.0.1:4712/gitops.git", "own acme/gitops"),
            ("https://gitlab.com/acme/gitops.git", "other"),
            ("https://github.com/acme/gitops/wiki", "unreached github.com"),
            ("/srv/git/gitops.git", "other"),
        ] {
            assert_eq!(told(url, &all), forge, "{url}");
        }
        assert_eq!(told("https://github.com/acme/gitops", &[]), "unreached github.com");
    }
}
