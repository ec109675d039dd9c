//! Addresses on the web: of an application in Argo CD, of a commit at the host of its repository. They are made of text from the world, so what
//! comes out is checked: http or https, percent-encoded, plain ASCII, no login in it, not too long. It knows no browser and no terminal.

use url::Url;

use crate::base::{Raw, Safe};
use crate::domain::names::AppKey;

/// An address that may be shown, copied, and given to a terminal or a browser.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Link(Safe);

/// No address that a person follows is longer.
const LONGEST: usize = 1000;

impl Link {
    /// Checks an address. Nothing comes of one that is not for a browser, or that carries a login.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        // The parser would leave line breaks and tabs out and take the rest for the whole.
        if text.chars().any(|character| character.is_control() || character.is_whitespace()) {
            return None;
        }
        Self::of(&Url::parse(text).ok()?)
    }

    fn of(url: &Url) -> Option<Self> {
        let is_plain = url.username().is_empty() && url.password().is_none() && url.host_str().is_some_and(|host| !host.is_empty());
        let text = url.as_str();
        let fits = text.len() <= LONGEST && text.bytes().all(|byte| byte.is_ascii_graphic());
        (matches!(url.scheme(), "http" | "https") && is_plain && fits).then(|| Self(Safe::clean(text)))
    }

    /// The address.
    #[must_use]
    pub const fn text(&self) -> &Safe {
        &self.0
    }
}

/// The page of an application. `base` is the address of its Argo CD: `https://argocd.example.com/argo`.
#[must_use]
pub fn of_application(base: &str, app: &AppKey) -> Option<Link> {
    let mut url = Url::parse(base).ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().extend(["applications", app.namespace.as_wire(), app.name.as_wire()]);
    Link::of(&url)
}

/// The page of a commit, where the repository's host is of a known kind: GitHub, GitLab, Bitbucket's cloud, Gitea, Forgejo, Azure DevOps.
#[must_use]
pub fn of_commit(repository: &Raw, commit: &Raw) -> Option<Link> {
    let id = commit.as_wire();
    if !(7..=64).contains(&id.len()) || !id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let mut url = web(repository.as_wire())?;
    let host = url.host_str()?.to_ascii_lowercase();
    let called = |kind: &str| host.split('.').any(|label| label.contains(kind));
    let before: &[&str] = if called("gitlab") {
        &["-", "commit"]
    } else if host == "bitbucket.org" {
        &["commits"]
    } else if ["github", "gitea", "forgejo"].into_iter().any(called) || matches!(host.as_str(), "codeberg.org" | "dev.azure.com") {
        &["commit"]
    } else {
        return None;
    };
    url.path_segments_mut().ok()?.pop_if_empty().extend(before).push(id);
    Link::of(&url)
}

/// The address of a repository for a browser, from the one that git is given: `git@github.com:acme/shop.git`, `ssh://git@host:22/acme/shop`,
/// `https://user:token@host/acme/shop.git`. A login in it is left out.
fn web(repository: &str) -> Option<Url> {
    if repository.chars().any(|character| character.is_control() || character.is_whitespace()) {
        return None;
    }
    let (scheme, host, path) = match repository.split_once("://") {
        Some((scheme @ ("http" | "https"), rest)) => {
            let (host, path) = rest.split_once('/')?;
            (scheme, host.rsplit('@').next()?, path)
        }
        Some(("ssh" | "git" | "git+ssh", rest)) => {
            let (host, path) = rest.split_once('/')?;
            // The port of ssh is not that of the web.
            ("https", host.rsplit('@').next()?.split(':').next()?, path)
        }
        Some(_) => return None,
        None => {
            let (host, path) = repository.split_once(':')?;
            ("https", host.rsplit('@').next()?, path)
        }
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let mut url = Url::parse(&format!("{scheme}://{host}/")).ok()?;
    url.path_segments_mut().ok()?.pop_if_empty().extend(path.split('/'));
    Some(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::names::{ArgocdName, Namespace};

    const ID: &str = "1c9e2ab0f1a2b3c4d5e6f708192a3b4c5d6e7f80";

    fn commit(repository: &str) -> Option<String> {
        of_commit(&Raw::from(repository), &Raw::from(ID)).map(|link| link.text().as_str().to_owned())
    }

    #[test]
    fn a_commit_has_a_page_where_the_kind_of_host_is_known() {
        for (repository, expected) in [
            ("git@github.com:acme/shop.git", "https://github.com/acme/shop/commit/"),
            ("https://github.com/acme/shop.git", "https://github.com/acme/shop/commit/"),
            ("https://user:s3cret@github.acme.example/acme/shop", "https://github.acme.example/acme/shop/commit/"),
            ("ssh://git@gitlab.example.com:2222/platform/team/shop.git", "https://gitlab.example.com/platform/team/shop/-/commit/"),
            ("http://gitlab.local:8080/a/b.git", "http://gitlab.local:8080/a/b/-/commit/"),
            ("git@bitbucket.org:acme/shop", "https://bitbucket.org/acme/shop/commits/"),
            ("https://codeberg.org/acme/shop/", "https://codeberg.org/acme/shop/commit/"),
            ("https://dev.azure.com/acme/shop/_git/gitops", "https://dev.azure.com/acme/shop/_git/gitops/commit/"),
        ] {
            assert_eq!(commit(repository), Some(format!("{expected}{ID}")), "{repository}");
        }
        for none in ["/srv/git/shop.git", "file:///srv/git/shop.git", "https://git.acme.example/acme/shop", "", "github.com", "git@:x", "https://"] {
            assert_eq!(commit(none), None, "{none}");
        }
        let odd = |id: &str| of_commit(&Raw::from("git@github.com:acme/shop"), &Raw::from(id));
        assert_eq!((odd("main"), odd("../../x"), odd("1c9e2")), (None, None, None));
    }

    #[test]
    fn hostile_text_becomes_no_link_or_a_harmless_one() {
        for none in
            ["javascript:alert(1)", "file:///etc/passwd", "https://a b/", "https://a/\u{1b}[2J", "https://a/\nb", "https://user:pw@a/", "ssh://a/b"]
        {
            assert_eq!(Link::read(none), None, "{none}");
        }
        assert_eq!(Link::read(&format!("https://a/{}", "x".repeat(2000))), None);
        assert_eq!(Link::read("https://a/ü\u{202e}").unwrap().text().as_str(), "https://a/%C3%BC%E2%80%AE");
        for hostile in ["git@github.com:a/b\u{1b}]8;;x\u{7}", "https://github.com/a/b\r\nX: y"] {
            assert_eq!(commit(hostile), None);
        }
        let app =
            |namespace: &str, name: &str| AppKey { argocd: ArgocdName::from("main"), namespace: Namespace::from(namespace), name: Raw::from(name) };
        let page = |base: &str, app: &AppKey| of_application(base, app).map(|link| link.text().as_str().to_owned());
        assert_eq!(page("https://argo.example.com/cd", &app("argocd", "shop")).unwrap(), "https://argo.example.com/cd/applications/argocd/shop");
        assert_eq!(
            page("https://argo.example.com/", &app("argocd", "a/../b?c#d\u{1b}")).unwrap(),
            "https://argo.example.com/applications/argocd/a%2F..%2Fb%3Fc%23d%1B"
        );
        assert_eq!(page("nonsense", &app("argocd", "shop")), None);
    }
}
