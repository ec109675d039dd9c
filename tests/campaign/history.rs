//! Argo CD's own way back: possible where a person syncs, refused where Argo CD does.

use super::crew::{AsFound, Crew};
use crate::stories::world::{World as _, fresh_tag};

const SERVICE: &str = "catalog-service";

#[test]
#[ignore = "needs the lab: tests/lab/campaign"]
fn catalog_service_is_deployed_again_from_history_and_checkout_service_is_not() {
    let crew = Crew::on_the_lab();
    let found = AsFound::keep(&crew, SERVICE, &["production"]);
    let tag = fresh_tag("5.2");
    let deployments = || {
        let history = crew.application(SERVICE, "production")["status"]["history"].clone();
        history.as_array().map(Vec::len).unwrap_or_default()
    };
    crew.lab.commit(SERVICE, "production", &tag);
    crew.refresh(SERVICE, "production");
    let before = deployments();
    let sync = "sync catalog-service --in production --yes --reason campaign";
    crew.viewer(sync).refused("Not permitted");
    let synced = crew.oncall(sync).done();
    assert!(crew.agree(SERVICE, "production", &tag));
    assert_eq!(deployments(), before + 1, "synced once");
    let info = crew.application(SERVICE, "production")["status"]["operationState"]["operation"]["info"].to_string();
    assert!(info.contains(&synced.operation()), "it carries its id: {info}");
    crew.oncall(sync).refused("");

    let way = |service: &str| format!("rollback {service} --in production --by history --yes --reason campaign");
    crew.viewer(&way(SERVICE)).refused("Not permitted");
    let back = crew.oncall(&way(SERVICE)).done();
    assert!(back.told.contains("  verified\n"), "{}", back.told);
    assert_eq!(deployments(), before + 2, "rolled back once");
    assert_eq!(crew.wanted(SERVICE, "production"), tag, "git keeps what it wants");
    let images = crew.application(SERVICE, "production")["status"]["summary"]["images"].to_string();
    assert!(images.contains(&format!(":{}\"", found.tag("production"))), "{images}");
    assert!(crew.commits_of(&back.operation()).is_empty());
    let debts = crew.json("debt --json")["debts"].clone();
    assert!(debts.as_array().unwrap().iter().any(|debt| debt["service"] == SERVICE), "git is owed: {debts}");
    println!("    by history: {:.1} s", back.took.as_secs_f32());

    crew.oncall(&way("checkout-service")).refused("automatically");
    drop(found);
    crew.is_recorded();
}
