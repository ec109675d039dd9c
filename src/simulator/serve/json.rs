//! Cuts stored objects as bytes: finds a value by its path, takes some fields out of an object. Nothing is parsed, so that thousands of objects are cut
//! in milliseconds; it reads only JSON without white space, as stores hold it.

use std::collections::BTreeMap;

/// How long the value is that these bytes begin with.
fn value_length(bytes: &[u8]) -> Option<usize> {
    match bytes.first()? {
        b'"' => string_length(bytes),
        b'{' | b'[' => {
            let (mut depth, mut position) = (0_usize, 0);
            while let Some(byte) = bytes.get(position) {
                match byte {
                    b'"' => {
                        position += string_length(bytes.get(position..)?)?;
                        continue;
                    }
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' => {
                        depth -= 1;
                        if depth == 0 {
                            return Some(position + 1);
                        }
                    }
                    _ => {}
                }
                position += 1;
            }
            None
        }
        _ => Some(bytes.iter().position(|byte| matches!(byte, b',' | b']' | b'}')).unwrap_or(bytes.len())),
    }
}

/// How long a string is, quotes included.
fn string_length(bytes: &[u8]) -> Option<usize> {
    let mut position = 1;
    loop {
        match bytes.get(position)? {
            b'\\' => position += 2,
            b'"' => return Some(position + 1),
            _ => position += 1,
        }
    }
}

/// The members of an object, keys in their quotes, or the elements of an array, without keys.
struct Parts<'a> {
    rest: &'a [u8],
    has_keys: bool,
}

impl<'a> Parts<'a> {
    fn of(value: &'a [u8]) -> Self {
        Self { rest: value.get(1..).unwrap_or_default(), has_keys: value.first() == Some(&b'{') }
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.first() == Some(&b',') {
            self.take(1)?;
        }
        if matches!(self.rest.first()?, b'}' | b']') {
            return None;
        }
        let mut key: &[u8] = &[];
        if self.has_keys {
            key = self.take(string_length(self.rest)?)?;
            self.take(1)?;
        }
        let value = self.take(value_length(self.rest)?)?;
        Some((key, value))
    }
}

/// The value at a path of keys that need no escapes, as its bytes.
pub(super) fn find<'a>(object: &'a [u8], path: &[&str]) -> Option<&'a [u8]> {
    path.iter().try_fold(object, |value, wanted| {
        let bare = |key: &'a [u8]| key.get(1..key.len().saturating_sub(1));
        (value.first() == Some(&b'{')).then(|| Parts::of(value).find(|(key, _)| bare(key) == Some(wanted.as_bytes())).map(|(_, value)| value))?
    })
}

/// The text at a path.
pub(super) fn text(object: &[u8], path: &[&str]) -> Option<String> {
    serde_json::from_slice(find(object, path)?).ok()
}

/// Which fields of an object are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Fields {
    /// By key in its quotes.
    branches: BTreeMap<Vec<u8>, Branch>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Branch {
    Whole {
        /// What is written before and behind the value.
        before: Vec<u8>,
        behind: Vec<u8>,
        /// Written as `null` where it is missing.
        or_null: bool,
    },
    Part(Fields),
}

impl Fields {
    /// Wants the value at a path, with keys divided by dots.
    pub(super) fn want(&mut self, path: &str) {
        self.add(path, None, false);
    }

    /// The same, and `null` where it is missing.
    pub(super) fn want_or_null(&mut self, path: &str) {
        self.add(path, None, true);
    }

    /// Wants the value at a path under other keys: those that take the place of its last one.
    pub(super) fn want_as(&mut self, path: &str, shown: &[&str]) {
        self.add(path, Some(shown), false);
    }

    fn add(&mut self, path: &str, shown: Option<&[&str]>, or_null: bool) {
        let quoted = |key: &str| serde_json::to_vec(key).unwrap_or_default();
        let Some((key, rest)) = path.split_once('.') else {
            let own = [path];
            let shown = shown.unwrap_or(&own);
            let mut before = Vec::new();
            for (depth, key) in shown.iter().enumerate() {
                if depth > 0 {
                    before.push(b'{');
                }
                before.extend(quoted(key));
                before.push(b':');
            }
            let behind = vec![b'}'; shown.len().saturating_sub(1)];
            self.branches.insert(quoted(path), Branch::Whole { before, behind, or_null });
            return;
        };
        let branch = self.branches.entry(quoted(key)).or_insert_with(|| Branch::Part(Self::default()));
        // Who wants the whole of it has this part of it already.
        if let Branch::Part(fields) = branch {
            fields.add(rest, shown, or_null);
        }
    }

