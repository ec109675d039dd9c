//! Finds every path of a file: in `use`, types, expressions, patterns, attributes and the tokens of macros.

use proc_macro2::{Delimiter, Spacing, Span, TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::house::{House, judge_clock, judge_uncleaned};
use super::written::{Written, is_test, leaves, name, written};
use super::{Breach, Rule, Segments};

/// Judges every path of one file.
pub(super) struct Inspector<'a> {
    pub(super) house: &'a House,
    pub(super) file: &'a str,
    pub(super) room: &'a str,
    pub(super) module: Segments,
    pub(super) in_test: bool,
    pub(super) breaches: &'a mut Vec<Breach>,
}

impl Inspector<'_> {
    pub(super) fn report(&mut self, line: usize, path: &str, rule: Rule, why: String) {
        self.breaches.push(Breach { file: self.file.to_owned(), line, path: path.to_owned(), rule, why });
    }

    pub(super) fn judge(&self, path: &[String]) -> Option<(Rule, String)> {
        self.house.judge(self.room, self.in_test, path, 8)
    }

    fn path(&mut self, path: &Written) {
        // One name alone is a variable, or an import that was judged where it stands.
        if path.segments.len() < 2 {
            return;
        }
        let full = match self.house.imported(&self.module, path) {
            Some(target) if self.judge(target).is_some() => return,
            Some(target) => target.iter().chain(path.segments.iter().skip(1)).cloned().collect(),
            None => self.house.absolute(&self.module, path),
        };
        if let Some((rule, why)) = self.judge(&full) {
            self.report(path.line, &path.shown(), rule, why);
        }
    }

    /// Paths in the tokens of a macro or an attribute.
    fn tokens(&mut self, tokens: &TokenStream, strings_are_paths: bool) {
        let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let mut at = 0;
        while let Some(tree) = trees.get(at) {
            at += 1;
            match tree {
                TokenTree::Group(group) => self.tokens(&group.stream(), strings_are_paths),
                TokenTree::Literal(literal) if strings_are_paths => {
                    self.string(&literal.to_string(), literal.span());
                }
                TokenTree::Ident(first) => {
                    let before = trees.get(..at - 1).unwrap_or_default();
                    if ends_with_dot(before) {
                        let empty = matches!(trees.get(at), Some(TokenTree::Group(arguments)) if arguments.stream().is_empty());
                        self.method(&name(first), empty, first.span());
                        continue;
                    }
                    let leading_colon = ends_with_colons(before);
                    if leading_colon && continues_a_path(before) {
                        continue;
                    }
                    let mut path = Written { segments: vec![name(first)], leading_colon, line: first.span().start().line };
                    at = self.token_path(&trees, at, &mut path);
                }
                _ => {}
            }
        }
    }

    /// Takes the rest of a path from `at` on and judges it; what follows `::` may be a group, as in a `use`.
    fn token_path(&mut self, trees: &[TokenTree], mut at: usize, path: &mut Written) -> usize {
        while ends_with_colons(trees.get(..at + 2).unwrap_or_default()) {
            match trees.get(at + 2) {
                Some(TokenTree::Ident(next)) => path.segments.push(name(next)),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    self.token_group(path, &group.stream());
                    return at + 3;
                }
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                    path.segments.push("*".to_owned());
                }
                _ => break,
            }
            at += 3;
        }
        if path.segments.len() == 1 {
            self.single(path);
        }
        self.path(path);
        at
    }

    fn token_group(&mut self, prefix: &Written, group: &TokenStream) {
        let mut part = Vec::new();
        let end = TokenTree::Punct(proc_macro2::Punct::new(',', Spacing::Alone));
        for tree in group.clone().into_iter().chain([end]) {
            if !matches!(&tree, TokenTree::Punct(comma) if comma.as_char() == ',') {
                part.push(tree);
                continue;
            }
            if let Some(TokenTree::Ident(first)) = part.first() {
                let mut path = Written { segments: prefix.segments.clone(), leading_colon: prefix.leading_colon, line: first.span().start().line };
                path.segments.push(name(first));
                self.token_path(&part, 1, &mut path);
            }
            part.clear();
        }
    }

    /// A string in an attribute, as in `#[serde(with = "crate::base::time")]`.
    fn string(&mut self, literal: &str, span: Span) {
        if let Ok(path) = syn::parse_str::<syn::Path>(literal.trim_matches('"')) {
            self.path(&Written { line: span.start().line, ..written(&path) });
        }
    }

    fn single(&mut self, path: &Written) {
        let names: Vec<&str> = path.segments.iter().map(String::as_str).collect();
        if let Some((rule, why)) = judge_uncleaned(self.room, &names) {
            self.report(path.line, &path.shown(), rule, why);
        }
    }

    fn method(&mut self, method: &str, no_arguments: bool, span: Span) {
        let line = span.start().line;
        if let Some((rule, why)) = judge_uncleaned(self.room, &[method]) {
            self.report(line, method, rule, why);
        }
        if method == "elapsed"
            && no_arguments
            && let Some((rule, why)) = judge_clock(self.room, self.in_test, &["Instant", method])
        {
            self.report(line, "elapsed()", rule, why);
        }
    }
}

