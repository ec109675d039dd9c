//! The hyperlinks of a frame: which of its cells lead to which address. They lie beside the buffer, because a cell holds what is seen and nothing
//! else. It knows no terminal and none of its sequences.

use crate::domain::link::Link;

/// Columns of one row that lead somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The row.
    pub row: u16,
    /// The first column.
    pub start: u16,
    /// The column behind the last.
    pub end: u16,
    /// Where to.
    pub link: Link,
}

/// The hyperlinks of one frame, in the order of reading; no two of them overlap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Links(Vec<Span>);

impl Links {
    /// Every one.
    #[must_use]
    pub fn spans(&self) -> &[Span] {
        &self.0
    }

    /// Where a cell leads.
    #[must_use]
    pub fn at(&self, column: u16, row: u16) -> Option<&Link> {
        let behind = self.0.partition_point(|span| (span.row, span.start) <= (row, column));
        let span = self.0.get(behind.checked_sub(1)?)?;
        (span.row == row && column < span.end).then_some(&span.link)
    }

    /// These columns lead there. Only what is further on than everything before is taken, so that no cell leads to two places.
    pub(super) fn add(&mut self, row: u16, start: u16, end: u16, link: &Link) {
        if start >= end || self.0.last().is_some_and(|last| (last.row, last.end) > (row, start)) {
            return;
        }
        if let Some(last) = self.0.last_mut().filter(|last| (last.row, last.end) == (row, start) && last.link == *link) {
            last.end = end;
            return;
        }
        self.0.push(Span { row, start, end, link: link.clone() });
    }

    /// Rows from `top` to before `end` moved, and what moved out is gone.
    pub fn scroll(&mut self, top: usize, end: usize, by: usize, is_up: bool) {
        let (inside, by) = (top..end, u16::try_from(by).unwrap_or(u16::MAX));
        self.0.retain_mut(|span| {
            if !inside.contains(&usize::from(span.row)) {
                return true;
            }
            span.row = if is_up { span.row.wrapping_sub(by) } else { span.row.saturating_add(by) };
            inside.contains(&usize::from(span.row))
        });
    }

    /// Nothing leads anywhere.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// Spans by row, first column and the column behind the last, in the order of reading.
impl FromIterator<(u16, u16, u16, Link)> for Links {
    fn from_iter<I: IntoIterator<Item = (u16, u16, u16, Link)>>(spans: I) -> Self {
        let mut links = Self::default();
        for (row, start, end, link) in spans {
            links.add(row, start, end, &link);
        }
        links
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Intent, Model};
    use crate::base::Raw;
    use crate::domain::observation::{Item, Observation};
    use crate::domain::{AppKey, ArgocdName};
    use crate::ui::testing::{NOW, argocd, key, linked_frame, resized, sees, typed, wants, what_changed, with_git};
    use crate::ui::{Look, Painter};

    /// A model whose Argo CD has pages there, and whose applications come from this repository.
    fn reached(mut model: Model, pages: &str, repository: &str) -> Model {
        model.settings.argocd_pages.insert(ArgocdName::from("main"), pages.to_owned());
        let all: Vec<_> = model.fleet.applications().map(|(key, entry)| (key.clone(), entry.value.clone())).collect();
        for (key, mut application) in all {
            application.origins.iter_mut().for_each(|origin| origin.repository = Raw::from(repository));
            application.revisions = Box::new([Raw::new("1c9e2ab0f1".repeat(4))]);
            sees(&mut model, &argocd(), NOW, Observation::Changed { item: Item::Application(key, Box::new(application)), version: None });
        }
        model
    }

    /// What leads where: the words of each span, and their address.
    fn led(model: &Model, look: Look) -> Vec<String> {
        let (buffer, links) = linked_frame(model, look, &mut Painter::default());
        let words = |span: &Span| (span.start..span.end).map(|x| buffer[(x, span.row)].symbol()).collect::<String>();
        links.spans().iter().map(|span| format!("{} → {}", words(span), span.link.text())).collect()
    }

