//! What a repository wants of the applications it was asked about, how that came about, and which of the answers changed since the last time.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use git2::{Oid, Repository};

use crate::base::{Raw, Safe, Timestamp};
use crate::domain::AppKey;
use crate::domain::application::Origin;
use crate::domain::desired::{Address, Desired, ValueKeys, Wish};
use crate::domain::health::{Known, Why};
use crate::domain::image::Image;
use crate::gitops::common::Common;
use crate::gitops::history::{self, Before, Walk};
use crate::gitops::index::Index;
use crate::gitops::mirror::{self, Heads, Mirror};
use crate::gitops::round::{At, Place, Round, evaluate};
use crate::gitops::saved::{self, Saved, Sum};
use crate::gitops::ties::{Newest, Ties, Told};
use crate::manifest::Wanted;

/// With more commits than this to be read first, the present is told before the past.
const MANY: usize = 2_000;

/// How many applications are read with one handle of the repository.
const RENEWED: usize = 500;

/// One in so many answers has to be new before all of them are written to disk again: what is there stays true of what nobody touched.
const WORTH_SAVING: usize = 20;

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
    newest: HashMap<Oid, Arc<Newest>>,
    /// What the last run left on disk and nobody asked for yet; `None`: that was not read, or everybody who asks was answered.
    saved: Option<Saved>,
    /// Answers since they were last written to disk.
    unsaved: usize,
}

#[derive(Debug)]
struct Asked {
    wish: Wish,
    told: Option<Told>,
}

/// The applications whose answer may have changed: a handful among thousands, most of the time.
fn open_of<'a>(asked: &'a BTreeMap<AppKey, Asked>, open: Option<&BTreeSet<AppKey>>) -> Vec<(&'a AppKey, &'a Asked)> {
    match open {
        None => asked.iter().collect(),
        Some(open) => open.iter().filter_map(|key| asked.get_key_value(key)).collect(),
    }
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
            newest: HashMap::new(),
            saved: None,
            unsaved: 0,
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
                            told.tips = Box::default();
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
            self.newest.clear();
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
        // Where nothing new was fetched, only those that were spoken of since can name another revision.
        let mut targets: Vec<Option<&Raw>> = open_of(&self.asked, self.open.as_ref())
            .into_iter()
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
            if let Err(error) = index.extend(&self.mirror, tip) {
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
        let keys: Vec<AppKey> = open_of(&asked, open.as_ref()).into_iter().map(|(key, _)| key.clone()).collect();
        let (mut changed, mut common, mut result) = (Vec::new(), Common::default(), Ok(()));
        let mut saved = if with_history { self.saved(keys.iter().filter_map(|key| asked.get(key))) } else { None };
        let newest = RefCell::new(std::mem::take(&mut self.newest));
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
            let mut round = Round::new(&git, index.as_ref().filter(|_| with_history), &newest);
            for key in keys {
                let Some(asked) = asked.get_mut(key) else { continue };
                let sum = || Sum::of(key, &asked.wish.origins, &self.keys);
                let is_new = asked.told.as_ref().is_none_or(|told| told.is_early);
                let kept = saved.as_mut().filter(|_| is_new).and_then(|saved| saved.remove(&sum()));
                let told = self.one(&mut round, &mut common, key, &asked.wish, kept.as_ref().or(asked.told.as_ref()));
                self.unsaved += usize::from(told.is_some());
                let Some(told) = told.or(kept) else { continue };
                if asked.told.as_ref().is_none_or(|before| !is_same(&before.desired, &told.desired)) {
                    changed.push((key.clone(), told.desired.clone()));
                }
                asked.told = Some(told);
            }
        }
        self.newest = newest.into_inner();
        self.asked = asked;
        self.index = index;
        self.saved = saved;
        if with_history && result.is_ok() {
            self.save();
        }
        result.map(|()| changed)
    }

    /// What the last run left, as long as somebody is asked about who was never answered.
    fn saved<'a>(&mut self, mut asked: impl Iterator<Item = &'a Asked>) -> Option<Saved> {
        let is_new = asked.any(|asked| asked.told.as_ref().is_none_or(|told| told.is_early));
        is_new.then(|| self.saved.take().unwrap_or_else(|| saved::load(&self.mirror.answers(), &self.name)))
    }

    /// Writes the answers to disk when enough of them are new.
    fn save(&mut self) {
        if self.unsaved == 0 || self.unsaved * WORTH_SAVING < self.asked.len() {
            return;
        }
        let tellable = self.asked.iter().filter_map(|(key, asked)| {
            let told = asked.told.as_ref().filter(|told| !told.is_early && !told.tips.is_empty())?;
            Some((Sum::of(key, &asked.wish.origins, &self.keys), told))
        });
        // A few were asked for: what many others were answered stays. The rest of many is of applications that are gone.
        let rest = self.saved.iter().filter(|rest| rest.len() > self.asked.len()).flatten().map(|(sum, told)| (*sum, told));
        match saved::save(&self.mirror.answers(), tellable.chain(rest)) {
            Ok(()) => self.unsaved = 0,
            Err(error) => tracing::warn!(repository = %self.name.shown(), %error, "the answers of a repository were not written"),
        }
    }

    /// The answer for one application; `None`: it is what it was, and depends on what it did.
    fn one(&self, round: &mut Round<'_>, common: &mut Common, key: &AppKey, wish: &Wish, before: Option<&Told>) -> Option<Told> {
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
        let tips: Box<[Option<Oid>]> = places.iter().map(|place| place.as_ref().map(|place| place.tip.commit)).collect();
        let remark =
            primary.and_then(|primary| places.get(primary)?.as_ref()?.tip.reference.as_ref()).and_then(|name| self.remarks.get(name)).cloned();
        let is_early = round.index.is_none();
        let before = before.filter(|before| !before.is_early || is_early);
        if let Some(before) = before
            && before.desired.remark == remark
            && round.is_untouched(&before.tips, &places, &before.ties)
        {
            if before.revisions == wish.revisions {
                return (before.tips != tips).then(|| Told { tips, ..before.clone() });
            }
            let compared = self.compared(round, common, key, wish, &places, &before.desired.images, &before.ties);
            return Some(Told { desired: Desired { compared, ..before.desired.clone() }, revisions: wish.revisions.clone(), tips, ..before.clone() });
        }
        let at: Vec<Option<At>> = places.iter().map(|place| place.as_ref().map(Place::at)).collect();
        let wanted = evaluate(round, &self.keys, key, &wish.origins, &at);
        let images = known(&wanted, common);
        let depends: Box<[Ties]> = wanted.inputs.iter().map(Ties::of).collect();
        let compared = self.compared(round, common, key, wish, &places, &images, &depends);
        let (history, is_whole) = match (round.index, primary) {
            (Some(index), Some(primary)) => {
                let (origins, bare) = bare(wish);
                let walk = Walk { round, index, keys: &self.keys, key, origins: &origins, places: &places, primary };
                let before = before.and_then(|before| told_before(&walk, before));
                // What overrides the files from outside of git has no history there: the files' own is told.
                let own = if bare { evaluate(round, &self.keys, key, &origins, &at) } else { wanted.clone() };
                history::of(&walk, &own.inputs, known(&own, common).into_known(), before, common)
            }
            _ => (Vec::new(), false),
        };
        let revision = primary.and_then(|primary| tips.get(primary).copied().flatten());
        let desired = Desired {
            repository: self.name.clone(),
            images,
            revision: revision.map(|tip| common.raw(&tip.to_string())).unwrap_or_default(),
            file: wanted.file.map(Raw::from),
            overridden: wanted.overridden.map(|words| common.safe(words)),
            compared,
            history: history.into(),
            is_whole,
            remark,
        };
        Some(Told { desired, revisions: wish.revisions.clone(), tips, ties: depends, is_early })
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
        Told { desired, revisions: wish.revisions.clone(), tips: Box::default(), ties: Box::default(), is_early: false }
    }

    /// What it wanted at the revisions that Argo CD compared it with.
    #[expect(clippy::too_many_arguments, reason = "all that an answer is made of, in one place")]
    fn compared(
        &self,
        round: &Round<'_>,
        common: &mut Common,
        key: &AppKey,
        wish: &Wish,
        places: &[Option<Place>],
        images: &Known<Arc<[Image]>>,
        ties: &[Ties],
    ) -> Option<Arc<[Image]>> {
        let mut is_same = true;
        let mut at = Vec::new();
        for (number, place) in places.iter().enumerate() {
            let Some(place) = place else {
                at.push(None);
                continue;
            };
            let id = Oid::from_str(wish.revisions.get(number)?.as_wire()).ok()?;
            is_same &= id == place.tip.commit || ties.get(number).is_some_and(|ties| round.is_untouched_since(id, place, ties));
            round.git.find_commit(id).ok()?;
            at.push(Some(At::Commit(id)));
        }
        if at.iter().all(Option::is_none) {
            return None;
        }
        if is_same {
            return images.as_known().cloned();
        }
        evaluate(round, &self.keys, key, &wish.origins, &at).images.ok().map(|images| common.images(&images))
    }
}