/// A single dot: what follows is a field or a method. Two are a range.
fn ends_with_dot(trees: &[TokenTree]) -> bool {
    let dot = |tree: &TokenTree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == '.');
    match trees {
        [.., before, last] => dot(last) && !dot(before),
        [only] => dot(only),
        [] => false,
    }
}

fn ends_with_colons(trees: &[TokenTree]) -> bool {
    let colon = |tree: &TokenTree| matches!(tree, TokenTree::Punct(punct) if punct.as_char() == ':');
    let joint = |tree: &TokenTree| matches!(tree, TokenTree::Punct(punct) if punct.spacing() == Spacing::Joint);
    matches!(trees, [.., first, second] if colon(first) && joint(first) && colon(second))
}

/// Whether the `::` at the end belongs to a path that began before, as in `<T as X>::now`.
fn continues_a_path(trees: &[TokenTree]) -> bool {
    match trees {
        [.., TokenTree::Ident(_), _, _] => true,
        [.., TokenTree::Punct(closing), _, _] => closing.as_char() == '>',
        _ => false,
    }
}

impl<'ast> Visit<'ast> for Inspector<'_> {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        let was = self.in_test;
        self.in_test |= is_test(&item.attrs);
        self.module.push(name(&item.ident));
        visit::visit_item_mod(self, item);
        self.module.pop();
        self.in_test = was;
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let public = !matches!(item.vis, syn::Visibility::Inherited);
        for attribute in &item.attrs {
            self.visit_attribute(attribute);
        }
        for leaf in leaves(item) {
            let full = self.house.absolute(&self.module, &leaf.path);
            let (line, shown) = (leaf.path.line, leaf.path.shown());
            if self.room == "lib" {
                self.report(line, &shown, Rule::Hidden, "lib.rs declares the rooms and imports nothing".to_owned());
            } else if let Some((rule, why)) = self.judge(&full) {
                self.report(line, &shown, rule, why);
            } else if public && leaf.alias == "*" && matches!(full.as_slice(), [_, room, ..] if room != self.room) {
                self.report(line, &shown, Rule::Hidden, "re-exports a whole room; name what is meant".to_owned());
            }
        }
    }

    fn visit_item_extern_crate(&mut self, item: &'ast syn::ItemExternCrate) {
        let named = name(&item.ident);
        let path = if named == "self" || named == "tiphys" { "crate".to_owned() } else { named.clone() };
        if let Some((rule, why)) = self.judge(&[path]) {
            self.report(item.span().start().line, &format!("extern crate {named}"), rule, why);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let path_written = written(path);
        if path_written.segments.len() == 1 {
            self.single(&path_written);
        }
        self.path(&path_written);
        visit::visit_path(self, path);
    }

    /// `<Instant>::now` says the same as `Instant::now`.
    fn visit_expr_path(&mut self, expression: &'ast syn::ExprPath) {
        if let Some(syn::QSelf { ty, position: 0, .. }) = &expression.qself
            && let syn::Type::Path(ty) = &**ty
        {
            let mut path = written(&ty.path);
            path.segments.extend(written(&expression.path).segments);
            self.path(&path);
        }
        visit::visit_expr_path(self, expression);
    }

    fn visit_expr_method_call(&mut self, call: &'ast syn::ExprMethodCall) {
        self.method(&name(&call.method), call.args.is_empty(), call.method.span());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        if mac.path.is_ident("include") {
            self.report(mac.span().start().line, "include!", Rule::Hidden, "brings in code from elsewhere; make it a module".to_owned());
        }
        self.visit_path(&mac.path);
        self.tokens(&mac.tokens, false);
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        if attribute.path().is_ident("path") {
            self.report(attribute.span().start().line, "#[path]", Rule::Hidden, "puts a file into another room; move the file".to_owned());
        }
        match &attribute.meta {
            syn::Meta::NameValue(meta) if meta.path.is_ident("doc") => {}
            syn::Meta::List(list) => {
                self.visit_path(&list.path);
                self.tokens(&list.tokens, true);
            }
            meta => self.visit_meta(meta),
        }
    }

    /// `pub(in crate::app)` names a place, it uses nothing.
    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}
}
