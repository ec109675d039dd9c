//! Each kind of mistake in a world or a scenario has its sentence.

use super::*;
use crate::simulator::library;

fn world() -> Definition {
    library::load("busy-morning").unwrap().1
}

fn wrong(change: impl FnOnce(&mut Definition)) -> String {
    let mut world = world();
    change(&mut world);
    definition(&world).unwrap_err()
}

fn told(entry: &str) -> String {
    let text = format!("title = 'a'\nstory = 'b'\nworld = 'acme'\n{entry}\n");
    scenario(&toml::from_str(&text).unwrap(), &world()).unwrap_err()
}

#[test]
fn a_world_that_does_not_hold_together_is_told() {
    let cases: Vec<(String, &str)> = vec![
        (wrong(|it| it.argocds[0].cluster = "nonprd".into()), "argocd 'main': no cluster is called 'nonprd': did you mean 'nonprod'?"),
        (wrong(|it| it.clusters[1].name = "nonprod".into()), "cluster 'nonprod': there are two of this name"),
        (
            wrong(|it| it.environments[1].from = vec!["devel".into()]),
            "environment 'staging': from: no environment is called 'devel': did you mean 'dev'?",
        ),
        (
            wrong(|it| it.environments[0].from = vec!["production".into()]),
            "environments: 'from' goes round in a circle through dev, staging, production",
        ),
        (wrong(|it| it.environments[0].destinations.clear()), "environment 'dev': it has no destination"),
        (
            wrong(|it| it.environments[0].destinations[0].argocd = "mainn".into()),
            "environment 'dev': no argocd is called 'mainn': did you mean 'main'?",
        ),
        (
            wrong(|it| it.environments[2].destinations[1].placement = "eu".into()),
            "environment 'production': two destinations have the placement 'eu': give each its own",
        ),
        (
            wrong(|it| it.environments[2].destinations[1].placement = String::new()),
            "environment 'production': one of its destinations has no placement",
        ),
        (wrong(|it| it.applications[0].workloads.clear()), "application 'checkout': it has no workload"),
        (
            wrong(|it| it.applications[0].manual = vec!["prod".into()]),
            "application 'checkout': manual: no environment is called 'prod': there are dev, staging, production",
        ),
        (
            wrong(|it| it.applications[0].workloads[0].kind = WorkloadKind::Deployment),
            "application 'checkout': workload 'checkout': only a rollout has a canary",
        ),
        (
            wrong(|it| it.applications[0].workloads[0].canary = [("production".into(), vec!["ten".into()])].into()),
            "application 'checkout': workload 'checkout': canary, production: 'ten' is no step of a canary: use '10%', 'pause', 'pause 30s' or 'analysis'",
        ),
        (
            wrong(|it| it.applications[0].workloads[0].versions = [("stagin".into(), "1".into())].into()),
            "application 'checkout': workload 'checkout': versions: no environment is called 'stagin': did you mean 'staging'?",
        ),
        (
            wrong(|it| it.applications[0].workloads[0].versions = [("production/uk".into(), "1".into())].into()),
            "application 'checkout': workload 'checkout': versions: no placement of production is called 'uk': did you mean 'us'?",
        ),
        (wrong(|it| it.applications[0].workloads[0].versions.clear()), "application 'checkout': workload 'checkout': it has no version anywhere"),
        (wrong(|it| it.applications[0].layout = Layout::Applications), "application 'checkout': an application of applications has no workloads"),
        (
            wrong(|it| {
                it.applications[0].layout = Layout::Applications;
                it.applications[0].workloads.clear();
            }),
            "application 'checkout': no application has its folder below apps/checkout/",
        ),
        (
            wrong(|it| {
                let mut second = it.applications[0].workloads[0].clone();
                second.name = Some("jobs".into());
                second.versions.remove("dev");
                it.applications[0].workloads.push(second);
            }),
            "application 'checkout': workload 'jobs': it has no version for dev, where others of its application are",
        ),
        (
            wrong(|it| it.argocds[0].names = "{application}".into()),
            "argocd 'main': two of its applications would be called 'checkout': say more in its 'names'",
        ),
    ];
    for (error, expected) in cases {
        assert_eq!(error, expected);
    }
}

