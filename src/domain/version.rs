//! Which of an application's images is the version of its service: a rule, never just the first one listed, because sidecars often come first.
//!
//! * From Argo CD: `status.summary.images`, a list without order and without containers: [`of_images`].
//! * From a cluster: the containers of a workload: [`of_containers`].
//! * From the Application itself, where the rule is the chart, the revision or an annotation: [`of_application`].
//!
//! Several versions of one repository are all told: a canary or a rolling update is under way.

use std::collections::BTreeSet;

use crate::base::Raw;
use crate::domain::application::{Application, Origin};
use crate::domain::health::{Known, Why};
use crate::domain::image::Image;
use crate::domain::names::ServiceName;
use crate::domain::words::Pattern;
use crate::domain::workload::Container;
use crate::safe;

/// Endings of service names that image repositories often do not have.
const ENDINGS: [&str; 5] = ["-service", "-svc", "-api", "-app", "-server"];

/// Where the version of a service is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub enum VersionRule {
    /// The image whose repository's last part is called like the service (`checkout`, or `checkout-service` without its ending; with a part,
    /// `checkout-api`) or like its only workload, else the container called so, else the only repository there is.
    #[default]
    Auto,
    /// The image of this repository; without a slash its last part is compared. `*` stands for any text.
    Image {
        /// The repository.
        repository: Pattern,
    },
    /// The image of the container of this name.
    Container {
        /// The container.
        name: Raw,
    },
    /// An annotation, else a label, of the Application object.
    Annotation {
        /// Its key.
        key: Raw,
    },
    /// The chart's version.
    Chart,
    /// The revision of git that was last compared.
    Revision,
}

impl VersionRule {
    /// Whether the rule looks at images. Otherwise [`of_application`] answers, and images say nothing.
    #[must_use]
    pub const fn is_image(&self) -> bool {
        matches!(self, Self::Auto | Self::Image { .. } | Self::Container { .. })
    }
}

/// A version of a service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// What a person calls it: a tag, a chart's version, a short revision; a short digest where an image has no tag.
    pub text: Raw,
    /// `sha256:…`, where the image names it. What really runs is only known from the pods.
    pub digest: Option<Raw>,
    /// What kind of version it is.
    pub kind: VersionKind,
}

/// The kinds of version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum VersionKind {
    /// An image's tag or digest.
    Image,
    /// A chart's version.
    Chart,
    /// A revision of git.
    Revision,
    /// What an annotation says.
    Annotation,
}

impl Version {
    /// The version that an image is.
    #[must_use]
    pub fn of_image(image: &Image) -> Self {
        let text = match (&image.tag, &image.digest) {
            (Some(tag), _) => tag.clone(),
            (None, Some(digest)) => Raw::from(short(digest.as_wire().rsplit_once(':').map_or(digest.as_wire(), |(_, hex)| hex), 12)),
            // What a registry takes for an image without a tag.
            (None, None) => Raw::from("latest"),
        };
        Self { text, digest: image.digest.clone(), kind: VersionKind::Image }
    }
}

/// Whose version is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The service.
    pub service: &'a ServiceName,
    /// The part of the placement, where it is made of several.
    pub part: Option<&'a Raw>,
    /// Its workload, where it has just one: an image is often called like it.
    pub workload: Option<&'a Raw>,
}

/// The versions among images without order. One is usual; two are a change under way.
#[must_use]
pub fn of_images(subject: Subject<'_>, rule: &VersionRule, images: &[Image]) -> Known<Vec<Version>> {
    meant(subject, rule, images).map(|meant| distinct(&meant))
}

/// The images that are the version, among images without order: at least one.
#[must_use]
pub fn meant<'i>(subject: Subject<'_>, rule: &VersionRule, images: &'i [Image]) -> Known<Vec<&'i Image>> {
    match rule {
        VersionRule::Image { repository } => {
            chosen(images, |image| repository_fits(repository, image)).ok_or_else(|| no_repository(repository, images))
        }
        VersionRule::Container { name } => only_repository(images).ok_or_else(|| {
            Why(safe!("Argo CD lists images without containers, so which one runs in container '{}' is known from the cluster only", name.shown()))
        }),
        VersionRule::Auto => by_name(subject, images).or_else(|| only_repository(images)).ok_or_else(|| undecided(subject, images)),
        VersionRule::Annotation { .. } | VersionRule::Chart | VersionRule::Revision => {
            Err(Why::new("the version is read from the application, not from images"))
        }
    }
    .into()
}

