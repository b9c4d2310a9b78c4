//! The contract of the comparison: every setting is an environment variable.

use super::{Kind, TopicNames};
use headwater_streams::format::{Nullable, Row};
use headwater_streams::prelude::{IntoStore, Materialized, Store, WindowMaterialized, WindowStore};
use headwater_streams::runtime::{Config, Guarantee, TimeRule};
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// What the environment asks for.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the cluster is.
    pub bootstrap: String,
    /// Which topology.
    pub kind: Kind,
    /// Between which topics.
    pub topics: TopicNames,
    /// Where state lies.
    pub state_dir: PathBuf,
    /// Whether updates are held back.
    pub cache: Cache,
    /// How long a producer gathers, where it is said.
    pub linger_ms: Option<String>,
    /// How many threads were asked for.
    pub threads: usize,
    /// Everything else, in the words of the runtime.
    pub config: Config,
}

/// Whether stores hold updates back until a commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cache {
    /// As a store does by default.
    #[default]
    Default,
    /// Every update is logged and forwarded at once.
    Off,
    /// Up to so many bytes.
    Bytes(usize),
}

/// What is wrong with the environment.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A variable that must be there is not.
    #[error("{0} is not set")]
    Missing(&'static str),
    /// A variable says what cannot be.
    #[error("{variable} is {value:?}, which is not {wanted}")]
    Value {
        /// Which.
        variable: &'static str,
        /// What it says.
        value: String,
        /// What it may say.
        wanted: &'static str,
    },
}

impl Settings {
    /// Reads all variables through `get`. An empty one counts as not set.
    ///
    /// # Errors
    /// The first variable that is missing or says what cannot be.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Settings, SettingsError> {
        let get = |name: &'static str| get(name).filter(|value| !value.is_empty());
        let need = |name| get(name).ok_or(SettingsError::Missing(name));
        let millis = |name| Ok(number(name, get(name))?.map(Duration::from_millis));
        let config = match get("GUARANTEE").as_deref() {
            None | Some("exactly_once_v2") => Config::new(need("APP_ID")?),
            Some("at_least_once") => Config::new(need("APP_ID")?).at_least_once(),
            Some(other) => {
                let wanted = "at_least_once or exactly_once_v2";
                return Err(SettingsError::Value { variable: "GUARANTEE", value: other.into(), wanted });
            }
        };
        // An application that shares its topics with Kafka Streams keeps time as that does.
        let time_rule = one_of("TIME_RULE", get("TIME_RULE"), [("watermark", TimeRule::Watermark), ("kafka", TimeRule::Kafka)])?;
        let commit_interval = millis("COMMIT_MS")?.unwrap_or(config.commit_interval);
        let config = Config {
            commit_interval,
            time_rule,
            // As in the other implementations: what a cache holds back waits for the commit, under at-least-once, too.
            flush_interval: commit_interval,
            session_timeout: millis("SESSION_MS")?.unwrap_or(config.session_timeout),
            ..config
        };
        Ok(Settings {
            bootstrap: need("BOOTSTRAP")?,
            kind: need("TOPOLOGY")?.parse()?,
            topics: TopicNames {
                input: need("INPUT")?,
                output: need("OUTPUT")?,
                users: get("USERS").unwrap_or_else(|| "users".into()),
                users_as_changelog: one_of("OPTIMIZATION", get("OPTIMIZATION"), [("all", true), ("none", false)])?,
            },
            state_dir: need("STATE_DIR")?.into(),
            cache: number("CACHE_BYTES", get("CACHE_BYTES"))?.map_or(Cache::Default, Cache::of_bytes),
            linger_ms: number::<u32>("LINGER_MS", get("LINGER_MS"))?.map(|linger| linger.to_string()),
            threads: number("THREADS", get("THREADS"))?.unwrap_or(1),
            config,
        })
    }

    /// Whether commits are transactions.
    pub fn is_exactly_once(&self) -> bool {
        self.config.guarantee == Guarantee::ExactlyOnce
    }
}

