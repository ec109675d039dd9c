//! Every case as it is written down.

use tiphys::manifest::edit::{carry, inverse};

use super::{Case, Files, laid};

fn told(files: &Files) -> String {
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).escape_debug().to_string().replace("\\n", "\\n\n");
    files.0.iter().map(|(path, bytes)| ["== ", path, "\n", &shown(bytes), "\n"].concat()).collect()
}

#[test]
fn every_case_gives_its_bytes_or_its_sentence() {
    let cases = Case::all();
    assert!(cases.len() >= 60, "the cases are not there");
    let mut wrong = Vec::new();
    for case in &cases {
        let name = &case.name;
        match (case.moved(&case.before, &case.version()), &case.asked.refused) {
            (Ok(moved), None) => {
                let changed: Files = laid(&Files::default(), &moved.files);
                if changed != case.after {
                    wrong.push(format!("{name}: {}wanted\n{}", told(&changed), told(&case.after)));
                }
            }
            (Err(refused), Some(sentence)) if refused.why().as_str() == sentence => {}
            (Err(refused), Some(_)) => wrong.push(format!("{name}: refused with\n{}", refused.why().as_str())),
            (Err(refused), None) => wrong.push(format!("{name}: is refused: {}", refused.why().as_str())),
            (Ok(moved), Some(_)) => wrong.push(format!("{name}: is not refused: {}", told(&laid(&Files::default(), &moved.files)))),
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
}

#[test]
fn every_case_goes_back_to_the_byte_and_forth_again() {
    for case in Case::all().iter().filter(|case| case.asked.refused.is_none()) {
        let moved = case.moved(&case.before, &case.version()).unwrap();
        let after = laid(&case.before, &moved.files);
        let back = inverse(&moved.edits);
        let undone =
            case.asking(&after, |_, trees| carry(trees, &back)).unwrap_or_else(|refused| panic!("{}: {}", case.name, refused.why().as_str()));
        let undone = laid(&after, &undone);
        assert_eq!(told(&undone), told(&case.before), "{}", case.name);
        let again = case.asking(&undone, |_, trees| carry(trees, &inverse(&back))).unwrap();
        assert_eq!(told(&laid(&undone, &again)), told(&case.changed()), "{}", case.name);
    }
}

#[test]
fn every_edit_says_where_it_is_and_what_changes() {
    for case in Case::all().iter().filter(|case| case.asked.refused.is_none()) {
        let moved = case.moved(&case.before, &case.version()).unwrap();
        for (index, edit) in moved.edits.iter().enumerate() {
            let before = String::from_utf8(case.before.0[edit.file.as_wire()].clone()).unwrap();
            let name = &case.name;
            assert!(edit.from().is_some() || edit.to().is_some() || edit.path.last().is_some(), "{name}");
            // The first edit of a file stands at its line of the file as it is.
            let is_first = moved.edits.iter().position(|other| other.file == edit.file) == Some(index);
            if let (true, Some(from)) = (is_first, edit.from()) {
                let line = before.lines().nth(edit.line - 1).unwrap_or_default();
                assert!(line.contains(from.as_wire()), "{name}: {} is not in line {}: {line}", from.as_wire(), edit.line);
            }
        }
    }
}

/// A way back is no inverse: it puts the version of before on whatever the files are then. The version is the same in every case; the bytes are wherever the
/// place was there before and its scalar was written as it would be written today.
#[test]
fn every_case_goes_back_by_putting_the_version_of_before_forward() {
    let (mut gone_back, mut to_the_byte) = (0, 0);
    for case in Case::all().iter().filter(|case| case.asked.refused.is_none() && case.asked.name.is_none()) {
        let images = |files: &Files| case.asking(files, |question, trees| tiphys::manifest::read(question, trees).images.unwrap_or_default());
        let wanted = images(&case.before);
        let Some(earlier) = wanted.iter().find(|image| image.repository.as_wire() == case.asked.image) else { continue };
        let version = tiphys::manifest::edit::Version { tag: earlier.tag.clone(), digest: earlier.digest.clone(), name: None };
        let moved = case.moved(&case.before, &case.version()).unwrap();
        let after = laid(&case.before, &moved.files);
        // What was wanted by no tag of its own cannot be said forward: a base that changes later would move it.
        let Ok(back) = case.moved(&after, &version) else { continue };
        let back = laid(&after, &back.files);
        let again = images(&back);
        let restored = again.iter().find(|image| image.repository == earlier.repository).unwrap();
        // What was left pins by tag alone, and an entry keeps its shape: the digest does not come back.
        let is_pinned = images(&after).iter().any(|image| image.repository == earlier.repository && image.digest.is_some());
        let digest = earlier.digest.as_ref().filter(|_| is_pinned || earlier.tag.is_none());
        assert_eq!((&restored.tag, restored.digest.as_ref()), (&earlier.tag, digest), "{}", case.name);
        gone_back += 1;
        to_the_byte += usize::from(back == case.before);
    }
    assert!(gone_back >= 60 && to_the_byte >= 40, "{gone_back} go back, {to_the_byte} of them to the byte");
}
