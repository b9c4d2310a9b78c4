//! The topology as a graph for drawing: Graphviz's DOT, and Mermaid, which pages of text show.

use super::settle::Settled;
use super::{Kind, NodeId, TopicName};
use std::collections::BTreeMap;
use std::fmt::{Display, Write};

/// What is drawn, in whatever language.
struct Picture {
    /// By sub-topology.
    parts: Vec<Vec<Shape>>,
    topics: Vec<Shape>,
    arrows: Vec<Arrow>,
}

struct Shape {
    id: String,
    label: String,
    form: Form,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Operator,
    Store,
    Topic,
    Target,
}

struct Arrow {
    from: String,
    to: String,
    /// Rows are read and written, but no record goes this way.
    is_state: bool,
}

impl Settled {
    /// In the DOT language; names of internal topics begin with this application id.
    pub(super) fn dot(&self, application_id: &str) -> String {
        Picture::of(self, application_id).dot()
    }

    /// As a Mermaid flowchart.
    pub(super) fn mermaid(&self, application_id: &str) -> String {
        Picture::of(self, application_id).mermaid()
    }
}

impl Picture {
    fn of(settled: &Settled, application_id: &str) -> Picture {
        let mut picture = Picture { parts: Vec::new(), topics: Vec::new(), arrows: Vec::new() };
        let mut topics = BTreeMap::new();
        for sub in &settled.sub_topologies {
            let mut shapes: Vec<_> = sub.nodes.iter().map(|id| node_shape(settled, *id)).collect();
            let store_id = |i: usize| format!("store_{}_{i}", sub.index);
            let stores = sub.stores.iter().enumerate();
            shapes.extend(stores.map(|(i, store)| Shape { id: store_id(i), label: store.name.to_owned(), form: Form::Store }));
            picture.parts.push(shapes);
            for id in &sub.nodes {
                picture.connect(settled, *id, application_id, &mut topics);
                let used = settled.nodes[*id].stores.iter();
                let places = used.filter_map(|name| sub.stores.iter().position(|store| store.name == *name));
                picture.arrows.extend(places.map(|i| Arrow { from: node_id(*id), to: store_id(i), is_state: true }));
            }
        }
        picture.topics = topics.into_iter().map(|(label, id)| Shape { id, label, form: Form::Topic }).collect();
        picture
    }

    /// The arrows from and to one node.
    fn connect(&mut self, settled: &Settled, id: NodeId, application_id: &str, topics: &mut BTreeMap<String, String>) {
        let mut topic = |name: &TopicName| {
            let next = topics.len();
            topics.entry(name.resolve(application_id).to_string()).or_insert_with(|| format!("topic_{next}")).clone()
        };
        let mut arrow = |from: String, to: String| self.arrows.push(Arrow { from, to, is_state: false });
        match &settled.nodes[id].kind {
            Kind::Source(source) => source.topics.iter().for_each(|name| arrow(topic(&TopicName::Fixed(name)), node_id(id))),
            Kind::Connector { topic: name, .. } => arrow(topic(&TopicName::Fixed(name)), node_id(id)),
            Kind::Sink { topic: name } => arrow(node_id(id), topic(&TopicName::Fixed(name))),
            Kind::Repartition(_) => arrow(node_id(id), topic(&repartition(settled, id))),
            Kind::RepartitionSource { sink } => arrow(topic(&repartition(settled, *sink)), node_id(id)),
            Kind::ChosenSink | Kind::Operator { .. } => {}
        }
        settled.children[id].iter().for_each(|child| arrow(node_id(id), node_id(*child)));
    }

    fn dot(&self) -> String {
        let mut out = String::from("digraph topology {\n  rankdir=LR;\n  node [fontname=\"sans-serif\"];\n");
        for (i, shapes) in self.parts.iter().enumerate() {
            put(&mut out, format_args!("  subgraph cluster_{i} {{\n    label=\"sub-topology {i}\";\n"));
            shapes.iter().for_each(|shape| put(&mut out, format_args!("    {}\n", shape.dot())));
            out.push_str("  }\n");
        }
        self.topics.iter().for_each(|shape| put(&mut out, format_args!("  {}\n", shape.dot())));
        for Arrow { from, to, is_state } in &self.arrows {
            let style = if *is_state { " [style=dashed, dir=none]" } else { "" };
            put(&mut out, format_args!("  {from} -> {to}{style};\n"));
        }
        out.push_str("}\n");
        out
    }

    fn mermaid(&self) -> String {
        let mut out = String::from("flowchart LR\n");
        for (i, shapes) in self.parts.iter().enumerate() {
            put(&mut out, format_args!("  subgraph part_{i}[\"sub-topology {i}\"]\n"));
            shapes.iter().for_each(|shape| put(&mut out, format_args!("    {}\n", shape.mermaid())));
            out.push_str("  end\n");
        }
        self.topics.iter().for_each(|shape| put(&mut out, format_args!("  {}\n", shape.mermaid())));
        for Arrow { from, to, is_state } in &self.arrows {
            let line = if *is_state { "-.-" } else { "-->" };
            put(&mut out, format_args!("  {from} {line} {to}\n"));
        }
        out
    }
}

impl Shape {
    fn dot(&self) -> String {
        let form = match self.form {
            Form::Operator => "box",
            Form::Store => "cylinder",
            Form::Topic => "cds",
            Form::Target => "folder",
        };
        let label = self.label.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{} [label=\"{label}\", shape={form}];", self.id)
    }

    fn mermaid(&self) -> String {
        let (open, close) = match self.form {
            Form::Operator => ("[", "]"),
            Form::Store => ("[(", ")]"),
            Form::Topic => ("([", "])"),
            Form::Target => ("[[", "]]"),
        };
        format!("{}{open}\"{}\"{close}", self.id, self.label.replace('"', "#quot;"))
    }
}

fn node_shape(settled: &Settled, id: NodeId) -> Shape {
    let (kind, stage) = (&settled.nodes[id].kind, &settled.stages[id]);
    let operation = kind.operation();
    let label = if **stage == *operation { operation.to_owned() } else { format!("{operation} {stage}") };
    let form = if matches!(kind, Kind::Connector { .. }) { Form::Target } else { Form::Operator };
    Shape { id: node_id(id), label, form }
}

fn node_id(id: NodeId) -> String {
    format!("node_{id}")
}

fn repartition(settled: &Settled, sink: NodeId) -> TopicName {
    super::settle::repartition_topic(&settled.repartition_names[&sink])
}

fn put(out: &mut String, text: impl Display) {
    write!(out, "{text}").expect("a string takes what is written");
}
