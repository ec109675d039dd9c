//! A simulated world in a process of its own, and questions to its control server.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A served world. Dropped, it ends.
pub(crate) struct World {
    folder: tempfile::TempDir,
    process: Child,
    control: String,
}

impl World {
    /// Starts a fleet of so many services, each in eight places, and waits until it is served.
    pub(crate) fn start(program: &str, services: u32) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let process = Command::new(program)
            .args(["simulate", "--scenario", "fleet-at-rest", "--services", &services.to_string(), "--write"])
            .arg(folder.path().join("world"))
            .env("XDG_STATE_HOME", folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let file = folder.path().join("world/config.toml");
        let mut world = Self { folder, process, control: String::new() };
        let start = Instant::now();
        while !file.exists() {
            if start.elapsed() > Duration::from_mins(2) || world.process.try_wait()?.is_some() {
                return Err(io::Error::other("the simulator does not come up"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let control = fs::read_to_string(world.path("control"))?;
        control.trim().trim_start_matches("http://").clone_into(&mut world.control);
        world.write_cluster_config()?;
        Ok(world)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("world").join(name)
    }

    /// A folder that is empty and the cockpit's own.
    pub(crate) fn home(&self) -> String {
        self.folder.path().to_string_lossy().into_owned()
    }

    /// The configuration that reads applications by way of the API, or of the cluster alone.
    pub(crate) fn config(&self, by_api: bool) -> String {
        self.path(if by_api { "config.toml" } else { "cluster.toml" }).to_string_lossy().into_owned()
    }

    fn write_cluster_config(&self) -> io::Result<()> {
        let mut inside = false;
        let mut text = String::new();
        for line in fs::read_to_string(self.path("config.toml"))?.lines() {
            if line.starts_with("[[") {
                inside = line == "[[argocd]]";
            }
            if inside && line.starts_with("cli_config") {
                text.push_str("core = true\n");
            } else if !(inside && line.starts_with("context")) {
                text.push_str(line);
                text.push('\n');
            }
        }
        fs::write(self.path("cluster.toml"), text)
    }

    /// How many requests the servers answered until now.
    pub(crate) fn requests(&self) -> io::Result<u64> {
        let figures = self.ask("GET", "/requests", "")?;
        let each = figures.as_object().into_iter().flatten();
        Ok(each.filter_map(|(_, server)| server.get("requests")?.as_u64()).sum())
    }

    /// So many applications change in a second from now on.
    pub(crate) fn churn(&self, per_second: u32) -> io::Result<()> {
        self.ask("PUT", "/churn", &format!("{{\"per-second\":{per_second}}}")).map(drop)
    }

    /// Changes one application. Answers when, by the monotonic clock in nanoseconds.
    pub(crate) fn touch(&self, application: &str) -> io::Result<u64> {
        let answer = self.ask("PUT", &format!("/touch/{application}"), "")?;
        answer.get("at").and_then(Value::as_u64).ok_or_else(|| io::Error::other(answer.to_string()))
    }

    /// The names of applications, as the world knows them.
    pub(crate) fn applications(&self) -> io::Result<Vec<String>> {
        let truth = self.ask("GET", "/world", "")?;
        let applications = truth.get("applications").and_then(Value::as_array).into_iter().flatten();
        Ok(applications.filter_map(|one| one.get("name")?.as_str().map(str::to_owned)).collect())
    }

    fn ask(&self, method: &str, path: &str, body: &str) -> io::Result<Value> {
        let mut stream = TcpStream::connect(&self.control)?;
        stream.set_nodelay(true)?;
        let length = body.len();
        let host = &self.control;
        let request = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let text = String::from_utf8_lossy(&answer);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        if !head.starts_with("HTTP/1.1 200") {
            return Err(io::Error::other(format!("{path}: {head} {body}")));
        }
        let (first, last) = (body.find('{').unwrap_or(0), body.rfind('}').map_or(0, |last| last + 1));
        serde_json::from_str(body.get(first..last).unwrap_or_default()).map_err(io::Error::other)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