/// The versions among the containers of a workload.
#[must_use]
pub fn of_containers(subject: Subject<'_>, rule: &VersionRule, containers: &[Container]) -> Known<Vec<Version>> {
    let images: Vec<Image> = containers.iter().map(|container| container.image.clone()).collect();
    let called = |name: &str| {
        let found: BTreeSet<Version> =
            containers.iter().filter(|container| container.name.as_wire() == name).map(|container| Version::of_image(&container.image)).collect();
        (!found.is_empty()).then(|| found.into_iter().collect::<Vec<_>>())
    };
    match rule {
        VersionRule::Container { name } => called(name.as_wire())
            .ok_or_else(|| {
                let names: Vec<_> = containers.iter().map(|container| container.name.shown().to_string()).collect();
                Why(safe!("there is no container '{}' among {}", name.shown(), listed(&names)))
            })
            .into(),
        VersionRule::Auto => {
            match by_name(subject, &images).map(|meant| distinct(&meant)).or_else(|| names_of(subject).find_map(|name| called(&name))) {
                Some(found) => Known::Known(found),
                None => of_images(subject, rule, &images),
            }
        }
        _ => of_images(subject, rule, &images),
    }
}

/// The version that the Application itself names, where the rule is the chart, the revision or an annotation. `annotation` is the value of the
/// rule's annotation; a label of that key is taken where there is none.
#[must_use]
pub fn of_application(rule: &VersionRule, app: &Application, annotation: Option<&Raw>) -> Known<Vec<Version>> {
    let version = |text: Raw, kind| Known::Known(vec![Version { text, digest: None, kind }]);
    match rule {
        VersionRule::Annotation { key } => match annotation.or_else(|| app.label(key.as_wire())) {
            Some(value) => version(value.clone(), VersionKind::Annotation),
            None => Known::Unknown(Why(safe!("the application has neither annotation nor label {}", key.shown()))),
        },
        VersionRule::Chart => match app.origins.iter().enumerate().find(|(_, origin)| origin.chart.is_some()) {
            Some((index, origin)) => match compared(app, index).or(origin.target_revision.as_ref()) {
                Some(text) => version(text.clone(), VersionKind::Chart),
                None => Known::unknown("the application names no chart version"),
            },
            None => {
                Known::unknown("no source is a chart of a Helm repository: a chart in git has its version in Chart.yaml, which Argo CD does not tell")
            }
        },
        VersionRule::Revision => {
            let is_git = |origin: &Origin| origin.chart.is_none() && origin.path.is_some();
            let index = app.origins.iter().position(is_git).unwrap_or_default();
            match compared(app, index).or(app.revisions.first()) {
                Some(text) => version(Raw::from(short_revision(text.as_wire())), VersionKind::Revision),
                None => Known::unknown("Argo CD has not said which revision it compared"),
            }
        }
        VersionRule::Auto | VersionRule::Image { .. } | VersionRule::Container { .. } => Known::unknown("the version is read from images"),
    }
}

/// The revision that a source was compared with. Only where Argo CD names one per source: otherwise nobody can say whose it is.
fn compared(app: &Application, index: usize) -> Option<&Raw> {
    app.revisions.get(index).filter(|revision| app.revisions.len() == app.origins.len() && !revision.is_empty())
}

/// Whether an image is of a repository. A pattern without a slash means the repository's last part; Docker Hub's usual prefixes do not count.
#[must_use]
pub fn repository_fits(pattern: &Pattern, image: &Image) -> bool {
    if pattern.as_written().contains('/') {
        let repository = image.repository.as_wire();
        pattern.matches(repository) || Pattern::new(plain(pattern.as_written())).matches(plain(repository))
    } else {
        pattern.matches(image.short_name())
    }
}

