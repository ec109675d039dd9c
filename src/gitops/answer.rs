//! What a repository wants of the applications it was asked about, how that came about, and which of the answers changed since the last time.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use git2::{Oid, Repository};

use crate::base::{Raw, Safe, Timestamp};
use crate::domain::AppKey;
use crate::domain::application::Origin;
use crate::domain::desired::{Address, Commit, Desired, ValueKeys, Wish};
use crate::domain::health::{Known, Why};
use crate::domain::image::Image;
use crate::gitops::history::{self, Walk};
use crate::gitops::index::{Chain, Index};
use crate::gitops::mirror::{self, Heads, Mirror, Resolved};
use crate::gitops::trees::{Files, Indexed, Plain};
use crate::manifest::tree::{Inputs, Tree};
use crate::manifest::{self, Question, Wanted};

/// With more commits than this to be read first, the present is told before the past.
const MANY: usize = 2_000;

/// How many applications are read with one handle of the repository.
const RENEWED: usize = 500;

/// Reads one mirror for the applications that it was asked about. It blocks; it belongs to a thread that may.
#[derive(Debug)]
pub struct Reader {
    name: Raw,
    mirror: Mirror,
    addresses: Vec<Address>,
    keys: ValueKeys,
    index: Option<Index>,
    heads: Heads,
    /// What was said about branches whose history was rewritten.
    remarks: BTreeMap<String, Safe>,
    asked: BTreeMap<AppKey, Asked>,
    /// Applications whose answer may have changed; `None`: any.
    open: Option<BTreeSet<AppKey>>,
    commits: HashMap<Oid, Arc<Commit>>,
}

#[derive(Debug)]
struct Asked {
    wish: Wish,
    told: Option<Told>,
}

/// What was answered, and what that depends on.
#[derive(Debug, Clone)]
struct Told {
    desired: Desired,
    revisions: Box<[Raw]>,
    tips: Vec<Option<Oid>>,
    inputs: Vec<Inputs>,
    /// Without its history: that was not read yet.
    is_early: bool,
}

/// The tip of one origin in this repository.
#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) tip: Resolved,
    /// `None` until the index knows it.
    pub(super) chain: Option<Arc<Chain>>,
}

/// What a read of the mirror needs for as long as it lasts.
pub(super) struct Round<'r> {
    pub(super) git: &'r Repository,
    pub(super) files: Files<'r>,
    pub(super) index: Option<&'r Index>,
    chains: HashMap<Oid, Arc<Chain>>,
    resolved: HashMap<Option<Raw>, Result<Resolved, Safe>>,
}

/// At which commit an origin is read.
#[derive(Debug, Clone)]
pub(super) enum At {
    Commit(Oid),
    Number(Arc<Chain>, u32),
}

impl Reader {
    /// A reader for the repository at these addresses. `keys`: keys of Helm values that the configuration names.
    #[must_use]
    pub fn new(name: Raw, mirror: Mirror, addresses: Vec<Address>, keys: ValueKeys) -> Self {
        Self {
            name,
            mirror,
            addresses,
            keys,
            index: None,
            heads: Heads::new(),
            remarks: BTreeMap::new(),
            asked: BTreeMap::new(),
            open: None,
            commits: HashMap::new(),
        }
    }

    /// The mirror that it reads.
    #[must_use]
    pub const fn mirror(&self) -> &Mirror {
        &self.mirror
    }

    /// Takes in which applications it is asked about. Returns whether one of them was compared with a commit that the mirror does not have: there
    /// is something to fetch.
    pub fn ask(&mut self, wishes: Vec<(AppKey, Option<Wish>)>) -> bool {
        let git = self.mirror.open().ok();
        let mut lacks = false;
        for (key, wish) in wishes {
            let Some(wish) = wish else {
                self.asked.remove(&key);
                continue;
            };
            if let Some(open) = &mut self.open {
                open.insert(key.clone());
            }
            lacks |= git.as_ref().is_none_or(|git| self.lacks(git, &wish));
            match self.asked.get_mut(&key) {
                Some(asked) => {
                    if asked.wish.origins != wish.origins {
                        // What was told depends on other files: it is worth nothing but for comparison.
                        if let Some(told) = &mut asked.told {
                            told.tips.clear();
                        }
                    }
                    asked.wish = wish;
                }
                None => _ = self.asked.insert(key, Asked { wish, told: None }),
            }
        }
        lacks
    }

