//! What is sent and waited for, in words: the preview, the journal and the command line say the same. Exact enough to do it by hand.

use super::By;
use super::mutation::{Mutation, Opening, Patch, Sync};
use super::plan::{Await, Plan, Step};
use super::refusal::named;
use crate::base::{OperationId, Safe};
use crate::domain::AppKey;
use crate::domain::pull::{OWN_BRANCHES, own_branch};

impl Step {
    /// The step as one line, once the operation has an id.
    #[must_use]
    pub fn words_of(&self, id: &OperationId) -> Safe {
        with_branch(&self.words(), id)
    }

    /// The step as one line.
    #[must_use]
    pub fn words(&self) -> Safe {
        match self {
            Self::Send(mutation) => mutation.words(),
            Self::Await(Await::Merged(branch)) => {
                crate::safe!("follow it until it is merged into {}: merging is a step of its own, which is confirmed again", branch.shown())
            }
            Self::Await(Await::Synced(apps)) => crate::safe!("wait until Argo CD has synced {}", apps_named(apps)),
            Self::Await(Await::Verified(places)) => {
                crate::safe!("watch until the version is seen healthy in {}", named(places.iter().map(super::Place::shown)))
            }
        }
    }
}

/// Before an operation has an id, `OPERATION` stands where it will stand.
fn with_branch(words: &Safe, id: &OperationId) -> Safe {
    Safe::clean(&words.as_str().replace(&format!("{OWN_BRANCHES}OPERATION"), &own_branch(id)))
}

impl Mutation {
    /// The request as one line.
    #[must_use]
    pub fn words(&self) -> Safe {
        match self {
            Self::Commit(commit) if commit.beside => crate::safe!(
                "commit on the head of {} and push to a branch of its own, {OWN_BRANCHES}OPERATION, of {}",
                commit.branch.shown(),
                commit.repository.shown()
            ),
            Self::Open(opening) => {
                crate::safe!("open a pull request in {} on {}, into {}", opening.name.shown(), opening.github.shown(), opening.base.shown())
            }
            Self::Merge(merging) => {
                let (number, method, head) = (merging.pull.number, merging.method.word(), merging.head.shown());
                crate::safe!("merge pull request #{number} into {} ({method}), if it is still at {}", merging.base.shown(), short(&head))
            }
            Self::Commit(commit) => crate::safe!("commit and push to {} of {}", commit.branch.shown(), commit.repository.shown()),
            Self::Refresh(target) => crate::safe!("Argo CD is told to look at {}", target.app.name.shown()),
            Self::Sync(sync) => crate::safe!("Argo CD is asked to sync {}{}", sync.target.app.name.shown(), prunes(sync)),
            Self::Terminate(target) => crate::safe!("Argo CD is asked to stop the operation of {}", target.app.name.shown()),
            Self::Rollback { target, history } => {
                crate::safe!("Argo CD is asked to deploy {} as it was in its deployment {history}", target.app.name.shown())
            }
            Self::Act(acting) => {
                let (app, name) = (acting.target.app.name.shown(), acting.patch.workload.name.shown());
                crate::safe!("Argo CD is asked for the action '{}' on rollout {name} of {app}: {}", acting.action, effects(&acting.patch))
            }
            Self::Patch(patch) => {
                let once = if patch.awaits { "once the pods of then are its newest, " } else { "" };
                crate::safe!("{once}patch rollout {} in {}: {}", patch.workload.name.shown(), patch.workload.cluster.shown(), effects(patch))
            }
        }
    }

    /// The same, once the operation has an id and with it a branch.
    #[must_use]
    pub fn words_of(&self, id: &OperationId) -> Safe {
        with_branch(&self.words(), id)
    }

    /// The command, once the operation has an id.
    #[must_use]
    pub fn by_hand_of(&self, id: &OperationId) -> Option<Safe> {
        self.by_hand().map(|command| with_branch(&command, id))
    }

    /// The same by other means, as a person would type it; `None` where no one command does it.
    #[must_use]
    pub fn by_hand(&self) -> Option<Safe> {
        Some(match self {
            Self::Commit(commit) if commit.beside => crate::safe!("git push origin HEAD:refs/heads/{OWN_BRANCHES}OPERATION"),
            Self::Open(opening) => crate::safe!(
                "gh pr create --repo {} --base {} --head {OWN_BRANCHES}OPERATION --title '{}'",
                opening.name.shown(),
                opening.base.shown(),
                opening.title
            ),
            Self::Merge(merging) => crate::safe!(
                "gh pr merge {} --repo {} --{} --match-head-commit {}",
                merging.pull.number,
                merging.pull.repository.shown(),
                merging.method.word(),
                merging.head.shown()
            ),
            Self::Commit(commit) => crate::safe!("git push origin HEAD:refs/heads/{}", commit.branch.shown()),
            Self::Refresh(target) => crate::safe!("argocd app get {} --refresh", whole_name(&target.app)),
            Self::Sync(sync) => {
                let revision = sync.revision.as_ref().map(|revision| format!(" --revision {}", revision.shown())).unwrap_or_default();
                crate::safe!("argocd app sync {}{revision}{}", whole_name(&sync.target.app), if sync.prune { " --prune" } else { "" })
            }
            Self::Terminate(target) => crate::safe!("argocd app terminate-op {}", whole_name(&target.app)),
            Self::Rollback { target, history } => crate::safe!("argocd app rollback {} {history}", whole_name(&target.app)),
            Self::Act(acting) => crate::safe!(
                "argocd app actions run {} {} --kind Rollout --resource-name {} --namespace {}",
                whole_name(&acting.target.app),
                acting.action,
                acting.patch.workload.name.shown(),
                acting.patch.workload.namespace.shown()
            ),
            Self::Patch(patch) => {
                let (key, status) = (&patch.workload, if patch.status { " --subresource=status" } else { "" });
                crate::safe!(
                    "kubectl --context {} -n {} patch {} {}{status} --type=json -p '{}'",
                    key.cluster.shown(),
                    key.namespace.shown(),
                    key.kind.word().to_lowercase(),
                    key.name.shown(),
                    patch.json()
                )
            }
        })
    }

