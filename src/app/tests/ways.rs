//! The list of ways back: what is refused says why and leads nowhere, and leaving leads back to where it was opened.

use super::*;

#[test]
fn a_refused_way_says_why_and_leaving_leads_back_to_the_open_cell() {
    let mut model = started(&[("checkout-production", "Healthy")]);
    update(&mut model, at(1, What::Wants(Intent::Top)));
    for _ in 0..2 {
        update(&mut model, at(1, What::Wants(Intent::Right)));
    }
    update(&mut model, at(2, What::Wants(Intent::Open)));
    assert!(matches!(model.screen, Screen::Cell(_)), "{:?}", model.screen);
    let effects = update(&mut model, at(3, What::Wants(Intent::Ways)));
    // Its history tells which versions were deployed there.
    assert!(effects.iter().any(|effect| matches!(effect, Effect::Ask { .. })) || !model.asked.is_empty(), "{effects:?}");
    let Screen::Ways(state) = &model.screen else { panic!("{:?}", model.screen) };
    let ways = state.ways.as_ref().unwrap();
    assert!(ways.recommended().is_none() && !ways.ways.is_empty(), "{ways:?}");
    assert_eq!(update(&mut model, at(4, What::Wants(Intent::Open))), []);
    assert!(matches!(model.screen, Screen::Ways(_)));
    let said = model.notice.as_ref().map(Safe::as_str).unwrap_or_default().to_owned();
    assert!(said.starts_with("What git wants of production was not read"), "{said}");
    // The cursor stays inside, and a burst of observations moves nothing.
    update(&mut model, at(5, What::Wants(Intent::Bottom)));
    update(&mut model, at(6, What::Tick));
    let Screen::Ways(state) = &model.screen else { panic!("{:?}", model.screen) };
    let last = state.ways.as_ref().unwrap().ways.len() - 1;
    assert_eq!(state.selected, last);
    // A page further shows what is told below the list; the cursor stays, and moving it shows it again.
    update(&mut model, at(6, What::Wants(Intent::PageDown)));
    update(&mut model, at(6, What::Painted { furthest: 3 }));
    let Screen::Ways(state) = &model.screen else { panic!("{:?}", model.screen) };
    assert_eq!((state.selected, state.scroll.top), (last, 3));
    update(&mut model, at(6, What::Wants(Intent::Up)));
    let Screen::Ways(state) = &model.screen else { panic!("{:?}", model.screen) };
    assert_eq!((state.selected, state.scroll.top), (last.saturating_sub(1), 0));
    update(&mut model, at(7, What::Wants(Intent::Back)));
    assert!(matches!(model.screen, Screen::Cell(_)), "{:?}", model.screen);
    update(&mut model, at(8, What::Wants(Intent::Back)));
    assert!(matches!(model.screen, Screen::Matrix), "{:?}", model.screen);
}
