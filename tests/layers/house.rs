//! What the modules of the sources declare and import, where a path leads, and which rule it breaks there.

use std::collections::{HashMap, HashSet};

use syn::visit::{self, Visit};

use super::written::{Written, is_test, leaves, name, written};
use super::{CLOCKS, CRATES, DICE, PAINTERS, ROOMS, Rule, Segments, TIMELESS, UNCLEANED};

/// What every module declares and imports: enough to follow a path to where it leads.
#[derive(Default)]
pub(super) struct House {
    pub(super) modules: HashMap<Segments, HashSet<String>>,
    pub(super) imports: HashMap<Segments, HashMap<String, Segments>>,
    pub(super) reexports: HashMap<Segments, Segments>,
    pub(super) globs: HashMap<Segments, Vec<Segments>>,
    pub(super) test_modules: HashSet<Segments>,
}

impl House {
    /// The path as seen from `module`, from the crate's root or another crate's name; imports are not followed.
    pub(super) fn absolute(&self, module: &[String], path: &Written) -> Segments {
        let mut rest = path.segments.as_slice();
        let mut base: Segments = match rest.first().map(String::as_str) {
            _ if path.leading_colon => return path.segments.clone(),
            Some("crate" | "tiphys") => vec!["crate".to_owned()],
            Some("self" | "super") => module.to_vec(),
            Some(first) if self.modules.get(module).is_some_and(|names| names.contains(first)) => {
                return module.iter().chain(rest).cloned().collect();
            }
            _ => return path.segments.clone(),
        };
        while let Some((first, others)) = rest.split_first() {
            match first.as_str() {
                "crate" | "tiphys" | "self" => {}
                "super" => drop(base.pop()),
                _ => break,
            }
            rest = others;
        }
        base.extend(rest.iter().cloned());
        base
    }

    /// What the first segment was imported as in `module`, if it was.
    pub(super) fn imported(&self, module: &[String], path: &Written) -> Option<&Segments> {
        let first = path.segments.first()?;
        let target = self.imports.get(module)?.get(first)?;
        (!path.leading_colon && target.first() != Some(first)).then_some(target)
    }

    /// Where a re-export sends the path: the longest way first would hide steps, so one step at a time.
    fn reexported(&self, path: &[String], depth: usize) -> Option<Segments> {
        let depth = depth.checked_sub(1)?;
        (2..=path.len()).find_map(|length| {
            let (head, rest) = path.split_at_checked(length)?;
            if let Some(target) = self.reexports.get(head) {
                return Some(target.iter().chain(rest).cloned().collect());
            }
            let (name, module) = head.split_last()?;
            self.globs.get(module)?.iter().find_map(|target| {
                let through: Segments = target.iter().chain(Some(name)).chain(rest).cloned().collect();
                self.reexported(&through, depth)
            })
        })
    }

    /// The rule that a path breaks when it stands in this room.
    pub(super) fn judge(&self, room: &str, in_test: bool, path: &[String], depth: usize) -> Option<(Rule, String)> {
        let names: Vec<&str> = path.iter().map(String::as_str).collect();
        if let Some(broken) = judge_clock(room, in_test, &names).or_else(|| judge_uncleaned(room, &names)) {
            return Some(broken);
        }
        match names.as_slice() {
            ["crate"] | ["crate", "*"] if room != "lib" => Some((Rule::Hidden, "brings in the root of the crate; name the room".to_owned())),
            ["crate", target, ..] if room != "lib" => {
                let known = ROOMS.iter().find(|(name, _)| *name == room).map_or(&[][..], |(_, known)| known);
                if !ROOMS.iter().any(|(name, _)| name == target) {
                    // A macro that is exported stands at the root; what counts is the room that wrote it.
                    let Some(home) = self.reexported(path, depth) else {
                        return Some((Rule::Hidden, format!("{target} is no room of the table in tests/layers.rs")));
                    };
                    return self.judge(room, in_test, &home, depth.checked_sub(1)?);
                }
                if *target != room && !known.contains(target) {
                    return Some((Rule::Direction, format!("{room} may not use {target}")));
                }
                let next = self.reexported(path, depth)?;
                let (rule, why) = self.judge(room, in_test, &next, depth.checked_sub(1)?)?;
                Some((rule, format!("leads to {}: {why}", next.join("::"))))
            }
            ["crate", ..] => None,
            _ => judge_crate(room, &names),
        }
    }
}

