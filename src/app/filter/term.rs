//! One term of a filter: how it is read, and whether it holds for a placement. It knows no rows and no columns.

use super::{Sight, TERMS};
use crate::app::own::CellKey;
use crate::base::Safe;
use crate::base::nearest::nearest;
use crate::domain::attention::Attention;
use crate::domain::fleet::Placement;
use crate::domain::{EnvironmentName, Known, PlacementName, ServiceName};
use crate::safe;

/// A term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Term {
    /// It must not hold.
    pub(super) negated: bool,
    pub(super) what: What,
}

/// What a term asks. Of several values one is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    Word(String),
    Environment(Vec<String>),
    Service(Vec<String>),
    Team(Vec<String>),
    Version(Vec<String>),
    Cluster(Vec<String>),
    Health(Vec<&'static str>),
    Sync(Vec<&'static str>),
    Behind(Compared),
    Is(Vec<Is>),
}

/// A number and how another one has to stand to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Compared {
    than: Than,
    number: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Than {
    More,
    AtLeast,
    Same,
    AtMost,
    Less,
}

/// What something can be, by one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Is {
    Broken,
    Canary,
    Changed,
    Drifting,
    Favourite,
    Moving,
    Stale,
    Waiting,
    Watched,
}

const HEALTH: [&str; 6] = ["healthy", "suspended", "progressing", "missing", "degraded", "unknown"];
const SYNC: [&str; 3] = ["synced", "out-of-sync", "unknown"];
const IS: [(&str, Is); 9] = [
    ("broken", Is::Broken),
    ("canary", Is::Canary),
    ("changed", Is::Changed),
    ("drifting", Is::Drifting),
    ("favourite", Is::Favourite),
    ("moving", Is::Moving),
    ("stale", Is::Stale),
    ("waiting", Is::Waiting),
    ("watched", Is::Watched),
];

/// Reads one word in lower case. Nothing where it is not finished; in words where it is not understood.
pub(super) fn read(word: &str) -> Result<Option<Term>, Safe> {
    let (negated, word) = word.strip_prefix('-').map_or((false, word), |rest| (true, rest));
    let what = match word.split_once(':') {
        None if word.is_empty() => None,
        None => Some(What::Word(word.to_owned())),
        Some((name, values)) => read_named(name, values)?,
    };
    Ok(what.map(|what| Term { negated, what }))
}

fn read_named(name: &str, values: &str) -> Result<Option<What>, Safe> {
    let words: Vec<String> = values.split(',').filter(|value| !value.is_empty()).map(str::to_owned).collect();
    let is_known = TERMS.iter().any(|(known, _)| *known == name) || matches!(name, "environment" | "group");
    if is_known && words.is_empty() {
        return Ok(None);
    }
    Ok(Some(match name {
        "env" | "environment" => What::Environment(words),
        "service" => What::Service(words),
        "team" | "group" => What::Team(words),
        "version" => What::Version(words),
        "cluster" => What::Cluster(words),
        "health" => What::Health(among(name, &words, HEALTH.map(|word| (word, word)))?),
        "sync" => What::Sync(among(name, &words, SYNC.map(|word| (word, word)))?),
        "is" => What::Is(among(name, &words, IS)?),
        "behind" => return Compared::read(values).map(|compared| compared.map(What::Behind)),
        _ => {
            let names = TERMS.iter().map(|(name, _)| *name);
            return Err(match nearest(name, names.clone()) {
                Some(near) => safe!("'{name}:' is not known. Did you mean '{near}:'?"),
                None => safe!("'{name}:' is not known. There are {}.", names.collect::<Vec<_>>().join(": ") + ":"),
            });
        }
    }))
}

