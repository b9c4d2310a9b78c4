//! Inputs that grow, are made anew or are deleted.

use super::*;

fn seen(fed: &Fed, topic: &str, partitions: i32) -> Event {
    let topic_id = fed.worker.plan.topics[topic].topic_id;
    Event::Sight(
        topic.into(),
        Ok(crate::runtime::event::Sight { topic: Some((partitions, topic_id)), ends: Vec::new(), unread: Vec::new() }),
    )
}

#[test]
fn an_input_that_nothing_hangs_on_grows_while_running() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    let partitions = vec![TopicPartition::new("in", 1)];
    let given = Event::Group(GroupEvent::Assigned { partitions, identity: identity(2, "m") });
    let effects = fed.step(1, vec![given]);
    assert!(!has(&effects, |effect| matches!(effect, Effect::LookUp(_))), "nobody knows of such a partition");
    assert!(has(&effects, |effect| matches!(effect, Effect::Look(topic, _) if &**topic == "in")));
    let event = seen(&fed, "in", 2);
    let effects = fed.step(2, vec![event]);
    let replan = effects.iter().position(|effect| matches!(effect, Effect::Replan(_))).unwrap();
    let grown = TaskId { partition: 1, ..TASK };
    let look_up = effects.iter().position(|effect| matches!(effect, Effect::LookUp(task) if *task == grown)).unwrap();
    assert!(replan < look_up);
}

#[test]
fn an_input_that_state_hangs_on_stops_the_application_when_it_grows() {
    let mut fed = Fed::new(plan(Guarantee::ExactlyOnce, |app| {
        app.table(IN, crate::dsl::Store::new("table")).to(OUT);
    }));
    fed.step(0, vec![assigned("in", 1)]);
    let event = seen(&fed, "in", 2);
    let error = fed.try_step(1, &mut vec![event]).unwrap_err().to_string();
    assert!(error.contains("grown from 1 to 2") && error.contains("store table"), "{error}");
}

#[test]
fn an_input_that_is_another_topic_or_none_stops_the_application() {
    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    let anew =
        Event::Sight("in".into(), Ok(crate::runtime::event::Sight { topic: Some((1, [9; 16])), ends: Vec::new(), unread: Vec::new() }));
    assert!(fed.try_step(1, &mut vec![anew]).unwrap_err().to_string().contains("made anew"));

    let mut fed = Fed::stream(Guarantee::ExactlyOnce);
    let gone = || Event::Sight("in".into(), Ok(crate::runtime::event::Sight::default()));
    fed.step(1, vec![gone()]);
    fed.step(2, vec![gone()]);
    assert!(fed.try_step(3, &mut vec![gone()]).unwrap_err().to_string().contains("was deleted"));
}