#[test]
fn a_scenario_that_does_not_fit_its_world_is_told() {
    for (entry, expected) in [
        (
            "[[versions]]\nworkload = 'chekout'\nversion = '1'",
            "versions, entry 1 (chekout 1): no workload is called 'chekout': did you mean 'checkout'?",
        ),
        ("[[versions]]\nworkload = 'cart'\nversion = '1'\nerrors = 2.0", "versions, entry 1 (cart 1): 'errors' is a share from 0 to 1, not 2"),
        ("[[timeline]]\nafter = '5s'", "timeline, entry 1 (after 5s): nothing happens and nothing is said"),
        ("[[timeline]]\nafter = '5s'\nsay = 'x'\nevery = '0s'", "timeline, entry 1 (after 5s): 'every' must be longer than nothing"),
        (
            "[[timeline]]\nafter = '5s'\nsay = 'x'\n[[timeline]]\nafter = '9s'\ncommit = { application = 'crat', environment = 'dev', version = 'next' }",
            "timeline, entry 2 (after 9s): commit: no application is called 'crat': did you mean 'cart'?",
        ),
        (
            "[[timeline]]\nafter = '5s'\ncommit = { application = 'cart', environment = 'nowhere', version = 'next' }",
            "timeline, entry 1 (after 5s): commit: no environment is called 'nowhere': there are dev, staging, production",
        ),
        (
            "[[timeline]]\nafter = '5s'\ncommit = { application = 'cart', environment = 'dev', version = 'from stagin' }",
            "timeline, entry 1 (after 5s): commit: version: no environment is called 'stagin': did you mean 'staging'?",
        ),
        (
            "[[timeline]]\nafter = '5s'\ncommit = { application = 'cart', environment = 'dev', version = 'the next' }",
            "timeline, entry 1 (after 5s): commit: 'the next' is no version: use a tag, 'next', 'previous' or 'from' with an environment",
        ),
        (
            "[[timeline]]\nafter = '5s'\ncommit = { application = 'cart', workload = 'card', environment = 'dev', version = 'next' }",
            "timeline, entry 1 (after 5s): commit: no workload of cart is called 'card': did you mean 'cart'?",
        ),
        (
            "[[timeline]]\nafter = '5s'\nrollout = { application = 'cart', environment = 'dev', action = 'abort' }",
            "timeline, entry 1 (after 5s): rollout: 'cart' has no rollout",
        ),
        (
            "[[timeline]]\nafter = '5s'\nrollout = { application = 'checkout', environment = 'production', placement = 'ap', action = 'abort' }",
            "timeline, entry 1 (after 5s): rollout: no placement of production is called 'ap': there are eu, us",
        ),
        (
            "[[timeline]]\nafter = '5s'\nfault = { server = 'main' }",
            "timeline, entry 1 (after 5s): fault: 'main' is no server: use 'argocd:NAME', 'cluster:NAME' or 'git'",
        ),
        (
            "[[timeline]]\nafter = '5s'\nfault = { server = 'git', is = { push = 'forbidden' } }",
            "timeline, entry 1 (after 5s): fault: 'git' is a server only with git-over-http = true: else its pushes alone can be refused, by hooks",
        ),
        (
            "[[timeline]]\nafter = '5s'\nwindow = { project = 'shop', closed = true }",
            "timeline, entry 1 (after 5s): window: no project is called 'shop': there are ecommerce",
        ),
        (
            "[[timeline]]\nafter = '5s'\nrepository = { rewrite-branch = { branch = 'env/dev', message = 'x' } }",
            "timeline, entry 1 (after 5s): repository: no branch is called 'env/dev': there are main",
        ),
        (
            "[[timeline]]\nafter = '5s'\npin = { application = 'web-shell', environment = 'dev', version = '1' }",
            "timeline, entry 1 (after 5s): pin: 'web-shell' is no kustomization: only the images of one are pinned here",
        ),
        (
            "[[timeline]]\nafter = '5s'\nfault = { server = 'cluster:prod-uss' }",
            "timeline, entry 1 (after 5s): fault: no cluster is called 'prod-uss': did you mean 'prod-us'?",
        ),
        (
            "[[timeline]]\nafter = '5s'\ncontroller = { argocd = 'other', alive = false }",
            "timeline, entry 1 (after 5s): controller: no argocd is called 'other': there are main",
        ),
        ("[traffic]\nevery = '0s'", "traffic: 'every' must be longer than nothing"),
        ("[traffic]\nevery = '1s'\nfailing = -1.0", "traffic: 'failing' is a share from 0 to 1, not -1"),
    ] {
        assert_eq!(told(entry), expected);
    }
    let (_, lab) = library::load("lab").unwrap();
    assert_eq!(place(&lab, "search-service", "production", None).unwrap_err(), "'search-service' is not in production: it is in staging");
    assert_eq!(place(&lab, "platform-apps", "staging", None).unwrap_err(), "'platform-apps' deploys applications and has no version of its own");
}