    /// The application that it is about, where it is about one.
    #[must_use]
    pub const fn app(&self) -> Option<&AppKey> {
        match self {
            Self::Refresh(target) | Self::Terminate(target) | Self::Rollback { target, .. } => Some(&target.app),
            Self::Sync(sync) => Some(&sync.target.app),
            Self::Act(acting) => Some(&acting.target.app),
            Self::Commit(_) | Self::Patch(_) | Self::Open(_) | Self::Merge(_) => None,
        }
    }
}

impl Patch {
    /// The patch as it is sent.
    #[must_use]
    pub fn json(&self) -> serde_json::Value {
        let operation = |operation: &super::mutation::Operation| {
            let mut object = serde_json::Map::new();
            object.insert("op".into(), operation.op.into());
            object.insert("path".into(), operation.path.as_str().into());
            object.extend(operation.value.clone().map(|value| ("value".to_owned(), value)));
            serde_json::Value::Object(object)
        };
        self.operations.iter().map(operation).collect()
    }
}

impl Plan {
    /// The placements that come after this is verified, in words.
    #[must_use]
    pub fn onward(&self) -> Safe {
        named(self.waves.iter().flat_map(|wave| &wave.moves).map(|moves| moves.place.shown()))
    }

    /// What it is, in one line: `promote checkout 2.14.3 to production`.
    #[must_use]
    pub fn title(&self) -> Safe {
        let (service, to) = (self.service.shown(), self.to.shown());
        match &self.request {
            super::Request::Promote { .. } if !self.waves.is_empty() => {
                let [first, then] = [named(self.moves.iter().map(|moves| moves.place.shown())), self.onward()];
                crate::safe!("promote {service} {} to {first}, then {then}", self.version)
            }
            super::Request::Promote { .. } => crate::safe!("promote {service} {} to {to}", self.version),
            super::Request::Canary { verb, .. } => {
                let place = self.moves.first().map_or(to, |moves| moves.place.shown());
                crate::safe!("{} {service} in {place}", verb.word())
            }
            super::Request::Argocd { verb, prune, .. } => {
                let places = named(self.moves.iter().map(|moves| moves.place.shown()));
                crate::safe!("{} {service} in {places}{}", verb.word(), if *prune { ", with pruning" } else { "" })
            }
            super::Request::Return { by: By::Abort, .. } => crate::safe!("abort and put {service} {} back in {to}", self.version),
            super::Request::Return { by: By::Hasten, .. } => crate::safe!("put {service} {} back in {to} and promote it fully", self.version),
            super::Request::Return { by: By::Configuration, .. } => {
                crate::safe!("put {service} {} back in {to} with its configuration", self.version)
            }
            super::Request::Return { by: By::History, .. } => crate::safe!("deploy {service} {} of before in {to} again", self.version),
            super::Request::Merge { .. } => {
                let number =
                    self.mutations().find_map(|mutation| if let Mutation::Merge(merging) = mutation { Some(merging.pull.number) } else { None });
                crate::safe!("merge pull request #{}: {service} {} to {to}", number.unwrap_or_default(), self.version)
            }
            super::Request::Return { .. } => crate::safe!("put {service} {} back in {to}", self.version),
        }
    }
}

fn short(commit: &Safe) -> Safe {
    Safe::clean(commit.as_str().get(..10).unwrap_or(commit.as_str()))
}

fn effects(patch: &Patch) -> Safe {
    let changes = patch.operations.iter().filter(|operation| operation.op != "test");
    named(changes.map(|operation| match &operation.value {
        Some(value) if value.to_string().len() <= 40 => crate::safe!("{} = {value}", operation.path.trim_start_matches('/').replace('/', ".")),
        Some(_) => crate::safe!("{} replaced", operation.path.trim_start_matches('/').replace('/', ".")),
        None => crate::safe!("{} removed", operation.path.trim_start_matches('/').replace('/', ".")),
    }))
}

fn prunes(sync: &Sync) -> &'static str {
    if sync.prune { ", and to delete what git no longer has" } else { "" }
}

fn whole_name(app: &AppKey) -> Safe {
    if app.namespace.as_wire().is_empty() { app.name.shown() } else { crate::safe!("{}/{}", app.namespace.shown(), app.name.shown()) }
}

fn apps_named(apps: &[AppKey]) -> Safe {
    named(apps.iter().map(|app| app.name.shown()))
}

impl Opening {
    /// The text of the pull request, with why it is done and by which operation.
    #[must_use]
    pub fn text(&self, operation: &OperationId, reason: Option<&Safe>) -> String {
        let mut paragraphs: Vec<String> = vec![self.body.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")];
        paragraphs.extend(reason.map(|reason| format!("Why: {reason}")));
        let operation = ("Cockpit-Operation", Safe::clean(operation.as_str()));
        let trailers = self.trailers.iter().chain([&operation]).map(|(name, value)| format!("{name}: {value}"));
        paragraphs.push(trailers.collect::<Vec<_>>().join("\n"));
        paragraphs.retain(|paragraph| !paragraph.is_empty());
        format!("{}\n", paragraphs.join("\n\n"))
    }
}