fn plain(repository: &str) -> &str {
    let repository = repository.strip_prefix("index.").unwrap_or(repository);
    let repository = repository.strip_prefix("docker.io/").unwrap_or(repository);
    repository.strip_prefix("library/").unwrap_or(repository)
}

/// The images that are meant; `None` where none is.
fn chosen(images: &[Image], mut is_meant: impl FnMut(&Image) -> bool) -> Option<Vec<&Image>> {
    let found: Vec<&Image> = images.iter().filter(|image| is_meant(image)).collect();
    (!found.is_empty()).then_some(found)
}

/// Their versions, each once, in order.
fn distinct(images: &[&Image]) -> Vec<Version> {
    images.iter().map(|image| Version::of_image(image)).collect::<BTreeSet<_>>().into_iter().collect()
}

/// What image or container of a subject may be called, the most exact first.
fn names_of(subject: Subject<'_>) -> impl Iterator<Item = String> {
    let service = subject.service.as_wire();
    let stem = ENDINGS.iter().find_map(|ending| service.strip_suffix(ending)).filter(|stem| !stem.is_empty());
    let bare = [Some(service), stem].into_iter().flatten().map(str::to_owned);
    let with_part: Vec<String> = subject
        .part
        .map(|part| [Some(service), stem].into_iter().flatten().map(|name| format!("{name}-{}", part.as_wire())).collect())
        .unwrap_or_default();
    let with_ending = ENDINGS.iter().map(move |ending| format!("{service}{ending}")).collect::<Vec<_>>();
    let workload = subject.workload.map(|name| name.as_wire().to_owned());
    with_part.into_iter().chain(bare.collect::<Vec<_>>()).chain(with_ending).chain(workload)
}

/// The images called like the subject, if they are of one repository. Several repositories are not decided by taking one.
fn by_name<'i>(subject: Subject<'_>, images: &'i [Image]) -> Option<Vec<&'i Image>> {
    for name in names_of(subject) {
        let meant: Vec<&Image> = images.iter().filter(|image| image.short_name() == name).collect();
        let Some(first) = meant.first() else { continue };
        if meant.iter().any(|image| image.repository != first.repository) {
            return None;
        }
        let repository = first.repository.clone();
        return chosen(images, |image| image.repository == repository);
    }
    None
}

fn only_repository(images: &[Image]) -> Option<Vec<&Image>> {
    let first = images.first()?;
    if images.iter().all(|image| image.repository == first.repository) { chosen(images, |_| true) } else { None }
}

fn no_repository(pattern: &Pattern, images: &[Image]) -> Why {
    if images.is_empty() {
        return Why::new("no image runs");
    }
    Why(safe!("no image is of repository '{}': there are {}", crate::base::Safe::clean(pattern.as_written()), listed(&repositories(images))))
}

fn undecided(subject: Subject<'_>, images: &[Image]) -> Why {
    if images.is_empty() {
        return Why::new("no image runs");
    }
    Why(safe!(
        "which of several images is the version is not clear: {}; say so under [services.{}] version = {{ repository = \"…\" }}",
        listed(&repositories(images)),
        subject.service.shown()
    ))
}