pub(super) fn judge_clock(room: &str, in_test: bool, names: &[&str]) -> Option<(Rule, String)> {
    if in_test || !TIMELESS.contains(&room) {
        return None;
    }
    let what = match names {
        ["tokio", "time", ..] => "waits on a timer",
        [first, ..] if DICE.contains(first) => "throws dice",
        [.., "thread", "sleep"] => "sleeps",
        _ if names.windows(2).any(|two| matches!(two, [clock, "now"] if CLOCKS.contains(clock))) => "reads a clock",
        [.., "Instant" | "SystemTime", "elapsed"] => "reads a clock",
        _ => return None,
    };
    Some((Rule::Clock, format!("{what}; in {room} time and chance enter as data")))
}

pub(super) fn judge_uncleaned(room: &str, names: &[&str]) -> Option<(Rule, String)> {
    let name = names.iter().find(|name| UNCLEANED.contains(name))?;
    (!PAINTERS.contains(&room)).then(|| (Rule::Safe, format!("{name} cleans nothing; hand out `Safe` text and let ui or runtime write it")))
}

fn judge_crate(room: &str, names: &[&str]) -> Option<(Rule, String)> {
    let (name, rooms) = CRATES.iter().find(|(name, _)| names.first() == Some(name))?;
    if !rooms.contains(&room) {
        return Some((Rule::Crate, format!("{name} is only for {}", rooms.join(", "))));
    }
    let (["crossterm", terminal @ ..] | ["ratatui", "crossterm", terminal @ ..]) = names else {
        return None;
    };
    let key = matches!(terminal, ["event", name, ..] if name.contains("Key"));
    (room == "ui" && !key).then(|| (Rule::Crate, "ui knows crossterm's key types only, each by name".to_owned()))
}

/// Fills the [`House`] with one file.
pub(super) struct Survey<'a> {
    pub(super) house: &'a mut House,
    pub(super) module: Segments,
}

impl<'ast> Visit<'ast> for Survey<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let child = name(&item.ident);
        self.house.modules.entry(self.module.clone()).or_default().insert(child.clone());
        self.module.push(child);
        if is_test(&item.attrs) {
            self.house.test_modules.insert(self.module.clone());
        }
        visit::visit_item_mod(self, item);
        self.module.pop();
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let public = !matches!(item.vis, syn::Visibility::Inherited);
        for leaf in leaves(item) {
            let mut target = self.house.absolute(&self.module, &leaf.path);
            if leaf.alias == "*" {
                target.pop();
                if public {
                    self.house.globs.entry(self.module.clone()).or_default().push(target);
                }
                continue;
            }
            if public {
                let here = self.module.iter().cloned().chain([leaf.alias.clone()]).collect();
                self.house.reexports.insert(here, target.clone());
            }
            self.house.imports.entry(self.module.clone()).or_default().insert(leaf.alias, target);
        }
    }

    fn visit_item_macro(&mut self, item: &'ast syn::ItemMacro) {
        if let Some(macro_name) = item.ident.as_ref().map(name)
            && item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"))
        {
            let home = self.module.iter().cloned().chain([macro_name.clone()]).collect();
            self.house.reexports.insert(vec!["crate".to_owned(), macro_name], home);
        }
    }

    fn visit_item_type(&mut self, item: &'ast syn::ItemType) {
        if let syn::Type::Path(target) = &*item.ty {
            let target = self.house.absolute(&self.module, &written(&target.path));
            let here = self.module.iter().cloned().chain([name(&item.ident)]).collect();
            self.house.reexports.insert(here, target.clone());
            self.house.imports.entry(self.module.clone()).or_default().insert(name(&item.ident), target);
        }
    }
}
