//! What the engine understands, on trees of a few lines.

use super::{context, ids, plan_of, tree};
use crate::sls::function::Attributes;
use crate::sls::{Function, Wanted, render};

#[test]
fn look_ups_are_answered_from_the_context() {
    let text = "a:\n  file.managed:\n    - name: /f\n    - contents:\n      - {{ salt['pillar.get']('deep:key') }}\n      \
                - {{ salt.pillar.get('deep:none', 'd1') }}\n      - {{ salt['pillar.get']('none', default='d2') }}\n      \
                - {{ salt['grains.get']('ip:v4') }}\n      - {{ grains['os'] }} {{ pillar.role }} {{ opts.test }}\n      \
                - {{ salt['mine.get']('n*', 'info') | tojson | tojson }}\n      - {{ pillar.get('none', 'd3') }}\n";
    let plan = plan_of(&[("a.sls", text)]).expect("renders");
    let Function::FileManaged { contents: Some(bytes), .. } = &plan.states[0].function else {
        panic!("a file")
    };
    assert_eq!(
        String::from_utf8_lossy(bytes),
        "value\nd1\nd2\n10.0.0.1\nDebian data False\n{\"n1\": {\"cpus\": 2}, \"n2\": {\"cpus\": 4}}\nd3\n"
    );
}

#[test]
fn templates_get_their_context_over_their_defaults_and_may_import() {
    let plan = plan_of(&[
        (
            "a.sls",
            "{% from 'map.jinja' import where with context %}\n{{ where }}:\n  file.managed:\n    - source: salt://t.jinja\n    \
             - template: jinja\n    - mode: 0640\n    - defaults: {x: 1, y: 2}\n    - context:\n        x: 3\n",
        ),
        ("map.jinja", "{% set where = '/etc/' ~ pillar.role %}"),
        ("t.jinja", "{% include 'part.jinja' %}x={{ x }} y={{ y }} in {{ sls }}\n"),
        ("part.jinja", "# {{ y }}\n"),
    ])
    .expect("renders");
    assert_eq!(
        plan.states[0].function,
        Function::FileManaged {
            path: "/etc/data".into(),
            contents: Some(b"# 2\nx=3 y=2 in a\n".to_vec()),
            attributes: Attributes { mode: Some(0o640), ..Attributes::default() },
            make_directories: false,
            directory_mode: None,
            replace: true,
            create: true,
            follow_links: true,
            show_changes: true,
        }
    );
    assert_eq!((plan.states[0].file.as_str(), plan.states[0].line), ("a.sls", 3));
}

#[test]
fn lines_are_those_of_the_source_whatever_the_template_adds() {
    let text = "{%- set many = [1, 2, 3] %}\n{%- for n in many %}\nloop_{{ n }}:\n  test.nop: []\n{%- endfor %}\n\nlast:\n  \
                test.nop\n";
    let plan = plan_of(&[("a.sls", text)]).expect("renders");
    let lines: Vec<_> = plan.states.iter().map(|state| (state.id.as_str(), state.line)).collect();
    assert_eq!(lines, [("loop_1", 4), ("loop_2", 4), ("loop_3", 4), ("last", 8)]);
}

#[test]
fn included_states_come_first_and_once() {
    let plan = plan_of(&[
        ("a.sls", "include:\n  - b\n  - .c\na:\n  test.nop\n"),
        ("b/init.sls", "include: [c]\nb: test.nop\n"),
        ("c.sls", "c: {test.nop: [{name: x}]}\n"),
    ])
    .expect("renders");
    assert_eq!(ids(&plan), ["c", "b", "a"]);
}

#[test]
fn requisites_and_order_decide_what_comes_first() {
    let plan = plan_of(&[(
        "a.sls",
        "late:\n  test.nop:\n    - order: last\nneeds:\n  test.nop:\n    - require:\n      - test: needed\n\
         early:\n  test.nop:\n    - order: 1\nneeded:\n  test.nop: []\n\
         hook:\n  test.nop:\n    - require_in:\n      - test: needed\n      - early\n\
         file:\n  file:\n    - absent\n    - name: /x\n    - onchanges: [{file: /y}]\n\
         y:\n  file.absent:\n    - name: /y\n    - watch_in: {test: late}\n",
    )])
    .expect("renders");
    assert_eq!(ids(&plan), ["hook", "early", "needed", "needs", "y", "file", "late"]);
    assert_eq!(plan.states[1].requisites.requires(), [0]);
    assert_eq!(plan.states[5].requisites.on_changes(), [4]);
    // A link or file does not react to changes, and `late` is a test, which does.
    assert_eq!(plan.states[6].requisites.watches(), [4]);
}

#[test]
fn requiring_an_sls_is_requiring_each_of_its_states() {
    let plan = plan_of(&[
        ("a.sls", "include: [b]\na:\n  test.nop:\n    - require:\n      - sls: b\n"),
        ("b.sls", "one: test.nop\ntwo: test.nop\n"),
    ])
    .expect("renders");
    assert_eq!(plan.states[2].requisites.requires(), [0, 1]);
}

#[test]
fn the_top_file_matches_by_name_list_grain_and_pillar() {
    let top = "base:\n  '*': [all]\n  'x*': [never]\n  'n2,n1': [{match: list}, listed]\n  'os:Deb*': [{match: grain}, grained]\n  \
               'deep:key:value': [{match: pillar}, all, pillared]\n";
    let mut files = vec![("top.sls".to_owned(), top.as_bytes().to_vec())];
    for name in ["all", "listed", "grained", "pillared"] {
        files.push((format!("{name}.sls"), format!("{name}: test.nop\n").into_bytes()));
    }
    let plan =
        render(&files.into_iter().collect::<std::collections::BTreeMap<_, _>>(), &Wanted::Top, &context());
    assert_eq!(ids(&plan.expect("renders")), ["all", "listed", "grained", "pillared"]);
}

#[test]
fn an_empty_state_file_is_an_empty_plan() {
    let plan = render(&tree(&[("a.sls", "# nothing\n")]), &Wanted::Named(vec!["a".into()]), &context());
    assert!(plan.expect("renders").states.is_empty());
}