/// The origins without what overrides their files from outside of git, and whether there is such a thing.
fn bare(wish: &Wish) -> (Cow<'_, [Origin]>, bool) {
    let has_own = |origin: &Origin| origin.images.is_empty() && origin.parameters.is_empty() && origin.values.is_none();
    if wish.origins.iter().all(has_own) {
        return (Cow::Borrowed(&wish.origins), false);
    }
    let bare = |origin: &Origin| Origin { images: Box::default(), parameters: Box::default(), values: None, ..origin.clone() };
    (wish.origins.iter().map(bare).collect(), true)
}

/// What was told of the history before, where the branch that is walked went on from there and nothing else moved.
fn told_before<'b>(walk: &Walk<'_, '_>, before: &'b Told) -> Option<Before<'b>> {
    if before.tips.len() != walk.places.len() {
        return None;
    }
    let stayed = |(place, tip): (&Option<Place>, &Option<Oid>)| match (place, tip) {
        (None, None) => true,
        (Some(place), Some(tip)) => walk.is_moving(place) || place.tip.commit == *tip,
        _ => false,
    };
    let mut moving = walk.places.iter().zip(&before.tips).filter(|(place, _)| place.as_ref().is_some_and(|place| walk.is_moving(place)));
    let (place, tip) = moving.next()?;
    if !walk.places.iter().zip(&before.tips).all(stayed) || !moving.all(|(_, other)| other == tip) {
        return None;
    }
    let number = walk.index.number((*tip)?)?;
    let is_on = place.as_ref()?.chain.as_ref().is_some_and(|chain| number <= chain.head && walk.index.is_on(chain, number));
    is_on.then_some(Before { number, history: &before.desired.history, is_whole: before.desired.is_whole })
}

/// Whether two answers tell the same. That the branch went on with what does not concern the application is no news.
fn is_same(before: &Desired, now: &Desired) -> bool {
    *before == Desired { revision: before.revision.clone(), ..now.clone() } || before == now
}

fn known(wanted: &Wanted, common: &mut Common) -> Known<Arc<[Image]>> {
    match &wanted.images {
        Ok(images) => Known::Known(common.images(images)),
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