fn number<T: FromStr>(variable: &'static str, value: Option<String>) -> Result<Option<T>, SettingsError> {
    let parse = |value: String| value.parse().map_err(|_| SettingsError::Value { variable, value, wanted: "a whole number" });
    value.map(parse).transpose()
}

/// What one of two words stands for; the first is the default.
fn one_of<T: Copy>(variable: &'static str, value: Option<String>, words: [(&'static str, T); 2]) -> Result<T, SettingsError> {
    let Some(value) = value else { return Ok(words[0].1) };
    let found = words.iter().find(|(word, _)| *word == value);
    found.map(|(_, meant)| *meant).ok_or(SettingsError::Value { variable, value, wanted: "one of its two words" })
}

impl Cache {
    fn of_bytes(bytes: usize) -> Cache {
        if bytes == 0 { Cache::Off } else { Cache::Bytes(bytes) }
    }

    pub(super) fn rows<K: Row, V: Nullable>(self, store: Store<K, V>) -> Materialized<K, V> {
        match self {
            Cache::Default => store.into_store(),
            Cache::Off => store.uncached(),
            Cache::Bytes(bytes) => store.cached(bytes),
        }
    }

    pub(super) fn windows<K: Row, V: Nullable>(self, store: WindowStore<K, V>) -> WindowMaterialized<K, V> {
        match self {
            Cache::Default => store.into_store(),
            Cache::Off => store.uncached(),
            Cache::Bytes(bytes) => store.cached(bytes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn read(changed: &[(&'static str, &'static str)]) -> Result<Settings, SettingsError> {
        let mut variables = BTreeMap::from([
            ("BOOTSTRAP", "127.0.0.1:9092"),
            ("APP_ID", "bench"),
            ("TOPOLOGY", "fraud"),
            ("INPUT", "tx"),
            ("OUTPUT", "out"),
            ("GUARANTEE", "at_least_once"),
            ("STATE_DIR", "state"),
            ("COMMIT_MS", "1000"),
            ("LINGER_MS", ""),
        ]);
        variables.extend(changed.iter().copied());
        Settings::read(|name| variables.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn an_empty_variable_is_the_default() {
        let settings = read(&[("COMMIT_MS", ""), ("GUARANTEE", "")]).unwrap();
        assert_eq!((settings.config.commit_interval, settings.is_exactly_once()), (Duration::from_millis(100), true));
        assert_eq!((settings.linger_ms, settings.cache, settings.threads), (None, Cache::Default, 1));
        assert_eq!(settings.topics.users, "users");
        assert_eq!((settings.config.time_rule, settings.topics.users_as_changelog), (TimeRule::Watermark, true));
    }

    #[test]
    fn no_cache_is_another_thing_than_the_default_one() {
        assert_eq!(read(&[("CACHE_BYTES", "0")]).unwrap().cache, Cache::Off);
        assert_eq!(read(&[("CACHE_BYTES", "4096")]).unwrap().cache, Cache::Bytes(4096));
    }

    #[test]
    fn what_shares_its_topics_with_a_jvm_says_so() {
        let settings = read(&[("TIME_RULE", "kafka"), ("OPTIMIZATION", "none")]).unwrap();
        assert_eq!((settings.config.time_rule, settings.topics.users_as_changelog), (TimeRule::Kafka, false));
        let error = read(&[("TIME_RULE", "wall")]).unwrap_err().to_string();
        assert_eq!(error, "TIME_RULE is \"wall\", which is not one of its two words");
    }

    #[test]
    fn what_cannot_be_is_told_by_the_variables_name() {
        let cases: [(&[(&str, &str)], &str); 4] = [
            (&[("APP_ID", "")], "APP_ID is not set"),
            (&[("TOPOLOGY", "sort")], "TOPOLOGY is \"sort\", which is not one of the seven names of SPEC.md"),
            (&[("COMMIT_MS", "1s")], "COMMIT_MS is \"1s\", which is not a whole number"),
            (&[("GUARANTEE", "most")], "GUARANTEE is \"most\", which is not at_least_once or exactly_once_v2"),
        ];
        for (changed, text) in cases {
            assert_eq!(read(changed).unwrap_err().to_string(), text);
        }
    }
}