    fn lacks(&self, git: &Repository, wish: &Wish) -> bool {
        let mut here = wish.origins.iter().zip(&wish.revisions).filter(|(origin, _)| self.is_here(origin)).map(|(_, revision)| revision.as_wire());
        here.any(|revision| revision.len() == 40 && Oid::from_str(revision).is_ok_and(|id| git.find_commit(id).is_err()))
    }

    fn is_here(&self, origin: &Origin) -> bool {
        origin.chart.is_none() && self.addresses.contains(&Address::read(origin.repository.as_wire()))
    }

    /// Notes what was fetched: whose history was rewritten.
    pub fn fetched(&mut self, now: Timestamp) -> Result<(), git2::Error> {
        let git = self.mirror.open()?;
        let heads = mirror::heads(&git)?;
        for name in mirror::rewritten(&git, &self.heads, &heads) {
            let branch = Safe::clean(name.trim_start_matches("refs/heads/"));
            tracing::warn!(repository = %self.name.shown(), %branch, "the history of a branch was rewritten");
            self.remarks.insert(name, crate::safe!("The history of {branch} was rewritten (seen {now:.0})"));
        }
        if self.heads != heads {
            self.heads = heads;
            self.open = None;
        }
        Ok(())
    }

    /// The present of all applications that were never answered, without its history, where reading that takes long. Nothing otherwise.
    pub fn early(&mut self) -> Result<Vec<(AppKey, Desired)>, git2::Error> {
        let git = self.mirror.open()?;
        let index = self.index.take().unwrap_or_else(|| Index::load(&self.mirror.index()));
        let new = self.asked.values().filter(|asked| asked.told.is_none());
        let mut tips: Vec<Oid> = new
            .flat_map(|asked| &asked.wish.origins)
            .filter(|origin| self.is_here(origin))
            .filter_map(|origin| mirror::resolve(&git, origin.target_revision.as_ref().map(Raw::as_wire)).ok().map(|tip| tip.commit))
            .collect();
        tips.sort_unstable();
        tips.dedup();
        let missing = tips.into_iter().map(|tip| index.missing(&git, tip, MANY)).collect::<Result<Vec<_>, _>>();
        self.index = Some(index);
        if missing?.into_iter().all(|missing| missing < MANY) {
            return Ok(Vec::new());
        }
        drop(git);
        self.answer(false)
    }

    /// What changed of all answers, with their histories. The index is brought up to date first.
    pub fn read(&mut self) -> Result<Vec<(AppKey, Desired)>, git2::Error> {
        let git = self.mirror.open()?;
        let mut index = self.index.take().unwrap_or_else(|| Index::load(&self.mirror.index()));
        let mut tips: Vec<Oid> = Vec::new();
        let mut targets: Vec<Option<&Raw>> = self
            .asked
            .iter()
            // Nothing new was fetched: only those that were spoken of since can name another revision.
            .filter(|(key, _)| self.open.as_ref().is_none_or(|open| open.contains(*key)))
            .flat_map(|(_, asked)| &asked.wish.origins)
            .filter(|origin| self.is_here(origin))
            .map(|origin| origin.target_revision.as_ref())
            .collect();
        targets.sort_unstable();
        targets.dedup();
        for target in targets {
            tips.extend(mirror::resolve(&git, target.map(Raw::as_wire)).ok().map(|tip| tip.commit));
        }
        for tip in tips {
            if let Err(error) = index.extend(&|| self.mirror.open(), tip, &self.mirror.index()) {
                tracing::warn!(repository = %self.name.shown(), %error, "the history of a branch was not read");
            }
        }
        self.index = Some(index);
        drop(git);
        self.answer(true)
    }

