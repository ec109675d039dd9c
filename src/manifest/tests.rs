//! Layouts as teams have them → what they want.

use super::files::Files;
use super::*;
use crate::base::Raw;
use crate::domain::desired::ValueKey;
use crate::domain::words::Pattern;

fn origin(path: &str) -> Origin {
    Origin { repository: Raw::from("https://git.acme.example/gitops.git"), path: Some(Raw::from(path)), ..Origin::default() }
}

fn wanted(files: &Files, origins: &[Origin]) -> Wanted {
    let keys = ValueKeys::default();
    let question = Question { namespace: "argocd", name: "shop", origins, keys: &keys };
    let trees: Vec<Option<&dyn Tree>> = origins.iter().map(|_| Some(files as &dyn Tree)).collect();
    read(&question, &trees)
}

fn images(wanted: &Wanted) -> Vec<String> {
    let told = |image: &Image| {
        let tag = image.tag.as_ref().map_or_else(String::new, |tag| format!(":{}", tag.as_wire()));
        let digest = image.digest.as_ref().map_or_else(String::new, |digest| format!("@{}", digest.as_wire()));
        format!("{}{tag}{digest}", image.repository.as_wire())
    };
    wanted.images.as_ref().unwrap_or_else(|trouble| panic!("{trouble:?}")).iter().map(told).collect()
}

fn why(wanted: &Wanted) -> &str {
    wanted.images.as_ref().unwrap_err().why().as_str()
}

fn overlay(kustomization: &str) -> Files {
    Files::new(&[
        (
            "shop/base/deployment.yaml",
            "kind: Deployment\nmetadata: {name: shop}\nspec: {template: {spec: {containers: [{name: proxy, image: envoy:1.30}, {name: shop, image: shop}]}}}\n",
        ),
        ("shop/base/kustomization.yaml", "resources: [deployment.yaml]\n"),
        ("shop/dev/kustomization.yaml", kustomization),
    ])
}

#[test]
fn an_overlay_sets_the_tag_of_its_base() {
    let files = overlay("resources: [../base]\nimages:\n  - name: shop\n    newName: ghcr.io/acme/shop\n    newTag: 1.10\n");
    let wanted = wanted(&files, &[origin("shop/dev")]);
    assert_eq!(images(&wanted), ["envoy:1.30", "ghcr.io/acme/shop:1.10"], "an unquoted 1.10 is no number");
    assert_eq!(wanted.file.as_deref(), Some("shop/dev/kustomization.yaml"));
    assert_eq!(wanted.overridden, None);
    let inputs = &wanted.inputs[0].files;
    for path in [
        "shop/base/deployment.yaml",
        "shop/base/kustomization.yaml",
        "shop/dev/kustomization.yaml",
        "shop/dev/Chart.yaml",
        "shop/dev/.argocd-source-shop.yaml",
    ] {
        assert!(inputs.contains(path), "{path}: {inputs:?}");
    }
}

#[test]
fn entries_work_from_the_inside_out_and_components_on_everything() {
    let files = overlay("resources: [../base]\ncomponents: [../pin]\nimages: [{name: ghcr.io/acme/shop, newTag: '3'}]\n")
        .with("shop/base/kustomization.yaml", "resources: [deployment.yaml]\nimages: [{name: shop, newName: ghcr.io/acme/shop, newTag: '1'}]\n")
        .with("shop/pin/kustomization.yaml", "kind: Component\nimages: [{name: envoy, digest: 'sha256:ab'}]\n");
    assert_eq!(images(&wanted(&files, &[origin("shop/dev")])), ["envoy@sha256:ab", "ghcr.io/acme/shop:3"]);
}

