//! Paths as they are written in the sources.

use proc_macro2::Span;
use syn::spanned::Spanned;

use super::Segments;

pub(super) struct Written {
    pub(super) segments: Segments,
    pub(super) leading_colon: bool,
    pub(super) line: usize,
}

impl Written {
    pub(super) fn shown(&self) -> String {
        format!("{}{}", if self.leading_colon { "::" } else { "" }, self.segments.join("::"))
    }
}

pub(super) fn name(ident: &proc_macro2::Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map_or(text.clone(), str::to_owned)
}

pub(super) fn written(path: &syn::Path) -> Written {
    Written {
        segments: path.segments.iter().map(|segment| name(&segment.ident)).collect(),
        leading_colon: path.leading_colon.is_some(),
        line: path.span().start().line,
    }
}

/// One leaf of a `use`: the whole path, ending in `*` for a glob, and the name it has here.
pub(super) struct Leaf {
    pub(super) path: Written,
    pub(super) alias: String,
}

pub(super) fn leaves(item: &syn::ItemUse) -> Vec<Leaf> {
    let mut found = Vec::new();
    leaves_below(&item.tree, &Segments::new(), item.leading_colon.is_some(), &mut found);
    found
}

fn leaves_below(tree: &syn::UseTree, prefix: &[String], leading_colon: bool, found: &mut Vec<Leaf>) {
    let mut leaf = |last: String, alias: Option<&proc_macro2::Ident>, span: Span| {
        let mut segments = prefix.to_vec();
        if last != "self" || segments.is_empty() {
            segments.push(last);
        }
        let alias = alias.map(name).or_else(|| segments.last().cloned()).unwrap_or_default();
        found.push(Leaf { path: Written { segments, leading_colon, line: span.start().line }, alias });
    };
    match tree {
        syn::UseTree::Name(it) => leaf(name(&it.ident), None, it.ident.span()),
        syn::UseTree::Rename(it) => leaf(name(&it.ident), Some(&it.rename), it.ident.span()),
        syn::UseTree::Glob(it) => leaf("*".to_owned(), None, it.span()),
        syn::UseTree::Path(it) => {
            let prefix: Segments = prefix.iter().cloned().chain([name(&it.ident)]).collect();
            leaves_below(&it.tree, &prefix, leading_colon, found);
        }
        syn::UseTree::Group(it) => {
            for tree in &it.items {
                leaves_below(tree, prefix, leading_colon, found);
            }
        }
    }
}

pub(super) fn is_test(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        syn::Meta::List(list) => list.path.is_ident("cfg") && list.tokens.to_string() == "test",
        _ => false,
    })
}
