//! From a record back to what can be looked at: requests by which it can be found out whether they were done, and a change that can be followed. Nothing
//! that comes out of here is ever sent.

use super::story::{Fate, Story};
use super::{Part, Receipt, Requested};
use crate::base::{OperationId, Raw, Safe, Timestamp};
use crate::domain::forge::MergeMethod;
use crate::domain::pull::PullKey;
use crate::domain::workload::{WorkloadKey, WorkloadKind};
use crate::domain::{AppKey, EnvironmentName, PlacementName, ServiceName};
use crate::operations::canary::Verb;
use crate::operations::following::{Followed, proposed};
use crate::operations::mutation::{self, Acting, Commit, Merging, Mutation, Opening, Operation, Patch, Target};
use crate::operations::plan::Message;
use crate::operations::refusal::Place;

impl Requested {
    pub(super) fn part(&self, name: &str) -> Option<&Safe> {
        self.parts.iter().find(|part| part.name.as_str() == name).map(|part| &part.value)
    }

    fn raw(&self, name: &str) -> Option<Raw> {
        self.part(name).map(|value| Raw::from(value.as_str()))
    }

    /// The request as far as looking needs it: a commit is found by the id of its operation, and has no files here. `None`: it cannot be looked for.
    #[must_use]
    pub fn again(&self) -> Option<Mutation> {
        Some(match self.what.as_str() {
            "commit" => Mutation::Commit(Box::new(Commit {
                repository: self.raw("repository")?,
                branch: self.raw("branch")?,
                beside: self.part("beside").is_some(),
                head: self.raw("head")?,
                files: Vec::new(),
                preconditions: Vec::new(),
                message: Message { subject: self.part("subject").cloned().unwrap_or_default(), body: Vec::new(), trailers: Vec::new() },
            })),
            "open" => Mutation::Open(Box::new(Opening {
                repository: self.raw("repository")?,
                github: self.raw("github")?,
                name: self.raw("name")?,
                base: self.raw("base")?,
                title: self.part("title").cloned().unwrap_or_default(),
                body: Vec::new(),
                trailers: Vec::new(),
            })),
            "merge" => Mutation::Merge(Box::new(Merging {
                pull: PullKey { github: self.raw("github")?, repository: self.raw("name")?, number: self.part("number")?.as_str().parse().ok()? },
                url: self.part("url").cloned().unwrap_or_default(),
                base: self.raw("base")?,
                head: self.raw("head")?,
                method: MergeMethod::default(),
                repository: self.raw("repository")?,
            })),
            "refresh" => Mutation::Refresh(self.target()?),
            "sync" => Mutation::Sync(mutation::Sync { target: self.target()?, revision: self.raw("revision"), prune: false }),
            "terminate" => Mutation::Terminate(self.target()?),
            "rollback" => Mutation::Rollback { target: self.target()?, history: self.part("history")?.as_str().parse().ok()? },
            "patch" => Mutation::Patch(self.patch()?),
            "act" => {
                let action = self.part("action")?.as_str();
                let action = Verb::ALL.into_iter().filter_map(Verb::action).find(|known| *known == action)?;
                Mutation::Act(Box::new(Acting { target: self.target()?, action, patch: self.patch()? }))
            }
            _ => return None,
        })
    }

    /// A patch with its operations; `None`: one of them was too long to be kept whole.
    fn patch(&self) -> Option<Patch> {
        let is = |name: &str| self.part(name).is_some_and(|value| value.as_str() == "true");
        let operation = |part: &Part| {
            let op = ["test", "add", "replace", "remove"].into_iter().find(|op| part.name.as_str() == *op)?;
            let (path, value) = part.value.as_str().split_once(' ').map_or((part.value.as_str(), None), |(path, value)| (path, Some(value)));
            let value = value.map(serde_json::from_str).transpose();
            Some(value.map(|value| Operation { op, path: path.to_owned(), value }))
        };
        let workload = WorkloadKey {
            cluster: self.part("cluster")?.as_str().into(),
            namespace: self.part("namespace")?.as_str().into(),
            kind: WorkloadKind::Rollout,
            name: self.raw("name")?,
        };
        let operations = self.parts.iter().filter_map(operation).collect::<Result<Vec<_>, _>>().ok()?;
        Some(Patch { workload, status: is("status"), awaits: is("awaits"), operations })
    }

    fn target(&self) -> Option<Target> {
        let whole = self.part("application")?.as_str();
        let (namespace, name) = whole.rsplit_once('/').map_or(("", whole), |(front, name)| (front.rsplit('/').next().unwrap_or(front), name));
        let app = AppKey { argocd: self.part("argocd")?.as_str().into(), namespace: namespace.into(), name: Raw::from(name) };
        Some(Target { app, project: self.raw("project").unwrap_or_default() })
    }
}

