//! An Argo CD's API.

use tokio::time::Instant;

use super::*;
use crate::simulator::serve::answer::JSON;

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
async fn changes_are_for_those_who_may_in_the_order_of_the_real_server() {
    let world = world("v3.2.11").await;
    let token = |account: &str| format!("Bearer {}", argocd_token("main", account));
    let (admin, oncall, viewer) = (token(ARGOCD_ADMIN), token(ARGOCD_ONCALL), token(ARGOCD_VIEWER));
    let send = async |method: &str, token: &str, kind: &str, path: &str, body: &str| {
        let path = format!("/api/v1/applications/cart-dev{path}");
        let reply = world.ask("argocd:main", method, &path, &[("Authorization", token), ("Content-Type", kind)], body).await;
        let code = if reply.status == 415 { 0 } else { reply.value()["code"].as_u64().unwrap_or_default() };
        (reply.status, code, reply.text().to_owned())
    };
    assert_eq!(send("POST", &admin, "application/json; charset=utf-8", "/sync", "{}").await.0, 415);
    assert_eq!(send("DELETE", &admin, "", "/operation", "").await.0, 415);
    let broken = send("POST", &admin, JSON, "/sync", "{\"revision\":").await;
    let recorded = value(include_bytes!("../../../../tests/recordings/argocd/error-bad-json.json"));
    assert_eq!((broken.0, value(broken.2.as_bytes())), (400, recorded));
    for account in [&admin, &oncall] {
        let refused = send("POST", account, JSON, "/sync", "{}").await;
        assert_eq!((refused.0, refused.1), (400, 9));
        let recorded = value(include_bytes!("../../../../tests/recordings/argocd/error-sync-in-progress.json"));
        assert_eq!(value(refused.2.as_bytes()), recorded);
    }
    for (method, path, right) in [("POST", "/sync", "sync"), ("POST", "/rollback", "sync"), ("DELETE", "/operation", "sync"), ("PATCH", "", "update")]
    {
        let denied = send(method, &viewer, JSON, path, "{}").await;
        assert_eq!((denied.0, denied.1), (403, 7), "{path}");
        assert!(denied.2.contains(&format!("permission denied: applications, {right}, shop/cart-dev, sub: viewer")), "{}", denied.2);
    }
    let denied = send("POST", &oncall, JSON, "/sync", r#"{"manifests":["{}"]}"#).await;
    assert!(denied.0 == 403 && denied.2.contains("applications, override, shop/cart-dev, sub: oncall"), "{denied:?}");
    assert_eq!(send("PATCH", &oncall, JSON, "", "{}").await.0, 403);
    let act = r#"{"group":"argoproj.io","kind":"Rollout","namespace":"dev","resourceName":"cart","action":"resume"}"#;
    let denied = send("POST", &viewer, JSON, "/resource/actions/v2", act).await;
    assert!(denied.0 == 403 && denied.2.contains("applications, action/argoproj.io/Rollout/resume, shop/cart-dev"), "{denied:?}");
    assert_eq!(send("POST", &oncall, JSON, "/sync?project=default", "{}").await.0, 404);
    for (account, path, answer) in [
        (&oncall, "applications/sync/shop%2Fcart-dev", "yes"),
        (&oncall, "applications/override/shop%2Fcart-dev", "no"),
        (&oncall, "applications/delete/shop%2Fcart-dev", "no"),
        (&oncall, "applications/action/shop%2Fcart-dev", "no"),
        (&oncall, "logs/get/shop%2Fcart-dev", "yes"),
        (&oncall, "applicationsets/get/shop%2Fcart-dev", "no"),
        (&admin, "applications/action/shop%2Fcart-dev", "yes"),
    ] {
        let reply = world.ask("argocd:main", "GET", &format!("/api/v1/account/can-i/{path}"), &[("Authorization", account)], "").await;
        assert_eq!(reply.text(), format!(r#"{{"value":"{answer}"}}"#), "{path}");
    }
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