#[test]
fn patches_set_images() {
    for (patches, image) in [
        ("patches: [{path: patch.yaml}]", "shop:9"),
        ("patchesStrategicMerge: [patch.yaml]", "shop:9"),
        (
            "patches:\n- target: {kind: Deployment}\n  patch: |-\n    - {op: replace, path: /spec/template/spec/containers/1/image, value: 'shop:8'}",
            "shop:8",
        ),
        (
            "patches:\n- target: {kind: Deployment, name: other}\n  patch: |-\n    - {op: replace, path: /spec/template/spec/containers/1/image, value: 'shop:8'}",
            "shop",
        ),
    ] {
        let files = overlay(&format!("namePrefix: eu-\nresources: [../base]\n{patches}\n")).with(
            "shop/dev/patch.yaml",
            "kind: Deployment\nmetadata: {name: shop}\nspec: {template: {spec: {containers: [{name: shop, image: shop:9}]}}}\n",
        );
        assert_eq!(images(&wanted(&files, &[origin("shop/dev")])), ["envoy:1.30", image], "{patches}");
    }
}

#[test]
fn what_cannot_be_read_is_told_with_its_place_and_never_guessed() {
    for (kustomization, told) in [
        ("resources: [../base, gone.yaml]\n", "shop/dev/kustomization.yaml:1: 'gone.yaml' is not there"),
        ("resources: [../../../x]\n", "shop/dev/kustomization.yaml:1: '../../../x' leaves the repository"),
        ("resources: [../dev]\n", "these kustomizations use each other: shop/dev → shop/dev"),
        ("resources: [../base]\nresources: []\n", "shop/dev/kustomization.yaml:2: the key 'resources' is there twice"),
        ("resources: [../base]\nimages: [{newTag: '1'}]\n", "shop/dev/kustomization.yaml:2: an image without a name"),
        (
            "resources: [../base]\nimages: [{name: 'sho.*', newTag: '1'}]\n",
            "shop/dev/kustomization.yaml:2: the name 'sho.*' is a pattern, which is not read",
        ),
        (
            "resources: ['https://bot:secret@github.com/acme/x?ref=1']\n",
            "shop/dev/kustomization.yaml:1: https://github.com/acme/x?ref=1 is in another repository",
        ),
        ("resources: [../base/bad]\n", "shop/dev/kustomization.yaml:1: shop/base/bad has no kustomization.yaml"),
    ] {
        let files = overlay(kustomization).with("shop/base/bad/x.yaml", "a: 1\n");
        assert_eq!(why(&wanted(&files, &[origin("shop/dev")])), told);
    }
    let files = overlay("resources: [../base]\n").with("shop/dev/kustomization.yml", "resources: []\n");
    assert!(why(&wanted(&files, &[origin("shop/dev")])).contains("kustomize takes only one"));
    let gone = wanted(&files, &[origin("shop/nowhere")]);
    assert!(matches!(&gone.images, Err(Trouble::Missing(why)) if why.as_str() == "the path shop/nowhere is not there"));
    assert!(gone.inputs[0].folders.contains("shop/nowhere"), "it may come");
}

#[test]
fn entries_speak_where_no_manifest_does() {
    let files = Files::new(&[("a/kustomization.yaml", "resources: ['https://github.com/acme/x?ref=1']\nimages: [{name: x, newTag: '2'}]\n")]);
    assert_eq!(images(&wanted(&files, &[origin("a")])), ["x:2"]);
}

#[test]
fn what_overrides_a_kustomization_is_told() {
    let files = overlay("resources: [../base]\nimages: [{name: shop, newTag: '1', digest: 'sha256:a'}]\n");
    let pinned = Origin { images: Box::new([Raw::from("shop:2")]), ..origin("shop/dev") };
    let told = wanted(&files, std::slice::from_ref(&pinned));
    assert_eq!(images(&told), ["envoy:1.30", "shop:2"]);
    assert_eq!(told.overridden.unwrap().as_str(), "spec.source.kustomize.images");
    let files = files.with("shop/dev/.argocd-source-shop.yaml", "kustomize: {images: ['shop=r.io/shop:3']}\n");
    let told = wanted(&files, &[pinned]);
    assert_eq!(images(&told), ["envoy:1.30", "r.io/shop:3"]);
    assert_eq!(told.overridden.unwrap().as_str(), ".argocd-source-shop.yaml");
}

