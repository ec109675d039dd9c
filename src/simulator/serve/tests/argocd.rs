//! An Argo CD's API.

use tokio::time::Instant;

use super::*;

#[tokio::test]
async fn who_is_not_logged_in_learns_little() {
    let world = world("v3.2.11").await;
    let ask = async |path: &str, headers: &[(&str, &str)]| world.ask("argocd:main", "GET", path, headers, "").await;
    assert_eq!(ask("/api/version", &[]).await.text(), r#"{"Version":"v3.2.11"}"#);
    assert_eq!(ask("/healthz", &[]).await.text(), "ok");
    assert_eq!(ask("/api/v1/settings", &[]).await.value()["controllerNamespace"], "argocd");
    assert_eq!(ask("/api/v1/session/userinfo", &[]).await.text(), "{}");
    let refused = ask("/api/v1/applications", &[]).await;
    let recorded = value(include_bytes!("../../../../tests/recordings/argocd/error-401.json"));
    assert_eq!((refused.status, refused.value()), (401, recorded));
    let refused = ask("/api/v1/applications", &[("Authorization", "Bearer a.b.c")]).await;
    assert_eq!((refused.status, &refused.value()["code"]), (401, &json!(16)));
    assert_eq!(world.argocd("/api/v1/session/userinfo").await.value()["username"], "admin");
    let viewer = format!("Bearer {}", argocd_token("main", ARGOCD_VIEWER));
    for (path, answer) in [
        ("projects/get/*", "yes"),
        ("applications/get/*/*", "yes"),
        ("applications/get/*", "no"),
        ("applications/get/shop%2Fcart-dev", "yes"),
        ("applications/sync/shop%2Fcart-dev", "no"),
    ] {
        let reply = ask(&format!("/api/v1/account/can-i/{path}"), &[("Authorization", &viewer)]).await;
        assert_eq!(reply.text(), format!(r#"{{"value":"{answer}"}}"#));
    }
}

#[tokio::test]
async fn lists_show_what_the_version_lets_through() {
    const LIST: &str = "/api/v1/applications?fields=metadata.resourceVersion,items.metadata.name,items.metadata.annotations,items.spec.project,\
                        items.status.sync.revision,items.status.health,items.status.resources,items.status.history";
    let old = world("v3.2.11+simulated").await;
    let list = old.argocd(LIST).await.value();
    assert_eq!(names(&list), ["cart-dev", "cart-production", "tools"]);
    assert_eq!(list["metadata"]["resourceVersion"], old.argocd.version().to_string());
    assert_eq!(
        list["items"][0],
        json!({
            "metadata": { "name": "cart-dev", "annotations": null },
            "status": { "health": { "status": "Healthy" }, "resources": [{ "kind": "Service", "name": "cart", "status": "Synced" }] },
        })
    );
    let new = world("v3.5.1").await.argocd(LIST).await.value();
    assert_eq!((&new["items"][2]["spec"], new["items"][2]["status"]["sync"].as_object().unwrap().len()), (&json!({ "project": "default" }), 1));
    assert_eq!(names(&old.argocd("/api/v1/applications?projects=shop&projects=none").await.value()), ["cart-dev", "cart-production"]);
    assert_eq!(names(&old.argocd("/api/v1/applications?name=tools&selector=service%3Dcart").await.value()), ["tools"]);
    let empty = old.argocd("/api/v1/applications?projects=none&fields=items.metadata.name").await;
    assert!(empty.text().starts_with(r#"{"items":null,"#), "{}", empty.text());
    let whole = old.argocd("/api/v1/applications").await.value();
    assert!(whole["items"][0]["status"]["resources"][0].get("health").is_none(), "a list does not know how resources are");
    assert_eq!(
        old.argocd("/api/v1/projects?fields=items.metadata.name").await.value(),
        json!({ "items": [{ "metadata": { "name": "default" } }, { "metadata": { "name": "shop" } }] })
    );
    let zipped = [("Authorization", &*format!("Bearer {}", old.token)), ("Accept-Encoding", "gzip")];
    let zipped = old.ask("argocd:main", "GET", LIST, &zipped, "").await;
    assert_eq!((zipped.header("content-encoding"), value(&unzipped(&zipped.body))), (Some("gzip"), list));
}

#[tokio::test]
async fn one_application_is_missing_or_forbidden() {
    let world = world("v3.2.11").await;
    let one = world.argocd("/api/v1/applications/cart-dev?appNamespace=argocd&project=shop").await.value();
    assert_eq!(one["status"]["resources"][0]["health"]["status"], "Healthy");
    let hidden = world.argocd("/api/v1/applications/no-such").await;
    assert_eq!((hidden.status, hidden.value()), (403, value(include_bytes!("../../../../tests/recordings/argocd/error-404-or-403.json"))));
    let missing = world.argocd("/api/v1/applications/no-such?project=shop").await;
    assert_eq!((missing.status, &missing.value()["code"]), (404, &json!(5)));
    assert_eq!(world.argocd("/api/v1/applications/cart-dev?project=default").await.status, 404);
}

#[tokio::test]
async fn changes_are_refused_honestly() {
    let world = world("v3.2.11").await;
    let (admin, viewer) = (format!("Bearer {}", world.token), format!("Bearer {}", argocd_token("main", ARGOCD_VIEWER)));
    let sync = async |token: &str, kind: &str| {
        world.ask("argocd:main", "POST", "/api/v1/applications/cart-dev/sync", &[("Authorization", token), ("Content-Type", kind)], "{}").await
    };
    assert_eq!(sync(&admin, "application/json; charset=utf-8").await.status, 415);
    let refused = sync(&admin, "application/json").await;
    assert_eq!((refused.status, &refused.value()["code"]), (501, &json!(12)));
    let denied = sync(&viewer, "application/json").await;
    assert_eq!(denied.status, 403);
    assert!(denied.text().contains("permission denied: applications, sync, shop/cart-dev, sub: viewer"), "{}", denied.text());
}

#[tokio::test]
async fn the_stream_speaks_in_events() {
    let world = world("v3.2.11").await;
    let fields = "fields=result.type,result.application.metadata.name,result.application.status.health.status";
    let accept = [("Accept", "text/event-stream"), ("Accept-Encoding", "gzip")];
    let mut stream = world.open("argocd:main", &world.token, &format!("/api/v1/stream/applications?{fields}"), &accept).await;
    let told = |kind: &str, name: &str, health: &str| {
        format!(
            "data: {{\"result\":{{\"type\":\"{kind}\",\"application\":{{\"metadata\":{{\"name\":\"{name}\"}},\"status\":{{\"health\":{{\"status\":\"{health}\"}}}}}}}}}} \n\n\n"
        )
    };
    let first: String = ["cart-dev", "cart-production", "tools"].iter().map(|name| told("ADDED", name, "Healthy")).collect();
    let reply = stream.until(|reply| reply.text() == first).await.unwrap();
    assert_eq!((reply.header("content-type"), reply.header("content-encoding")), (Some("text/event-stream"), None));
    world.argocd.put(&APPLICATIONS, application("tools", "default", "Degraded"));
    // The same once more, as far as it is asked for: kept back.
    let mut again = application("tools", "default", "Degraded");
    again["status"]["reconciledAt"] = json!("2026-11-20T09:00:00Z");
    world.argocd.put(&APPLICATIONS, again);
    world.argocd.remove(&APPLICATIONS, "argocd", "cart-dev");
    let all = format!("{first}{}{}", told("MODIFIED", "tools", "Degraded"), told("DELETED", "cart-dev", "Healthy"));
    stream.until(|reply| reply.text() == all).await.unwrap();
}

#[tokio::test]
async fn the_stream_speaks_in_compressed_lines() {
    let world = world("v3.2.11").await;
    let path = "/api/v1/stream/applications?projects=default&fields=result.type,result.application.metadata.name";
    let accept = [("Accept", "text/event-stream; q=1"), ("Accept-Encoding", "gzip")];
    let mut stream = world.open("argocd:main", &world.token, path, &accept).await;
    let line = |kind: &str| format!("{{\"result\":{{\"type\":\"{kind}\",\"application\":{{\"metadata\":{{\"name\":\"tools\"}}}}}}}}\n");
    let reply = stream.until(|reply| unzipped(&reply.body) == line("ADDED").as_bytes()).await.unwrap();
    assert_eq!((reply.header("content-type"), reply.header("content-encoding")), (Some("application/json"), Some("gzip")));
    world.argocd.put(&APPLICATIONS, application("tools", "default", "Degraded"));
    stream.until(|reply| unzipped(&reply.body) == (line("ADDED") + &line("MODIFIED")).as_bytes()).await.unwrap();
}

/// Changes an application until the stream, which has no head before there is something to say, says so.
pub(super) async fn roused(world: &World, stream: &mut Talk) -> Reply {
    let mut reads = std::pin::pin!(stream.until(|reply| reply.body.ends_with(b"\n")));
    let mut number = 0;
    loop {
        number += 1;
        world.argocd.put(&APPLICATIONS, application("tools", "default", &format!("Round{number}")));
        tokio::select! {
            reply = &mut reads => return reply.unwrap(),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
    }
}

#[tokio::test]
async fn with_any_version_only_changes_come() {
    let world = world("v3.2.11").await;
    let path = "/api/v1/stream/applications?resourceVersion=1&fields=result.type,result.application.status.health";
    let mut stream = world.open("argocd:main", &world.token, path, &[("Accept", "text/event-stream")]).await;
    let reply = roused(&world, &mut stream).await;
    assert!(reply.text().starts_with(r#"data: {"result":{"type":"MODIFIED","application":{"status":{"health":{"status":"Round"#), "{}", reply.text());
}

#[tokio::test]
async fn thousands_are_listed_quickly() {
    let world = world("v3.2.11").await;
    let filler: Vec<Value> = (0..20).map(|number| json!({ "kind": "Deployment", "name": format!("thing-{number}"), "status": "Synced" })).collect();
    for number in 0..5000 {
        let mut one = application(&format!("app-{number}"), "shop", "Healthy");
        one["status"]["history"] = json!(filler);
        one["status"]["resources"] = json!(filler);
        world.argocd.put(&APPLICATIONS, one);
    }
    let path = "/api/v1/applications?fields=metadata.resourceVersion,items.metadata.name,items.metadata.labels,items.spec,items.status.health,items.status.summary";
    let began = Instant::now();
    let reply = world.argocd(path).await;
    let took = began.elapsed();
    assert_eq!(names(&reply.value()).len(), 5003);
    println!("5,003 applications with fields: {took:?}, {} bytes", reply.body.len());
    // Without optimisation it says nothing of what is served.
    assert!(cfg!(debug_assertions) || took < Duration::from_millis(250), "{took:?}");
}