    const LOOK: Look = Look {
        colors: crate::ui::look::Colors::Sixteen,
        theme: crate::ui::look::Theme::Usual,
        keys: crate::ui::keys::Keys::USUAL,
        glyphs: crate::ui::look::Glyphs::Unicode,
        links: true,
    };
    const PAGES: &str = "https://argo.example.com/cd";
    const REPOSITORY: &str = "git@github.com:acme/gitops.git";

    fn payments() -> Model {
        resized(
            wants(typed(wants(with_git(), &[Intent::Filter]), "payments"), &[Intent::Open, Intent::Top, Intent::Right, Intent::Right, Intent::Open]),
            100,
            50,
        )
    }

    #[test]
    fn applications_and_commits_lead_to_their_pages_on_the_screens_of_cells_and_changes() {
        let cell = reached(payments(), PAGES, REPOSITORY);
        insta::assert_snapshot!(led(&cell, LOOK).join("\n"));
        let changes = reached(resized(what_changed(), 120, 30), PAGES, REPOSITORY);
        insta::assert_snapshot!(led(&changes, LOOK).join("\n"));
        // What lies over a screen hides what it leads to, and the matrix leads nowhere: its cells would cost an address each.
        for none in [&wants(cell.clone(), &[Intent::Palette]), &wants(cell.clone(), &[Intent::Copy]), &wants(cell.clone(), &[Intent::Help])] {
            assert_eq!(led(none, LOOK), Vec::<String>::new());
        }
        let matrix = reached(with_git(), PAGES, REPOSITORY);
        assert_eq!(led(&matrix, LOOK), Vec::<String>::new());
        let commits = led(&wants(matrix, &[Intent::Changes]), LOOK);
        assert!(commits.iter().any(|line| line.contains(" → https://github.com/acme/gitops/commit/")), "{commits:?}");
        assert_eq!(led(&cell, Look { links: false, ..LOOK }), Vec::<String>::new());
    }

    #[test]
    fn hostile_names_and_addresses_lead_nowhere_or_to_something_harmless() {
        for (pages, repository) in [
            ("javascript:alert(1)", "javascript:x"),
            ("https://user:secret@argo.example.com", "https://github.com/a\u{1b}]8;;x\u{7}b"),
            ("\u{1b}[2J", "https://git\u{202e}hub.com/a b/c"),
            ("file:///etc/passwd", "/srv/git/github.com"),
            ("", ""),
        ] {
            assert_eq!(led(&reached(payments(), pages, repository), LOOK), Vec::<String>::new(), "{pages:?} {repository:?}");
        }
        let long = format!("git@github.com:acme/{}", "x".repeat(3000));
        assert!(led(&reached(payments(), PAGES, &long), LOOK).iter().all(|line| !line.contains("xxx")));
        let app = AppKey { name: Raw::from("a\u{1b}]8;;https://evil.example\u{1b}\\\u{202e}"), ..key("checkout-dev") };
        let link = crate::domain::link::of_application(PAGES, &app).unwrap();
        assert!(link.text().as_str().bytes().all(|byte| byte.is_ascii_graphic()) && link.text().as_str().starts_with(PAGES), "{link:?}");
    }

    #[test]
    fn a_cell_leads_to_one_place_or_to_none() {
        let [one, other] = ["https://a.example/1", "https://a.example/2"].map(|text| Link::read(text).unwrap());
        let mut links = Links::default();
        links.add(1, 5, 8, &one);
        links.add(1, 8, 9, &one);
        links.add(1, 9, 11, &other);
        links.add(1, 10, 12, &one);
        links.add(0, 0, 4, &one);
        links.add(3, 2, 2, &one);
        links.add(3, 2, 4, &one);
        assert_eq!(links.spans().iter().map(|span| (span.row, span.start, span.end)).collect::<Vec<_>>(), [(1, 5, 9), (1, 9, 11), (3, 2, 4)]);
        let at = |column, row| links.at(column, row).map(|link| link.text().as_str());
        assert_eq!(
            [at(4, 1), at(5, 1), at(8, 1), at(9, 1), at(11, 1)],
            [None, Some(one.text().as_str()), at(5, 1), Some(other.text().as_str()), None]
        );
        assert_eq!([at(0, 0), at(5, 0), at(5, 2), at(3, 3), at(4, 3)], [None, None, None, at(5, 1), None]);
    }
}
