//! Between a request and its plan: the mirrors that the applications' repositories are kept in, read once. It plans nothing and fetches nothing: the
//! sources have fetched.

use std::sync::Arc;

use crate::app::Model;
use crate::app::repositories::source_at;
use crate::base::Timestamp;
use crate::config::Config;
use crate::domain::access::RepositoryAccess;
use crate::domain::desired::Address;
use crate::gitops::{self, Mirror, Opened};
use crate::manifest::prepared::{Asked, Prepared};
use crate::runtime::connections::Reached;
use crate::runtime::reached;

/// Reads what a plan asks for. It blocks.
///
/// # Errors
///
/// Where a mirror cannot be read.
pub fn prepare(config: &Config, model: &Model, asked: &Asked, at: Timestamp) -> Result<Prepared, git2::Error> {
    gitops::prepare(asked, &repositories(&reached(config), model, asked), &config.gitops.keys, at)
}

/// The repositories that the applications to be edited name, each once, as far as something was ever fetched of them.
fn repositories(reached: &Arc<Reached>, model: &Model, asked: &Asked) -> Vec<Opened> {
    let mut found: Vec<Opened> = Vec::new();
    for origin in asked.subjects.iter().flat_map(|subject| &subject.origins).filter(|origin| origin.chart.is_none()) {
        let address = Address::read(origin.repository.as_wire());
        if found.iter().any(|opened| opened.addresses.contains(&address)) {
            continue;
        }
        let named = reached.repositories.iter().find(|access| access.addresses().contains(&address));
        let opened = match (named, source_at(model, &origin.repository)) {
            (Some(RepositoryAccess { name, mirrors, .. }), _) => {
                let addresses = named.map(RepositoryAccess::addresses).unwrap_or_default();
                Opened { name: name.clone(), mirror: Mirror::of(mirrors, addresses.first().unwrap_or(&address)), addresses }
            }
            (None, Some(source)) => {
                Opened { name: source.name.clone(), mirror: Mirror::of(&reached.discovered.mirrors, &address), addresses: vec![address] }
            }
            (None, None) => continue,
        };
        if opened.mirror.is_there() {
            found.push(opened);
        }
    }
    found
}
