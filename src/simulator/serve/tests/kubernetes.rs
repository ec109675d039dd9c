//! A cluster's API server.

use super::*;

const PRODUCTION_PODS: &str = "/api/v1/namespaces/production/pods";

#[tokio::test]
async fn pages_are_of_one_version_until_it_is_forgotten() {
    let world = world("v3.2.11").await;
    let first = world.cluster("admin", &format!("{PRODUCTION_PODS}?limit=2")).await.value();
    assert_eq!((first["kind"].as_str(), first["apiVersion"].as_str()), (Some("PodList"), Some("v1")));
    assert_eq!((names(&first), &first["metadata"]["remainingItemCount"]), (vec!["cart-0", "cart-1"], &json!(3)));
    world.cluster.put(&PODS, pod("production", "cart-2b", "new"));
    world.cluster.remove(&PODS, "production", "cart-3");
    let next = first["metadata"]["continue"].as_str().unwrap();
    let second = world.cluster("admin", &format!("{PRODUCTION_PODS}?limit=2&continue={next}")).await.value();
    assert_eq!(names(&second), ["cart-2", "cart-3"], "as it was at the version of the first page");
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);
    let next = second["metadata"]["continue"].as_str().unwrap();
    assert_eq!(world.control("POST", "/forget/prod", "").await.status, 200);
    let expired = world.cluster("admin", &format!("{PRODUCTION_PODS}?limit=2&continue={next}")).await;
    assert_eq!((expired.status, expired.value()["reason"].as_str()), (410, Some("Expired")));
    let fresh = expired.value();
    let fresh = fresh["metadata"]["continue"].as_str().unwrap();
    let rest = world.cluster("admin", &format!("{PRODUCTION_PODS}?limit=9&continue={fresh}")).await.value();
    assert_eq!((names(&rest), rest["metadata"].get("continue")), (vec!["cart-4"], None));
    assert_eq!(world.cluster("admin", &format!("{PRODUCTION_PODS}?continue=nonsense")).await.status, 400);
}

#[tokio::test]
async fn lists_are_selected() {
    let world = world("v3.2.11").await;
    for (query, wanted) in [
        ("labelSelector=track%3Dstable", vec!["cart-0", "cart-1", "cart-0"]),
        ("labelSelector=track%20notin%20(stable)%2Capp", vec!["cart-2", "cart-3", "cart-4"]),
        ("fieldSelector=metadata.name%3Dcart-0", vec!["cart-0", "cart-0"]),
        ("fieldSelector=metadata.namespace!%3Dproduction", vec!["cart-0"]),
    ] {
        assert_eq!(names(&world.cluster("viewer", &format!("/api/v1/pods?{query}")).await.value()), wanted, "{query}");
    }
    let page = world.cluster("viewer", "/api/v1/pods?limit=1&labelSelector=app%3Dcart").await.value();
    assert!(page["metadata"]["continue"].is_string() && page["metadata"].get("remainingItemCount").is_none());
    assert_eq!(world.cluster("viewer", "/api/v1/pods?labelSelector=a%20b").await.status, 400);
    assert_eq!(world.cluster("viewer", "/api/v1/pods?fieldSelector=spec.nodeName%3Da").await.status, 400);
}

#[tokio::test]
async fn a_watch_goes_on_from_a_version() {
    let world = world("v3.2.11").await;
    let version = world.cluster("admin", PRODUCTION_PODS).await.value()["metadata"]["resourceVersion"].as_str().unwrap().to_owned();
    world.cluster.put(&PODS, pod("production", "cart-5", "new"));
    world.cluster.put(&PODS, pod("staging", "cart-0", "new"));
    let mut watch = world.watch(&format!("{PRODUCTION_PODS}?watch=1&resourceVersion={version}")).await;
    watch.until(|reply| events(reply) == ["ADDED cart-5"]).await.unwrap();
    world.cluster.put(&PODS, pod("production", "cart-5", "newer"));
    world.cluster.remove(&PODS, "production", "cart-5");
    let reply = watch.until(|reply| events(reply) == ["ADDED cart-5", "MODIFIED cart-5", "DELETED cart-5"]).await.unwrap();
    assert_eq!((reply.header("content-type"), reply.header("transfer-encoding")), (Some("application/json"), Some("chunked")));

    let mut whole = world.watch(&format!("{PRODUCTION_PODS}?watch=true&resourceVersion=0")).await;
    whole.until(|reply| events(reply).len() == 5).await.unwrap();

    world.cluster.forget();
    let mut old = world.watch(&format!("{PRODUCTION_PODS}?watch=1&resourceVersion={version}")).await;
    let reply = old.reply().await.unwrap();
    let recorded = include_str!("../../../../tests/recordings/kubernetes/error-410-watch.jsonl");
    assert_eq!((reply.status, reply.is_whole), (200, true));
    let error = value(reply.text().lines().next().unwrap().as_bytes());
    assert_eq!(error["object"]["message"], format!("too old resource version: {version} ({})", world.cluster.version()));
    assert_eq!((&error["type"], &error["object"]["reason"]), (&value(recorded.as_bytes())["type"], &value(recorded.as_bytes())["object"]["reason"]));
}

