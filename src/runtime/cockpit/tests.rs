//! The story of a demo, as the loop takes it in.

use futures_util::FutureExt as _;

use super::*;

#[tokio::test]
async fn the_story_is_told_from_its_newest_line_and_its_end_keeps_nobody_awake() {
    let line = |text: &str| Told { at: Some(Timestamp::UNIX_EPOCH), line: Safe::clean(text) };
    let told = |text: &str| Some(What::Told { at: Timestamp::UNIX_EPOCH, line: Safe::clean(text) });
    let (sender, mut receiver) = watch::channel(Told::default());
    receiver.mark_changed();
    let mut story = Some(receiver);
    assert_eq!(news(&mut story).await, None, "nothing was told yet");
    assert_eq!(news(&mut story).now_or_never(), None);
    sender.send_replace(line("one"));
    sender.send_replace(line("two"));
    assert_eq!(news(&mut story).await, told("two"));
    drop(sender);
    assert_eq!(news(&mut story).now_or_never(), None);
    assert!(story.is_none());
}
