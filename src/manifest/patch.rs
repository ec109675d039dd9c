//! Patches of a kustomization, as far as they set the image of a container.

use std::rc::Rc;

use crate::base::Safe;
use crate::manifest::containers::{By, Container, containers};
use crate::manifest::tree::Trouble;
use crate::manifest::yaml::{Node, Value};

/// Applies one document of a patch: a strategic merge patch, or a JSON patch (a sequence of operations).
pub(super) fn apply(document: &Node, target: Option<&Node>, file: &Rc<str>, onto: &mut [Container]) -> Result<(), Trouble> {
    if matches!(document.value, Value::List(_)) { json(document, target, file, onto) } else { merge(document, target, file, onto) }
}

/// A container of the patch sets the image of the container of that name in the object that is meant.
fn merge(document: &Node, target: Option<&Node>, file: &Rc<str>, onto: &mut [Container]) -> Result<(), Trouble> {
    for patched in containers(std::slice::from_ref(&Rc::new(document.clone())), file)? {
        let is_meant = |container: &Container| match target {
            Some(target) => is_target(target, container),
            None => container.kind == patched.kind && patched.names.iter().any(|name| container.names.contains(name)),
        };
        for container in onto.iter_mut().filter(|container| container.list == patched.list && container.name == patched.name && is_meant(container)) {
            container.image.clone_from(&patched.image);
            container.file = Rc::clone(file);
            container.by = By::Patch;
        }
    }
    Ok(())
}

/// `replace` and `add` at `…/containers/0/image`.
fn json(document: &Node, target: Option<&Node>, file: &Rc<str>, onto: &mut [Container]) -> Result<(), Trouble> {
    for operation in document.items() {
        let path = operation.text_of("path").unwrap_or_default();
        let mut parts = path.rsplit('/');
        let (field, place, list) = (parts.next(), parts.next(), parts.next());
        if field != Some("image") || !matches!(list, Some("containers" | "initContainers")) {
            continue;
        }
        let place = place.and_then(|place| place.parse::<usize>().ok());
        let image = operation.text_of("value");
        let (Some(place), Some(image), Some(target)) = (place, image, target) else {
            let why = crate::safe!("{}:{}: a patch sets an image in a way that is not read", Safe::clean(file), operation.line);
            return Err(Trouble::Elsewhere(why));
        };
        for container in onto.iter_mut().filter(|container| Some(container.list) == list && container.place == place && is_target(target, container))
        {
            image.clone_into(&mut container.image);
            container.file = Rc::clone(file);
            container.by = By::Patch;
        }
    }
    Ok(())
}

/// Kind and name of a target; what it leaves out means any. A name with a pattern in it means what begins like it.
fn is_target(target: &Node, container: &Container) -> bool {
    let kind = target.text_of("kind").is_none_or(|kind| *kind == *container.kind);
    let name = target.text_of("name").is_none_or(|wanted| match wanted.split_once(['*', '.', '[', '(']) {
        Some((start, _)) => container.names.iter().any(|name| name.starts_with(start)),
        None => container.names.iter().any(|name| name == wanted),
    });
    kind && name
}
