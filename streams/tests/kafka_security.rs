//! TLS and SASL on a real broker: runs where `HEADWATER_TEST_KAFKA_SECURE` names one. Each mistake has its own text, which says what to do.

use headwater_streams::log::{ErrorCode, KafkaConfig, KafkaLog, Log, LogError, Sasl, SaslMechanism, Secret, Tls};

struct Secured {
    brokers: String,
    wrong_host: String,
    plain: String,
    ca: String,
    other_ca: String,
    user: String,
    password: String,
}

fn secured() -> Option<Secured> {
    let var = |name: &str| std::env::var(name).expect("scripts/test names it");
    Some(Secured {
        brokers: std::env::var("HEADWATER_TEST_KAFKA_SECURE").ok()?,
        wrong_host: var("HEADWATER_TEST_KAFKA_WRONG_HOST"),
        plain: var("HEADWATER_TEST_BROKERS"),
        ca: var("HEADWATER_TEST_CA"),
        other_ca: var("HEADWATER_TEST_OTHER_CA"),
        user: var("HEADWATER_TEST_USER"),
        password: var("HEADWATER_TEST_PASSWORD"),
    })
}

impl Secured {
    fn config(&self, brokers: &str) -> KafkaConfig {
        KafkaConfig {
            tls: Some(Tls { ca_file: Some((&self.ca).into()), certificate: None }),
            sasl: Some(Sasl { mechanism: SaslMechanism::ScramSha512, username: self.user.clone(), password: Secret::new(&self.password) }),
            ..KafkaConfig::new(brokers)
        }
    }
}

fn refusal(config: KafkaConfig) -> LogError {
    match KafkaLog::connect(config) {
        Ok(_) => panic!("connected"),
        Err(error) => error,
    }
}

#[test]
fn the_right_password_connects() {
    let Some(secured) = secured() else { return };
    let log = KafkaLog::connect(secured.config(&secured.brokers)).unwrap();
    log.admin().topics().unwrap();
}

#[test]
fn each_mistake_says_what_to_do() {
    let Some(secured) = secured() else { return };
    let right = || secured.config(&secured.brokers);
    let sasl = |change: fn(&mut Sasl)| {
        let mut config = right();
        config.sasl.iter_mut().for_each(change);
        config
    };
    let check = |what: &str, config: KafkaConfig, code: ErrorCode, says: &str| {
        let error = refusal(config);
        let text = error.to_string();
        assert_eq!(error.code(), code, "{what}: {text}");
        assert!(text.contains(says), "{what}: {text}");
        assert!(!text.contains(&secured.password) && !text.contains("hunter2"), "{what} shows the password");
    };
    check("wrong password", sasl(|sasl| sasl.password = Secret::new("hunter2")), ErrorCode::Authentication, "correct user or password");
    check("wrong user", sasl(|sasl| sasl.username = "nobody".into()), ErrorCode::Authentication, "user nobody");
    check("wrong mechanism", sasl(|sasl| sasl.mechanism = SaslMechanism::Plain), ErrorCode::Authentication, "does not offer PLAIN");
    let other_ca = Tls { ca_file: Some((&secured.other_ca).into()), certificate: None };
    check("wrong authority", KafkaConfig { tls: Some(other_ca), ..right() }, ErrorCode::Ssl, "not signed by an authority in");
    check("wrong host", secured.config(&secured.wrong_host), ErrorCode::Ssl, "another host name");
    check("TLS to a plain listener", secured.config(&secured.plain), ErrorCode::Ssl, "turn TLS off");
    check("plain to a TLS listener", KafkaConfig::new(&secured.brokers), ErrorCode::Ssl, "turn TLS on");
    check("no user", KafkaConfig { sasl: None, ..right() }, ErrorCode::Authentication, "set user and password");
    check("no TLS but SASL", KafkaConfig { tls: None, ..right() }, ErrorCode::Ssl, "turn TLS on");
}

#[test]
fn where_nobody_is_says_so() {
    if secured().is_none() {
        return;
    }
    let error = refusal(KafkaConfig::new("127.0.0.1:1"));
    assert_eq!(error.code(), ErrorCode::Transport);
    assert!(error.to_string().contains("nobody listens"), "{error}");
    let error = refusal(KafkaConfig::new("no-such-host.invalid:9092"));
    assert_eq!(error.code(), ErrorCode::Resolve);
    assert!(error.to_string().contains("host name is not known"), "{error}");
}