impl Story {
    /// What was to be sent, as far as it can be looked for; `None`: part of it cannot.
    #[must_use]
    pub fn requests(&self) -> Option<Vec<Mutation>> {
        self.opened.plan.requests.iter().map(Requested::again).collect()
    }

    /// What was settled as done, in order, and whether the next one was perhaps sent.
    #[must_use]
    pub fn settled(&self) -> (Vec<mutation::Receipt>, bool) {
        let mut receipts = Vec::new();
        for intent in &self.intents {
            match intent.fate() {
                Fate::Done(receipt) => receipts.push(receipt.again()),
                // What only helps along and was not done was passed over; a comparison that was all that was wanted was not.
                Fate::NotDone
                    if self.opened.request.what.as_str() != "refresh" && intent.request.again().is_some_and(|mutation| mutation.is_dispensable()) =>
                {
                    receipts.push(mutation::Receipt::Accepted);
                }
                Fate::NotDone => return (receipts, false),
                Fate::Open => return (receipts, true),
            }
        }
        (receipts, false)
    }

    /// The change as it can be followed.
    #[must_use]
    pub fn followed(&self, id: OperationId, receipts: &[mutation::Receipt], now: Timestamp) -> Option<Followed> {
        let request = &self.opened.request;
        // These are done once they are taken: no version is to come of them.
        if matches!(request.what.as_str(), "refresh" | "terminate") {
            return None;
        }
        let sent: Vec<Mutation> = self.opened.plan.requests.iter().filter_map(Requested::again).collect();
        let (commit, route) = proposed::told(sent.iter(), receipts);
        let repository = self.opened.plan.requests.iter().find_map(|request| request.raw("repository"));
        let place = |text: &Safe| {
            let (environment, placement) = text.as_str().split_once('·').unwrap_or((text.as_str(), ""));
            Place { environment: EnvironmentName::from(environment), placement: PlacementName::from(placement) }
        };
        Some(Followed::again(
            id,
            ServiceName::from(self.opened.service.as_ref()?.as_str()),
            request.part("version").cloned().unwrap_or_default(),
            self.opened.placements.iter().map(place).collect(),
            (commit.zip(repository), route),
            (self.at, self.sent_at.unwrap_or(now)),
            self.reached.iter().filter_map(|(rung, at)| Some((rung.climbed()?, *at))).collect(),
        ))
    }
}

impl Receipt {
    fn again(&self) -> mutation::Receipt {
        match self {
            Self::Committed { commit, rebuilt } => mutation::Receipt::Committed { commit: Raw::from(commit.as_str()), rebuilt: *rebuilt },
            Self::Beside { commit, link } => mutation::Receipt::Beside { commit: Raw::from(commit.as_str()), link: link.clone() },
            Self::Opened { number, url } => mutation::Receipt::Opened { number: *number, url: url.clone() },
            Self::Accepted => mutation::Receipt::Accepted,
            Self::Applied => mutation::Receipt::Applied,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::base::OperationId;
    use crate::domain::testing::app_key;
    use crate::domain::workload::{WorkloadKey, WorkloadKind};
    use crate::operations::mutation::{Acting, Mutation, Operation, Patch, Sync, Target};
    use crate::operations::record::Requested;
    use crate::operations::tests::{World, to};

    #[test]
    fn what_was_recorded_can_be_looked_for() {
        let target = Target { app: app_key("checkout"), project: "shop".into() };
        let operation = |op, path: &str, value| Operation { op, path: path.to_owned(), value };
        let workload = WorkloadKey { cluster: "prod".into(), namespace: "shop".into(), kind: WorkloadKind::Rollout, name: "checkout".into() };
        let operations = vec![
            operation("test", "/metadata/uid", Some("4 7".into())),
            operation("remove", "/status/pauseConditions", None),
            operation("add", "/status/promoteFull", Some(true.into())),
        ];
        let patch = Patch { workload, status: true, awaits: true, operations };
        let all = [
            Mutation::Act(Box::new(Acting { target: target.clone(), action: "promote-full", patch: patch.clone() })),
            Mutation::Patch(patch),
            Mutation::Refresh(target.clone()),
            Mutation::Terminate(target.clone()),
            Mutation::Rollback { target: target.clone(), history: 7 },
            Mutation::Sync(Sync { target, revision: Some("c0ffee".into()), prune: false }),
        ];
        let id = OperationId::read("0195a3c8-7e2b-7c11-9f6d-2b8f6f1f7c2f").unwrap();
        for mutation in all {
            assert_eq!(Requested::of(&mutation, &id).again(), Some(mutation));
        }
        let plan = World::new().plan(&to("production")).unwrap();
        let commit = plan.mutations().next().unwrap();
        let Some(Mutation::Commit(again)) = Requested::of(commit, &id).again() else { panic!("no commit") };
        let planned = plan.commit().unwrap();
        assert_eq!((again.repository, again.branch, again.head), (planned.repository.clone(), planned.branch.clone(), planned.head.clone()));
        assert!(again.files.is_empty());
    }
}
