//! What stands between a push and the gitops repository: hooks that git itself runs, over a file path as over HTTP. A protected branch, a hook with words,
//! somebody who is quicker. It knows the folder of a bare repository and nothing of the world.

use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use super::fault::{Push, Race, RaceOn};

/// Every hook that is written here, and what they read.
const FILES: [&str; 5] = ["update", "pre-receive", "race", "race-left", "words"];
/// Set by the HTTP server for a push whose race was run before it told what its branches are.
pub(super) const RACED: &str = "SIMULATED_RACE_IS_OVER";
/// What somebody who is quicker changes, where it is not the file of the push.
const ANOTHER: &str = "docs/on-call.md";

/// Lets pushes meet this from now on, instead of what they met.
pub(super) fn set(repository: &Path, push: Option<&Push>) -> io::Result<()> {
    let hooks = repository.join("hooks");
    std::fs::create_dir_all(&hooks)?;
    for name in FILES {
        match std::fs::remove_file(hooks.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    let write = |name: &str, mode: u32, text: &str| {
        let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(mode).open(hooks.join(name))?;
        file.write_all(text.as_bytes())
    };
    match push {
        None | Some(Push::Unauthorized | Push::Forbidden) => Ok(()),
        Some(Push::Protected) => write("update", 0o755, PROTECTED),
        Some(Push::Hook(words)) => {
            write("words", 0o644, &format!("{}\n", words.trim_end()))?;
            write("pre-receive", 0o755, "#!/bin/sh\ncat hooks/words >&2\nexit 1\n")
        }
        Some(Push::Race(Race { times, on, branch })) => {
            write("race-left", 0o644, &format!("{times}\n"))?;
            write("race", 0o755, RACE)?;
            let path = match on {
                RaceOn::AnotherFile => format!("path={ANOTHER}"),
                RaceOn::SameFile => "path=$(git diff --name-only \"$old\" \"$new\" | head -n 1)".to_owned(),
            };
            // New objects are in quarantine: what somebody else commits is none of theirs.
            write(
                "pre-receive",
                0o755,
                &format!(
                    "#!/bin/sh\n[ -z \"${RACED}\" ] || exit 0\nwhile read -r old new ref; do\n  [ \"$ref\" = \"refs/heads/{branch}\" ] || continue\n  \
                     git cat-file -e \"$old\" 2>/dev/null || continue\n  {path}\n  \
                     (unset GIT_QUARANTINE_PATH GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES; hooks/race \"$ref\" \"$path\")\ndone\nexit 0\n"
                ),
            )
        }
    }
}

/// What runs the race over HTTP before a push is told what the branches are: the reference and the path, if the fault is such a one.
pub(super) fn race_before(push: &Push) -> Option<[String; 2]> {
    match push {
        Push::Race(Race { on: RaceOn::AnotherFile, branch, .. }) => Some([format!("refs/heads/{branch}"), ANOTHER.to_owned()]),
        _ => None,
    }
}

/// In the words of GitHub. Other branches than those that deployments follow are open.
const PROTECTED: &str = r#"#!/bin/sh
case "$1" in
refs/heads/main | refs/heads/env/*)
  echo "error: GH006: Protected branch update failed for $1." >&2
  echo "error: " >&2
  echo "error: - Changes must be made through a pull request." >&2
  exit 1
  ;;
esac
exit 0
"#;

/// Commits a line at the end of a file of a branch, as long as there are races left. Arguments: the reference, the path.
const RACE: &str = r##"#!/bin/sh
set -e
left=$(cat hooks/race-left)
[ "$left" -gt 0 ] || exit 0
echo $((left - 1)) >hooks/race-left
head=$(git rev-parse "$1")
blob=$( (git cat-file blob "$head:$2" 2>/dev/null || true; echo "# looked over, $left") | git hash-object -w --stdin)
GIT_INDEX_FILE=$(mktemp -u)
export GIT_INDEX_FILE
git read-tree "$head"
git update-index --add --cacheinfo "100644,$blob,$2"
tree=$(git write-tree)
rm -f "$GIT_INDEX_FILE"
GIT_AUTHOR_NAME="Mara Lind" GIT_AUTHOR_EMAIL="mara.lind@acme.example"
GIT_COMMITTER_NAME=$GIT_AUTHOR_NAME GIT_COMMITTER_EMAIL=$GIT_AUTHOR_EMAIL
export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
commit=$(git commit-tree "$tree" -p "$head" -m "Look over $2")
git update-ref "$1" "$commit" "$head"
"##;