#[tokio::test]
async fn a_watch_ends_in_time_and_leaves_a_bookmark() {
    let world = world("v3.2.11").await;
    let version = world.cluster.version();
    let path = format!("/apis/apps/v1/deployments?watch=1&resourceVersion={version}&allowWatchBookmarks=true&timeoutSeconds=1");
    let mut watch = world.watch(&path).await;
    world.cluster.put(&PODS, pod("production", "cart-0", "other"));
    let reply = watch.reply().await.unwrap();
    assert!(reply.is_whole);
    let bookmark = reply.value();
    assert_eq!((&bookmark["type"], &bookmark["object"]["kind"]), (&json!("BOOKMARK"), &json!("Deployment")));
    assert_eq!(bookmark["object"]["metadata"]["resourceVersion"], (version + 1).to_string(), "it moves with changes of other kinds");
    let path = "/apis/apps/v1/deployments?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&resourceVersion=&allowWatchBookmarks=true";
    let reply = world.watch(path).await.until(|reply| events(reply).len() == 2).await.unwrap();
    assert_eq!(events(&reply), ["ADDED cart", "BOOKMARK -"]);
    assert!(reply.text().contains(r#""k8s.io/initial-events-end":"true""#));
}

#[tokio::test]
async fn objects_come_and_go_with_their_labels() {
    let world = world("v3.2.11").await;
    let version = world.cluster.version();
    let mut watch = world.watch(&format!("{PRODUCTION_PODS}?watch=1&resourceVersion={version}&labelSelector=track%3Dstable")).await;
    watch.until(|reply| reply.status == 200).await.unwrap();
    for (name, track) in [("cart-0", "canary"), ("cart-4", "canary-2"), ("cart-4", "stable"), ("cart-1", "stable")] {
        world.cluster.put(&PODS, pod("production", name, track));
    }
    world.cluster.remove(&PODS, "production", "cart-4");
    watch.until(|reply| events(reply) == ["DELETED cart-0", "ADDED cart-4", "DELETED cart-4"]).await.unwrap();
}

async fn patch(world: &World, user: &str, kind: &str, path: &str, body: &Value) -> Reply {
    let headers = [("Authorization", &*format!("Bearer {user}")), ("Content-Type", kind)];
    world.ask("cluster:prod", "PATCH", path, &headers, &body.to_string()).await
}

#[tokio::test]
async fn patches_go_to_the_world() {
    const CART: &str = "/apis/apps/v1/namespaces/production/deployments/cart";
    const MERGE: &str = "application/merge-patch+json";
    let world = world("v3.2.11").await;
    let before = world.cluster("admin", CART).await.value();
    let version = before["metadata"]["resourceVersion"].clone();
    let changed = patch(&world, "admin", MERGE, CART, &json!({ "metadata": { "resourceVersion": version }, "spec": { "replicas": 6 } })).await;
    assert_eq!((changed.status, &changed.value()["spec"]["replicas"]), (200, &json!(6)));
    let stale = patch(&world, "admin", MERGE, CART, &json!({ "metadata": { "resourceVersion": version }, "spec": { "replicas": 7 } })).await;
    assert_eq!(stale.status, 409);
    let recorded = value(include_bytes!("../../../../tests/recordings/kubernetes/error-409-stale.json"));
    let as_recorded = recorded.to_string().replace("rollouts.argoproj.io", "deployments.apps").replace("checkout-service", "cart");
    let as_recorded = as_recorded.replace("argoproj.io", "apps").replace("rollouts", "deployments");
    assert_eq!(stale.value(), value(as_recorded.as_bytes()));
    let operations = json!([{ "op": "test", "path": "/spec/replicas", "value": 6 }, { "op": "replace", "path": "/spec/replicas", "value": 8 }]);
    let changed = patch(&world, "admin", "application/json-patch+json", CART, &operations).await;
    assert_eq!((changed.status, &changed.value()["spec"]["replicas"]), (200, &json!(8)));
    assert_eq!(patch(&world, "admin", "application/json-patch+json", CART, &operations).await.status, 422);
    assert_eq!(patch(&world, "admin", "application/apply-patch+yaml", CART, &json!({})).await.status, 415);
    let nothing = json!([{ "op": "test", "path": "/spec/replicas", "value": 8 }]);
    assert_eq!(patch(&world, "admin", "application/json-patch+json", CART, &nothing).await.status, 200, "a test alone changes nothing");
    let other = patch(&world, "admin", MERGE, CART, &json!({ "metadata": { "uid": "other" }, "spec": { "replicas": 9 } })).await;
    assert_eq!((other.status, &other.value()["reason"]), (422, &json!("Invalid")));
    assert_eq!(patch(&world, "oncall", MERGE, CART, &json!({ "spec": { "replicas": 9 } })).await.status, 403, "only rollouts");
    let dry = patch(&world, "admin", MERGE, &format!("{CART}?dryRun=All"), &json!({ "spec": { "replicas": 1 } })).await;
    assert_eq!((&dry.value()["spec"]["replicas"], &world.cluster("admin", CART).await.value()["spec"]["replicas"]), (&json!(1), &json!(8)));
    let refused = patch(&world, "admin", MERGE, &format!("{CART}/status"), &json!({ "spec": { "replicas": -1 } })).await;
    assert_eq!((refused.status, &refused.value()["message"]), (422, &json!("must not be negative")));
    let denied = patch(&world, "viewer", MERGE, CART, &json!({})).await.value();
    assert_eq!(
        denied["message"],
        r#"deployments.apps "cart" is forbidden: User "viewer" cannot patch resource "deployments" in API group "apps" in the namespace "production""#
    );
    assert_eq!(patch(&world, "admin", MERGE, &format!("{CART}-2"), &json!({})).await.status, 404);
}

#[tokio::test]
async fn users_see_what_they_may() {
    let world = world("v3.2.11").await;
    let refused = value(include_bytes!("../../../../tests/recordings/kubernetes/error-401.json"));
    for token in ["", "nobody"] {
        let reply = world.cluster(token, "/api/v1/pods").await;
        assert_eq!((reply.status, reply.value()), (401, refused.clone()));
    }
    assert_eq!(world.ask("cluster:prod", "GET", "/version", &[], "").await.value()["gitVersion"], "v1.34.2");
    assert_eq!(world.ask("cluster:prod", "GET", "/apis", &[], "").await.status, 401);
    assert_eq!(world.ask("cluster:prod", "GET", "/readyz", &[], "").await.text(), "ok");
    let denied = world.cluster("payments", "/api/v1/pods?limit=5").await;
    let message = r#"pods is forbidden: User "payments" cannot list resource "pods" in API group "" at the cluster scope"#;
    assert_eq!((denied.status, &denied.value()["message"], &denied.value()["details"]), (403, &json!(message), &json!({ "kind": "pods" })));
    assert_eq!(world.cluster("payments", "/api/v1/namespaces/dev/pods").await.status, 403);
    assert_eq!(world.cluster("payments", "/api/v1/namespaces").await.status, 403);
    assert_eq!(world.cluster("payments", "/api/v1/namespaces/staging").await.status, 200);
    assert_eq!(names(&world.cluster("payments", "/api/v1/namespaces/staging/pods").await.value()), ["cart-0"]);
    assert_eq!(names(&world.cluster("viewer", "/api/v1/namespaces").await.value()), ["dev", "production", "staging"]);
    let missing = world.cluster("viewer", "/apis/argoproj.io/v1alpha1/namespaces/production/rollouts/no-such").await;
    assert_eq!((missing.status, missing.value()), (404, value(include_bytes!("../../../../tests/recordings/kubernetes/error-404.json"))));
    for path in ["/apis/batch/v1/jobs", "/api/v1/secrets", "/nonsense", "/api/v1/namespaces/a/b/c/d/e"] {
        let reply = world.cluster("admin", path).await;
        assert_eq!((reply.status, reply.text()), (404, "404 page not found\n"), "{path}");
    }
    let rollouts = |subresource: &str| json!({ "group": "argoproj.io", "resource": "rollouts", "subresource": subresource });
    let pods = json!({ "resource": "pods" });
    for (user, verb, mut what, namespace, allowed) in [
        ("viewer", "patch", pods.clone(), "staging", false),
        ("payments", "list", pods.clone(), "staging", true),
        ("payments", "list", pods.clone(), "", false),
        ("oncall", "patch", pods, "staging", false),
        ("oncall", "patch", rollouts(""), "staging", true),
        ("oncall", "update", rollouts("status"), "staging", true),
        ("oncall", "delete", rollouts(""), "staging", false),
        ("viewer", "patch", rollouts("status"), "staging", false),
        ("admin", "patch", rollouts("status"), "staging", true),
    ] {
        what["verb"] = json!(verb);
        what["namespace"] = json!(namespace);
        let body = json!({ "spec": { "resourceAttributes": what } });
        let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        let reply = world.ask("cluster:prod", "POST", path, &[("Authorization", &format!("Bearer {user}"))], &body.to_string()).await;
        assert_eq!((reply.status, &reply.value()["status"]["allowed"]), (201, &json!(allowed)), "{user} {verb}");
    }
}

#[tokio::test]
async fn large_answers_are_compressed() {
    let world = world("v3.2.11").await;
    let ask = async || world.ask("cluster:prod", "GET", "/api/v1/pods", &[("Authorization", "Bearer admin"), ("Accept-Encoding", "gzip")], "").await;
    assert_eq!(ask().await.header("content-encoding"), None);
    for number in 0..1000 {
        world.cluster.put(&PODS, pod("production", &format!("pod-{number}"), "stable"));
    }
    let reply = ask().await;
    assert_eq!(reply.header("content-encoding"), Some("gzip"));
    assert_eq!(names(&value(&unzipped(&reply.body))).len(), 1006);
}