fn chart() -> Files {
    Files::new(&[
        ("web/chart/Chart.yaml", "name: web\nappVersion: 1.10\n"),
        ("web/chart/values.yaml", "image: {repository: ghcr.io/acme/web, tag: ''}\n"),
        ("web/chart/templates/deployment.yaml", "replicas: {{ .Values.replicas }}\n"),
        ("web/values-dev.yaml", "image:\n  tag: \"3.4.0\" # promoted\n"),
    ])
}

fn with_values(path: &str, files: &[&str]) -> Origin {
    Origin { value_files: files.iter().map(|file| Raw::from(*file)).collect(), ..origin(path) }
}

#[test]
fn a_chart_takes_its_values_in_order() {
    let told = wanted(&chart(), &[with_values("web/chart", &["../values-dev.yaml"])]);
    assert_eq!((images(&told), told.file.as_deref()), (vec!["ghcr.io/acme/web:3.4.0".to_owned()], Some("web/values-dev.yaml")));
    let told = wanted(&chart(), &[origin("web/chart")]);
    assert_eq!((images(&told), told.file.as_deref()), (vec!["ghcr.io/acme/web:1.10".to_owned()], Some("web/chart/Chart.yaml")));
    let parameters =
        Origin { parameters: Box::new([(Raw::from("image.tag"), Raw::from("9"))]), ..with_values("web/chart", &["/web/values-dev.yaml"]) };
    let told = wanted(&chart(), &[parameters]);
    assert_eq!(images(&told), ["ghcr.io/acme/web:9"]);
    assert_eq!(told.overridden.unwrap().as_str(), "spec.source.helm.parameters");
    let inline = Origin { values: Some(Raw::from("image: {tag: 8, digest: 'sha256:c'}")), ..with_values("web/chart", &["../values-dev.yaml"]) };
    assert_eq!(images(&wanted(&chart(), &[inline])), ["ghcr.io/acme/web:8@sha256:c"]);
    let gone = wanted(&chart(), &[with_values("web/chart", &["../values-qa.yaml"])]);
    assert_eq!(why(&gone), "there is no values file web/values-qa.yaml");
}

#[test]
fn the_usual_keys_of_charts() {
    for (values, image) in [
        ("image: ghcr.io/acme/x:1.10", "ghcr.io/acme/x:1.10"),
        ("image: ghcr.io/acme/x\ntag: 2", "ghcr.io/acme/x:2"),
        ("image: {registry: r.io, repository: x, tag: 2}", "r.io/x:2"),
        ("image: {repository: x, tag: 2, digest: 'sha256:a'}", "x:2@sha256:a"),
        ("global: {image: {tag: 5}, imageRegistry: r.io}\nimage: {repository: x}", "r.io/x:5"),
        ("controller: {image: {repository: x, tag: 2}}", "x:2"),
        ("workerImage: {repository: x, tag: 2}", "x:2"),
        ("images: {shop: {repository: x, tag: 2}}", "x:2"),
        ("image: {repository: x, tag: 2}\ncache: {enabled: false, image: {repository: redis, tag: 7}}", "x:2"),
    ] {
        let files = chart().with("web/chart/values.yaml", values);
        assert_eq!(images(&wanted(&files, &[origin("web/chart")])), [image], "{values}");
    }
    let unusual = wanted(&chart().with("web/chart/values.yaml", "version: 1\n"), &[origin("web/chart")]);
    assert!(why(&unusual).contains("[[gitops.images]]"));
}