fn repositories(images: &[Image]) -> Vec<String> {
    images.iter().map(|image| image.repository.shown().to_string()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// At most four, and how many more.
fn listed(names: &[String]) -> String {
    let shown: Vec<&str> = names.iter().take(4).map(String::as_str).collect();
    let more = names.len().saturating_sub(shown.len());
    let rest = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("{}{rest}", shown.join(", "))
}

fn short(text: &str, length: usize) -> &str {
    text.split_at_checked(length).map_or(text, |(head, _)| head)
}

/// Seven characters of a commit; a tag as it is.
fn short_revision(revision: &str) -> &str {
    if revision.len() >= 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit()) { short(revision, 7) } else { revision }
}

impl<T> From<Result<T, Why>> for Known<T> {
    fn from(result: Result<T, Why>) -> Self {
        match result {
            Ok(fact) => Self::Known(fact),
            Err(why) => Self::Unknown(why),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(references: &[&str]) -> Vec<Image> {
        references.iter().map(|reference| Image::read(reference)).collect()
    }

    fn told(known: Known<Vec<Version>>) -> String {
        match known {
            Known::Known(versions) => versions.iter().map(|version| version.text.as_wire()).collect::<Vec<_>>().join(" "),
            Known::Unknown(why) => format!("? {why}"),
        }
    }

    fn image_rule(repository: &str) -> VersionRule {
        VersionRule::Image { repository: Pattern::new(repository) }
    }

    #[test]
    fn the_version_is_the_image_that_the_rule_means() {
        let auto = VersionRule::Auto;
        for (service, part, rule, list, expected) in [
            ("checkout", None, &auto, &["envoy:1.31", "ghcr.io/acme/checkout:2.1"][..], "2.1"),
            ("checkout-service", None, &auto, &["envoy:1.31", "ghcr.io/acme/checkout:2.1"], "2.1"),
            ("checkout", None, &auto, &["envoy:1.31", "ghcr.io/acme/checkout-service:2.1"], "2.1"),
            ("checkout", None, &auto, &["envoy:1.31", "ghcr.io/acme/checkout:2.1", "ghcr.io/acme/checkout:2.2"], "2.1 2.2"),
            ("checkout", None, &auto, &["ghcr.io/acme/shop-engine:7"], "7"),
            ("checkout", Some("worker"), &auto, &["ghcr.io/acme/checkout-worker:7", "ghcr.io/acme/checkout:6"], "7"),
            ("checkout", None, &auto, &["ghcr.io/acme/checkout@sha256:0123456789abcdef"], "0123456789ab"),
            ("checkout", None, &auto, &["ghcr.io/acme/checkout"], "latest"),
            (
                "checkout",
                None,
                &auto,
                &["envoy:1.31", "ghcr.io/acme/shop:2"],
                "? which of several images is the version is not clear: envoy, ghcr.io/acme/shop; say so under [services.checkout] version = { repository = \"…\" }",
            ),
            (
                "checkout",
                None,
                &auto,
                &["a.io/checkout:1", "b.io/checkout:2"],
                "? which of several images is the version is not clear: a.io/checkout, b.io/checkout; say so under [services.checkout] version = { repository = \"…\" }",
            ),
            ("checkout", None, &auto, &[], "? no image runs"),
            ("checkout", None, &image_rule("ghcr.io/acme/shop"), &["envoy:1.31", "ghcr.io/acme/shop:2"], "2"),
            ("checkout", None, &image_rule("shop"), &["envoy:1.31", "ghcr.io/acme/shop:2"], "2"),
            ("checkout", None, &image_rule("*/acme/shop"), &["envoy:1.31", "mirror.local/acme/shop:2"], "2"),
            ("proxy", None, &image_rule("docker.io/library/nginx"), &["envoy:1.31", "nginx:2"], "2"),
            ("checkout", None, &image_rule("shop"), &["envoy:1.31"], "? no image is of repository 'shop': there are envoy"),
        ] {
            let service = ServiceName::from(service);
            let part = part.map(Raw::from);
            assert_eq!(
                told(of_images(Subject { service: &service, part: part.as_ref(), workload: None }, rule, &images(list))),
                expected,
                "{list:?}"
            );
        }
    }

    #[test]
    fn containers_decide_where_repositories_do_not() {
        let containers: Vec<Container> = [("istio-proxy", "istio/proxyv2:1.22"), ("checkout", "ghcr.io/acme/shop:2"), ("log", "fluent:3")]
            .map(|(name, image)| Container { name: name.into(), image: Image::read(image) })
            .into();
        let service = ServiceName::from("checkout");
        let subject = Subject { service: &service, part: None, workload: None };
        assert_eq!(told(of_containers(subject, &VersionRule::Auto, &containers)), "2");
        let rule = |name: &str| VersionRule::Container { name: name.into() };
        assert_eq!(told(of_containers(subject, &rule("log"), &containers)), "3");
        assert_eq!(told(of_containers(subject, &rule("x"), &containers)), "? there is no container 'x' among istio-proxy, checkout, log");
        assert!(told(of_images(subject, &rule("log"), &images(&["a:1", "b:2"]))).starts_with("? Argo CD lists images without containers"));
        assert_eq!(told(of_images(subject, &rule("log"), &images(&["a:1", "a:2"]))), "1 2");
    }
}