    fn answer(&mut self, with_history: bool) -> Result<Vec<(AppKey, Desired)>, git2::Error> {
        let index = self.index.take();
        let mut asked = std::mem::take(&mut self.asked);
        let open = if with_history { self.open.replace(BTreeSet::new()) } else { self.open.clone() };
        let is_open = |key: &&AppKey| open.as_ref().is_none_or(|open| open.contains(*key));
        let keys: Vec<AppKey> = asked.keys().filter(is_open).cloned().collect();
        let (mut changed, mut result) = (Vec::new(), Ok(()));
        for keys in keys.chunks(RENEWED) {
            // What the library keeps of objects it has read grows without a bound that could be set safely: it goes with the handle.
            let git = match self.mirror.open() {
                Ok(git) => git,
                Err(error) => {
                    result = Err(error);
                    self.open = None;
                    break;
                }
            };
            let index = index.as_ref().filter(|_| with_history);
            let mut round = Round { git: &git, files: Files::new(&git), index, chains: HashMap::new(), resolved: HashMap::new() };
            for key in keys {
                let Some(asked) = asked.get_mut(key) else { continue };
                let Some(told) = self.one(&mut round, key, &asked.wish, asked.told.as_ref()) else { continue };
                if asked.told.as_ref().is_none_or(|before| !is_same(&before.desired, &told.desired)) {
                    changed.push((key.clone(), told.desired.clone()));
                }
                asked.told = Some(told);
            }
        }
        self.asked = asked;
        self.index = index;
        result.map(|()| changed)
    }

    /// The answer for one application; `None`: it is what it was, and depends on what it did.
    fn one(&mut self, round: &mut Round<'_>, key: &AppKey, wish: &Wish, before: Option<&Told>) -> Option<Told> {
        let mut places: Vec<Option<Place>> = Vec::new();
        for origin in &wish.origins {
            if !self.is_here(origin) {
                places.push(None);
                continue;
            }
            match round.resolve(origin.target_revision.as_ref()) {
                Ok(tip) => places.push(Some(round.place(tip))),
                Err(why) => return Some(self.unresolved(wish, before, &why)),
            }
        }
        let primary = primary(&wish.origins, &places);
        let tips: Vec<Option<Oid>> = places.iter().map(|place| place.as_ref().map(|place| place.tip.commit)).collect();
        let remark =
            primary.and_then(|primary| places.get(primary)?.as_ref()?.tip.reference.as_ref()).and_then(|name| self.remarks.get(name)).cloned();
        let is_early = round.index.is_none();
        if let Some(before) = before
            && (!before.is_early || is_early)
            && before.desired.remark == remark
            && round.is_untouched(&before.tips, &places, &before.inputs)
        {
            if before.revisions == wish.revisions {
                return (before.tips != tips).then(|| Told { tips, ..before.clone() });
            }
            let compared = self.compared(round, key, wish, &places, &before.desired.images, &before.inputs);
            return Some(Told { desired: Desired { compared, ..before.desired.clone() }, revisions: wish.revisions.clone(), tips, ..before.clone() });
        }
        let at: Vec<Option<At>> = places.iter().map(|place| place.as_ref().map(Place::at)).collect();
        let wanted = evaluate(round, &self.keys, key, &wish.origins, &at);
        let images = known(&wanted);
        let compared = self.compared(round, key, wish, &places, &images, &wanted.inputs);
        let (history, is_whole) = match (round.index, primary) {
            (Some(index), Some(primary)) => self.history(round, index, key, wish, &places, primary, &wanted, &images),
            _ => (Vec::new(), false),
        };
        let revision = primary.and_then(|primary| tips.get(primary).copied().flatten()).map(|tip| Raw::from(tip.to_string())).unwrap_or_default();
        let desired = Desired {
            repository: self.name.clone(),
            images,
            revision,
            file: wanted.file.map(Raw::from),
            overridden: wanted.overridden,
            compared,
            history: history.into(),
            is_whole,
            remark,
        };
        Some(Told { desired, revisions: wish.revisions.clone(), tips, inputs: wanted.inputs, is_early })
    }