#[test]
fn charts_inside_of_charts_and_named_keys() {
    let files = chart()
        .with("web/chart/Chart.yaml", "name: web\ndependencies: [{name: cache, alias: store}, {name: gone, repository: 'https://charts.example'}]\n")
        .with("web/chart/values.yaml", "store: {image: {tag: 8}}\n")
        .with("web/chart/charts/cache/Chart.yaml", "name: cache\n")
        .with("web/chart/charts/cache/values.yaml", "image: {repository: redis, tag: 7}\n");
    assert_eq!(images(&wanted(&files, &[origin("web/chart")]))[0], "redis:8");
    let files = chart().with("web/chart/values.yaml", "app: {name: ghcr.io/acme/app, version: 1.20}\n");
    let key = ValueKey { repository: Some("app.name".into()), tag: Some("app.version".into()), ..ValueKey::default() };
    let (keys, origins) = (ValueKeys(vec![key]), [origin("web/chart")]);
    let question = Question { namespace: "argocd", name: "web", origins: &origins, keys: &keys };
    assert_eq!(images(&read(&question, &[Some(&files)])), ["ghcr.io/acme/app:1.20"]);
}

#[test]
fn named_keys_hold_for_the_applications_that_they_name() {
    let files =
        chart().with("web/chart/values.yaml", "api: {version: 2.1}\nworker: {version: 2.0}\nimage: {repository: ghcr.io/acme/proxy, tag: 9}\n");
    let key = |image: &str, tag: &str| ValueKey {
        applications: vec![Pattern::new("checkout-*"), Pattern::new("basket")],
        image: Some(image.into()),
        tag: Some(tag.into()),
        ..ValueKey::default()
    };
    let keys = ValueKeys(vec![key("ghcr.io/acme/api", "api.version"), key("ghcr.io/acme/worker", "worker.version")]);
    let origins = [origin("web/chart")];
    let of = |name| images(&read(&Question { namespace: "argocd", name, origins: &origins, keys: &keys }, &[Some(&files)]));
    for named in ["checkout-production", "basket"] {
        assert_eq!(of(named), ["ghcr.io/acme/api:2.1", "ghcr.io/acme/worker:2.0"], "{named}");
    }
    assert_eq!(of("search"), ["ghcr.io/acme/proxy:9"], "others are read by the usual keys");
}

#[test]
fn several_origins_and_charts_from_elsewhere() {
    let values = Origin { reference: Some(Raw::from("values")), path: None, ..origin("") };
    let files = chart().with("web/more/config.yaml", "kind: ConfigMap\n");
    let several = [with_values("web/chart", &["$values/web/values-dev.yaml"]), values.clone(), origin("web/more")];
    assert_eq!(images(&wanted(&files, &several)), ["ghcr.io/acme/web:3.4.0"]);

    let remote = Origin { chart: Some(Raw::from("podinfo")), path: None, ..with_values("", &["$values/web/own.yaml"]) };
    let files = files.with("web/own.yaml", "image: {repository: x, tag: 4}\n");
    let (keys, origins) = (ValueKeys::default(), [remote, values]);
    let question = Question { namespace: "argocd", name: "web", origins: &origins, keys: &keys };
    assert_eq!(images(&read(&question, &[None, Some(&files)])), ["x:4"]);
    assert!(why(&read(&question, &[None, None])).contains("Helm repository"));
}

#[test]
fn plain_folders_and_what_is_made_by_programs() {
    let files = Files::new(&[
        ("a/pod.yaml", "kind: Pod\nspec: {containers: [{image: 'a:1'}]}\n"),
        ("a/deep/pod.yml", "kind: Pod\nspec: {containers: [{image: 'b:1'}]}\n"),
    ]);
    assert_eq!(images(&wanted(&files, &[origin("a")])), ["a:1"]);
    assert_eq!(images(&wanted(&files, &[Origin { recurse: true, ..origin("a") }])), ["b:1", "a:1"]);
    assert!(why(&wanted(&files, &[Origin { plugin: true, ..origin("a") }])).contains("plugin"));
    let files = Files::new(&[("a/main.jsonnet", "{}")]);
    assert!(why(&wanted(&files, &[origin("a")])).contains("Jsonnet"));
    let files = Files::new(&[("a/pod.yaml", "kind: Pod\nspec:\n\t- x\n")]);
    assert!(why(&wanted(&files, &[origin("a")])).starts_with("a/pod.yaml:"));
}
