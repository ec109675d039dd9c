//! Going back with image and configuration: only files that nothing else renders become what they were, and everything else is named.

use std::collections::{BTreeMap, BTreeSet};

use super::back::{back_in, had};
use super::world::sum;
use super::*;
use crate::base::Safe;
use crate::domain::desired::Commit;
use crate::domain::testing::app_key;
use crate::manifest::files::Files;
use crate::manifest::objects;
use crate::manifest::prepared::{File, Prepared, Subject, Then, Was};
use crate::manifest::tree::{Inputs, Tree as _};

const OURS: &str = "apps/checkout/overlays/production-eu";

impl World {
    /// What git tells of the files of then.
    pub(super) fn earlier(&self, prepared: &mut Prepared, subject: &Subject) {
        let then = self.then.as_ref().unwrap_or(&self.files);
        let app = &self.apps[subject.app.name.as_wire()];
        let before = Self { files: then.clone(), ..self.clone() }.wants(&subject.app, app);
        let all = |world: &Files, inputs: &Inputs| inputs.files.iter().cloned().chain(objects::beside(world, inputs)).collect::<BTreeSet<String>>();
        let now = self.wants(&subject.app, app).inputs.remove(0);
        let paths: BTreeSet<String> = all(then, &before.inputs[0]).union(&all(&self.files, &now)).cloned().collect();
        let place = prepared.applications[&subject.app].branches[0].unwrap();
        let blob = |bytes: &[u8]| Raw::from(format!("{:08x}", sum(bytes)));
        let file = |bytes: Vec<u8>| File { blob: blob(&bytes), bytes: Ok(bytes.into()) };
        let mut files = Vec::new();
        for path in paths {
            prepared.branches[place].files.keep_file(&path, self.files.bytes(&path).map(file));
            if then.bytes(&path) == self.files.bytes(&path) {
                continue;
            }
            let feeds = prepared.feeds.entry((place, path.clone())).or_default();
            for (name, app) in &self.apps {
                let key = app_key(name);
                if all(&self.files, &self.wants(&key, app).inputs[0]).contains(&path) {
                    feeds.insert(key);
                }
            }
            let since = vec![Commit {
                id: Raw::from("abcdef0123456789"),
                author: Safe::clean("ben"),
                at: NOW,
                subject: Safe::clean("more memory"),
                operation: None,
            }];
            files.push(Was { branch: place, file: then.bytes(&path).map(file), path, since });
        }
        let commits = BTreeMap::from([(place, Raw::from("0123456789abcdef"))]);
        let then = Then { asked: subject.then.clone(), commits, images: before.images.unwrap(), files };
        prepared.applications.get_mut(&subject.app).unwrap().then = Some(Known::Known(then));
    }
}

fn with(environment: &str, placement: Option<&str>) -> Request {
    let Request::Return { service, environment: to, version, .. } = back(environment) else { panic!("no way back") };
    Request::Return { service, environment: to, version, placements: placement.map(|name| vec![name.into()]), by: By::Configuration }
}

/// Production had 2.14.1 with these files of its own; now it has 2.14.2 with others.
fn world(then: &[(&str, &str)], now: &[(&str, &str)]) -> World {
    let mut world = World::new();
    let overlay = |tag: &str| kustomization(&format!("\"{tag}\""), "patches: [{path: memory.yaml}]\n");
    world.file("production-eu", &overlay("2.14.1"));
    world.file("production-us", &kustomization("\"2.14.1\"", ""));
    for (path, text) in then {
        world.put(path, text);
    }
    let earlier = world.files.clone();
    world.file("production-eu", &overlay("2.14.2"));
    world.file("production-us", &kustomization("\"2.14.2\"", ""));
    for (path, text) in now {
        world.put(path, text);
    }
    world.then = Some(earlier);
    had(&mut world);
    world
}

fn patch(memory: &str) -> String {
    format!("kind: Deployment\r\nmetadata: {{name: checkout}} # ours\nspec: {{template: {{metadata: {{annotations: {{memory: {memory}}}}}}}}}")
}

fn says(plan: &Plan, what: &str) -> bool {
    plan.remarks.iter().any(|remark| remark.as_str().contains(what))
}

#[test]
fn what_only_the_placement_renders_becomes_what_it_was_to_the_byte() {
    let memory = format!("{OURS}/memory.yaml");
    let mut world = world(&[(&memory, &patch("1Gi"))], &[(&memory, &patch("2Gi"))]);
    let alone = world.plan(&back_in("eu", None)).unwrap();
    assert_eq!((alone.direction, alone.files().len()), (Direction::Safety, 1), "the image alone");
    let plan = world.plan(&with("production", Some("eu"))).unwrap();
    let then = world.then.clone().unwrap();
    assert_eq!(plan.files().len(), 2);
    for file in plan.files() {
        assert_eq!(Some(&file.after), then.0.get(file.file.as_wire()), "byte for byte");
        assert_eq!(Some(&file.before), world.files.0.get(file.file.as_wire()));
    }
    assert_eq!(plan.direction, Direction::Risk, "it carries more than the version");
    assert!(says(&plan, "it takes configuration back, which is more than the version"), "{:?}", plan.remarks);
    assert!(says(&plan, "memory.yaml becomes what it was at 0123456, which takes back \"more memory\" (ben, abcdef0)"), "{:?}", plan.remarks);
    assert_eq!(
        plan.commit().unwrap().message.text(),
        format!(
            "rollback(production): checkout 2.14.1\n\nMoves production·eu.\nPuts back what {OURS}/kustomization.yaml and {memory} said at \
             0123456789abcdef.\n\nRollback-Of: 0000000000000000000000000000000000000032\nImage: acme/checkout:2.14.1\n\
             Previous-Image: acme/checkout:2.14.2\nConfiguration-Of: 0123456789abcdef\nDo-Not-Promote: 2.14.2\n"
        )
    );
    assert_eq!(plan.title().as_str(), "put checkout 2.14.1 back in production with its configuration");
    // Somebody else's line in the same file is no other file: it is taken back, and named above.
    world.put(&memory, &format!("{}\n# a word of somebody else\n", patch("2Gi")));
    let again = world.plan(&with("production", Some("eu"))).unwrap();
    assert_eq!(again.files().iter().map(|file| &file.after).collect::<Vec<_>>(), plan.files().iter().map(|file| &file.after).collect::<Vec<_>>());
}

