//! The real kubectl.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use super::files::definition;
use super::*;

#[tokio::test]
async fn kubectl_works() {
    if Command::new("kubectl").args(["version", "--client"]).stdout(Stdio::null()).stderr(Stdio::null()).status().await.is_err() {
        eprintln!("\n*** SKIPPED: kubectl is not there, so that the servers were not tried with it ***\n");
        return;
    }
    let world = world("v3.2.11").await;
    let folder = tempfile::tempdir().unwrap();
    crate::simulator::files::write(folder.path(), &definition(), None, &world.serving).unwrap();
    let kubectl = |arguments: &str| {
        let mut command = Command::new("kubectl");
        command.arg("--cache-dir").arg(folder.path().join("cache")).args(arguments.split(' '));
        command.env("KUBECONFIG", folder.path().join("kubeconfig")).env("HOME", folder.path()).kill_on_drop(true).stdin(Stdio::null());
        command
    };
    let run = async |arguments: &str| {
        let output = tokio::time::timeout(PATIENCE, kubectl(arguments).output()).await.unwrap().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap())
    };

    let (worked, text, errors) = run("get pods -n production -o json").await;
    assert!(worked, "{errors}");
    assert_eq!(names(&value(text.as_bytes())).len(), 5, "{errors}");
    let (_, text, errors) = run("get deploy,pods -A -o name --chunk-size=2").await;
    assert_eq!(text.lines().count(), 7, "{text}{errors}");
    assert!(text.contains("deployment.apps/cart") && text.contains("pod/cart-4"), "{text}");
    let (_, text, errors) = run("get deployment cart -n production").await;
    assert!(text.contains("cart"), "{text}{errors}");

    let mut watch = kubectl("get pods -n production -w -o json --output-watch-events").stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let mut read_until = async |wanted: &str| {
        let found = async { while !lines.next_line().await.unwrap().expect("the watch goes on").contains(wanted) {} };
        tokio::time::timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("no {wanted}"));
    };
    read_until("cart-4").await;
    let (worked, text, errors) = run("annotate pod cart-0 -n production note=seen").await;
    assert!(worked, "{text}{errors}");
    assert!(String::from_utf8_lossy(&world.cluster.get(&PODS, "production", "cart-0").unwrap().json).contains(r#""note":"seen""#));
    read_until("\"seen\"").await;
    world.cluster.remove(&PODS, "production", "cart-1");
    read_until("DELETED").await;

    let (worked, _, errors) =
        run("patch deployment cart -n production --type=json -p [{\"op\":\"replace\",\"path\":\"/spec/replicas\",\"value\":3}]").await;
    assert!(worked, "{errors}");
    let (worked, _, errors) = run("--context prod-payments get pods -A").await;
    assert!(!worked && errors.contains("pods is forbidden: User \"payments\" cannot list"), "{errors}");
    let (_, text, errors) = run("--context prod-viewer auth can-i patch deployments -n production").await;
    assert_eq!(text.trim(), "no", "{errors}");
    let (_, text, _) = run("version -o json").await;
    assert_eq!(value(text.as_bytes())["serverVersion"]["gitVersion"], "v1.34.2");
    let (_, text, errors) = run("api-resources -o name").await;
    assert!(text.contains("rollouts.argoproj.io"), "{text}{errors}");
}