    /// Writes what is wanted of an object, and whether that was anything. Objects of which nothing is wanted are left out; of arrays the elements are
    /// cut.
    pub(super) fn cut(&self, value: &[u8], out: &mut Vec<u8>) -> bool {
        match value.first() {
            Some(b'{') => self.cut_object(value, out),
            Some(b'[') => {
                out.push(b'[');
                for (position, (_, element)) in Parts::of(value).enumerate() {
                    if position > 0 {
                        out.push(b',');
                    }
                    if !self.cut(element, out) {
                        out.extend_from_slice(b"{}");
                    }
                }
                out.push(b']');
                true
            }
            _ => false,
        }
    }

    fn cut_object(&self, object: &[u8], out: &mut Vec<u8>) -> bool {
        let start = out.len();
        let mut seen: Vec<&[u8]> = Vec::new();
        let mut divider = b'{';
        for (key, value) in Parts::of(object) {
            let before_it = out.len();
            let is_written = match self.branches.get(key) {
                None => false,
                Some(Branch::Whole { before, behind, or_null }) => {
                    if *or_null {
                        seen.push(key);
                    }
                    out.push(divider);
                    out.extend_from_slice(before);
                    out.extend_from_slice(value);
                    out.extend_from_slice(behind);
                    true
                }
                Some(Branch::Part(fields)) => {
                    out.push(divider);
                    out.extend_from_slice(key);
                    out.push(b':');
                    fields.cut(value, out)
                }
            };
            if is_written {
                divider = b',';
            } else {
                out.truncate(before_it);
            }
        }
        for (key, branch) in &self.branches {
            if let Branch::Whole { before, or_null: true, .. } = branch
                && !seen.contains(&key.as_slice())
            {
                out.push(divider);
                out.extend_from_slice(before);
                out.extend_from_slice(b"null");
                divider = b',';
            }
        }
        if divider == b'{' {
            out.truncate(start);
            return false;
        }
        out.push(b'}');
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECT: &[u8] =
        br#"{"metadata":{"name":"a\"}b","labels":{"x":"1"}},"spec":{"project":"shop","list":[{"a":1,"b":{}},{"b":2}],"none":[]},"n":-1.5,"t":true}"#;

    #[test]
    fn values_are_found_by_their_paths() {
        assert_eq!(text(OBJECT, &["metadata", "name"]).unwrap(), "a\"}b");
        assert_eq!(find(OBJECT, &["spec", "list"]).unwrap(), br#"[{"a":1,"b":{}},{"b":2}]"#);
        assert_eq!(find(OBJECT, &["n"]).unwrap(), b"-1.5");
        assert_eq!(find(OBJECT, &["t"]).unwrap(), b"true");
        assert_eq!(find(OBJECT, &["n", "m"]), None);
        assert_eq!(find(OBJECT, &["spec", "nothing"]), None);
    }

    #[test]
    fn fields_are_cut_out() {
        let cut = |wants: &[&str]| {
            let mut fields = Fields::default();
            for want in wants {
                match want.split_once('=') {
                    Some((path, "null")) => fields.want_or_null(path),
                    Some((path, shown)) => fields.want_as(path, &shown.split('.').collect::<Vec<_>>()),
                    None => fields.want(want),
                }
            }
            let mut out = Vec::new();
            fields.cut(OBJECT, &mut out);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(cut(&["metadata.name", "t"]), r#"{"metadata":{"name":"a\"}b"},"t":true}"#);
        assert_eq!(cut(&["spec.list.a", "spec.nothing.at.all"]), r#"{"spec":{"list":[{"a":1},{}]}}"#);
        assert_eq!(cut(&["metadata.labels=null", "metadata.annotations=null"]), r#"{"metadata":{"labels":{"x":"1"},"annotations":null}}"#);
        assert_eq!(cut(&["spec.project=operation.sync"]), r#"{"spec":{"operation":{"sync":"shop"}}}"#);
        assert_eq!(cut(&["metadata", "metadata.name"]), r#"{"metadata":{"name":"a\"}b","labels":{"x":"1"}}}"#);
        assert_eq!(cut(&["nothing", "spec.no"]), "");
    }
}
