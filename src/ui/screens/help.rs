//! What the keys do here, and what the signs mean.

use crate::app::command::Scope;
use crate::app::{COMMANDS, Model};
use crate::domain::{Health, Why};
use crate::ui::look::{Glyphs, Look, Tone};
use crate::ui::page::Page;

pub(in crate::ui) fn write(page: &mut Page, look: Look, model: &Model) {
    for scope in [Scope::Moving, Scope::Looking, Scope::Changing, Scope::Program] {
        page.tone(Tone::Strong).say(scope.title()).end(0);
        for command in COMMANDS.iter().filter(|command| command.scope == scope) {
            let refused = (command.available)(model).err();
            let tone = if refused.is_some() { Tone::Stale } else { Tone::Plain };
            page.tone(tone).say("  ").say(keys(look, command.intent)).column(18).say(command.title).column(29);
            match refused {
                Some(refusal) => page.say(refusal).end(29),
                None => page.say(command.help).end(29),
            }
        }
        page.blank();
    }
    legend(page, look);
}

fn keys(look: Look, intent: crate::app::Intent) -> String {
    let keys = look.keys.all_of(intent);
    if look.glyphs == Glyphs::Ascii { keys.replace('↵', "Enter") } else { keys }
}

/// Signs of the matrix and their meanings.
const SIGNS: &[(&str, &str)] = &[
    ("=", "the same version as in the environment before, and well"),
    ("–", "not deployed here"),
    ("→", "git wants another version; 2.1→2.2 where there is room"),
    ("~", "the cluster differs from git"),
    ("+4", "so many versions behind the environment before; ± that one never had ours"),
    ("↻", "a sync runs"),
    ("!", "the last sync failed, or a workload does not move on"),
    ("25%‖you", "a canary that waits for a person"),
    ("25%‖12m", "a canary in a pause that ends by itself, and when"),
    ("25%◐anl", "a canary that is being measured"),
    ("⤺", "turned back: users are on the stable version, git still wants the new one"),
    ("2.1+2.2", "several versions run; + ? a part whose version is not known"),
    ("·2.1", "changed, and you have not looked: move the cursor there, or press <mark-seen> for all"),
    ("◇2.1", "watched with <notify>: you are told when it becomes healthy or fails"),
    ("★", "a favourite, before its name"),
    ("?30s", "not current: last confirmed so long ago"),
    ("3d", "since the version changed"),
];

fn legend(page: &mut Page, look: Look) {
    page.tone(Tone::Strong).say("Signs").end(0);
    let why = || Why::new("");
    for (health, tone) in [
        (Health::Healthy, Tone::Plain),
        (Health::Progressing, Tone::Moving),
        (Health::Suspended, Tone::Waiting),
        (Health::Missing, Tone::Broken),
        (Health::Degraded, Tone::Broken),
        (Health::Unknown(why()), Tone::Info),
    ] {
        page.say("  ").tone(tone).say(look.health(&health)).tone(Tone::Plain).column(14).say(health.word()).end(14);
    }
    for (sign, meaning) in SIGNS {
        page.say("  ").say(sign).column(14).say(look.keys.told(meaning)).end(14);
    }
}
