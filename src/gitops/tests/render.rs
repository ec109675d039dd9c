//! Real repositories, and programs in the place of kustomize → what differs when it is rendered.

use super::*;
use crate::base::Safe;
use crate::gitops::Opened;
use crate::gitops::render::{Tools, parameters, render};
use crate::manifest::rendered::{Differing, Ends, Rendering, Wish};

const DEPLOYMENT: &str = "kind: Deployment\nmetadata: {name: shop}\nspec: {template: {spec: {containers: [{name: shop, image: shop}]}}}\n";

async fn rendered(files: &[(&str, &str)], path: &str, edit: (&str, &str), tools: Tools) -> Result<Rendering, Safe> {
    let upstream = Upstream::new();
    let head = Raw::from(upstream.commit("Ana", "import", files));
    let mine = Mine::of(&upstream);
    mine.fetch().await;
    let origin = Origin { path: Some(Raw::from(path)), ..origin(None) };
    let ends = Ends { repository: Raw::from("gitops"), before: head.clone(), after: head };
    let wish = Wish {
        app: app_key("shop"),
        namespace: "shop".into(),
        origins: Box::new([origin]),
        branches: vec![Some(ends)],
        between: Vec::new(),
        files: vec![(0, Raw::from(edit.0), edit.1.as_bytes().to_vec())],
    };
    let opened = Opened { name: Raw::from("gitops"), mirror: mine.mirror.clone(), addresses: vec![Address::read("https://git.example/gitops.git")] };
    render(vec![wish], vec![opened], ValueKeys::default(), tools).await.into_values().next().unwrap()
}

fn told(rendering: &Rendering) -> Vec<String> {
    rendering.objects.iter().flat_map(Differing::lines).map(|line| format!("{}{}", line.sign, line.text)).collect()
}

#[tokio::test]
async fn what_needs_no_renderer_is_compared_and_what_needs_one_says_which_is_missing() {
    let after = DEPLOYMENT.replace("image: shop", "image: 'shop:2'");
    let plain = rendered(&[("shop/d.yaml", DEPLOYMENT)], "shop", ("shop/d.yaml", &after), Tools::default()).await.unwrap();
    assert_eq!(told(&plain), ["-spec.template.spec.containers[shop].image: shop", "+spec.template.spec.containers[shop].image: shop:2"]);
    let files = [("shop/d.yaml", DEPLOYMENT), ("shop/kustomization.yaml", "resources: [d.yaml]\n")];
    let missing = rendered(&files, "shop", ("shop/kustomization.yaml", "resources: []\n"), Tools::default()).await.unwrap_err();
    assert_eq!(missing.as_str(), "neither kustomize nor kubectl is on the PATH");
    let remote = [("shop/kustomization.yaml", "resources: ['https://example.com/x//y?ref=v1']\n")];
    let elsewhere =
        rendered(&remote, "shop", ("shop/kustomization.yaml", "a: 1\n"), Tools::on(std::env::var_os("PATH").as_deref())).await.unwrap_err();
    assert!(elsewhere.as_str().ends_with("is in another repository"), "{elsewhere}");
    let chart =
        [("c/Chart.yaml", "name: c\n"), ("c/values.yaml", "image: {repository: a, tag: '1'}\n"), ("c/templates/x.yaml", "a: {{ .Values.a }}\n")];
    let helm = rendered(&chart, "c", ("c/values.yaml", "image: {repository: a, tag: '2'}\n"), Tools::default()).await.unwrap_err();
    assert_eq!(helm.as_str(), "helm is not on the PATH");
}

/// A program in the place of kustomize: it prints what lies in the folder that it is given, and its surroundings.
#[tokio::test]
async fn a_renderer_sees_the_files_of_its_side_and_nothing_of_its_surroundings() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("kustomize");
    let put = |text: &str| {
        std::fs::write(&program, text).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    };
    let files = [
        ("shop/kustomization.yaml", "kind: Kustomization\nmetadata: {name: k}\nconfigMapGenerator: [{name: c, files: [app.toml]}]\n"),
        ("shop/app.toml", "1"),
        ("shop/unused.yaml", "a: 1"),
    ];
    let edit =
        ("shop/kustomization.yaml", "kind: Kustomization\nmetadata: {name: k, labels: {a: b}}\nconfigMapGenerator: [{name: c, files: [app.toml]}]\n");
    put(
        "#!/bin/sh\n[ \"$1\" = version ] && echo v5.5.0 && exit 0\nwhile read -r line; do echo \"$line\"; done < \"$2/kustomization.yaml\"\necho \"---\"\n\
         echo \"{kind: Seen, metadata: {name: s}, home: $HOME, token: \\\"$GITHUB_TOKEN$KUBE_TOKEN\\\", files: [$(echo \"$2\"/*)]}\"\n",
    );
    let tools = Tools::on(Some(folder.path().as_os_str()));
    let rendering = rendered(&files, "shop", edit, tools.clone()).await.unwrap();
    assert_eq!(rendering.by.as_str(), "kustomize v5.5.0");
    let lines = told(&rendering);
    assert!(lines.contains(&"+metadata.labels.a: b".to_owned()), "{lines:?}");
    assert!(!lines.iter().any(|line| line.contains("unused")), "{lines:?}");
    put("#!/bin/sh\n[ \"$1\" = version ] && exit 0\necho Error: no such thing in \"$2\" >&2\nexit 1\n");
    let failed = rendered(&files, "shop", edit, tools).await.unwrap_err();
    assert_eq!(failed.as_str(), "kustomize: Error: no such thing in …/before/0/shop");
}

#[test]
fn parameters_are_values_of_their_names() {
    let of = |pairs: &[(&str, &str)]| {
        let pairs: Vec<(Raw, Raw)> = pairs.iter().map(|(name, value)| (Raw::from(*name), Raw::from(*value))).collect();
        parameters(&pairs)
    };
    assert_eq!(of(&[]), Ok(None));
    assert_eq!(of(&[("a.b", "1"), ("a.c", "x"), ("d", "true")]).unwrap().unwrap(), r#"{"a":{"b":1,"c":"x"},"d":true}"#);
    assert!(of(&[("a[0]", "1")]).is_err() && of(&[("a", "1"), ("a.b", "2")]).is_err());
}