    fn unresolved(&self, wish: &Wish, before: Option<&Told>, why: &Safe) -> Told {
        let desired = Desired {
            repository: self.name.clone(),
            images: Known::Unknown(Why(why.clone())),
            revision: Raw::default(),
            file: None,
            overridden: None,
            compared: None,
            // What was is still true.
            history: before.map(|told| Arc::clone(&told.desired.history)).unwrap_or_default(),
            is_whole: before.is_some_and(|told| told.desired.is_whole),
            remark: None,
        };
        Told { desired, revisions: wish.revisions.clone(), tips: Vec::new(), inputs: Vec::new(), is_early: false }
    }

    /// What it wanted at the revisions that Argo CD compared it with.
    fn compared(
        &self,
        round: &Round<'_>,
        key: &AppKey,
        wish: &Wish,
        places: &[Option<Place>],
        images: &Known<Arc<[Image]>>,
        inputs: &[Inputs],
    ) -> Option<Arc<[Image]>> {
        let mut is_same = true;
        let mut at = Vec::new();
        for (number, place) in places.iter().enumerate() {
            let Some(place) = place else {
                at.push(None);
                continue;
            };
            let id = Oid::from_str(wish.revisions.get(number)?.as_wire()).ok()?;
            is_same &= id == place.tip.commit || inputs.get(number).is_some_and(|inputs| round.is_untouched_since(id, place, inputs));
            round.git.find_commit(id).ok()?;
            at.push(Some(At::Commit(id)));
        }
        if at.iter().all(Option::is_none) {
            return None;
        }
        if is_same { images.as_known().cloned() } else { evaluate(round, &self.keys, key, &wish.origins, &at).images.ok().map(Into::into) }
    }

    #[expect(clippy::too_many_arguments, reason = "all that an answer is made of, in one place")]
    fn history(
        &mut self,
        round: &Round<'_>,
        index: &Index,
        key: &AppKey,
        wish: &Wish,
        places: &[Option<Place>],
        primary: usize,
        wanted: &Wanted,
        images: &Known<Arc<[Image]>>,
    ) -> (Vec<crate::domain::desired::Change>, bool) {
        // What overrides the files from outside of git has no history there: the files' own is told.
        let has_own = |origin: &Origin| origin.images.is_empty() && origin.parameters.is_empty() && origin.values.is_none();
        let bare: Option<Vec<Origin>> = (!wish.origins.iter().all(has_own)).then(|| {
            let bare = |origin: &Origin| Origin { images: Box::default(), parameters: Box::default(), values: None, ..origin.clone() };
            wish.origins.iter().map(bare).collect()
        });
        let origins = bare.as_deref().unwrap_or(&wish.origins);
        let walk = Walk { round, index, keys: &self.keys, key, origins, places, primary };
        if bare.is_some() {
            let at: Vec<Option<At>> = places.iter().map(|place| place.as_ref().map(Place::at)).collect();
            let wanted = evaluate(round, &self.keys, key, origins, &at);
            let images = known(&wanted);
            return history::of(&walk, &wanted.inputs, images.as_known().cloned(), &mut self.commits);
        }
        history::of(&walk, &wanted.inputs, images.as_known().cloned(), &mut self.commits)
    }
}

/// Whether two answers tell the same. That the branch went on with what does not concern the application is no news.
fn is_same(before: &Desired, now: &Desired) -> bool {
    *before == Desired { revision: before.revision.clone(), ..now.clone() } || before == now
}

