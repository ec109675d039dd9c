//! The guard against editors that do too much, and edits that do not fit any more.

use super::guard::{Read, judge};
use super::*;

fn key(name: &str) -> Step {
    Step::Key(name.to_owned())
}

fn set(path: &[Step], line: usize, from: &str, to: &str) -> Edit {
    let scalar = |written: &str| Scalar { text: Raw::from(written.trim_matches(['"', '\''])), written: Raw::from(written) };
    let change = Change::Set { from: scalar(from), to: scalar(to) };
    Edit { origin: 0, file: Raw::from("values.yaml"), path: path.to_vec(), line, change, restores: false }
}

fn judged(old: &str, new: &str, edit: &Edit) -> Result<(), String> {
    judge(&Read::of(old).unwrap(), old, new, edit).map_err(|hindrance| hindrance.what)
}

const OLD: &str = "a: &a 1.4.2 # old\nimage:\n  tag: \"1.4.2\"\nlist: [x, y]\n---\nother: 1\n";

#[test]
fn the_guard_lets_the_edit_pass_and_nothing_else() {
    let edit = set(&[key("image"), key("tag")], 3, "\"1.4.2\"", "\"1.10\"");
    let right = OLD.replace("\"1.4.2\"", "\"1.10\"");
    assert_eq!(judged(OLD, &right, &edit), Ok(()));
    assert_eq!(judged(OLD, &OLD.replace("\"1.4.2\"", "'1.10'"), &edit), Ok(()), "how it is quoted is not the guard's");
    for (what, wrong) in [
        ("nothing happened", OLD.to_owned()),
        ("a number", OLD.replace("\"1.4.2\"", "1.10")),
        ("another value", OLD.replace("\"1.4.2\"", "\"1.11\"")),
        ("another place", OLD.replace("1.4.2 # old", "1.10 # old")),
        ("another place too", right.replace("[x, y]", "[x, z]")),
        ("another document too", right.replace("other: 1", "other: 2")),
        ("a document gone", right.replace("---\nother: 1\n", "")),
        ("a comment gone", right.replace(" # old", "")),
        ("quotes elsewhere", right.replace("1.4.2 # old", "'1.4.2' # old")),
        ("a line more", right.replace("list:", "\nlist:")),
        ("the last line break", right.trim_end().to_owned()),
        ("no YAML", right.replace("[x, y]", "[x, y")),
        ("the order of a list", right.replace("[x, y]", "[y, x]")),
    ] {
        assert!(judged(OLD, &wrong, &edit).is_err(), "{what}: {wrong}");
    }
    let crlf = OLD.replace('\n', "\r\n");
    assert!(judged(&crlf, &right, &edit).is_err(), "line ends");
}

#[test]
fn the_guard_lets_nothing_come_or_go_besides_a_piece() {
    let piece = Piece {
        spot: Spot::Behind { beside: key("tag"), lines: 0 },
        written: Raw::from("\n  digest: sha256:ab"),
        says: Fresh::Text(Raw::from("sha256:ab")),
    };
    let edit = Edit { change: Change::Add(piece), ..set(&[key("image"), key("digest")], 4, "x", "y") };
    let right = OLD.replace("\"1.4.2\"\n", "\"1.4.2\"\n  digest: sha256:ab\n");
    assert_eq!(judged(OLD, &right, &edit), Ok(()));
    assert_eq!(judged(&right, OLD, &edit.inverse()), Ok(()));
    for wrong in [
        OLD.to_owned(),
        right.replace("sha256:ab", "sha256:cd"),
        right.replace("  digest", "  digestt"),
        right.replace("\n  digest", "\ndigest"),
        right.replace("digest: sha256:ab\n", "digest: sha256:ab\n  more: 1\n"),
        right.replace(" # old", ""),
    ] {
        assert!(judged(OLD, &wrong, &edit).is_err(), "{wrong}");
    }
    assert!(judged(&right, &OLD.replace("\"1.4.2\"", "\"1.5\""), &edit.inverse()).is_err());
}

#[test]
fn an_alias_does_not_move_along() {
    let old = "image: &i\n  tag: 1.4.2\njob: *i\n";
    let edit = set(&[key("image"), key("tag")], 2, "1.4.2", "1.5.0");
    let refused = put(old.as_bytes(), std::slice::from_ref(&edit)).unwrap_err();
    assert!(refused.why().as_str().starts_with("values.yaml:2: image.tag cannot be edited here without changing something else"), "{refused:?}");
    assert!(put(old.replace("job: *i\n", "").as_bytes(), &[edit]).is_ok(), "an anchor that nobody uses moves nothing");
}

#[test]
fn an_edit_that_does_not_fit_any_more_is_refused_with_its_place() {
    let edit = set(&[key("image"), key("tag")], 3, "\"1.4.2\"", "\"1.5.0\"");
    for (text, why) in [
        ("x: 1\nimage: {tag: 1.4.3}\n", "values.yaml:2: image.tag says '1.4.3' and not '1.4.2': plan again"),
        ("image: {}\n", "values.yaml:3: image.tag is not there any more: plan again"),
        ("image:\n  tag: [1.4.2]\n", "values.yaml:2: image.tag is no single value: nothing can be put there"),
        ("", "values.yaml:1: nothing is in this file yet: write image.tag into it once"),
    ] {
        assert_eq!(put(text.as_bytes(), std::slice::from_ref(&edit)).unwrap_err().why().as_str(), why);
    }
    let quoted_anew = put(b"image: {tag: '1.4.2'}\n", std::slice::from_ref(&edit)).unwrap();
    assert_eq!(String::from_utf8(quoted_anew).unwrap(), "image: {tag: '1.5.0'}\n", "quotes that changed meanwhile are kept");
    assert_eq!(put(b"as it is", &[]).unwrap(), b"as it is");
    let elsewhere = Edit { file: Raw::from("other.yaml"), ..edit.clone() };
    assert!(put(OLD.as_bytes(), &[edit, elsewhere]).unwrap_err().why().as_str().contains("two files"));
}

#[test]
fn an_edit_says_what_it_does_and_takes_itself_back() {
    let edit = set(&[key("image"), key("tag")], 3, "\"1.4.2\"", "\"1.5.0\"");
    assert_eq!((edit.from().unwrap().as_wire(), edit.to().unwrap().as_wire()), ("1.4.2", "1.5.0"));
    assert_eq!(edit.shown().as_str(), "values.yaml:3");
    assert_eq!(edit.inverse().inverse(), edit);
    let done = put(OLD.as_bytes(), std::slice::from_ref(&edit)).unwrap();
    assert_eq!(put(&done, &inverse(&[edit])).unwrap(), OLD.as_bytes());
}
