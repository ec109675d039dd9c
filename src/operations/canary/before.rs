//! The pods of before: which replica set of a Rollout an earlier image leads back to, as far as its replica sets tell. Argo Rollouts takes the set whose
//! template is the same (`FindNewReplicaSet`, argo-rollouts `utils/replicaset/replicaset.go`, v1.9.1).

use serde_json::Value;

use super::Facts;
use super::facts::Revision;
use crate::base::Safe;
use crate::domain::image::Image;
use crate::safe;

/// The replica set that the newest template leads to once its images are others: `images` before and after. An error says why that is not known.
pub(super) fn revision<'f>(facts: &'f Facts, images: &[(Image, Image)]) -> Result<&'f Revision, Safe> {
    let Some(newest) = facts.revision(&facts.current_hash) else {
        return Err(Safe::clean("the replica set of its newest version was not found"));
    };
    let mut template = newest.template.clone();
    let mut tags = Vec::new();
    for (before, after) in images {
        let containers = ["/spec/containers", "/spec/initContainers"];
        let is_before = |image: &Image| image.repository == before.repository && image.tag == before.tag;
        let mut is_there = false;
        for path in containers {
            for container in template.pointer_mut(path).and_then(Value::as_array_mut).into_iter().flatten() {
                let Some(image) = container.get_mut("image") else { continue };
                if image.as_str().is_some_and(|text| is_before(&Image::read(text))) {
                    *image = Value::String(crate::operations::message::reference(after).to_string());
                    is_there = true;
                }
            }
        }
        if is_there && let (Some(before), Some(after)) = (&before.tag, &after.tag) {
            tags.push((before.as_wire(), after.as_wire()));
        }
    }
    // Charts write the tag into a label too.
    let mut labelled = template.clone();
    for value in labelled.pointer_mut("/metadata/labels").and_then(Value::as_object_mut).into_iter().flat_map(|labels| labels.values_mut()) {
        if let Some((_, after)) = tags.iter().find(|(before, _)| value.as_str() == Some(before)) {
            *value = Value::String((*after).to_owned());
        }
    }
    let others = || facts.revisions.iter().filter(|revision| revision.hash != facts.current_hash);
    let same = |template: &Value| others().find(|revision| revision.template == *template);
    same(&template).or_else(|| same(&labelled)).ok_or_else(|| {
        safe!("none of its {} earlier replica sets has this template with the image of then: more than the image was another", others().count())
    })
}