fn known(wanted: &Wanted) -> Known<Arc<[Image]>> {
    match &wanted.images {
        Ok(images) => Known::Known(images.clone().into()),
        Err(trouble) => Known::Unknown(Why(trouble.why().clone())),
    }
}

/// The origin whose branch has the history of the version: the one with the values, else the first with manifests.
fn primary(origins: &[Origin], places: &[Option<Place>]) -> Option<usize> {
    let here = |number: &usize| places.get(*number).is_some_and(Option::is_some);
    let is_referred = origins.iter().any(|origin| origin.value_files.iter().any(|file| file.as_wire().starts_with('$')));
    let by = |wanted: &dyn Fn(&Origin) -> bool| (0..origins.len()).filter(here).find(|number| origins.get(*number).is_some_and(wanted));
    let referred = if is_referred { by(&|origin| origin.reference.is_some()) } else { None };
    referred.or_else(|| by(&|origin| origin.path.is_some())).or_else(|| by(&|_| true))
}

/// Reads what the origins want, each at its commit.
pub(super) fn evaluate(round: &Round<'_>, keys: &ValueKeys, key: &AppKey, origins: &[Origin], at: &[Option<At>]) -> Wanted {
    let trees: Vec<Option<Box<dyn Tree + '_>>> = at.iter().map(|at| at.as_ref().and_then(|at| round.tree(at))).collect();
    let trees: Vec<Option<&dyn Tree>> = trees.iter().map(Option::as_deref).collect();
    let question = Question { namespace: key.namespace.as_wire(), name: key.name.as_wire(), origins, keys };
    manifest::read(&question, &trees)
}

impl Place {
    fn at(&self) -> At {
        match &self.chain {
            Some(chain) => At::Number(Arc::clone(chain), chain.head),
            None => At::Commit(self.tip.commit),
        }
    }
}

impl Round<'_> {
    fn resolve(&mut self, target: Option<&Raw>) -> Result<Resolved, Safe> {
        let git = self.git;
        self.resolved.entry(target.cloned()).or_insert_with(|| mirror::resolve(git, target.map(Raw::as_wire))).clone()
    }

    fn place(&mut self, tip: Resolved) -> Place {
        let known = self.chains.get(&tip.commit).cloned();
        let chain = known.or_else(|| {
            let chain = Arc::new(self.index?.chain(tip.commit)?);
            self.chains.insert(tip.commit, Arc::clone(&chain));
            Some(chain)
        });
        Place { tip, chain }
    }

    fn tree<'s>(&'s self, at: &'s At) -> Option<Box<dyn Tree + 's>> {
        match at {
            At::Number(chain, number) => {
                let index = self.index?;
                Some(Box::new(Indexed { files: &self.files, index, chain, number: *number }))
            }
            At::Commit(id) => {
                let root = self.git.find_commit(*id).ok()?.tree().ok()?;
                Some(Box::new(Plain { files: &self.files, root }))
            }
        }
    }

    /// Whether nothing that an answer depends on was touched since it was given.
    fn is_untouched(&self, before: &[Option<Oid>], places: &[Option<Place>], inputs: &[Inputs]) -> bool {
        if before.len() != places.len() || inputs.len() != places.len() {
            return false;
        }
        before.iter().zip(places).zip(inputs).all(|((before, place), inputs)| match (before, place) {
            (None, None) => true,
            (Some(before), Some(place)) => *before == place.tip.commit || self.is_untouched_since(*before, place, inputs),
            _ => false,
        })
    }

    /// Whether a commit is on the branch, and none after it touched these paths.
    fn is_untouched_since(&self, commit: Oid, place: &Place, inputs: &Inputs) -> bool {
        let (Some(index), Some(chain)) = (self.index, &place.chain) else { return false };
        let Some(number) = index.number(commit).filter(|number| *number <= chain.head && index.is_on(chain, *number)) else { return false };
        index.newest(chain, chain.head, inputs).is_none_or(|newest| newest <= number)
    }
}