#[test]
fn what_others_render_too_stays_and_is_named() {
    let memory = format!("{OURS}/memory.yaml");
    let base = "apps/checkout/base/deployment.yaml";
    let mut world = world(&[(&memory, &patch("1Gi"))], &[(&memory, &patch("1Gi"))]);
    let text = String::from_utf8(world.files.0[base].clone()).unwrap();
    world.put(base, &format!("{text}# later\n"));
    let plan = world.plan(&with("production", Some("eu"))).unwrap();
    let [file] = plan.files() else { panic!("{:?}", plan.files()) };
    assert_eq!(file.file.as_wire(), format!("{OURS}/kustomization.yaml"));
    assert!(
        says(&plan, "base/deployment.yaml stays as it is, and is not what it was then: it feeds dev, production·us and staging too"),
        "{:?}",
        plan.remarks
    );
    // Both placements move, and still neither is the only one that renders what both do.
    let shared = "apps/checkout/shared/memory.yaml";
    let mut world = World::new();
    for (tag, memory) in [("2.14.1", "1Gi"), ("2.14.2", "2Gi")] {
        for name in ["production-eu", "production-us"] {
            world.file(name, &kustomization(&format!("\"{tag}\""), "patches: [{path: ../../shared/memory.yaml}]\n"));
        }
        world.put(shared, &patch(memory));
        world.then.get_or_insert(world.files.clone());
    }
    had(&mut world);
    let plan = world.plan(&with("production", None)).unwrap();
    assert_eq!(plan.files().len(), 2);
    assert!(plan.files().iter().all(|file| file.file.as_wire() != shared));
    assert!(says(&plan, "shared/memory.yaml stays as it is, and is not what it was then: it feeds production·us too"), "{:?}", plan.remarks);
}

#[test]
fn a_file_that_is_gone_comes_back_and_none_is_deleted() {
    let (memory, more) = (format!("{OURS}/memory.yaml"), format!("{OURS}/more.yaml"));
    let mut world = world(&[(&memory, &patch("1Gi"))], &[(&more, &patch("3Gi"))]);
    world.files.0.remove(&memory);
    world.file("production-eu", &kustomization("\"2.14.2\"", "patches: [{path: more.yaml}]\n"));
    let plan = world.plan(&with("production", Some("eu"))).unwrap();
    let made = plan.files().iter().find(|file| file.file.as_wire() == memory).unwrap();
    assert!(made.blob.is_empty() && made.before.is_empty());
    assert_eq!(String::from_utf8(made.after.clone()).unwrap(), patch("1Gi"));
    let absent = plan.preconditions().iter().find(|precondition| precondition.path.as_wire() == memory).unwrap();
    assert_eq!(absent.expects, Expects::Nothing);
    assert!(says(&plan, "more.yaml stays where it is: it is newer, and nothing renders it any more"), "{:?}", plan.remarks);
    // Where a folder is what is deployed, what is newer in it would be deployed still.
    let mut world = world_of_folder();
    let refused = world.plan(&with("production", Some("eu"))).unwrap_err();
    assert!(refused.sentence().as_str().contains("extra.yaml is newer, would still be rendered"), "{}", refused.sentence());
    world.files.0.remove("plain/extra.yaml");
    let plan = world.plan(&with("production", Some("eu"))).unwrap();
    assert_eq!(plan.files()[0].after, world.then.as_ref().unwrap().0["plain/deployment.yaml"], "a manifest that says its image itself is a file too");
}

/// An application that is a plain folder.
fn world_of_folder() -> World {
    let mut world = world(&[], &[]);
    world.path("checkout-production-eu", "plain");
    let deployment = |tag: &str| {
        format!(
            "kind: Deployment\nmetadata: {{name: checkout}}\nspec: {{template: {{spec: {{containers: [{{name: checkout, image: 'acme/checkout:{tag}'}}]}}}}}}\n"
        )
    };
    world.put("plain/deployment.yaml", &deployment("2.14.1"));
    world.then = Some(world.files.clone());
    world.put("plain/deployment.yaml", &deployment("2.14.2"));
    world.put("plain/extra.yaml", "kind: Service\nmetadata: {name: extra}\n");
    world
}

#[test]
fn what_was_read_of_then_must_be_of_the_deployment_that_is_meant() {
    let memory = format!("{OURS}/memory.yaml");
    let mut world = world(&[(&memory, &patch("1Gi"))], &[(&memory, &patch("2Gi"))]);
    world.then = Some(world.files.clone());
    let refused = world.plan(&with("production", Some("eu"))).unwrap_err();
    assert_eq!(
        refused.sentence().as_str(),
        "The configuration of then is not put back in production·eu: at 0123456 its files do not say 2.14.1, so that is not the deployment that is \
         meant. The image alone may be."
    );
}
