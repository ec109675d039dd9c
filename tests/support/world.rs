//! A simulated world of its own: started on loopback, asked and changed over its control server, and ended with the test.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests: a world that does not start is a failed test")]

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use super::screen::{Screen, program};
use super::wait::until;

/// Longer than any world takes to begin, on a machine that does other things.
const BEGINNING: Duration = Duration::from_mins(1);

/// A world that runs.
pub(crate) struct World {
    folder: tempfile::TempDir,
    child: Child,
    control: String,
}

impl World {
    /// Starts a scenario, with more arguments for `tiphys simulate`.
    pub(crate) fn start(scenario: &str, more: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("world");
        let log = std::fs::File::create(folder.path().join("simulate.log")).unwrap();
        let mut child = Command::new(program())
            .args(["simulate", "--scenario", scenario, "--write"])
            .arg(&place)
            .args(more)
            .env("HOME", folder.path())
            .env("XDG_STATE_HOME", folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let told = || std::fs::read_to_string(folder.path().join("simulate.log")).unwrap_or_default();
        until(
            "the world is served",
            BEGINNING,
            || (told(), child.try_wait().unwrap()),
            |(told, ended)| {
                assert!(ended.is_none(), "the world ended: {told}");
                told.contains("Join it with")
            },
        );
        let control = std::fs::read_to_string(place.join("control")).unwrap().trim().trim_start_matches("http://").to_owned();
        Self { folder, child, control }
    }

    /// A folder of the test's own.
    pub(crate) fn home(&self) -> &Path {
        self.folder.path()
    }

    /// The configuration by which a cockpit joins.
    pub(crate) fn config(&self) -> String {
        self.folder.path().join("world/config.toml").display().to_string()
    }

    /// Changes the configuration by which cockpits join from now on.
    pub(crate) fn edit_config(&self, change: impl FnOnce(&str) -> String) {
        let text = std::fs::read_to_string(self.config()).unwrap();
        std::fs::write(self.config(), change(&text)).unwrap();
    }

    /// The environment of a program that must not read the person's own files.
    pub(crate) fn environment(&self, more: &[(&str, &str)]) -> Vec<(String, String)> {
        let home = self.home().display().to_string();
        let own = ["HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME"].map(|name| (name.to_owned(), home.clone()));
        own.into_iter().chain(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))).collect()
    }

    /// A cockpit that has joined.
    pub(crate) fn cockpit(&self, columns: u16, rows: u16) -> Screen {
        Screen::start(&["--config", &self.config()], &self.environment(&[]), columns, rows)
    }

    /// One request to the control server: status and body.
    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        Self::ask_at(&self.control, "", method, path, body)
    }

    /// What is read of each server, as it serves it: applications, workloads, pods.
    pub(crate) fn objects(&self) -> Vec<(String, Vec<Value>)> {
        let read = |name: &str| std::fs::read_to_string(self.folder.path().join("world").join(name)).unwrap();
        let value = |line: &str| line.split_once(": ").map(|(_, value)| value.trim_matches('"').to_owned()).unwrap_or_default();
        let listed = |address: &str, token: &str, path: &str, kind: &str, version: &str| {
            let (status, text) = Self::ask_at(address, &format!("Authorization: Bearer {token}\r\n"), "GET", path, "");
            assert_eq!(status, 200, "{path}: {text}");
            let list: Value = serde_json::from_str(&text).unwrap();
            let items = list["items"].as_array().cloned().unwrap_or_default().into_iter();
            items
                .map(|mut item| {
                    item["kind"] = Value::from(kind);
                    item["apiVersion"] = Value::from(version);
                    item
                })
                .collect::<Vec<_>>()
        };
        let mut all = Vec::new();
        let argocd = read("argocd-config");
        let names = argocd.lines().filter(|line| line.starts_with("- name: ")).map(value).collect::<Vec<_>>();
        let addresses = argocd.lines().filter(|line| line.starts_with("  server: ")).map(value);
        let tokens = argocd.lines().filter(|line| line.contains("auth-token: ")).map(value);
        for ((name, address), token) in names.into_iter().zip(addresses).zip(tokens) {
            all.push((format!("argocd:{name}"), listed(&address, &token, "/api/v1/applications", "Application", "argoproj.io/v1alpha1")));
        }
        let kubeconfig = read("kubeconfig");
        let mut name = String::new();
        for line in kubeconfig.lines() {
            if line.starts_with("- name: ") {
                name = value(line);
            }
            if line.trim_start().starts_with("server: ") {
                let address = value(line).replace("https://", "");
                let kinds = [
                    ("Deployment", "apps/v1", "/apis/apps/v1/deployments"),
                    ("Rollout", "argoproj.io/v1alpha1", "/apis/argoproj.io/v1alpha1/rollouts"),
                    ("Pod", "v1", "/api/v1/pods"),
                    ("Application", "argoproj.io/v1alpha1", "/apis/argoproj.io/v1alpha1/applications"),
                ];
                let objects = kinds.iter().flat_map(|(kind, version, path)| listed(&address, "admin", path, kind, version)).collect();
                all.push((format!("cluster:{name}"), objects));
            }
        }
        all
    }

    fn ask_at(address: &str, more: &str, method: &str, path: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let (host, length) = (address, body.len());
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{more}\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(body.as_bytes()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
    }

    fn asked(&self, method: &str, path: &str, body: &str) -> Value {
        let (status, text) = self.ask(method, path, body);
        assert_eq!(status, 200, "{method} {path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The truth about the world.
    pub(crate) fn truth(&self) -> Value {
        self.asked("GET", "/world", "")
    }

    /// The requests that a server was sent.
    pub(crate) fn requests(&self, server: &str) -> u64 {
        self.asked("GET", "/requests", "").pointer(&format!("/{server}/requests")).and_then(Value::as_u64).unwrap()
    }

    /// The servers that can have faults.
    pub(crate) fn servers(&self) -> Vec<String> {
        self.asked("GET", "/faults", "").as_object().unwrap().keys().cloned().collect()
    }

    /// Lets a server have these faults instead of those it had.
    pub(crate) fn fault(&self, server: &str, fault: &Value) {
        self.asked("PUT", &format!("/faults/{server}"), &fault.to_string());
    }

    /// Takes all faults of a server away.
    pub(crate) fn heal(&self, server: &str) {
        self.asked("DELETE", &format!("/faults/{server}"), "");
    }

    /// Puts objects into the store of a server.
    pub(crate) fn put(&self, server: &str, objects: &[Value]) {
        self.asked("PUT", &format!("/objects/{server}"), &Value::from(objects).to_string());
    }

    /// All applications of an Argo CD go out of sight, or come back.
    pub(crate) fn vanish(&self, argocd: &str, gone: bool) {
        self.asked("PUT", &format!("/vanish/{argocd}"), &gone.to_string());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