/// The known values that the words are parts of, `outofsync` and `out-of-sync` alike. A word that is part of none is told.
fn among<T: Copy, const N: usize>(name: &str, words: &[String], known: [(&'static str, T); N]) -> Result<Vec<T>, Safe> {
    let plain = |text: &str| text.replace(['-', '_'], "");
    let mut found = Vec::new();
    for word in words {
        let word = plain(word);
        let before = found.len();
        // The beginning of a word means that word: `sync:synced` is not `out-of-sync`, and `health:h` is on its way to `healthy`.
        found.extend(known.iter().filter(|(known, _)| plain(known).starts_with(&word)).map(|(_, value)| *value));
        if found.len() == before {
            let all = known.map(|(known, _)| known);
            return Err(match nearest(&word, all) {
                Some(near) => safe!("{name}: '{word}' is not known. Did you mean '{near}'?"),
                None => safe!("{name}: '{word}' is not known. There are {}.", all.join(", ")),
            });
        }
    }
    Ok(found)
}

impl Compared {
    fn read(text: &str) -> Result<Option<Self>, Safe> {
        let signs = [(">=", Than::AtLeast), ("<=", Than::AtMost), (">", Than::More), ("<", Than::Less), ("=", Than::Same), ("", Than::Same)];
        for (sign, than) in signs {
            let Some(number) = text.strip_prefix(sign) else { continue };
            if number.is_empty() {
                return Ok(None);
            }
            return match number.parse() {
                Ok(number) => Ok(Some(Self { than, number })),
                Err(_) => Err(safe!("behind: '{text}' is no number of versions. It is written behind:>0, behind:2 or behind:<=3.")),
            };
        }
        Ok(None)
    }

    pub(super) const fn holds(self, number: u32) -> bool {
        match self.than {
            Than::More => number > self.number,
            Than::AtLeast => number >= self.number,
            Than::Same => number == self.number,
            Than::AtMost => number <= self.number,
            Than::Less => number < self.number,
        }
    }
}

/// A placement and where it is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) sight: Sight<'a>,
    pub(super) service: &'a ServiceName,
    pub(super) environment: &'a EnvironmentName,
    pub(super) placement: &'a Placement,
}

impl What {
    pub(super) fn holds(&self, place: Place<'_>) -> bool {
        let Place { service, environment, placement, sight } = place;
        let any = |words: &[String], text: &str| words.iter().any(|word| has(text, word));
        match self {
            Self::Word(word) => {
                has(service.as_wire(), word)
                    || has(environment.as_wire(), word)
                    || placement.parts.iter().any(|part| has(part.app.name.as_wire(), word))
            }
            Self::Service(words) => any(words, service.as_wire()),
            Self::Team(words) => sight.fleet.group_of(service).is_some_and(|group| any(words, group.as_str())),
            Self::Version(words) => placement.version_text().is_some_and(|version| any(words, version.as_str())),
            Self::Cluster(words) => match &placement.cluster {
                Known::Known(cluster) => any(words, cluster.as_wire()),
                Known::Unknown(_) => false,
            },
            Self::Health(words) => words.contains(&placement.health.word()),
            Self::Sync(words) => words.contains(&placement.sync.word()),
            Self::Behind(compared) => behind(placement).is_some_and(|number| compared.holds(number)),
            Self::Is(states) => states.iter().any(|state| state.holds(place)),
            // Looked at before: it chooses the placements.
            Self::Environment(_) => true,
        }
    }
}

impl Is {
    fn holds(self, place: Place<'_>) -> bool {
        let Place { sight, placement, .. } = place;
        let key = || CellKey { service: place.service.clone(), environment: place.environment.clone(), placement: placement.name.clone() };
        match self {
            Self::Broken => Attention::of(placement) == Attention::Broken,
            Self::Moving => Attention::of(placement) == Attention::Moving,
            Self::Drifting => Attention::of(placement) == Attention::Drifts,
            Self::Waiting => matches!(Attention::of(placement), Attention::WaitsForPerson | Attention::TurnedBack),
            Self::Canary => placement.open_canary().is_some(),
            Self::Stale => sight.fleet.stale_since(placement, sight.now).is_some(),
            Self::Favourite => sight.own.favourites.contains(place.service),
            Self::Changed => sight.own.marks.has(place.service, place.environment, &placement.name),
            Self::Watched => sight.own.watched.contains_key(&key()),
        }
    }
}

/// How many versions a placement is behind the environment before it, where it is known.
pub(super) fn behind(placement: &Placement) -> Option<u32> {
    placement.behind.as_ref()?.count().and_then(|count| u32::try_from(count).ok())
}

/// Whether a word names this environment, or this placement of it: `production`, `eu`, `production-eu`, `production·eu`.
pub(super) fn names(word: &str, environment: &EnvironmentName, placement: &PlacementName) -> bool {
    has(environment.as_wire(), word)
        || !placement.0.is_empty()
            && (has(placement.as_wire(), word)
                || word
                    .split_once(['-', '·'])
                    .is_some_and(|(before, after)| environment.as_wire().eq_ignore_ascii_case(before) && has(placement.as_wire(), after)))
}

/// Whether a text contains a word, which is in lower case, whatever the case of the text.
fn has(text: &str, word: &str) -> bool {
    if text.is_ascii() && word.is_ascii() {
        return word.is_empty() || text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word.as_bytes()));
    }
    text.to_lowercase().contains(word)
}
