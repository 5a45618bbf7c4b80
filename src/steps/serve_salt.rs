//! Has the Salt master of this host say in its pillar what each node is: one file beside its configuration.

use crate::host::files::{self, Attributes};
use crate::host::paths;
use crate::model::progress::Event;
use crate::saga::step::{Outcome, Stage, Step, StepError, Touch};
use crate::steps::Env;
use crate::steps::error::{StepFailure, to_step};
use crate::steps::start_service::END;
use serde_json::json;
use std::path::PathBuf;
use std::time::Duration;

/// The service of a Salt master, in every package of it.
const SERVICE: &str = "salt-master";

/// How long it may take to end and to start again.
const RESTART: Duration = Duration::from_secs(90);

/// The step.
pub struct ServeSalt {
    directory: String,
}

impl ServeSalt {
    /// For the Salt master with this configuration.
    pub fn new(directory: &str) -> Self {
        Self { directory: directory.trim_start_matches('/').to_owned() }
    }

    fn path(&self) -> PathBuf {
        format!("{}/master.d/eos.conf", self.directory).into()
    }

    fn serve(&self, env: &Env) -> Result<Outcome, StepFailure> {
        let pillar = env.root.join(paths::SALT_PILLAR);
        let open = Attributes { mode: 0o755, owner: None };
        files::create_directory(&pillar.join("hosts"), open)?;
        // Without a renderer, values are bytes to Salt, and no target matches them; JSON renders nothing in a value.
        let tree =
            json!({"root_dir": pillar.display().to_string(), "template": true, "render_default": "json"});
        let text = format!(
            "# Written by eos: the pillar of each node says what it is, `eos:role`, `eos:scale` and `eos:cluster`.\n{:#}\n",
            json!({"ext_pillar": [{"file_tree": tree}]})
        );
        let path = env.root.join(self.path());
        if files::read_optional(&path)?.as_deref() == Some(text.as_bytes()) {
            return Ok(Outcome::Unchanged);
        }
        files::create_directory(path.parent().expect("it is in a directory"), open)?;
        files::write_atomic(&path, text.as_bytes(), Attributes::PUBLIC)?;
        restart(env)?;
        Ok(Outcome::Done)
    }
}

/// It reads its configuration when it starts; one that does not run is left alone, since it is not eos's.
fn restart(env: &Env) -> Result<(), StepFailure> {
    if env.services.status(SERVICE)?.active {
        env.services.restart(SERVICE, RESTART)?;
        return Ok(());
    }
    let text = "the Salt master is no service that runs here: start it, or have it started again, so that it reads \
                master.d/eos.conf; minions are waited for until then";
    env.sink.emit(Event::Warning { text: text.to_owned() });
    Ok(())
}

impl Step<Env> for ServeSalt {
    fn name(&self) -> &'static str {
        "serve-salt"
    }

    fn stage(&self) -> Stage {
        Stage::Configure
    }

    fn describe(&self) -> String {
        format!("have the Salt master of /{} tell minions what they are, and start it again", self.directory)
    }

    fn touches(&self) -> Vec<Touch> {
        vec![Touch::File(self.path()), Touch::Tree(paths::SALT_PILLAR.into())]
    }

    fn run(&self, env: &mut Env) -> Result<Outcome, StepError> {
        self.serve(env).map_err(to_step)
    }

    /// Files that go away are missed by a Salt master that was told of them, so it is started again without.
    fn undo(&self, env: &mut Env) -> Result<(), StepError> {
        let path = env.root.join(self.path());
        if files::exists(&path)? {
            files::remove_file(&path)?;
            if env.services.status(SERVICE)?.active {
                env.services.restart(SERVICE, RESTART.max(END))?;
            }
        }
        Ok(())
    }
}
